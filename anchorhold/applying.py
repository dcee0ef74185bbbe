"""A configuration on trial, as the supervisor sees it: in force at an operator's word, gone by itself unless confirmed.

Beside the control socket there is another, mode 0600 too (`place_for`): AF_UNIX SEQPACKET, one kind octet and a short body
(`Said`, `Told`). It is the supervisor's own because nobody who hears clients may have a say in this. Nothing of what comes is
parsed but that octet and a number of seconds; the configuration comes as a descriptor and goes on to the loader unread. The
connection that began a trial holds it: when it ends, the trial does.
"""

import os
import selectors
import socket
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from anchorhold.config.request import Snapshot
from anchorhold.facts import log
from anchorhold.listeners import CannotListen, open_control

NAME = "supervisor"

MAX_CONNECTIONS = 4
MAX_SAID = 16
MAX_TEXT = 64 * 1024
"""Octets of a reason that are told."""

SHORTEST, LONGEST = 5, 3_600
"""Seconds a trial may last."""

AGAIN = 1.0
"""Seconds until the former configuration is tried again if an address of it cannot be opened."""


class Said(IntEnum):
    """From an operator."""

    BEGIN = 1
    """Body: seconds u32 little-endian; beside it a descriptor of the configuration."""
    CONFIRM = 2
    """From whoever may use the socket. No body."""
    UNDO = 3
    """From whoever began. No body."""
    CELLS = 4
    """From whoever may use the socket; it has nothing to do with a trial. No body."""


class Told(IntEnum):
    """To an operator."""

    PLACE = 1
    """At once: the path of the configuration file that the service was started with."""
    REFUSED = 2
    """The configuration is not usable; nothing has changed. Body: why, UTF-8."""
    NOT_NOW = 3
    """Nothing has changed. Body: why, UTF-8."""
    IN_FORCE = 4
    """Questions are answered by it. No body."""
    CONFIRMED = 5
    """It stays. To whoever confirmed, and to whoever began, who writes the file. No body."""
    BACK = 6
    """The former one is in force again. Body: why, UTF-8."""
    CELLS = 7
    """Body: the supervisor's list of its cells (`anchorhold/roster.py`)."""


@dataclass(frozen=True, slots=True)
class Begin:
    """Load what is in `descriptor`, and close it."""

    descriptor: int


@dataclass(frozen=True, slots=True)
class TakeBack:
    """The trial is over, and the former configuration is to come back."""

    why: str


Wish = Begin | TakeBack | None


def place_for(control: Path) -> Path:
    """Where trials are asked for, if that is where the control socket is."""
    return Path(f"{control}.apply")


class Applying:
    """At most one trial. `former` is what comes back; the holder of all snapshots is the supervisor, of that one this."""

    def __init__(self, config: Path, control: Path, selector: selectors.BaseSelector, cells: Callable[[], str]) -> None:
        """`cells` gives the list of them."""
        self._cells = cells
        self._config = config
        self._place = place_for(control)
        self._selector = selector
        self._socket: socket.socket | None = None
        self._connections: set[socket.socket] = set()
        self._owner: socket.socket | None = None
        self._seconds = 0
        self._why = ""
        self._told = False
        self.loading = False
        """The load that is under way is for a trial."""
        self.former: Snapshot | None = None
        self.due: float | None = None
        """When the trial is over, monotonic seconds."""

    def open(self) -> None:
        """Without this socket the service does all else."""
        try:
            self._socket = open_control(self._place, socket.SOCK_SEQPACKET)
        except CannotListen as error:
            log(NAME, f"anchorhold apply will not work: {error}")
            return
        self._selector.register(self._socket, selectors.EVENT_READ, self)

    def close(self) -> None:
        """The service ends; the next start is by the file, which is the former one."""
        if self._socket is not None:
            self._socket.close()
            self._place.unlink(missing_ok=True)
        for connection in self._connections:
            connection.close()
        if self.former is not None:
            self.former.close()

    # What operators say.

    def hear(self, endpoint: object) -> Wish:
        """One of our sockets can be read."""
        if endpoint is self._socket:
            self._accept()
            return None
        return self._take(endpoint) if isinstance(endpoint, socket.socket) else None

    def _accept(self) -> None:
        assert self._socket is not None  # noqa: S101 # it was heard
        try:
            connection, _ = self._socket.accept()
        except OSError:
            return
        if len(self._connections) >= MAX_CONNECTIONS:
            connection.close()
            return
        self._connections.add(connection)
        self._selector.register(connection, selectors.EVENT_READ, self)
        self._tell(connection, Told.PLACE, os.path.abspath(self._config))

    def _take(self, connection: socket.socket) -> Wish:
        try:
            data, descriptors, _, _ = socket.recv_fds(connection, MAX_SAID, 1, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None
        except OSError:
            data, descriptors = b"", []
        if data[:1] == bytes((Said.BEGIN,)) and len(data) == 5 and descriptors:
            return self._begin(connection, int.from_bytes(data[1:], "little"), descriptors[0])
        for descriptor in descriptors:
            os.close(descriptor)
        if data == bytes((Said.CONFIRM,)):
            self._confirm(connection)
            return None
        if data == bytes((Said.CELLS,)):
            self._tell(connection, Told.CELLS, self._cells())
            return None
        if data == bytes((Said.UNDO,)) and connection is self._owner:
            return TakeBack("it was not wanted")
        return self._hang_up(connection)

    def _begin(self, connection: socket.socket, seconds: int, descriptor: int) -> Wish:
        if self._owner is not None or self.former is not None or self.loading:
            os.close(descriptor)
            self._tell(connection, Told.NOT_NOW, "another configuration is on trial; confirm it or wait for its end")
            return None
        self._owner, self.loading = connection, True
        self._seconds = min(max(seconds, SHORTEST), LONGEST)
        return Begin(descriptor)

    def _confirm(self, connection: socket.socket) -> None:
        if self.former is None or not self._told:
            self._tell(connection, Told.NOT_NOW, "there is no configuration on trial that is in force")
            return
        self._tell(connection, Told.CONFIRMED)
        if connection is not self._owner:
            self._tell(self._owner, Told.CONFIRMED)
        log(NAME, "the configuration on trial is confirmed")
        self.former.close()
        self._end()

    def _hang_up(self, connection: socket.socket) -> Wish:
        """It is gone, or talks nonsense."""
        self._selector.unregister(connection)
        connection.close()
        self._connections.discard(connection)
        if connection is not self._owner:
            return None
        self._owner = None
        return TakeBack("the command that asked for it is gone")

    # What the supervisor did.

    def not_now(self, why: str) -> None:
        """It cannot be loaded just now."""
        self.loading = False
        self._tell(self._owner, Told.NOT_NOW, why)
        self._owner = None

    def refused(self, why: str) -> None:
        """The loader, or an address, says no."""
        self.loading = False
        self._tell(self._owner, Told.REFUSED, why)
        self._owner = None

    @property
    def wanted(self) -> bool:
        """Whether who asked for the trial is still there."""
        return self._owner is not None

    def hold(self, former: Snapshot, now: float) -> None:
        """The configuration is taken over; `former` is kept for when it must come back."""
        self.loading, self._told, self._why = False, False, ""
        self.former, self.due = former, now + self._seconds

    def look(self, now: float) -> Wish:
        """With every tick."""
        if self.former is None or self.due is None or now < self.due:
            return None
        return TakeBack(self._why or f"it was not confirmed within {self._seconds} s")

    def put_off(self, why: str, now: float) -> None:
        """It cannot come back just now."""
        self._why, self.due = why, now + AGAIN

    def taken_back(self, why: str) -> None:
        """The former configuration was given to the cells; it is not `former` any more."""
        self.former = self.due = None
        self._why, self._told = why, False

    def supersede(self) -> None:
        """The file was read again while the former configuration could not come back; now it needs not."""
        if self.former is not None:
            self.former.close()
            self.taken_back(self._why)

    def in_force(self) -> None:
        """The cells that answer have what they were given last."""
        if self._told or self.loading:
            return
        if self.former is not None:
            self._told = True
            self._tell(self._owner, Told.IN_FORCE)
        elif self._why:
            self._tell(self._owner, Told.BACK, self._why)
            self._end()

    def _end(self) -> None:
        self.former = self.due = self._owner = None
        self._why, self._told = "", False

    def _tell(self, connection: socket.socket | None, kind: Told, text: str = "") -> None:
        """Whoever is gone, or does not read, misses it; the end of a connection is heard by itself."""
        if connection is None:
            return
        try:
            data = bytes((kind,)) + text.encode("utf-8", "surrogateescape")[:MAX_TEXT]
            connection.sendmsg([data], [], socket.MSG_DONTWAIT)
        except OSError as error:
            log(NAME, f"an operator cannot be told: {error.strerror}")
