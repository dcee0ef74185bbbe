"""Which names `front` answers of leases: made of `[dhcp]`, the routes and the local names."""

from collections.abc import Sequence
from typing import NamedTuple

from anchorhold.config.names import read_domain
from dhcp.settings import DhcpSettings
from resolver.local import zones_of
from resolver.policy_settings import LocalZone
from resolver.routes import EVERYBODY
from resolver.settings import LeaseNames, Route
from wire.dns.names import WILDCARD, parent, suffixes


def domains_of(dhcp: DhcpSettings) -> tuple[str, ...]:
    """Those that leases have names in, each once."""
    return tuple(dict.fromkeys(text for text in (dhcp.domain, *(one.domain for one in dhcp.subnets)) if text))


def lease_names(dhcp: DhcpSettings, routes: Sequence[Route], local: Sequence[LocalZone] = ()) -> LeaseNames:
    """The domains of all subnets and the reverse names of their addresses, whether names are published or not: clients are
    told to look for names there, and what they look for is nobody's business outside. Routes at or below go along, and what of
    local names is there."""
    domains = dict.fromkeys(map(read_domain, domains_of(dhcp)))
    names = LeaseNames(tuple(domains), tuple((one.prefix, one.length) for one in dhcp.subnets))
    begins = [at for at, _ in zones_of(names)]
    reach = _Reach(frozenset(begins))
    routed = dict.fromkeys((route.suffix, route.client_group) for route in routes if reach.holds(route.suffix))
    named: dict[tuple[bytes, int], None] = {}
    for zone in local:
        groups = zone.groups or (EVERYBODY,)
        if not zone.transparent and reach.holds(zone.apex):
            routed |= dict.fromkeys((zone.apex, group) for group in groups)
            continue
        for record in zone.records:
            if reach.holds(record.name):
                # A wildcard answers whatever is below the name that it stands under (RFC 4592).
                wild = record.name.startswith(WILDCARD)
                into, name = (routed, parent(record.name)) if wild else (named, record.name)
                into |= dict.fromkeys((name, group) for group in groups)
    return LeaseNames(names.domains, names.subnets, tuple(routed), tuple(named))


class _Reach(NamedTuple):
    """Where zones of leases begin."""

    begins: frozenset[bytes]

    def holds(self, name: bytes) -> bool:
        """Whether `name` is at or below one of them."""
        return any(at in self.begins for at in suffixes(name))
