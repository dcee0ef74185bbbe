"""Debian's DHCPv4 clients against the real service, in namespaces of their own: get, renew, rebind, reboot, release, decline,
conflict, roaming, through two relays. After each test tshark has read everything we sent without a warning."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from kit.dhcp_clients import Client, Dhclient, Dhcpcd, Told, Udhcpc
from kit.dhcp_house import HOUSE4, House, house
from kit.lan import Place, background
from kit.peers import until

CLIENTS: dict[str, type[Client]] = {"udhcpc": Udhcpc, "dhclient": Dhclient, "dhcpcd": Dhcpcd}


def address_of(told: Told) -> str:
    """Each client has a word of its own for it."""
    return told.get("new_ip_address") or told["ip"]


def resolver_of(told: Told) -> str:
    return told.get("new_domain_name_servers") or told["dns"]


def router_of(told: Told) -> str:
    return told.get("new_routers") or told["router"]


def domain_of(told: Told) -> str:
    return told.get("new_domain_name") or told["domain"]


def server_of(told: Told) -> str:
    return told.get("new_dhcp_server_identifier") or told["serverid"]


def lease_of(told: Told) -> str:
    """How long it lasts, in seconds."""
    return told.get("new_dhcp_lease_time") or told["lease"]


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_gets_an_address_and_the_resolver_and_gives_it_back(name: str, tmp_path: Path) -> None:
    with house(general='lease_time = "10m"', least=2) as here:
        client = CLIENTS[name](here.lan.device("lan0"), tmp_path)
        try:
            told = client.get()
            assert (resolver_of(told), router_of(told), domain_of(told)) == (HOUSE4, HOUSE4, "home.arpa")
            assert (server_of(told), lease_of(told)) == (HOUSE4, "600")
            assert 100 <= int(address_of(told).rpartition(".")[2]) <= 199
            assert address_of(told) in here.addresses()
            assert client.place.addresses("port0") == [f"{address_of(told)}/24"]
            client.release()
            until(lambda: address_of(told) not in here.addresses(), "the end of the lease")
        finally:
            client.end()


def test_a_client_renews_by_itself_and_keeps_its_address(tmp_path: Path) -> None:
    with house() as here:
        client = Udhcpc(here.lan.device("lan0"), tmp_path)
        try:
            first = client.get()
            again = client.renew()
            assert address_of(again) == address_of(first)
            assert here.counters().get("renewed", 0) >= 1
        finally:
            client.end()


def test_a_client_that_hears_nothing_from_its_server_asks_everybody(tmp_path: Path) -> None:
    """REBINDING: dhcpcd told to rebind asks by broadcast, with its address and without a server's identifier."""
    with house() as here:
        client = Dhcpcd(here.lan.device("lan0"), tmp_path)
        try:
            first = client.get()
            again = client.renew("REBIND", "REBOOT", "BOUND")
            assert address_of(again) == address_of(first)
        finally:
            client.end()


def test_a_client_that_starts_again_gets_its_address_confirmed(tmp_path: Path) -> None:
    """INIT-REBOOT, out of dhclient's lease file: charrua is silent here."""
    with house() as here:
        client = Dhclient(here.lan.device("lan0"), tmp_path)
        try:
            first = client.get()
            client.end()
            again = client.get()
            assert again["why"] == "REBOOT"
            assert address_of(again) == address_of(first)
        finally:
            client.end()


def test_a_lease_outlives_the_death_of_the_cell(tmp_path: Path) -> None:
    with house() as here:
        client = Udhcpc(here.lan.device("lan0"), tmp_path)
        try:
            first = client.get()
            os.kill(here.running.cell("dhcp"), signal.SIGKILL)
            here.running.wait_for("dhcp", "serves again")
            assert address_of(first) in here.addresses()
            assert address_of(client.renew()) == address_of(first)
        finally:
            client.end()


def squatting(here: House, addresses: list[str]) -> Place:
    """Somebody who has taken these without asking."""
    place = here.lan.device("lan0")
    for address in addresses:
        place.ip(f"address add {address}/24 dev port0")
    return place


TWO = """
[[dhcp.subnet]]
prefix = "192.0.2.0/24"
interface = "lan0"
pools = ["192.0.2.100-192.0.2.103"]
"""


def test_an_address_that_somebody_uses_is_not_given_out(tmp_path: Path) -> None:
    """Three of four are taken: whatever the keyed hash begins with, the fourth is found."""
    with house(TWO) as here:
        squatting(here, ["192.0.2.100", "192.0.2.101", "192.0.2.103"])
        client = Udhcpc(here.lan.device("lan0"), tmp_path)
        try:
            assert address_of(client.get()) == "192.0.2.102"
        finally:
            client.end()


def test_a_client_that_finds_its_address_taken_declines_and_gets_another(tmp_path: Path) -> None:
    with house(TWO, "conflict_check = false") as here:
        squatting(here, ["192.0.2.100", "192.0.2.101", "192.0.2.103"])
        client = Dhcpcd(here.lan.device("lan0"), tmp_path)
        try:
            assert address_of(client.get()) == "192.0.2.102"
        finally:
            client.end()


def test_a_client_that_comes_to_another_network_is_told_so(tmp_path: Path) -> None:
    other = """
[[dhcp.subnet]]
prefix = "198.51.100.0/24"
interface = "lan1"
pools = ["198.51.100.10-198.51.100.20"]
"""
    with house(TWO + other) as here:
        here.lan.bridge("lan1", "198.51.100.1/24")
        device = here.lan.device("lan0")
        client = Dhclient(device, tmp_path)
        try:
            assert address_of(client.get()).startswith("192.0.2.")
            client.end()
            (link,) = json.loads(device.ip("-json link show dev port0"))
            device.ip("link del port0")
            here.lan.plug(device, "lan1", link["address"])
            assert address_of(client.get()).startswith("198.51.100.")
        finally:
            client.end()


def dnsmasq_relay(folder: Path) -> list[str]:
    return [
        *("dnsmasq", "--conf-file=/dev/null", "--port=0", "--keep-in-foreground", "--user=root", "--log-facility=-"),
        *(f"--dhcp-relay=198.51.100.1,{HOUSE4}", "--interface=down0", f"--pid-file={folder}/relay.pid"),
    ]


def isc_relay(folder: Path) -> list[str]:
    """With option 82 added (-a)."""
    return ["dhcrelay", "-4", "-d", "-a", "-id", "down0", "-iu", "port0", "-pf", f"{folder}/relay.pid", HOUSE4]


@pytest.mark.parametrize("relay", [dnsmasq_relay, isc_relay])
def test_a_client_behind_a_relay_gets_an_address_of_its_network(
    relay: Callable[[Path], list[str]], tmp_path: Path
) -> None:
    far = """
[[dhcp.subnet]]
prefix = "198.51.100.0/24"
pools = ["198.51.100.10-198.51.100.20"]
routers = ["198.51.100.1"]
"""
    with house(TWO + far, 'relays = ["192.0.2.2", "198.51.100.1"]') as here:
        between = here.lan.device("lan0")
        between.ip("address add 192.0.2.2/24 dev port0")
        between.set("net/ipv4/ip_forward", "1")
        here.lan.server.ip("route add 198.51.100.0/24 via 192.0.2.2")
        device = here.lan.behind(between, "down0")
        between.ip("address add 198.51.100.1/24 dev down0")
        with background(between, relay(tmp_path), tmp_path / "relay.log"):
            client = Udhcpc(device, tmp_path / "client")
            try:
                told = client.get()
                assert address_of(told).startswith("198.51.100.")
                assert (router_of(told), resolver_of(told)) == ("198.51.100.1", HOUSE4)
                device.ip("route replace default via 198.51.100.1")
                assert address_of(client.renew()) == address_of(told)
            finally:
                client.end()


def test_a_client_that_says_nothing_of_itself_gets_a_lease_and_no_name(tmp_path: Path) -> None:
    """RFC 7844, dhcpcd's `anonymous`."""
    with house() as here:
        client = Dhcpcd(here.lan.device("lan0"), tmp_path)
        client.settings += "anonymous\n"
        try:
            told = client.get()
            (lease,) = [lease for lease in here.leases() if lease["address"] == address_of(told)]
            assert not lease.get("name")
        finally:
            client.end()


def test_a_name_is_answered_at_once_and_goes_with_the_lease(tmp_path: Path) -> None:
    with house() as here:
        client = Udhcpc(here.lan.device("lan0"), tmp_path, options=("-x", "hostname:kitchen"))
        try:
            assert here.ask(HOUSE4, "kitchen.home.arpa", "A") == ""
            address = address_of(client.get())
            # It has the address a moment before front has the name.
            until(lambda: here.ask(HOUSE4, "kitchen.home.arpa", "A") == address, "the name")
            reverse = ".".join(reversed(address.split("."))) + ".in-addr.arpa"
            assert here.ask(HOUSE4, reverse, "PTR") == "kitchen.home.arpa."
            client.release()
            until(lambda: here.ask(HOUSE4, "kitchen.home.arpa", "A") == "", "the end of the name")
        finally:
            client.end()


def test_no_file_and_no_line_holds_who_the_clients_are(tmp_path: Path) -> None:
    hardware, name = "00:16:3e:c0:ff:ee", "canarybird"
    with house() as here:
        client = Udhcpc(here.lan.device("lan0", hardware), tmp_path, options=("-x", f"hostname:{name}"))
        try:
            address = address_of(client.get())
            spellings = [hardware.encode(), bytes.fromhex(hardware.replace(":", "")), name.encode()]
            spellings += [hardware.replace(":", "").encode(), hardware.replace(":", "-").encode()]
            for path in here.folder.rglob("*"):
                if path.is_file() and path.suffix not in (".pcapng", ".toml"):
                    data = path.read_bytes().lower()
                    assert [spelling for spelling in spellings if spelling in data] == [], path
            said = "\n".join(here.running.lines)
            assert not any(word in said for word in (hardware, name, address))
            assert json.dumps(here.leases())
        finally:
            client.end()
