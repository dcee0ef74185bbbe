"""The command's side of a configuration on trial (`anchorhold/applying.py`): the connection that holds it, and the file that
follows when it stays."""

import contextlib
import os
import selectors
import shutil
import socket
import tempfile
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from anchorhold.applying import MAX_TEXT, Said, Told, place_for
from anchorhold.control_client import Unreachable
from anchorhold.snapshot import seal_bytes

PATIENCE = 10.0
"""Seconds for a word of the supervisor's that needs no work."""


class Word(NamedTuple):
    """What the supervisor told."""

    kind: Told
    text: str


class TrialLost(Exception):
    """The supervisor hung up: it ended, and will start by the file, as always."""


class Trial:
    """A connection to the supervisor. While the one that began is open, the trial may go on."""

    def __init__(self, control: Path) -> None:
        """Raises Unreachable."""
        place = place_for(control)
        self._link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self._link.connect(str(place))
            first = self.wait(PATIENCE)
        except PermissionError:
            self.close()
            raise Unreachable(f"not allowed to use {place}; try again as the user who runs the service") from None
        except (OSError, TrialLost):
            self.close()
            raise Unreachable(
                f"no service takes a configuration at {place}; start it with: anchorhold run --config FILE"
                " (another place: --control PATH or $ANCHORHOLD_CONTROL)"
            ) from None
        if first is None or first.kind is not Told.PLACE:
            self.close()
            raise Unreachable(f"the service at {place} says nothing of its configuration file")
        self.config = Path(first.text)
        """The file that the service was started with."""

    def begin(self, data: bytes, seconds: int) -> None:
        """Ask for `data` to come into force for so long. Raises TrialLost."""
        descriptor = seal_bytes(data)
        try:
            self._say(bytes((Said.BEGIN,)) + seconds.to_bytes(4, "little"), [descriptor])
        finally:
            os.close(descriptor)

    def confirm(self) -> None:
        """It is to stay. Raises TrialLost."""
        self._say(bytes((Said.CONFIRM,)), [])

    def undo(self) -> None:
        """It is not wanted. Raises TrialLost."""
        self._say(bytes((Said.UNDO,)), [])

    def cells(self) -> str:
        """The supervisor's list of its cells. Raises TrialLost."""
        self._say(bytes((Said.CELLS,)), [])
        word = self.wait(PATIENCE)
        if word is None or word.kind is not Told.CELLS:
            raise TrialLost
        return word.text

    def wait(self, seconds: float, also: int | None = None) -> Word | None:
        """The next word, within `seconds`; None if there is none, or if the descriptor `also` can be read before. Raises
        TrialLost."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._link, selectors.EVENT_READ)
            if also is not None:
                selector.register(also, selectors.EVENT_READ)
            ready = [key.fileobj for key, _ in selector.select(max(0.0, seconds))]
        if self._link not in ready:
            return None
        try:
            data = self._link.recv(MAX_TEXT + 1)
        except OSError:
            data = b""
        if not data:
            raise TrialLost
        return Word(Told(data[0]), data[1:].decode("utf-8", "replace"))

    def wait_for_end(self, seconds: float) -> Word | None:
        """The next word that ends the trial; None if there is none. Raises TrialLost."""
        until = monotonic() + seconds
        while (left := until - monotonic()) > 0:
            word = self.wait(left)
            if word is not None and word.kind in (Told.BACK, Told.CONFIRMED):
                return word
        return None

    def close(self) -> None:
        """Hang up; a trial that this connection began is over."""
        self._link.close()

    def _say(self, data: bytes, descriptors: list[int]) -> None:
        try:
            socket.send_fds(self._link, [data], descriptors)
        except OSError:
            raise TrialLost from None


class Successor:
    """A file that is to take the place of another, at once and as a whole. Written first, so that what can fail fails early."""

    def __init__(self, config: Path, data: bytes) -> None:
        """Raises OSError."""
        self._config = Path(os.path.realpath(config))
        self.before = self._config.with_name(f"{self._config.name}.before")
        """Where the former file is kept."""
        descriptor, name = tempfile.mkstemp(prefix=f".{self._config.name}.", dir=self._config.parent)
        self._path = Path(name)
        try:
            with open(descriptor, "wb") as file:
                file.write(data)
                _take_rights(self._config, descriptor)
                file.flush()
                os.fsync(descriptor)
        except OSError:
            self.discard()
            raise

    def replace(self) -> None:
        """Keep the former file, take its place. Raises OSError; then the former one is where it was."""
        former = self._path.with_name(f"{self._path.name}.before")
        try:
            shutil.copy2(self._config, former)
            _take_rights(self._config, former)
            os.replace(former, self.before)
        except OSError:
            former.unlink(missing_ok=True)
            raise
        os.replace(self._path, self._config)
        folder = os.open(self._config.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def discard(self) -> None:
        """It is not wanted, or has its place already."""
        self._path.unlink(missing_ok=True)


def _take_rights(config: Path, target: int | Path) -> None:
    """Owner and mode of the file that is replaced; the owner only as far as we may."""
    found = config.stat()
    os.chmod(target, found.st_mode & 0o777)
    with contextlib.suppress(PermissionError):
        os.chown(target, found.st_uid, found.st_gid)
