"""Which names are those of leases: domains, reverse names, and what routes leave of them."""

import pytest

from anchorhold.config.lease_names import lease_names
from anchorhold.config.load import load
from dhcp.settings import DhcpSettings, Subnet
from resolver.settings import LeaseNames, Route
from wire.dns.names import ROOT, read_name

LAN = Subnet("192.168.1.0/24", bytes((192, 168, 1, 0)), 24)
GUESTS = Subnet("192.0.2.64/26", bytes((192, 0, 2, 64)), 26, domain="guests.home.arpa")
DHCP = DhcpSettings(1, subnets=(LAN, GUESTS))


def route(domain: str, group: int = -1) -> Route:
    return Route(read_name(domain), group, 0)


def test_every_domain_and_every_subnet_is_claimed() -> None:
    expected = LeaseNames(
        (read_name("home.arpa"), read_name("guests.home.arpa")), ((LAN.prefix, 24), (GUESTS.prefix, 26))
    )
    assert expected == lease_names(DHCP, [Route(ROOT, -1, 0)])


@pytest.mark.parametrize(
    "domain",
    ["home.arpa", "lab.home.arpa", "1.168.192.in-addr.arpa", "7.1.168.192.in-addr.arpa", "65.2.0.192.in-addr.arpa"],
)
def test_a_route_at_or_below_goes_along_with_its_group(domain: str) -> None:
    assert ((read_name(domain), 2),) == lease_names(DHCP, [route(domain, 2)]).routed


@pytest.mark.parametrize(
    "domain", ["arpa", "corp.example", "xhome.arpa", "168.192.in-addr.arpa", "2.0.192.in-addr.arpa"]
)
def test_a_route_above_or_elsewhere_changes_nothing(domain: str) -> None:
    assert () == lease_names(DHCP, [route(domain)]).routed


TEXT = """
[listen]
addresses = ["127.0.0.1:5300"]
[upstreams.default]
servers = ["tls://dns.example@192.0.2.1"]
[clients.guests]
networks = ["192.168.2.0/24"]
lease_names = false
"""


@pytest.mark.parametrize(
    ("more", "expected"), [("", [True, False]), ("[clients.default]\nlease_names = false", [False, False])]
)
def test_a_group_may_be_refused_names_of_leases(more: str, expected: list[bool]) -> None:
    loaded = load(TEXT + more, "")
    assert expected == [group.lease_names for group in loaded.front.client_groups]


def test_names_of_leases_are_claimed_where_there_is_dhcp_and_routes_are_heeded() -> None:
    more = (
        '[[route]]\ndomains = ["lab.lan"]\nupstreams = "default"\nclients = "guests"\n'
        '[dhcp]\ndomain = "lan"\n[[dhcp.subnet]]\nprefix = "192.0.2.0/24"\ninterface = "lan"\n'
        'pools = ["192.0.2.100-192.0.2.199"]\n'
    )
    assert load(TEXT, "").front.leases is None
    expected = LeaseNames((read_name("lan"),), ((bytes((192, 0, 2, 0)), 24),), ((read_name("lab.lan"), 1),))
    assert expected == load(TEXT + more, "").front.leases
