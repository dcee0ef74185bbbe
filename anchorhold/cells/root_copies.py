"""The root zone (RFC 8806) among several resolvers: the first fetches it from outside, the others have it from the first. Each
checks what it gets by the root's keys as if it came from a stranger.

A pair between the first and each other. COPY asks (flag WANTED) and answers: see `anchorhold/ipc.py`.
"""

import asyncio
import itertools
import socket
from collections.abc import Callable

from anchorhold.ipc import FACT_PIECE, MORE, Message, MessageType, build_message, listen
from anchorhold.link import LinkMessage, PairName, pair_name
from anchorhold.pair_stream import PairStream
from net.sockets import adopt
from resolver.edge.transfer import MARK, RootKeeper, Source, TransferFailed
from resolver.iterate.transfer import MAX_OCTETS
from wire.errors import Malformed

WANTED, NOTHING, SAME = 4, 8, 16
"""Flags of COPY: a question; there is none to be had; that is the newest. And MORE: that was not all of it yet."""

PATIENCE = 300.0
"""Seconds for the first resolver to have looked outside."""
MAX_LOOKS = 16
"""Copies that one other waits for at once; who wants more is told that there is none, and tries again."""

GONE = "the first resolver is not there"
NONE = "the first resolver has none"

Find = Callable[[bytes], RootKeeper | None]
"""Who keeps a copy that comes from where `Source.mark` says."""
Lost = Callable[[PairName, Malformed], None]
"""Told who sent what does not decode."""


class RootCopies:
    """All pairs of one resolver. `find` is asked as long as somebody wants a copy of it."""

    def __init__(self, lost: Lost) -> None:
        self._lost = lost
        self._fresh: dict[PairName, socket.socket] = {}
        self._lines: dict[PairName, CopyLine] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, message: LinkMessage) -> None:
        """Keep a fresh pair. Raises Malformed."""
        name = pair_name(message)
        if name in self._fresh:
            self._fresh[name].close()
        self._fresh[name] = adopt(message.descriptors[0])

    def connect(self, find: Find) -> None:
        """Talk over the newest pairs."""
        fresh, self._fresh = self._fresh, {}
        for name, pair in fresh.items():
            if name in self._lines:
                self._lines[name].close()
            line = self._lines[name] = CopyLine(pair, find)
            task = asyncio.get_running_loop().create_task(self._listen(name, line))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def fetch(self, source: Source, serial: int | None) -> bytes | None:
        """As `resolver.edge.transfer.fetch`, of the first resolver. Raises TransferFailed."""
        line = next(iter(self._lines.values()), None)
        if line is None:
            raise TransferFailed(GONE)
        return await line.fetch(source.mark, serial)

    async def _listen(self, name: PairName, line: "CopyLine") -> None:
        try:
            await line.run()
        except Malformed as error:
            self._lost(name, error)
        finally:
            line.close()
            if self._lines.get(name) is line:
                del self._lines[name]


class CopyLine:
    """One pair."""

    def __init__(self, pair: socket.socket, find: Find) -> None:
        self._find = find
        self._stream = PairStream(pair)
        self._handles = itertools.count(1)
        self._wanted: dict[int, asyncio.Future[bytes | None]] = {}
        self._pieces: dict[int, bytearray] = {}
        self._looks: set[asyncio.Task[None]] = set()

    def close(self) -> None:
        """Hang up."""
        self._stream.close()
        for task in self._looks:
            task.cancel()
        for wanted in self._wanted.values():
            if not wanted.done():
                wanted.set_exception(TransferFailed(GONE))

    async def run(self) -> None:
        """Until the other end hangs up. Raises Malformed."""
        await listen(self._stream, self._hear)

    async def fetch(self, mark: bytes, serial: int | None) -> bytes | None:
        """Ask; None: `serial` is the newest. Raises TransferFailed."""
        handle = next(self._handles)
        body = mark if serial is None else mark + serial.to_bytes(4, "little")
        answered: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
        self._wanted[handle], self._pieces[handle] = answered, bytearray()
        self._stream.write(build_message(MessageType.COPY, handle, body, flags=WANTED))
        try:
            async with asyncio.timeout(PATIENCE):
                return await answered
        except TimeoutError:
            raise TransferFailed(NONE) from None
        finally:
            del self._wanted[handle], self._pieces[handle]

    def _hear(self, message: Message) -> None:
        if message.type is not MessageType.COPY:
            raise Malformed(f"{message.type.name} is not for another resolver")
        if not message.flags & WANTED:
            self._take(message)
            return
        if len(message.body) not in (MARK, MARK + 4):
            raise Malformed("COPY of the wrong length")
        if self._stream.unsent > 3 * MAX_OCTETS:
            raise Malformed("COPY asked for without end")
        if len(self._looks) >= MAX_LOOKS:
            self._stream.write(build_message(MessageType.COPY, message.handle, flags=NOTHING))
            return
        task = asyncio.get_running_loop().create_task(self._look(message))
        self._looks.add(task)
        task.add_done_callback(self._looks.discard)

    def _take(self, message: Message) -> None:
        """A piece of an answer, if anybody still waits for it."""
        answered, pieces = self._wanted.get(message.handle), self._pieces.get(message.handle)
        if answered is None or pieces is None or answered.done():
            return
        pieces += message.body
        if len(pieces) > MAX_OCTETS:
            raise Malformed("COPY without end")
        if message.flags & NOTHING:
            answered.set_exception(TransferFailed(NONE))
        elif not message.flags & MORE:
            answered.set_result(None if message.flags & SAME else bytes(pieces))

    async def _look(self, message: Message) -> None:
        mark, rest = message.body[:MARK], message.body[MARK:]
        keeper = self._find(mark)
        try:
            if keeper is None:
                raise TransferFailed(NONE)
            data = await keeper.copy(int.from_bytes(rest, "little") if rest else None)
            if self._stream.unsent > MAX_OCTETS:
                # With the next it is two of the longest at most that wait here, and words that there is none.
                raise TransferFailed(NONE)
        except TransferFailed:
            self._stream.write(build_message(MessageType.COPY, message.handle, flags=NOTHING))
            return
        if data is None:
            self._stream.write(build_message(MessageType.COPY, message.handle, flags=SAME))
            return
        for at in range(0, max(len(data), 1), FACT_PIECE):
            more = MORE if at + FACT_PIECE < len(data) else 0
            piece = data[at : at + FACT_PIECE]
            self._stream.write(build_message(MessageType.COPY, message.handle, piece, flags=more))
