"""Which row each address has."""

import pytest

from dhcp.slots import LARGEST, Slots
from dhcp.values import Kind

FOUR, SIX = Kind.ADDRESS4, Kind.ADDRESS6
A, B, C, D = (bytes((10, 0, 0, number)) for number in range(4))


def test_numbers_are_given_in_the_order_of_coming_and_kept() -> None:
    slots = Slots()
    assert [1, 2, 3, 2] == [slots.give(FOUR, A), slots.give(SIX, A), slots.give(FOUR, B), slots.give(SIX, A)]
    assert (3, 1, None) == (len(slots), slots.find(FOUR, A), slots.find(FOUR, C))


def test_what_is_free_again_is_given_first_and_the_lowest_of_it() -> None:
    slots = Slots()
    for address in (A, B, C):
        slots.give(FOUR, address)
    slots.release(FOUR, B)
    slots.release(FOUR, A)
    slots.release(FOUR, A)
    assert (None, 1) == (slots.find(FOUR, A), len(slots))
    assert [1, 2, 4] == [slots.give(FOUR, D), slots.give(FOUR, A), slots.give(FOUR, B)]


def test_holes_between_the_rows_there_are_are_filled() -> None:
    slots = Slots([(5, 4, A), (2, 4, B)])
    assert [2, 1, 3, 4, 6] == [slots.give(FOUR, B), *(slots.give(SIX, bytes(15) + bytes((n,))) for n in range(4))]


@pytest.mark.parametrize(
    "rows",
    [
        [(1, 4, A), (2, 4, A)],
        [(1, 4, A), (1, 4, B)],
        [(0, 4, A)],
        [(-3, 4, A)],
        [(LARGEST + 1, 4, A)],
        [(1, 5, A)],
        [(1, None, A)],
        [("1", 4, A)],
    ],
)
def test_rows_that_were_not_written_by_us_are_refused(rows: list[tuple[int, int, bytes]]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        Slots(rows)
