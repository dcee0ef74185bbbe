"""The dhcp cell as a real process: what it holds, what it cannot do, and that nothing of it exists without [dhcp]."""

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from kit.dhcp_clients import Udhcpc
from kit.dhcp_house import serving
from kit.lan import Lan, lan
from kit.peers import open_folder, until
from kit.processes import descriptors, is_folder, networks, state, table_of
from kit.service import Running

from anchorhold.cli import main

WITHOUT = """\
[service]
state = "{folder}/state"
[listen]
addresses = ["127.0.0.1:5300"]
control = "{folder}/control.sock"
[resolve]
mode = "iterate"
"""
DHCP = """\
[[dhcp.subnet]]
prefix = "192.0.2.0/24"
interface = "home"
pools = ["192.0.2.100-192.0.2.199"]
[[dhcp.subnet]]
prefix = "2001:db8:1::/64"
interface = "home"
pools = ["2001:db8:1::1000-2001:db8:1::1fff"]
[[dhcp.advertise]]
interface = "home"
"""


@contextmanager
def house(text: str) -> Iterator[tuple[Lan, Running, Path]]:
    with open_folder() as folder, lan() as net:
        net.bridge("home", "192.0.2.1/24", "2001:db8:1::1/64")
        with serving(net, folder, text.format(folder=folder)) as running:
            yield net, running, folder


@pytest.fixture(scope="module")
def whole() -> Iterator[tuple[Lan, Running, Path]]:
    with house(WITHOUT + DHCP) as made:
        until(lambda: len(sockets(made[1].cell("dhcp"), "packet")) == 2, "the cell's sockets")
        client = Udhcpc(made[0].device("home", "52:54:00:00:00:01"), made[2] / "client")
        try:
            client.get()
        finally:
            client.end()
        yield made


def sockets(pid: int, table: str) -> list[list[str]]:
    """The rows of a table of /proc/PID/net that are of sockets this process holds; the number of a socket is in the tenth column,
    of packet sockets in the last."""
    held = {match[1] for link in descriptors(pid).values() if (match := re.fullmatch(r"socket:\[(\d+)\]", link))}
    rows = [row for one in networks(pid) for row in table_of(one, table)]
    return [row for row in rows if row[-1 if table == "packet" else 9] in held]


def ports(rows: list[list[str]]) -> list[tuple[int, int]]:
    """Local and remote port of each."""
    return sorted((int(row[1].split(":")[1], 16), int(row[2].split(":")[1], 16)) for row in rows)


def test_it_is_connected_to_nobody_and_listens_where_dhcp_is(whole: tuple[Lan, Running, Path]) -> None:
    pid = whole[1].cell("dhcp")
    assert ([], []) == (sockets(pid, "tcp"), sockets(pid, "tcp6"))
    assert [(67, 0)] == ports(sockets(pid, "udp"))
    assert [(547, 0)] == ports(sockets(pid, "udp6"))
    assert ([], [(58, 0)]) == (sockets(pid, "raw"), ports(sockets(pid, "raw6")))
    assert ["0800", "0806"] == sorted(row[3] for row in sockets(pid, "packet"))


def test_its_only_files_are_those_of_the_lease_folder(whole: tuple[Lan, Running, Path]) -> None:
    _, running, folder = whole
    pid, leases = running.cell("dhcp"), folder / "state/leases"
    links = [link for number, link in descriptors(pid).items() if number > 2]
    others = [link for link in links if not re.match(r"socket:|anon_inode:\[eventpoll\]", link)]
    # As they are called where the folder is all there is.
    assert {"/", "/leases.db", "/leases.db-wal"} == set(others)
    assert is_folder(pid, "root", leases)
    assert is_folder(pid, "cwd", leases)


def test_it_is_nobody_and_can_get_no_rights_again(whole: tuple[Lan, Running, Path]) -> None:
    status = state(whole[1].cell("dhcp"))
    assert "0" not in status["Uid"].split() + status["Gid"].split()
    assert (status["Groups"], status["NoNewPrivs"], int(status["CapPrm"], 16)) == ("", "1", 0)


def test_the_cells_that_answer_names_hold_no_socket_of_dhcp(whole: tuple[Lan, Running, Path]) -> None:
    for name in ("front", "resolver", "keeper"):
        pid = whole[1].cell(name)
        assert [] == [*sockets(pid, "raw"), *sockets(pid, "raw6"), *sockets(pid, "packet")]
        assert not {67, 547} & {port for port, _ in ports(sockets(pid, "udp") + sockets(pid, "udp6"))}
        assert [] == [link for link in descriptors(pid).values() if "/leases" in link]


def test_nothing_in_the_folder_is_for_others_to_read(whole: tuple[Lan, Running, Path]) -> None:
    leases = whole[2] / "state/leases"
    assert 0o40700 == leases.stat().st_mode
    assert {0o100600} == {file.stat().st_mode for file in leases.iterdir()}


def test_without_the_section_there_is_no_cell_no_socket_and_no_folder() -> None:
    with house(WITHOUT) as (net, running, folder):
        assert 0 == running.cell("dhcp")
        assert "" == net.server.run("ss", "-Hlun", "sport = :67 or sport = :547").strip()
        assert "" == net.server.run("ss", "-H0").strip()
        assert not (folder / "state/leases").exists()
        assert running.end() == 0
        assert [] == [line for line in running.lines if "dhcp" in line]


SAY = """
import socket, sys
endpoint = socket.socket(type=socket.SOCK_DGRAM)
endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
endpoint.bind(("", int(sys.argv[1])))
endpoint.sendto(bytes.fromhex(sys.argv[4]), (sys.argv[2], int(sys.argv[3])))
"""
OFFER = (bytes.fromhex("02010600") + bytes(232) + bytes.fromhex("63825363350102ff")).hex()


def test_it_hears_frames_and_is_not_ended_by_them(whole: tuple[Lan, Running, Path]) -> None:
    net, running, folder = whole
    pid = running.cell("dhcp")
    neighbour = net.device("home", "52:54:00:00:00:05")
    neighbour.ip("address add 192.0.2.50/24 dev port0")
    # An ARP reply, for the kernel of the server asks who has that address; then what another DHCP server would broadcast.
    net.server.run(sys.executable, "-c", SAY, "0", "192.0.2.50", "9", "")
    net.server.ip_until("neigh show 192.0.2.50", lambda text: "lladdr 52:54:00:00:00:05" in text)
    neighbour.run(sys.executable, "-c", SAY, "67", "192.0.2.255", "68", OFFER)
    until(lambda: 1 == heard(folder).get("other-server-heard"), "the other server")
    assert pid == running.cell("dhcp")


def heard(folder: Path) -> dict[str, int]:
    told = CliRunner().invoke(main, ["status", "--json", "--control", str(folder / "control.sock")])
    counters: dict[str, int] = json.loads(told.stdout)["dhcp"].get("counters", {})
    return counters


def test_forget_looks_through_what_others_put_into_the_folder_of_a_running_service(
    whole: tuple[Lan, Running, Path],
) -> None:
    _, _, folder = whole
    device = bytes.fromhex("02005e100077")
    copy = folder / "state/leases/copy-of-an-administrator"
    copy.write_bytes(device)
    copy.chmod(0o644)
    places = ("--control", str(folder / "control.sock"), "--state", str(folder / "state"))
    result = CliRunner().invoke(main, ["leases", "forget", device.hex(":"), "--yes", "--json", *places])
    told = json.loads(result.stdout)
    assert f"{copy.name}: identifier, as octets" in told["found"]
    assert {copy.name, "leases.db"} <= {file["file"] for file in told["scanned"]}
    copy.unlink()
