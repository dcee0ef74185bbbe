"""TCP (RFC 7766): pipelined, answered out of order, with an idle time that shrinks as places fill. Who asks faster than it may is
not read until it may again: its own TCP window does the rest."""

import selectors
import socket
from dataclasses import dataclass, field
from math import inf

from net.sockets import NOW
from resolver.admission import Admission, Client, Connections
from resolver.edge.listen.acceptor import Acceptor, idle_time
from resolver.edge.listen.door import BEHIND, Watch
from resolver.edge.serve import Desk
from resolver.room import Room, room
from wire.dns.framing import Framer, frame
from wire.units import Instant

READ_SIZE = 16_384
"""Octets read at once of who is encrypted: a record of TLS."""
TURN = 1_024
"""The same in clear text, some twenty questions, whatever waits behind them: others have their turn in between."""
PACE = 0.05
"""Seconds after which those who ask faster than they may are looked at again."""
MAX_UNSENT = 256 * 1024
"""Octets a client may leave unread before it is cut off."""
PIECES = 3
"""Times that something came of one question, after which those who ask come before who says it: a crowd that says an octet a
second would have hundreds of turns at once."""


class Connection:
    """One client over TCP; also the road back to it."""

    __slots__ = (
        "_behind",
        "_dead",
        "_events",
        "_held",
        "_listener",
        "_out",
        "_pieces",
        "_stalled",
        "active",
        "address",
        "asked",
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
        self.address = ""
        self.active = now
        self.asked = False
        """Something that is a question."""
        self.framer = Framer()
        self.open = 0
        self.half = False
        self.dirty = False
        self._dead = False
        self._stalled = False
        self._out = bytearray()
        self._held: bytes | None = None
        """A question that came too soon; what is behind it waits in the framer, or unread."""
        self._behind = BEHIND
        """Until it has asked for the second time: one that asks once need not be watched otherwise for that."""
        self._pieces = 0
        """How often something came since it asked."""
        self._events = selectors.EVENT_READ | BEHIND

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
        if events & selectors.EVENT_READ and not self._dead:
            self._read(now)
        if events & selectors.EVENT_WRITE and not self._dead:
            self.flush(now)

    def _read(self, now: Instant) -> None:
        try:
            data = self.socket.recv(TURN, NOW)
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        if not data:
            self.half = True
            self._settle()
            return
        self._pieces += 1
        self._take(data, now)
        if self._pieces > PIECES:
            self._behind = BEHIND
        self._settle()

    def _take(self, data: bytes, now: Instant) -> None:
        """Ask what has come, as far as the pipeline and the rate go; the rest waits in the framer."""
        self._stalled = False
        for message in self.framer.feed(data):
            if not self._listener.pays(self.client, now):
                self._held = message
                self._listener.hold(self, now)
                return
            self._ask(message, now)
            if self._dead:
                return
            if self.open >= self._listener.pipeline:
                self._stalled = True
                return

    def _ask(self, message: bytes, now: Instant) -> None:
        # A piece of a message is no sign of life: an octet a second would hold a place for ever.
        self.active = now
        self._pieces = 0
        if self.asked:
            self._behind = 0
        self.open += 1
        self._listener.take(message, self, now)

    def resume(self, now: Instant) -> bool:
        """Go on where it asked too fast; False: it may not yet."""
        if self._dead:
            return True
        if not self._listener.pays(self.client, now):
            return False
        message, self._held = self._held, None
        if message is not None:
            self._ask(message, now)
        if not self._dead:
            self._stalled = True
            self._go_on(now)
            self._settle()
        return True

    def _go_on(self, now: Instant) -> None:
        """With what waits in the framer."""
        if self._stalled and self.open < self._listener.pipeline and len(self._out) < MAX_UNSENT // 2:
            self._take(b"", now)

    def flush(self, now: Instant) -> None:
        """Write what the socket takes."""
        self.dirty = False
        if self._dead:
            return
        try:
            sent = self.socket.send(self._out, NOW)
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
        self._go_on(now)
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
        if not (self.half or self.over or self.open >= self._listener.pipeline) and len(self._out) < MAX_UNSENT // 2:
            wants |= selectors.EVENT_READ
        if wants:
            wants |= self._behind
        if wants != self._events:
            self._events = wants
            self._listener.watch(self.socket, wants, self)

    @property
    def owing(self) -> bool:
        """Whether an answer is still to be made or written."""
        return self.open > 0 or bool(self._out) or self._stalled or self.over

    @property
    def over(self) -> bool:
        """Whether it asks faster than it may, and waits until it may again."""
        return self._held is not None

    def close(self) -> None:
        """End it now; answers that still come are dropped."""
        if not self._dead:
            self._dead = True
            self._listener.gone(self)


@dataclass(slots=True)
class Crowd:
    """Those of all listeners together, for they share their places: whoever makes room need not have come in by the same door."""

    places: Connections = field(default_factory=Connections)
    connections: set[Connection] = field(default_factory=set)


class StreamListener(Acceptor[Connection]):
    """Connections without encryption."""

    batch = 16
    prefix = "tcp"

    def __init__(self, endpoint: socket.socket, desk: Desk, admission: Admission, watch: Watch, crowd: Crowd) -> None:
        super().__init__(endpoint, watch)
        self.admission = admission
        self.places = crowd.places
        self._everybody = crowd.connections
        self._desk = desk
        self._over: list[Connection] = []
        """Who asks faster than it may, each once; `_resumes`: when they are looked at again."""
        self._resumes = Instant(inf)

    def use(self, admission: Admission, now: Instant) -> None:
        """Take the next generation's access list and groups, for the connections that are there too."""
        self.admission = admission
        self.use_admission(now)

    @property
    def pipeline(self) -> int:
        """Questions one connection may have open."""
        return self._desk.settings.tcp_pipeline

    def client_at(self, address: str, now: Instant) -> Client:
        """As admission knows it."""
        return self.admission.client(address, now)

    def may_enter(self, client: Client, now: Instant) -> bool:
        """As far as places and the access list go; if all are taken, somebody makes room, or nobody can."""
        settings = self._desk.settings
        if not client.allowed:
            self.count("dropped-access")
        elif not self.places.has_room(client, settings.tcp_clients_per_address):
            self.count("tcp-refused-client")
        elif self.places.taken >= settings.tcp_clients and not self.make_room(now):
            self.count("tcp-refused-full")
        else:
            return True
        return False

    def enter(self, endpoint: socket.socket, client: Client, now: Instant) -> Connection:
        """Take a place."""
        self.places.enter(client)
        connection = Connection(self, endpoint, client, now)
        self._everybody.add(connection)
        return connection

    def may_accept(self, now: Instant) -> bool:
        """Where all places are taken by those who have just come, who knocks waits until they have had their moment."""
        return self.places.taken < self._desk.settings.tcp_clients or not self._room(now).soon

    def make_room(self, now: Instant) -> bool:
        """Whose turn it is to go, goes."""
        going = self._room(now).going
        for connection in going:
            self.count("tcp-shed")
            connection.close()
        return bool(going)

    def _room(self, now: Instant) -> Room[Connection]:
        return room(self._everybody, now, self._desk.settings.tcp_clients)

    def left(self, connection: Connection) -> None:
        """Give the place back; nobody waits there any more."""
        self.places.leave(connection.client)
        self._everybody.discard(connection)
        if connection.open > 0:
            self._desk.forget(connection)

    def pays(self, client: Client, now: Instant) -> bool:
        """Whether it may ask once more now."""
        bucket = client.bucket
        if bucket is None:
            return True
        bucket.tokens -= 1.0
        return bucket.tokens >= 0.0 or bucket.refill(self.admission.rate, self.admission.burst, now)

    def hold(self, connection: Connection, now: Instant) -> None:
        """It asks faster than it may: it will be told to `resume` in a while."""
        self.count("tcp-slowed")
        self._over.append(connection)
        self._resumes = min(self._resumes, Instant(now + PACE))

    def flush(self, now: Instant) -> None:
        """As that of all; before, those who asked too fast go on."""
        if now >= self._resumes:
            self._resume(now)
        super().flush(now)

    def _resume(self, now: Instant) -> None:
        """Connections of one household share what it may: who had nothing of it comes first the next time."""
        over, self._over, self._resumes = self._over, [], Instant(inf)
        still = [one for one in over if not one.resume(now)]
        self._over[:0] = still
        if still:
            self._resumes = Instant(now + PACE)

    @property
    def reopens(self) -> Instant:
        """As that of all; or when somebody may ask again."""
        return min(super().reopens, self._resumes)

    def take(self, message: bytes, connection: Connection, now: Instant) -> None:
        """One framed query that was paid for."""
        client = connection.client
        response = self._desk.quick(message, client, connection, now)
        if response is not None:
            connection.send(response)
        elif not self._desk.receive(message, client, connection, now):
            connection.close()
            return
        connection.asked = True

    def expire(self, now: Instant) -> None:
        """Close who has been idle too long for how full it is. A crowd that never asks anything is none to those who did."""
        settings = self._desk.settings
        asked = sum(connection.asked for connection in self._everybody)
        patience = {
            False: idle_time(settings.tcp_idle, self.places.taken, settings.tcp_clients),
            True: idle_time(settings.tcp_idle, asked, settings.tcp_clients),
        }
        for connection in [c for c in self.connections if now - c.active > patience[c.asked] and c.open <= 0]:
            self.count("tcp-idle")
            connection.close()
        # Answers are owed, but nobody lives for ever: a client that stopped reading or sends half a message goes too.
        for connection in [c for c in self.connections if now - c.active > settings.tcp_idle + settings.deadline]:
            self.count("tcp-stuck")
            connection.close()

    def count(self, what: str) -> None:
        """Bump a counter."""
        self._desk.counters[what] += 1
