"""What is secret is in the memory of who needs it, and nowhere else: read from the running processes."""

import hashlib
import os
import re
import signal
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

import pytest
from kit.certificates import identity
from kit.peers import need_root
from kit.secure import secure_config
from kit.service import Running, started

KEY = hashlib.sha256(b"the spread key of this test").digest()
"""A spread key that is nowhere by chance."""
PIECE = 1 << 20


def memory(pid: int) -> Iterator[bytes]:
    """All that can be read of a process's memory, a mapping after another."""
    maps = Path(f"/proc/{pid}/maps").read_text().splitlines()
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as file:
        for line in maps:
            found = re.match(r"([0-9a-f]+)-([0-9a-f]+) r\S+ \S+ \S+ \d+ *(.*)", line)
            if found is None or found[3].startswith(("[v", "anon_inode")):
                continue
            start, end = int(found[1], 16), int(found[2], 16)
            try:
                yield piece_by_piece(file, start, end)
            except OSError:
                # The process runs: a mapping may be gone by now, and only that.
                if line in Path(f"/proc/{pid}/maps").read_text().splitlines():
                    raise


def piece_by_piece(file: FileIO, start: int, end: int) -> bytes:
    data = b""
    file.seek(start)
    while len(data) < end - start and (piece := file.read(min(PIECE, end - start - len(data)))):
        data += piece
    return data


def holds(pid: int, secret: bytes) -> bool:
    return any(secret in data for data in memory(pid))


def key_of(pem: bytes) -> bytes:
    """A line in the middle of the key."""
    lines = pem.splitlines()
    return lines[len(lines) // 2]


def holders(running: Running, secret: bytes) -> set[str]:
    names = ("front", "resolver", "keeper", "secure")
    pids = {"supervisor": running.process.pid} | {name: running.cell(name) for name in names}
    assert 0 not in pids.values()
    return {name for name, pid in pids.items() if holds(pid, secret)}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = secure_config(tmp_path)
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    (state / "spread.key").write_bytes(KEY)
    (state / "spread.key").chmod(0o600)
    return path


def test_each_secret_is_known_to_the_cell_that_needs_it_and_not_to_the_supervisor(config: Path) -> None:
    need_root("reading another process's memory")
    with started(config) as running:
        running.all_serve(config.parent / "control.sock")
        assert holders(running, KEY) == {"resolver"}
        # Nor is it there after a cell was forked anew, and after the files were read again.
        for name in ("resolver", "secure"):
            os.kill(running.cell(name), signal.SIGKILL)
            running.wait_for(f"{name} (pid", "serves again")
        running.signal(signal.SIGHUP)
        running.wait_for("configuration 2 is in force")
        assert holders(running, KEY) == {"resolver"}
        secret = key_of(identity("good").key)
        assert holders(running, secret) <= {"secure"}
        assert holds(os.getpid(), secret)


def test_a_private_key_that_is_named_by_mistake_is_read_by_nobody_that_stays(config: Path) -> None:
    need_root("reading another process's memory")
    secret = config.parent / "secret.pem"
    secret.write_bytes(identity("good").key)
    secret.chmod(0o600)
    good = config.read_text()
    server = '"tls://dns.example@127.0.0.1:9"'
    with started(config) as running:
        running.all_serve(config.parent / "control.sock")
        config.write_text(good.replace(server, f'{{ url = {server}, ca_file = "secret.pem" }}'))
        running.signal(signal.SIGHUP)
        running.wait_for("secret.pem: it must hold certificates in PEM form and no key")
        assert holders(running, key_of(identity("good").key)) <= {"secure"}


def test_the_environment_of_who_started_us_is_not_that_of_a_cell(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need_root("reading another process's environment")
    monkeypatch.setenv("ANCHORHOLD_TEST_SECRET", "hunter2")
    with started(config) as running:
        running.all_serve(config.parent / "control.sock")
        for name in ("front", "resolver", "keeper"):
            shown = Path(f"/proc/{running.cell(name)}/environ").read_bytes()
            assert shown.strip(b"\0") == b""
