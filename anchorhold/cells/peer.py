"""`front`'s end of the pair to the resolver."""

import itertools
import selectors
import socket
from collections.abc import Callable
from typing import Protocol

from anchorhold import ipc
from anchorhold.ipc import Inbox, Message, MessageType, Verb, build_message
from resolver.edge.serve import Desk, Flight
from wire.dns.codes import QueryFlag
from wire.errors import Malformed
from wire.units import Instant

READ_SIZE = 262_144
MAX_UNSENT = 8 * 1024 * 1024
"""Octets that may wait for a resolver that does not read; past that it counts as gone."""

_RD = int(QueryFlag.RD)


class Owner(Protocol):
    """What the pair needs of its cell."""

    desk: Desk

    def watch(self, endpoint: socket.socket, events: int, owner: object) -> None:
        """Which events of a socket matter from now on."""

    def lose_peer(self, why: str) -> None:
        """The pair is of no more use."""

    def accuse(self) -> None:
        """The other end sent what does not decode."""


class Peer:
    """The pair to the resolver: messages are collected and written once a wake-up."""

    def __init__(self, cell: Owner, endpoint: socket.socket) -> None:
        endpoint.setblocking(False)
        self.socket = endpoint
        self._cell = cell
        self._inbox = Inbox()
        self._out = bytearray()
        self._blocked = False
        self._facts: dict[int, Callable[[bytes, bool], None]] = {}
        self._fact_handles = itertools.count(1)

    # Port

    def query(self, flight: Flight, deadline: float) -> None:
        """Ask the resolver; only the question crosses."""
        self._post(MessageType.QUERY, flight, int(deadline * 1000))

    def refresh(self, flight: Flight) -> None:
        """Ask for the cache."""
        self._post(MessageType.REFRESH, flight, 0)

    def cancel(self, handle: int) -> None:
        """Nobody waits any more."""
        self._out += build_message(MessageType.CANCEL, handle)

    def _post(self, kind: MessageType, flight: Flight, deadline: int) -> None:
        key = flight.key
        self._out += build_message(
            kind,
            flight.handle,
            key.question,
            flags=key.flags | _RD,
            group=key.group,
            generation=flight.generation,
            deadline=deadline,
        )

    def fact(self, verb: Verb, argument: bytes, group: int, answer: Callable[[bytes, bool], None]) -> bool:
        """An operator's question."""
        handle = next(self._fact_handles)
        self._facts[handle] = answer
        generation = self._cell.desk.settings.generation
        body = bytes((verb,)) + argument
        self._out += build_message(MessageType.FACT, handle, body, group=group, generation=generation)
        return True

    # events

    def ready(self, events: int, now: Instant) -> None:
        """Take what the resolver says."""
        if events & selectors.EVENT_WRITE:
            self._blocked = False
        if not events & selectors.EVENT_READ:
            return
        try:
            data = self.socket.recv(READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._cell.lose_peer("the resolver hung up")
            return
        try:
            for message in self._inbox.feed(data):
                self._take(message, now)
        except Malformed as error:
            self._cell.accuse()
            self._cell.lose_peer(f"the resolver sent what does not decode, it is ended: {error}")

    def _take(self, message: Message, now: Instant) -> None:
        desk = self._cell.desk
        match message.type:
            case MessageType.REPLY:
                desk.replied(message.handle, ipc.parse_reply(message), now)
            case MessageType.CREDIT if len(message.body) == 4:
                desk.credits += int.from_bytes(message.body, "little")
                desk.pump(now)
            case MessageType.FACT:
                self._answer_fact(message)
            case MessageType.PING if message.flags & 1:
                pass  # an answer; answering it would go on for ever
            case MessageType.PING:
                self._out += build_message(MessageType.PING, message.handle, flags=1)
            case MessageType.SNAPSHOT:
                desk.counters["resolver-generation"] = message.generation
                if message.flags & ipc.FORGET:
                    desk.forget_answers()
            case _:
                raise Malformed(f"{message.type.name} is not for front")

    def _answer_fact(self, message: Message) -> None:
        more = bool(message.flags & 1)
        answer = self._facts.get(message.handle) if more else self._facts.pop(message.handle, None)
        if answer is not None:
            answer(message.body, more)

    def flush(self) -> None:
        """Write what has been collected."""
        if not self._out or self._blocked:
            return
        try:
            sent = self.socket.send(self._out)
            del self._out[:sent]
        except BlockingIOError:
            pass
        except OSError:
            self._cell.lose_peer("the resolver does not read")
            return
        if len(self._out) > MAX_UNSENT:
            self._cell.lose_peer("the resolver does not keep up")
            return
        self._blocked = bool(self._out)
        wants = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._blocked else 0)
        self._cell.watch(self.socket, wants, self)
