"""How fast a client, and all who hold no lease, may speak: token buckets with a bound on their number."""

from collections import OrderedDict

from dhcp.values import Tag
from wire.units import Instant

BURST = 20.0
"""Messages at once of one client."""
_CLIENTS = 4_096
"""Clients remembered; the one that was quiet for longest is forgotten for a new one."""
_INTERFACES = 256


class Bucket:
    """A token bucket. A flood leaves no debt: who stops gets through again within a token's time."""

    __slots__ = ("tokens", "updated")

    def __init__(self, tokens: float, now: Instant) -> None:
        self.tokens = tokens
        self.updated = now

    def take(self, rate: float, burst: float, now: Instant) -> bool:
        """One token, if there is one."""
        tokens, passed = self.tokens, now - self.updated
        if passed > 0.0:
            tokens += passed * rate
        if tokens > burst:
            tokens = burst
        self.updated = now
        paid = tokens >= 1.0
        self.tokens = tokens - 1.0 if paid else tokens
        return paid


CONFLICTS = 16.0
"""How many addresses one hardware address may say are taken, at once and then in an hour."""
_ACCUSERS = 256
_HOUR = 3_600.0


class Accusers:
    """Who answers probes. A host that says of every address that it is taken keeps newcomers out, so it is believed for some."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[bytes, Bucket] = OrderedDict()

    def believes(self, hardware: bytes, now: Instant) -> bool:
        """Whether one conflict more counts that comes from this hardware address (empty: from who does not say one)."""
        bucket = self._buckets.get(hardware)
        if bucket is None:
            if len(self._buckets) >= _ACCUSERS:
                self._buckets.popitem(last=False)
            bucket = self._buckets[hardware] = Bucket(CONFLICTS, now)
        self._buckets.move_to_end(hardware)
        return bucket.take(CONFLICTS / _HOUR, CONFLICTS, now)


class Limits:
    """The buckets of the server. `rate`: messages a second of one client, `BURST` at once. `interface_rate`: messages a
    second of all clients of one interface that hold no lease, a second's worth at once.

    Who holds a lease is not counted in the interface's bucket: however many newcomers there are, or however many addresses one
    attacker invents, renewals pass. Newcomers are counted there first, so that invented ones do not push out what is remembered.
    """

    def __init__(self, rate: float, interface_rate: float) -> None:
        self._rate = rate
        self._burst = max(BURST, rate)
        self._interface_rate = interface_rate
        self._clients: OrderedDict[Tag, Bucket] = OrderedDict()
        self._interfaces: dict[int, Bucket] = {}

    def admits(self, client: Tag, interface: int, holder: bool, now: Instant) -> bool:
        """Whether a message of `client` that came in on `interface` is looked at. `holder`: it has a lease (or an offer)."""
        if not holder and not self._interface(interface, now).take(self._interface_rate, self._interface_rate, now):
            return False
        return self._client(client, now).take(self._rate, self._burst, now)

    def _client(self, client: Tag, now: Instant) -> Bucket:
        clients = self._clients
        bucket = clients.get(client)
        if bucket is None:
            if len(clients) >= _CLIENTS:
                clients.popitem(last=False)
            bucket = clients[client] = Bucket(self._burst, now)
        else:
            clients.move_to_end(client)
        return bucket

    def _interface(self, number: int, now: Instant) -> Bucket:
        bucket = self._interfaces.get(number)
        if bucket is None:
            if len(self._interfaces) >= _INTERFACES:
                self._interfaces.clear()
            bucket = self._interfaces[number] = Bucket(self._interface_rate, now)
        return bucket
