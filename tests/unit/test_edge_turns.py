"""Households take turns at the way to the resolver."""

import random

import hypothesis.strategies as st
from hypothesis import given

from resolver.cache.packets import AnswerKey
from resolver.edge.flights import Flight
from resolver.edge.turns import LOOKED_AT, MAX_HOUSEHOLDS, STALE, Turns
from wire.units import Instant

LOUD, QUIET, THIRD = b"loud", b"quiet", b"third"


def flight(household: bytes, number: int = 0) -> Flight:
    return Flight(number, AnswerKey(b"", 0, 0), household, 1, Instant(0.0), refresh=False)


def filled(*households: bytes) -> Turns:
    turns = Turns()
    for number, household in enumerate(households):
        turns.put(flight(household, number))
    return turns


def taken(turns: Turns, count: int) -> list[bytes]:
    return [found.household for _ in range(count) if (found := turns.take()) is not None]


def test_one_household_is_served_in_its_order() -> None:
    turns = filled(*[LOUD] * 4)
    assert [0, 1, 2, 3] == [found.handle for _ in range(4) if (found := turns.take())]
    assert (None, 0) == (turns.take(), len(turns))


def test_households_take_turns() -> None:
    turns = filled(*[LOUD] * 4, *[THIRD] * 2)
    assert [LOUD, LOUD, THIRD, LOUD, THIRD, LOUD] == taken(turns, 6)


def test_whose_questions_cost_more_comes_later() -> None:
    """Both ask for as much, and one of them for what makes four times the work."""
    turns = filled(*[LOUD, THIRD] * 40)
    order = []
    for _ in range(50):
        order += taken(turns, 1)
        turns.charge(order[-1], 3.0 if order[-1] is LOUD else 0.0)
    # One more, as a newcomer.
    assert (11, 39) == (order.count(LOUD), order.count(THIRD))
    assert max(len(run.split()) for run in b" ".join(order).split(LOUD)) <= 4


def test_who_owes_is_no_newcomer_until_others_have_had_as_much() -> None:
    turns = filled(LOUD, *[THIRD] * 20)
    assert [LOUD, THIRD] == taken(turns, 2)
    turns.charge(LOUD, 5.0)
    turns.put(flight(LOUD))
    turns.put(flight(QUIET))
    order = taken(turns, 9)
    assert ([THIRD, QUIET], 6) == (order[:2], order.index(LOUD))
    turns.put(flight(QUIET))
    assert QUIET in taken(turns, 2)


def test_when_nobody_waits_nobody_owes() -> None:
    turns = filled(LOUD, THIRD)
    taken(turns, 1)
    turns.charge(LOUD, 50.0)
    taken(turns, 1)
    for household in (LOUD, THIRD, QUIET):
        turns.put(flight(household))
    assert [LOUD, THIRD, QUIET] == taken(turns, 3)


def test_what_is_remembered_of_households_is_bounded() -> None:
    turns = filled(*[LOUD] * 2)
    for number in range(MAX_HOUSEHOLDS + 100):
        turns.put(flight(b"%d" % number))
        taken(turns, 1)
    assert (len(turns), len(turns._debts) <= MAX_HOUSEHOLDS) == (2, True)


def test_who_asks_slowly_is_next_beside_those_who_ask_without_end() -> None:
    loud = [b"loud%d" % number for number in range(100)]
    turns = filled(*loud * 5)
    taken(turns, 300)
    turns.put(flight(QUIET))
    assert QUIET in taken(turns, 2)


def test_a_crowd_of_newcomers_does_not_keep_others_waiting() -> None:
    turns = filled(QUIET, QUIET)
    taken(turns, 1)
    for number in range(50):
        turns.put(flight(b"new%d" % number))
    assert QUIET in taken(turns, 2)


def test_who_has_more_than_others_gives_way_with_what_it_asked_last() -> None:
    turns = filled(*[LOUD] * 4, THIRD)
    found = turns.who_gives_way(QUIET, 0)
    assert found is not None
    assert (LOUD, 3) == (found.household, found.handle)
    assert turns.who_gives_way(QUIET, 4) is None
    taken(turns, 1)
    found = turns.who_gives_way(QUIET, 1)
    assert found is not None
    assert (LOUD, 3) == (found.household, found.handle)


def test_the_order_holds_no_more_for_those_whose_turn_never_comes() -> None:
    turns = filled(*[THIRD] * 9, LOUD)
    assert LOUD in taken(turns, 4)
    for number in range(1_000):
        one = flight(LOUD, number)
        turns.put(one)
        turns.charge(LOUD, 1.0)
        turns.discard(one)
    assert len(turns._order) <= STALE * len(turns._others) + LOOKED_AT
    assert THIRD in taken(turns, 2)


def test_who_has_asked_little_does_not_give_way_to_who_asks_a_lot() -> None:
    turns = filled(*[LOUD] * 2, *[THIRD] * 2, *[QUIET] * 3)
    while QUIET not in taken(turns, 1):
        pass
    assert turns.who_gives_way(b"another", 47) is None
    found = turns.who_gives_way(b"another", 0)
    assert found is not None


def test_if_no_line_is_longer_who_has_had_more_gives_way() -> None:
    turns = filled(*[LOUD] * 4, *[THIRD] * 2)
    taken(turns, 3)
    turns.charge(LOUD, 9.0)
    found = turns.who_gives_way(QUIET, 2)
    assert (found is not None and found.household, turns.who_gives_way(LOUD, 2)) == (LOUD, None)


def test_what_ended_is_in_no_line_any_more() -> None:
    turns = Turns()
    first, second = flight(LOUD), flight(LOUD, 1)
    turns.put(first)
    turns.put(second)
    turns.discard(first)
    turns.discard(first)
    assert (1, [second], None) == (len(turns), [turns.take()], turns.take())
    turns.discard(second)
    assert 0 == len(turns)


@given(st.integers(0, 2**32))
def test_whatever_happens_everything_is_taken_once_and_nothing_is_left(seed: int) -> None:
    chance = random.Random(seed)
    turns, waiting = Turns(), {}
    for number in range(60):
        match chance.randrange(3):
            case 0 | 1:
                one = flight(chance.choice([LOUD, QUIET, THIRD]), number)
                waiting[one] = None
                turns.put(one)
            case _ if waiting and chance.random() < 0.5:
                gone = chance.choice(list(waiting))
                del waiting[gone]
                turns.discard(gone)
            case _ if chance.random() < 0.3:
                turns.charge(chance.choice([LOUD, QUIET, THIRD]), chance.random() * 9)
            case _:
                found = turns.take()
                assert (found is None) == (not waiting)
                waiting.pop(found, None)  # type: ignore[arg-type]
        assert len(waiting) == len(turns)
    while (found := turns.take()) is not None:
        del waiting[found]
    assert ({}, 0, 0) == (waiting, len(turns._newcomers), len(turns._others))
