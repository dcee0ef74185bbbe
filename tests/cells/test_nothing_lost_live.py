"""Cells end and configurations change while clients ask: who was not being answered just then loses nothing, and asks once."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.message
import pytest
from kit.certificates import NAME
from kit.secure import secure_config, tls_port, trusting
from kit.service import Running, started

PATIENCE = 60.0
MANY = 40


@contextmanager
def serving(folder: Path) -> Iterator[tuple[Running, "Crowd"]]:
    """A service, and who asks it."""
    with started(secure_config(folder)) as running:
        running.all_serve(folder / "control.sock")
        crowd = Crowd(running.port())
        with crowd.socket:
            yield running, crowd


class Crowd:
    """Asks over UDP, each question once. Names below `localhost.` are answered by the resolver; each is new."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(("127.0.0.1", port))
        self.socket.settimeout(PATIENCE)
        self.asked = 0
        self.answered: set[int] = set()

    def ask(self, count: int = MANY) -> None:
        for _ in range(count):
            self.asked += 1
            self.socket.send(question(self.asked))

    def wait(self) -> None:
        """Until every question has its answer; fails the test if one does not come."""
        while len(self.answered) < self.asked:
            answer = dns.message.from_wire(self.socket.recv(4_096))
            assert answer.answer
            self.answered.add(answer.id)


def question(number: int) -> bytes:
    return dns.message.make_query(f"n{number}.localhost", "A", id=number).to_wire()


def kill(running: Running, name: str) -> None:
    """When this returns the process runs no more."""
    pid = running.cell(name)
    os.kill(pid, signal.SIGKILL)
    while runs(pid):
        pass


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.parametrize("name", ["front", "resolver", "keeper", "secure"])
def test_what_is_asked_while_a_cell_is_gone_is_answered(tmp_path: Path, name: str) -> None:
    with serving(tmp_path) as (running, crowd):
        for death in (1, 2, 3):
            crowd.ask()
            crowd.wait()
            kill(running, name)
            crowd.ask()
            with socket.create_connection(("127.0.0.1", crowd.port), PATIENCE) as stream:
                stream.sendall(len(question(0)).to_bytes(2, "big") + question(0))
                crowd.wait()
                assert stream.recv(4_096)
            running.wait_for(f"{name} (pid", "serves again", count=death)
        assert running.end() == 0


def test_who_connects_over_tls_while_secure_is_gone_is_answered(tmp_path: Path) -> None:
    with serving(tmp_path) as (running, _):
        place = ("127.0.0.1", tls_port(running))
        kill(running, "secure")
        plain = socket.create_connection(place, PATIENCE)
        with plain, trusting().wrap_socket(plain, server_hostname=NAME) as client:
            client.sendall(len(question(1)).to_bytes(2, "big") + question(1))
            assert client.recv(4_096)


def test_what_was_under_way_at_the_resolver_is_asked_again(tmp_path: Path) -> None:
    with serving(tmp_path) as (running, crowd):
        pid = running.cell("resolver")
        os.kill(pid, signal.SIGSTOP)
        crowd.ask()
        os.kill(pid, signal.SIGKILL)
        crowd.wait()


@pytest.mark.parametrize("name", ["keeper", "front"])
def test_a_cell_that_hangs_is_replaced_and_what_was_asked_meanwhile_is_answered(tmp_path: Path, name: str) -> None:
    with serving(tmp_path) as (running, crowd):
        os.kill(running.cell(name), signal.SIGSTOP)
        crowd.ask()
        running.wait_for(f"{name} (pid", "is ended: no answer to 3 pings")
        running.wait_for(f"{name} (pid", "serves again")
        crowd.ask()
        crowd.wait()


def test_reloads_lose_nothing(tmp_path: Path) -> None:
    with serving(tmp_path) as (running, crowd):
        for generation in range(2, 6):
            running.signal(signal.SIGHUP)
            crowd.ask()
            running.wait_for(f"configuration {generation} is in force")
            crowd.ask()
            crowd.wait()
