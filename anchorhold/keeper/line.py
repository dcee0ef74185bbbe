"""The resolver's end of the pair to the keeper: it is told what is in force, and asks for keys when it is told to."""

import asyncio
import socket
from collections.abc import Awaitable, Callable

from anchorhold.ipc import Inbox, Message, MessageType, build_message
from anchorhold.keeper.messages import MORE, NONE, NOTHING, Found, Told, pack, unpack
from resolver.iterate.verdict import RRset
from wire.dns.names import MAX_NAME, parse_name
from wire.errors import Malformed

READ_SIZE = 262_144

Ask = Callable[[bytes], Awaitable[RRset | None]]
"""A zone's DNSKEY RRset with its signatures as heard; None if it cannot be had. Raises nothing."""


class KeeperLine:
    """One pair. `take` gets every trust point, whenever one of them changes."""

    def __init__(self, pair: socket.socket, ask: Ask, take: Callable[[tuple[Told, ...]], None]) -> None:
        self._pair = pair
        self._ask = ask
        self._take = take
        self._told: list[Told] = []
        self._looks: dict[bytes, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Serve until the keeper hangs up. Raises Malformed if it sends what does not decode."""
        reader, writer = await asyncio.open_unix_connection(sock=self._pair)
        inbox = Inbox()
        try:
            while data := await reader.read(READ_SIZE):
                for message in inbox.feed(data):
                    self._hear(message, writer)
        except OSError:
            return
        finally:
            for task in self._looks.values():
                task.cancel()
            writer.close()

    def _hear(self, message: Message, writer: asyncio.StreamWriter) -> None:
        match message.type:
            case MessageType.ANCHORS if message.flags & NONE:
                self._take(())
            case MessageType.ANCHORS:
                self._told.append(unpack(message, Told))
                if not message.flags & MORE:
                    told, self._told = tuple(self._told), []
                    self._take(told)
            case MessageType.LOOK if len(message.body) <= MAX_NAME and parse_name(message.body, 0)[0] == message.body:
                if message.body not in self._looks:
                    self._looks[message.body] = asyncio.get_running_loop().create_task(self._look(message.body, writer))
            case _:
                raise Malformed(f"{message.type.name} is not for the resolver")

    async def _look(self, zone: bytes, writer: asyncio.StreamWriter) -> None:
        try:
            rrset = await self._ask(zone)
        finally:
            del self._looks[zone]
        if rrset is None:
            writer.write(build_message(MessageType.KEYS, 0, zone, flags=NOTHING))
        else:
            found = Found(zone, rrset.ttl, rrset.rdatas, rrset.signatures)
            writer.write(build_message(MessageType.KEYS, 0, pack(found)))
