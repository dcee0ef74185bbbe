"""What several cells have in their tables of system calls: the calls that belong together, and their arguments."""

import fcntl
import mmap
import os

from anchorhold.sandbox.profile import Rule, Test, calls, exactly

_PROTECTION, _FLAGS = 2, 3
"""Places of mmap(2)."""

MEMORY = (
    Rule(
        "mmap",
        (
            exactly(_PROTECTION, mmap.PROT_READ | mmap.PROT_WRITE),
            exactly(_FLAGS, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS),
        ),
    ),
    *calls("munmap", "mremap", "brk"),
)
"""Memory comes and goes; none of it is ever code."""

READ_MAP = (Rule("mmap", (exactly(_PROTECTION, mmap.PROT_READ), exactly(_FLAGS, mmap.MAP_SHARED))),)
"""To look into a sealed memfd."""

SNAPSHOT = (
    Rule("fcntl", (exactly(1, fcntl.F_GET_SEALS),)),
    *calls("newfstatat", "pread64"),
)
"""To read settings that came."""

FOLDER = (
    Rule("openat", (Test(2, os.O_NOFOLLOW, os.O_NOFOLLOW),)),
    *calls("newfstatat", "pread64", "write", "fsync", "renameat", "unlinkat"),
)
"""Files of a folder known by its descriptor (`anchorhold/keeper/folder.py`)."""

_WAKE_PRIVATE = 129
"""FUTEX_WAKE | FUTEX_PRIVATE_FLAG (linux/futex.h)."""

WAKE = (Rule("futex", (exactly(1, _WAKE_PRIVATE),)),)
"""Libraries that do something once tell threads that there are not; waiting is not among it."""

DATABASE = (
    *(Rule("fcntl", (exactly(1, lock),)) for lock in (fcntl.F_GETLK, fcntl.F_SETLK, fcntl.F_SETLKW)),
    *calls("openat", "close", "newfstatat", "pread64", "pwrite64", "fdatasync", "ftruncate", "rename", "unlink"),
    # Of no use, but it asks for them when it opens a file.
    *calls("getpid", "geteuid"),
)
"""SQLite and the files beside it, in the working directory."""

FIONBIO = 0x5421
"""ioctl(2): whether calls wait."""
IP_MTU_DISCOVER, IPV6_MTU_DISCOVER = 10, 23
"""Options of sockets (ip(7), ipv6(7))."""
