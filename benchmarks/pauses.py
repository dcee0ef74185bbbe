"""`anchorhold`, sealed as ever, that writes down what its cells pause for, for `bench_waits.py`: `python benchmarks/pauses.py
NOTES run --config FILE`.

The cells write into a file that all have mapped since before they were forked, which takes no system call: how often and how
long Python looked for cycles, and how long the wake-ups of `front` and `secure` took, waits for the core included.
"""

import gc
import mmap
import os
import struct
import sys
from pathlib import Path
from time import perf_counter_ns
from typing import NamedTuple

NOTE = struct.Struct("=i6qqq")
"""Process, then for each generation how often and how long (ns) in all, then the longest pause and the longest wake-up."""
ROOM = 64
"""Processes, the supervisor's short-lived copies included."""


class Pauses(NamedTuple):
    """Of one process. Times are in seconds; `often` and `long` are of each generation of the collector."""

    often: tuple[int, ...]
    long: tuple[float, ...]
    longest: float
    wake_up: float


def read(path: Path) -> dict[int, Pauses]:
    """What stands there, by process."""
    found = {}
    for pid, *n in NOTE.iter_unpack(path.read_bytes()):
        if pid:
            found[pid] = Pauses(tuple(n[:6:2]), tuple(t / 1e9 for t in n[1:6:2]), n[6] / 1e9, n[7] / 1e9)
    return found


def clear(path: Path) -> None:
    """Begin anew: what stands there is nulled, whose it is stays."""
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as notes:
        for at in range(0, ROOM * NOTE.size, NOTE.size):
            notes[at + 4 : at + NOTE.size] = bytes(NOTE.size - 4)


def make(path: Path) -> None:
    """An empty one."""
    path.write_bytes(bytes(ROOM * NOTE.size))


class Notes:
    """This process's place in the file."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._all = mmap.mmap(file.fileno(), 0)
        self._at = self._next = 0
        self._begun = 0
        self._woken = 0
        self._sign()

    def fork(self) -> None:
        """Before a fork: the copy has the next place, and the first is ours."""
        self._next = (self._next + NOTE.size) % (ROOM * NOTE.size) or NOTE.size

    def _sign(self) -> None:
        NOTE.pack_into(self._all, self._at, os.getpid(), *(0,) * 8)

    def forked(self) -> None:
        """In the copy."""
        self._at, self._woken = self._next, 0
        self._sign()

    def collected(self, phase: str, info: dict[str, int]) -> None:
        """As gc.callbacks wants it."""
        if phase == "start":
            self._begun = perf_counter_ns()
            return
        took, which = perf_counter_ns() - self._begun, info["generation"]
        pid, *notes = NOTE.unpack_from(self._all, self._at)
        notes[2 * which] += 1
        notes[2 * which + 1] += took
        notes[6] = max(notes[6], took)
        NOTE.pack_into(self._all, self._at, pid, *notes)

    def turns(self, kind: type) -> None:
        """Have a `Readiness` tell when it comes back, and when it is asked again."""
        select = kind.select  # type: ignore[attr-defined]
        notes, longest = self._all, struct.Struct("=q")
        place = NOTE.size - longest.size

        def timed(readiness: object, timeout: float) -> object:
            if self._woken:
                took = perf_counter_ns() - self._woken
                if took > longest.unpack_from(notes, self._at + place)[0]:
                    longest.pack_into(notes, self._at + place, took)
            found = select(readiness, timeout)
            self._woken = perf_counter_ns()
            return found

        kind.select = timed  # type: ignore[attr-defined]


def main() -> None:
    from anchorhold import cli
    from anchorhold.cells import readiness

    notes = Notes(Path(sys.argv.pop(1)))
    gc.callbacks.append(notes.collected)
    notes.turns(readiness.Epoll)
    os.register_at_fork(before=notes.fork, after_in_child=notes.forked)
    cli.main()


if __name__ == "__main__":
    main()
