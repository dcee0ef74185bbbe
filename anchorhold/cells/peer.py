"""The ends that `front` and `secure` hold of their pairs: to the resolver, to the dhcp cell if there is one; and `front`'s to
`secure`."""

import itertools
import json
import selectors
import socket
from collections.abc import Callable
from typing import NamedTuple, Protocol

from anchorhold import ipc
from anchorhold.cells.pair import Gone, PairEnd
from anchorhold.ipc import HEADER, Message, MessageType, Verb, build_message
from anchorhold.leases.messages import ALL, MORE, parse_hosts
from anchorhold.link import PairName, nth
from net import sockets
from resolver.edge.flights import Flight
from resolver.edge.serve import Desk
from resolver.local import Leases
from wire.dns.codes import QueryFlag
from wire.errors import Malformed
from wire.units import Instant

MAX_UNSENT = 8 * 1024 * 1024
"""Octets that may wait for a cell that does not read; past that it counts as gone."""

TURN = 16_384
"""Octets taken of one pair in one wake-up, some hundred replies: clients whose answers are known wait behind them."""

_RD = int(QueryFlag.RD)
_REPLY = MessageType.REPLY

Answer = Callable[[bytes, bool], None]
"""Takes a piece of text for an operator, and whether more follow."""


class Fact(NamedTuple):
    """An operator's question to another cell, and who waits for what it says."""

    verb: Verb
    argument: bytes
    group: int
    answer: Answer


class Owner(Protocol):
    """What a pair needs of its cell."""

    desk: Desk

    def regroup(self, now: Instant) -> None:
        """Leases came or went: clients may be in other groups."""

    def watch(self, endpoint: socket.socket, events: int, owner: object) -> None:
        """Which events of a socket matter from now on."""

    def lose(self, pair: "Pair", why: str) -> None:
        """The pair is of no more use."""

    def rest(self, pair: "Pair") -> None:
        """The other end has nothing to do, and ends."""

    def accuse(self, name: PairName) -> None:
        """The other end of this pair sent what does not decode."""


class Pair(PairEnd):
    """What both have in common: operators' questions are relayed."""

    cell: str
    """The other end's name in the lines that operators get."""
    other: str
    """The same for people."""

    lost: str
    """The counter of how often one ended."""

    def __init__(self, cell: Owner, endpoint: socket.socket, name: PairName) -> None:
        super().__init__(endpoint, MAX_UNSENT)
        self.name = name
        self._cell = cell
        self._blocked = self._closed = False
        self._wants = selectors.EVENT_READ
        """What its cell watches it for."""
        self._facts: dict[int, Fact] = {}
        self._fact_handles = itertools.count(1)

    def fact(self, verb: Verb, argument: bytes, group: int, answer: Answer) -> None:
        """An operator's question."""
        handle = next(self._fact_handles)
        self._facts[handle] = Fact(verb, argument, group, answer)
        generation = self._cell.desk.settings.generation
        body = bytes((verb,)) + argument
        self._out += build_message(MessageType.FACT, handle, body, group=group, generation=generation)

    def give_back(self) -> list[Fact]:
        """What nobody has answered, and nobody is to answer here."""
        facts, self._facts = self._facts, {}
        return [*facts.values()]

    def close(self) -> None:
        """Hang up; operators who wait are told so."""
        self._closed = True
        self._cell.watch(self.socket, 0, self)
        sockets.close(self.socket)
        line = {
            "cell": nth(self.cell, self.name.number),
            "error": f"{self.other} ended before it had answered; try again in a second",
        }
        for fact in self.give_back():
            fact.answer(json.dumps(line).encode(), False)

    # events

    def ready(self, events: int, now: Instant) -> None:
        """Take what the other end says."""
        if self._closed:
            return
        if events & selectors.EVENT_WRITE:
            self._blocked = False
        if not events & selectors.EVENT_READ:
            return
        try:
            for message in self._receive():
                self._take(message, now)
        except Gone as gone:
            self._cell.lose(self, f"{self.other} {gone}")
        except Malformed as error:
            self._cell.accuse(self.name)
            self._cell.lose(self, f"{self.other} sent what does not decode, it is ended: {error}")

    def _pull(self) -> bytes:
        """As that of all pairs, but at most TURN octets."""
        return self.socket.recv(TURN, sockets.NOW)

    def _take(self, message: Message, now: Instant) -> None:
        match message.type:
            case MessageType.FACT:
                self._answer_fact(message)
            case MessageType.PING:
                self._out += ipc.build_pong(message)
            case _:
                self._take_own(message, now)

    def _take_own(self, message: Message, now: Instant) -> None:
        """What only this pair carries. Raises Malformed."""
        raise NotImplementedError

    def _answer_fact(self, message: Message) -> None:
        more = bool(message.flags & ipc.MORE)
        fact = self._facts.get(message.handle) if more else self._facts.pop(message.handle, None)
        if fact is not None:
            fact.answer(message.body, more)

    def flush(self) -> None:
        """Write what has been collected."""
        if not self._out or self._blocked:
            return
        try:
            self._blocked = self._write()
        except Gone as gone:
            self._cell.lose(self, f"{self.other} {gone}")
            return
        wants = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._blocked else 0)
        # Hardly ever does that change.
        if wants != self._wants:
            self._wants = wants
            self._cell.watch(self.socket, wants, self)


class Peer(Pair):
    """The pair to the resolver."""

    cell = "resolver"
    other = "the resolver"
    lost = "peer-lost"

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
        question, flags, group = flight.key
        # As `build_message`: each miss comes by here.
        self._out += HEADER.pack(kind, flags | _RD, group, len(question), flight.handle, flight.generation, deadline)
        self._out += question

    def _take(self, message: Message, now: Instant) -> None:
        if message.type is _REPLY:
            self._cell.desk.replied(message.handle, ipc.parse_reply(message), now)
        else:
            super()._take(message, now)

    def _take_own(self, message: Message, now: Instant) -> None:
        desk = self._cell.desk
        match message.type:
            case MessageType.CREDIT if len(message.body) == 4:
                desk.grant(int.from_bytes(message.body, "little"), now, self.name.number)
            case MessageType.SNAPSHOT:
                desk.counters["resolver-generation"] = message.generation
                if message.flags & ipc.FORGET:
                    desk.forget_answers()
            case _:
                raise Malformed(f"{message.type.name} is not for front")


class LeasePeer(Pair):
    """The pair to the dhcp cell. What it told is kept when it ends: leases do not end with it."""

    cell = "dhcp"
    other = "the dhcp cell"
    lost = "dhcp-lost"

    _draft: Leases | None = None
    """All of it, as far as it has come."""
    _began = False

    def _take_own(self, message: Message, now: Instant) -> None:
        if message.type is not MessageType.HOSTS:
            raise Malformed(f"{message.type.name} is not for front")
        hosts, desk = parse_hosts(message), self._cell.desk
        if message.flags & ALL:
            self._draft, self._began = Leases(), True
        elif not self._began:
            raise Malformed("HOSTS that does not begin with all of it")
        elif message.flags & MORE and self._draft is None:
            raise Malformed("HOSTS with more of what did not begin")
        if self._draft is None:
            desk.learn(hosts, now)
            self._cell.regroup(now)
            return
        for host in hosts:
            self._draft.apply(host, now)
        if not message.flags & MORE:
            desk.relearn(self._draft, now)
            self._draft = None
            self._cell.regroup(now)


class SecurePeer(Pair):
    """The pair from `front` to `secure`: operators' questions, and nothing else."""

    cell = "secure"
    other = "the secure cell"
    lost = "secure-lost"

    def _take_own(self, message: Message, now: Instant) -> None:
        raise Malformed(f"{message.type.name} is not for front")


class FrontPeer(SecurePeer):
    """The same to another `front`."""

    cell = "front"
    other = "the other front"
    lost = "front-lost"


class ListsPeer(SecurePeer):
    """The same to the lists cell."""

    cell = "lists"
    other = "the lists cell"
    lost = "lists-lost"

    def _take_own(self, message: Message, now: Instant) -> None:
        if message.type is MessageType.REST:
            self._cell.rest(self)
        else:
            super()._take_own(message, now)
