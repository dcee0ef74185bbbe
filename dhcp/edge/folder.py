"""The lease folder, known by its descriptor: who has become another user reaches these files and, once shut in, no
others.

It holds `leases.db` and, while it is open, `leases.db-wal`; `identifiers.key`; and for a day what was set aside as
damaged.
"""

import os
import re
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

KEY_NAME = "identifiers.key"
KEY_LENGTH = 32
"""Octets, random, as they are."""
ASIDE = ".damaged-"
STAMP = "%Y%m%dT%H%M%SZ"
SIDES = ("-wal", "-journal", "-shm")
"""Behind a name of SQLite's: what stands beside the file."""
KEPT_ASIDE = 86_400.0
"""Seconds for which a damaged file can be looked at."""
_PIECE = 1 << 20
_LONGEST = 255
"""Octets of a name (NAME_MAX)."""
_ELSEWHERE = re.compile(r"^\.{0,2}$|[/\0]")
"""What is no name, or one of something that is not in the folder."""


class FolderRefused(Exception):
    """The folder or a file in it cannot be used; the text says why and what to do."""


def make_ours(folder: int) -> None:
    """Before root becomes the folder's owner: what lies there is its owner's. Raises FolderRefused."""
    try:
        if os.geteuid() == 0:
            hand_over(folder)
    except OSError as error:
        raise FolderRefused(f"cannot make the folder the service's: {error.strerror}") from None


def hand_over(folder: int) -> None:
    """What root put here (an import before the first start) becomes the folder's owner's."""
    owner = os.fstat(folder)
    for name in os.listdir(folder):
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        # A second name elsewhere would make a gift of a file that is not ours to give.
        if stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and found.st_uid != owner.st_uid:
            os.chown(name, owner.st_uid, owner.st_gid, dir_fd=folder, follow_symlinks=False)


class LeaseFolder:
    """Files in the directory `descriptor`, which stays open as long as this is used."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._home = ""
        self._known: set[str] | None = None

    def settle(self) -> None:
        """This process goes into the folder for good, and files come and go by its doing. Fewer system calls do: a name alone
        is in the folder, and which names there are is known. Raises OSError."""
        os.fchdir(self._descriptor)
        self._known = set(os.listdir(self._descriptor))
        self._home = os.getcwd()

    @contextmanager
    def within(self) -> Iterator[None]:
        """For as long as this lasts, names without a path are in the folder."""
        if self._home:
            yield
            return
        before = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fchdir(self._descriptor)
            yield
        finally:
            os.fchdir(before)
            os.close(before)

    def path(self, name: str) -> str:
        """For who takes no descriptor; it holds `within` only."""
        return os.path.join(self._home, name)

    def names(self) -> list[str]:
        """Every name in it, sorted. Raises OSError."""
        if self._known is not None:
            return sorted(name for name in self._known if self.number(name))
        return sorted(os.listdir(self._descriptor))

    def number(self, name: str) -> int:
        """Which file it is now that has this name: its inode; 0 if there is none. Raises OSError."""
        found = self._look(name)
        return found.st_ino if found else 0

    def size(self, name: str) -> int:
        """Octets of this file; 0 if there is none. Raises OSError."""
        found = self._look(name)
        return found.st_size if found else 0

    def notice(self, names: Iterable[str]) -> None:
        """Somebody else saw these in the folder, and has no right to be believed: what is a name of a file here is known from
        now on. Raises OSError."""
        within = (
            name for name in names if not _ELSEWHERE.search(name) and len(name.encode(errors="replace")) <= _LONGEST
        )
        self._know(*(name for name in within if self.number(name)))

    def make(self, name: str) -> None:
        """An empty file that only we may read, unless there is one of that name. Raises OSError."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        os.close(os.open(name, flags, 0o600, dir_fd=self._place))
        self._know(name, *(name + side for side in SIDES))

    def remove(self, name: str) -> None:
        """Be rid of a file, there or not. Raises OSError."""
        try:
            os.unlink(name, dir_fd=self._place)
        except FileNotFoundError:
            return

    def rename(self, old: str, new: str) -> None:
        """Raises OSError."""
        os.replace(old, new, src_dir_fd=self._place, dst_dir_fd=self._place)
        self._know(new)

    def sync(self) -> None:
        """Names are durable when this returns. Raises OSError."""
        os.fdatasync(self._descriptor)

    def set_aside(self, name: str) -> str:
        """Give a damaged file a name that says so and when; that name, or "" if there is no such file. Raises
        OSError.
        """
        stamp = datetime.fromtimestamp(int(time.time()), UTC).strftime(STAMP)
        other = f"{name}{ASIDE}{stamp}"
        try:
            self.rename(name, other)
        except FileNotFoundError:
            return ""
        return other

    def drop_aside(self, everything: bool = False) -> None:
        """Remove what was set aside longer than a day ago, or all of it. Raises OSError."""
        for name in self.names():
            # A wall clock that jumped may make it young, or older than it is; then it goes at once.
            if ASIDE in name and (everything or abs(time.time() - _set_aside_at(name)) > KEPT_ASIDE):
                self.remove(name)

    def pieces(self, name: str, overlap: int) -> Iterator[bytes]:
        """A file's content piece by piece, each beginning with the last `overlap` octets before it. Raises OSError."""
        with self._reading(name) as file:
            rest, at = b"", 0
            while data := os.pread(file, _PIECE, at):
                yield rest + data
                at += len(data)
                rest = (rest + data)[-overlap:] if overlap else b""

    def key(self) -> tuple[bytes, bool]:
        """The key of identifiers, and whether it was made just now because there was none. Raises FolderRefused.

        One that others may read, or of another length, is refused: with another key nobody is known any more, so that
        is for its owner to decide.
        """
        try:
            made = self._make_key()
            with self._reading(KEY_NAME) as file:
                found, data = os.fstat(file), os.read(file, KEY_LENGTH + 1)
        except OSError as error:
            raise FolderRefused(f"{KEY_NAME}: {error.strerror}; correct its owner and permissions") from None
        if not stat.S_ISREG(found.st_mode) or found.st_mode & 0o077:
            raise FolderRefused(f"{KEY_NAME} can be read by others; chmod 600 it, or remove it: then a new one is made")
        if len(data) != KEY_LENGTH:
            raise FolderRefused(
                f"{KEY_NAME} is {len(data)} octets long, not {KEY_LENGTH}; restore it, or remove it: then a new one is made"
            )
        return data, made

    def _make_key(self) -> bool:
        """Whole or not at all: written under another name, then linked if the name is still free."""
        if self.number(KEY_NAME):
            return False
        draft = f".{KEY_NAME}.{os.getpid()}"
        self.remove(draft)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        opened = os.open(draft, flags, 0o600, dir_fd=self._descriptor)
        try:
            with open(opened, "wb") as file:
                file.write(os.urandom(KEY_LENGTH))
                file.flush()
                os.fsync(file.fileno())
            os.link(draft, KEY_NAME, src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)
        except FileExistsError:
            return False
        finally:
            self.remove(draft)
        self.sync()
        return True

    @contextmanager
    def _reading(self, name: str) -> Iterator[int]:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        opened = os.open(name, flags, dir_fd=self._place)
        try:
            yield opened
        finally:
            os.close(opened)

    def _look(self, name: str) -> os.stat_result | None:
        try:
            return os.stat(name, dir_fd=self._place, follow_symlinks=False)
        except FileNotFoundError:
            return None

    @property
    def _place(self) -> int | None:
        """Where names are: None for the working directory."""
        return None if self._home else self._descriptor

    def _know(self, *names: str) -> None:
        if self._known is not None:
            self._known.update(names)


def _set_aside_at(name: str) -> float:
    """Seconds since 1970, by the name that `set_aside` made; 0 if it was not made there."""
    try:
        return datetime.strptime(name.rpartition(ASIDE)[2], STAMP).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return 0.0
