"""Who may ask, how fast, and in which group: one look-up by client address, before anything is parsed."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from resolver.settings import FrontSettings
from wire.units import Instant

MAX_CLIENTS = 16_384
"""Addresses remembered at once; past that the older half is forgotten."""

_V6_PREFIX = 56
"""One IPv6 customer is commonly a /56: all its addresses share a bucket."""

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
    """What is remembered of one address. `bucket` is None if there is no limit."""

    __slots__ = ("allowed", "bucket", "connections", "group", "packed", "slipped")

    def __init__(self, allowed: bool, group: int, bucket: Bucket | None, packed: bytes) -> None:
        self.allowed = allowed
        self.group = group
        self.bucket = bucket
        self.packed = packed
        self.connections = 0
        self.slipped = False


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
        self.clients: dict[str, Client] = {}
        self._buckets: dict[str, Bucket] = {}

    def client(self, address: str, now: Instant) -> Client:
        """What is known of `address` (text, as the socket gives it), looked up once and then remembered."""
        client = self.clients.get(address)
        return client if client is not None else self._remember(address, now)

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
            shared = str(ip_network((address, _V6_PREFIX), strict=False)) if address.version == 6 else text
            bucket = self._buckets.setdefault(shared, Bucket(self.burst, now))
        return Client(True, _longest(self._groups, address, 0), bucket, address.packed)

    def group_of(self, address: str) -> tuple[bool, int]:
        """Whether `address` may ask, and its group, without remembering it (for `explain`). Raises ValueError."""
        client = self._look_up(address, Instant(0.0))
        return client.allowed, client.group

    def _forget_older_half(self) -> None:
        """Clients with open connections stay, or their count would be lost."""
        for address in list(self.clients)[: MAX_CLIENTS // 2]:
            if not self.clients[address].connections:
                del self.clients[address]
        self._buckets.clear()
