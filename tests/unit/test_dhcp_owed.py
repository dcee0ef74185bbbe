"""What goes on from memory while the disk does not take it, and what must not."""

from kit.leases import DATE, HOUR, begun, ended, lease

from dhcp.owed import FROM_MEMORY, Owed, held_over
from dhcp.values import LeaseChange, State
from wire.units import Epoch

OLD = lease(1)
NOW = Epoch(DATE + HOUR)
RENEWED = OLD._replace(until=Epoch(NOW + FROM_MEMORY))
RENEWAL = LeaseChange(OLD, RENEWED)
NEWCOMER = LeaseChange(lease(2, state=State.OFFERED), lease(2))


def test_renewals_go_on_and_newcomers_are_undone() -> None:
    owed = Owed()
    third = LeaseChange(None, lease(3))
    assert (NEWCOMER, third) == owed.failed([NEWCOMER, RENEWAL, third], NOW)
    assert (RENEWAL,) == owed.due(())


def test_an_end_and_a_quarantine_go_on_for_they_give_nothing_away() -> None:
    owed = Owed()
    quarantine = LeaseChange(OLD, lease(1, state=State.QUARANTINED))
    (end,) = ended(lease(4))
    assert () == owed.failed([quarantine, end], NOW)
    assert (quarantine, end) == owed.due(())


def test_another_client_at_the_same_address_is_a_newcomer() -> None:
    taken = LeaseChange(OLD, lease(1, client=2))
    assert (taken,) == Owed().failed([taken], NOW)


def test_what_stands_on_a_refused_change_is_refused_with_it() -> None:
    renewed = LeaseChange(lease(2), lease(2, until=Epoch(NOW + FROM_MEMORY)))
    owed = Owed()
    assert (NEWCOMER, renewed) == owed.failed([NEWCOMER, renewed], NOW)
    assert 0 == len(owed)


def test_an_address_is_owed_once_in_its_last_form_and_new_changes_come_after() -> None:
    owed = Owed()
    owed.failed([RENEWAL], NOW)
    (end,) = ended(RENEWED)
    owed.failed([end], NOW)
    (new,) = begun(lease(1, client=7))
    assert (end, new) == owed.due([new])
    owed.paid()
    assert () == owed.due(())


def test_offers_are_no_business_of_the_disk() -> None:
    offer = LeaseChange(None, lease(5, state=State.OFFERED))
    owed = Owed()
    assert () == owed.failed([offer], NOW)
    assert () == owed.due([offer])


def test_a_renewal_goes_on_for_a_short_while_and_for_what_was_told_before() -> None:
    longer = RENEWED._replace(until=Epoch(NOW + FROM_MEMORY + 1))
    change = LeaseChange(OLD, longer)
    assert (change,) == Owed().failed([change], NOW)
    assert () == Owed().failed([LeaseChange(longer, longer._replace(renewals=1))], NOW)


def test_after_a_start_nothing_ends_sooner_than_what_may_have_been_told_before() -> None:
    late, quarantine = lease(2, until=Epoch(NOW + HOUR)), lease(3, state=State.QUARANTINED)
    assert (RENEWAL,) == held_over([OLD, late, quarantine], NOW)
