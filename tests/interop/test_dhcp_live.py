"""The real service in a namespace of its own, and real clients of Debian at its bridge: addresses, and the resolver by itself."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from kit.dhcp_clients import Dhclient, Udhcpc
from kit.lan import Lan, lan
from kit.peers import open_folder, until
from kit.service import Running, started

from anchorhold.control_client import ask_service

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces are root's")

OURS = "192.0.2.1"
CONFIG = """\
[service]
state = "{folder}/state"
[listen]
addresses = ["{ours}:53"]
control = "{folder}/control.sock"
[access]
allow = ["192.0.2.0/24"]
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


@contextmanager
def serving(net: Lan, folder: Path, text: str = "") -> Iterator[Running]:
    config = folder / "anchorhold.toml"
    config.write_text(text or CONFIG.format(folder=folder, ours=OURS))
    with started(config, within=net.server) as running:
        running.wait_for("serving on")
        yield running


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as made:
        yield made


@pytest.fixture
def net() -> Iterator[Lan]:
    with lan() as made:
        made.bridge("home", f"{OURS}/24")
        yield made


def test_udhcpc_gets_an_address_and_the_resolver_renews_and_releases(net: Lan, folder: Path) -> None:
    with serving(net, folder):
        client = Udhcpc(net.device("home", "52:54:00:00:00:01"), folder / "client")
        try:
            told = client.get()
            assert 100 <= int(told["ip"].rpartition(".")[2]) <= 199
            assert (OURS, OURS, "600", "home.arpa") == (told["dns"], told["router"], told["lease"], told["domain"])
            assert told["ip"] == client.renew()["ip"]
            client.release()
        finally:
            client.end()


def test_dhclient_gets_an_address_and_the_resolver_and_releases(net: Lan, folder: Path) -> None:
    with serving(net, folder):
        client = Dhclient(net.device("home", "52:54:00:00:00:02"), folder / "client")
        try:
            told = client.get()
            assert OURS == told["new_domain_name_servers"] == told["new_dhcp_server_identifier"]
            client.release()
        finally:
            client.end()


def test_a_device_with_an_address_of_its_own_gets_it_and_its_name_is_answered(net: Lan, folder: Path) -> None:
    with serving(net, folder):
        place = net.device("home", "02:00:5e:10:00:05")
        client = Udhcpc(place, folder / "client")
        try:
            assert "192.0.2.5" == client.get()["ip"]
            assert "192.0.2.5" in place.run("dig", "+short", f"@{OURS}", "printer.home.arpa")
            assert "printer.home.arpa." in place.run("dig", "+short", f"@{OURS}", "-x", "192.0.2.5")
        finally:
            client.end()


def test_a_name_is_answered_while_its_lease_lasts(net: Lan, folder: Path) -> None:
    with serving(net, folder):
        place = net.device("home", "52:54:00:00:00:03")
        client = Udhcpc(place, folder / "client", options=("-x", "hostname:laptop"))
        try:
            address = client.get()["ip"]
            ask = ("dig", "+short", "+tries=1", f"@{OURS}", "laptop.home.arpa")
            until(lambda: address in place.run(*ask), "the name of the lease")
            client.release()
            place.ip("address add 192.0.2.9/24 dev port0")
            until(lambda: place.run(*ask).strip() == "", "the end of the name")
        finally:
            client.end()


def test_a_lease_outlives_the_cell_and_the_service(net: Lan, folder: Path) -> None:
    client = Dhclient(net.device("home", "52:54:00:00:00:04"), folder / "client")
    try:
        with serving(net, folder) as running:
            address = client.get()["new_ip_address"]
            os.kill(running.cell("dhcp"), signal.SIGKILL)
            running.wait_for("dhcp (pid", "serves again")
            client.end()
            assert address == client.get()["new_ip_address"]
            assert running.end() == 0
        client.end()
        with serving(net, folder) as running:
            assert address == client.get()["new_ip_address"]
            assert (address, True) == leased(folder)
    finally:
        client.end()


def leased(folder: Path) -> tuple[str, bool]:
    """The only lease, as operators see it, and whether its device is known by a keyed hash alone."""
    (line,) = ask_service(folder / "control.sock", {"verb": "leases", "request": {"do": "list"}})
    (row,) = line["leases"]
    return row["address"], row["identifier"] is None


def test_an_address_that_somebody_has_already_is_not_given_out(net: Lan, folder: Path) -> None:
    squatter = net.device("home", "52:54:00:00:00:09")
    extra = CONFIG.replace("192.0.2.100-192.0.2.199", "192.0.2.100-192.0.2.103").format(folder=folder, ours=OURS)
    for number in (100, 101, 102):
        squatter.ip(f"address add 192.0.2.{number}/24 dev port0")
    with serving(net, folder, text=extra):
        client = Udhcpc(net.device("home", "52:54:00:00:00:06"), folder / "client")
        try:
            assert "192.0.2.103" == client.get()["ip"]
        finally:
            client.end()


def test_an_interface_may_come_later_and_go_and_come_again(net: Lan, folder: Path) -> None:
    text = CONFIG.replace('"home"', '"later"').format(folder=folder, ours=OURS)
    with serving(net, folder, text=text) as running:
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


def test_dhcp_begins_and_ends_with_its_section_at_a_reload(net: Lan, folder: Path) -> None:
    whole = CONFIG.format(folder=folder, ours=OURS)
    without = whole.partition("[dhcp]")[0]
    config = folder / "anchorhold.toml"
    with serving(net, folder, text=without) as running:
        assert 0 == running.cell("dhcp")
        config.write_text(whole)
        running.signal(signal.SIGHUP)
        running.wait_for("configuration 2 is in force")
        client = Udhcpc(net.device("home", "52:54:00:00:00:07"), folder / "client")
        try:
            assert OURS == client.get()["dns"]
        finally:
            client.end()
        config.write_text(without)
        running.signal(signal.SIGHUP)
        running.wait_for("configuration 3 is in force")
        until(lambda: running.cell("dhcp") == 0, "the end of the cell")
        assert "" == net.server.run("ss", "-Hlun", "sport = :67").strip()
