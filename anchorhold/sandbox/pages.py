"""Pages of files that a process has used at its start and uses no more: it lets go of them.

Whoever runs a program has its pages in memory, and counts as their holder, whether he will ever use them again or not; so does
what a start takes of the libraries. They are those of the file, so the kernel has them, and gives them again to who
touches them.

Where they are is looked up once, before processes are copied: copies have the same libraries at the same places, and to read what
the kernel tells of them would take more memory than it wins.
"""

import contextlib
import io
import re
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from anchorhold.sandbox.libc import call

DONT_NEED = 4
"""MADV_DONTNEED (madvise(2))."""
_MAPPING = re.compile(rb"([0-9a-f]+)-([0-9a-f]+) r-(?:-|x)p \S+ \S+ [1-9]\d* +/\S*\.so\b")
"""A mapping that may not be written to, of a library (proc_pid_maps(5)): it stays where it is for as long as the process lives.
What else is mapped may have gone, and something else be there, when its pages are let go."""
_WRITTEN, _SWAPPED = b"Anonymous:", b"Swap:"
"""What of it was written to before that was forbidden, as ld.so does for addresses, and is in memory or has gone to swap since
(proc_pid_smaps(5), in this order): that is nowhere else, and must stay."""


def _opened() -> BinaryIO:
    """What this process maps; empty where there is no /proc."""
    try:
        return open("/proc/self/smaps", "rb")
    except OSError:
        return io.BytesIO()


_found: list[tuple[int, int]] = []
"""Start and length of each piece."""


def look_up() -> None:
    """Find out where they are, for this process and all that are copied of it."""
    with _opened() as maps:
        _found[:] = joined(unwritten(maps))


def let_go() -> None:
    """Let go of the pages of files that nobody has written to, as far as they were looked up."""
    for start, octets in _found:
        # It is for who comes next only: a kernel that will not is no reason not to serve.
        with contextlib.suppress(OSError):
            call("madvise", start, octets, DONT_NEED)


def unwritten(lines: Iterable[bytes]) -> Iterator[tuple[int, int]]:
    """Start and length, in octets, of each such mapping in the text of /proc/PID/smaps."""
    start = end = 0
    for line in lines:
        if line[0] in b"0123456789abcdef":
            found = _MAPPING.match(line)
            start, end = (int(found[1], 16), int(found[2], 16)) if found else (0, 0)
        elif start and line.startswith((_WRITTEN, _SWAPPED)):
            if line.split()[1] != b"0":
                start = 0
            elif line.startswith(_SWAPPED):
                yield start, end - start


def joined(pieces: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The same octets with those in one piece that lie one behind the other: fewer calls."""
    start = end = 0
    for at, octets in pieces:
        if at != end:
            if end:
                yield start, end - start
            start = at
        end = at + octets
    if end:
        yield start, end - start
