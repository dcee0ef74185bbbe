"""The supervisor's side of what `lists` has done apart: a process for each piece of work, forked when the cell asks for it, for a
sealed cell can fork nothing. So none is there while there is nothing to do.

One at a time, and not many in a row: a cell gone wrong does not keep the machine busy by asking. Nothing is read of what goes
between the two.
"""

import socket
from collections.abc import Mapping

from anchorhold.cell_process import CellProcess
from anchorhold.facts import log
from anchorhold.forking import Child, describe_exit, fork
from anchorhold.link import LinkType

NAME = "supervisor"

PATIENCE = 330.0
"""Seconds that one may take; the cell itself waits for less (`anchorhold/lists/apart.py`)."""
AT_ONCE = 32
"""Processes in a row that nobody waits for: the first lists of a household."""
EVERY = 1.0
"""Seconds until there may be a further one."""


class Helpers:
    """At most one at a time, for `cell`."""

    def __init__(self, cell: CellProcess, environment: Mapping[str, str]) -> None:
        self._cell = cell
        self._environment = environment
        self._process: Child | None = None
        self._of = 0
        """The process of the cell that it works for."""
        self._asked = self._unwanted = False
        self._until = 0.0
        self._paid = 0.0
        """When so much time has gone by since the first that each has had its EVERY."""

    def ask(self, wanted: bool) -> None:
        """The cell wants one, or none any more; it is told when that has ended."""
        self._asked = wanted
        if not wanted and self._serves:
            self._end()
        elif not wanted:
            self._tell(None)

    def forget(self) -> None:
        """The cell is no more; nobody else wants what is done for it."""
        self._asked = False
        self._end()

    def look(self, folder: int, now: float) -> None:
        """Called with every wake-up: see to the one there is, start the one that is wanted."""
        if self._process is not None:
            self._watch(self._process, now)
        if self._process is None and self._asked and now >= self._paid - (AT_ONCE - 1) * EVERY:
            self._asked = False
            self._paid = max(self._paid, now) + EVERY
            self._start(folder, now)

    def close(self) -> None:
        """The service ends."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def _serves(self) -> bool:
        """Whether there is one, for the cell that there is."""
        return self._process is not None and self._of == self._cell.pid

    def _start(self, folder: int, now: float) -> None:
        try:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
            with ours, theirs:
                self._process = self._fork(theirs.fileno(), folder)
                self._cell.send(LinkType.WORK, b"", (ours.fileno(),))
        except OSError as error:
            log(NAME, f"there can be no helper for lists: {error.strerror}")
            self._tell(None)
            return
        self._of, self._until, self._unwanted = self._cell.pid, now + PATIENCE, False

    def _fork(self, endpoint: int, folder: int) -> Child:
        def live() -> None:
            # The cell's part, which is in memory where there is one.
            from anchorhold.lists.helper import run

            run(endpoint, folder)

        return fork("lists-helper", live, (endpoint, folder), self._environment)

    def _watch(self, process: Child, now: float) -> None:
        code = process.poll()
        if code is None and now >= self._until:
            self._end()
        if code is None:
            return
        if code < 0 and not self._unwanted:
            log(NAME, f"the helper of lists (pid {process.pid}) ended: {describe_exit(code)}")
        if self._serves:
            self._tell(code)
        self._process = None

    def _end(self) -> None:
        if self._process is not None:
            self._unwanted = True
            self._process.kill()

    def _tell(self, code: int | None) -> None:
        """That there is none any more; how it ended, None: there was none."""
        self._cell.send(LinkType.WORK, b"" if code is None else code.to_bytes(2, "little", signed=True))
