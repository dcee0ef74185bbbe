"""A shelf of entries within a ceiling of octets; what was used since eviction last passed stays (second chance)."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Protocol, TypeVar

LARGEST_SHARE = 8
"""Of the ceiling, one entry may take a part of this many."""


class Weighed(Protocol):
    """An entry: what it takes, and whether it was used since eviction last passed."""

    size: int
    visited: bool


K = TypeVar("K", bound=Hashable)
W = TypeVar("W", bound=Weighed)


class Shelf(OrderedDict[K, W]):
    """Oldest first. Only `put`, `grow` and `drop` keep `size` right. `gone` is told of each key that leaves."""

    def __init__(self, ceiling: int, gone: Callable[[K], None] | None = None) -> None:
        super().__init__()
        self.ceiling = ceiling
        self.size = 0
        self.evicted = 0
        self._gone = gone

    def put(self, key: K, entry: W) -> bool:
        """Keep `entry` in the place of what was there; False if it is too large to be kept."""
        self.drop(key)
        if entry.size > self.ceiling // LARGEST_SHARE:
            return False
        self[key] = entry
        self.size += entry.size
        return True

    def grow(self, entry: W, octets: int) -> None:
        """`entry`, which stands here, takes so much more."""
        entry.size += octets
        self.size += octets

    def trim(self) -> None:
        """Drop what must go, until the ceiling holds."""
        while self.size > self.ceiling:
            key, entry = next(iter(self.items()))
            if entry.visited:
                entry.visited = False
                self.move_to_end(key)
            else:
                self.drop(key)
                self.evicted += 1

    def drop(self, key: K) -> None:
        """Forget it, if it is here."""
        entry = self.pop(key, None)
        if entry is not None:
            self.size -= entry.size
            if self._gone is not None:
                self._gone(key)
