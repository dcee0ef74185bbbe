"""The incident mode: for how long clients may be in the log."""

from wire.units import Epoch, Instant

LONGEST = 7 * 86_400
"""Seconds; the configuration allows no more, and a wall clock that stands in the past gets no more."""


class Incident:
    """Is on until a date of the wall clock, and never longer than it was away when this was made: a clock that is set back
    prolongs nothing."""

    __slots__ = ("_ends", "_until")

    def __init__(self, until: float, now: Instant, today: Epoch) -> None:
        self._until = until
        self._ends = now + min(until - today, LONGEST)

    def is_on(self, now: Instant, today: Epoch) -> bool:
        """Whether a client may be logged at this moment."""
        return today < self._until and now < self._ends
