"""Where a cell's memory comes from: less that the kernel has to be asked for."""

import ctypes

M_TRIM_THRESHOLD = -1
M_TOP_PAD = -2
M_MMAP_MAX = -4
"""mallopt(3)."""

SPARE = 1024 * 1024
"""Octets at the end of the heap that are kept when they are free: else each large message would ask for them anew."""
STEP = 256 * 1024
"""Octets that the heap grows by at least."""


def keep_to_heap() -> bool:
    """From now on large pieces, too, come from the heap (brk(2)), not from mappings of their own, which mremap(2) makes larger.
    False where the C library is not glibc: it may do as it likes."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:
        return False
    return all(mallopt(what, value) for what, value in ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, SPARE), (M_TOP_PAD, STEP)))
