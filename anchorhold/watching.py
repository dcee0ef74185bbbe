"""Whether files may have changed, without looking at them again and again: the kernel says so (inotify(7)).

Where it does not, for want of inotify, of descriptors, or because the files lie on another machine's disk, they are looked at
now and then by who wants to know.
"""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from anchorhold.sandbox.libc import call

WRITTEN, RIGHTS, MOVED, MADE, REMOVED, ITSELF = 0x8, 0x4, 0x40 | 0x80, 0x100, 0x200, 0x400 | 0x800
"""IN_CLOSE_WRITE, IN_ATTRIB, IN_MOVED_FROM and _TO, IN_CREATE, IN_DELETE, IN_DELETE_SELF and IN_MOVE_SELF."""
EVENTS = WRITTEN | RIGHTS | MOVED | MADE | REMOVED | ITSELF
MAX_LINKS = 40
"""Symbolic links on the way to a file, as the kernel allows them."""
_ROOM = 64 * 1024


class Watch(Protocol):
    """Over some files."""

    def came(self) -> bool:
        """Whether anything happened beside them since it was asked last; then it should be watched anew."""

    def close(self) -> None:
        """No more."""


class Unwatched:
    """Nobody tells, so anything may have happened."""

    def came(self) -> bool:
        """Always."""
        return True

    def close(self) -> None:
        """There is nothing to close."""


class Inotify:
    """Over the folders in which the files, and links on the way to them, have their names, and whether one above is moved."""

    def __init__(self, paths: Iterable[Path]) -> None:
        """Raises OSError."""
        self._descriptor = call("inotify_init1", os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            folders = {folder for path in paths for folder in folders_of(path)}
            events = dict.fromkeys((above for folder in folders for above in folder.parents), ITSELF)
            for folder, wanted in (events | dict.fromkeys(folders, EVENTS)).items():
                call("inotify_add_watch", self._descriptor, os.fsencode(folder), wanted)
        except OSError:
            self.close()
            raise

    def came(self) -> bool:
        """What came is not taken apart: it says that it is worth looking."""
        try:
            return bool(os.read(self._descriptor, _ROOM))
        except BlockingIOError:
            return False

    def close(self) -> None:
        """No more."""
        os.close(self._descriptor)


def watch(paths: Iterable[Path]) -> Watch:
    """The best there is. What happened before is not told: look after this."""
    with contextlib.suppress(OSError):
        return Inotify(paths)
    return Unwatched()


def folders_of(path: Path) -> set[Path]:
    """Where a change can make `path` another file: the folder of the file, and of each symbolic link on the way."""
    found: set[Path] = set()
    rest = list(reversed(Path(os.path.abspath(path)).parts[1:]))
    at = folder = Path("/")
    links = 0
    while rest and links < MAX_LINKS:
        folder, part = at, rest.pop()
        at = folder.parent if part == ".." else folder / part
        try:
            target = Path(os.readlink(at))
        except OSError:
            continue
        links += 1
        found.add(folder)
        at = Path("/") if target.is_absolute() else folder
        rest += reversed(target.parts[target.is_absolute() :])
    return found | {folder}
