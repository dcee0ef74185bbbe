"""System calls that a library is to find absent, so that it takes the way it has without them.

io_uring is one: what is asked through it goes past every filter, and libuv cannot be told to leave it alone.
"""

import ctypes
import errno

from anchorhold.sandbox.numbers import find
from anchorhold.sandbox.seccomp import (
    ALLOWS,
    ARCHITECTURE_AT,
    JUMP_EQUAL,
    LOAD,
    NUMBER_AT,
    RETURN,
    FilterRefused,
    Instruction,
    here,
    install,
)

_ABSENT = Instruction(RETURN, 0, 0, 0x0005_0000 | errno.ENOSYS)
"""SECCOMP_RET_ERRNO."""
_PR_SET_NO_NEW_PRIVS = 38


def make_absent(name: str) -> bool:
    """From now on this call fails in this process as in a kernel that lacks it; False where there is no filter to be had."""
    try:
        number, _ = find(name, here())
    except FilterRefused:
        return False
    program = (
        Instruction(LOAD, 0, 0, ARCHITECTURE_AT),
        Instruction(JUMP_EQUAL, 0, 2, here().value),
        Instruction(LOAD, 0, 0, NUMBER_AT),
        Instruction(JUMP_EQUAL, 1, 0, number),
        ALLOWS,
        _ABSENT,
    )
    ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    try:
        install(program)
    except FilterRefused:
        return False
    return True
