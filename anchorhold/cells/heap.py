"""Where a cell's memory comes from: less that the kernel has to be asked for."""

import ctypes
from dataclasses import replace

from anchorhold.sandbox.profile import SandboxProfile, calls

M_TRIM_THRESHOLD = -1
M_TOP_PAD = -2
M_MMAP_MAX = -4
M_ARENA_MAX = -8
"""mallopt(3)."""

_LIBRARY = ctypes.CDLL(None)
"""Looked up before a process is copied, as what is used of it is."""
_MALLOPT = getattr(_LIBRARY, "mallopt", None)

SPARE = 1024 * 1024
"""Octets at the end of the heap that are kept when they are free: else each large message would ask for them anew."""
STEP = 256 * 1024
"""Octets that the heap grows by at least."""


LARGE = 8 * 1024
"""Octets of the largest piece that holes are filled with."""
END = 96 * 1024
"""Octets of a piece that no hole has room for, and that gets no mapping of its own."""
GRAIN = 16
"""Sizes of pieces differ by so many octets."""
MOST = 4 * 1024 * 1024
"""Octets in holes that are filled."""


def fill_holes() -> int:
    """Take what is free between pieces in use, for good: what this process, or a copy of it, asks for from now on lies together
    at the end, and not in many pages that copies share. Gives the octets taken; 0 where the C library is not glibc."""
    if _MALLOPT is None:
        return 0
    malloc, free = _LIBRARY.malloc, _LIBRARY.free
    malloc.argtypes, malloc.restype = (ctypes.c_size_t,), ctypes.c_void_p
    free.argtypes, free.restype = (ctypes.c_void_p,), None
    taken = 0
    end: int | None = malloc(END)
    for size in range(LARGE, 0, -GRAIN):
        piece: int | None = malloc(size)
        while end and piece and piece < end and taken < MOST:
            taken += size
            piece = malloc(size)
        free(piece)
    free(end)
    return taken


def keep_to_heap() -> bool:
    """From now on large pieces, too, come from the heap (brk(2)), not from mappings of their own, which mremap(2) makes larger.
    False where the C library is not glibc: it may do as it likes."""
    if _MALLOPT is None:
        return False
    # Threads, too: a heap of their own is a mapping.
    settings = ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, SPARE), (M_TOP_PAD, STEP), (M_ARENA_MAX, 1))
    return all(_MALLOPT(what, value) for what, value in settings)


def on_heap(profile: SandboxProfile) -> SandboxProfile:
    """The same, and it is kept to the heap from now on; with another C library than the one it was measured with, with what that
    needs for memory."""
    return profile if keep_to_heap() else replace(profile, calls=profile.calls + calls("mremap", "madvise"))
