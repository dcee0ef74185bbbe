"""Who makes room when all places for connections over TCP are taken: pure, of what the connections are like.

Most of those who come under an attack say nothing, or no question, and come again as often as they are thrown out, hundreds
within some milliseconds. So who never asked goes first, after the moment in which a question follows upon the handshake. As long
as many are in that moment, whoever asked before stays, and who knocks waits, in the kernel's queue, until it is over. Of those
who asked, who asks faster than it may goes first.
"""

from collections.abc import Collection
from heapq import nsmallest
from typing import Generic, NamedTuple, Protocol, TypeVar

from wire.units import Instant

NEWCOMER = 0.01
"""Seconds in which one who has come is to ask if all places are taken: a question follows at once upon the handshake, and whoever
says nothing is not let in before that, where the kernel can tell (TCP_DEFER_ACCEPT)."""
RESTING = 0.2
"""Seconds of silence after which one who asked before may go, where everybody has asked."""
SHED = 32
"""If those who never asked have to go, one of so many places is freed at once: choosing costs a look at every connection."""
CROWD = 4
"""Newcomers who have not asked yet may have one of so many places at the cost of those who did; beyond that they wait."""


class Stay(Protocol):
    """One connection."""

    active: Instant
    """When it last asked, or was written to; at first, when it came."""
    asked: bool
    """Something that is a question."""

    @property
    def owing(self) -> bool:
        """Whether an answer is still to be made or written."""

    @property
    def over(self) -> bool:
        """Whether it asks faster than it may, so that it waits by its own doing."""


S = TypeVar("S", bound=Stay)


class Room(NamedTuple, Generic[S]):
    """What can be done for a newcomer: those who are to go now; if nobody is, whether somebody will be in a moment."""

    going: list[S]
    soon: bool


def room(stays: Collection[S], now: Instant, places: int) -> Room[S]:
    """Of all who are here, where no more can be: all `places` are taken, or descriptors are short."""
    idle = [one for one in stays if one.over or not one.owing]
    silent = [one for one in idle if not one.asked]
    old = [one for one in silent if now - one.active >= NEWCOMER]
    if old:
        return Room(nsmallest(max(1, len(stays) // SHED), old, key=_active), soon=False)
    if len(silent) > max(1, places // CROWD):
        return Room([], soon=True)
    over = [one for one in idle if one.over]
    return Room(nsmallest(1, over or [one for one in idle if now - one.active >= RESTING], key=_active), soon=False)


def _active(one: Stay) -> Instant:
    return one.active
