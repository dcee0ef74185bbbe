"""The lease clock: lease times are on a timeline of our own that never jumps and never runs ahead of the real one.

A client counts its lease down by its own clock, so an address is given twice if we believe that more time has passed
than has. The wall clock cannot be asked: it is set by radio, by hand, or to 1970 by an empty battery. What cannot be
wrong is CLOCK_BOOTTIME, which counts seconds since the machine was started, asleep or awake. So:

* while we run, and over restarts of the process, the lease clock moves with CLOCK_BOOTTIME;
* after the machine was started anew it goes on where it was saved, plus the seconds since that start, the only ones
  that surely passed.

Leases therefore last longer by the time a machine was off, never shorter, whatever the wall clock says. The first lease
clock of all begins at the wall clock, so that lease times look like dates; they are turned into true dates for people
by `wall` alone.
"""

from collections.abc import Iterable
from typing import NamedTuple

from dhcp.values import Lease, State
from wire.units import Epoch, Instant


class Reading(NamedTuple):
    """What the machine's clocks say at one moment. Made by `dhcp/edge/clock.py`."""

    boottime: Instant
    """Seconds of CLOCK_BOOTTIME."""
    boot: str
    """Which start of the machine that counts from (the kernel's boot_id); empty if unknown."""
    wall: Epoch


class Saved(NamedTuple):
    """The lease clock as it was at one moment; is kept with the leases."""

    now: Epoch
    boottime: Instant
    boot: str


class LeaseClock(NamedTuple):
    """Lease time is `origin` plus CLOCK_BOOTTIME."""

    origin: float
    boot: str

    def at(self, boottime: Instant) -> Epoch:
        """The lease time at that reading of CLOCK_BOOTTIME."""
        return Epoch(self.origin + boottime)

    def saved(self, boottime: Instant) -> Saved:
        """What is to be kept with every commit, and every few minutes."""
        return Saved(self.at(boottime), boottime, self.boot)

    def wall(self, time: Epoch, reading: Reading) -> Epoch:
        """What the wall clock shows at a lease time, if it stays as it is: for people only."""
        return Epoch(reading.wall + time - self.at(reading.boottime))

    def from_wall(self, date: Epoch, reading: Reading) -> Epoch:
        """The lease time at that date, for leases of other servers; believes the wall clock, which they did."""
        return Epoch(self.at(reading.boottime) + date - reading.wall)


def start_clock(saved: Saved | None, leases: Iterable[Lease], reading: Reading) -> LeaseClock:
    """The clock to run with from now on. `leases` are those that were kept: it never begins before the last of them was
    seen.
    """
    known = [lease.seen for lease in leases if lease.state is not State.OFFERED]
    if saved is not None:
        known.append(Epoch(saved.now + _surely_passed(saved, reading)))
    return LeaseClock(max(known, default=reading.wall) - reading.boottime, reading.boot)


def _surely_passed(saved: Saved, reading: Reading) -> float:
    """Seconds since `saved`; 0 where nothing is sure."""
    if saved.boot and reading.boot and saved.boot != reading.boot:
        return max(0.0, reading.boottime)
    # A counter that went back is that of another start, or of another time namespace.
    return max(0.0, reading.boottime - saved.boottime)
