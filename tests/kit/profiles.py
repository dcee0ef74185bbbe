"""The profiles with a table of system calls, and processes that enter one for a test."""

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Callable

import pytest

from anchorhold.cells import dhcp, front, keeper, lists, resolver, secure
from anchorhold.lists import helper
from anchorhold.sandbox import SandboxProfile

FILTERED: dict[str, SandboxProfile] = {
    "front": front.PROFILE,
    "secure": secure.PROFILE,
    "resolver": resolver.PROFILE,
    "resolver on uvloop": resolver.PROFILE_UVLOOP,
    "dhcp": dhcp.PROFILE,
    "keeper": keeper.PROFILE,
    "lists": lists.PROFILE,
    "workshop": helper.PROFILE,
}
"""All that have a table of system calls."""

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="what is tested is Linux's")

ORDINARY = 65_533
"""A user without a name, for what an ordinary user can and cannot have."""
_SET_DUMPABLE = 4


def become_ordinary() -> None:
    """As somebody who logged in: no rights, and master of his own processes."""
    os.setgroups([])
    os.setresgid(ORDINARY, ORDINARY, ORDINARY)
    os.setresuid(ORDINARY, ORDINARY, ORDINARY)
    ctypes.CDLL(None).prctl(_SET_DUMPABLE, 1, 0, 0, 0)


def ended(body: Callable[[], object], patience: float = 30.0) -> int:
    """Run it in a child: its exit code (0: it came to its end, 99: it raised), or minus the signal that ended it."""
    pid = os.fork()
    if pid == 0:
        code = 99
        try:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            # A call that waits is ended, too: at once, not by a handler of who runs the tests.
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, patience)
            body()
            code = 0
        except BaseException as error:
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
