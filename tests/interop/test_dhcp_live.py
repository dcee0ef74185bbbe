"""The real service in a namespace of its own, and real clients of Debian at its bridge, while the service, its configuration, its
interfaces or its disk change. What the clients themselves do is in test_dhcp_clients4.py and test_dhcp_clients6.py."""

import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from kit.dhcp_clients import Dhclient, Dhclient6, Udhcpc
from kit.dhcp_house import serving
from kit.lan import Lan, background, lan
from kit.peers import open_folder, until

from anchorhold.control_client import ask_service

OURS = "192.0.2.1"
CONFIG = """\
[service]
state = "{folder}/state"
[listen]
addresses = ["{ours}:53"]
control = "{folder}/control.sock"
[access]
allow = ["192.0.2.0/24", "2001:db8::/32"]
[resolve]
mode = "iterate"
[dhcp]
lease_time = "10m"
[[dhcp.subnet]]
prefix = "192.0.2.0/24"
interface = "home"
pools = ["192.0.2.100-192.0.2.199"]
[[dhcp.host]]
hardware = ["02:00:5e:10:00:05"]
addresses = ["192.0.2.5"]
name = "printer"
"""


SICK = ("anchorhold.cells.front", "anchorhold.cells.resolver", "anchorhold.cells.keeper", "kit.sick_dhcp")


def config(folder: Path) -> str:
    return CONFIG.format(folder=folder, ours=OURS)


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as made:
        yield made


@pytest.fixture
def net() -> Iterator[Lan]:
    with lan() as made:
        made.bridge("home", f"{OURS}/24")
        yield made


def test_a_device_with_an_address_of_its_own_gets_it_and_its_name_is_answered(net: Lan, folder: Path) -> None:
    with serving(net, folder, config(folder)):
        place = net.device("home", "02:00:5e:10:00:05")
        client = Udhcpc(place, folder / "client")
        try:
            assert "192.0.2.5" == client.get()["ip"]
            # The device has its address a moment before front has its name.
            until(lambda: "192.0.2.5" in place.run("dig", "+short", f"@{OURS}", "printer.home.arpa"), "the name")
            assert "printer.home.arpa." in place.run("dig", "+short", f"@{OURS}", "-x", "192.0.2.5")
        finally:
            client.end()


def test_a_lease_outlives_the_cell_and_the_service(net: Lan, folder: Path) -> None:
    client = Dhclient(net.device("home", "52:54:00:00:00:04"), folder / "client")
    try:
        with serving(net, folder, config(folder)) as running:
            address = client.get()["new_ip_address"]
            os.kill(running.cell("dhcp"), signal.SIGKILL)
            running.wait_for("dhcp (pid", "serves again")
            client.end()
            assert address == client.get()["new_ip_address"]
            assert running.end() == 0
        client.end()
        with serving(net, folder, config(folder)) as running:
            assert address == client.get()["new_ip_address"]
            (row,) = leases(folder)
            assert (address, None) == (row["address"], row["identifier"])
    finally:
        client.end()


def test_an_interface_may_come_later_and_go_and_come_again(net: Lan, folder: Path) -> None:
    text = CONFIG.replace('"home"', '"later"').format(folder=folder, ours=OURS)
    with serving(net, folder, text) as running:
        running.wait_for("dhcp on later: there is no such interface")
        net.server.ip("address del 192.0.2.1/24 dev home")
        for attempt in range(2):
            net.bridge("later", f"{OURS}/24")
            client = Udhcpc(net.device("later", f"52:54:00:00:01:0{attempt}"), folder / f"client{attempt}")
            try:
                assert OURS == client.get()["dns"]
            finally:
                client.end()
            net.server.ip("link del later")


def test_leases_go_with_their_addresses_when_subnets_change(net: Lan, folder: Path) -> None:
    """At a start and at a reload: what counts for a subnet, and under which domain its names are, is by the settings of now."""
    text = config(folder)
    half = text.replace('prefix = "192.0.2.0/24"', 'prefix = "192.0.2.0/25"').replace(
        "2.100-192.0.2.199", "2.100-192.0.2.119"
    )
    office = half.replace('interface = "home"', 'interface = "home"\ndomain = "office.home.arpa"')
    place = net.device("home", "52:54:00:00:00:41")
    client = Udhcpc(place, folder / "client", options=("-x", "hostname:laptop"))
    try:
        with serving(net, folder, text.replace("2.100-192.0.2.199", "2.100-192.0.2.119")):
            address = client.get()["ip"]
            assert ["192.0.2.0/24"] == [row["subnet"] for row in leases(folder)]
        with serving(net, folder, half) as running:
            assert ["192.0.2.0/25"] == [row["subnet"] for row in leases(folder)]
            ask = ("dig", "+short", "+tries=1", f"@{OURS}", "laptop.office.home.arpa")
            assert address not in place.run(*ask)
            wider = office.replace("192.0.2.0/25", "192.0.2.0/24")
            (folder / "anchorhold.toml").write_text(wider)
            running.process.send_signal(signal.SIGHUP)
            until(lambda: ["192.0.2.0/24"] == [row["subnet"] for row in leases(folder)], "the subnet of now")
            until(lambda: address in place.run(*ask), "the domain of now")
    finally:
        client.end()


def test_dhcp_begins_and_ends_with_its_section_at_a_reload(net: Lan, folder: Path) -> None:
    whole = config(folder)
    without = whole.partition("[dhcp]")[0]
    file = folder / "anchorhold.toml"
    with serving(net, folder, without) as running:
        assert 0 == running.cell("dhcp")
        file.write_text(whole)
        running.signal(signal.SIGHUP)
        running.wait_for("configuration 2 is in force")
        client = Udhcpc(net.device("home", "52:54:00:00:00:07"), folder / "client")
        try:
            assert OURS == client.get()["dns"]
        finally:
            client.end()
        file.write_text(without)
        running.signal(signal.SIGHUP)
        running.wait_for("configuration 3 is in force")
        until(lambda: running.cell("dhcp") == 0, "the end of the cell")
        assert "" == net.server.run("ss", "-Hlun", "sport = :67").strip()


SIX = """\
[[dhcp.subnet]]
prefix = "2001:db8:1::/64"
interface = "home"
pools = ["2001:db8:1::1000-2001:db8:1::1fff"]
"""
ADVERTISE = """\
[[dhcp.advertise]]
interface = "home"
"""


@pytest.fixture
def net6(net: Lan) -> Lan:
    net.server.ip("address add 2001:db8:1::1/64 dev home nodad")
    return net


def with_ipv6(folder: Path, more: str) -> str:
    text = config(folder).replace(f'"{OURS}:53"', f'"{OURS}:53", "[2001:db8:1::1]:53"')
    return text + more


def test_an_ipv6_address_that_somebody_has_already_is_not_given_out(net6: Lan, folder: Path) -> None:
    squatter = net6.device("home", "52:54:00:00:00:19")
    for number in range(0x1000, 0x1003):
        squatter.ip(f"address add 2001:db8:1::{number:x}/64 dev port0 nodad")
    text = with_ipv6(folder, SIX.replace("1fff", "1003"))
    with serving(net6, folder, text):
        client = Dhclient6(net6.device("home", "52:54:00:00:00:12"), folder / "client")
        try:
            assert "2001:db8:1::1003" == client.get()["new_ip6_address"]
        finally:
            client.end()


def test_router_advertisements_give_addresses_and_a_route_until_the_service_ends(net6: Lan, folder: Path) -> None:
    with serving(net6, folder, with_ipv6(folder, ADVERTISE)) as running:
        place = net6.device("home", "52:54:00:00:00:13")
        until(lambda: len(place.addresses("port0", 6)) == 1, "an address by SLAAC")
        place.ip_until("-6 route show", lambda text: "default via fe80::" in text)
        shown = place.run("rdisc6", "-1", "-w", "20000", "port0")
        assert "Recursive DNS server     : 2001:db8:1::1" in shown, shown
        assert running.end() == 0
        place.ip_until("-6 route show", lambda text: "default" not in text)


def test_another_server_on_the_link_is_noticed(net: Lan, folder: Path) -> None:
    rogue = net.device("home", "52:54:00:00:00:66")
    rogue.ip("address add 192.0.2.66/24 dev port0")
    command = (
        "dnsmasq",
        "-d",
        "-C/dev/null",
        "-p0",
        "-uroot",
        "--no-ping",
        f"-l{folder}/rogue.leases",
        "--dhcp-authoritative",
        "--dhcp-range=192.0.2.230,192.0.2.240",
    )
    with serving(net, folder, config(folder)) as running, background(rogue, command, folder / "rogue.log"):
        client = Udhcpc(net.device("home", "52:54:00:00:00:14"), folder / "client", options=("-B",))
        try:
            until(lambda: "DHCP, IP range" in (folder / "rogue.log").read_text(), "the other server")
            client.start()
            running.wait_for("dhcp: home: another DHCP server answers clients there")
        finally:
            client.end()
        (status,) = (
            one for one in ask_service(folder / "control.sock", {"verb": "status"}) if one.get("cell") == "dhcp"
        )
        assert status["counters"]["other-server-heard"] >= 1


def leases(folder: Path) -> list[dict[str, object]]:
    """Bound leases, as operators see them."""
    (line,) = ask_service(folder / "control.sock", {"verb": "leases", "request": {"do": "list"}})
    return [row for row in line["leases"] if row["state"] == "bound"]


def test_a_disk_that_takes_nothing_refuses_newcomers_renews_the_others_and_recovers_alone(
    net: Lan, folder: Path
) -> None:
    devices = [net.device("home", f"52:54:00:00:00:2{number}") for number in (1, 2)]
    one, other = (Udhcpc(device, folder / f"client{number}") for number, device in enumerate(devices))
    with serving(net, folder, config(folder), SICK) as running:
        try:
            address = one.get()["ip"]
            (folder / "state/leases/sick").touch()
            assert address == one.renew()["ip"]
            other.start()
            other.wait_for("leasefail")
            assert address == one.renew()["ip"]
            running.wait_for("dhcp: leases cannot be kept")
            assert "" != store_of(folder)
            (folder / "state/leases/sick").unlink()
            running.wait_for("dhcp: leases are kept again")
            assert address != other.wait_for("bound")["ip"]
        finally:
            one.end()
            other.end()


def store_of(folder: Path) -> object:
    """Why leases cannot be kept, as operators see it."""
    return next(line for line in ask_service(folder / "control.sock", {"verb": "status"}) if line["cell"] == "dhcp")[
        "store"
    ]


def test_no_identifier_is_logged_but_in_the_incident_mode(net: Lan, folder: Path) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    text = config(folder)
    for number, extra in enumerate(("", f"log_clients_until = {soon:%Y-%m-%dT%H:%M:%SZ}\n")):
        hardware = f"52:54:00:00:00:3{number}"
        with serving(net, folder, text.replace("[dhcp]\n", f"[dhcp]\n{extra}")) as running:
            client = Udhcpc(net.device("home", hardware), folder / f"client{number}")
            try:
                address = client.get()["ip"]
                if extra:
                    running.wait_for("dhcp: acked", hardware, address)
            finally:
                client.end()
            assert running.end() == 0
            assert bool(extra) == any(hardware in line or address in line for line in running.lines)
