"""The supervisor's side of one load: start the loader, open the files it asks for, take what it made."""

import os
import re
import socket
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from anchorhold.cells.rules import MEMORY, SEALING
from anchorhold.config.limits import MAX_LIST_FILE, MAX_NAMED_FILE
from anchorhold.config.messages import WITH_DHCP, WITH_LISTS, WITH_SECURE, LoaderMessage
from anchorhold.forking import Child, describe_exit, fork
from anchorhold.link import open_link
from anchorhold.sandbox import DEFAULT_USER, SandboxProfile, enter, if_filtered
from anchorhold.sandbox.profile import calls
from anchorhold.snapshot import check_sealed, load, read_sealed, seal_bytes
from wire.errors import Malformed

if TYPE_CHECKING:
    # What it needs takes long to import; the loader is forked before.
    from anchorhold.config.service import ServiceSettings

PROFILE = SandboxProfile(
    "reader",
    DEFAULT_USER,
    calls=(
        *calls("read", "close"),
        *MEMORY,
        *SEALING,
        # The link has a bound of time.
        *calls("poll", "sendmsg", "sendto"),
        *calls("write", "exit_group"),
    ),
    descriptors=64,
)
"""Of who reads a file that a configuration names."""

PATIENCE = 90.0
"""Seconds a load may take, on a machine that has other things to do as well."""

MAX_PARTS = 7
"""Descriptors in the loader's answer."""

MASTER_FILE = re.compile(
    rb"(?:[ \t]*(?:;[^\n]*)?\r?\n|\$(?:TTL|ORIGIN)[^\n]*\n)*+"
    rb"(?:\.|[a-m]\.root-servers\.net\.)[ \t]+(?:\d+[ \t]+)?(?:IN[ \t]+)?(?:\d+[ \t]+)?(?:SOA|NS|AAAA|A)[ \t]",
    re.IGNORECASE,
)
"""How records of the root begin: blank lines, comments and directives, then a record of `.` or of a root server."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A checked configuration: descriptors for the cells (`dhcp`, `secure` and `lists` are -1 without their tables), and the
    supervisor's own part. The holder closes it."""

    generation: int
    front: int
    resolver: int
    keeper: int
    service: "ServiceSettings"
    dhcp: int = -1
    secure: int = -1
    lists: int = -1

    def close(self) -> None:
        """The cells have their own copies of the descriptors."""
        for descriptor in (self.front, self.resolver, self.keeper, self.dhcp, self.secure, self.lists):
            if descriptor >= 0:
                os.close(descriptor)


@dataclass(frozen=True, slots=True)
class Refused:
    """There is no configuration; `text` says why, a line for each problem."""

    text: str


class LoaderRun:
    """One loader process. Poll `link` for reading and call `step` until it gives an outcome."""

    def __init__(self, path: Path, generation: int, environment: dict[str, str], descriptor: int | None = None) -> None:
        """Starts it. Raises OSError if the file cannot be opened. What is in `descriptor`, which is closed, counts as what is at
        `path`."""
        self._generation = generation
        self._reader: Child | None = None
        with open(path, "rb", opener=_open_at_once) if descriptor is None else open(descriptor, "rb") as config:
            _require_regular(config.fileno(), path)
            # Whoever wrote what is in a descriptor left it at the end.
            config.seek(0)
            self.link, theirs = open_link()
            self.link.settimeout(PATIENCE)

            def live() -> int | None:
                # Here, so that nothing of what reads configurations is ever imported into the supervisor.
                from anchorhold.config.loader import run

                theirs.setblocking(True)
                return run(theirs, config.fileno(), str(path), generation)

            with theirs:
                given = (theirs.fileno(), config.fileno())
                self._process = fork("loader", live, given, environment, output=True)

    def wait(self) -> Snapshot | Refused:
        """The outcome, at the latest after PATIENCE from the loader's last word."""
        while (outcome := self.step()) is None:
            pass
        return outcome

    def step(self) -> Snapshot | Refused | None:
        """Take one message; None: there will be more. With an outcome the process has ended."""
        try:
            data, descriptors, _, _ = socket.recv_fds(self.link, 4_096, MAX_PARTS)
        except TimeoutError:
            return self.give_up()
        except ConnectionError:
            data, descriptors = b"", []
        kind = data[0] if data else 0
        if kind == LoaderMessage.FILE and not descriptors:
            self._send_file(os.fsdecode(data[1:]))
            return None
        self._end()
        if kind == LoaderMessage.LOADED and len(data) == 2 and len(descriptors) == 4 + data[1].bit_count():
            return self._snapshot(descriptors, data[1])
        if kind == LoaderMessage.REFUSED and len(descriptors) == 1:
            return self._refused(descriptors[0])
        for descriptor in descriptors:
            os.close(descriptor)
        return Refused(f"the loader ended without a result: {describe_exit(self._process.returncode)}")

    def give_up(self) -> Refused:
        """End a loader that takes too long."""
        self._process.kill()
        self._end()
        return Refused(f"the loader took longer than {PATIENCE:.0f} s")

    def _end(self) -> None:
        self.link.close()
        self._end_reader()
        if self._process.wait(5) is None:
            self._process.kill()
            self._process.wait()

    def _snapshot(self, descriptors: list[int], mask: int) -> Snapshot | Refused:
        front, resolver, keeper, service, *further = descriptors
        from anchorhold.config.service import ServiceSettings

        parts = iter(further)
        dhcp, secure, lists = (next(parts) if mask & bit else -1 for bit in (WITH_DHCP, WITH_SECURE, WITH_LISTS))
        try:
            for descriptor in (front, resolver, keeper, *further):
                # Cells that serve take our word for it.
                check_sealed(descriptor)
            own = load(service, ServiceSettings)
            return Snapshot(self._generation, front, resolver, keeper, own, dhcp, secure, lists)
        except Malformed as error:
            for descriptor in (front, resolver, keeper, *further):
                os.close(descriptor)
            return Refused(f"the loader's result is no use: {error}")
        finally:
            os.close(service)

    def _refused(self, descriptor: int) -> Refused:
        try:
            return Refused(read_sealed(descriptor).decode("utf-8", "replace"))
        except Malformed as error:
            return Refused(f"the loader's result is no use: {error}")
        finally:
            os.close(descriptor)

    def _send_file(self, path: str) -> None:
        """By a process of its own: what is in the file may be a secret that was named by mistake."""
        self._end_reader()
        try:
            self._reader = fork("reader", lambda: send_named(self.link, path), (self.link.fileno(),))
        except OSError as error:
            self.link.send((error.strerror or "it cannot be read").encode())

    def _end_reader(self) -> None:
        if self._reader is not None:
            self._reader.kill()
            self._reader.wait()


def send_named(link: socket.socket, path: str) -> None:
    """Answer a loader that asked for a file: with a sealed memfd, or with why not."""
    try:
        descriptor = seal_bytes(read_named(path, lambda: enter(if_filtered(PROFILE))), MAX_LIST_FILE)
    except OSError as error:
        link.send((error.strerror or "it cannot be read").encode())
        return
    socket.send_fds(link, [b"\0"], [descriptor])


def read_named(path: str, settle: Callable[[], object] = lambda: None) -> bytes:
    """The content of a file a configuration may name, opened with the rights we have and read with those that `settle` leaves.
    Raises OSError.

    Only what everybody may read anyway, certificates, and master files that begin as root hints or a root zone do, are handed
    on: a loader gone wrong must not make us read it other files.
    """
    with open(path, "rb", opener=_open_at_once) as file:
        _require_regular(file.fileno(), Path(path))
        public = may_be_read_by_all(path, file.fileno())
        settle()
        most = MAX_LIST_FILE if public else MAX_NAMED_FILE
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(27, f"larger than {most} octets")  # EFBIG
    certificates = b"-----BEGIN CERTIFICATE-----" in data and b"PRIVATE KEY" not in data
    if not public and not certificates and MASTER_FILE.match(data) is None:
        why = "it must hold certificates in PEM form and no key, or records of the root; or everybody must be allowed to read it"
        raise OSError(22, f"{why} (chmod o+r, and o+x for the directories above)")  # EINVAL
    return data


def may_be_read_by_all(path: str, descriptor: int) -> bool:
    """Whether whoever has an account here could read the file, so that handing it on gives nothing away. Where we are nobody
    special, whatever we can read the loader can read too."""
    if os.geteuid() != 0:
        return True
    try:
        open_to_all = all(place.stat().st_mode & stat.S_IXOTH for place in Path(path).resolve(strict=True).parents)
    except (OSError, RuntimeError):
        return False
    return open_to_all and bool(os.fstat(descriptor).st_mode & stat.S_IROTH)


def _open_at_once(path: str, flags: int) -> int:
    """Without waiting for the writer of a named pipe."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)


def _require_regular(descriptor: int, path: Path) -> None:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise OSError(22, "it is no regular file", str(path))  # EINVAL
