"""What the book holds and the disk did not take: remembered until it does, one form for each address."""

from collections.abc import Iterable, Sequence

from dhcp.values import Kind, Lease, LeaseChange, State, concerns_disk
from wire.units import Epoch

FROM_MEMORY = 600
"""Seconds that a lease reaches from its renewal on, if the disk does not take that; not less than it did before. As long waits a
start before it gives an address away that it finds on disk."""


class Owed:
    """Changes that go on from memory while the store fails. There are never more than addresses in the pools.

    The caller commits `due(changes)`; then either `paid()`, or `failed(changes)`, whose result it undoes in the book,
    without replies. Committing `due(())` every few seconds pays when the disk has recovered, also if nobody asks for
    anything.
    """

    __slots__ = ("_owed",)

    def __init__(self) -> None:
        self._owed: dict[tuple[Kind, bytes], LeaseChange] = {}

    def __len__(self) -> int:
        return len(self._owed)

    def due(self, changes: Iterable[LeaseChange]) -> tuple[LeaseChange, ...]:
        """What is owed and, after it, the durable of these changes."""
        return (*self._owed.values(), *(change for change in changes if concerns_disk(change)))

    def before(self, durable: Sequence[LeaseChange]) -> Sequence[LeaseChange]:
        """What is owed and, after it, these changes, which are all durable."""
        return (*self._owed.values(), *durable) if self._owed else durable

    def paid(self) -> None:
        """All that was due is on disk."""
        self._owed.clear()

    def failed(self, changes: Iterable[LeaseChange], now: Epoch) -> tuple[LeaseChange, ...]:
        """The disk took none of it: remember what may go on from memory; the rest is to be undone."""
        refused: list[LeaseChange] = []
        barred: set[tuple[Kind, bytes]] = set()
        for change in changes:
            if not change.durable:
                continue
            place = change.place
            # What came after a refused change at the same address stands on it.
            if place not in barred and goes_on(change, now):
                self._owed[place] = change
            else:
                barred.add(place)
                refused.append(change)
        return tuple(refused)


def goes_on(change: LeaseChange, now: Epoch) -> bool:
    """Whether a change may count before it is on disk: after a crash nobody's address is then given to another.

    A renewal may, for a short while: the client has the lease on disk already, and a start holds that for as long (`held_over`).
    An end may: the disk knows too much. A quarantine may: it takes an address out. A new client's lease may not, for nobody would
    remember it.
    """
    before, after = change
    if after is None or after.state is not State.BOUND:
        return True
    return (
        before is not None
        and before.state is State.BOUND
        and before.client == after.client
        and after.until <= max(before.until, now + FROM_MEMORY)
    )


def held_over(leases: Iterable[Lease], now: Epoch) -> tuple[LeaseChange, ...]:
    """At a start: the former process may have renewed any of these a moment before it died, and the disk does not know it. So
    none ends sooner than what may have been told then."""
    soonest = Epoch(int(now) + FROM_MEMORY)
    return tuple(
        LeaseChange(lease, lease._replace(until=soonest))
        for lease in leases
        if lease.state is State.BOUND and lease.until < soonest
    )
