"""Whose address is asked back when none is left, or almost none: of devices that will hardly come again, if a probe finds nobody.

A device that changes its hardware address, and a quarantine, may be asked about at any time; one that never renewed its lease,
once it should have: whoever invents hardware addresses does not come back for them. Who ever renewed is left alone until its
lease ends.
"""

from collections.abc import Callable

from dhcp.book import LeaseBook
from dhcp.plan import Scope
from dhcp.values import Kind, Lease, State
from wire.units import Epoch

JUST_SEEN = 10
"""Seconds for which a device that was seen is not looked for."""
IN_QUARANTINE = 60
"""Seconds after which an address in quarantine is probed again, if there is no other: who declines all empties no pool."""
_OVERDUE = 0.625
"""Of a lease's time: who has not come back by then missed the renewal at its half."""
_NEARLY = 0.9
"""Part of the pools from which on devices that are overdue make room, though something is free."""


def is_nearly_full(book: LeaseBook, kind: Kind, scope: Scope) -> bool:
    """True if more than nine in ten of a subnet's addresses are taken."""
    return book.taken(kind, scope.subnet.name).total > _NEARLY * scope.size


def gone_perhaps(
    book: LeaseBook, kind: Kind, scope: Scope, now: Epoch, may_have: Callable[[Lease], bool], nearly: bool = False
) -> Lease | None:
    """Whose lease or quarantine is to end, if nobody answers there. `may_have`: whether the client may have that address.
    `nearly`: something is free, so only devices are asked about that are overdue."""

    def fits(lease: Lease) -> bool:
        if nearly and (lease.state is State.QUARANTINED or not lease.changing):
            return False
        pause = _OVERDUE * lease.duration if nearly else _absence(lease)
        return now - lease.seen >= pause and may_have(lease)

    return book.longest_idle(kind, scope.subnet.name, fits)


def _absence(lease: Lease) -> float:
    """Seconds after which somebody may have left."""
    if lease.state is State.QUARANTINED:
        return IN_QUARANTINE
    return JUST_SEEN if lease.changing else _OVERDUE * lease.duration
