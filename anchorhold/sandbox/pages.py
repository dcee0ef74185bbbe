"""Pages of files that a process has used at its start and uses no more: it lets go of them.

Whoever runs a program has its pages in memory, and counts as their holder, whether he will ever use them again or not; so does
what a start takes of the libraries. They are those of the file, so the kernel has them, and gives them again to who
touches them.
"""

import contextlib
import io
import re
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from anchorhold.sandbox.libc import call

DONT_NEED = 4
"""MADV_DONTNEED (madvise(2))."""
_MAPPING = re.compile(rb"([0-9a-f]+)-([0-9a-f]+) r-(?:-|x)p \S+ \S+ [1-9]")
"""A mapping that may not be written to, of a file: it has an inode (proc_pid_maps(5))."""
_WRITTEN, _SWAPPED = b"Anonymous:", b"Swap:"
"""What of it was written to before that was forbidden, as ld.so does for addresses, and is in memory or has gone to swap since
(proc_pid_smaps(5), in this order): that is nowhere else, and must stay."""

_known: set[bytes] = set()
"""The mappings of which nothing was written to when this process, or the one that it is a copy of, looked: their lines in
/proc/PID/maps. None can be written to since, and so a copy need not look again, for which the kernel goes over all pages."""


def opened() -> BinaryIO:
    """What this process maps, to be read later: where it is shut in, it has no /proc. Empty where there is none."""
    try:
        return open("/proc/self/maps" if _known else "/proc/self/smaps", "rb")
    except OSError:
        return io.BytesIO()


def let_go(maps: BinaryIO) -> None:
    """Let go of the pages of files that nobody has written to. Closes `maps`."""
    with maps:
        for start, octets in _to_let_go(maps):
            # It is for who comes next only: a kernel that will not is no reason not to serve.
            with contextlib.suppress(OSError):
                call("madvise", start, octets, DONT_NEED)


def _to_let_go(maps: Iterable[bytes]) -> Iterator[tuple[int, int]]:
    """Start and length, in octets."""
    if not _known:
        _known.update(unwritten(maps))
        maps = _known
    for line in maps:
        if line in _known and (found := _MAPPING.match(line)):
            start, end = int(found[1], 16), int(found[2], 16)
            yield start, end - start


def unwritten(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The first line of each such mapping in the text of /proc/PID/smaps."""
    mapping = b""
    for line in lines:
        if line[0] in b"0123456789abcdef":
            mapping = line if _MAPPING.match(line) else b""
        elif mapping and line.startswith((_WRITTEN, _SWAPPED)):
            if line.split()[1] != b"0":
                mapping = b""
            elif line.startswith(_SWAPPED):
                yield mapping
