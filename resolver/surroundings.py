"""Whether this machine has come into another network, or has slept. Steps; time is an argument.

What counts is not what the kernel tells of interfaces, for containers come and go all day, but the way by which each of a few
destinations would be reached now: that is the `Outlook`. If it is another one, or the machine has slept, all that was begun with
servers ends at once (`Turn.LEFT`); what changes within `SETTLE` seconds after that is looked at when they are over.
"""

from enum import Enum
from typing import NamedTuple

from wire.units import Instant, Seconds

SETTLE = 1.0
"""Seconds for a new network to be complete: a link comes first, then an address, then a route."""

NAP = 1.0
"""Seconds of sleep that count: less is how coarsely the two clocks are compared."""


class Way(NamedTuple):
    """How a destination is reached: interface (its index), gateway and source address (octets; empty if there is none), and how
    often the cable of that interface was pulled out or put in (a new radio cell of another network counts as that)."""

    interface: int
    gateway: bytes
    source: bytes
    changes: int


Outlook = tuple[Way | None, ...]
"""Of each destination, in order; None: there is no way."""


class Turn(Enum):
    """What follows. LEFT: another network, or none. SETTLED: it has not changed for a while since. NOTHING: as it was."""

    NOTHING = "nothing"
    LEFT = "left"
    SETTLED = "settled"


class Surroundings:
    """`due` is when to `look` again; None: when something is `noticed`, or the clocks say that the machine has slept."""

    def __init__(self, outlook: Outlook, slept: Seconds) -> None:
        """`slept`: seconds that the machine has slept since it was started."""
        self.outlook = outlook
        self.due: Instant | None = None
        self._slept = slept
        self._unsettled = False
        self._looked = Instant(-SETTLE)

    def noticed(self, now: Instant) -> None:
        """Something has changed, of whatever kind: looked at now, or if that was a moment ago, in a while."""
        if self.due is None:
            self.due = Instant(max(now, self._looked + SETTLE))

    def has_slept(self, slept: Seconds) -> bool:
        """Whether it has, since the last look."""
        return slept - self._slept > NAP

    def look(self, outlook: Outlook, slept: Seconds, now: Instant) -> Turn:
        """What has become of it."""
        self._looked, self.due = now, None
        if outlook != self.outlook or self.has_slept(slept):
            self.outlook, self._slept = outlook, slept
            self._unsettled = True
            self.due = Instant(now + SETTLE)
            return Turn.LEFT
        if self._unsettled:
            self._unsettled = False
            return Turn.SETTLED
        return Turn.NOTHING

    def aim_elsewhere(self, outlook: Outlook) -> None:
        """Other destinations: what they look like now is no change."""
        self.outlook = outlook
