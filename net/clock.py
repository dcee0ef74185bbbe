"""The clocks, read in one place."""

import time
from collections.abc import Callable
from typing import cast

from wire.units import Epoch, Instant, Seconds

_AWAKE_OR_NOT = getattr(time, "CLOCK_BOOTTIME", None)
"""Linux's clock that goes on while the machine sleeps; elsewhere CLOCK_MONOTONIC is that one, and Python's own is not."""


now = cast(Callable[[], Instant], time.monotonic)
"""Seconds of the monotonic clock: never goes back, comparable between the processes of this machine. It is read many times for
each question, so without a call between."""


date = cast(Callable[[], Epoch], time.time)
"""Seconds since 1970 by the wall clock: may jump, and may be wrong. Likewise."""


def slept() -> Seconds:
    """Seconds that the machine has slept (suspended) since it was started; only differences mean anything."""
    if _AWAKE_OR_NOT is not None:
        return Seconds(time.clock_gettime(_AWAKE_OR_NOT) - time.clock_gettime(time.CLOCK_MONOTONIC))
    return Seconds(time.clock_gettime(time.CLOCK_MONOTONIC) - time.monotonic())
