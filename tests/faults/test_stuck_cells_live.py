"""A cell that does nothing any more, or comes up against its ceiling of memory: it is replaced, and the service answers."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.message
import dns.query
import dns.rcode
import pytest
from kit.accounts import CELLS
from kit.lan import Place
from kit.liar_thread import liar_at
from kit.peers import need_root, open_folder
from kit.processes import allow, data_of
from kit.secure import write_identity
from kit.service import PATIENCE, Running, config_text, started

from anchorhold import ceilings
from anchorhold.cells.start import EXIT_MEMORY
from anchorhold.leases.asking import AskFailed, Service, all_rows
from anchorhold.lists.settings import ListSource, ListsSettings
from resolver.settings import CacheSettings, FrontSettings, ResolverSettings, SecureSettings

STUCK_PATIENCE = 60.0
"""Seconds until a cell is given up, on a machine that has much to do."""

ADDRESS = "192.0.2.1"
LEASES = """
[dhcp]
[[dhcp.subnet]]
prefix = "192.0.2.0/24"
interface = "lan0"
pools = ["192.0.2.100-192.0.2.199"]
[[dhcp.subnet]]
prefix = "10.0.0.0/8"
interface = "lan0"
pools = ["10.0.0.1-10.0.255.255"]
"""
OWN = """
[lists.own]
file = "own.txt"
"""
EVERYTHING = f"""
[secure]
listen = ["tls://{ADDRESS}:853"]
name = "dns.example"
certificate = "files"
chain = "chain.pem"
key = "key.pem"
{OWN}
[access]
allow = ["192.0.2.0/24", "10.0.0.0/8", "127.0.0.0/8"]
{LEASES}
"""


def wait_cell(running: Running, name: str, former: int) -> int:
    """The next process of this cell."""
    until = time.monotonic() + STUCK_PATIENCE
    while (pid := running.cell(name)) in (0, former):
        assert time.monotonic() < until, "\n".join(running.lines)
        time.sleep(0.05)
    return pid


@contextmanager
def home() -> Iterator[Place]:
    """A machine of its own, with an interface for devices."""
    need_root("a network namespace")
    here = Place()
    try:
        here.ip("link add lan0 type bridge")
        here.ip(f"address add {ADDRESS}/24 dev lan0")
        here.ip("link set lan0 up")
        yield here
    finally:
        here.close()


def test_whatever_cell_is_stuck_is_replaced_and_the_service_answers() -> None:
    with home() as here, open_folder() as folder:
        write_identity(folder)
        (folder / "own.txt").write_text("0.0.0.0 blocked.example\n")
        text = config_text(folder, 53).replace('"127.0.0.1:53"', f'"{ADDRESS}:53"')
        (folder / "anchorhold.toml").write_text(text + EVERYTHING)
        with started(folder / "anchorhold.toml", within=here) as running:
            running.wait_for("serving on")
            running.all_serve(folder / "control.sock")
            pids = {name: running.cell(name) for name in CELLS}
            assert all(pids.values())
            for pid in pids.values():
                os.kill(pid, signal.SIGSTOP)
            for name, pid in pids.items():
                running.wait_for(f"{name} (pid {pid}) is ended: no answer", patience=STUCK_PATIENCE)
                wait_cell(running, name, pid)
                running.wait_for(f"{name} (pid", "serves again", patience=STUCK_PATIENCE)
            shown = here.run("dig", "+time=10", "+tries=3", f"@{ADDRESS}", "localhost.")
            assert "NOERROR" in shown


def ended_by_its_ceiling(running: Running, name: str, pid: int) -> None:
    """And the next one serves."""
    running.wait_for(f"{name} (pid {pid}) ended: exit code {EXIT_MEMORY}", patience=STUCK_PATIENCE)
    wait_cell(running, name, pid)
    running.wait_for(f"{name} (pid", "serves again", patience=STUCK_PATIENCE)


@contextmanager
def answering(tmp_path: Path, extra: str = "") -> Iterator[tuple[Running, int]]:
    with liar_at("udp") as liar:
        config = tmp_path / "anchorhold.toml"
        config.write_text(
            config_text(
                tmp_path,
                server=f"udp://127.0.0.1:{liar.port}",
                profile="opportunistic",
                extra=f"[limits]\nrate = 0\n{extra}",
            )
        )
        with started(config) as running:
            yield running, running.port()


@pytest.mark.parametrize("name", ["front", "resolver"])
def test_a_cell_at_its_ceiling_of_memory_is_replaced_and_lies_to_nobody(name: str, tmp_path: Path) -> None:
    with answering(tmp_path) as (running, port):
        pid = running.cell(name)
        allow(pid, "data", data_of(pid))
        wrong, number, until = [], 0, time.monotonic() + STUCK_PATIENCE
        with socket.socket(type=socket.SOCK_DGRAM) as client:
            client.connect(("127.0.0.1", port))
            client.settimeout(0.2)
            while running.cell(name) == pid:
                assert time.monotonic() < until, "it never came to its ceiling"
                for _ in range(200):
                    number += 1
                    client.send(dns.message.make_query(f"n{number}.{'x' * 60}.example", "A").to_wire())
                try:
                    while True:
                        heard = dns.message.from_wire(client.recv(4_096))
                        told = [item.to_text() for rrset in heard.answer for item in rrset]
                        if told != ["192.0.2.7"] and heard.rcode() != dns.rcode.SERVFAIL:
                            wrong.append(heard)
                except (TimeoutError, ConnectionRefusedError):
                    continue
        ended_by_its_ceiling(running, name, pid)
        query = dns.message.make_query("after.example.", "A")
        assert dns.rcode.NOERROR == dns.query.udp(query, "127.0.0.1", PATIENCE, port).rcode()
        assert wrong == []


def is_blocked(port: int) -> bool:
    """Whether the name of our own list is."""
    told = dns.query.udp(dns.message.make_query("blocked.example.", "A"), "127.0.0.1", PATIENCE, port)
    return bool(told.answer) and "0.0.0.0" in told.answer[0].to_text()


def test_lists_that_come_up_against_their_ceiling_begin_anew_and_block() -> None:
    with open_folder() as folder:
        own = folder / "own.txt"
        own.write_text("0.0.0.0 blocked.example\n")
        own.chmod(0o644)
        with answering(folder, OWN) as (running, port):
            until = time.monotonic() + STUCK_PATIENCE
            while not is_blocked(port):
                assert time.monotonic() < until, "it never blocked"
            pid = running.cell("lists")
            assert pid
            allow(pid, "data", data_of(pid))
            with own.open("a") as file:
                file.write(f"# {'x' * 1_000}\n" * 8_000)
            running.process.send_signal(signal.SIGHUP)
            ended_by_its_ceiling(running, "lists", pid)
            assert is_blocked(port)


def a_page(number: int) -> list[dict[str, object]]:
    """Leases for an import."""
    return [
        {
            "kind": "address4",
            "address": f"10.0.{number}.{last}",
            "until": 0,
            "hardware": f"02005e10{number:02x}{last:02x}",
        }
        for last in range(1, 255)
    ]


def import_until_it_ends(side: Service) -> int:
    """How many leases were taken, as we were told."""
    taken = 0
    try:
        for number in range(250):
            taken += int(str(side.ask({"do": "import", "leases": a_page(number)})["taken"]))
    except AskFailed:
        return taken
    raise AssertionError("it never came to its ceiling")


def test_leases_that_come_up_against_their_ceiling_begin_anew_and_all_that_were_taken_are_there(tmp_path: Path) -> None:
    with home() as here:
        config = tmp_path / "anchorhold.toml"
        config.write_text(config_text(tmp_path, 53) + LEASES)
        with started(config, within=here) as running:
            running.wait_for("serving on")
            side = Service(tmp_path / "control.sock")
            # Who answers is sealed.
            side.ask({"do": "list"})
            pid = running.cell("dhcp")
            allow(pid, "data", data_of(pid))
            taken = import_until_it_ends(side)
            ended_by_its_ceiling(running, "dhcp", pid)
            assert taken <= len(all_rows(side)[0]) <= taken + 254
            assert side.ask({"do": "import", "leases": a_page(250)})["taken"] == 254


def test_ceilings_are_far_above_what_is_measured_with_caches_full() -> None:
    cache = CacheSettings()
    front = FrontSettings(1, (), (), cache)
    begun = 40 * ceilings.MEBI
    assert ceilings.of_front(front) > begun + cache.memory
    assert ceilings.of_secure(SecureSettings(front)) > begun + cache.memory + 2_000 * 64 * 1024
    assert ceilings.of_resolver(ResolverSettings(1, (), (), (), cache)) > begun + 3 * cache.memory
    assert ceilings.of_resolver(ResolverSettings(1, (), (), (), cache)) < 512 * ceilings.MEBI
    assert ceilings.of_dhcp(0) < 512 * ceilings.MEBI
    assert ceilings.of_dhcp(1 << 20) - ceilings.of_dhcp(0) == 18 << 20
    text, remote = ListSource("own", text=bytes(1 << 20), max_size=1 << 20), ListSource("far", "https://lists.example/")
    assert ceilings.of_lists(ListsSettings(1, (text,)), 1 << 20) - ceilings.of_lists(ListsSettings(1, ()), 0) == 5 << 20
    assert ceilings.of_lists(ListsSettings(1, (text, remote)), 0) < 512 * ceilings.MEBI


def test_the_measure_of_full_caches_holds() -> None:
    """Our own count is not below what is taken, by more than the holes that are allowed for."""
    script = Path(__file__).with_name("full_caches.py")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True, timeout=300)
    shares = [float(line.split(": ")[-1].split()[0]) for line in done.stdout.splitlines()]
    assert len(shares) == 3
    assert all(share < 1.3 for share in shares), done.stdout
