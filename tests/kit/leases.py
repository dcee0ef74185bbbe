"""Leases and stores for tests, and what a server keeps in mind of its clients while its disk is tried."""

import os
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from dhcp.clock import Saved
from dhcp.edge.folder import LeaseFolder
from dhcp.edge.store import SqliteStore
from dhcp.values import Kind, Lease, LeaseChange, State
from wire.units import Epoch, Instant

DATE = Epoch(1_800_000_000)
HOUR, DAY, YEAR = 3_600, 86_400, 365 * 86_400
KEY = bytes(range(32))
BOOT = "11111111-2222-3333-4444-555555555555"


def lease(number: int = 1, client: int = 0, **changes: object) -> Lease:
    """A lease of 10.0.0.0/8's address `number`; of client `number` if no other is said."""
    draw = random.Random(client or number)
    made = Lease(
        Kind.ADDRESS4,
        (10 << 24 | number).to_bytes(4, "big"),
        32,
        draw.randbytes(16),
        draw.randbytes(16),
        0,
        "10.0.0.0/8",
        State.BOUND,
        DATE,
        DATE,
        Epoch(DATE + HOUR),
        HOUR,
    )
    return made._replace(**changes)  # type: ignore[arg-type]


def begun(*leases: Lease) -> list[LeaseChange]:
    """Changes that begin these."""
    return [LeaseChange(None, one) for one in leases]


def ended(*leases: Lease) -> list[LeaseChange]:
    """Changes that end these."""
    return [LeaseChange(one, None) for one in leases]


def saved(seconds: float = 0) -> Saved:
    """The clock so many seconds after DATE."""
    return Saved(Epoch(DATE + seconds), Instant(1_000 + seconds), BOOT)


@contextmanager
def folder(path: Path) -> Iterator[LeaseFolder]:
    """`path` as a lease folder."""
    path.mkdir(exist_ok=True)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield LeaseFolder(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def store(path: Path, key: bytes = KEY, names_in_clear: bool = False) -> Iterator[SqliteStore]:
    """A store in `path`, not loaded yet, closed at the end."""
    with folder(path) as one:
        made = SqliteStore(one, key, names_in_clear)
        try:
            yield made
        finally:
            made.close()


def put(path: Path, files: Mapping[str, bytes]) -> None:
    """`path` as a folder of these files and no others; what a server has put aside is left out."""
    path.mkdir(exist_ok=True)
    for file in path.iterdir():
        file.unlink()
    for name, octets in files.items():
        if ".damaged-" not in name:
            (path / name).write_bytes(octets)


def contents(path: Path) -> bytes:
    """All files of a folder, one after another."""
    return b"\n".join(file.read_bytes() for file in sorted(path.iterdir()))
