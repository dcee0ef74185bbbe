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
from kit.processes import allow, state
from kit.secure import write_identity
from kit.service import PATIENCE, Running, config_text, started

from anchorhold import ceilings
from anchorhold.cells.start import EXIT_MEMORY
from resolver.settings import CacheSettings, FrontSettings, ResolverSettings, SecureSettings

STUCK_PATIENCE = 60.0
"""Seconds until a cell is given up, on a machine that has much to do."""

ADDRESS = "192.0.2.1"
EVERYTHING = f"""
[secure]
listen = ["tls://{ADDRESS}:853"]
name = "dns.example"
certificate = "files"
chain = "chain.pem"
key = "key.pem"
[lists.own]
file = "own.txt"
[access]
allow = ["192.0.2.0/24", "127.0.0.0/8"]
[dhcp]
[[dhcp.subnet]]
prefix = "192.0.2.0/24"
interface = "lan0"
pools = ["192.0.2.100-192.0.2.199"]
"""


def wait_cell(running: Running, name: str, former: int) -> int:
    """The next process of this cell."""
    until = time.monotonic() + STUCK_PATIENCE
    while (pid := running.cell(name)) in (0, former):
        assert time.monotonic() < until, "\n".join(running.lines)
        time.sleep(0.05)
    return pid


def test_whatever_cell_is_stuck_is_replaced_and_the_service_answers() -> None:
    need_root("a network namespace")
    here = Place()
    try:
        here.ip("link add lan0 type bridge")
        here.ip(f"address add {ADDRESS}/24 dev lan0")
        here.ip("link set lan0 up")
        with open_folder() as folder:
            write_identity(folder)
            (folder / "own.txt").write_text("0.0.0.0 blocked.example\n")
            text = config_text(folder, 53).replace('"127.0.0.1:53"', f'"{ADDRESS}:53"')
            (folder / "anchorhold.toml").write_text(text + EVERYTHING)
            with started(folder / "anchorhold.toml", within=here) as running:
                running.wait_for("serving on")
                running.wait_for("secure (pid", "serves")
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
    finally:
        here.close()


def data_of(pid: int) -> int:
    """Octets that count against that limit."""
    return int(state(pid)["VmData"].split()[0]) * 1024


@contextmanager
def answering(tmp_path: Path) -> Iterator[tuple[Running, int]]:
    with liar_at("udp") as liar:
        config = tmp_path / "anchorhold.toml"
        config.write_text(
            config_text(
                tmp_path,
                server=f"udp://127.0.0.1:{liar.port}",
                profile="opportunistic",
                extra="[limits]\nrate = 0\n",
            )
        )
        with started(config) as running:
            line = running.wait_for("serving on")
            yield running, int(line.split("127.0.0.1:")[1].split()[0].rstrip(",;"))


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
        running.wait_for(f"{name} (pid {pid}) ended: exit code {EXIT_MEMORY}", patience=STUCK_PATIENCE)
        wait_cell(running, name, pid)
        running.wait_for(f"{name} (pid", "serves again", patience=STUCK_PATIENCE)
        query = dns.message.make_query("after.example.", "A")
        assert dns.rcode.NOERROR == dns.query.udp(query, "127.0.0.1", PATIENCE, port).rcode()
        assert wrong == []


def test_ceilings_are_far_above_what_is_measured_with_caches_full() -> None:
    cache = CacheSettings()
    front = FrontSettings(1, (), (), cache)
    begun = 40 * ceilings.MEBI
    assert ceilings.of_front(front) > begun + cache.memory
    assert ceilings.of_secure(SecureSettings(front)) > begun + cache.memory + 2_000 * 64 * 1024
    assert ceilings.of_resolver(ResolverSettings(1, (), (), (), cache)) > begun + 3 * cache.memory
    assert ceilings.of_resolver(ResolverSettings(1, (), (), (), cache)) < 512 * ceilings.MEBI


def test_the_measure_of_full_caches_holds() -> None:
    """Our own count is not below what is taken, by more than the holes that are allowed for."""
    script = Path(__file__).with_name("full_caches.py")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True, timeout=300)
    shares = [float(line.split(": ")[-1].split()[0]) for line in done.stdout.splitlines()]
    assert len(shares) == 2
    assert all(share < 1.3 for share in shares), done.stdout
