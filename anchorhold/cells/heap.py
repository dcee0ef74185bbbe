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
_SET_ARENAS = ctypes.pythonapi.PyObject_SetArenaAllocator

SPARE = 1024 * 1024
"""Octets at the end of the heap that are kept when they are free: else each large message would ask for them anew."""
STEP = 256 * 1024
"""Octets that the heap grows by at least."""


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


class _Arenas(ctypes.Structure):
    """PyObjectArenaAllocator: a context; arena = alloc(context, octets); free(context, arena, octets)."""

    _fields_ = (("context", ctypes.c_void_p), ("alloc", ctypes.c_void_p), ("free", ctypes.c_void_p))


def keep_all_to_heap() -> bool:
    """Small objects as well: Python maps no further arena for them, nor gives one back. Those there are stay in use; when they
    are full, Python takes small objects from the heap, which costs it some time. False where it cannot be had."""
    if not keep_to_heap():
        return False
    # labs(0) is 0: no arena is to be had, and nothing happens to one that is given back.
    nothing = ctypes.cast(_LIBRARY.labs, ctypes.c_void_p).value
    _SET_ARENAS(ctypes.byref(_Arenas(None, nothing, nothing)))
    return True
