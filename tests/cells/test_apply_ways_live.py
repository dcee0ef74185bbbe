"""`anchorhold apply` at a terminal, with other addresses, with encrypted ways in: against the real service."""

import os
import pty
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.message
import pytest
from kit.forwarder import root_server
from kit.peers import free_ports
from kit.service import Running, config_text, started

from resolver.iterate.verdict import RRset
from wire.dns.codes import RecordType

PATIENCE = 60.0


@contextmanager
def service(folder: Path, extra: str = "") -> Iterator[tuple[Running, Path, int]]:
    """By a configuration that works; its file and its port."""
    org = RRset(b"\3org\0", RecordType.SOA, 60, (b"\0\0" + bytes(20),))
    with root_server(org) as upstream:
        config = folder / "anchorhold.toml"
        (port,) = free_ports(1)
        text = config_text(folder, port, server=f"udp://127.0.0.1:{upstream}", profile="opportunistic", extra=extra)
        config.write_text(text)
        with started(config) as running:
            running.wait_for("serving on")
            yield running, config, port


def command(config: Path, file: Path, *more: str) -> list[str]:
    control = config.parent / "control.sock"
    return [sys.executable, "-m", "anchorhold", "apply", str(file), "--control", str(control), *more]


def at_a_terminal(config: Path, file: Path, answer: str) -> tuple[int, str]:
    """The exit code and what was shown."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command(config, file), stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown, answered = b"", False
    while True:
        try:
            data = os.read(ours, 4_096)
        except OSError:
            break
        shown += data
        if b"Keep it?" in shown and not answered:
            answered = True
            os.write(ours, answer.encode() + b"\n")
    os.close(ours)
    return process.wait(PATIENCE), shown.decode()


@pytest.mark.parametrize(
    ("answer", "code", "wanted"),
    [("y", 0, "confirmed"), ("n", 1, "the former configuration is in force again: it was not wanted")],
)
def test_at_a_terminal_the_answer_counts(tmp_path: Path, answer: str, code: int, wanted: str) -> None:
    with service(tmp_path) as (_, config, _port):
        former = config.read_text()
        file = tmp_path / "new.toml"
        file.write_text(former + "[limits]\nrate = 1000\n")
        ended, shown = at_a_terminal(config, file, answer)
        assert (code, True) == (ended, wanted in shown), shown
        assert config.read_text() == (file.read_text() if code == 0 else former)


def answers(port: int) -> bool:
    """Whether anybody does there; nobody has the port, if not."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(PATIENCE)
        client.connect(("127.0.0.1", port))
        try:
            client.send(dns.message.make_query("localhost", "A").to_wire())
            return bool(client.recv(4_096))
        except ConnectionRefusedError:
            return False


def test_an_address_that_was_given_up_comes_back(tmp_path: Path) -> None:
    with service(tmp_path) as (running, config, port):
        (other,) = free_ports(1, beside=True)
        file = tmp_path / "moved.toml"
        file.write_text(config.read_text().replace(f'"127.0.0.1:{port}"', f'"127.0.0.1:{other}"'))
        process = subprocess.Popen(command(config, file), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        with process, process.stdout:
            shown = next(line for line in process.stdout if f"address 127.0.0.1:{other}" in line)
            assert "good" in shown
            assert answers(other)
            process.send_signal(signal.SIGKILL)
        running.wait_for("configuration 1 is in force")
        assert (True, False) == (answers(port), answers(other))


def test_encrypted_ways_in_are_tried_and_one_that_fails_takes_it_back(tmp_path: Path) -> None:
    with service(tmp_path) as (running, config, _):
        (port,) = free_ports(1)
        file = tmp_path / "new.toml"
        file.write_text(config.read_text() + f'[secure]\nlisten = ["tls://127.0.0.1:{port}"]\nname = "dns.home.arpa"\n')
        done = subprocess.run(command(config, file, "--yes"), check=False, capture_output=True, text=True)
        assert (0, True) == (done.returncode, f"tls://127.0.0.1:{port}: answers" in done.stdout), done
        bad = tmp_path / "bad.toml"
        bad.write_text(file.read_text() + 'certificate = "files"\nchain = "none.pem"\nkey = "none.key"\n')
        start = time.monotonic()
        done = subprocess.run(command(config, bad, "--yes"), check=False, capture_output=True, text=True)
        assert (1, True) == (done.returncode, "certificate: " in done.stdout), done
        assert time.monotonic() - start < PATIENCE
        assert file.read_text() == config.read_text()
        assert running.process.poll() is None
