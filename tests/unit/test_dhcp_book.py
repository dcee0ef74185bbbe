import random
from collections import Counter

import pytest

from dhcp.agenda import Agenda
from dhcp.book import LONGEST_QUARANTINE, LeaseBook, Mismatch, Taken, answered, checked, conflict, silent
from dhcp.occupied import Occupied
from dhcp.values import Kind, Lease, LeaseChange, State
from wire.units import Epoch

KEY = bytes(32)
NOW = Epoch(1_000_000.0)
V4 = Kind.ADDRESS4


def address(number: int) -> bytes:
    return bytes((10, 0, number >> 8, number & 0xFF))


def client(number: int) -> bytes:
    return number.to_bytes(16, "big")


def lease(number: int = 1, who: int = 1, state: State = State.BOUND, **more: object) -> Lease:
    values = {
        "kind": V4,
        "address": address(number),
        "length": 32,
        "client": client(who),
        "hardware": client(who + 1_000),
        "iaid": 0,
        "subnet": "10.0.0.0/16",
        "state": state,
        "since": NOW,
        "seen": NOW,
        "until": Epoch(NOW + 600),
        "duration": 600,
    }
    return Lease(**(values | more))  # type: ignore[arg-type]


def begun(*leases: Lease) -> LeaseBook:
    return LeaseBook(KEY, leases)


def contents(book: LeaseBook) -> object:
    """All that can be seen of a book."""
    held = sorted(book.leases())
    people = {item.client for item in held}
    return (
        held,
        {(who, kind): sorted(book.of_client(kind, who)) for who in people for kind in Kind},
        {item.name: sorted(book.all_named(item.name)) for item in held},
        {(item.kind, item.subnet): book.taken(item.kind, item.subnet) for item in held},
        {item.subnet: book.longest_idle(item.kind, item.subnet) for item in held},
        book.next_end,
        book.offers,
        len(book),
        [book.free(V4, start, start + 40) for start in range(0x0A000000, 0x0A000000 + 64)],
    )


def test_what_was_applied_is_found_by_address_client_and_name() -> None:
    book, held = begun(), lease(name="printer")
    book.apply([LeaseChange(None, held)])
    assert held == book.at(V4, address(1))
    assert (held,) == book.of_client(V4, client(1))
    assert (held,) == book.all_named("printer")
    assert Taken(1, 0) == book.taken(V4, "10.0.0.0/16")
    assert held.until == book.next_end


def test_leases_of_another_kind_or_association_are_told_apart() -> None:
    mine = lease(1), lease(2, iaid=7), lease(3, kind=Kind.ADDRESS6, address=bytes(15) + b"\1", length=128)
    book = begun(*mine)
    assert (mine[0],) == book.of_client(V4, client(1))
    assert (mine[1],) == book.of_client(V4, client(1), 7)
    assert set(mine) == set(book.all_of(client(1)))


def test_an_address_with_a_lease_cannot_get_another_one() -> None:
    book = begun(lease(1, who=1))
    with pytest.raises(Mismatch):
        book.apply([LeaseChange(None, lease(1, who=2))])
    assert client(1) == book.at(V4, address(1)).client


@pytest.mark.parametrize(
    "change",
    [
        LeaseChange(lease(1), None),
        LeaseChange(lease(1, who=2), lease(1, who=3)),
        LeaseChange(lease(1), lease(2)),
    ],
)
def test_a_change_that_began_with_something_else_is_refused(change: LeaseChange) -> None:
    with pytest.raises(Mismatch):
        begun().apply([change])


def test_a_quarantine_is_nobodys_lease() -> None:
    book = begun(lease(1, name="a"))
    book.apply([conflict(book, lease(1, name="a"), NOW)])
    assert () == book.of_client(V4, client(1))
    assert () == book.all_named("a")
    assert State.QUARANTINED is book.at(V4, address(1)).state


def test_each_quarantine_in_a_row_lasts_longer_up_to_a_day() -> None:
    book, spans, now = begun(), [], NOW
    for _ in range(10):
        book.apply([conflict(book, lease(1), now)])
        spans.append(book.at(V4, address(1)).duration)
        now = Epoch(now + spans[-1])
        book.apply(book.expire(now))
    assert [600, 1200, 2400, 4800, 9600, 19200, 38400, 76800, LONGEST_QUARANTINE, LONGEST_QUARANTINE] == spans


def test_an_address_that_was_held_and_renewed_begins_again() -> None:
    book = begun()
    book.apply([conflict(book, lease(1), NOW)])
    book.apply(book.expire(Epoch(NOW + 600)))
    book.apply([LeaseChange(None, lease(1)), LeaseChange(lease(1), lease(1, renewals=1))])
    assert 600 == conflict(book, lease(1, renewals=1), NOW).after.duration


def test_what_is_due_ends_in_order_and_only_that() -> None:
    book = begun(*(lease(n, who=n, until=Epoch(NOW + n)) for n in (3, 1, 2)))
    assert [address(1), address(2)] == [change.before.address for change in book.expire(Epoch(NOW + 2))]
    assert 3 == len(book)  # nothing changes before it is applied
    book.apply(book.expire(Epoch(NOW + 2)))
    assert Epoch(NOW + 3) == book.next_end
    book.apply(book.expire(Epoch(NOW + 3)))
    assert book.next_end is None


def test_a_thousand_renewals_leave_one_entry_on_the_agenda() -> None:
    book, held = begun(lease(1)), lease(1)
    for n in range(1_000):
        after = held._replace(until=Epoch(held.until + n))
        book.apply([LeaseChange(held, after)])
        held = after
    assert held.until == book.next_end
    assert 1 == len(book._ends)


def test_a_thousand_leases_that_come_and_go_do_not_pile_up_on_the_agenda() -> None:
    book = begun()
    for n in range(1_000):
        change = LeaseChange(None, lease(n))
        book.apply([change, LeaseChange(change.after, None)])
    assert len(book._ends) <= 66
    assert book.next_end is None


def test_offers_are_counted_and_are_not_for_the_disk() -> None:
    offer = lease(1, state=State.OFFERED)
    book = begun(offer)
    assert 1 == book.offers
    assert not LeaseChange(None, offer).durable
    assert not checked(offer).durable
    assert LeaseChange(offer, lease(1)).durable
    assert LeaseChange(lease(1), None).durable
    assert not LeaseChange(lease(1), lease(1, wanted=client(2))).durable
    book.apply([LeaseChange(offer, lease(1))])
    assert 0 == book.offers


def test_the_longest_idle_is_a_changing_device_not_seen_for_longest() -> None:
    seen = [lease(n, who=n, changing=True, seen=Epoch(NOW - n)) for n in range(5)]
    still = lease(9, who=9, seen=Epoch(NOW - 900))
    book = begun(*seen, still)
    assert seen[4] == book.longest_idle(V4, "10.0.0.0/16")
    book.apply([LeaseChange(seen[4], seen[4]._replace(seen=NOW))])
    assert seen[3] == book.longest_idle(V4, "10.0.0.0/16")
    book.apply([LeaseChange(seen[3], seen[3]._replace(wanted=client(77)))])
    assert seen[2] == book.longest_idle(V4, "10.0.0.0/16")
    assert Taken(6, 5) == book.taken(V4, "10.0.0.0/16")


def test_a_silent_probe_checks_an_offer_and_ends_a_wanted_lease() -> None:
    offer, ghost = lease(1, state=State.OFFERED), lease(2, who=2, changing=True, wanted=client(3))
    book = begun(offer, ghost)
    for number in (1, 2):
        book.apply(silent(book, V4, address(number), NOW))
    assert book.at(V4, address(1)).checked
    assert (client(3), State.OFFERED, True) == (
        (after := book.at(V4, address(2))).client,
        after.state,
        after.checked,
    )
    assert () == book.of_client(V4, client(2))


def test_an_answered_probe_is_a_conflict_or_shows_that_the_holder_is_there() -> None:
    offer, present = lease(1, state=State.OFFERED), lease(2, who=2, changing=True, wanted=client(3))
    book = begun(offer, present)
    later = Epoch(NOW + 5)
    for number in (1, 2):
        book.apply(answered(book, V4, address(number), later))
    assert State.QUARANTINED is book.at(V4, address(1)).state
    assert present._replace(wanted=b"", seen=later) == book.at(V4, address(2))


@pytest.mark.parametrize("result", [silent, answered])
def test_a_probe_that_comes_too_late_changes_nothing(result: object) -> None:
    book = begun(lease(1), conflict(begun(), lease(2), NOW).after)
    assert [(), (), ()] == [result(book, V4, address(n), NOW) for n in (1, 2, 3)]  # type: ignore[operator]


def random_change(dice: random.Random, book: LeaseBook, now: Epoch) -> list[LeaseChange]:
    held = book.at(V4, address(number := dice.randrange(30)))
    new = lease(
        number,
        who=dice.randrange(12),
        state=dice.choice(list(State)),
        changing=dice.random() < 0.5,
        name=dice.choice(["", "a", "b"]),
        seen=Epoch(now - dice.randrange(50)),
        until=Epoch(now + dice.randrange(1, 100)),
        subnet=dice.choice(["x", "y"]),
    )
    match dice.randrange(5):
        case 0:
            return list(book.expire(now))
        case 1 if held is not None:
            return [LeaseChange(held, None)]
        case 2 if held is not None:
            return [LeaseChange(held, held._replace(until=Epoch(held.until + dice.randrange(-5, 60)), seen=now))]
        case 3 if held is not None and held.state is State.BOUND:
            return [LeaseChange(held, held._replace(wanted=dice.choice([b"", client(5)])))]
    return [LeaseChange(held, new)]


@pytest.mark.parametrize("seed", range(20))
def test_any_sequence_keeps_every_count_and_undo_restores_all_of_it(seed: int) -> None:
    dice, book, now = random.Random(seed), begun(), NOW
    for _ in range(300):
        now = Epoch(now + dice.randrange(10))
        before = contents(book)
        changes: list[LeaseChange] = []
        for _ in range(dice.randrange(1, 4)):
            step = random_change(dice, book, now)
            book.apply(step)
            changes += step
        check(book)
        if dice.random() < 0.5:
            book.undo(changes)
            assert before == contents(book)


def check(book: LeaseBook) -> None:
    """What must be true of every book."""
    held = list(book.leases())
    live = [item for item in held if item.state is not State.QUARANTINED]
    assert len(held) == len(book) == len({(item.kind, item.address) for item in held})
    assert sum(item.state is State.OFFERED for item in held) == book.offers
    assert min((item.until for item in held), default=None) == book.next_end
    assert {(item.kind, item.address) for item in live} == {
        (item.kind, item.address) for who in {item.client for item in live} for item in book.all_of(who)
    }
    for place, total in Counter((item.kind, item.subnet) for item in held).items():
        here = [item for item in held if (item.kind, item.subnet) == place]
        assert Taken(total, sum(item.changing for item in here)) == book.taken(*place)
        states = {
            item: item.changing if item.state is State.BOUND else item.state is State.QUARANTINED for item in here
        }
        idle = [item.seen for item in here if states[item] and not item.wanted] or [
            item.seen for item in here if item.state is State.BOUND and not item.renewals and not item.wanted
        ]
        longest = book.longest_idle(*place)
        assert min(idle, default=None) == (longest.seen if longest else None)
    for item in held:
        number = int.from_bytes(item.address, "big")
        assert book.free(V4, number, number) is None


def test_a_free_number_is_found_beside_those_that_are_taken() -> None:
    occupied = Occupied()
    for number in range(100, 1_000):
        occupied.mark(number)
    assert 99 == occupied.free(99, 2_000)
    assert 1_000 == occupied.free(100, 2_000)
    assert occupied.free(100, 999) is None
    occupied.clear(512)
    assert 512 == occupied.free(100, 2_000)
    for number in {*range(100, 1_000)} - {512}:
        occupied.clear(number)
    assert not occupied._blocks


def test_full_blocks_of_full_blocks_are_passed_and_nothing_beside_them() -> None:
    """Blocks of two, so that there are many and those above them fill up too: as a set of numbers says."""
    draw, occupied, taken = random.Random(5), Occupied(2), set[int]()
    for _ in range(3_000):
        number = draw.randrange(40)
        if number in taken and draw.random() < 0.4:
            occupied.clear(number)
            taken.remove(number)
        elif number not in taken:
            occupied.mark(number)
            taken.add(number)
        start, last = draw.randrange(44), draw.randrange(44)
        free = next((one for one in range(start, last + 1) if one not in taken), None)
        assert free == occupied.free(start, last)


def test_an_agenda_says_each_key_once_however_often_it_was_put() -> None:
    times = {b"a": 5.0, b"b": 3.0}
    agenda = Agenda(lambda kind, key: times.get(key))
    for when, key in [(5.0, b"a"), (3.0, b"b"), (5.0, b"a"), (1.0, b"b")]:
        agenda.put(when, V4, key)
    assert [b"b", b"a"] == [key for _, _, key in agenda.until(9.0)]
    assert [b"b", b"a"] == [key for _, _, key in agenda.until(9.0)]
