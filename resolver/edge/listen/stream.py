"""TCP (RFC 7766): pipelined, answered out of order, with an idle time that shrinks as places fill."""

import selectors
import socket
from collections.abc import Callable

from resolver.admission import Admission, Client
from resolver.edge.serve import Desk
from wire.dns.framing import Framer, frame
from wire.units import Instant

READ_SIZE = 16_384
MAX_UNSENT = 256 * 1024
"""Octets a client may leave unread before it is cut off."""

ACCEPT_BATCH = 16
MINIMUM_IDLE = 0.2
"""Seconds; the shortest idle time under full load."""

IDLE_SHARES = ((0.5, 1.0), (0.35, 0.1), (0.2, 0.02), (0.0, 0.0))
"""(at least so many places free, share of the idle time): the fuller, the shorter."""

Watch = Callable[[socket.socket, int, object], None]
"""Tell the loop which events of a socket matter from now on (0: none, forget it)."""


class Connection:
    """One client over TCP; also the road back to it."""

    __slots__ = (
        "_dead",
        "_events",
        "_listener",
        "_out",
        "_stalled",
        "active",
        "client",
        "dirty",
        "framer",
        "half",
        "open",
        "socket",
    )
    stream = True
    encrypted = False

    def __init__(self, listener: "StreamListener", endpoint: socket.socket, client: Client, now: Instant) -> None:
        self._listener = listener
        self.socket = endpoint
        self.client = client
        self.active = now
        self.framer = Framer()
        self.open = 0
        self.half = False
        self.dirty = False
        self._dead = False
        self._stalled = False
        self._out = bytearray()
        self._events = selectors.EVENT_READ

    def send(self, response: bytes) -> None:
        """Queue the response; it is written at the end of this wake-up, together with others."""
        self.open -= 1
        if self._dead:
            return
        self._out += frame(response)
        if not self.dirty:
            self.dirty = True
            self._listener.dirty.append(self)

    def ready(self, events: int, now: Instant) -> None:
        """Read and answer, and write what is left over."""
        if events & selectors.EVENT_READ:
            self._read(now)
        if events & selectors.EVENT_WRITE and not self._dead:
            self.flush(now)

    def _read(self, now: Instant) -> None:
        try:
            data = self.socket.recv(READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        if not data:
            self.half = True
            self._settle()
            return
        self._take(data, now)
        self._settle()

    def _take(self, data: bytes, now: Instant) -> None:
        """Ask what has come, as far as the pipeline goes; the rest waits in the framer."""
        self._stalled = False
        for message in self.framer.feed(data):
            # A piece of a message is no sign of life: an octet a second would hold a place for ever.
            self.active = now
            self.open += 1
            self._listener.take(message, self, now)
            if self._dead:
                return
            if self.open >= self._listener.pipeline:
                self._stalled = True
                return

    def flush(self, now: Instant) -> None:
        """Write what the socket takes."""
        self.dirty = False
        if self._dead:
            return
        try:
            sent = self.socket.send(self._out)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.close()
            return
        if sent:
            del self._out[:sent]
            self.active = now
        if len(self._out) > MAX_UNSENT:
            self._listener.count("tcp-slow-reader")
            self.close()
            return
        if self._stalled and self.open < self._listener.pipeline and len(self._out) < MAX_UNSENT // 2:
            self._take(b"", now)
        self._settle()

    def _settle(self) -> None:
        """Decide which events matter now; close a half-closed connection once all its answers are out."""
        if self._dead:
            return
        if self.half and not self.owing:
            self.close()
            return
        wants = selectors.EVENT_WRITE if self._out else 0
        # Not reading is the back-pressure: the client's own TCP window does the rest.
        if not self.half and self.open < self._listener.pipeline and len(self._out) < MAX_UNSENT // 2:
            wants |= selectors.EVENT_READ
        if wants != self._events:
            self._events = wants
            self._listener.watch(self.socket, wants, self)

    @property
    def owing(self) -> bool:
        """Whether an answer is still to be made or written."""
        return self.open > 0 or bool(self._out) or self._stalled

    def close(self) -> None:
        """End it now; answers that still come are dropped."""
        if not self._dead:
            self._dead = True
            self._listener.gone(self)


class StreamListener:
    """One listening TCP socket and its connections."""

    def __init__(
        self, endpoint: socket.socket, desk: Desk, admission: Admission, watch: Watch, places: "Places"
    ) -> None:
        endpoint.setblocking(False)
        self.socket = endpoint
        self.admission = admission
        self.watch = watch
        self.places = places
        self.dirty: list[Connection] = []
        self.connections: set[Connection] = set()
        self._desk = desk
        self._due = Instant(0.0)

    @property
    def owing(self) -> bool:
        """Whether an answer to anybody is still to be made or written."""
        return any(connection.owing for connection in self.connections)

    def use(self, admission: Admission, now: Instant) -> None:
        """Take the next generation's access list and groups, for the connections that are there too."""
        self.admission = admission
        for connection in list(self.connections):
            try:
                client = admission.client(connection.socket.getpeername()[0], now)
            except OSError:
                connection.close()
                continue
            connection.client.connections -= 1
            client.connections += 1
            connection.client = client
            if not client.allowed:
                self.count("dropped-access")
                connection.close()

    @property
    def pipeline(self) -> int:
        """Questions one connection may have open."""
        return self._desk.settings.tcp_pipeline

    def ready(self, _events: int, now: Instant) -> None:
        """Accept who is waiting, as far as places and the access list go."""
        for _ in range(ACCEPT_BATCH):
            try:
                endpoint, address = self.socket.accept()
            except BlockingIOError:
                return
            except OSError as error:
                self.count(f"tcp-accept-{error.errno}")
                return
            self._admit(endpoint, address[0], now)

    def _admit(self, endpoint: socket.socket, address: str, now: Instant) -> None:
        client = self.admission.client(address, now)
        settings = self._desk.settings
        if not client.allowed or client.connections >= settings.tcp_clients_per_address:
            self.count("tcp-refused-client" if client.allowed else "dropped-access")
            endpoint.close()
            return
        if self.places.taken >= settings.tcp_clients:
            self.count("tcp-refused-full")
            endpoint.close()
            return
        endpoint.setblocking(False)
        endpoint.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(self, endpoint, client, now)
        client.connections += 1
        self.places.taken += 1
        self.connections.add(connection)
        self.watch(endpoint, selectors.EVENT_READ, connection)

    def take(self, message: bytes, connection: Connection, now: Instant) -> None:
        """One framed query; the rate limit holds here too, but a client over it is slowed by losing its connection."""
        client = connection.client
        bucket = client.bucket
        if bucket is not None:
            bucket.tokens -= 1.0
            if bucket.tokens < 0.0 and not bucket.refill(self.admission.rate, self.admission.burst, now):
                self.count("dropped-rate")
                connection.close()
                return
        response = self._desk.quick(message, client, connection, now)
        if response is not None:
            connection.send(response)
        elif not self._desk.receive(message, client, connection, now):
            connection.close()

    def flush(self, now: Instant) -> None:
        """Write the answers of this wake-up, one send for each connection."""
        while self.dirty:
            # A connection that may go on with its pipeline answers from the cache at once, and is dirty again.
            waiting, self.dirty = self.dirty, []
            for connection in waiting:
                connection.flush(now)

    def expire_sometimes(self, now: Instant) -> None:
        """`expire`, at most once a fifth of a second: it looks at every connection."""
        if self.connections and now >= self._due:
            self._due = Instant(now + MINIMUM_IDLE)
            self.expire(now)

    def expire(self, now: Instant) -> None:
        """Close who has been idle too long for how full it is."""
        settings = self._desk.settings
        patience = idle_time(settings.tcp_idle, self.places.taken, settings.tcp_clients)
        for connection in [c for c in self.connections if now - c.active > patience and c.open <= 0]:
            self.count("tcp-idle")
            connection.close()
        # Answers are owed, but nobody lives for ever: a client that stopped reading or sends half a message goes too.
        for connection in [c for c in self.connections if now - c.active > settings.tcp_idle + settings.deadline]:
            self.count("tcp-stuck")
            connection.close()

    def gone(self, connection: Connection) -> None:
        """Give the place back."""
        self.watch(connection.socket, 0, connection)
        connection.socket.close()
        self.connections.discard(connection)
        self.places.taken -= 1
        connection.client.connections -= 1
        if connection.open > 0:
            self._desk.forget(connection)

    def close(self) -> None:
        """Stop accepting; connections that are open go on until they end."""
        if self.socket.fileno() >= 0:
            self.watch(self.socket, 0, self)
            self.socket.close()

    @property
    def ended(self) -> bool:
        """Closed, and nobody is left."""
        return self.socket.fileno() < 0 and not self.connections

    def count(self, what: str) -> None:
        """Bump a counter."""
        self._desk.counters[what] += 1


class Places:
    """How many connections are open on all TCP listeners together."""

    __slots__ = ("taken",)

    def __init__(self) -> None:
        self.taken = 0


def idle_time(full: float, taken: int, places: int) -> float:
    """Seconds a connection may idle when `taken` of `places` are in use (RFC 7766 §6.2.3 leaves it to us)."""
    free = 1 - taken / max(places, 1)
    share = next(share for least, share in IDLE_SHARES if free >= least)
    return max(full * share, MINIMUM_IDLE)
