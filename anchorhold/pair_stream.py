"""One end of a pair between two cells, for a cell with an event loop: what comes is awaited, what goes is written at once or
waits here. The loops' own streams would do the same with more system calls."""

import asyncio
import socket

from net import sockets
from net.readiness import READ, WRITE, readiness


class PairStream:
    """Over `endpoint`, which it closes."""

    def __init__(self, endpoint: socket.socket) -> None:
        self._endpoint = endpoint
        self._readiness = readiness(asyncio.get_running_loop())
        self._out = bytearray()
        self._waiting: asyncio.Future[None] | None = None
        self._closed = False

    @property
    def unsent(self) -> int:
        """Octets that the other end has not taken yet."""
        return len(self._out)

    async def read(self, n: int, /) -> bytes:
        """At most `n` octets; none: the other end hung up. Raises OSError."""
        while not self._closed:
            try:
                return self._endpoint.recv(n, sockets.NOW)
            except BlockingIOError:
                await self._readable()
        return b""

    def write(self, data: bytes) -> None:
        """Send; if the other end is gone, `read` says so."""
        if self._closed:
            return
        self._out += data
        self._push()
        self._watch()

    def close(self) -> None:
        """Let go of it."""
        if not self._closed:
            self._closed = True
            self._readiness.watch(self._endpoint.fileno(), 0)
            sockets.close(self._endpoint)
            self._wake()

    async def _readable(self) -> None:
        self._waiting = asyncio.get_running_loop().create_future()
        self._watch()
        try:
            await self._waiting
        finally:
            self._waiting = None
            self._watch()

    def _push(self) -> None:
        try:
            del self._out[: self._endpoint.send(self._out, sockets.NOW)]
        except BlockingIOError:
            return
        except OSError:
            self._out.clear()

    def _watch(self) -> None:
        if not self._closed:
            waiting = self._waiting is not None and not self._waiting.done()
            wanted = (READ if waiting else 0) | (WRITE if self._out else 0)
            self._readiness.watch(self._endpoint.fileno(), wanted, self._happened)

    def _happened(self, events: int) -> None:
        if self._out:
            self._push()
        if events & READ:
            self._wake()
        self._watch()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
