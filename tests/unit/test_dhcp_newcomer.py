"""What a newcomer would meet: a DISCOVER that nobody sent."""

from dataclasses import replace

from kit.dhcp4 import LAN, LINK, SETTINGS, Site, mac
from kit.dhcp_site import ip

from dhcp.newcomer import meet
from dhcp.settings import Pool


def test_a_newcomer_would_be_looked_for_an_address_and_nothing_comes_of_it() -> None:
    site = Site()
    assert ("probe", 0) == (meet(LINK.number, site.book, site.ground(), site.now), len(site.book))


def test_a_full_pool_is_told() -> None:
    lan = replace(LAN, pools=(Pool(ip("192.0.2.100"), ip("192.0.2.100")),))
    site = Site(replace(SETTINGS, subnets=(lan,)))
    site.join(mac(1))
    assert "pool-full" == meet(LINK.number, site.book, site.ground(), site.now)


def test_a_link_without_a_subnet_is_told() -> None:
    site = Site(replace(SETTINGS, subnets=()))
    assert "no-subnet" == meet(LINK.number, site.book, site.ground(), site.now)
