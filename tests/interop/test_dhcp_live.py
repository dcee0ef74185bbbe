"""The real service in a namespace of its own, and real clients of Debian at its bridge: addresses, and the resolver by itself."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from kit.dhcp_clients import Dhclient, Udhcpc
from kit.lan import Lan, lan
from kit.peers import open_folder, until
from kit.service import Running, started

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces are root's")

OURS = "192.0.2.1"
CONFIG = """\
[service]
state = "{folder}/state"
[listen]
addresses = ["{ours}:53"]
control = "{folder}/control.sock"
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
def serving(net: Lan, folder: Path, extra: str = "") -> Iterator[Running]:
    config = folder / "anchorhold.toml"
    config.write_text(CONFIG.format(folder=folder, ours=OURS) + extra)
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
