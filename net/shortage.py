"""Errors of the kernel's that say nothing of the far end: it is this process, or this machine, that has no more to give."""

import errno

SHORTAGES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""No descriptor, no buffer, no memory. What needs them is tried again when others have given some back."""


def is_shortage(error: OSError) -> bool:
    """Whether it would have failed whoever was asked."""
    return error.errno in SHORTAGES
