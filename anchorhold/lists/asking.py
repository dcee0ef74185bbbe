"""Addresses of the hosts that lists are fetched from: asked of our own resolver, over a pair of our own, and of nobody else."""

import asyncio
import itertools
import socket
from functools import partial

from anchorhold.addresses import FAMILIES, addresses_in
from anchorhold.ipc import Message, MessageType, build_message, build_pong, listen, parse_reply
from anchorhold.pair_stream import PairStream
from resolver.values import QueryFlag, Reply
from wire.dns.codes import show_rcode
from wire.dns.names import read_name
from wire.errors import Malformed

PATIENCE = 10.0
"""Seconds for an answer, and for the resolver to be there at all."""


class NoAddress(Exception):
    """There is none to be had; the text says why."""


class ResolverLine:
    """The pair to the resolver, one after another."""

    def __init__(self) -> None:
        self._writer: PairStream | None = None
        self._waiting: dict[int, asyncio.Future[Reply]] = {}
        self._handles = itertools.count(1)
        self._generation = 0
        self._there = asyncio.Event()

    async def run(self, pair: socket.socket) -> None:
        """Listen to one pair until the resolver hangs up. Raises Malformed if it sends what does not decode."""
        writer = self._writer = PairStream(pair)
        try:
            await listen(writer, partial(self._hear, writer))
        finally:
            if self._writer is writer:
                self._writer = None
                self._there.clear()
                for waiting in self._waiting.values():
                    waiting.cancel()
            writer.close()

    def _hear(self, writer: PairStream, message: Message) -> None:
        match message.type:
            case MessageType.SNAPSHOT:
                self._generation = message.generation
                self._there.set()
            case MessageType.REPLY:
                waiting = self._waiting.get(message.handle)
                if waiting is not None and not waiting.done():
                    waiting.set_result(parse_reply(message))
            case MessageType.PING:
                writer.write(build_pong(message))
            case MessageType.CREDIT:
                # A thousand questions at once are more than there are lists.
                pass
            case _:
                raise Malformed(f"{message.type.name} is not for lists")

    async def addresses(self, host: str) -> tuple[str, ...]:
        """Of a name, one family and the other by turns. Raises NoAddress."""
        try:
            name = read_name(host)
        except ValueError:
            raise NoAddress(f"{host} is no name") from None
        kinds = tuple(FAMILIES)
        replies = await asyncio.gather(*(self._ask(name + kind.to_bytes(2, "big") + b"\0\1") for kind in kinds))
        found = [addresses_in(reply.message, kind) for reply, kind in zip(replies, kinds, strict=True)]
        mixed = [one for pair in itertools.zip_longest(*found) for one in pair if one is not None]
        if not mixed:
            raise NoAddress(f"{host} has no address ({_why(replies[0])})")
        return tuple(mixed)

    async def _ask(self, key: bytes) -> Reply:
        try:
            async with asyncio.timeout(PATIENCE):
                await self._there.wait()
                if self._writer is None:
                    raise NoAddress("the resolver is not there just now")
                handle = next(self._handles)
                waiting: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
                self._waiting[handle] = waiting
                kind, deadline = MessageType.QUERY, int(PATIENCE * 1000)
                flags = int(QueryFlag.RD)
                self._writer.write(
                    build_message(kind, handle, key, flags=flags, generation=self._generation, deadline=deadline)
                )
                try:
                    return await waiting
                finally:
                    del self._waiting[handle]
        except TimeoutError:
            raise NoAddress("the resolver does not answer") from None
        except asyncio.CancelledError:
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise
            raise NoAddress("the resolver ended") from None


def _why(reply: Reply) -> str:
    said = show_rcode(reply.message[3] & 15)
    return said if reply.explanation is None else f"{said}, {reply.explanation.code.name}"
