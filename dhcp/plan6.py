"""The settings in the form in which a DHCPv6 message is answered: made once for each generation, never changed."""

from dataclasses import dataclass
from typing import NamedTuple

from dhcp.addresses import is_inside
from dhcp.delegated import Delegated
from dhcp.plan import Plan, Scope, first_with, make_plan, make_scope, narrowest_first, together
from dhcp.settings import Delegation, DhcpSettings, Reservation, Subnet
from dhcp.values import Address
from wire.dhcp.associations6 import network

_OCTETS = 16


class Where(NamedTuple):
    """The client's link."""

    interface: int
    """Index of the interface the message came in on."""
    groups: tuple[tuple[Scope, ...], ...]
    """Its subnets. Of each group a client gets one address: a subnet alone, or those of a shared network."""
    own: frozenset[Address]
    """All our addresses."""
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
    narrowest: tuple[Scope, ...]
    """The same, the longest prefix first."""
    links: dict[str, tuple[tuple[Scope, ...], ...]]
    """By interface: the subnets on its link, in groups (`Where.groups`)."""
    by_address: dict[Address, Reservation]
    barred: Delegated
    """Prefixes that no delegation gives by lot: reserved, excluded, or a subnet of ours."""

    def at_address(self, link: Address) -> tuple[tuple[Scope, ...], ...]:
        """The subnets of the link that a relay says this address of, in groups."""
        scope = first_with(self.narrowest, link)
        return () if scope is None else (together(scope, self.scopes),)


def make_plan6(settings: DhcpSettings) -> Plan6:
    """All of it, what is the same for IPv4 too."""
    hosts = settings.reservations
    subnets = tuple(subnet for subnet in settings.subnets if len(subnet.prefix) == _OCTETS)
    by_address = {address: host for host in reversed(hosts) for address in host.addresses6}
    # The first address of a subnet is of all its routers (RFC 4291 §2.6.1).
    scopes = tuple(make_scope(subnet, (*by_address, network(subnet.prefix, subnet.length))) for subnet in subnets)
    return Plan6(
        make_plan(settings),
        scopes,
        narrowest_first(scopes),
        {name: _groups(name, scopes) for name in {scope.subnet.interface for scope in scopes} - {""}},
        by_address,
        _barred(subnets, frozenset(prefix for host in hosts for prefix in host.prefixes6)),
    )


def _groups(name: str, scopes: tuple[Scope, ...]) -> tuple[tuple[Scope, ...], ...]:
    groups: dict[str, tuple[Scope, ...]] = {}
    for scope in scopes:
        if scope.subnet.interface == name:
            groups.setdefault(scope.subnet.shared or scope.subnet.name, together(scope, scopes))
    return tuple(groups.values())


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
