"""What goes on from memory while the disk does not take it, and what must not."""

from kit.leases import DATE, HOUR, begun, ended, lease

from dhcp.owed import Owed
from dhcp.values import LeaseChange, State
from wire.units import Epoch

OLD = lease(1)
RENEWED = OLD._replace(until=Epoch(DATE + 2 * HOUR))
RENEWAL = LeaseChange(OLD, RENEWED)
NEWCOMER = LeaseChange(lease(2, state=State.OFFERED), lease(2))


def test_renewals_go_on_and_newcomers_are_undone() -> None:
    owed = Owed()
    third = LeaseChange(None, lease(3))
    assert (NEWCOMER, third) == owed.failed([NEWCOMER, RENEWAL, third])
    assert (RENEWAL,) == owed.due(())


def test_an_end_and_a_quarantine_go_on_for_they_give_nothing_away() -> None:
    owed = Owed()
    quarantine = LeaseChange(OLD, lease(1, state=State.QUARANTINED))
    (end,) = ended(lease(4))
    assert () == owed.failed([quarantine, end])
    assert (quarantine, end) == owed.due(())


def test_another_client_at_the_same_address_is_a_newcomer() -> None:
    taken = LeaseChange(OLD, lease(1, client=2))
    assert (taken,) == Owed().failed([taken])


def test_what_stands_on_a_refused_change_is_refused_with_it() -> None:
    renewed = LeaseChange(lease(2), lease(2, until=Epoch(DATE + 2 * HOUR)))
    owed = Owed()
    assert (NEWCOMER, renewed) == owed.failed([NEWCOMER, renewed])
    assert 0 == len(owed)


def test_an_address_is_owed_once_in_its_last_form_and_new_changes_come_after() -> None:
    owed = Owed()
    owed.failed([RENEWAL])
    (end,) = ended(RENEWED)
    owed.failed([end])
    (new,) = begun(lease(1, client=7))
    assert (end, new) == owed.due([new])
    owed.paid()
    assert () == owed.due(())


def test_offers_are_no_business_of_the_disk() -> None:
    offer = LeaseChange(None, lease(5, state=State.OFFERED))
    owed = Owed()
    assert () == owed.failed([offer])
    assert () == owed.due([offer])
