"""The book and the disk: one commit for a wake-up, newcomers refused while the disk takes nothing, the rest from memory."""

import pytest
from kit.disk import Disk
from kit.leases import BOOT, DATE, KEY, lease

from dhcp.book import LeaseBook
from dhcp.clock import LeaseClock
from dhcp.edge.ledger import TIDY_EVERY, TRY_EVERY, Ledger
from dhcp.store import LeaseStore, StoreDamaged, StoreFailed
from dhcp.values import Lease, LeaseChange, State
from wire.units import Epoch, Instant


class Kept:
    """A ledger, its disk, and what it said."""

    def __init__(self, *leases: Lease) -> None:
        self.disk = Disk()
        self.said: list[str] = []
        store: LeaseStore = self.disk  # type: ignore[assignment]
        self.ledger = Ledger(LeaseBook(KEY, leases), store, LeaseClock(float(DATE), BOOT), self.said.append)

    def settle(self, *changes: LeaseChange) -> frozenset[int]:
        self.ledger.book.apply(changes)
        return self.ledger.settle(changes)

    def held(self, one: Lease) -> Lease | None:
        return self.ledger.book.at(one.kind, one.address)


OLD, NEW = lease(1), lease(2)
LONGER = OLD._replace(seen=Epoch(OLD.seen + 60), renewals=1)
RENEWAL = LeaseChange(OLD, LONGER)
OFFER = LeaseChange(None, NEW._replace(state=State.OFFERED))


def test_a_wake_up_is_one_commit() -> None:
    kept = Kept(OLD)
    assert frozenset() == kept.settle(RENEWAL, LeaseChange(None, NEW), LeaseChange(None, lease(3)))
    assert [3] == [len(commit) for commit in kept.disk.commits]


def test_an_offer_is_nothing_for_the_disk() -> None:
    kept = Kept()
    assert frozenset() == kept.settle(OFFER)
    assert [] == kept.disk.commits


def test_while_the_disk_is_full_renewals_go_on_and_newcomers_are_refused() -> None:
    kept = Kept(OLD)
    kept.disk.broken = StoreFailed("disk full")
    assert frozenset({1}) == kept.settle(
        RENEWAL, LeaseChange(None, NEW), LeaseChange(None, lease(3)._replace(state=State.OFFERED))
    )
    assert (LONGER, None) == (kept.held(OLD), kept.held(NEW))
    assert kept.held(lease(3)) is not None
    assert ["leases cannot be kept: disk full; who has one keeps it, nobody new gets one until it can"] == kept.said


def test_what_stands_in_memory_on_what_was_refused_goes_too() -> None:
    kept = Kept()
    kept.disk.broken = StoreFailed("disk full")
    other = NEW._replace(client=b"x" * 16, state=State.OFFERED)
    lost = kept.settle(LeaseChange(None, NEW), LeaseChange(NEW, None), LeaseChange(None, other))
    assert {0, 1} <= lost
    assert kept.held(NEW) in (None, other)


def test_what_is_owed_is_paid_when_the_disk_recovers_though_nobody_asks() -> None:
    kept = Kept(OLD)
    kept.disk.broken = StoreFailed("disk full")
    kept.settle(RENEWAL)
    assert 1 == kept.ledger.owed
    kept.ledger.maintain(Instant(100.0))
    kept.disk.broken = None
    assert 0.0 < kept.ledger.pause(Instant(100.1)) <= TRY_EVERY
    kept.ledger.maintain(Instant(100.0 + TRY_EVERY))
    assert (0, (RENEWAL,)) == (kept.ledger.owed, kept.disk.commits[0])
    assert "leases are kept again" == kept.said[-1]


def test_what_is_owed_comes_before_what_follows_from_it() -> None:
    kept = Kept(OLD)
    kept.disk.broken = StoreFailed("disk full")
    kept.settle(RENEWAL)
    kept.disk.broken = None
    kept.settle(LeaseChange(LONGER, None))
    assert [(RENEWAL, LeaseChange(LONGER, None))] == kept.disk.commits


def test_damage_found_while_serving_is_repaired_from_memory() -> None:
    kept = Kept(OLD)
    kept.disk.broken = StoreDamaged("no database")
    assert frozenset() == kept.settle(LeaseChange(None, NEW))
    assert [OLD, NEW] == sorted(kept.disk.rebuilt, key=lambda one: one.address)
    assert "written anew from memory" in kept.said[0]


def test_an_operators_changes_are_kept_or_not_made() -> None:
    kept = Kept(OLD)
    kept.disk.broken = StoreFailed("disk full")
    assert "disk full" == kept.ledger.enact((LeaseChange(OLD, None),))
    assert OLD == kept.held(OLD)
    kept.disk.broken = None
    assert "" == kept.ledger.enact((LeaseChange(OLD, None),))
    assert kept.held(OLD) is None


def test_the_disk_is_tidied_every_minute_and_a_failure_is_no_end() -> None:
    kept = Kept()
    for second in range(0, 181, 10):
        kept.ledger.maintain(Instant(1_000.0 + second))
    assert 4 == kept.disk.tidied
    kept.disk.broken = StoreFailed("I/O error")
    kept.ledger.maintain(Instant(1_200.0 + TIDY_EVERY))
    assert "I/O error" == kept.ledger.why


def test_at_the_end_the_time_is_saved_and_the_files_are_let_go() -> None:
    kept = Kept()
    kept.ledger.close()
    assert ([()], True) == (kept.disk.commits, kept.disk.closed)


@pytest.mark.parametrize("fails", [StoreFailed("x"), StoreDamaged("y")])
def test_a_disk_that_fails_twice_says_so_once(fails: StoreFailed) -> None:
    kept = Kept(OLD)
    kept.disk.broken = StoreFailed("disk full")
    kept.settle(RENEWAL)
    kept.settle(LeaseChange(LONGER, LONGER._replace(renewals=2)))
    assert (1, 2) == (len(kept.said), kept.ledger.failures)
