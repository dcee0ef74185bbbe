"""Which names `front` answers of leases: made of `[dhcp]` and of the routes."""

from collections.abc import Sequence

from anchorhold.config.names import read_domain
from dhcp.settings import DhcpSettings
from resolver.local import zones_of
from resolver.settings import LeaseNames, Route
from wire.dns.names import is_below


def lease_names(dhcp: DhcpSettings, routes: Sequence[Route]) -> LeaseNames:
    """The domains of all subnets and the reverse names of their addresses, whether names are published or not: clients are
    told to look for names there, and what they look for is nobody's business outside. Routes at or below go along."""
    domains = dict.fromkeys(read_domain(text) for text in (dhcp.domain, *(one.domain for one in dhcp.subnets)) if text)
    names = LeaseNames(tuple(domains), tuple((one.prefix, one.length) for one in dhcp.subnets))
    begins = [at for at, _ in zones_of(names)]
    routed = (route for route in routes if any(is_below(route.suffix, at) for at in begins))
    return LeaseNames(names.domains, names.subnets, tuple((route.suffix, route.client_group) for route in routed))
