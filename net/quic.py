"""A client connection of QUIC (RFC 9000) over one connected UDP socket; the codec is one of `net/quic_codecs.py`.

The socket is read and written here, so that both event loops behave alike, all datagrams of one turn leave together, and
nothing but the handshake is sent to a peer that is not proved. No early data (RFC 9001 §4.6), no migration.
"""

import asyncio
import errno
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from net.addresses import endpoint_of, family_of, refuse_itself
from net.dial import DialFailed, DialFailure, failure_of, race
from net.opening import open_socket
from net.proof import Unproved
from net.quic_client import QuicClient
from net.quic_codecs import (
    ALERTS,
    BAD_CERTIFICATE,
    INTERNAL_ERROR,
    Began,
    ClientCore,
    Ended,
    Heard,
    Octets,
    Reset,
    Stopped,
)
from net.readiness import READ, readiness
from net.shortage import is_shortage

MAX_QUIET = 4_096
"""Datagrams in a row that bring no octet of any stream: acknowledgements, PING and the like (RFC 9000 §21.9)."""

MAX_AT_ONCE = 64
"""Datagrams read in one turn of the loop."""

LARGEST_DATAGRAM = 65_535

_IP_MTU_DISCOVER = 10
_IPV6_MTU_DISCOVER = 23
_PMTUDISC_PROBE = 3
"""Linux: never fragment (RFC 9000 §14), whatever the path's MTU is said to be (include/uapi/linux/in.h)."""


class QuicLink:
    """One connection; subclasses say what its streams mean.

    A subclass overrides `ready`, `heard`, `was_reset`, `was_stopped`, and `lost`, which comes exactly once after `open`
    succeeded, when the connection has ended for whatever reason. `code` is the application's error code for "no error".
    """

    code = 0
    one_way = 0
    """Streams of one direction that the server may open; none of both directions."""

    def __init__(self, client: QuicClient) -> None:
        self._client = client
        self._loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._socket: socket.socket | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due = 0.0
        self._wake: asyncio.TimerHandle | None = None
        self._wake_due = 0.0
        self._scheduled = False
        self._allowed = 0
        self._quiet = 0
        self.address = ""
        self.core: ClientCore

    # what subclasses and owners use

    @property
    def closed(self) -> bool:
        """Whether nothing more can be sent."""
        return self._socket is None

    async def open(self, address: str, port: int) -> None:
        """Connect to a literal address and prove the peer. Raises DialFailed."""
        self.address = address
        try:
            self._socket = _connected(address, port)
        except OSError as error:
            raise DialFailed(failure_of(error), _text(error)) from None
        self.core = self._client.core(address, self.one_way)
        readiness(self._loop).watch(self._socket.fileno(), READ, self._on_readable)
        self.core.connect(self._loop.time())
        self._transmit()
        try:
            await self._opened
        except asyncio.CancelledError:
            self.abort()
            raise

    def streams_left(self) -> int:
        """Streams that may still be opened (RFC 9000 §4.6)."""
        return self._allowed - (self.core.next_stream() >> 2)

    def send_soon(self) -> None:
        """Send what the core holds at the end of this turn of the loop."""
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._flush)

    def close(self, code: int | None = None) -> None:
        """Say that it ends, with the application's `code`, and end; `lost` comes later."""
        if not self.closed:
            self.core.end(self.code if code is None else code)
            self._transmit()
            self._end(DialFailure.RESET, "closed")

    def abort(self) -> None:
        """As `close`: one datagram is not worth waiting for."""
        self.close()

    def keep_sessions(self) -> None:
        """Keep what the server gave for resumption; only call it once it has behaved."""
        self._client.remember(self.core.sessions)
        self.core.sessions.clear()

    def wake_at(self, due: float, now: float) -> None:
        """See that `timed` is called at `due` or before; both are instants of the owner's clock, in seconds."""
        if not self.closed and (self._wake is None or due < self._wake_due):
            if self._wake is not None:
                self._wake.cancel()
            self._wake_due = due
            self._wake = self._loop.call_later(max(0.0, due - now), self._on_wake)

    def ready(self) -> None:
        """The peer is proved: streams may be opened."""

    def heard(self, event: Octets) -> None:
        """Octets of a stream came, in order."""
        raise NotImplementedError

    def was_reset(self, event: Reset) -> None:
        """The peer will not finish its side of a stream."""
        raise NotImplementedError

    def was_stopped(self, event: Stopped) -> None:
        """The peer reads no more of a stream."""

    def allowed_more(self) -> None:
        """More streams may be opened than before."""

    def lost(self, detail: str) -> None:
        """The connection has ended; `detail` says how, without names."""
        raise NotImplementedError

    def timed(self) -> None:
        """The instant given to `wake_at` has come."""

    # what the event loop calls

    def _on_readable(self, _events: int) -> None:
        now = self._loop.time()
        for _ in range(MAX_AT_ONCE):
            if self._socket is None:
                return
            try:
                data = self._socket.recv(LARGEST_DATAGRAM)
            except (BlockingIOError, InterruptedError):
                break
            except OSError as error:
                self._broken(error)
                return
            if self.core.resets(data):
                self._end(DialFailure.RESET, "stateless reset")
                return
            self._quiet += 1
            self._give(self.core.receive, data, now)
        self._digest()
        if self._quiet > MAX_QUIET:
            self.close()
        self.send_soon()  # with what is asked in this turn

    def _on_timer(self) -> None:
        self._timer = None
        now = self._loop.time()
        due = self.core.due()
        if due is not None and now >= due:
            self._give(self.core.expire, now)
            self._digest()
        self._transmit()

    def _give(self, take: Callable[..., None], *given: object) -> None:
        """To the core. What it cannot bear is the server's doing, and ends the connection."""
        try:
            take(*given)
        except Exception as error:
            self.core.end(INTERNAL_ERROR, transport=True)
            self._transmit()
            self._end(DialFailure.RESET, type(error).__name__)

    def _on_wake(self) -> None:
        self._wake = None
        self.timed()

    def _flush(self) -> None:
        self._scheduled = False
        self._transmit()

    def _digest(self) -> None:
        """Act on all that the core understood; then see whether it has given up the connection."""
        allowed, before = self.core.allowed, self._allowed
        if self._opened.done():
            self._allowed = max(allowed, before)
        for event in self.core.heard():
            if self.closed:
                return
            _HANDLERS[event.__class__](self, event)
        if self.closed:
            return
        over = self.core.over
        if over is not None:
            self._transmit()
            self._end(*_meaning(over))
            return
        if self._allowed > before:
            self.allowed_more()

    def _transmit(self) -> None:
        if self._socket is None:
            return
        try:
            datagrams = self.core.outgoing(self._loop.time())
        except Exception as error:
            # as in `_give`, and it cannot even say that it ends
            self._end(DialFailure.RESET, type(error).__name__)
            return
        for data in datagrams:
            try:
                self._socket.send(data)
            except (BlockingIOError, InterruptedError):
                break  # as if the network had lost it
            except OSError as error:
                if is_shortage(error):
                    break  # likewise
                self._broken(error)
                return
        due = self.core.due()
        # a timer that comes too early finds nothing to do, and is set again
        if due is not None and (self._timer is None or due < self._timer_due):
            if self._timer is not None:
                self._timer.cancel()
            self._timer_due = due
            self._timer = self._loop.call_at(due, self._on_timer)

    def _handshaken(self, event: Began) -> None:
        try:
            self._client.prove(self.core, self.address)
        except Unproved as error:
            self.core.end(BAD_CERTIFICATE, transport=True)
            self._transmit()
            self._end(DialFailure.CERTIFICATE, str(error))
            return
        self._allowed = self.core.allowed
        self.ready()
        if not self._opened.done():
            self._opened.set_result(None)

    def _stream_heard(self, event: Octets) -> None:
        self._quiet = 0
        self.heard(event)

    def _broken(self, error: OSError) -> None:
        """The socket says that nobody is there (ICMP), or is of no use."""
        self._end(DialFailure.UNREACHABLE, _text(error))

    def _end(self, failure: DialFailure, detail: str) -> None:
        opened, self._socket = self._socket, None
        if opened is None:
            return
        readiness(self._loop).watch(opened.fileno(), 0)
        opened.close()
        for handle in (self._timer, self._wake):
            if handle is not None:
                handle.cancel()
        if not self._opened.done():
            self._opened.set_exception(DialFailed(failure, detail))
            self._opened.exception()  # whoever opened it may be gone
        elif not self._opened.cancelled():
            self._loop.call_soon(self.lost, detail)


_HANDLERS: dict[type[Heard], Callable[[QuicLink, Any], None]] = {
    Began: QuicLink._handshaken,
    Octets: QuicLink._stream_heard,
    Reset: lambda link, event: link.was_reset(event),
    Stopped: lambda link, event: link.was_stopped(event),
}
"""What we do about each thing that is heard."""

Q = TypeVar("Q", bound=QuicLink)


@dataclass(frozen=True, slots=True)
class QuicTarget:
    """Where to connect to; `limit` in seconds, for the whole of one address."""

    addresses: tuple[str, ...]
    port: int
    limit: float = 4.0


async def dial_quic(target: QuicTarget, make: Callable[[], Q]) -> Q:
    """A connected, proved link made by `make`. Raises DialFailed with the most telling reason of all addresses."""

    async def one(address: str) -> Q:
        link = make()
        try:
            async with asyncio.timeout(target.limit):
                await link.open(address, target.port)
        except TimeoutError:
            raise DialFailed(DialFailure.TIMEOUT, "no connection in time") from None
        return link

    return await race(target.addresses, one)


def _meaning(end: Ended) -> tuple[DialFailure, str]:
    """Why a connection ended. The peer's words are not repeated."""
    if end.code in ALERTS and end.transport:
        return DialFailure.TLS, f"alert {end.code - ALERTS.start}"
    if end.silent:
        return DialFailure.TIMEOUT, "nothing was heard"
    return DialFailure.RESET, f"code {end.code:#x}"


def _connected(address: str, port: int) -> socket.socket:
    """A socket of its own for one connection, from a port that the kernel chooses. Raises OSError."""
    family = family_of(address)
    opened = open_socket(family, socket.SOCK_DGRAM)
    try:
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER, _PMTUDISC_PROBE)
        else:
            opened.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _PMTUDISC_PROBE)
        opened.connect(endpoint_of(address, port))
        refuse_itself(opened, address, port)
    except BaseException:
        opened.close()
        raise
    return opened


def _text(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, type(error).__name__)
