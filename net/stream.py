"""One byte stream over TCP or TLS: reads into one buffer, writes once per turn of the loop, one timer."""

import asyncio
import ssl
from typing import cast

BUFFER = 32 * 1024
"""Octets read at once: two TLS records."""


class Link(asyncio.BufferedProtocol):
    """An open connection; subclasses say what the bytes mean.

    A subclass overrides `received`, and `lost`, which comes exactly once when the connection has ended for whatever
    reason. `write` may be called at any time; after the end it does nothing. `tls` is None on a clear stream, `address`
    the literal that was dialled.
    """

    def __init__(self) -> None:
        # a view: asyncio's TLS reads on into `buffer[n:]`, which would be a lost copy of a bytearray
        self._buffer = memoryview(bytearray(BUFFER))
        self._out: list[bytes] = []
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._closing = False
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self.paused = False
        self.tls: ssl.SSLObject | None = None
        self.address = ""

    # what subclasses and owners use

    @property
    def closed(self) -> bool:
        """Whether the connection takes no more bytes."""
        return self._closing or self._transport is None

    def write(self, data: bytes) -> None:
        """Send `data` at the end of this turn of the loop, together with all that is written until then."""
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(data)

    def close(self) -> None:
        """End the connection after what was written; `lost` comes later."""
        if not self._closing:
            self._flush()
            self._closing = True
            if self._transport is not None:
                self._transport.close()

    def abort(self) -> None:
        """End the connection now; `lost` comes later."""
        self._closing = True
        if self._transport is not None:
            self._transport.abort()

    def wake_at(self, due: float, now: float) -> None:
        """See that `timed` is called at `due` or before; both are instants of the owner's clock, in seconds."""
        if self._timer is None or due < self._due:
            if self._timer is not None:
                self._timer.cancel()
            self._due = due
            self._timer = self._loop.call_later(max(0.0, due - now), self._on_timer)

    def received(self, data: memoryview) -> None:
        """Bytes came; `data` is valid only during the call."""
        raise NotImplementedError

    def lost(self, error: Exception | None) -> None:
        """The connection has ended; None if somebody closed it in good order."""
        raise NotImplementedError

    def timed(self) -> None:
        """The instant given to `wake_at` has come."""

    # what the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is open (and encrypted, if it is to be)."""
        self._transport = cast(asyncio.Transport, transport)
        self.tls = transport.get_extra_info("ssl_object")

    def proved(self) -> None:
        """The peer is the one we meant: only now may anything of ours be sent."""

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the loop may put bytes."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """The loop put `nbytes` there."""
        self.received(self._buffer[:nbytes])

    def eof_received(self) -> None:
        """The far end sends no more: a half-closed connection is of no use to us, and is closed."""

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self._closing = True
        self._transport = None
        self._out.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.lost(exc)

    def pause_writing(self) -> None:
        """The far end reads too slowly."""
        self.paused = True

    def resume_writing(self) -> None:
        """It has caught up."""
        self.paused = False

    def _flush(self) -> None:
        if self._out and not self._closing and self._transport is not None:
            self._transport.write(b"".join(self._out))
        self._out.clear()

    def _on_timer(self) -> None:
        self._timer = None
        self.timed()
