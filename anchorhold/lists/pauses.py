"""When a list is asked for: a little earlier or later than it is due, so that not everybody comes at the same second. `at` is
a random number from 0 to 1."""

import os

from anchorhold.lists.index import Kept

MINUTE = 60.0
LONGEST = 60 * MINUTE
"""Seconds between two tries, at most."""
SPREAD = 60.0
"""Seconds over which the first looks after a start are spread, of lists whose last copy is in force already."""


def pause_of(kept: Kept, refresh: int, now: float, told: float = 0.0) -> float:
    """Seconds from `now` (since 1970) until a list is asked for next, by how the last time ended."""
    if kept.error:
        return pause_after(kept.failures, share(), told)
    return pause_until(kept.checked, refresh, now, share())


def pause_after(failures: int, at: float, told: float = 0.0) -> float:
    """Seconds until the next try after so many failures in a row: 1, 2, 4 … 60 minutes, a fifth more or less; `told` is what the
    server asked for, if it did."""
    usual = min(2.0 ** (failures - 1) * MINUTE, LONGEST) if failures < 10 else LONGEST
    return max(usual * (0.8 + 0.4 * at), min(told, 24 * LONGEST))


def pause_until(checked: int, refresh: int, now: float, at: float) -> float:
    """Seconds from `now` (since 1970) until a list that was asked for at `checked` is due. A clock that was set back does not
    make it wait for ever."""
    if not 0 < checked <= now:
        return SPREAD * at
    return max(checked + refresh * (0.9 + 0.2 * at) - now, SPREAD * at)


def share() -> float:
    """A random number from 0 to 1."""
    return int.from_bytes(os.urandom(4), "big") / 2**32
