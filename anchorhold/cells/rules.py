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

GROWTH = (MEMORY[0], *calls("munmap", "brk"))
"""For who keeps to the heap (`heap.on_heap`): small objects have mappings that Python makes and gives back, 1 MiB at a time.
Where brk(2) comes up against the ceiling, the C library asks for a mapping before it says that there is none."""

HEAP = (
    *GROWTH,
    Rule("mmap", (exactly(_PROTECTION, mmap.PROT_READ), exactly(_FLAGS, mmap.MAP_PRIVATE))),
)
"""The same, and settings are read with it, too (`snapshot.load_mapped`)."""

_CLOSE_ON_EXEC = 0o2000000
"""SOCK_CLOEXEC (linux/net.h)."""

ACCEPT = (Rule("accept4", (exactly(3, _CLOSE_ON_EXEC),)),)
"""A connection, as Python takes it."""

_GET_SEALS = 1_034
"""F_GET_SEALS (linux/fcntl.h): a filter is for Linux, its table can be read anywhere."""

SNAPSHOT = (
    Rule("fcntl", (exactly(1, _GET_SEALS),)),
    *calls("newfstatat", "pread64"),
)
"""To read settings that came."""

_ADD_SEALS = 1_033
"""F_ADD_SEALS (linux/fcntl.h)."""
SEALING = (*calls("memfd_create", "pwrite64"), Rule("fcntl", (exactly(1, _ADD_SEALS),)))
"""To make what somebody else reads so."""

FOLDER = (
    Rule("openat", (Test(2, os.O_NOFOLLOW, os.O_NOFOLLOW),)),
    *calls("newfstatat", "pread64", "pwrite64", "fdatasync", "renameat", "unlinkat"),
)
"""Files of a folder known by its descriptor (`anchorhold/keeper/folder.py`)."""

HERE = (*FOLDER[:-2], *calls("rename", "unlink"))
"""The same for who is in the folder for good."""

_WAKE_PRIVATE = 129
"""FUTEX_WAKE | FUTEX_PRIVATE_FLAG (linux/futex.h)."""

_DUPLICATE = 1_030
"""F_DUPFD_CLOEXEC (linux/fcntl.h)."""
READ_MAP = (
    Rule("mmap", (exactly(_PROTECTION, mmap.PROT_READ), exactly(_FLAGS, mmap.MAP_SHARED))),
    *(Rule("fcntl", (exactly(1, command),)) for command in (_GET_SEALS, _DUPLICATE)),
    *calls("newfstatat"),
)
"""To look into a sealed memfd by Python's `mmap`."""

WAKE = (Rule("futex", (exactly(1, _WAKE_PRIVATE),)),)
"""Libraries that do something once tell threads that there are not; waiting is not among it."""

DATABASE = (
    *(Rule("fcntl", (exactly(1, lock),)) for lock in (fcntl.F_GETLK, fcntl.F_SETLK, fcntl.F_SETLKW)),
    *calls("openat", "close", "newfstatat", "pread64", "pwrite64", "fdatasync", "ftruncate", "rename", "unlink"),
    # Of no use, but it asks for it when it opens a file.
    *calls("getpid"),
)
"""SQLite and the files beside it, in the working directory (`dhcp/edge/ownership.py`)."""

FIONBIO = 0x5421
"""ioctl(2): whether calls wait."""
IP_MTU_DISCOVER, IPV6_MTU_DISCOVER = 10, 23
"""Options of sockets (ip(7), ipv6(7))."""
