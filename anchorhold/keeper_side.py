"""What the supervisor does for the `keeper` cell: its folder. Nothing is read from it."""

import os
from pathlib import Path

from anchorhold.cell_process import CellProcess
from anchorhold.config.request import Snapshot
from anchorhold.facts import log
from anchorhold.link import LinkType
from anchorhold.state import StateRefused, open_folder

NAME = "supervisor"


class KeeperFolder:
    """The cell, and what it is to be given."""

    def __init__(self, cell: CellProcess, state: Path, owner: tuple[int, int] | None) -> None:
        self.cell = cell
        self.cells = (cell,)
        self.wanted = True
        self._state = state
        self._owner = owner
        self._folder = -1

    def begin(self, _snapshot: Snapshot) -> None:
        """At the start. Without a folder the keeper works all the same, and says so."""
        try:
            self._folder = open_folder(self._state, self._owner)
        except StateRefused as error:
            log(NAME, f"trust anchors and the time are not kept: {error}")

    def prepare(self, _snapshot: Snapshot) -> None:
        """Nothing of a configuration can fail here."""

    def discard(self) -> None:
        """Nor is there anything to let go of."""

    def use(self, _snapshot: Snapshot, _now: float) -> None:
        """It is wanted with every configuration."""

    def look(self, now: float) -> None:
        """Nothing comes or goes by itself."""

    def give_all(self, _cell: CellProcess) -> None:
        """To a cell that has just been started."""
        if self._folder >= 0:
            self.cell.send(LinkType.FOLDER, b"", (self._folder,))

    def ended(self) -> None:
        """It is started again in any case."""

    def close(self) -> None:
        """The service ends."""
        if self._folder >= 0:
            os.close(self._folder)
