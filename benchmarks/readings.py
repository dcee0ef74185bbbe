"""What /proc says of the processes of a running service: memory, descriptors, CPU time, by cell."""

import os
import statistics
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from anchorhold.accounts import CELLS

SUPERVISOR = "supervisor"
LEAST = 6
"""Readings that a measured part has, however slow the machine is: drift of a half of it needs two."""


class TooFewReadings(Exception):
    """Less than two: nothing can be said of drift."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Of one process: KiB resident, open descriptors, seconds on a CPU."""

    resident: int
    descriptors: int
    cpu: float


def processes(supervisor: int) -> dict[str, int]:
    """Process ids by the name of the cell, the supervisor's too. A cell's command line ends in its name, or in that of its
    module."""
    found = {SUPERVISOR: supervisor}
    for task in Path(f"/proc/{supervisor}/task").glob("*/children"):
        for pid in map(int, task.read_text().split()):
            try:
                words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
            except OSError:
                continue
            found |= {name: pid for word in words if (name := word.rpartition(".")[2]) in CELLS}
    return found


def read(pid: int) -> Reading | None:
    """None if the process is gone."""
    place = Path(f"/proc/{pid}")
    try:
        resident = _field(place / "status", "VmRSS:")
        descriptors = len(os.listdir(place / "fd"))
        nanoseconds = sum(int((task / "schedstat").read_text().split()[0]) for task in (place / "task").iterdir())
    except (OSError, ValueError, StopIteration):
        return None
    return Reading(resident, descriptors, nanoseconds / 1e9)


def share(pid: int) -> int:
    """KiB of its proportional share: a page counts in parts, so that the sum is what the machine spends
    (proc_pid_smaps_rollup(5)). 0 if the process is gone."""
    try:
        return _field(Path(f"/proc/{pid}/smaps_rollup"), "Pss:")
    except OSError:
        return 0


def _field(path: Path, name: str) -> int:
    return next(int(line.split()[1]) for line in path.read_text().splitlines() if line.startswith(name))


@dataclass(slots=True)
class Series:
    """Readings of one cell, one entry a reading; `at` in seconds since the start."""

    at: list[float] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    pids: set[int] = field(default_factory=set)

    def add(self, at: float, pid: int, reading: Reading) -> None:
        self.at.append(at)
        self.readings.append(reading)
        self.pids.add(pid)

    def between(self, start: float, end: float) -> list[Reading]:
        return [reading for at, reading in zip(self.at, self.readings, strict=True) if start <= at < end]

    def ends(self, start: float, end: float, window: float) -> tuple[list[Reading], list[Reading]]:
        """Those of the first `window` seconds, and those of the last; the first, or last, of all where none was taken in them.
        Raises TooFewReadings."""
        every = self.between(start, end)
        if len(every) < 2:
            raise TooFewReadings(f"too few readings ({len(every)} in {end - start:.1f} s, two are needed)")
        return self.between(start, start + window) or every[:1], self.between(end - window, end) or every[-1:]

    def drift(self, start: float, end: float, window: float) -> float:
        """KiB by which the median of resident memory in the last `window` seconds is above that of the first ones. A median
        does not see what is taken and given back within the window (a table that is copied, a vacuum). Raises TooFewReadings."""
        first, last = self.ends(start, end, window)
        return statistics.median(one.resident for one in last) - statistics.median(one.resident for one in first)

    def slope(self, start: float, end: float) -> float:
        """KiB an hour, by least squares over all readings between."""
        pairs = [
            (at, reading.resident) for at, reading in zip(self.at, self.readings, strict=True) if start <= at < end
        ]
        if len(pairs) < 3:
            return 0.0
        return statistics.linear_regression([at for at, _ in pairs], [kib for _, kib in pairs]).slope * 3600


def second_half(cells: Mapping[str, Series], start: float, end: float, window: float) -> str:
    """What grew when everything had been as large as it gets for a while: a leak goes on, a high-water mark does not."""
    middle, window = (start + end) / 2, min(window, (end - start) / 6)

    def grown(series: Series) -> str:
        try:
            return f"{series.drift(middle, end, window):+.0f}"
        except TooFewReadings as few:
            return str(few)

    return f"Drift in the second half alone, KiB: {', '.join(f'{name} {grown(one)}' for name, one in cells.items())}."


class Watch:
    """Reads all cells of a service, again and again."""

    def __init__(self, supervisor: int) -> None:
        self._supervisor = supervisor
        self.cells: dict[str, Series] = {}
        self.pids = processes(supervisor)

    def look(self, at: float) -> None:
        """One reading of each; who is gone is looked for under its new id."""
        for name, pid in list(self.pids.items()):
            reading = read(pid)
            if reading is None:
                self.pids = processes(self._supervisor)
                continue
            self.cells.setdefault(name, Series()).add(at, pid, reading)

    def look_until(self, begun: float, end: float, every: float, least: int = 0) -> Iterator[float]:
        """A reading every so many seconds, until the moment `end` of the monotonic clock, and `least` of them. Yields the moment
        of each; `begun` is 0 in the series."""
        looks = 0
        while (now := time.monotonic()) < end or looks < least:
            self.look(now - begun)
            yield now
            looks += 1
            time.sleep(max(0.0, now + every - time.monotonic()))

    @property
    def restarts(self) -> int:
        return sum(len(series.pids) - 1 for series in self.cells.values())
