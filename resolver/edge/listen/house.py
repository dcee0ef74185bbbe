"""What all encrypted ways in share: the desk behind them, who may come in, and how many may stay."""

from collections.abc import Callable
from enum import Enum
from heapq import nsmallest
from typing import Protocol

from resolver.admission import MAX_CLIENTS, Admission, Bucket, Client, Connections
from resolver.edge.flights import Road
from resolver.edge.listen.acceptor import idle_time
from resolver.edge.serve import Desk
from resolver.http import HttpRequest, HttpResponse
from resolver.policy.discovery import label_of
from resolver.settings import SecureSettings
from wire.units import Instant

HANDSHAKES = 32.0
"""New connections a second of one household; each may cost a signature."""
HANDSHAKE_BURST = 128.0

SHED_SHARE = 32
"""If all places are taken, one of so many is freed at once: choosing costs a look at every connection."""
OVERDUE = 1.0
"""Seconds after which a connection that has not proved to speak TLS goes before all others."""
CROWD = 16
"""Connections of one household that count as one step when somebody has to go: who holds many loses some first."""

BARRED = 10.0
"""Seconds in which a household whose connection was ended for abuse gets no other one."""

Cancel = Callable[[], None]
"""Nobody waits for the response any more."""

Handler = Callable[[HttpRequest, Callable[[HttpResponse], None], Client, Instant], Cancel | None]
"""Answers one HTTP request: `handler(request, respond, client, now)`; `respond` is called once, now or later. What it returns,
if anything, is called if the request is called off before that."""


class Asked(Enum):
    """What became of a message."""

    TAKEN = "taken"
    """Its answer was sent, or will be."""
    NO_QUERY = "no query"
    """It is none; no answer will come."""
    OVER_RATE = "over rate"
    """Its client asks too fast; no answer will come."""


class Guest(Protocol):
    """One connection, of whatever kind. Its place is counted to the household of `client`."""

    client: Client
    active: Instant
    """When it last did something of use; at first, when it came."""

    @property
    def owing(self) -> bool:
        """Whether an answer is still to be made or written."""

    @property
    def proved(self) -> bool:
        """Whether its handshake is done."""

    def shed(self) -> None:
        """End at once, and leave the house."""


class SecureHouse:
    """One for the whole cell. `handlers` answer HTTP requests by path, over HTTP/2 and HTTP/3 alike."""

    def __init__(self, settings: SecureSettings, desk: Desk, admission: Admission) -> None:
        self.desk = desk
        self.handlers: dict[str, Handler] = {}
        self.doh_target: bytes | None = None
        """How the target of a DNS query by GET begins, if any is served."""
        self.guests: set[Guest] = set()
        self.places = Connections()
        self.uploads = 0
        """Octets of requests and responses that are kept for all HTTP connections together."""
        self._handshakes: dict[bytes, Bucket] = {}
        self._barred: dict[bytes, Instant] = {}
        self._identified: dict[tuple[bytes, int], Client] = {}
        self.use(settings, admission)

    def use(self, settings: SecureSettings, admission: Admission) -> None:
        """The next generation; who is inside is looked at by the listeners."""
        self.settings = settings
        self.admission = admission
        self._groups = dict(settings.identities)
        self._identified.clear()

    def count(self, what: str) -> None:
        """Bump a counter."""
        self.desk.counters[what] += 1

    # questions

    def ask(self, message: bytes, client: Client, road: Road, now: Instant) -> Asked:
        """Put one DNS message on the desk; its answer goes to `road`, now or later. The rate limit holds here."""
        return self.put(message, client, road, now) if self.pays(client, now) else Asked.OVER_RATE

    def pays(self, client: Client, now: Instant) -> bool:
        """Whether `client` may ask once more; False means that it asks too fast."""
        bucket = client.bucket
        if bucket is None:
            return True
        bucket.tokens -= 1.0
        if bucket.tokens >= 0.0 or bucket.refill(self.admission.rate, self.admission.burst, now):
            return True
        self.count("dropped-rate")
        return False

    def put(self, message: bytes, client: Client, road: Road, now: Instant) -> Asked:
        """As `ask`, for what was paid already."""
        response = self.desk.quick(message, client, road, now)
        if response is not None:
            road.send(response)
            return Asked.TAKEN
        return Asked.TAKEN if self.desk.receive(message, client, road, now) else Asked.NO_QUERY

    def identified(self, client: Client, label: str) -> Client:
        """`client` as one who calls itself `label` (folded): in that one's group, if there is one, with its own limits."""
        group = self._groups.get(label)
        if group is None or group == client.group:
            return client
        key = (client.packed, group)
        known = self._identified.get(key)
        if known is None or known.bucket is not client.bucket:
            if len(self._identified) >= MAX_CLIENTS:
                self._identified.clear()
            known = self._identified[key] = Client(client.allowed, group, client.bucket, client.packed)
        return known

    def named(self, client: Client, peer_name: str) -> Client:
        """`client` by the leading label of the name it asked for in the handshake."""
        return (
            self.identified(client, label_of(peer_name, self.settings.name)) if self._groups and peer_name else client
        )

    # places

    @property
    def patience(self) -> float:
        """Seconds a connection may idle just now: the fuller the house, the shorter."""
        return idle_time(self.settings.idle, len(self.guests), self.settings.connections)

    def may_enter(self, client: Client, now: Instant) -> bool:
        """Whether one more connection of `client` is let in; if the house is full, others are shed for it."""
        if not client.allowed:
            self.count("dropped-access")
        elif not self.places.has_room(client, self.settings.connections_per_address):
            self.count("secure-refused-client")
        elif self._is_barred(client, now):
            self.count("secure-refused-barred")
        elif not self._pays_for_handshake(client, now):
            self.count("secure-refused-handshakes")
        elif len(self.guests) >= self.settings.connections and not self.make_room(now):
            self.count("secure-refused-full")
        else:
            return True
        return False

    def enter(self, guest: Guest) -> None:
        """Take a place."""
        self.guests.add(guest)
        self.places.enter(guest.client)

    def leave(self, guest: Guest) -> None:
        """Give it back."""
        if guest in self.guests:
            self.guests.remove(guest)
            self.places.leave(guest.client)

    def bar(self, client: Client, now: Instant) -> None:
        """Let in no more connections of one who abused the last one: what it did before it was ended would cost too much if it
        could be done again at once."""
        if len(self._barred) >= MAX_CLIENTS:
            self._barred.clear()
        self._barred[client.household] = now

    def _is_barred(self, client: Client, now: Instant) -> bool:
        if not self._barred:
            return False
        key = client.household
        since = self._barred.get(key)
        if since is not None and now - since > BARRED:
            del self._barred[key]
            since = None
        return since is not None

    def _pays_for_handshake(self, client: Client, now: Instant) -> bool:
        key = client.household
        bucket = self._handshakes.get(key)
        if bucket is None:
            if len(self._handshakes) >= MAX_CLIENTS:
                self._handshakes.clear()
            bucket = self._handshakes[key] = Bucket(HANDSHAKE_BURST, now)
        bucket.tokens -= 1.0
        return bucket.tokens >= 0.0 or bucket.refill(HANDSHAKES, HANDSHAKE_BURST, now)

    def make_room(self, now: Instant) -> bool:
        """Shed some who wait for nothing: first handshakes that take too long, then those of whoever holds most, then those that
        were silent longest. False if all wait for answers."""

        def order(guest: Guest) -> tuple[bool, int, float]:
            overdue = not guest.proved and now - guest.active > OVERDUE
            return not overdue, -(self.places.held_by(guest.client.household) // CROWD), guest.active

        idle = [guest for guest in self.guests if not guest.owing]
        chosen = nsmallest(max(1, self.settings.connections // SHED_SHARE), idle, key=order)
        for guest in chosen:
            self.count("secure-shed")
            guest.shed()
        return bool(chosen)
