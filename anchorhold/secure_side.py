"""What the supervisor does for the `secure` cells: their listening sockets, certificate and key. They are read and handed on,
never looked into.

The files are watched (`anchorhold/watching.py`), and looked at when something happens beside them, when a configuration is taken
over, and once an hour. What changed is tried by a process that lives for that alone (`anchorhold/secure_check.py`); if it can be
used, the cells are ended and started with it, while the listening sockets stay open.
"""

import os
import socket
import stat
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from anchorhold.activation import Handover
from anchorhold.cell_process import CellProcess, alike
from anchorhold.cells.start import EXIT_CREDENTIALS
from anchorhold.certificates.settings import CHAIN, FOLDER_NAME, KEY
from anchorhold.config.request import Snapshot
from anchorhold.config.service import SecureService, ServedAddress
from anchorhold.facts import log
from anchorhold.forking import fork
from anchorhold.link import LinkType
from anchorhold.listeners import CannotListen, close_all, open_shared
from anchorhold.renewals import Renewals
from anchorhold.secret import make_secret, seal_copy
from anchorhold.watching import Unwatched, Watch, watch
from resolver.settings import Served

NAME = "supervisor"
MODULE = "anchorhold.cells.secure"

LOOK_EVERY = 2.0
"""Seconds between two looks at the files, while there is reason to; they must look the same twice before they are read, unless
there is no certificate."""
CHECK_PATIENCE = 20.0
TRY_AGAIN = 30.0
"""Seconds until the same files are tried again, if it was no fault of theirs."""
RECEIVE_BUFFER = 1024 * 1024
"""Octets of QUIC the kernel may hold, if it allows so many: handshakes take milliseconds, and what does not fit is lost."""
MAX_FILE = 1024 * 1024
"""Octets of a chain or a key."""

_KINDS = tuple(Served)
Mark = tuple[tuple[int, int, int], ...]
"""Of each file: when it was changed, which it is, how long it is."""


class Unfit(Exception):
    """There is no certificate to be had; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class SecureListener:
    """The open sockets of one way in: of the first cell, the second, and so on. `text` is its address as clients write it."""

    served: ServedAddress
    sockets: tuple[socket.socket, ...]
    text: str

    def close(self) -> None:
        """All of them; cells that hold copies go on with them."""
        close_all(self.sockets)


class Trial:
    """A certificate and its key, sealed, and the process that tries them."""

    def __init__(self, files: tuple[int, int], mark: Mark, environment: dict[str, str], now: float) -> None:
        self.files = files
        self.mark = mark
        self.until = now + CHECK_PATIENCE
        self.undecided = False
        """It did not come so far, for want of time or memory: that says nothing of the files."""

        def live() -> int:
            from anchorhold.secure_check import run

            return run(*files)

        self.process = fork("secure-check", live, files, environment, output=True)

    def result(self, now: float) -> bool | None:
        """Whether they can be used; None: not known yet."""
        code = self.process.poll()
        if code is None and now >= self.until:
            self.process.kill()
            code = self.process.wait()
        self.undecided = code not in (None, 0, EXIT_CREDENTIALS)
        return None if code is None else code == 0

    def close(self) -> None:
        """End it, and let go of the files."""
        self.process.kill()
        self.process.wait()
        _close(self.files)


class SecureSide:
    """The cell, wanted or not, and what it is to be given."""

    def __init__(
        self,
        state: Path,
        environment: dict[str, str],
        owner: tuple[int, int] | None,
        handed: Handover | None = None,
        cores: int = 1,
    ) -> None:
        self.cells = alike("secure", MODULE, cores)
        for cell in self.cells:
            cell.due = None
        self.wanted = False
        """Whether the configuration in force has a [secure] table."""
        self._handed = handed
        self._folder = state / FOLDER_NAME
        self._environment = environment
        self._service: SecureService | None = None
        self._listeners: tuple[SecureListener, ...] = ()
        self._next: tuple[SecureListener, ...] | None = None
        self._files: tuple[int, int] | None = None
        """Sealed chain and key that can be used."""
        self._trial: Trial | None = None
        self._tried: Mark = ()
        self._seen: Mark = ()
        self._said = ""
        self._look_at = 0.0
        self._watch: Watch = Unwatched()
        self._settled = False
        """What there is was tried; there is no reason to look before something happens."""
        self._secret = -1
        """Sealed, as soon as it is wanted."""
        self._renewals = Renewals(state, environment, owner)
        self.proved: dict[CellProcess, bytes] = {}
        """By which name clients may be sent here, as each cell says."""
        self._told: dict[CellProcess, tuple[int, bytes]] = {}

    def begin(self, snapshot: Snapshot) -> None:
        """At the start. Raises CannotListen."""
        self.prepare(snapshot)
        self.use(snapshot, time.monotonic())

    def prepare(self, snapshot: Snapshot) -> None:
        """Open what a configuration wants besides what is open. Raises CannotListen; then nothing has changed."""
        self.discard()
        service = snapshot.service.secure
        opened: list[SecureListener] = []
        kept: list[SecureListener] = []
        try:
            for served in () if service is None else service.listen:
                same = next((one for one in self._listeners if one.served == served and one not in kept), None)
                if same is None:
                    opened.append(same := _open(served, self._handed, len(self.cells)))
                kept.append(same)
        except CannotListen:
            for listener in opened:
                listener.close()
            raise
        self._next = tuple(kept)

    def discard(self) -> None:
        """What was prepared is not wanted after all."""
        for listener in self._next or ():
            if listener not in self._listeners:
                listener.close()
        self._next = None

    def use(self, snapshot: Snapshot, now: float) -> None:
        """Take over a configuration that was prepared; start the cell as soon as there is a certificate, or end it."""
        former, self._listeners = self._listeners, self._next or ()
        self._next = None
        service, before = snapshot.service.secure, self._service
        self.wanted, self._service = service is not None, service
        for cell in self.cells:
            if not self.wanted:
                cell.due = None
                cell.end(now)
            elif self._files is not None and cell.link is not None and self._listeners != former:
                cell.send(LinkType.WITHDRAW)
                self._give_listeners(cell)
        for listener in former:
            if listener not in self._listeners:
                listener.close()
        if service is None or before is None or (service.chain, service.key) != (before.chain, before.key):
            self._tried = self._seen = ()
        self._look_at, self._settled = 0.0, False
        self._renewals.use(None if service is None else service.renewal)
        self.look(now)

    def look(self, now: float) -> None:
        """Now and then: whether certificate and key changed, and can be used."""
        if self._renewals.look(now):
            # It may have made other files; and where nobody tells of changes, they are seen now.
            self._look_at, self._settled = now, False
        if self._trial is not None:
            self._conclude(self._trial, now)
        if self._files is None and self._renewals.running and not self._named:
            # The first one is just being made.
            return
        if not self.wanted or self._trial is not None or now < self._look_at:
            return
        self._look_at = now + LOOK_EVERY
        if self._settled and not self._watch.came():
            return
        try:
            # In this order, so that nothing can happen unseen in between.
            self._watch_anew()
            mark = self._mark()
            former, self._seen = self._seen, mark
            self._settled = mark == self._tried
            if self._settled or (self._files is not None and mark != former):
                return
            self._tried = mark
            self._trial = Trial(self._read(), mark, self._environment, now)
        except (Unfit, OSError) as error:
            # Other rights make no other file, and memory comes back.
            self._tried = ()
            if isinstance(error, OSError):
                self._look_at = now + TRY_AGAIN
            self._say(str(error) if isinstance(error, Unfit) else f"the certificate cannot be tried: {error.strerror}")

    def give_all(self, cell: CellProcess) -> None:
        """To a cell that has just been started: sockets, certificate and key, a secret of its kind. It has proved nothing yet."""
        self.proved[cell] = b""
        self._give_listeners(cell)
        if self._files is not None:
            cell.send(LinkType.CERTIFICATE, b"", self._files)
        if self._secret < 0:
            self._secret = make_secret()
        cell.send(LinkType.SECRET, b"", (self._secret,))

    def tell(self, cells: Sequence[CellProcess]) -> None:
        """Say to those that send clients here by which name, where that is news: also to one that was started since."""
        # Whoever is sent here may come to any of them.
        said = {self.proved.get(one, b"") if one.link is not None and one.ready else b"" for one in self.cells}
        proved = said.pop() if len(said) == 1 else b""
        for cell in cells:
            pid, told = self._told.get(cell, (0, b""))
            if proved != (told if pid == cell.pid else b""):
                cell.send(LinkType.ENCRYPTED, proved)
            self._told[cell] = (cell.pid, proved)

    def ended(self) -> None:
        """A cell ended; without [secure] or a certificate it is not started again."""
        if not self.wanted or self._files is None:
            for cell in self.cells:
                cell.due = None

    def describe(self) -> str:
        """Where it listens, for the log."""
        return ", ".join(listener.text for listener in self._listeners)

    def shortfall(self) -> str:
        """What is to be added to the word that we serve: that nothing encrypted is, and why, as far as that is known."""
        if not self.wanted or any(cell.ready for cell in self.cells):
            return ""
        return f"; nothing encrypted is served: {self._said}" if self._said else "; nothing encrypted is served yet"

    def close(self) -> None:
        """The service ends."""
        self._renewals.close()
        if self._trial is not None:
            self._trial.close()
        if self._files is not None:
            _close(self._files)
        for listener in self._listeners:
            listener.close()
        if self._secret >= 0:
            os.close(self._secret)
        self._watch.close()

    def _watch_anew(self) -> None:
        self._watch.close()
        self._watch = watch(self._paths())

    def _conclude(self, trial: Trial, now: float) -> None:
        fit = trial.result(now)
        if fit is None:
            return
        self._trial = None
        if not fit or not self.wanted:
            _close(trial.files)
            if trial.undecided:
                self._tried = ()
                self._look_at = now + TRY_AGAIN
                log(NAME, f"the certificate could not be tried; again in {TRY_AGAIN:.0f} s")
            if self.wanted and self._files is not None:
                log(NAME, "secure goes on with the certificate it has")
            elif self.wanted and not trial.undecided:
                self._say("chain and key cannot be used, as the log says above")
            return
        former, self._files = self._files, trial.files
        self._said = ""
        # That nothing has changed in the meantime is seen at once.
        self._look_at = now
        if former is not None:
            _close(former)
        if any(cell.link is not None for cell in self.cells):
            log(NAME, "there is a new certificate; secure starts anew with it")
        for cell in self.cells:
            if cell.link is None:
                cell.due = now
            else:
                cell.end(now)

    def _give_listeners(self, cell: CellProcess) -> None:
        for listener in self._listeners:
            served = listener.served
            body = bytes((_KINDS.index(served.served), served.wildcard))
            for one in listener.sockets[cell.number : cell.number + 1]:
                cell.send(LinkType.SECURE, body, (one.fileno(),))

    @property
    def _named(self) -> bool:
        """Whether the files are those that the operator named."""
        return self._service is not None and bool(self._service.chain)

    def _paths(self) -> tuple[Path, Path]:
        if self._service is not None and self._service.chain:
            return Path(self._service.chain), Path(self._service.key)
        return self._folder / CHAIN, self._folder / KEY

    def _mark(self) -> Mark:
        found = []
        for path in self._paths():
            try:
                status = path.stat()
            except OSError as error:
                raise Unfit(f"no certificate: {path}: {error.strerror}; {self._advice()}") from None
            found.append((status.st_mtime_ns, status.st_ino, status.st_size))
        return tuple(found)

    def _read(self) -> tuple[int, int]:
        """Both files, each sealed in a memfd. Raises Unfit."""
        chain, key = self._paths()
        # Our own folder is the service user's, and we may be root: a link there could name anybody's file.
        sealed = _sealed(chain, links=self._named)
        try:
            return sealed, _sealed(key, links=self._named, secret=True)
        except Unfit:
            os.close(sealed)
            raise

    def _advice(self) -> str:
        if self._named:
            return "correct chain and key in [secure]"
        return "the log says above why there is none; or make one: anchorhold certs init"

    def _say(self, text: str) -> None:
        """Once, that nothing can be done with what is there, and what that means."""
        if text != self._said:
            log(NAME, f"secure: {'' if self._files else 'nothing encrypted is served: '}{text}")
        self._said = text


def _open(served: ServedAddress, handed: Handover | None, cores: int) -> SecureListener:
    kind = socket.SOCK_STREAM if served.served.stream else socket.SOCK_DGRAM
    endpoints = open_shared(served.address, kind, cores, handed, "[secure] listen")
    for endpoint in endpoints if kind is socket.SOCK_DGRAM else ():
        endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    place = ServedAddress(served.served, served.address.at(endpoints[0].getsockname()[1]))
    return SecureListener(served, endpoints, place.text())


def _sealed(path: Path, *, links: bool, secret: bool = False) -> int:
    """A copy of a file in a sealed memfd, which nobody read; `links`: it may be a symbolic link. Raises Unfit."""
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
    try:
        descriptor = os.open(path, flags | (0 if links else os.O_NOFOLLOW))
    except OSError as error:
        raise Unfit(f"{path}: {error.strerror}; correct its owner and permissions") from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or not 0 < status.st_size <= MAX_FILE:
            raise Unfit(f"{path} is no PEM file; name the right one in [secure]")
        if secret and status.st_mode & 0o007:
            raise Unfit(f"everybody may read the key {path}; chmod 600 {path} (and consider a new one)")
        return seal_copy(descriptor, MAX_FILE)
    finally:
        os.close(descriptor)


def _close(files: tuple[int, int]) -> None:
    for descriptor in files:
        os.close(descriptor)
