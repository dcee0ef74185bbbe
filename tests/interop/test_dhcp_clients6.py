"""Debian's DHCPv6 clients and the kernel's own autoconfiguration against the real service: addresses, prefixes, router
advertisements. After each test tshark has read everything we sent without a warning."""

import re
from ipaddress import ip_address, ip_network
from pathlib import Path

from kit.dhcp_clients import Dhclient6, Dhcpcd
from kit.dhcp_house import HOUSE6, SUBNETS, house
from kit.lan import PATIENCE, Place
from kit.peers import until

NETWORK = ip_network("2001:db8:7::/64")
DELEGATED = ip_network("2001:db8:100::/48")


def wait_for_address(place: Place) -> str:
    """Its first global IPv6 address."""
    until(lambda: place.addresses("port0", 6) != [], "an address", PATIENCE)
    return place.addresses("port0", 6)[0]


def test_dhclient_gets_an_address_and_gives_it_back(tmp_path: Path) -> None:
    with house(least=2) as here:
        client = Dhclient6(here.lan.device("lan0"), tmp_path)
        try:
            told = client.get()
            assert re.fullmatch("2001:db8:7::[1-9a-f][0-9a-f]{3}", told["new_ip6_address"])
            assert told["new_dhcp6_name_servers"] == HOUSE6
            assert told["new_dhcp6_domain_search"].rstrip(".") == "home.arpa"
            assert told["new_ip6_address"] in here.addresses()
            client.release()
            until(lambda: here.leases() == [], "the end of the lease")
        finally:
            client.end()


def test_dhclient_that_starts_again_gets_its_address_confirmed(tmp_path: Path) -> None:
    with house() as here:
        client = Dhclient6(here.lan.device("lan0"), tmp_path)
        try:
            first = client.get()
            client.end()
            again = client.get()
            assert again["new_ip6_address"] == first["new_ip6_address"]
        finally:
            client.end()


def test_dhclient_gets_a_prefix_for_its_own_network(tmp_path: Path) -> None:
    with house() as here:
        client = Dhclient6(here.lan.device("lan0"), tmp_path, options=("-P",))
        try:
            told = client.get()
            prefix = ip_network(told["new_ip6_prefix"])
            assert prefix.prefixlen == 56
            assert prefix.subnet_of(DELEGATED)  # type: ignore[arg-type]
        finally:
            client.end()


def test_dhcpcd_gets_both_families_at_once(tmp_path: Path) -> None:
    with house() as here:
        client = Dhcpcd(here.lan.device("lan0"), tmp_path)
        client.settings += "ipv6rs\nia_na\noption dhcp6_name_servers\n"
        try:
            client.start()
            four, six = client.wait_for("BOUND"), client.wait_for("BOUND6")
            assert ip_address(six["new_dhcp6_ia_na1_ia_addr1"]) in NETWORK
            assert {four["new_ip_address"], six["new_dhcp6_ia_na1_ia_addr1"]} <= here.addresses()
        finally:
            client.end()


AUTOCONFIGURED = SUBNETS.replace("managed = true", "")


def test_the_kernel_makes_an_address_of_its_own_from_what_we_advertise() -> None:
    with house(AUTOCONFIGURED) as here:
        device = here.lan.device("lan0")
        assert ip_address(wait_for_address(device).split("/")[0]) in NETWORK
        assert "default via fe80::" in device.ip("-6 route")


def test_rdisc6_is_told_the_prefix_and_the_resolver() -> None:
    with house(AUTOCONFIGURED) as here:
        device = here.lan.device("lan0")
        said = device.run("rdisc6", "-1", "-w", "20000", "port0")
        assert "2001:db8:7::/64" in said
        assert "Recursive DNS server" in said
        assert HOUSE6 in said
        assert "DNS search list" in said
        assert "home.arpa" in said


def test_nothing_is_advertised_where_nobody_asked_for_it() -> None:
    quiet = SUBNETS[: SUBNETS.index("[[dhcp.advertise]]")]
    with house(quiet, least=0) as here:
        device = here.lan.device("lan0")
        said = device.run("rdisc6", "-1", "-r", "2", "-w", "1500", "port0", check=False)
        assert "No response" in said, said
        assert "2001:db8:7::/64" not in said


def test_what_was_advertised_is_withdrawn_at_the_end() -> None:
    """The last advertisement says a router lifetime of zero, so that devices turn to another router at once."""
    with house(AUTOCONFIGURED) as here:
        device = here.lan.device("lan0")
        wait_for_address(device)
        assert here.running.end() == 0
        device.ip_until("-6 route", lambda text: "default via" not in text)
