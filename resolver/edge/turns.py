"""Whose question goes to the resolver next, when more come than it takes: households take turns, and whose questions cost the
resolver less comes first.

Much as in FQ-CoDel's scheduler (RFC 8290 §4.2): one that owes nothing stands with the newcomers before it takes turns with
those that ask more. Every second question is a newcomer's, so neither those who ask without end nor a crowd of
which each asks once keep the others waiting. Among the others it is the turn of whoever had least: what each of its questions
cost is known when they are answered, and whoever asks for little that costs much has no more than others. That is start-time
fair queueing (Goyal, Vin and Cheng 1996): `level` is what everybody has had, who had more owes the rest, and nobody saves up.
"""

from collections import OrderedDict
from heapq import heapify, heappop, heappush
from itertools import islice

from resolver.edge.flights import Flight

LOOKED_AT = 32
"""Households whose lines are compared when somebody has to give way."""

MAX_HOUSEHOLDS = 16_384
"""Whose debts are remembered at once; past that all begin anew."""

STALE = 4
"""Places in the order for each household that is in it, at most."""

Line = dict[Flight, None]
"""What one household has waiting, in its order; never empty."""


class Turns:
    """Flights that wait, a line for each household; a flight is in once."""

    __slots__ = ("_count", "_debts", "_level", "_newcomers", "_order", "_others", "_was_newcomer")

    def __init__(self) -> None:
        self._count = 0
        self._newcomers: OrderedDict[bytes, Line] = OrderedDict()
        self._others: OrderedDict[bytes, Line] = OrderedDict()
        """Those that owe."""
        self._was_newcomer = False
        self._level = 0.0
        self._debts: dict[bytes, float] = {}
        """What each household has had since some began to wait, as far as that is not below `_level`."""
        self._order: list[tuple[float, bytes]] = []
        """A heap of the others by what they have had. What is not so any more stands before what is, and is passed over."""

    def __len__(self) -> int:
        return self._count

    def put(self, flight: Flight) -> None:
        """At the end of its household's line."""
        household = flight.household
        line = self._newcomers.get(household) or self._others.get(household)
        if line is None:
            line = {}
            if self._had(household) > self._level:
                self._line_up(household, line)
            else:
                self._newcomers[household] = line
        line[flight] = None
        self._count += 1

    def take(self) -> Flight | None:
        """The next one; None if nobody waits."""
        if not self._count:
            return None
        self._was_newcomer = bool(self._newcomers) and not (self._was_newcomer and self._others)
        if self._was_newcomer:
            household, line = self._newcomers.popitem(last=False)
        else:
            household = self._least()
            line = self._others.pop(household)
            self._level = max(self._level, self._debts[household])
        flight = next(iter(line))
        del line[flight]
        self._count -= 1
        self._owe(household, 1.0)
        if line:
            self._line_up(household, line)
        elif not self._count:
            self._forgive()
        return flight

    def charge(self, household: bytes, cost: float) -> None:
        """A question of this household's that was taken cost so much more than the least that one costs, which is 1."""
        if cost > 0.0 and household in self._debts:
            self._owe(household, cost)
            if household in self._others:
                self._place(household)

    def discard(self, flight: Flight) -> None:
        """It ended; if it still waits it does so no more."""
        for lines in (self._newcomers, self._others):
            line = lines.get(flight.household)
            if line is not None and flight in line:
                del line[flight]
                self._count -= 1
                if not line:
                    del lines[flight.household]
        if not self._count:
            self._forgive()

    def who_gives_way(self, household: bytes, held: int) -> Flight | None:
        """For this one with `held` questions: the last one of whoever will have had most, and more than it, with all that it has
        waiting. Only a few lines are looked at; the next time it is others."""
        looked_at = [*islice(self._others.items(), LOOKED_AT), *islice(self._newcomers.items(), LOOKED_AT)]
        most, chosen = self._had(household) + held, None
        for one, line in looked_at:
            claim = self._had(one) + len(line)
            if claim > most:
                most, chosen = claim, line
            if one in self._others:
                self._others.move_to_end(one)
        return None if chosen is None else next(reversed(chosen))

    def _had(self, household: bytes) -> float:
        return max(self._debts.get(household, 0.0), self._level)

    def _line_up(self, household: bytes, line: Line) -> None:
        self._others[household] = line
        self._place(household)

    def _place(self, household: bytes) -> None:
        """By what it has had now. What is not so any more goes now and then: where nobody takes, it would be ever more."""
        heappush(self._order, (self._debts[household], household))
        if len(self._order) > STALE * len(self._others) + LOOKED_AT:
            self._order = [(self._debts[one], one) for one in self._others]
            heapify(self._order)

    def _least(self) -> bytes:
        """Of the others, who has had least."""
        while True:
            had, household = heappop(self._order)
            if household in self._others and self._debts[household] == had:
                return household

    def _owe(self, household: bytes, cost: float) -> None:
        if len(self._debts) >= MAX_HOUSEHOLDS and household not in self._debts:
            self._debts = {one: had for one, had in self._debts.items() if one in self._others}
        self._debts[household] = self._had(household) + cost

    def _forgive(self) -> None:
        """Nobody waits: there is enough for all, whatever each had."""
        self._level = 0.0
        self._debts.clear()
        self._order.clear()
