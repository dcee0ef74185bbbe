"""The tables of `leases.db`, their versions and every statement. Types, UPSERT and conditions are such as PostgreSQL
takes too; what is SQLite's own is said in the pragmas and in the suffix of a table.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from dhcp.record import COLUMNS
from dhcp.store import StoreDamaged, StoreFailed

FIRST_PRAGMAS = ("temp_store = MEMORY", "locking_mode = EXCLUSIVE")
"""Before the file is touched in any way: then there is no shared memory file."""
PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "secure_delete = ON",
    # Pages, two megabytes. Whoever commits then writes them into the file and waits for it: so not often, and not for long.
    "wal_autocheckpoint = 500",
    "trusted_schema = OFF",
    "cell_size_check = ON",
)
NEW_FILE = "auto_vacuum = INCREMENTAL"
"""Counts only before there is anything in the file."""

_CLUSTERED = " WITHOUT ROWID"
_NAMES = ", ".join(name for name, _ in COLUMNS)
_COLUMNS = ", ".join(f"{name} {kind} NOT NULL" for name, kind in COLUMNS)

MIGRATIONS = (
    (
        f"CREATE TABLE lease ({_COLUMNS}, PRIMARY KEY (kind, address)){_CLUSTERED}",
        "CREATE TABLE clock (id SMALLINT PRIMARY KEY, now BIGINT NOT NULL, boottime BIGINT NOT NULL, boot TEXT NOT NULL)"
        f"{_CLUSTERED}",
        f"CREATE TABLE mark (id SMALLINT PRIMARY KEY, mark BYTEA NOT NULL){_CLUSTERED}",
    ),
    (
        "ALTER TABLE lease RENAME TO lease_by_address",
        # Which number an address has is known to `dhcp/slots.py`, which sees to it that none has two.
        f"CREATE TABLE lease (slot INTEGER PRIMARY KEY, {_COLUMNS})",
        f"INSERT INTO lease (slot, {_NAMES})"  # noqa: S608 # names of ours
        f" SELECT row_number() OVER (ORDER BY kind, address), {_NAMES} FROM lease_by_address",
        "DROP TABLE lease_by_address",
    ),
)
"""What leads from each version of the schema to the next. Never changed once released, only added to."""

SELECT_FROM = f"SELECT slot, {_NAMES} FROM lease WHERE slot >= ? ORDER BY slot"  # noqa: S608
SELECT_FROM_1 = f"SELECT 0, {_NAMES} FROM lease WHERE kind = ? AND address >= ? ORDER BY address"  # noqa: S608
"""Of a file of version 1, as `SELECT_FROM`."""
SELECT_ALL = f"SELECT slot, {_NAMES} FROM lease ORDER BY kind, address"  # noqa: S608 # names of ours
SELECT_SLOTS = "SELECT slot, kind, address FROM lease"
PUT = (
    f"INSERT INTO lease (slot, {_NAMES}) VALUES ({', '.join('?' * (1 + len(COLUMNS)))})"  # noqa: S608
    f" ON CONFLICT (slot) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name, _ in COLUMNS)}"
)
DELETE = "DELETE FROM lease WHERE slot = ?"
DELETE_TAG = "DELETE FROM lease WHERE client = ? OR hardware = ?"
DELETE_ENDED = """
    DELETE FROM lease WHERE slot IN (SELECT slot FROM lease WHERE until <= ? ORDER BY slot LIMIT ?)
"""
SELECT_CLOCK = "SELECT now, boottime, boot FROM clock WHERE id = 1"
PUT_CLOCK = (
    "INSERT INTO clock (id, now, boottime, boot) VALUES (1, ?, ?, ?)"
    " ON CONFLICT (id) DO UPDATE SET now = excluded.now, boottime = excluded.boottime, boot = excluded.boot"
)
"""Milliseconds, milliseconds, the boot's name."""
SELECT_KEY = "SELECT mark FROM mark WHERE id = 1"
PUT_KEY = "INSERT INTO mark (id, mark) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET mark = excluded.mark"

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_FORMAT)
"""Primary result codes. SQLITE_ERROR: our statements are right, so the tables are not."""


def prepare(connection: sqlite3.Connection) -> None:
    """A connection as we want it, to a file of any version. Raises sqlite3.Error."""
    _set(connection, FIRST_PRAGMAS)
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    _set(connection, PRAGMAS if pages else (NEW_FILE, *PRAGMAS))


def version_of(connection: sqlite3.Connection) -> int:
    """Of the tables; 0: there are none. Raises sqlite3.Error."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def _set(connection: sqlite3.Connection, pragmas: tuple[str, ...]) -> None:
    for pragma in pragmas:
        connection.execute(f"PRAGMA {pragma}").fetchall()


def migrate(connection: sqlite3.Connection, name: str) -> None:
    """To our version. Raises StoreFailed if the file is of a newer one, StoreDamaged if something would not be copied, and
    sqlite3.Error; then it is as it was, or of a version between."""
    version = version_of(connection)
    if version > len(MIGRATIONS):
        raise StoreFailed(
            f"{name} was written by a newer Anchorhold (version {version} of its tables, this one knows {len(MIGRATIONS)}):"
            " use that one again, or move the file away and lose its leases"
        )
    if 0 < version < len(MIGRATIONS) and connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
        raise StoreDamaged(f"{name}: version {version} of its tables is not whole")
    for number in range(version, len(MIGRATIONS)):
        with transaction(connection):
            for statement in MIGRATIONS[number]:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number + 1}")


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of it or nothing; durable when it ends. Raises sqlite3.Error, then nothing of it is kept."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # Some failures have ended it already.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def as_failure(error: Exception, name: str) -> StoreFailed:
    """What an error of SQLite's means for the leases."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreFailed(f"{name} is open in another program; is the service running?")
    kind = StoreDamaged if code in _DAMAGED else StoreFailed
    return kind(f"{name}: {error} ({getattr(error, 'sqlite_errorname', 'no code')})")
