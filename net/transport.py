"""A connection of ours as the loop's own transports are one, in fewer system calls: socket, connect, recvfrom, sendto, epoll_ctl,
close. Both event loops behave alike over it. TLS is OpenSSL's between two pieces of memory.
"""

import asyncio
import contextlib
import errno
import os
import socket
import ssl
from typing import Protocol, cast

from net.addresses import endpoint_of, family_of, refuse_itself
from net.opening import open_socket
from net.readiness import READ, WRITE, Readiness, readiness, until

READ_SIZE = 64 * 1024
"""Octets read at once."""
HIGH, LOW = 64 * 1024, 16 * 1024
"""Octets that wait: from so many on the owner is asked to pause, and at so few to go on."""
FAREWELL = 1.0
"""Seconds for what was written to leave after `close`."""

_incoming = memoryview(bytearray(READ_SIZE))
"""Where sealed octets are put; they are taken before anything else is read."""

_NOTHING = (BlockingIOError, InterruptedError)


class Owner(Protocol):
    """Whose connection it is: the part of asyncio's BufferedProtocol that is used."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open, and encrypted if it is to be."""

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where to put octets."""

    def buffer_updated(self, nbytes: int) -> None:
        """So many were put there."""

    def eof_received(self) -> None:
        """The far end sends no more; the connection is closed then."""

    def connection_lost(self, exc: Exception | None) -> None:
        """It has ended."""

    def pause_writing(self) -> None:
        """The far end reads too slowly."""

    def resume_writing(self) -> None:
        """It has caught up."""


async def connect(address: str, port: int) -> socket.socket:
    """A socket that never waits, connected to a literal address. Raises OSError."""
    endpoint = endpoint_of(address, port)
    opened = open_socket(family_of(address), socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            opened.connect(endpoint)
        except _NOTHING:
            await until(opened.fileno(), WRITE)
            # How it went: the second call tells and begins nothing. Linux says once that it is done, others that it is there.
            if (error := opened.connect_ex(endpoint)) not in (0, errno.EISCONN):
                raise OSError(error, os.strerror(error)) from None
        refuse_itself(opened, address, port)
    except BaseException:
        opened.close()
        raise
    return opened


class Transport(asyncio.Transport):
    """Over a connected socket, which it closes. Made by `open_clear` or `open_tls`."""

    def __init__(self, opened: socket.socket, owner: Owner) -> None:
        super().__init__()
        self._socket = opened
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._readiness: Readiness = readiness(self._loop)
        self._out = bytearray()
        self._watched = 0
        self._paused = self._closing = self._ended = False
        self._farewell: asyncio.TimerHandle | None = None

    # asyncio.Transport

    def get_extra_info(self, name: str, default: object = None) -> object:
        """Nothing is known here."""
        return default

    def is_closing(self) -> bool:
        """Whether it takes no more."""
        return self._closing

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send, as soon as it can be."""
        if not self._closing:
            self._send(data)

    def close(self) -> None:
        """End it after what was written."""
        if not self._closing:
            self._closing = True
            self._say_goodbye()
            if self._out and not self._ended:
                self._farewell = self._loop.call_later(FAREWELL, self.abort)
                self._watch()
            else:
                self._end(None)

    def abort(self) -> None:
        """End it now."""
        self._closing = True
        self._end(None)

    # reading

    def begin(self) -> None:
        """Hand it to its owner and listen."""
        self._owner.connection_made(self)
        self._watch()

    def _happened(self, events: int) -> None:
        # An error is told by writing what is left, or else by reading.
        if self._out:
            self._send(b"")
        if events & READ and not self._closing:
            self._read()

    def _read(self) -> None:
        try:
            count = self._socket.recv_into(self._owner.get_buffer(-1))
        except _NOTHING:
            return
        except OSError as error:
            self._end(error)
            return
        if count:
            self._owner.buffer_updated(count)
        else:
            self._finish()

    def _finish(self) -> None:
        """The far end sends no more."""
        if not self._ended:
            self._owner.eof_received()
            self.close()

    # writing

    def _say_goodbye(self) -> None:
        """What goes before the end."""

    def _send(self, data: bytes | bytearray | memoryview) -> None:
        if self._ended or not (data or self._out):
            return
        if not self._out:
            try:
                data = memoryview(data)[self._socket.send(data) :]
            except _NOTHING:
                pass
            except OSError as error:
                self._end(error)
                return
            self._out += data
        else:
            self._out += data
            self._push()
        self._mind_the_rest()

    def _push(self) -> None:
        try:
            del self._out[: self._socket.send(self._out)]
        except _NOTHING:
            return
        except OSError as error:
            self._end(error)

    def _mind_the_rest(self) -> None:
        if self._ended:
            return
        if not self._out and self._closing:
            self._end(None)
            return
        self._watch()
        if len(self._out) > HIGH and not self._paused:
            self._paused = True
            self._owner.pause_writing()
        elif self._paused and len(self._out) <= LOW:
            self._paused = False
            self._owner.resume_writing()

    # the loop

    def _watch(self) -> None:
        wanted = (0 if self._closing else READ) | (WRITE if self._out else 0)
        if wanted != self._watched and not self._ended:
            self._watched = wanted
            self._readiness.watch(self._socket.fileno(), wanted, self._happened)

    def _end(self, error: Exception | None) -> None:
        if self._ended:
            return
        self._ended = self._closing = True
        if self._farewell is not None:
            self._farewell.cancel()
        self._close()
        self._loop.call_soon(self._owner.connection_lost, error)

    def _close(self) -> None:
        self._readiness.forget(self._socket.fileno())
        self._socket.close()


class TlsTransport(Transport):
    """The same, encrypted. `shake_hands` comes first."""

    def __init__(self, opened: socket.socket, owner: Owner, context: ssl.SSLContext, name: str) -> None:
        super().__init__(opened, owner)
        self._sealed, self._sealing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._sealed, self._sealing, server_hostname=name)
        self._done: asyncio.Future[None] | None = self._loop.create_future()

    def get_extra_info(self, name: str, default: object = None) -> object:
        """`ssl_object`."""
        return self._tls if name == "ssl_object" else default

    async def shake_hands(self) -> None:
        """Raises OSError, of which ssl.SSLError is one. Cancelled or failed, the connection is closed."""
        done = self._done
        assert done is not None  # noqa: S101 # once only
        self._step()
        self._watch()
        try:
            await done
        except BaseException:
            if self._done is None:
                self.abort()
            else:
                self._drop()
            raise

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send, as soon as it can be."""
        if self._closing or self._ended:
            return
        try:
            self._tls.write(data)
        except ssl.SSLError as error:
            self._end(error)
            return
        self._send(self._sealing.read())

    def _read(self) -> None:
        try:
            count = self._socket.recv_into(_incoming)
        except _NOTHING:
            return
        except OSError as error:
            self._fail(error)
            return
        if count:
            self._sealed.write(_incoming[:count])
        else:
            self._sealed.write_eof()
        if self._done is None:
            self._open(at_end=not count)
        elif count:
            self._step()
        else:
            self._fail(ConnectionResetError())

    def _step(self) -> None:
        """One step of the handshake."""
        done = self._done
        if done is None or done.done():
            return
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._send(self._sealing.read())
        except ssl.SSLError as error:
            # An alert says why.
            self._send(self._sealing.read())
            self._fail(error)
        else:
            self._send(self._sealing.read())
            if done.done():
                return
            self._done = None
            self._owner.connection_made(self)
            done.set_result(None)
            # What came behind the handshake is looked at when whoever waits has seen the peer.
            self._loop.call_soon(self._open)

    def _open(self, at_end: bool = False) -> None:
        """Whatever can be opened of what came."""
        try:
            while not self._closing:
                # With a buffer it gives a number (typeshed knows bytes only).
                count = cast(int, self._tls.read(READ_SIZE, self._owner.get_buffer(-1)))
                if not count:
                    self._finish()
                    return
                self._owner.buffer_updated(count)
        except ssl.SSLWantReadError:
            pass
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            self._finish()
            return
        except ssl.SSLError as error:
            self._send(self._sealing.read())
            self._end(error)
            return
        if self._sealing.pending:
            self._send(self._sealing.read())
        if at_end:
            self._finish()

    def _say_goodbye(self) -> None:
        if self._done is not None or self._ended:
            return
        # It wants the other side's goodbye, for which nobody waits.
        with contextlib.suppress(ssl.SSLError):
            self._tls.unwrap()
        if farewell := self._sealing.read():
            self._send_last(farewell)

    def _send_last(self, data: bytes) -> None:
        self._out += data
        self._push()

    def _fail(self, error: OSError) -> None:
        if self._done is not None:
            if not self._done.done():
                self._done.set_exception(error)
        else:
            self._end(error)

    def _end(self, error: Exception | None) -> None:
        if self._done is None:
            super()._end(error)
        elif isinstance(error, OSError):
            self._fail(error)

    def _drop(self) -> None:
        """Nobody was told of it yet."""
        if not self._ended:
            self._ended = self._closing = True
            self._close()
