"""The command's side of the desk: the running service, or, where none runs, the lease folder itself."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import msgspec

from anchorhold.control_client import Answer, ControlFailed, Unreachable, ask_service
from anchorhold.ipc import MAX_REQUEST
from anchorhold.leases.desk import PAGE, Holdings, answer
from anchorhold.leases.rows import Foreign, Row, Times
from anchorhold.state import LEASES_NAME, StateRefused, open_folder, open_state
from anchorhold.terminal import rows_of
from dhcp.book import LeaseBook
from dhcp.clock import start_clock
from dhcp.edge.clock import read_boot, read_clocks
from dhcp.edge.folder import FolderRefused, LeaseFolder, hand_over
from dhcp.edge.store import SqliteStore
from dhcp.store import StoreFailed

_ROOM = MAX_REQUEST - 4_096
"""Octets of leases in one request."""


class AskFailed(Exception):
    """No answer, or it is no; the text says why and what to do."""


class NobodyThere(AskFailed):
    """No service runs."""


class Side(Protocol):
    """Who can be asked."""

    def ask(self, request: Answer) -> Answer:
        """One request of anchorhold/leases/desk.py. Raises AskFailed, NobodyThere."""


class Service:
    """The dhcp cell of the running service."""

    def __init__(self, control: Path) -> None:
        self._control = control

    def ask(self, request: Answer) -> Answer:
        """See Side."""
        try:
            lines = ask_service(self._control, {"verb": "leases", "request": request})
        except Unreachable as error:
            raise NobodyThere(str(error)) from None
        except ControlFailed as error:
            raise AskFailed(str(error)) from None
        line = next((line for line in lines if line.get("cell") == "dhcp"), lines[0])
        return _checked(line)


class OwnFolder:
    """The folder, opened by this command, which has it alone meanwhile."""

    def __init__(self, folder: LeaseFolder) -> None:
        """Raises AskFailed."""
        try:
            key, _ = folder.key()
            self._store = SqliteStore(folder, key)
            loaded = self._store.load()
        except (FolderRefused, StoreFailed) as error:
            raise AskFailed(str(error)) from None
        self.problems = loaded.problems
        reading = read_clocks(read_boot())
        self._clock = start_clock(loaded.clock, loaded.leases, reading)
        self._book = LeaseBook(key, loaded.leases)
        self._folder = folder
        self._boot = reading.boot

    def ask(self, request: Answer) -> Answer:
        """See Side. What the cell does: decide, keep, conclude."""
        reading = read_clocks(self._boot)
        times = Times(self._clock, reading)
        holdings = Holdings(self._book, self._store, self._folder, None, times)
        answered = answer(msgspec.json.encode(request), holdings)
        failed = ""
        if answered.changes:
            self._book.apply(answered.changes)
            try:
                self._store.commit(answered.changes, self._clock.saved(reading.boottime))
            except StoreFailed as error:
                self._book.undo(answered.changes)
                failed = str(error)
        return _checked(answered.conclude(failed)[0])

    def close(self) -> None:
        """The folder is free again."""
        self._store.close()


def _checked(line: Answer) -> Answer:
    if "error" in line:
        raise AskFailed(str(line["error"]))
    return line


@contextmanager
def own_folder(state: Path, make: bool) -> Iterator[OwnFolder]:
    """The lease folder in a state directory; `make`: it may be new. Raises AskFailed."""
    path = state / LEASES_NAME
    try:
        if make:
            # Whose the state is, theirs are its files: those of a service that is not root (systemd's DynamicUser).
            owner = state.stat() if state.exists() else None
            if owner is None or owner.st_uid == os.geteuid():
                open_state(state)
            theirs = None if owner is None or owner.st_uid == os.geteuid() else (owner.st_uid, owner.st_gid)
            descriptor = open_folder(state, None if path.is_dir() else theirs, LEASES_NAME)
        else:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except StateRefused as error:
        raise AskFailed(str(error)) from None
    except OSError as error:
        raise AskFailed(f"{path}: {error.strerror}; run it as the service's user, or give another --state") from None
    try:
        own = OwnFolder(LeaseFolder(descriptor))
        try:
            yield own
        finally:
            own.close()
            if os.geteuid() == 0:
                hand_over(descriptor)
    finally:
        os.close(descriptor)


def all_rows(side: Side) -> tuple[list[Row], str]:
    """Every lease, page by page, and which key their tags are of. Raises AskFailed."""
    rows: list[Row] = []
    after: object = ""
    while True:
        line = side.ask({"do": "list", "after": after})
        rows += rows_of(line, "leases")
        after = line.get("next")
        if not after:
            return rows, str(line.get("key", ""))


def take_over(side: Side, leases: list[Foreign]) -> tuple[int, list[Row]]:
    """Import all of them; how many were taken, and those that were not, with the reason. Raises AskFailed."""
    taken, refused = 0, list[Row]()
    for page in _pages(leases):
        line = side.ask({"do": "import", "leases": page})
        number = line.get("taken")
        taken += number if isinstance(number, int) else 0
        refused += rows_of(line, "refused")
    return taken, refused


def _pages(leases: list[Foreign]) -> Iterator[list[object]]:
    page, size = list[object](), 0
    for lease in leases:
        octets = len(msgspec.json.encode(lease)) + 64
        if page and (len(page) == PAGE or size + octets > _ROOM):
            yield page
            page, size = [], 0
        page.append(msgspec.to_builtins(lease))
        size += octets
    if page:
        yield page
