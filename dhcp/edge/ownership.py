"""SQLite does not ask who we are.

Whenever it makes a log beside a file it asks for the process's user (geteuid(2)), to give the log to the file's owner if that
user is root. Ours never is another's. Each call of SQLite's can be exchanged for another (`xSetSystemCall` of its VFS), so the
cell's filter of system calls has no place for this one.
"""

import _sqlite3
import ctypes

_BETWEEN = 16
"""Pointers from `pNext` up to `xSetSystemCall`, which is there from version 3 of the structure on."""
_VERSION = 3

_NAME = b"geteuid"

_Exchange = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
_Look = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p)


class _Vfs(ctypes.Structure):
    """sqlite3_vfs, the beginning of it (sqlite3.h)."""

    _fields_ = (
        ("version", ctypes.c_int),
        ("file_size", ctypes.c_int),
        ("longest_path", ctypes.c_int),
        ("between", ctypes.c_void_p * _BETWEEN),
        ("exchange", ctypes.c_void_p),
        ("look", ctypes.c_void_p),
    )


def ask_for_no_user() -> bool:
    """From now on SQLite takes this process for one that is not root, and does not ask. False where its VFS cannot be reached (a
    library that is part of Python itself): then it asks."""
    try:
        find = ctypes.CDLL(_sqlite3.__file__).sqlite3_vfs_find
        nobody = ctypes.CDLL(None).getpagesize
    except (AttributeError, OSError):
        return False
    find.argtypes, find.restype = (ctypes.c_char_p,), ctypes.POINTER(_Vfs)
    found = find(None)
    if not found or found.contents.version < _VERSION or not found.contents.exchange or not found.contents.look:
        return False
    vfs, other = ctypes.cast(found, ctypes.c_void_p), ctypes.cast(nobody, ctypes.c_void_p)
    # What it is exchanged for gives a number that is never 0, and makes no system call.
    _Exchange(found.contents.exchange)(vfs, _NAME, other)
    return bool(_Look(found.contents.look)(vfs, _NAME) == other.value)
