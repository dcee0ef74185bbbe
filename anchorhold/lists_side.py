"""What the supervisor does for the `lists` cell: its folder; its helpers; and the image of all lists, which it keeps for the
resolvers. Nothing is read from any.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from anchorhold.cell_process import CellProcess
from anchorhold.config.request import Snapshot
from anchorhold.helpers import Helpers
from anchorhold.link import LinkMessage, LinkType
from anchorhold.state import LISTS_NAME, open_folder

MODULE = "anchorhold.cells.lists"

GIVE_EVERY = 1.0
"""Seconds between two images for a resolver: a cell gone wrong must not fill its link."""
CROSSING = 3.0
"""Seconds: who asked for the cell so shortly before it went to rest did not know that it would."""


class ListsSide:
    """The cell, wanted or not, and what it and the resolvers are to be given."""

    def __init__(
        self,
        resolvers: tuple[CellProcess, ...],
        front: CellProcess,
        state: Path,
        owner: tuple[int, int] | None,
        environment: Mapping[str, str],
    ) -> None:
        """`front`: the one that operators ask. `environment`: that of the cell's helpers."""
        self.cell = CellProcess("lists", MODULE, keeps=LinkType.LISTS)
        self.cells = (self.cell,)
        self.cell.due = None
        self.wanted = False
        """Whether the configuration in force has lists."""
        self.heard = (self.cell, front)
        """Who says anything that is for `take`."""
        self._woken = -CROSSING
        """When an operator asked for the cell last."""
        self._resolvers = resolvers
        self._state = state
        self._owner = owner
        self._folder = -1
        self._image: LinkMessage | None = None
        self._fresh = False
        """Whether the resolvers have not been given it yet."""
        self._give_at = 0.0
        self._helpers = Helpers(self.cell, environment)

    def begin(self, snapshot: Snapshot) -> None:
        """At the start. Raises StateRefused."""
        self.prepare(snapshot)
        self.use(snapshot, 0.0)

    def prepare(self, snapshot: Snapshot) -> None:
        """What of a configuration can fail. Raises StateRefused."""
        if snapshot.lists >= 0 and self._folder < 0:
            self._folder = open_folder(self._state, self._owner, LISTS_NAME)

    def discard(self) -> None:
        """A folder that was opened for nothing stays: it may be wanted yet."""

    def use(self, snapshot: Snapshot, now: float) -> None:
        """Take over a configuration; start the cell or end it."""
        wanted = snapshot.lists >= 0
        if wanted and (self.cell.rests or not self.wanted):
            self.cell.want(now)
        elif self.wanted and not wanted:
            self.cell.due = None
            self.cell.end(now)
            self._forget()
        self.wanted = wanted

    def look(self, now: float) -> None:
        """Called with every wake-up: every resolver gets what is new, and the cell a helper."""
        self._helpers.look(self._folder, now)
        if self._fresh and now >= self._give_at:
            self._give_at = now + GIVE_EVERY
            self._fresh = False
            for resolver in self._resolvers:
                self.give_image(resolver)

    def give_all(self, _cell: CellProcess) -> None:
        """To a cell that has just been started: whoever asked for it finds it."""
        self._woken = -CROSSING
        self.cell.send(LinkType.FOLDER, b"", (self._folder,))

    def take(self, cell: CellProcess, message: LinkMessage, now: float) -> None:
        """What one of `heard` said."""
        match message.type:
            case LinkType.WAKE if cell is not self.cell:
                self._woken = now
                if self.cell.rests:
                    self.cell.want(now)
            case LinkType.LISTS if cell is self.cell:
                self._take_image(message)
            case LinkType.WORK if cell is self.cell:
                self._helpers.ask(message.body == b"\1")
            case LinkType.REST if cell is self.cell:
                asked = now - self._woken < CROSSING
                self.cell.rest(now, now if asked else now + int.from_bytes(message.body[:4], "little"))
            case _:
                pass

    def _take_image(self, image: LinkMessage) -> None:
        """A new one, or word that there is none: every resolver gets it soon, and again whenever it is started. A cell that was
        started anew hands on the one that is in force, and that changes nothing."""
        known = self._image is not None and bool(self._image.descriptors)
        same = known and self._image is not None and self._image.body == image.body
        if same or len(image.descriptors) > 1 or not self.wanted or (known and not image.descriptors):
            _close(image)
            return
        self._forget()
        self._image = image
        self._fresh = True

    def give_image(self, resolver: CellProcess) -> None:
        """To this one, if there is an image."""
        if self._image is not None:
            resolver.send(LinkType.LISTS, self._image.body, self._image.descriptors)

    def ended(self) -> None:
        """A cell ended. If it was this one: without lists it is not started again. What it made stays in force."""
        if not self.cell.pid:
            self._helpers.forget()
        if not self.wanted:
            self.cell.due = None

    def close(self) -> None:
        """The service ends."""
        self._helpers.close()
        self._forget()
        if self._folder >= 0:
            os.close(self._folder)

    def _forget(self) -> None:
        if self._image is not None:
            _close(self._image)
            self._image = None


def _close(message: LinkMessage) -> None:
    for descriptor in message.descriptors:
        os.close(descriptor)
