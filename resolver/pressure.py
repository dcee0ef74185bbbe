"""What each household may ask over UDP while more comes than can be answered: its fair share of what can.

Datagrams wait in a socket in the order in which they came, whoever sent them: if more come than can be answered, everybody waits
for as long as the socket holds, and the kernel drops whom it likes. So when what is taken has waited for too long (a standing
queue, RFC 8289 §3), those who ask more than others are dropped unread until it does not: how much everybody may ask is found by
trying, downwards fast and upwards slowly. Who asks little is not touched by what others ask. Households, as limits count them
(`resolver.admission.household_of`); a single one has nobody to be fair to.
"""

from wire.units import Instant

TARGET = 0.005
"""Seconds that a datagram may have waited: twice what a process waits for its turn where others want the same core."""
UNLIKELY = 10.0
"""No datagram waits for so long in a socket that somebody reads: the wall clock was set."""
STEP = 0.005
"""Seconds for which one change is tried."""

FIRST, LEAST, FREE = 256.0, 2.0, 1_024.0
"""Questions a second: where it begins, what everybody has at least, and where it ends."""
DOWN, UP = 0.7, 1.02
MANY, FUTILE = 500, 16
"""While so many come in a step, and fewer than one in `FUTILE` is let in, smaller shares shorten nobody's wait: the dropping
takes the time."""
DEPTH = 4.0
"""Questions that may come at once, at least; else as many as in a second."""

MAX_HOUSEHOLDS = 16_384
"""Remembered at once; past that all begin anew."""


class Pressure:
    """Of one socket. `on`: whether anybody is to be asked about (`admits`); it is off as long as nothing waits for long."""

    __slots__ = ("_admitted", "_asked", "_next", "_taken", "on", "rate", "sole")

    def __init__(self) -> None:
        self.on = False
        self.rate = FREE
        self.sole = b""
        """The household that has asked alone since this began, of which nothing is counted; empty: none has, or several have."""
        self._next = Instant(0.0)
        self._asked: dict[bytes, tuple[float, Instant]] = {}
        """How much of its share each household has used up, and when that was so; it comes back with time."""
        self._taken = self._admitted = 0
        """Since the last step: how many were asked about, and how many of them let in."""

    def waited(self, seconds: float, now: Instant) -> None:
        """The datagram that was taken first had waited for so long."""
        long = TARGET < seconds < UNLIKELY
        if now < self._next or not (long or self.on):
            return
        if not self.on:
            self.on, self.rate = True, FIRST
        elif long:
            futile = self._taken > MANY and self._admitted * FUTILE < self._taken
            self.rate = self.rate * UP if futile else max(self.rate * DOWN, LEAST)
        else:
            # One step for each that has passed, but not for a time in which nobody asked.
            self.rate *= UP ** min((now - self._next) / STEP + 1.0, 20.0)
        self._next = Instant(now + STEP)
        self._taken = self._admitted = 0
        if self.rate >= FREE and not long:
            self.on, self.sole = False, b""
            self._asked.clear()

    def admits(self, household: bytes, now: Instant) -> bool:
        """Whether one more question of it is within its share."""
        if household == self.sole:
            return True
        asked = self._asked
        if not asked and not self.sole:
            self.sole = household
            return True
        if self.sole:
            asked[self.sole], self.sole = (0.0, now), b""
        self._taken += 1
        share = max(self.rate, DEPTH)
        used, since = asked.get(household, (0.0, now))
        # What was asked while shares were larger is over what there is now, and counts as that.
        used = max(min(used, share) - (now - since) * self.rate, 0.0) + 1.0
        if used > share:
            return False
        self._admitted += 1
        if len(asked) >= MAX_HOUSEHOLDS:
            asked.clear()
        asked[household] = used, now
        return True
