"""Landlock (landlock(7)): rights to files, TCP ports and to other processes, taken away as far as this kernel knows how.

It does not stop `stat`, UDP, raw sockets, or what was opened before: it complements the filter of calls.
"""

import os
import struct
from dataclasses import dataclass

from anchorhold.sandbox.libc import system_call

NEWEST = 7
"""The last version whose rights are all in here. A newer kernel is treated as this one."""

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, REMOVE_DIR, REMOVE_FILE = (1 << bit for bit in range(6))
MAKE_CHAR, MAKE_DIR, MAKE_REG, MAKE_SOCK, MAKE_FIFO, MAKE_BLOCK, MAKE_SYM = (1 << bit for bit in range(6, 13))
REFER, TRUNCATE, IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
FILES_SINCE = ((1, (1 << 13) - 1), (2, REFER), (3, TRUNCATE), (5, IOCTL_DEV))
"""LANDLOCK_ACCESS_FS_*: since which version, which rights."""
FOLDER = WRITE_FILE | READ_FILE | READ_DIR | REMOVE_FILE | MAKE_REG | TRUNCATE
"""What a cell may do in its folder: files there come, change their names, are read, written and go. No folders, sockets,
devices, links, programs."""

BIND_TCP, CONNECT_TCP = 1, 2
"""LANDLOCK_ACCESS_NET_*, since version 4."""
PORTS_SINCE = 4
ABSTRACT_SOCKETS, SIGNALS = 1, 2
"""LANDLOCK_SCOPE_*, since version 6."""
SCOPES_SINCE = 6

_VERSION = 1
_PATH_BENEATH, _NET_PORT = 1, 2


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is left. `folder`: a descriptor, or -1; `connect`: TCP ports, None: any."""

    folder: int = -1
    connect: tuple[int, ...] | None = None


def version() -> int:
    """What the kernel offers; 0: nothing, or it is switched off."""
    try:
        return system_call("landlock_create_ruleset", None, 0, _VERSION)
    except OSError:
        return 0


def handled(version: int, wanted: Wanted) -> tuple[int, int, int]:
    """Rights that are taken away unless a rule gives them back: to files, to the network; and the scopes."""
    files = sum(rights for since, rights in FILES_SINCE if since <= version)
    ports = BIND_TCP | (CONNECT_TCP if wanted.connect is not None else 0)
    network = ports if version >= PORTS_SINCE else 0
    return files, network, ABSTRACT_SOCKETS | SIGNALS if version >= SCOPES_SINCE else 0


def lacking(version: int) -> list[str]:
    """What a newer kernel would add."""
    if not version:
        return ["Landlock"]
    found = []
    if version < 3:
        found.append("Landlock's truncation of files")
    if version < PORTS_SINCE:
        found.append("Landlock's TCP ports")
    if version < SCOPES_SINCE:
        found.append("Landlock's scopes")
    return found


def restrict(wanted: Wanted, limit: int = NEWEST) -> int:
    """Put it in force for this thread and all that it will ever start, for good; the version that was used, 0: none there.

    no_new_privs must be set. `limit`: as if the kernel had no more. Raises OSError.
    """
    found = min(version(), NEWEST, limit)
    if not found:
        return 0
    files, network, scopes = handled(found, wanted)
    # A version knows the structure as long as it was then, and a longer one if what it does not know is zero.
    attributes = struct.pack("=QQQ", files, network, scopes)
    rules = system_call("landlock_create_ruleset", attributes, len(attributes), 0)
    try:
        if wanted.folder >= 0:
            _allow(rules, _PATH_BENEATH, struct.pack("=Qi", files & FOLDER, wanted.folder))
        for port in wanted.connect or () if network else ():
            _allow(rules, _NET_PORT, struct.pack("=QQ", CONNECT_TCP, port))
        system_call("landlock_restrict_self", rules, 0)
    finally:
        os.close(rules)
    return found


def _allow(rules: int, kind: int, attributes: bytes) -> None:
    system_call("landlock_add_rule", rules, kind, attributes, 0)
