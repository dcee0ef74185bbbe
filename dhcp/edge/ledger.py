"""The book and the disk kept together: changes are made in memory, then all of a wake-up's go to disk in one commit.

While the disk takes nothing, newcomers are refused and everything else goes on from memory (`dhcp/owed.py`); it is tried
again with every wake-up that changes something, and every few seconds besides.
"""

from collections.abc import Callable, Sequence

from dhcp.book import LeaseBook, Mismatch
from dhcp.clock import LeaseClock
from dhcp.edge.clock import boottime
from dhcp.owed import Owed, held_over
from dhcp.store import LeaseStore, StoreDamaged, StoreFailed
from dhcp.values import LeaseChange
from wire.units import Epoch, Instant

SAVE_EVERY = 120.0
"""Seconds after which the clock is saved, though nothing changes."""
TRY_EVERY = 5.0
"""Seconds between two tries of a disk that takes nothing."""
TIDY_EVERY = 60.0
"""Seconds between two pieces of making ended leases vanish."""

Report = Callable[[str], None]
"""Takes a line for the log; without names and addresses of clients."""


class Ledger:
    """`book` as it is on disk, but for what is owed."""

    def __init__(self, book: LeaseBook, store: LeaseStore, clock: LeaseClock, report: Report) -> None:
        self.book = book
        self.store = store
        self.clock = clock
        self.why = ""
        """Why the disk takes nothing; empty: it does."""
        self.failures = 0
        """How often it took nothing."""
        self._report = report
        self._owed = Owed()
        self._next_try = self._next_tidy = self._next_save = 0.0

    @property
    def owed(self) -> int:
        """How many leases the disk does not know as they are."""
        return len(self._owed)

    def now(self) -> Epoch:
        """The lease time."""
        return self.clock.at(boottime())

    def hold_over(self) -> None:
        """At a start, before anything is heard: what the disk held ends no sooner than what a former process may have told."""
        changes = held_over(self.book.leases(), self.now())
        self.book.apply(changes)
        self.settle(changes)

    def settle(self, changes: Sequence[LeaseChange], durable: Sequence[LeaseChange] | None = None) -> frozenset[int]:
        """`changes` were applied to the book, in this order: bring them to disk, all in one commit. `durable`: those of them that
        are, if the caller knows.

        Gives the positions of those that were taken back, because the disk did not take them and they may not count without:
        whoever waits for one gets no reply.
        """
        due = self._owed.due(changes) if durable is None else self._owed.before(durable)
        if not due:
            return frozenset()
        return frozenset() if self._commit(due) else self._take_back(changes)

    def enact(self, changes: Sequence[LeaseChange]) -> str:
        """An operator's changes: in the book and on disk, or in neither; then the text says why. Raises Mismatch."""
        self.book.apply(changes)
        if self._commit(self._owed.due(changes)):
            return ""
        self.book.undo(changes)
        return self.why

    def maintain(self, now: Instant) -> None:
        """What is due by the clock: pay what is owed, save the time, make ended leases vanish from the disk."""
        if (self.why or self._owed) and now >= self._next_try:
            self._next_try = now + TRY_EVERY
            self._commit(self._owed.due(()))
        if now >= self._next_save and not self.why:
            self._next_save = now + SAVE_EVERY
            self._commit(self._owed.due(()))
        if now >= self._next_tidy and not self.why:
            self._next_tidy = now + TIDY_EVERY
            self._tidy(now)

    def pause(self, now: Instant) -> float:
        """Seconds until `maintain` has something to do."""
        dues = [self._next_try] if self.why or self._owed else []
        if not self.why:
            dues += [self._next_save, self._next_tidy]
        return max(0.0, min(dues) - now)

    def close(self) -> None:
        """Save what can be saved, let go of the files."""
        self._commit(self._owed.due(()))
        self.store.close()

    def _commit(self, due: Sequence[LeaseChange]) -> bool:
        """`due`: all that is owed, and what is new."""
        saved = self.clock.saved(boottime())
        try:
            try:
                self.store.commit(due, saved)
            except StoreDamaged as error:
                aside = self.store.rebuild(self.book.leases(), saved)
                self._report(f"the leases are written anew from memory: {error}; the damaged file is kept as {aside}")
        except StoreFailed as error:
            self._has_failed(error)
            return False
        self._owed.paid()
        if self.why:
            self._report("leases are kept again")
            self.why = ""
        return True

    def _has_failed(self, error: StoreFailed) -> None:
        self.failures += 1
        if not self.why:
            self._report(f"leases cannot be kept: {error}; who has one keeps it, nobody new gets one until it can")
        self.why = str(error)

    def _take_back(self, changes: Sequence[LeaseChange]) -> frozenset[int]:
        refused = {id(change) for change in self._owed.failed(changes, self.now())}
        # All of it, the last first, then again what may count: something in memory alone may stand on what is refused.
        self.book.undo(changes)
        lost = set()
        for position, change in enumerate(changes):
            if id(change) in refused or not self._applies(change):
                lost.add(position)
        return frozenset(lost)

    def _applies(self, change: LeaseChange) -> bool:
        try:
            self.book.apply((change,))
        except Mismatch:
            return False
        return True

    def _tidy(self, now: Instant) -> None:
        try:
            if self.store.tidy(self.now()):
                self._next_tidy = now
        except StoreFailed as error:
            self._has_failed(error)
