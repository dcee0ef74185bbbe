"""Namespaces (namespaces(7)): a root folder with nothing in it, and a host name, message queues and a network of nobody else's.

Root has them by right. An ordinary user has them through a user namespace, where the system allows it: there he has every right
for a moment, and then none, like anybody.
"""

import os
from contextlib import suppress

from anchorhold.sandbox.libc import call, system_call

MOUNT, UTS, IPC, USER, NETWORK = 0x0002_0000, 0x0400_0000, 0x0800_0000, 0x1000_0000, 0x4000_0000
"""CLONE_NEW*."""
WORDS = {MOUNT: "files", UTS: "names", IPC: "ipc", NETWORK: "network"}

_READ_ONLY, _NO_SUID, _NO_DEVICES, _NO_PROGRAMS, _REMOUNT, _BIND = 1, 2, 4, 8, 0x20, 0x1000
_RECURSIVE, _PRIVATE = 0x4000, 0x4_0000
_BARE = _NO_SUID | _NO_DEVICES | _NO_PROGRAMS
_GET_DUMPABLE, _SET_DUMPABLE = 3, 4
_DETACH = 2
"""MNT_DETACH."""
_PLACE = b"/proc"
"""A folder that is there on every Linux, to mount the new root over."""


class Refused(Exception):
    """There are none to be had; nothing has changed. The text says why."""


def separate(network: bool, folder: int) -> tuple[str, ...]:
    """Leave the namespaces of the machine; which ones (`WORDS`). `network`: that too. Raises Refused.

    What a process sees of files is then the folder `folder`, or with -1 an empty one that cannot be written. The descriptor leads
    to the folder in its new place afterwards: from the old one, ".." would lead out. There must be one thread only.
    """
    wanted = MOUNT | UTS | IPC | (NETWORK if network else 0)
    if folder >= 0:
        # The working directory goes along into the new namespace; a descriptor stays in the former one.
        os.fchdir(folder)
    user, group = os.geteuid(), os.getegid()
    try:
        call("unshare", wanted if user == 0 else wanted | USER)
    except OSError as error:
        raise Refused(f"{error.strerror}") from None
    try:
        if user != 0:
            _map(user, group)
        _change_root(folder)
    except OSError as error:
        # Where a user namespace is a shell without rights (AppArmor), what was separated stays so.
        raise Refused(f"{error.strerror} within them") from None
    return tuple(word for flag, word in WORDS.items() if flag & wanted)


def _map(user: int, group: int) -> None:
    """Within, we are who we are."""
    # /proc/self is root's for who got rights by a file or gave them up, and so cannot be looked into.
    before = call("prctl", _GET_DUMPABLE, 0, 0, 0, 0)
    call("prctl", _SET_DUMPABLE, 1, 0, 0, 0)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        file = os.open(f"/proc/self/{name}", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(file, text.encode())
        finally:
            os.close(file)
    call("prctl", _SET_DUMPABLE, before, 0, 0, 0)


def _change_root(folder: int) -> None:
    # What happens here is not to be seen elsewhere, nor the other way.
    call("mount", b"none", b"/", None, _RECURSIVE | _PRIVATE, None)
    if folder >= 0:
        kept = os.fstatvfs(folder).f_flag & (_READ_ONLY | _BARE)
        call("mount", b".", _PLACE, None, _BIND, None)
        call("mount", b"none", _PLACE, None, _REMOUNT | _BIND | _BARE | kept, None)
    else:
        call("mount", b"none", _PLACE, b"tmpfs", _READ_ONLY | _BARE, b"mode=555,size=4k,nr_inodes=2")
    os.chdir(_PLACE)
    try:
        system_call("pivot_root", b".", b".")
        # The former root lies under the new one now.
        call("umount2", b".", _DETACH)
    except OSError:
        # A system that runs from its first RAM disk has no root that could be changed for another.
        os.chroot(".")
    os.chdir("/")
    if folder >= 0:
        here = os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        with suppress(OSError):
            os.dup2(here, folder, inheritable=False)
        os.close(here)
