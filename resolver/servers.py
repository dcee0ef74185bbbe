"""What is remembered of a server: how fast it is, whether it works, and when it may be tried again. Time is an argument."""

from collections import Counter
from enum import Enum

from wire.units import Instant, Seconds

FAILURES_TO_REST = 2
"""Failures in a row after which a server rests; one lie suffices."""

LATE_TO_REST = 3
"""Questions in a row that others answered first, long after this server's usual time."""

FIRST_REST, LONGEST_REST = 1.0, 60.0
"""Seconds; doubling."""

HEDGE_LEAST, HEDGE_MOST, HEDGE_UNKNOWN = 0.05, 1.0, 0.4
"""Seconds until the next server is asked too; the last for a server not measured yet."""

BUDGET = 1_024
"""Exchanges that may be open at one server; past that it counts as resting."""


class State(Enum):
    """READY: asked as its turn comes. RESTING: asked only if nothing else is left. PROBING: rested; one question at a
    time goes there until one is answered."""

    READY = "ready"
    RESTING = "resting"
    PROBING = "probing"


class Health:
    """One server's record."""

    __slots__ = ("_rest", "_rest_until", "_row", "answered", "failures", "open", "rtt", "variation")

    def __init__(self) -> None:
        self.rtt: float | None = None
        self.variation = 0.0
        self.open = 0
        self.answered = 0
        self.failures: Counter[str] = Counter()
        self._row = 0
        self._rest = 0.0
        self._rest_until = 0.0

    def forget(self) -> None:
        """What is known of the way there is of another network; what is open goes on, and counters count on."""
        self.rtt = None
        self.variation = self._rest = self._rest_until = 0.0
        self._row = 0

    def state(self, now: Instant) -> State:
        """Whether to ask it."""
        if self.open >= BUDGET:
            return State.RESTING
        if not self._rest:
            return State.READY
        if now < self._rest_until or self.open:
            return State.RESTING
        return State.PROBING

    def began(self) -> None:
        """A question goes out."""
        self.open += 1

    def answered_after(self, took: Seconds) -> None:
        """An acceptable answer came (Jacobson's estimator, RFC 6298 §2)."""
        self.open -= 1
        self.answered += 1
        self._row = 0
        self._rest = self._rest_until = 0.0
        if self.rtt is None:
            self.rtt, self.variation = took, took / 2
            return
        self.variation += (abs(self.rtt - took) - self.variation) / 4
        self.rtt += (took - self.rtt) / 8

    def failed(self, why: str, lied: bool, now: Instant) -> None:
        """No usable answer. `lied`: what came was wrong rather than missing."""
        self._failed(why, 1 if lied else FAILURES_TO_REST, now)

    def _failed(self, why: str, enough: int, now: Instant) -> None:
        """`enough` failures in a row make it rest; what fails while it rests already does not make that longer."""
        self.open -= 1
        self.failures[why] += 1
        self._row += 1
        if now >= self._rest_until and (self._row >= enough or self._rest):
            self._rest = min(max(2 * self._rest, FIRST_REST), LONGEST_REST)
            self._rest_until = now + self._rest

    def spared(self, why: str) -> None:
        """It was not even asked, for want of something of ours: that is counted, and says nothing about it."""
        self.open -= 1
        self.failures[why] += 1

    def given_up(self, after: Seconds, now: Instant) -> None:
        """The question was cancelled after so long: unusually late is a failure, for else a silent server whose questions
        others answer would never rest; anything sooner says nothing about it."""
        if after >= self.hedge_delay():
            self._failed("late", LATE_TO_REST, now)
        else:
            self.open -= 1

    def hedge_delay(self) -> float:
        """Seconds after which an answer is unusually late."""
        if self.rtt is None:
            return HEDGE_UNKNOWN
        return min(max(self.rtt + 4 * self.variation, HEDGE_LEAST), HEDGE_MOST)
