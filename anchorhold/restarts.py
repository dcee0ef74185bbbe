"""When a cell that died is started again."""

FIRST_DELAY = 0.1
MAX_DELAY = 5.0
CALM = 60.0
"""Seconds."""


class Restarts:
    """How often, and how soon, for one cell."""

    def __init__(self) -> None:
        self.count = 0
        """Deaths since the service started."""
        self._streak = 0

    def delay_after(self, lived: float) -> float:
        """Seconds to wait before the next start of a cell that lived for `lived` seconds.

        At once the first time, then 0.1 s, doubled with every further death, at most 5 s; a life of 60 s starts over.
        """
        self.count += 1
        self._streak = 1 if lived >= CALM else self._streak + 1
        if self._streak == 1:
            return 0.0
        return min(MAX_DELAY, FIRST_DELAY * 2.0 ** min(self._streak - 2, 10))
