"""Reading leases out of a file that may be damaged: whatever is readable and fits its checksum."""

import sqlite3
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from dhcp.clock import Saved
from dhcp.edge.schema import SELECT, SELECT_ALL, SELECT_CLOCK, as_failure
from dhcp.record import NoLease, Row, lease_of
from dhcp.sealing import Seal
from dhcp.store import StoreDamaged
from dhcp.values import Kind, Lease
from wire.units import Epoch, Instant

MAX_READS = 4_000
"""Attempts at parts of a damaged table. Each damaged page costs about a hundred."""
_LENGTHS = {Kind.ADDRESS4: 4, Kind.ADDRESS6: 16, Kind.PREFIX6: 16}


class Salvaged(NamedTuple):
    """What could be read. `problem` is empty if that is all."""

    rows: tuple[Row, ...]
    clock: Saved | None
    problem: str


def salvage(connection: sqlite3.Connection) -> Salvaged:
    """Everything there, or of a damaged file what is readable. Raises sqlite3.Error if the disk cannot be read."""
    try:
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if found == "ok":
            return Salvaged(tuple(connection.execute(SELECT_ALL)), _clock(connection), "")
    except sqlite3.Error as error:
        found = _damage(error)
    # SQLite's own words have line breaks in them.
    problem = " ".join(str(found).split()).strip("* ")
    return Salvaged(tuple(_readable(connection)), _readable_clock(connection), problem)


def believe(rows: Iterable[Row], seal: Seal) -> tuple[tuple[Lease, ...], str]:
    """The leases of rows, and a text if some are damaged."""
    leases: list[Lease] = []
    lost = 0
    for row in rows:
        try:
            leases.append(lease_of(row, seal))
        except NoLease:
            lost += 1
    return tuple(leases), f"{lost} records do not fit their checksum" if lost else ""


def _damage(error: sqlite3.Error) -> str:
    """The text of an error that means damage; any other is raised again."""
    failure = as_failure(error, "it")
    if not isinstance(failure, StoreDamaged):
        raise error
    return str(error)


def _readable(connection: sqlite3.Connection) -> Iterator[Row]:
    """Rows of a damaged table: halves of halves of the addresses, until a part can be read or the attempts are
    spent.
    """
    parts = [(kind, 0, (1 << 8 * length) - 1) for kind, length in _LENGTHS.items()]
    reads = 0
    while parts and reads < MAX_READS:
        kind, first, last = parts.pop(0)
        reads += 1
        length = _LENGTHS[kind]
        bounds = (int(kind), first.to_bytes(length, "big"), last.to_bytes(length, "big"))
        try:
            yield from connection.execute(SELECT, bounds).fetchall()
        except sqlite3.Error as error:
            _damage(error)
            middle = (first + last) // 2
            if first < last:
                parts += [(kind, first, middle), (kind, middle + 1, last)]


def _clock(connection: sqlite3.Connection) -> Saved | None:
    row = connection.execute(SELECT_CLOCK).fetchone()
    if row is None:
        return None
    now, boottime, boot = row
    if not isinstance(now, int) or not isinstance(boottime, int) or not isinstance(boot, str):
        return None
    return Saved(Epoch(now / 1000), Instant(boottime / 1000), boot)


def _readable_clock(connection: sqlite3.Connection) -> Saved | None:
    try:
        return _clock(connection)
    except sqlite3.Error as error:
        _damage(error)
        return None
