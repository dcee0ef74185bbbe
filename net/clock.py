"""The clocks, read in one place."""

import time

from wire.units import Epoch, Instant


def now() -> Instant:
    """Seconds of the monotonic clock: never goes back, comparable between the processes of this machine."""
    return Instant(time.monotonic())


def date() -> Epoch:
    """Seconds since 1970 by the wall clock: may jump, and may be wrong."""
    return Epoch(time.time())
