"""Whose question goes to the resolver next, when more come than it takes: households take turns.

Much as in FQ-CoDel's scheduler (RFC 8290 §4.2): one that has nothing waiting stands with the newcomers before it takes turns with
those that ask more. Every second question is a newcomer's, so neither those who ask without end nor a crowd of
which each asks once keep the others waiting.
"""

from collections import OrderedDict
from itertools import chain, islice

from resolver.edge.flights import Flight

LOOKED_AT = 8
"""Households whose lines are compared when somebody has to give way."""

Line = dict[Flight, None]
"""What one household has waiting, in its order; never empty."""


class Turns:
    """Flights that wait, a line for each household; a flight is in once."""

    __slots__ = ("_count", "_newcomers", "_others", "_was_newcomer")

    def __init__(self) -> None:
        self._count = 0
        self._newcomers: OrderedDict[bytes, Line] = OrderedDict()
        self._others: OrderedDict[bytes, Line] = OrderedDict()
        """Those that had a question taken and have more; whose turn is next stands first."""
        self._was_newcomer = False

    def __len__(self) -> int:
        return self._count

    def put(self, flight: Flight) -> None:
        """At the end of its household's line."""
        household = flight.household
        line = self._newcomers.get(household) or self._others.get(household)
        if line is None:
            line = self._newcomers[household] = {}
        line[flight] = None
        self._count += 1

    def take(self) -> Flight | None:
        """The next one; None if nobody waits."""
        self._was_newcomer = bool(self._newcomers) and not (self._was_newcomer and self._others)
        lines = self._newcomers if self._was_newcomer else self._others
        if not lines:
            return None
        household, line = lines.popitem(last=False)
        flight = next(iter(line))
        del line[flight]
        self._count -= 1
        if line:
            self._others[household] = line
        return flight

    def discard(self, flight: Flight) -> None:
        """It ended; if it still waits it does so no more."""
        for lines in (self._newcomers, self._others):
            line = lines.get(flight.household)
            if line is not None and flight in line:
                del line[flight]
                self._count -= 1
                if not line:
                    del lines[flight.household]

    def who_gives_way(self, held: int) -> Flight | None:
        """For a household with `held` questions: the last one of a longer line. Only a few lines are
        looked at, those whose turn is next; a turn later it is others."""
        looked_at = chain.from_iterable(islice(lines.values(), LOOKED_AT) for lines in (self._others, self._newcomers))
        some = [line for line in looked_at if len(line) > held]
        longest: Line = max(some, key=len, default={})
        return next(reversed(longest), None)
