"""When a cell that died is started again."""

FIRST_DELAY = 0.1
MAX_DELAY = 5.0
CALM = 1.0
"""Seconds."""
AT_ONCE = 3
"""Deaths in a row within CALM after which one that had served is not kept waiting."""


class Restarts:
    """How often, and how soon, for one cell."""

    def __init__(self) -> None:
        self.count = 0
        """Deaths since the service started."""
        self._streak = 0

    def delay_after(self, served: float) -> float:
        """Seconds to wait before the next start of a cell that ended when it had been ready for `served` seconds (0: never).

        At once after CALM, for whoever served was well, however often somebody ends it. One that does not come so far starts anew
        at once AT_ONCE times if it served at all, and once if it did not, then after 0.1 s, doubled with every further death, at
        most 5 s: a mistake that is made at the start must not keep the machine busy, nor give whoever tries something out a new
        process for every try.
        """
        self.count += 1
        self._streak = 0 if served >= CALM else self._streak + 1
        further = self._streak - (AT_ONCE if served > 0 else 1)
        return min(MAX_DELAY, FIRST_DELAY * 2.0 ** min(further - 1, 10)) if further > 0 else 0.0
