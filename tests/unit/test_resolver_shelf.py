"""Eviction and counting, for whatever stands on a shelf."""

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from resolver.cache.shelf import SWEEP, Shelf

CEILING = 1_600


@dataclass
class One:
    size: int
    visited: bool = False


class Plain:
    """The same as a list of (key, entry) whose first is the next to go."""

    def __init__(self) -> None:
        self.queue: list[tuple[int, One]] = []

    def find(self, key: int) -> One | None:
        return next((one for name, one in self.queue if name == key), None)

    def drop(self, key: int) -> None:
        self.queue = [pair for pair in self.queue if pair[0] != key]

    def put(self, key: int, size: int) -> None:
        self.drop(key)
        self.queue.append((key, One(size)))
        while sum(one.size for _, one in self.queue) > CEILING:
            first = self.queue.pop(0)
            if first[1].visited:
                first[1].visited = False
                self.queue.append(first)


STEPS = st.lists(st.tuples(st.sampled_from(["put", "put", "drop", "use"]), st.integers(0, 15), st.integers(1, 200)))


@settings(derandomize=True, deadline=None, max_examples=300)
@given(STEPS)
def test_the_same_stay_as_on_a_plain_list_and_all_that_leave_are_told_of(steps: list[tuple[str, int, int]]) -> None:
    gone: list[int] = []
    shelf: Shelf[int, One] = Shelf(CEILING, gone.append)
    plain = Plain()
    put = 0
    for what, key, size in steps:
        match what:
            case "put":
                put += 1
                assert shelf.put(key, One(size))
                shelf.trim()
                plain.put(key, size)
            case "drop":
                shelf.drop(key)
                plain.drop(key)
            case _:
                for one in (shelf.get(key), plain.find(key)):
                    if one is not None:
                        one.visited = True
    assert dict(plain.queue) == dict(shelf)
    assert sum(one.size for one in shelf.values()) == shelf.size
    assert put == len(gone) + len(shelf)


def test_what_was_dropped_takes_no_place_for_long() -> None:
    shelf: Shelf[int, One] = Shelf(1 << 20)
    for number in range(10_000):
        shelf.put(number % 40, One(1))
        assert len(shelf._queue) <= 2 * SWEEP
    assert (40, 0) == (len(shelf), shelf.evicted)


def test_what_takes_more_than_an_eighth_is_not_kept_and_replaces_nothing_for_good() -> None:
    shelf: Shelf[int, One] = Shelf(CEILING)
    assert shelf.put(1, One(CEILING // 8))
    assert not shelf.put(1, One(CEILING // 8 + 1))
    assert (0, 0) == (len(shelf), shelf.size)
