"""Connections to servers of lists, in few system calls: what is wanted is read, and no more. TLS is OpenSSL's between two pieces
of memory."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator

from net.readiness import READ, WRITE, until
from net.transport import connect

PIECE = 64 * 1024
"""Octets read at once."""

_NOTHING = (BlockingIOError, InterruptedError)


class Lost(Exception):
    """Nothing more comes; the text says why, unless its cause knows better."""


class NotInTime(Lost):
    """The other end was silent for too long."""


class Stream:
    """One connection; one task reads and writes. `open` makes it."""

    def __init__(self, opened: socket.socket, idle: float) -> None:
        """`idle`: seconds for the next piece."""
        self._socket = opened
        self._idle = idle
        self._sealed, self._sealing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = None

    @classmethod
    async def open(
        cls, address: str, port: int, context: ssl.SSLContext, name: str, within: float, idle: float
    ) -> "Stream":
        """To a literal address, encrypted, and proved to be `name`; `within` so many seconds, and as many again for TLS. Raises
        Lost, NotInTime."""
        with _lost(Lost("no connection"), "no connection in time"):
            async with asyncio.timeout(within):
                opened = cls(await connect(address, port), idle)
            try:
                async with asyncio.timeout(within):
                    opened._tls = context.wrap_bio(opened._sealed, opened._sealing, server_hostname=name)
                    await opened._shake_hands(opened._tls)
            except BaseException:
                opened.close()
                raise
            return opened

    async def read(self) -> bytes:
        """What has come, at most PIECE; none: the end. Raises Lost."""
        assert self._tls is not None  # noqa: S101 # `open` made it
        with _lost(Lost("the connection failed"), "the server fell silent"):
            async with asyncio.timeout(self._idle):
                return await self._open(self._tls, PIECE)

    async def write(self, data: bytes) -> None:
        """All of it. Raises Lost."""
        assert self._tls is not None  # noqa: S101 # `open` made it
        with _lost(Lost("the connection failed"), "the server fell silent"):
            async with asyncio.timeout(self._idle):
                self._tls.write(data)
                await self._send(self._sealing.read())

    def close(self) -> None:
        """At once."""
        self._socket.close()

    async def _shake_hands(self, tls: ssl.SSLObject) -> None:
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._send(self._sealing.read())
                await self._feed()
            except ssl.SSLError:
                # An alert says why.
                with contextlib.suppress(OSError):
                    self._socket.send(self._sealing.read())
                raise
            else:
                await self._send(self._sealing.read())
                return

    async def _open(self, tls: ssl.SSLObject, most: int) -> bytes:
        while True:
            try:
                return tls.read(most)
            except ssl.SSLWantReadError:
                await self._send(self._sealing.read())
                await self._feed()
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                # Whether that was all, HTTP says.
                return b""

    async def _feed(self) -> None:
        if piece := await self._receive(PIECE):
            self._sealed.write(piece)
        else:
            self._sealed.write_eof()

    async def _receive(self, most: int) -> bytes:
        while True:
            try:
                return self._socket.recv(most)
            except _NOTHING:
                await until(self._socket.fileno(), READ)

    async def _send(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[self._socket.send(rest) :]
            except _NOTHING:
                await until(self._socket.fileno(), WRITE)


@contextlib.contextmanager
def _lost(error: Lost, late: str) -> Iterator[None]:
    try:
        yield
    except TimeoutError as cause:
        raise NotInTime(late) from cause
    except OSError as cause:
        raise error from cause
