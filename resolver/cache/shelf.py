"""A shelf of entries within a ceiling of octets; what was not used since eviction last passed goes first (second chance)."""

from collections import deque
from collections.abc import Callable, Hashable
from typing import Protocol, TypeVar

LARGEST_SHARE = 8
"""Of the ceiling, one entry may take a part of this many."""
SWEEP = 64
"""So many places of the queue may be empty, and a fifth of them."""


class Weighed(Protocol):
    """An entry: whether it was used since eviction last passed, and what it takes."""

    visited: bool

    @property
    def size(self) -> int:
        """Octets."""


K = TypeVar("K", bound=Hashable)
W = TypeVar("W", bound=Weighed)


class Shelf(dict[K, W]):
    """Only `put`, `grow` and `drop` keep `size` right. `gone` is told of each key that leaves.

    An OrderedDict would do the same with far fewer lines, and take more memory for each entry.
    """

    def __init__(self, ceiling: int, gone: Callable[[K], None] | None = None) -> None:
        super().__init__()
        self.ceiling = ceiling
        self.size = 0
        self.evicted = 0
        self._gone = gone
        self._queue: deque[K] = deque()
        """In the order in which eviction passes. A key that was dropped still has its place, before the one that it was given
        since, if any."""
        self._left: dict[K, int] = {}
        """How many places of a key are empty."""

    def put(self, key: K, entry: W) -> bool:
        """Keep `entry` in the place of what was there; False if it is too large to be kept."""
        size = entry.size
        if key in self:
            self.drop(key)
        if size > self.ceiling // LARGEST_SHARE:
            return False
        self[key] = entry
        self._queue.append(key)
        self.size += size
        return True

    def grow(self, octets: int) -> None:
        """An entry that stands here takes so much more."""
        self.size += octets

    def trim(self) -> None:
        """Drop what must go, until the ceiling holds."""
        while self.size > self.ceiling:
            key = self._queue.popleft()
            if self._was_left(key):
                continue
            entry = self[key]
            if entry.visited:
                entry.visited = False
                self._queue.append(key)
            else:
                self._take_down(key)
                self.evicted += 1

    def drop(self, key: K) -> None:
        """Forget it, if it is here."""
        if key not in self:
            return
        self._left[key] = self._left.get(key, 0) + 1
        self._take_down(key)
        if len(self._queue) > len(self) + len(self) // 4 + SWEEP:
            self._queue = deque(one for one in self._queue if not self._was_left(one))

    def _was_left(self, key: K) -> bool:
        """Whether the foremost place of `key` is empty; then that is gone."""
        left = self._left.get(key)
        if left is None:
            return False
        if left > 1:
            self._left[key] = left - 1
        else:
            del self._left[key]
        return True

    def _take_down(self, key: K) -> None:
        self.size -= self.pop(key).size
        if self._gone is not None:
            self._gone(key)
