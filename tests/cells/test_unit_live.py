"""The service under the limits of our systemd unit, with its six accounts and everything it can serve."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from kit.confined import Confined, Limits
from kit.dhcp_clients import Udhcpc
from kit.dhcp_house import ACCESS, ANCHORHOLD, HOUSE4, HOUSE6, SUBNETS
from kit.lan import Lan, lan
from kit.peers import need_root, open_folder, peer
from kit.secure import secure_text, write_identity
from kit.service import Running, started
from kit.unit_file import UNITS

CELLS = ("front", "secure", "resolver", "dhcp", "keeper", "lists")
OUTSIDE = {"resolver", "lists"}
"""Cells that are in the machine's network."""
LISTS = '[lists.ads]\nurl = "https://lists.example/ads.txt"\n'


@dataclass
class House:
    net: Lan
    folder: Path
    running: Running

    def command(self, *arguments: str) -> str:
        control = str(self.folder / "control.sock")
        return self.net.server.run(ANCHORHOLD, *arguments, "--control", control, check=False)


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    need_root("accounts and namespaces")
    with open_folder() as folder, lan() as net:
        net.bridge("lan0", f"{HOUSE4}/24", f"{HOUSE6}/64")
        accounts(net, folder)
        config = folder / "anchorhold.toml"
        write_identity(folder)
        text = secure_text(folder, listen=f'"tls://{HOUSE4}:853"', more=f"{ACCESS}[dhcp]\n{SUBNETS}{LISTS}")
        text = text.replace('"127.0.0.1:0"', f'"{HOUSE4}:53"').replace(
            "[service]\n", '[service]\nuser = "anchorhold"\n'
        )
        config.write_text(text)
        with started(config, within=Confined(net.server, Limits.of())) as running:
            running.all_serve(folder / "control.sock")
            yield House(net, folder, running)


def accounts(net: Lan, folder: Path) -> None:
    """Those of the sysusers file, seen in the server's namespace only."""
    etc = folder / "etc"
    etc.mkdir()
    for name in ("passwd", "group"):
        shutil.copy(f"/etc/{name}", etc)
    users = [peer("systemd-sysusers"), f"--root={folder}", str(UNITS / "anchorhold.sysusers")]
    subprocess.run(users, check=True, capture_output=True, timeout=60)
    for name in ("passwd", "group"):
        net.server.run("mount", "--bind", str(etc / name), f"/etc/{name}")


def cells(house: House) -> dict[str, dict[str, object]]:
    told = house.command("cells", "--json")
    return {line["cell"]: line for line in json.loads(told[: told.rindex("}") + 1])["cells"]}


def test_every_cell_serves_under_an_account_of_its_own(house: House) -> None:
    found = cells(house)
    assert set(found) == {"supervisor", *CELLS}
    assert {name: found[name]["user"] for name in CELLS} == {name: f"anchorhold-{name}" for name in CELLS}
    assert {name: found[name]["capabilities"] for name in CELLS} == {name: [] for name in CELLS}
    assert {line["restarts"] for line in found.values()} == {0}


def test_nothing_is_missing_that_this_kernel_has(house: House) -> None:
    print(house.command("cells"))
    found = cells(house)
    assert {name for name in CELLS if found[name]["seccomp"] != 2} == set()
    assert {name for name in CELLS if not {"ipc", "mnt"} <= set(found[name]["namespaces"])} == set()  # type: ignore[call-overload]


def test_who_needs_no_network_has_none_and_each_its_own_names(house: House) -> None:
    found = cells(house)
    for name in CELLS:
        own = {"mnt", "uts", "ipc", *(() if name in OUTSIDE else ("net",))}
        assert (name, own) == (name, set(found[name]["namespaces"]))  # type: ignore[call-overload]


def test_every_cell_has_ceilings_and_leaves_no_core(house: House) -> None:
    found = cells(house)
    for name in CELLS:
        rows = house.net.server.run("cat", f"/proc/{found[name]['pid']}/limits").splitlines()[1:]
        most = {row[:26].strip(): row[26:].split()[:2] for row in rows}
        assert (name, ["0", "0"]) == (name, most["Max core file size"])
        for what in ("Max data size", "Max open files"):
            assert (name, what, 1, True) == (name, what, len(set(most[what])), most[what][0].isdecimal())


def test_the_supervisor_has_no_more_than_the_unit_leaves_it(house: House) -> None:
    assert set(cells(house)["supervisor"]["capabilities"]) <= set(Limits.of().capabilities)  # type: ignore[call-overload]


def test_a_device_gets_its_address_and_names_are_answered(house: House) -> None:
    client = Udhcpc(house.net.device("lan0", "52:54:00:00:00:01"), house.folder / "client")
    try:
        assert client.get()
    finally:
        client.end()
    assert house.net.server.run("dig", "+short", f"@{HOUSE4}", "localhost", "A").strip() == "127.0.0.1"
    assert house.net.server.run(sys.executable, "-c", DOT.format(HOUSE4)).strip() == "answered"


DOT = """
import dns.message, dns.query, ssl
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
query = dns.message.make_query("localhost", "A")
print("answered" if dns.query.tls(query, "{}", timeout=25, ssl_context=context).answer else "nothing")
"""


def test_a_cell_that_is_killed_comes_back_with_its_account(house: House) -> None:
    before = cells(house)["lists"]
    house.net.server.run("kill", "-KILL", str(before["pid"]))
    house.running.wait_for("lists", "serves again")
    after = cells(house)["lists"]
    assert (after["user"], after["restarts"]) == ("anchorhold-lists", 1)


def test_it_reads_its_configuration_again_ends_and_goes_on_with_what_it_kept(house: House) -> None:
    """By then the folders are those of other accounts; the supervisor opens them all the same."""
    house.net.server.run("kill", "-HUP", str(cells(house)["supervisor"]["pid"]))
    house.running.wait_for("configuration 2 is in force")
    leases = house.command("leases", "list")
    assert house.running.end() == 0
    with started(house.folder / "anchorhold.toml", within=Confined(house.net.server, Limits.of())) as running:
        running.all_serve(house.folder / "control.sock")
        assert set(cells(house)) == {"supervisor", *CELLS}
        assert "52:54:00:00:00:01" in leases or house.command("leases", "list").count("\n") == leases.count("\n")
        assert running.end() == 0
