"""What is due first: keys by a time each that mostly only grows."""

from collections.abc import Callable
from heapq import heappop, heappush, heapreplace

from dhcp.values import Address, Kind

Key = tuple[float, Kind, Address]
"""A time, and the lease it was of."""

_SLACK = 64
"""Entries beyond twice the keys before the stale ones are thrown out."""


class Agenda:
    """A heap that is told of a key's time when it appears or becomes earlier, and asks for it when the entry comes up.

    A lease renewed again and again so costs one entry, not one for each renewal. `time_of` gives the present time of a key,
    or None if it is not on the agenda any more.
    """

    __slots__ = ("_heap", "_time_of")

    def __init__(self, time_of: Callable[[Kind, Address], float | None]) -> None:
        self._heap: list[Key] = []
        self._time_of = time_of

    def put(self, when: float, kind: Kind, address: Address) -> None:
        """A key appeared, or its time is earlier than it was."""
        heappush(self._heap, (when, kind, address))

    def first(self) -> Key | None:
        """The key whose time comes first, and its time. O(log n), spread over many calls."""
        heap = self._heap
        while heap:
            when, kind, address = heap[0]
            present = self._time_of(kind, address)
            if present == when:
                return heap[0]
            if present is None or present < when:  # an entry for the earlier time is in the heap, or was
                heappop(heap)
            else:
                heapreplace(heap, (present, kind, address))
        return None

    def until(self, now: float) -> list[Key]:
        """All keys whose time is not after `now`, in order; they stay until their time is changed."""
        if not self._heap or self._heap[0][0] > now:
            # A key's time is never before that of its entry.
            return []
        return self._take(lambda entry, count: entry[0] <= now)

    def some(self, limit: int) -> list[Key]:
        """The first `limit` keys, in order; they stay."""
        return self._take(lambda entry, count: count < limit)

    def _take(self, wanted: Callable[[Key, int], bool]) -> list[Key]:
        due: list[Key] = []
        while (entry := self.first()) is not None and wanted(entry, len(due)):
            if not due or due[-1] != entry:
                due.append(entry)
            heappop(self._heap)
        for entry in due:
            heappush(self._heap, entry)
        return due

    def trim(self, keys: int) -> None:
        """Throw out what is stale, if that is more than half. `keys`: how many there are."""
        if len(self._heap) > 2 * keys + _SLACK:
            fresh: set[Key] = set()
            for _, kind, address in self._heap:
                present = self._time_of(kind, address)
                if present is not None:
                    fresh.add((present, kind, address))
            self._heap = sorted(fresh)

    def __len__(self) -> int:
        return len(self._heap)
