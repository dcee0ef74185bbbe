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
ASIDE = ".damaged-"
"""Before the time, in the name of what was set aside."""


class Unreadable(Exception):
    """A file is there and cannot be read; the text says which and why."""


class Folder:
    """Files in the directory `descriptor`, which stays open as long as this is used."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def read(self, name: str, most: int = MAX_OCTETS) -> bytes | None:
        """The content of a file, at most `most` octets; None if there is none. Raises Unreadable."""
        try:
            with open(name, "rb", opener=self._open) as file:
                found = os.fstat(file.fileno())
                if not stat.S_ISREG(found.st_mode):
                    raise Unreadable(f"{name} is no regular file")
                if found.st_size > most:
                    raise Unreadable(f"{name} is larger than {most} octets")
                return file.read(found.st_size)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Unreadable(f"{name}: {error.strerror}") from None

    def write(self, name: str, data: bytes, mode: int = 0o600) -> None:
        """Replace a file; after a crash it is the old one or the new one, whole. Raises OSError."""
        draft = f".{name}.new"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self._remove(draft)
        opened = os.open(draft, flags, 0o600, dir_fd=self.descriptor)
        try:
            with open(opened, "wb") as file:
                os.fchmod(opened, mode)
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, name, src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)
        except OSError:
            self._remove(draft)
            raise
        os.fsync(self.descriptor)

    def set_aside(self, name: str, date: Epoch) -> str:
        """Give a damaged file another name, so that it can be looked at; gives that name. Raises OSError."""
        stamp = datetime.fromtimestamp(date, UTC).strftime("%Y%m%dT%H%M%SZ")
        other = f"{name}{ASIDE}{stamp}"
        os.replace(name, other, src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)
        return other

    def _open(self, name: str, flags: int) -> int:
        return os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=self.descriptor)

    def _remove(self, name: str) -> None:
        try:
            os.unlink(name, dir_fd=self.descriptor)
        except FileNotFoundError:
            return
