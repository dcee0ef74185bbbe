"""The real service on sockets of a service manager, and what it says of itself to it."""

import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import dns.message
import pytest
from kit.manager import Word, listening, managed
from kit.peers import free_ports, listens, peer, until
from kit.peers import program as running_program
from kit.processes import descriptors
from kit.service import PATIENCE, Running, config_text

QUERIES = 200
TESTS = Path(__file__).parents[1]
HOLD = """
from pathlib import Path
from anchorhold import supervisor
from kit import held_resolver
held_resolver.HELD = Path({!r})
supervisor.RESOLVER_MODULE = "kit.held_resolver"
"""
"""The next resolver waits until a file is gone."""


@pytest.fixture
def sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    """UDP and TCP at one place, bound without SO_REUSEADDR: whoever binds there again fails."""
    with ExitStack() as stack:
        udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        tcp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        udp.bind(("127.0.0.1", free_ports(1)[0]))
        tcp.bind(udp.getsockname())
        tcp.listen(16)
        yield udp, tcp


def port_of(sockets: tuple[socket.socket, socket.socket]) -> int:
    return int(sockets[0].getsockname()[1])


def config_for(folder: Path, port: int) -> Path:
    path = folder / "anchorhold.toml"
    path.write_text(config_text(folder, port))
    return path


def client_of(port: int) -> socket.socket:
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.settimeout(PATIENCE)
    client.connect(("127.0.0.1", port))
    return client


def query(number: int = 0) -> bytes:
    """Answered by ourselves: nothing outside is needed."""
    return dns.message.make_query("localhost", "A", id=number).to_wire()


def test_the_service_answers_on_what_it_was_handed_and_binds_nothing(
    tmp_path: Path, sockets: tuple[socket.socket, socket.socket]
) -> None:
    port = port_of(sockets)
    with managed(config_for(tmp_path, port), sockets) as running:
        running.wait_for(f"serving on 127.0.0.1:{port}")
        running.wait_for("2 of the service manager's 2 sockets are used")
        with client_of(port) as client, socket.create_connection(("127.0.0.1", port), PATIENCE) as stream:
            client.send(query(7))
            assert dns.message.from_wire(client.recv(4_096)).answer
            stream.sendall(len(query(8)).to_bytes(2, "big") + query(8))
            assert stream.recv(4_096)[2:4] == (8).to_bytes(2, "big")
        ours = {f"socket:[{os.fstat(one.fileno()).st_ino}]" for one in sockets}
        assert ours <= set(descriptors(running.process.pid).values())
        assert running.end() == 0


def test_what_clients_ask_while_the_service_is_started_anew_is_answered(
    tmp_path: Path, sockets: tuple[socket.socket, socket.socket]
) -> None:
    port = port_of(sockets)
    config = config_for(tmp_path, port)
    with managed(config, sockets) as running:
        running.wait_for("serving on")
        assert running.end() == 0
    with client_of(port) as client, socket.create_connection(("127.0.0.1", port), PATIENCE) as stream:
        stream.sendall(len(query(65_535)).to_bytes(2, "big") + query(65_535))
        for number in range(QUERIES):
            client.send(query(number))
        with managed(config, sockets) as running:
            answered = {int.from_bytes(client.recv(4_096)[:2], "big") for _ in range(QUERIES)}
            assert answered == set(range(QUERIES))
            assert stream.recv(4_096)[2:4] == b"\xff\xff"
            assert running.end() == 0


def test_a_mismatch_is_said_and_the_rest_is_opened(
    tmp_path: Path, sockets: tuple[socket.socket, socket.socket]
) -> None:
    """Handed is one UDP socket at another port; the configuration's own place is free."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        with managed(config_for(tmp_path, 0), (other,)) as running:
            running.wait_for("serving on 127.0.0.1:")
            running.wait_for("0 of the service manager's 1 sockets are used")
            running.wait_for(f"127.0.0.1:{port} (UDP), where the configuration does not listen")
            assert running.end() == 0


@contextmanager
def watched(folder: Path, before: str = "") -> Iterator[tuple[Word, Running]]:
    """A service that serves, must give a sign of life every two seconds, and ends well."""
    with listening(folder) as word:
        environment = {"NOTIFY_SOCKET": str(word.path), "WATCHDOG_USEC": "2000000", "PYTHONPATH": str(TESTS)}
        with managed(config_for(folder, 0), (), environment, before) as running:
            running.all_serve(folder / "control.sock")
            yield word, running
            assert running.end() == 0


def test_signs_of_life_come_as_long_as_all_cells_are_well(tmp_path: Path) -> None:
    with watched(tmp_path) as (word, running):
        word.wait_for("READY=1")
        word.wait_for("WATCHDOG=1")
        # Whoever watches over the others is held up itself, and then goes on.
        running.signal(signal.SIGSTOP)
        running.signal(signal.SIGCONT)
        word.wait_for("WATCHDOG=1")


def test_signs_of_life_end_while_a_vital_cell_hangs_and_come_again_when_it_was_replaced(tmp_path: Path) -> None:
    """They come every half second; a hung cell is ended after three pings, a second apart, and is missed after one."""
    held = tmp_path / "held"
    with watched(tmp_path, HOLD.format(str(held))) as (word, running):
        word.wait_for("WATCHDOG=1")
        held.touch()
        os.kill(running.cell("resolver"), signal.SIGSTOP)
        running.wait_for("no sign of life from resolver; the service manager gets none either")
        word.drain()
        running.wait_for("resolver (pid", "is ended: no answer to 3 pings")
        running.wait_for("resolver (pid", "signal SIGKILL")
        assert [] == [said for said in word.drain() if "WATCHDOG=1" in said]
        held.unlink()
        running.wait_for("resolver (pid", "serves again")
        word.wait_for("WATCHDOG=1")


def test_sockets_of_systemds_own_program_are_used(tmp_path: Path) -> None:
    """It starts the service when the first client comes, and can have one kind only: UDP we open."""
    activate = peer("systemd-socket-activate")
    (port,) = free_ports(1)
    config = config_for(tmp_path, port)
    program = Path(sys.executable).parent / "anchorhold"
    log = tmp_path / "log"
    command = [activate, f"--listen=127.0.0.1:{port}", "--fdname=dns", str(program), "run", "--config", str(config)]
    with running_program(command, log) as process:
        until(lambda: listens(port), "systemd's socket")
        with client_of(port) as client:
            until(lambda: "serving on" in log.read_text(), "a start by the first client")
            client.send(query(9))
            assert dns.message.from_wire(client.recv(4_096)).id == 9
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as stream:
            stream.sendall(len(query(8)).to_bytes(2, "big") + query(8))
            assert stream.recv(4_096)[2:4] == (8).to_bytes(2, "big")
        assert process.poll() is None
    said = log.read_text()
    assert "1 of the service manager's 1 sockets are used" in said
    assert f"127.0.0.1:{port} (UDP) is not among the service manager's sockets; it is opened by ourselves" in said
