"""Who may ask, how fast, and in which group: one look-up by client address, before anything is parsed."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from resolver.settings import FrontSettings
from wire.units import Instant

MAX_CLIENTS = 16_384
"""Addresses remembered at once; past that the older half is forgotten."""

_V6_HOUSEHOLD = 7
"""Octets of the /56 that one IPv6 customer commonly has: all its addresses share a bucket and their places."""

DEVICES = 8
"""All devices of a house are one household over IPv6: together they may hold the connections of so many addresses, and whoever
has a whole /56 no more than that."""

Network = IPv4Network | IPv6Network


class Bucket:
    """A token bucket. Take one by `tokens -= 1`; if that leaves less than zero, `refill` says whether it was there."""

    __slots__ = ("tokens", "updated")

    def __init__(self, tokens: float, now: Instant) -> None:
        self.tokens = tokens
        self.updated = now

    def refill(self, rate: float, burst: float, now: Instant) -> bool:
        """After a token was taken that was not there: add what has grown since the last refill; whether that pays for it.

        If not, the token is given back: a flood leaves no debt, so a client over its rate still gets its rate, and
        whoever forges its address cannot silence it for long.
        """
        left = min(burst - 1.0, self.tokens + (now - self.updated) * rate)
        self.updated = now
        self.tokens = left if left >= 0.0 else left + 1.0
        return left >= 0.0


class Client:
    """What is remembered of one address. `bucket` is None if there is no limit; `household` is by whom all limits count."""

    __slots__ = ("allowed", "bucket", "group", "household", "packed", "slipped")

    def __init__(self, allowed: bool, group: int, bucket: Bucket | None, packed: bytes) -> None:
        self.allowed = allowed
        self.group = group
        self.bucket = bucket
        self.packed = packed
        self.household = household_of(packed)
        self.slipped = False


class Places:
    """How many of something are taken (connections, open questions), in all and by each household."""

    __slots__ = ("_held", "taken")

    def __init__(self) -> None:
        self.taken = 0
        self._held: dict[bytes, int] = {}

    def held_by(self, household: bytes) -> int:
        """How many it has."""
        return self._held.get(household, 0)

    def take(self, household: bytes) -> None:
        """One more; whether there is room is the caller's matter."""
        self.taken += 1
        self._held[household] = self._held.get(household, 0) + 1

    def give_back(self, household: bytes) -> None:
        """One that was taken."""
        self.taken -= 1
        left = self._held[household] - 1
        if left:
            self._held[household] = left
        else:
            del self._held[household]


class Connections(Places):
    """Places that are held by one address each, and over IPv6 by its household too."""

    __slots__ = ("_of_one",)

    def __init__(self) -> None:
        super().__init__()
        self._of_one = Places()

    def has_room(self, client: Client, most: int) -> bool:
        """Whether it may have one more, `most` being what one address may have."""
        return self._of_one.held_by(client.packed) < most and self.held_by(client.household) < most * DEVICES

    def enter(self, client: Client) -> None:
        """One more."""
        self.take(client.household)
        self._of_one.take(client.packed)

    def leave(self, client: Client) -> None:
        """One that entered."""
        self.give_back(client.household)
        self._of_one.give_back(client.packed)


@dataclass(frozen=True, slots=True)
class _Rule:
    network: Network
    value: int


def _longest(rules: Sequence[_Rule], address: object, default: int) -> int:
    """The value of the most specific network that holds `address`; rules are sorted by prefix, longest first."""
    for rule in rules:
        if address in rule.network:
            return rule.value
    return default


def _sorted(rules: list[_Rule]) -> list[_Rule]:
    return sorted(rules, key=lambda rule: -rule.network.prefixlen)


class Admission:
    """The access list, the client groups and the rate limits of one generation of settings."""

    def __init__(self, settings: FrontSettings) -> None:
        self.rate = settings.rate
        self.burst = max(settings.burst, 1.0)
        self._allow = _sorted([_Rule(ip_network(text), 1) for text in settings.allow])
        self._groups = _sorted(
            [
                _Rule(ip_network(text), index)
                for index, group in enumerate(settings.client_groups)
                for text in group.networks
            ]
        )
        self.devices = {name: index for index, group in enumerate(settings.client_groups) for name in group.devices}
        """Names of leases whose addresses are in a group, wherever they are."""
        self.clients: dict[str, Client] = {}
        self.by_octets: dict[bytes, Client] = {}
        """The same, as far as they were asked for by `client_at`."""
        self._buckets: dict[bytes, Bucket] = {}
        self._assigned: dict[bytes, int] = {}

    def assign(self, groups: dict[bytes, int]) -> bool:
        """The groups of these addresses (octets), whatever network they are in. Whether that is new: then everybody is looked up
        again."""
        if groups == self._assigned:
            return False
        self._assigned = groups
        self.clients.clear()
        self.by_octets.clear()
        return True

    def client(self, address: str, now: Instant) -> Client:
        """What is known of `address` (text, as the socket gives it), looked up once and then remembered."""
        client = self.clients.get(address)
        return client if client is not None else self._remember(address, now)

    def client_at(self, octets: bytes, now: Instant) -> Client:
        """The same for an address as the packet has it: 4 or 16 octets."""
        client = self.by_octets.get(octets)
        if client is None:
            client = self.client(str(ip_address(octets)), now)
            self.by_octets[octets] = client
        return client

    def operator(self) -> Client:
        """The operator at the control socket: in the default group, without a limit."""
        return Client(True, 0, None, b"")

    def _remember(self, address: str, now: Instant) -> Client:
        if len(self.clients) >= MAX_CLIENTS:
            self._forget_older_half()
        client = self._look_up(address, now)
        self.clients[address] = client
        return client

    def _look_up(self, text: str, now: Instant) -> Client:
        address = ip_address(text.partition("%")[0])
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        address = mapped or address
        if not _longest(self._allow, address, 0):
            return Client(False, 0, None, address.packed)
        bucket = None
        if self.rate > 0:
            bucket = self._buckets.setdefault(household_of(address.packed), Bucket(self.burst, now))
        group = self._assigned.get(address.packed)
        group = _longest(self._groups, address, 0) if group is None else group
        return Client(True, group, bucket, address.packed)

    def group_of(self, address: str) -> tuple[bool, int]:
        """Whether `address` may ask, and its group, without remembering it (for `explain`). Raises ValueError."""
        client = self._look_up(address, Instant(0.0))
        return client.allowed, client.group

    def _forget_older_half(self) -> None:
        """Who is left keeps the bucket of its household: else whoever has many addresses would fill it by using them."""
        for address in list(self.clients)[: MAX_CLIENTS // 2]:
            del self.clients[address]
        self.by_octets.clear()
        kept = ((client.household, client.bucket) for client in self.clients.values())
        self._buckets = {household: bucket for household, bucket in kept if bucket is not None}


def household_of(packed: bytes) -> bytes:
    """An IPv4 address, or the /56 of an IPv6 address: commonly one customer."""
    return packed[:_V6_HOUSEHOLD] if len(packed) == 16 else packed
