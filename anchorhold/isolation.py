"""How far the cells of the running service are shut in: read from the processes, and from what each said when it was sealed.

A cell that was taken over can say nothing of itself any more, and what it said before was said before; what /proc shows it cannot
change. So what both know is taken from /proc.
"""

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from anchorhold.control_client import ControlFailed
from anchorhold.link import kind_of
from anchorhold.processes import PROC, Process, account, read_process
from anchorhold.trial import Trial, TrialLost

SUPERVISOR = "supervisor"


@dataclass(frozen=True, slots=True)
class Said:
    """What a process told of itself (`anchorhold/roster.py`). `calls`: how many system calls its own filter leaves."""

    in_force: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    calls: int = 0
    landlock: int = 0


@dataclass(frozen=True, slots=True)
class Cell:
    """One process of the service. `process` is None if it does not run, or is hidden from us."""

    name: str
    pid: int
    restarts: int
    process: Process | None
    said: Said = Said()
    """What it told of itself."""
    rests: bool = False
    """It has nothing to do, and is started when it has."""


@dataclass(frozen=True, slots=True)
class Isolation:
    """All of them, the supervisor first."""

    cells: tuple[Cell, ...]
    lost: int = 0
    """Lines of the log that standard error did not take."""

    @property
    def sealed(self) -> tuple[Cell, ...]:
        """Those that must have no rights: all but the supervisor."""
        return tuple(cell for cell in self.cells if cell.name != SUPERVISOR)

    @property
    def proportional(self) -> int:
        """Octets of memory together, what is shared counted once; of those that may be read."""
        return sum(cell.process.proportional or 0 for cell in self.cells if cell.process is not None)

    @property
    def unread(self) -> tuple[str, ...]:
        """Whose memory may not be read by us."""
        there = (cell for cell in self.cells if cell.pid or not cell.rests)
        return tuple(cell.name for cell in there if cell.process is None or cell.process.proportional is None)

    @property
    def resting(self) -> tuple[str, ...]:
        """Cells that do not run for want of work."""
        return tuple(cell.name for cell in self.sealed if not cell.pid and cell.rests)

    @property
    def absent(self) -> tuple[str, ...]:
        """Cells that should run and do not."""
        return tuple(cell.name for cell in self.sealed if not cell.pid and not cell.rests)

    @property
    def inherited(self) -> int:
        """How many filters lie on the supervisor already: those of a service manager or a container, which are on all cells."""
        return next((c.process.filters or 0 for c in self.cells if c.name == SUPERVISOR and c.process is not None), 0)

    def filtered(self, cell: Cell) -> bool:
        """Whether it has a filter of its own, as far as the kernel tells."""
        process = cell.process
        return (
            process is not None
            and process.seccomp == 2
            and (process.filters is None or process.filters > self.inherited)
        )

    @property
    def rights(self) -> tuple[tuple[str, str], ...]:
        """(cell, what it may and should not)."""
        there = [(cell, cell.process) for cell in self.sealed if cell.process is not None]
        found = [(cell.name, text) for cell, process in there for wrong, text in _RIGHTS if wrong(process)]
        unfiltered = [cell.name for cell, process in there if process.seccomp is not None and not self.filtered(cell)]
        return (*found, *((name, "it has no filter of system calls of its own") for name in unfiltered))

    @property
    def shared(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """(account, cells) of every account that cells of more than one kind have."""
        users: dict[int, dict[str, None]] = defaultdict(dict)
        for cell in self.sealed:
            if cell.process is not None:
                users[cell.process.user][kind_of(cell.name)] = None
        return tuple((account(user), tuple(kinds)) for user, kinds in users.items() if len(kinds) > 1)

    @property
    def ordinary(self) -> bool:
        """Whether the supervisor has no rights either, so that no cell could have an account of its own."""
        return any(c.process is not None and c.process.user != 0 for c in self.cells if c.name == SUPERVISOR)

    @property
    def missing(self) -> tuple[tuple[str, str], ...]:
        """(cells, what is not in force there and why), what several lack once."""
        found = defaultdict(list)
        for cell in self.cells:
            for text in cell.said.missing:
                found[text].append(cell.name)
        return tuple((" ".join(names), text) for text, names in found.items())


_RIGHTS: tuple[tuple[Callable[[Process], bool], str], ...] = (
    (lambda process: process.user == 0, "it is root"),
    (lambda process: bool(process.capabilities), "it has capabilities"),
    (lambda process: not process.no_new_privileges, "it may gain rights by a program that it starts"),
)


def read_isolation(control: Path, proc: Path = PROC) -> Isolation:
    """Ask the supervisor beside the control socket for its cells, and read each. Raises ControlFailed."""
    trial = Trial(control)
    try:
        text = trial.cells()
    except TrialLost:
        raise ControlFailed("the supervisor does not tell its cells; is it an Anchorhold of another version?") from None
    finally:
        trial.close()
    return of_roster(text, proc)


def of_roster(text: str, proc: Path = PROC) -> Isolation:
    """What the supervisor's list leads to (`anchorhold/roster.py`). Raises ControlFailed if it is none."""
    try:
        found = json.loads(text)
        pid = int(found["pid"])
        rows = [
            Cell(
                str(row["cell"]),
                number,
                int(row["restarts"]),
                _read(number, pid, proc),
                _said(str(row["sealed"])),
                bool(row["rests"]),
            )
            for row in found["cells"]
            for number in (int(row["pid"]),)
        ]
        first = Cell(SUPERVISOR, pid, 0, _read(pid, pid, proc), _said(str(found["sealed"])))
        lost = int(found["lost"])
    except (ValueError, KeyError, TypeError):
        raise ControlFailed("the supervisor's list of its cells does not read; is it of another version?") from None
    return Isolation((first, *rows), lost)


def _read(pid: int, beside: int, proc: Path) -> Process | None:
    return read_process(pid, beside, proc) if pid else None


def _said(text: str) -> Said:
    """Nothing, if a cell says nothing that reads: what matters is read from /proc."""
    try:
        found = json.loads(text)
        in_force, missing = (tuple(map(str, found[name])) for name in ("in_force", "missing"))
        return Said(in_force, missing, int(found["calls"]), int(found["landlock"]))
    except (ValueError, KeyError, TypeError):
        return Said()
