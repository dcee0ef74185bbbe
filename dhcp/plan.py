"""The settings in the form in which a message is answered: made once for each generation, never changed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from dhcp.settings import DhcpSettings, Pool, Reservation, Subnet
from dhcp.values import Address

_Key = TypeVar("_Key")

INFRASTRUCTURE = frozenset({"localhost", "wpad", "isatap", "router", "gateway", "dns", "resolver"})
"""Names that others look for to find a service, or that mean a place and no device: nobody can claim them."""


@dataclass(frozen=True, slots=True)
class Span:
    """A pool as numbers, both included, and the classes whose members may use it (none: everybody)."""

    first: int
    last: int
    classes: frozenset[str]

    @property
    def size(self) -> int:
        """How many addresses."""
        return self.last - self.first + 1

    def __contains__(self, number: int) -> bool:
        return self.first <= number <= self.last


@dataclass(frozen=True, slots=True)
class Scope:
    """A subnet as numbers."""

    subnet: Subnet
    first: int
    last: int
    """The whole prefix, network and broadcast address too."""
    spans: tuple[Span, ...]
    size: int
    """Addresses in all its pools."""
    never: frozenset[int]
    """Addresses that no pool gives: the first and the last, the routers', all that are reserved."""
    for_all: bool
    """No pool is for members of a class only."""

    def holds(self, address: Address) -> bool:
        """True if it is an address of this prefix."""
        return self.first <= int.from_bytes(address, "big") <= self.last

    def fits(self, address: Address) -> bool:
        """True if it is an address of this prefix that a host can have."""
        number = int.from_bytes(address, "big")
        return self.first < number < self.last or (self.last - self.first < 2 and self.first <= number <= self.last)

    def usable(self, classes: frozenset[str]) -> Sequence[Span]:
        """The pools for members of `classes`."""
        if self.for_all:
            return self.spans
        return [span for span in self.spans if not span.classes or not span.classes.isdisjoint(classes)]


@dataclass(frozen=True, slots=True)
class Plan:
    """What `handle4` looks up."""

    settings: DhcpSettings
    scopes: tuple[Scope, ...]
    narrowest: tuple[Scope, ...]
    """The same, the longest prefix first."""
    relays: tuple[tuple[int, int, int], ...]
    """Networks that relays are in: octets of an address, how many of its bits do not count, the others as a number."""
    links: dict[str, tuple[Scope, ...]]
    """By interface: the subnets on its link, shared networks included."""
    by_hardware: dict[bytes, tuple[Reservation, ...]]
    """A device may have one in each subnet."""
    by_identifier: dict[bytes, tuple[Reservation, ...]]
    by_duid: dict[bytes, tuple[Reservation, ...]]
    by_host: dict[str, tuple[Reservation, ...]]
    by_address: dict[Address, Reservation]
    unclaimable: frozenset[str]
    """Names that no client can claim."""
    domains: dict[str, str]
    """The domain of each subnet's names."""

    def scope_of(self, address: Address) -> Scope | None:
        """The most specific subnet with this address."""
        return first_with(self.narrowest, address)

    def beside(self, scope: Scope) -> tuple[Scope, ...]:
        """All subnets on the link of this one, itself first."""
        return together(scope, self.scopes)

    def may_relay(self, address: Address) -> bool:
        """True if relayed messages are accepted from here."""
        size, number = len(address), int.from_bytes(address, "big")
        return any(size == octets and number >> bits == network for octets, bits, network in self.relays)

    def domain_of(self, subnet: str) -> str:
        """The domain of names published in a subnet."""
        return self.domains.get(subnet, self.settings.domain)


def make_plan(settings: DhcpSettings) -> Plan:
    """All of it."""
    hosts = settings.reservations
    reserved = tuple(host.address4 for host in hosts if host.address4)
    subnets = [subnet for subnet in settings.subnets if len(subnet.prefix) == 4]
    scopes = tuple(make_scope(subnet, (*reserved, *subnet.routers)) for subnet in subnets)
    return Plan(
        settings,
        scopes,
        narrowest_first(scopes),
        tuple(_network(*relay) for relay in settings.relays),
        {name: _on_link(name, scopes) for name in {scope.subnet.interface for scope in scopes} - {""}},
        by_hardware=_gathered((raw, host) for host in hosts for raw in host.hardware),
        by_identifier=_gathered((raw, host) for host in hosts for raw in host.identifiers),
        by_duid=_gathered((raw, host) for host in hosts for raw in host.duids),
        by_host=_gathered((name.lower(), host) for host in hosts for name in host.hosts),
        by_address={host.address4: host for host in reversed(hosts) if host.address4},
        unclaimable=unclaimable(settings),
        domains={subnet.name: subnet.domain or settings.domain for subnet in settings.subnets},
    )


def unclaimable(settings: DhcpSettings) -> frozenset[str]:
    """Names that no client can claim; what a reservation publishes is its own all the same."""
    own = (*settings.own_names, *(host.name for host in settings.reservations if host.name))
    return INFRASTRUCTURE.union(map(str.lower, own))


def _gathered(pairs: Iterable[tuple[_Key, Reservation]]) -> dict[_Key, tuple[Reservation, ...]]:
    found: dict[_Key, tuple[Reservation, ...]] = {}
    for key, host in pairs:
        found[key] = (*found.get(key, ()), host)
    return found


def _on_link(name: str, scopes: tuple[Scope, ...]) -> tuple[Scope, ...]:
    own = [scope for scope in scopes if scope.subnet.interface == name]
    others = [other for scope in own for other in together(scope, scopes)]
    return tuple({scope.subnet.name: scope for scope in (*own, *others)}.values())


def together(scope: Scope, scopes: tuple[Scope, ...]) -> tuple[Scope, ...]:
    """All of `scopes` on the link of this one, itself first: those of its shared network, if it is of one."""
    shared = scope.subnet.shared
    return (scope, *(other for other in scopes if shared and other is not scope and other.subnet.shared == shared))


def narrowest_first(scopes: tuple[Scope, ...]) -> tuple[Scope, ...]:
    """The longest prefix first."""
    return tuple(sorted(scopes, key=lambda scope: -scope.subnet.length))


def first_with(scopes: tuple[Scope, ...], address: Address) -> Scope | None:
    """The first that has this address."""
    for scope in scopes:
        if scope.holds(address):
            return scope
    return None


def make_scope(subnet: Subnet, never: Iterable[Address]) -> Scope:
    """A subnet of either family. `never`: what no pool of it gives, beside its first and last address."""
    octets = len(subnet.prefix)
    bits = 8 * octets - subnet.length
    first = int.from_bytes(subnet.prefix, "big") >> bits << bits
    last = first | (1 << bits) - 1
    spans = tuple(_span(pool) for pool in subnet.pools if len(pool.first) == octets)
    barred = {int.from_bytes(address, "big") for address in never}
    if bits > 1:
        barred |= {first, last}
    for_all = not any(span.classes for span in spans)
    return Scope(subnet, first, last, spans, sum(span.size for span in spans), frozenset(barred), for_all)


def _span(pool: Pool) -> Span:
    return Span(int.from_bytes(pool.first, "big"), int.from_bytes(pool.last, "big"), frozenset(pool.classes))


def own_first(spans: Iterable[Span]) -> tuple[list[Span], list[Span]]:
    """Pools of classes, and pools of everybody: a client is given an address of the former, if there is one."""
    return [span for span in spans if span.classes], [span for span in spans if not span.classes]


def _network(address: Address, length: int) -> tuple[int, int, int]:
    bits = len(address) * 8 - length
    return len(address), bits, int.from_bytes(address, "big") >> bits
