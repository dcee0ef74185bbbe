"""Connections to servers of lists, as the HTTP library wants them and in few system calls: what is wanted is read, and no more.
TLS is OpenSSL's between two pieces of memory."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterable

import httpcore2
import httpx2

from net.readiness import READ, WRITE, until
from net.transport import connect

PIECE = 64 * 1024
"""Octets read at once."""

_NOTHING = (BlockingIOError, InterruptedError)


class Stream(httpcore2.AsyncNetworkStream):
    """One connection; one task reads and writes."""

    def __init__(self, opened: socket.socket) -> None:
        self._socket = opened
        self._sealed, self._sealing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = None

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What has come, at most `max_bytes`; none: the end. Raises httpcore2.ReadError, ReadTimeout."""
        try:
            async with asyncio.timeout(timeout):
                if self._tls is None:
                    return await self._receive(max_bytes)
                return await self._open(self._tls, max_bytes)
        except TimeoutError as error:
            raise httpcore2.ReadTimeout from error
        except OSError as error:
            raise httpcore2.ReadError from error

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """All of it. Raises httpcore2.WriteError, WriteTimeout."""
        try:
            async with asyncio.timeout(timeout):
                if self._tls is None:
                    await self._send(buffer)
                elif buffer:
                    self._tls.write(buffer)
                    await self._send(self._sealing.read())
        except TimeoutError as error:
            raise httpcore2.WriteTimeout from error
        except OSError as error:
            raise httpcore2.WriteError from error

    async def aclose(self) -> None:
        """At once."""
        self._socket.close()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.AsyncNetworkStream:
        """The same, encrypted and proved. Raises httpcore2.ConnectError, ConnectTimeout."""
        try:
            async with asyncio.timeout(timeout):
                self._tls = ssl_context.wrap_bio(self._sealed, self._sealing, server_hostname=server_hostname)
                await self._shake_hands(self._tls)
        except TimeoutError as error:
            self._socket.close()
            raise httpcore2.ConnectTimeout from error
        except OSError as error:
            self._socket.close()
            raise httpcore2.ConnectError from error
        return self

    def get_extra_info(self, info: str) -> object:
        """`ssl_object`; that there is nothing to read is not looked at, for connections are used once."""
        return self._tls if info == "ssl_object" else None

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


class Backend(httpcore2.AsyncNetworkBackend):
    """Connects to literal addresses, and to nothing else."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Raises httpcore2.ConnectError, ConnectTimeout."""
        try:
            async with asyncio.timeout(timeout):
                return Stream(await connect(host, port))
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout from error
        except OSError as error:
            raise httpcore2.ConnectError from error

    async def sleep(self, seconds: float) -> None:
        """Before another try."""
        await asyncio.sleep(seconds)


class Transport(httpx2.AsyncHTTPTransport):
    """The library's own, with this way to the network."""

    def __init__(self, context: ssl.SSLContext) -> None:
        """HTTP/1.1 only."""
        self._pool = httpcore2.AsyncConnectionPool(ssl_context=context, http2=False, network_backend=Backend())
