"""What /proc says of the processes of a running service: memory, descriptors, CPU time, by cell."""

import os
import statistics
from dataclasses import dataclass, field
from pathlib import Path

SUPERVISOR = "supervisor"
CELLS = ("front", "secure", "resolver", "dhcp", "keeper", "lists")


@dataclass(frozen=True, slots=True)
class Reading:
    """Of one process: KiB resident, KiB of its proportional share (0: not looked at), open descriptors, seconds on a CPU."""

    resident: int
    share: int
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


def read(pid: int, *, share: bool = False) -> Reading | None:
    """None if the process is gone."""
    place = Path(f"/proc/{pid}")
    try:
        resident = _field(place / "status", "VmRSS:")
        proportional = _field(place / "smaps_rollup", "Pss:") if share else 0
        descriptors = len(os.listdir(place / "fd"))
        nanoseconds = sum(int((task / "schedstat").read_text().split()[0]) for task in (place / "task").iterdir())
    except (OSError, ValueError, StopIteration):
        return None
    return Reading(resident, proportional, descriptors, nanoseconds / 1e9)


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

    def drift(self, start: float, end: float, window: float) -> float:
        """KiB by which the median of resident memory in the last `window` seconds is above that of the first ones. A median
        does not see what is taken and given back within the window (a table that is copied, a vacuum)."""
        first = statistics.median(reading.resident for reading in self.between(start, start + window))
        last = statistics.median(reading.resident for reading in self.between(end - window, end))
        return last - first

    def slope(self, start: float, end: float) -> float:
        """KiB an hour, by least squares over all readings between."""
        pairs = [
            (at, reading.resident) for at, reading in zip(self.at, self.readings, strict=True) if start <= at < end
        ]
        if len(pairs) < 3:
            return 0.0
        return statistics.linear_regression([at for at, _ in pairs], [kib for _, kib in pairs]).slope * 3600


class Watch:
    """Reads all cells of a service, again and again."""

    def __init__(self, supervisor: int) -> None:
        self._supervisor = supervisor
        self.cells: dict[str, Series] = {}
        self.pids = processes(supervisor)

    def look(self, at: float, *, share: bool = False) -> None:
        """One reading of each; who is gone is looked for under its new id."""
        for name, pid in list(self.pids.items()):
            reading = read(pid, share=share)
            if reading is None:
                self.pids = processes(self._supervisor)
                continue
            self.cells.setdefault(name, Series()).add(at, pid, reading)
