"""Calls to the kernel that Python has no words for, through the C library."""

import ctypes
import os

from anchorhold.sandbox.numbers import MACHINES, NoSuchCall, find

Argument = int | bytes | None

_LIBRARY = ctypes.CDLL(None, use_errno=True)
"""One for all calls: each makes types of its own."""
_FUNCTIONS = {
    name: getattr(_LIBRARY, name)
    for name in (
        *("capget", "capset", "inotify_add_watch", "inotify_init1", "madvise", "mount", "pivot_root", "prctl"),
        *("syscall", "umount2", "unshare"),
    )
    if hasattr(_LIBRARY, name)
}
"""Looked up before a process is copied, so that no copy has to."""


def call(function: str, *arguments: Argument) -> int:
    """A function of the C library that gives -1 for an error. Raises OSError, also where there is no such function."""
    if function not in _FUNCTIONS:
        raise OSError(0, f"there is no {function}() here")
    result = _FUNCTIONS[function](*(_passed(argument) for argument in arguments))
    return _checked(result, function)


def system_call(name: str, *arguments: Argument) -> int:
    """A system call by its number. Raises OSError, also where the architecture is not in our table."""
    machine = os.uname().machine
    if machine not in MACHINES or os.uname().sysname != "Linux":
        raise OSError(0, f"there is no table of system calls for {os.uname().sysname} on {machine}")
    try:
        number, _ = find(name, MACHINES[machine])
    except NoSuchCall as error:
        raise OSError(0, str(error)) from None
    _LIBRARY.syscall.restype = ctypes.c_long
    result = _LIBRARY.syscall(ctypes.c_long(number), *(_passed(argument) for argument in arguments))
    return _checked(result, name)


def _passed(argument: Argument) -> object:
    # An int would go as 32 bits, and what is above them would be anything.
    return ctypes.c_long(argument) if isinstance(argument, int) else argument


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
    return result
