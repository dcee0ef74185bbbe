"""The resolver's end of the pair to the keeper: it is told what is in force, and asks for keys when it is told to."""

import asyncio
import itertools
import socket
from collections.abc import Awaitable, Callable
from functools import partial

from anchorhold.ipc import Message, MessageType, build_message, listen
from anchorhold.keeper.exceptions import Wanted
from anchorhold.keeper.messages import MORE, NONE, NOTHING, Found, InForce, Told, pack, unpack
from anchorhold.pair_stream import PairStream
from resolver.iterate.verdict import RRset
from wire.dns.names import MAX_NAME, parse_name
from wire.errors import Malformed

Ask = Callable[[bytes], Awaitable[RRset | None]]
"""A zone's DNSKEY RRset with its signatures as heard; None if it cannot be had. Raises nothing."""


ANSWER_PATIENCE = 4.0
"""Seconds for the keeper to make an exception or refuse it."""


class KeeperLine:
    """One pair. `take` gets every trust point, whenever one of them changes; `take_exceptions` likewise every exception."""

    def __init__(
        self,
        pair: socket.socket,
        ask: Ask,
        take: Callable[[tuple[Told, ...]], None],
        take_exceptions: Callable[[InForce], None] = lambda in_force: None,
    ) -> None:
        self._pair = pair
        self._ask = ask
        self._take = take
        self._take_exceptions = take_exceptions
        self._told: list[Told] = []
        self._looks: dict[bytes, asyncio.Task[None]] = {}
        self._writer: PairStream | None = None
        self._wanted: dict[int, asyncio.Future[InForce]] = {}
        self._handles = itertools.count(1)

    def close(self) -> None:
        """Let go of the pair, also if it never was listened to."""
        PairStream(self._pair).close() if self._writer is None else self._writer.close()

    async def run(self) -> None:
        """Serve until the keeper hangs up. Raises Malformed if it sends what does not decode."""
        writer = self._writer = PairStream(self._pair)
        try:
            await listen(writer, partial(self._hear, writer))
        finally:
            for task in self._looks.values():
                task.cancel()
            self._writer = None
            writer.close()

    async def change_exception(self, wanted: Wanted) -> InForce | None:
        """What an operator wants, done or refused by the keeper; None if it is not there."""
        writer, handle = self._writer, next(self._handles)
        if writer is None:
            return None
        answered: asyncio.Future[InForce] = asyncio.get_running_loop().create_future()
        self._wanted[handle] = answered
        writer.write(build_message(MessageType.EXCEPT, handle, pack(wanted)))
        try:
            async with asyncio.timeout(ANSWER_PATIENCE):
                return await answered
        except TimeoutError:
            return None
        finally:
            del self._wanted[handle]

    def _hear(self, writer: PairStream, message: Message) -> None:
        match message.type:
            case MessageType.ANCHORS if message.flags & NONE:
                self._take(())
            case MessageType.ANCHORS:
                self._told.append(unpack(message, Told))
                if not message.flags & MORE:
                    told, self._told = tuple(self._told), []
                    self._take(told)
            case MessageType.EXCEPTIONS:
                in_force = unpack(message, InForce)
                self._take_exceptions(in_force)
                waiting = self._wanted.get(message.handle)
                if waiting is not None and not waiting.done():
                    waiting.set_result(in_force)
            case MessageType.LOOK if len(message.body) <= MAX_NAME and parse_name(message.body, 0)[0] == message.body:
                if message.body not in self._looks:
                    self._looks[message.body] = asyncio.get_running_loop().create_task(self._look(message.body, writer))
            case _:
                raise Malformed(f"{message.type.name} is not for the resolver")

    async def _look(self, zone: bytes, writer: PairStream) -> None:
        try:
            rrset = await self._ask(zone)
        finally:
            del self._looks[zone]
        if rrset is None:
            writer.write(build_message(MessageType.KEYS, 0, zone, flags=NOTHING))
        else:
            found = Found(zone, rrset.ttl, rrset.rdatas, rrset.signatures)
            writer.write(build_message(MessageType.KEYS, 0, pack(found)))
