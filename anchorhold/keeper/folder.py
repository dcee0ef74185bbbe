"""The folder of what is kept: small files, each replaced at once or not at all, and never lost.

A folder is known by its descriptor, which the supervisor opened: who has become another user can still use it, and nothing
else of the file system.
"""

import os
import stat
from datetime import UTC, datetime

from wire.units import Epoch

MAX_OCTETS = 1024 * 1024
"""Of one file; most are far smaller."""
PRIVATE = 0o600
"""Permissions of a file that only we may read."""
ASIDE = ".damaged-"
"""Before the time, in the name of what was set aside."""


class Unreadable(Exception):
    """A file is there and cannot be read; the text says which and why."""


def read_whole(opened: int, most: int) -> bytes:
    """The content of an open file, at most `most` octets. By pread(2) alone: Python's own files want to know too much. Raises
    OSError."""
    pieces, at = [], 0
    while at < most and (piece := os.pread(opened, most - at, at)):
        pieces.append(piece)
        at += len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def write_whole(opened: int, data: bytes, at: int = 0) -> None:
    """All of `data`, from its octet `at` on. Raises OSError."""
    rest = memoryview(data)
    while rest:
        count = os.pwrite(opened, rest, at)
        rest, at = rest[count:], at + count


class Folder:
    """Files in the directory `descriptor`, which stays open as long as this is used."""

    def __init__(self, descriptor: int, *, here: bool = False) -> None:
        """`here`: it is the working directory, for good; then a name alone is in it, which takes other system calls."""
        self._descriptor = descriptor
        self._place = None if here else descriptor

    @property
    def descriptor(self) -> int:
        """Of the folder itself."""
        return self._descriptor

    def read(self, name: str, most: int = MAX_OCTETS) -> bytes | None:
        """The content of a file, at most `most` octets; None if there is none. Raises Unreadable."""
        try:
            opened = self._open(name, os.O_RDONLY)
            try:
                found = os.fstat(opened)
                if not stat.S_ISREG(found.st_mode):
                    raise Unreadable(f"{name} is no regular file")
                if found.st_size > most:
                    raise Unreadable(f"{name} is larger than {most} octets")
                return read_whole(opened, found.st_size)
            finally:
                os.close(opened)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Unreadable(f"{name}: {error.strerror}") from None

    def write(self, name: str, data: bytes, mode: int = PRIVATE) -> None:
        """Replace a file; after a crash it is the old one or the new one, whole. Raises OSError."""
        draft = f".{name}.new"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self._remove(draft)
        opened = os.open(draft, flags, PRIVATE, dir_fd=self._place)
        try:
            try:
                if mode != PRIVATE:
                    os.fchmod(opened, mode)
                write_whole(opened, data)
                os.fdatasync(opened)
            finally:
                os.close(opened)
            os.replace(draft, name, src_dir_fd=self._place, dst_dir_fd=self._place)
        except OSError:
            self._remove(draft)
            raise
        os.fdatasync(self._descriptor)

    def set_aside(self, name: str, date: Epoch) -> str:
        """Give a damaged file another name, so that it can be looked at; gives that name. Raises OSError."""
        stamp = datetime.fromtimestamp(date, UTC).strftime("%Y%m%dT%H%M%SZ")
        other = f"{name}{ASIDE}{stamp}"
        os.replace(name, other, src_dir_fd=self._place, dst_dir_fd=self._place)
        return other

    def _open(self, name: str, flags: int) -> int:
        return os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=self._place)

    def _remove(self, name: str) -> None:
        try:
            os.unlink(name, dir_fd=self._place)
        except FileNotFoundError:
            return
