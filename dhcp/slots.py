"""Which row of the table each address has: rows are numbered as leases come, so that what is written together lies together.

Addresses are drawn from all over a pool (`dhcp/pools.py`): rows in their order would lie on a page each, and a commit would write
as many pages as it has leases.
"""

from collections.abc import Iterable
from heapq import heappop, heappush

from dhcp.record import Row
from dhcp.values import Address, Kind

LARGEST = 1 << 24
"""More rows than memory has room for leases."""


class Slots:
    """One number from 1 on for each address or prefix that has a row, the lowest first. None has two, and no two have one."""

    __slots__ = ("_free", "_next", "_of")

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        """`rows`: number, kind and address of each there is. Raises ValueError, KeyError, TypeError if none of that was given
        here."""
        self._of: dict[int, dict[Address, int]] = {int(kind): {} for kind in Kind}
        used = set[int]()
        for slot, kind, address in rows:
            if not 0 < slot <= LARGEST or slot in used or self._of[kind].setdefault(address, slot) != slot:
                raise ValueError("two rows of one address, or a row of a number that none has")
            used.add(slot)
        self._next = max(used, default=0) + 1
        self._free = [slot for slot in range(1, self._next) if slot not in used]
        """A heap, as every list in order is."""

    def give(self, kind: int, address: Address) -> int:
        """The number of an address, which has one from now on."""
        slots = self._of[kind]
        slot = slots.get(address)
        if slot is None:
            if self._free:
                slot = heappop(self._free)
            else:
                slot, self._next = self._next, self._next + 1
            slots[address] = slot
        return slot

    def find(self, kind: int, address: Address) -> int | None:
        """The number of an address, if it has one."""
        return self._of[kind].get(address)

    def release(self, kind: int, address: Address) -> None:
        """The address has no row any more."""
        slot = self._of[kind].pop(address, None)
        if slot is not None:
            heappush(self._free, slot)

    def __len__(self) -> int:
        return sum(map(len, self._of.values()))
