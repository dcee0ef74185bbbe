"""Reading leases out of a file that may be damaged: whatever is readable and fits its checksum."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from dhcp.clock import Saved
from dhcp.edge.schema import SELECT_ALL, SELECT_CLOCK, SELECT_FROM, SELECT_FROM_1, as_failure, version_of
from dhcp.record import NoLease, Row, lease_of
from dhcp.sealing import Seal
from dhcp.store import StoreDamaged
from dhcp.values import Kind, Lease
from wire.units import Epoch, Instant


class Order(NamedTuple):
    """Rows that lie in the order of a number: a statement for those from one on, up to the `last` that there can be; what to
    bind there for a number, and the number of a row."""

    select: str
    last: int
    bind: Callable[[int], tuple[object, ...]]
    number: Callable[[Row], int]


def _by_address(kind: Kind, length: int) -> Order:
    def number(row: Row) -> int:
        """0 for what is no address: the row is damaged."""
        address = row[2]
        return int.from_bytes(address, "big") if isinstance(address, bytes) and len(address) == length else 0

    return Order(SELECT_FROM_1, (1 << 8 * length) - 1, lambda start: (int(kind), start.to_bytes(length, "big")), number)


_BY_SLOT = (Order(SELECT_FROM, (1 << 63) - 1, lambda start: (start,), lambda row: int(row[0])),)
"""Up to SQLite's largest number."""
_BY_ADDRESS = (_by_address(Kind.ADDRESS4, 4), _by_address(Kind.ADDRESS6, 16), _by_address(Kind.PREFIX6, 16))
"""Version 1: it is brought up to date when it is opened, unless it is damaged."""


class Salvaged(NamedTuple):
    """What could be read. `problem` is empty if that is all."""

    rows: tuple[Row, ...]
    """Each behind its number in the table, where it has one."""
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
    orders = _BY_ADDRESS if version_of(connection) == 1 else _BY_SLOT
    rows = {row[1:3]: row for order in orders for row in _readable(connection, order)}
    return Salvaged(tuple(rows.values()), _readable_clock(connection), problem)


def believe(rows: Iterable[Row], seal: Seal) -> tuple[tuple[Lease, ...], str]:
    """The leases of rows as they are salvaged, and a text if some are damaged."""
    leases: list[Lease] = []
    lost = 0
    for row in rows:
        try:
            leases.append(lease_of(row[1:], seal))
        except NoLease:
            lost += 1
    return tuple(leases), f"{lost} records do not fit their checksum" if lost else ""


def _damage(error: sqlite3.Error) -> str:
    """The text of an error that means damage; any other is raised again."""
    failure = as_failure(error, "it")
    if not isinstance(failure, StoreDamaged):
        raise error
    return str(error)


def _readable(connection: sqlite3.Connection, order: Order) -> Iterator[Row]:
    """Rows of a damaged table, in order; where one cannot be read, on from the next that can."""
    start: int | None = 0
    while start is not None:
        try:
            for row in connection.execute(order.select, order.bind(start)):
                yield row
                start = max(start, order.number(row))
            return
        except sqlite3.Error as error:
            _damage(error)
        start = _next_readable(connection, order, start)


def _next_readable(connection: sqlite3.Connection, order: Order, start: int) -> int | None:
    """The first number behind `start` from which a row can be read: strides that double until one gets over the damage, then
    halves back to its edge. None: there is nothing more.
    """
    bad, stride, good = start, 1, min(start + 1, order.last)
    while not _is_readable(connection, order, good):
        if good == order.last:
            return None
        bad, stride = good, 2 * stride
        good = min(start + stride, order.last)
    while good - bad > 1:
        middle = (bad + good) // 2
        if _is_readable(connection, order, middle):
            good = middle
        else:
            bad = middle
    return good if good > start else None


def _is_readable(connection: sqlite3.Connection, order: Order, start: int) -> bool:
    """Whether what follows `start` can be read, if only that nothing does."""
    try:
        connection.execute(order.select + " LIMIT 1", order.bind(start)).fetchone()
    except sqlite3.Error as error:
        _damage(error)
        return False
    return True


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
