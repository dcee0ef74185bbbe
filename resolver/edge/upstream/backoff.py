"""How soon an upstream may be dialled again, so that a broken one is not stormed."""

from collections.abc import Callable

from wire.units import Instant, Seconds

FIRST, LONGEST = 0.25, 10.0
"""Seconds. The first reconnection is immediate, the second waits `FIRST`, every further one twice as long."""


class Backoff:
    """Counts attempts in a row that brought no answer. A step: time is an argument."""

    def __init__(self, entropy: Callable[[int], bytes]) -> None:
        self._entropy = entropy
        self._failures = 0
        self._until = Instant(0.0)

    def wait(self, now: Instant) -> Seconds:
        """Seconds until the next attempt is allowed; 0 if it is now."""
        return Seconds(max(0.0, self._until - now))

    def failed(self, now: Instant) -> None:
        """An attempt failed, or a connection ended before it brought one answer."""
        self._failures += 1
        if self._failures > 1:
            full = min(LONGEST, FIRST * 2.0 ** min(self._failures - 2, 16))
            # half of it is random, so that two programs do not knock at the same beat
            self._until = Instant(now + full * (0.5 + self._entropy(1)[0] / 512))

    def succeeded(self) -> None:
        """A connection brought an answer."""
        self._failures = 0
        self._until = Instant(0.0)
