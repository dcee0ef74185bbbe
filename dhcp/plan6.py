"""The settings in the form in which a DHCPv6 message is answered: made once for each generation, never changed."""

from dataclasses import dataclass
from typing import NamedTuple

from dhcp.delegated import Delegated
from dhcp.plan import Plan, Scope, Span, make_plan
from dhcp.settings import Delegation, DhcpSettings, Reservation, Subnet
from dhcp.values import Address

_OCTETS = 16


class Where(NamedTuple):
    """The client's link."""

    interface: int
    """Index of the interface the message came in on."""
    groups: tuple[tuple[Scope, ...], ...]
    """Its subnets. Of each group a client gets one address: a subnet alone, or those of a shared network."""
    own: frozenset[Address]
    """Our addresses there."""
    prefixes: tuple[tuple[Address, int], ...]
    """What else is on that link for sure: the prefixes of our own addresses."""
    direct: bool
    """No relay is in between: we can look who is there."""

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """Its subnets, one after another."""
        return tuple(scope for group in self.groups for scope in group)

    @property
    def delegations(self) -> tuple[tuple[Scope, Delegation], ...]:
        """Where prefixes for its routers come from."""
        return tuple((scope, one) for scope in self.scopes for one in scope.subnet.delegations)

    def is_on_link(self, address: Address) -> bool:
        """True if the address belongs to this link, whoever has it."""
        return any(scope.holds(address) for scope in self.scopes) or any(
            is_inside(address, prefix, length) for prefix, length in self.prefixes
        )


@dataclass(frozen=True, slots=True)
class Plan6:
    """What `handle6` looks up. What is the same for both families is in `base`."""

    base: Plan
    scopes: tuple[Scope, ...]
    by_address: dict[Address, Reservation]
    by_prefix: dict[tuple[Address, int], Reservation]
    barred: Delegated
    """Prefixes that no delegation gives by lot: reserved, excluded, or a subnet of ours."""

    def at_interface(self, name: str) -> tuple[tuple[Scope, ...], ...]:
        """The subnets of one of our links, in groups."""
        return self._grouped([scope for scope in self.scopes if scope.subnet.interface == name])

    def at_address(self, link: Address) -> tuple[tuple[Scope, ...], ...]:
        """The subnets of the link that a relay says this address of, in groups."""
        found = [scope for scope in self.scopes if scope.holds(link)]
        return self._grouped(sorted(found, key=lambda scope: -scope.subnet.length)[:1])

    def _grouped(self, scopes: list[Scope]) -> tuple[tuple[Scope, ...], ...]:
        groups: dict[str, tuple[Scope, ...]] = {}
        for scope in scopes:
            shared = scope.subnet.shared
            others = tuple(
                other for other in self.scopes if other is not scope and shared and other.subnet.shared == shared
            )
            groups.setdefault(shared or scope.subnet.name, (scope, *others))
        return tuple(groups.values())


def make_plan6(settings: DhcpSettings) -> Plan6:
    """All of it, what is the same for IPv4 too."""
    hosts = settings.reservations
    subnets = tuple(subnet for subnet in settings.subnets if len(subnet.prefix) == _OCTETS)
    by_prefix = {prefix: host for host in reversed(hosts) for prefix in host.prefixes6}
    return Plan6(
        make_plan(settings),
        tuple(_scope(subnet, settings) for subnet in subnets),
        {address: host for host in reversed(hosts) for address in host.addresses6},
        by_prefix,
        _barred(subnets, frozenset(by_prefix)),
    )


def _barred(subnets: tuple[Subnet, ...], reserved: frozenset[tuple[Address, int]]) -> Delegated:
    delegations = [one for subnet in subnets for one in subnet.delegations]
    excluded = {some for one in delegations for some in one.excluded}
    links = {
        (subnet.prefix, subnet.length)
        for subnet in subnets
        if not any(is_inside(one.prefix, subnet.prefix, subnet.length) for one in delegations)
    }
    barred = Delegated()
    for prefix, length in reserved | excluded | links:
        barred.mark(prefix, length)
    return barred


def _scope(subnet: Subnet, settings: DhcpSettings) -> Scope:
    bits = 8 * _OCTETS - subnet.length
    first = int.from_bytes(subnet.prefix, "big") >> bits << bits
    spans = tuple(
        Span(int.from_bytes(pool.first, "big"), int.from_bytes(pool.last, "big"), frozenset(pool.classes))
        for pool in subnet.pools
        if len(pool.first) == _OCTETS
    )
    never = {int.from_bytes(address, "big") for host in settings.reservations for address in host.addresses6}
    size = sum(span.size for span in spans)
    return Scope(subnet, first, first | (1 << bits) - 1, spans, size, frozenset({first, *never}))


def is_inside(address: Address, prefix: Address, length: int) -> bool:
    """True if an IPv6 address (or the first of a prefix) is in a prefix."""
    shift = 8 * _OCTETS - length
    return int.from_bytes(address, "big") >> shift == int.from_bytes(prefix, "big") >> shift
