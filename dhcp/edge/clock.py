"""The machine's clocks as the lease clock wants them."""

import time

from dhcp.clock import Reading
from wire.units import Epoch, Instant

BOOT_FILE = "/proc/sys/kernel/random/boot_id"


def read_boot() -> str:
    """Which start of the machine this is; empty if the system does not tell. To be read while /proc is still in
    sight.
    """
    try:
        with open(BOOT_FILE, encoding="ascii") as file:
            return file.read(64).strip()
    except OSError:
        return ""


def boottime() -> Instant:
    """Seconds since the machine was started, asleep or awake."""
    return Instant(time.clock_gettime(time.CLOCK_BOOTTIME))


def read_clocks(boot: str) -> Reading:
    """All of them at this moment."""
    return Reading(boottime(), boot, Epoch(time.time()))
