"""The monotonic clock, read in one place."""

import time

from wire.units import Instant


def now() -> Instant:
    """Seconds of the monotonic clock: never goes back, comparable between the processes of this machine."""
    return Instant(time.monotonic())
