"""What the supervisor does for the `front` cells: listening sockets and the control socket. Nothing is ever read from them."""

import os
from pathlib import Path

from anchorhold.activation import Handover
from anchorhold.cell_process import CellProcess
from anchorhold.config.request import Snapshot
from anchorhold.facts import log
from anchorhold.link import LinkType
from anchorhold.listeners import Listener, open_changed, open_control
from anchorhold.secret import make_secret

NAME = "supervisor"


class FrontSide:
    """What the cell is to be given."""

    def __init__(self, cells: tuple[CellProcess, ...], control: Path, handed: Handover | None = None) -> None:
        self.cells = cells
        """The first one has the control socket."""
        self.wanted = True
        self._handed = handed
        self._path = control
        self._cookie_key = -1
        """Sealed."""
        self._listeners: tuple[Listener, ...] = ()
        self._next: tuple[Listener, ...] = ()

    def begin(self, snapshot: Snapshot) -> None:
        """At the start. Raises CannotListen, OSError."""
        self._cookie_key = make_secret()
        self._listeners = self._next = self._opened(snapshot, ())
        self._control = open_control(self._path)

    def prepare(self, snapshot: Snapshot) -> None:
        """Open what a configuration wants besides what is open. Raises CannotListen; then nothing has changed."""
        self._next = self._opened(snapshot, self._listeners)

    def discard(self) -> None:
        """What was prepared is not wanted after all."""
        for listener in self._next:
            if listener not in self._listeners:
                listener.close()
        self._next = self._listeners

    def use(self, _snapshot: Snapshot, _now: float) -> None:
        """Take over a configuration that was prepared."""
        former, self._listeners = self._listeners, self._next
        if former == self._listeners:
            return
        for cell in self.cells:
            cell.send(LinkType.WITHDRAW)
            self._give_listeners(cell)
        for listener in former:
            if listener not in self._listeners:
                listener.close()
        log(NAME, f"listening on {self._places()}")

    def look(self, now: float) -> None:
        """Nothing comes or goes by itself."""

    def give_all(self, cell: CellProcess) -> None:
        """To a cell that has just been started."""
        self._give_listeners(cell)
        if not cell.number:
            cell.send(LinkType.CONTROL, b"", (self._control.fileno(),))
        cell.send(LinkType.SECRET, b"", (self._cookie_key,))

    def ended(self) -> None:
        """It is started again in any case."""

    def describe(self) -> str:
        """Where clients and operators find us."""
        return f"{self._places()} (UDP and TCP); control socket {self._path}"

    def close(self) -> None:
        """The service ends."""
        os.close(self._cookie_key)
        self._control.close()
        self._path.unlink(missing_ok=True)
        for listener in self._listeners:
            listener.close()
        if self._handed is not None:
            self._handed.close()

    def _places(self) -> str:
        return ", ".join(listener.place.text() for listener in self._listeners)

    def _opened(self, snapshot: Snapshot, have: tuple[Listener, ...]) -> tuple[Listener, ...]:
        return open_changed(snapshot.service.listen, have, self._handed, len(self.cells))

    def _give_listeners(self, cell: CellProcess) -> None:
        for listener in self._listeners:
            udp, tcp = listener.sockets(cell.number)
            for one in udp:
                cell.send(LinkType.UDP, listener.traits, (one.fileno(),))
            for one in tcp:
                cell.send(LinkType.TCP, b"", (one.fileno(),))
