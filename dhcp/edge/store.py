"""Leases in SQLite: durable before the reply leaves, and gone from the disk when they have ended.

One connection, which locks the file for itself (so there is no shared memory file). Every commit is one transaction in
the write-ahead log and one fsync. What is deleted is overwritten with zeros (secure_delete), pages that fall free are
given back piece by piece, and the log, which holds what was, is emptied within minutes.

What a failed fsync left behind is in the page cache and perhaps not on the disk, and the next fsync says nothing of it
(that is how Linux is). Who failed writes again at the same places, as the log is made; who opens anew writes all of the
log into the file first.
"""

import sqlite3
from collections.abc import Iterable
from contextlib import closing, suppress

from dhcp.clock import Saved
from dhcp.edge.folder import KEY_NAME, SIDES, FolderRefused, LeaseFolder
from dhcp.edge.salvage import Salvaged, believe, salvage
from dhcp.edge.schema import (
    DELETE,
    DELETE_ENDED,
    DELETE_TAG,
    PUT,
    PUT_CLOCK,
    PUT_KEY,
    SELECT_KEY,
    SELECT_SLOTS,
    as_failure,
    migrate,
    prepare,
    transaction,
)
from dhcp.record import COLUMNS, Row, row_of
from dhcp.sealing import Seal
from dhcp.slots import Slots
from dhcp.store import Loaded, StoreDamaged, StoreFailed
from dhcp.values import Address, Lease, LeaseChange, State, Tag, concerns_disk, place_of
from wire.units import Epoch

NAME = "leases.db"
DRAFT, REBUILT = f"{NAME}.new", f"{NAME}.rebuilt"

_OFFERED = State.OFFERED
"""Looking up a member of an enum costs more."""
_OCTETS = tuple(place for place, (_, kind) in enumerate(COLUMNS, 1) if kind == "BYTEA")
PATIENCE = 2.0
"""Seconds to wait for a former process to let go of the file."""
LOG_FOR = 600.0
"""Seconds of the lease clock that anything stays in the log, at most; and between two looks for ended leases."""
ENDED_AT_ONCE = 500
PAGES_AT_ONCE = 64
"""Bounds of one call of `tidy`: leases deleted, pages given back."""


def size_of(folder: LeaseFolder) -> int:
    """Octets of the leases as they are on disk. Raises FolderRefused."""
    try:
        return sum(folder.size(name + side) for name in (NAME, REBUILT) for side in ("", *SIDES))
    except OSError as error:
        raise FolderRefused(f"{NAME} cannot be looked at: {error.strerror}") from None


class SqliteStore:
    """The port `LeaseStore` (dhcp/store.py) over `leases.db` in a folder."""

    def __init__(self, folder: LeaseFolder, key: bytes, names_in_clear: bool = False) -> None:
        """`key` is that of `LeaseFolder.key`. Nothing is opened yet."""
        self._folder = folder
        self._seal = Seal(key)
        self._names_in_clear = names_in_clear
        self._connection: sqlite3.Connection | None = None
        self._slots: Slots | None = None
        """The rows of the file that is open; None: nobody has looked yet."""
        self._number = 0
        """The file's inode."""
        self._damaged = ""
        """What is wrong with the file; until it is written anew nothing is added to it, for what was in it would be missing."""
        self._proven = False
        """What is in the log was written into the file since it was opened."""
        self._log_since: Epoch | None = None
        """Lease time of the oldest commit in the log; None: it is empty."""
        self._saved_second = -1
        self._looked: Epoch | None = None
        """Lease time of the last look for ended leases."""

    def load(self) -> Loaded:
        """See LeaseStore. Damage is set aside, and what could be read is written anew."""
        self._damaged = ""
        try:
            found = salvage(self._opened())
        except (sqlite3.Error, StoreFailed) as error:
            failed = error if isinstance(error, StoreFailed) else self._failed(error)
            if not isinstance(failed, StoreDamaged):
                raise failed from None
            found = self._salvage_as_it_is(str(failed))
        leases, lost = believe(found.rows, self._seal)
        problem = found.problem or lost or self._index(row[:3] for row in found.rows)
        if not problem:
            return Loaded(leases, found.clock, self._know_key())
        aside = self.rebuild(leases, found.clock)
        text = f"{NAME} is damaged ({problem}): {len(leases)} leases could be read and were written anew"
        return Loaded(leases, found.clock, (f"{text}; the damaged file is kept for a day as {aside}",))

    def commit(self, changes: Iterable[LeaseChange], clock: Saved) -> None:
        """See LeaseStore."""
        connection = self._opened()
        try:
            self._prove(connection)
            slots = self._known_slots(connection)
            put, gone = self._rows(changes, slots)
            with transaction(connection):
                self._write(
                    connection, put, [(slot,) for place in gone if (slot := slots.find(*place)) is not None], clock
                )
        except sqlite3.Error as error:
            raise self._failed(error) from None
        # Only now: what still has a row keeps its number.
        for place in gone:
            slots.release(*place)
        self._saved_second = int(clock.now)
        self._has_written(clock.now)

    def tidy(self, now: Epoch) -> bool:
        """See LeaseStore. Deletes at most 500 ended leases, gives 64 pages back, empties the log if it is ten minutes
        old.
        """
        connection = self._opened()
        try:
            if self._number != self._folder.number(NAME):
                raise self._is_damaged(StoreDamaged(f"somebody removed or replaced {NAME}"))
            more = self._delete_ended(connection, now)
            if free := _free_pages(connection):
                # As a script: a single execute would stop after the first page.
                connection.executescript(f"PRAGMA incremental_vacuum({PAGES_AT_ONCE})")
                self._has_written(now)
            if self._log_since is not None and not 0 <= now - self._log_since < LOG_FOR:
                self._empty_log(connection)
            self._folder.drop_aside()
        except (sqlite3.Error, OSError) as error:
            raise self._failed(error) from None
        return more or free > PAGES_AT_ONCE

    def forget(self, tags: Iterable[Tag], now: Epoch) -> None:
        """See LeaseStore."""
        connection = self._opened()
        try:
            with transaction(connection):
                connection.executemany(DELETE_TAG, [(tag, tag) for tag in tags])
            self._looked = None
            while self._delete_ended(connection, now):
                pass
            connection.executescript("PRAGMA incremental_vacuum")
            self._empty_log(connection)
            self._folder.drop_aside(everything=True)
        except (sqlite3.Error, OSError) as error:
            raise self._failed(error) from None

    def rebuild(self, leases: Iterable[Lease], clock: Saved | None) -> str:
        """See LeaseStore. Whole or not at all: written under another name, which a start after a crash takes over."""
        self._let_go()
        self._damaged = ""
        try:
            for side in ("", *SIDES):
                self._folder.remove(DRAFT + side)
            self._fill(leases, clock)
            self._folder.rename(DRAFT, REBUILT)
            self._folder.sync()
            aside = self._take_over()
        except (sqlite3.Error, OSError) as error:
            raise self._failed(error) from None
        self._opened()
        return aside

    def close(self) -> None:
        """See LeaseStore. The log is written into the file and removed, if the disk lets it be."""
        self._let_go()

    # opening

    def _opened(self) -> sqlite3.Connection:
        """The connection there is, or a new one. Raises StoreFailed, StoreDamaged."""
        if self._damaged:
            raise StoreDamaged(self._damaged)
        if self._connection is not None:
            return self._connection
        try:
            self._take_over()
            self._connection = connection = self._connect(NAME)
            self._number = self._folder.number(NAME)
            self._folder.sync()
        except (sqlite3.Error, OSError) as error:
            failed = self._failed(error)
            self._let_go()
            raise failed from None
        # On a full disk this may fail, and leases can be read all the same.
        with suppress(sqlite3.OperationalError):
            self._prove(connection)
        return connection

    def _salvage_as_it_is(self, problem: str) -> Salvaged:
        """Of a file that is too damaged to be opened as ours: what of it is readable, in the version it has."""
        self._let_go()
        with suppress(sqlite3.Error, OSError), closing(self._connect(NAME, any_version=True)) as connection:
            found = salvage(connection)
            return found._replace(problem=found.problem or problem)
        return Salvaged((), None, problem)

    def _connect(self, name: str, any_version: bool = False) -> sqlite3.Connection:
        self._folder.make(name)
        with self._folder.within():
            connection = sqlite3.connect(self._folder.path(name), timeout=PATIENCE, isolation_level=None)
        try:
            prepare(connection)
            if not any_version:
                migrate(connection, name)
        except (sqlite3.Error, StoreFailed):
            connection.close()
            raise
        return connection

    def _prove(self, connection: sqlite3.Connection) -> None:
        if not self._proven:
            self._empty_log(connection)

    def _empty_log(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self._log_since = None
        self._proven = True

    def _fill(self, leases: Iterable[Lease], clock: Saved | None) -> None:
        connection = self._connect(DRAFT)
        try:
            with transaction(connection):
                put, _ = self._rows((LeaseChange(None, lease) for lease in leases), Slots())
                self._write(connection, put, [], clock)
                connection.execute(PUT_KEY, (self._seal.mark,))
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            connection.close()

    def _take_over(self) -> str:
        """Finish what a rebuild began: the rebuilt file in the place of the damaged one; the name that has now."""
        if not self._folder.number(REBUILT):
            return ""
        # A log of the old file would be played into the new one: it goes first, and the new one comes last.
        for side in SIDES:
            self._folder.set_aside(NAME + side)
        aside = self._folder.set_aside(NAME)
        self._folder.sync()
        self._folder.rename(REBUILT, NAME)
        self._folder.sync()
        return aside

    def _let_go(self) -> None:
        connection, self._connection, self._slots = self._connection, None, None
        self._proven, self._log_since, self._saved_second = False, None, -1
        if connection is not None:
            # Closing writes what it can into the file; the rest stays in the log.
            with suppress(sqlite3.Error):
                connection.close()

    def _failed(self, error: Exception) -> StoreFailed:
        """What to raise for `error`; a transaction that is still open is taken back."""
        if self._connection is not None and self._connection.in_transaction:
            self._let_go()
        # On a full disk the log is the first thing to give back; after a failed sync it is to be written out.
        self._proven = False
        if isinstance(error, OSError):
            return StoreFailed(f"{NAME}: {error.strerror}")
        return self._is_damaged(as_failure(error, NAME))

    def _is_damaged(self, failure: StoreFailed) -> StoreFailed:
        """Remembers it, if it is damage."""
        if isinstance(failure, StoreDamaged):
            self._damaged = str(failure)
        return failure

    # reading and writing

    def _know_key(self) -> tuple[str, ...]:
        """A text if the leases on disk were written with another key; from then on this one counts."""
        connection = self._opened()
        try:
            found = connection.execute(SELECT_KEY).fetchone()
            if found is not None and found[0] == self._seal.mark:
                return ()
            connection.execute(PUT_KEY, (self._seal.mark,))
        except sqlite3.Error as error:
            return (str(self._failed(error)),)
        if found is None:
            return ()
        return (f"{KEY_NAME} is not the one {NAME} was written with: its leases are nobody's and last until their end",)

    def _known_slots(self, connection: sqlite3.Connection) -> Slots:
        """Raises StoreDamaged if the rows are not what was written."""
        if self._slots is None and (problem := self._index(connection.execute(SELECT_SLOTS))):
            raise self._is_damaged(StoreDamaged(f"{NAME}: {problem}"))
        assert self._slots is not None  # noqa: S101 # else there was a problem
        return self._slots

    def _index(self, rows: Iterable[Row]) -> str:
        """Remember which rows there are: number, kind, address; a text if they are not what was written."""
        try:
            self._slots = Slots(rows)
        except (KeyError, TypeError, ValueError):
            return "two records are of one address"
        return ""

    def _rows(
        self, changes: Iterable[LeaseChange], slots: Slots
    ) -> tuple[list[list[object]], list[tuple[int, Address]]]:
        """What to put, and the places of what to delete: for each address what counts in the end."""
        last: dict[tuple[int, Address], Lease | None] = {}
        for change in changes:
            if concerns_disk(change):
                kind, address = place_of(change)
                after = change.after
                last[int(kind), address] = None if after is not None and after.state is _OFFERED else after
        seal, in_clear = self._seal, self._names_in_clear
        put = [
            _as_bound(slots.give(*place), row_of(lease, seal, in_clear))
            for place, lease in last.items()
            if lease is not None
        ]
        return put, [place for place, lease in last.items() if lease is None]

    def _write(
        self, connection: sqlite3.Connection, put: list[list[object]], gone: list[tuple[int]], clock: Saved | None
    ) -> None:
        if put:
            connection.executemany(PUT, put)
        if gone:
            connection.executemany(DELETE, gone)
        # Once a second is enough: a start believes the last lease it was seen at, too.
        if clock is not None and int(clock.now) != self._saved_second:
            connection.execute(PUT_CLOCK, (int(clock.now * 1000), int(clock.boottime * 1000), clock.boot))

    def _delete_ended(self, connection: sqlite3.Connection, now: Epoch) -> bool:
        """True if there may be more. The server ends leases itself; this is for those it does not know of."""
        if self._looked is not None and 0 <= now - self._looked < LOG_FOR:
            return False
        count = connection.execute(DELETE_ENDED, (int(now), ENDED_AT_ONCE)).rowcount
        if count:
            self._has_written(now)
        if count < ENDED_AT_ONCE:
            self._looked = now
        return count >= ENDED_AT_ONCE

    def _has_written(self, now: Epoch) -> None:
        if self._log_since is None:
            self._log_since = now


def _as_bound(slot: int, row: Row) -> list[object]:
    """With its octets as SQLite's binding takes them at once. For `bytes` it looks for adapters first, which costs more than all
    else of a row."""
    bound: list[object] = [slot, *row]
    for place in _OCTETS:
        bound[place] = bytearray(row[place - 1])
    return bound


def _free_pages(connection: sqlite3.Connection) -> int:
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    return int(free)
