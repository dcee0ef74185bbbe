"""TLS over TCP (RFC 8446): accepted sockets, handshakes and records. What is spoken above it is a `Session`.

Nothing is spent on a client before its first record is there: no TLS object, and no signature for one who offers protocols that
are not spoken here. Reading and writing go through memory, so everything is one loop and no call waits.
"""

import contextlib
import selectors
import socket
import ssl
from typing import Protocol

from net.sockets import NOW
from net.tls_server import ServerContexts
from resolver.admission import Client
from resolver.edge.listen.door import BEHIND, Watch
from resolver.edge.listen.house import SecureHouse
from resolver.edge.listen.stream import MAX_UNSENT, READ_SIZE, TURN
from resolver.settings import Served
from wire.errors import Malformed
from wire.tls_hello import NO_APPLICATION_PROTOCOL, parse_hello, record_length
from wire.units import Instant

MAX_NOISE = 64 * 1024
"""Octets of TLS that may come before some of them are the session's: the rest is handshake, key updates and empty records."""

PROTOCOLS = {Served.TLS: "dot", Served.HTTPS: "h2"}
"""By ALPN (RFC 7858 §3.2 with the registry's name, RFC 9113 §3.2)."""
INSISTING = frozenset({Served.HTTPS})
"""Those whose clients must say it; for DoT ALPN came later than the protocol."""

_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Session(Protocol):
    """What speaks above TLS on one connection: DoT, or HTTP/2."""

    @property
    def owing(self) -> bool:
        """Whether an answer is still to be made or written."""

    def received(self, data: bytes, now: Instant) -> None:
        """Octets came; never empty."""

    def sent(self, now: Instant) -> None:
        """Octets left, and there is room for more."""

    def expired(self, now: Instant) -> bool:
        """Whether it has been idle, or stuck, for too long: then it is ended."""

    def leave(self) -> None:
        """The cell ends: say so, if the protocol has a word for it. The connection is closed next."""

    def ended(self) -> None:
        """The connection is gone; nothing can be written, and no answer is wanted any more."""


class Listener(Protocol):
    """What a connection needs of the one who accepted it."""

    served: Served
    contexts: ServerContexts
    house: SecureHouse
    watch: Watch
    dirty: list["TlsConnection"]
    """Those with something to write; `flush` is called for each at the end of a wake-up."""

    def speak(self, connection: "TlsConnection", house: SecureHouse) -> Session:
        """Make what is spoken above a connection, when its handshake is done."""

    def gone(self, connection: "TlsConnection") -> None:
        """Give its place back."""

    def put_off(self, connection: "TlsConnection") -> None:
        """It has had its turn, and more of it is here: it is told to `go_on` when the others had theirs."""


class TlsConnection:
    """One accepted socket. `peer_name` is the name the client asked for (SNI, lower case, "" if none), `alpn` what was agreed on
    ("" if nothing); both are there before a session is made."""

    __slots__ = (
        "_closed",
        "_events",
        "_hello",
        "_incoming",
        "_listener",
        "_noise",
        "_out",
        "_outgoing",
        "_paused",
        "_plain",
        "_put_off",
        "_tls",
        "active",
        "address",
        "alpn",
        "client",
        "dirty",
        "half",
        "peer_name",
        "session",
        "since",
        "socket",
    )

    def __init__(self, listener: Listener, endpoint: socket.socket, client: Client, now: Instant) -> None:
        self._listener = listener
        self.socket = endpoint
        self.client = client
        self.since = self.active = now
        self.address = self.peer_name = self.alpn = ""
        self.session: Session | None = None
        self.dirty = self.half = False
        self._hello = b""
        self._tls: ssl.SSLObject | None = None
        self._incoming: ssl.MemoryBIO
        self._outgoing: ssl.MemoryBIO
        self._plain = bytearray()
        self._out = b""
        """What is encrypted and waits for the socket."""
        self._noise = 0
        self._paused = self._put_off = self._closed = False
        self._events = _READ | BEHIND

    # for the session

    @property
    def unsent(self) -> int:
        """Octets that wait to be written."""
        waiting = self._outgoing.pending if self._tls is not None else 0
        return len(self._plain) + waiting + len(self._out)

    def write(self, data: bytes) -> None:
        """Queue octets; they leave at the end of this wake-up, together with others. Dropped if the connection is gone."""
        if not self._closed:
            self._plain += data
            self._mark()

    def write_apart(self, data: bytes) -> None:
        """The same, in a TLS record of their own, for clients that read one record at a time and expect one answer in it: dnsperf
        2.10 loses the others. They still leave together."""
        if data and self._tls is not None and not self._plain and not self._closed:
            try:
                self._tls.write(data)
            except ssl.SSLError:
                pass  # what cannot be written stays, and `flush` ends the connection for it
            else:
                if not self.dirty:
                    self._mark()
                return
        self.write(data)

    def pause(self, paused: bool) -> None:
        """Read nothing more for now, or again: the client's own TCP window does the rest."""
        self._paused = paused
        self._mark()

    def close(self) -> None:
        """Write what is queued, as far as the socket takes it, say close_notify, and end it."""
        if self._closed:
            return
        if self._tls is not None and self.session is not None:
            # It would wait for the client's close_notify; we do not. Nor for the rest of a message that keeps us from writing.
            with contextlib.suppress(ssl.SSLError):
                self._encrypt()
                self._tls.unwrap()
            self._out += self._outgoing.read()
        self._end_with(b"")

    # for the house and the loop

    @property
    def owing(self) -> bool:
        """Whether an answer is still to be made or written."""
        return self.session is not None and (self.session.owing or self.unsent > 0)

    @property
    def proved(self) -> bool:
        """Whether the handshake is done."""
        return self.session is not None

    def shed(self) -> None:
        """Somebody else needs the place."""
        self.close()

    def ready(self, events: int, now: Instant) -> None:
        """Read, and write what is left over."""
        if events & _READ and not (self._closed or self._put_off):
            self._read(now)
        if events & _WRITE and not self._closed:
            self.flush(now)

    def _read(self, now: Instant) -> None:
        try:
            data = self.socket.recv(READ_SIZE, NOW)
        except BlockingIOError:
            return
        except OSError:
            self._gone()
            return
        if not data:
            self._heard_end()
            return
        self._noise += len(data)
        self._take(data, now)

    def _take(self, data: bytes, now: Instant) -> None:
        """Go on with these octets of the client's, if any, and with those that were left where the session paused."""
        try:
            if self._tls is None:
                data = self._begin(data)
            if self._tls is not None and not self._closed:
                self._incoming.write(data)
                self._advance(now)
        except Malformed:
            self._fail("tls-no-hello")
        except ssl.SSLError:
            # What OpenSSL has to say of it (an alert) is sent; who it was is nobody's business.
            self._fail("tls-broken" if self.session else "tls-handshake-failed")

    def _begin(self, data: bytes) -> bytes:
        """Collect the first record; all that came, once it is whole and asks for what is spoken here. Raises Malformed."""
        self._hello += data
        length = record_length(self._hello)
        if length is None or len(self._hello) < length:
            return b""
        hello = parse_hello(self._hello[:length])
        protocol = PROTOCOLS[self._listener.served].encode()
        if protocol not in hello.protocols and (hello.protocols or self._listener.served in INSISTING):
            self._listener.house.count("tls-wrong-protocol")
            self._end_with(NO_APPLICATION_PROTOCOL)
            return b""
        self.peer_name = hello.server_name
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = self._listener.contexts.begin(self._incoming, self._outgoing)
        data, self._hello = self._hello, b""
        return data

    def _advance(self, now: Instant) -> None:
        """Go on with the handshake or take what was decrypted. Raises SSLError."""
        assert self._tls is not None  # noqa: S101 # _begin made it
        try:
            if self.session is None:
                self._tls.do_handshake()
                self._start(now)
            taken = 0
            while not self._closed and not self._paused:
                # Never more than came, as a rule; room for much more takes time to get.
                came = self._incoming.pending
                data = self._tls.read(came if 0 < came < TURN else TURN)
                if not data:
                    self._heard_end()
                    return
                self._noise = 0
                assert self.session is not None  # noqa: S101 # _start made it
                self.session.received(data, now)
                if not self._incoming.pending and not self._tls.pending():
                    # That nothing is left need not be heard from OpenSSL: it would say so by an exception.
                    self._mark()
                    break
                taken += len(data)
                if taken >= TURN:
                    self._put_off = True
                    self._listener.put_off(self)
                    self._mark()
                    break
        except ssl.SSLWantReadError:
            self._mark()
        if self._noise > MAX_NOISE:
            self._fail("tls-noise")

    def _start(self, now: Instant) -> None:
        assert self._tls is not None  # noqa: S101 # _begin made it
        self.alpn = self._tls.selected_alpn_protocol() or ""
        self.active = now
        self._listener.house.count("tls-resumed" if self._tls.session_reused else "tls-handshakes")
        self.session = self._listener.speak(self, self._listener.house)

    def _heard_end(self) -> None:
        """The client will say no more; it still gets what it is owed."""
        self.half = True
        if self.owing:
            self._settle()
        else:
            self.close()

    def _fail(self, what: str) -> None:
        self._listener.house.count(what)
        if self._tls is not None and not self._closed:
            self._out += self._outgoing.read()
        self._end_with(b"")

    def _mark(self) -> None:
        if not self.dirty and not self._closed:
            self.dirty = True
            self._listener.dirty.append(self)

    def _encrypt(self) -> None:
        """Raises SSLError: OpenSSL writes nothing while it has half a handshake message of the client's, a KeyUpdate say."""
        if self._tls is None:
            return
        if self._plain:
            self._tls.write(self._plain)
            self._plain.clear()
        if self._out:
            self._out += self._outgoing.read()
        else:
            self._out = self._outgoing.read()

    def flush(self, now: Instant) -> None:
        """Encrypt what was queued, and write what the socket takes."""
        self.dirty = False
        if self._closed:
            return
        try:
            self._encrypt()
        except ssl.SSLError:
            self._fail("tls-broken")
            return
        if self._out and not self._send(now):
            return
        stays = self._events == _READ and not (self.half or self._paused or self._put_off)
        if not self._out and stays and self.session is not None:
            # Nearly always: nothing is left, and nothing else is waited for.
            self.session.sent(now)
            if self._incoming.pending:
                self._take_more(now)
            return
        unsent = self.unsent
        if unsent > MAX_UNSENT:
            self._listener.house.count("tls-slow-reader")
            self._gone()
            return
        if self.session is not None and unsent < MAX_UNSENT // 2:
            self.session.sent(now)
            self._take_more(now)
        self._settle()

    def go_on(self, now: Instant) -> None:
        """Its turn has come again."""
        self._put_off = False
        self._take_more(now)

    def _take_more(self, now: Instant) -> None:
        """Where the session paused, or had its turn, more may be there, in part of a record too, than the socket tells of."""
        if self._tls is None or self._closed or self._paused or self._put_off:
            return
        if self._incoming.pending or self._tls.pending():
            self._take(b"", now)

    def _send(self, now: Instant) -> bool:
        try:
            sent = self.socket.send(self._out, NOW)
        except BlockingIOError:
            return True
        except OSError:
            self._gone()
            return False
        self._out = b"" if sent == len(self._out) else self._out[sent:]
        if self.session is not None:
            self.active = now
        return True

    def _settle(self) -> None:
        """Which events matter now; one who will say no more is let go once all is written."""
        if self._closed or self.dirty:
            # What is queued is written first; then it is settled.
            return
        if self.half and not self.owing:
            self.close()
            return
        wants = _WRITE if self._out else 0
        if not (self.half or self._paused or self._put_off) and (not wants or self.unsent < MAX_UNSENT // 2):
            wants |= _READ
        if wants and self.session is None:
            wants |= BEHIND
        if wants != self._events:
            self._events = wants
            self._listener.watch(self.socket, wants, self)

    def _end_with(self, last: bytes) -> None:
        """The last octets, if the socket takes them, and the end."""
        if self._closed:
            return
        self._out += last
        # If it does not read or is gone: it would have been told only that this is the end.
        with contextlib.suppress(OSError):
            if self._out:
                self.socket.send(self._out, NOW)
        self._gone()

    def _gone(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._listener.gone(self)
        session, self.session = self.session, None  # they hold each other, and Python looks for such circles seldom
        if session is not None:
            session.ended()
