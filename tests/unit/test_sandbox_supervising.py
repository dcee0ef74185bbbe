"""What the supervisor gives up, in children that do as it does."""

import ctypes
import errno
import os
import signal
import sys
from collections.abc import Callable

import pytest
from kit.children import ended
from kit.peers import need_root
from kit.profiles import LINUX

from anchorhold.sandbox import SandboxProfile, enter, restrain
from anchorhold.sandbox.libc import system_call
from anchorhold.sandbox.numbers import find
from anchorhold.sandbox.rights import CAPABILITIES
from anchorhold.sandbox.seccomp import here
from anchorhold.sandbox.supervising import EXECUTING, REFUSED

pytestmark = LINUX
KILLED = -signal.SIGSYS


def holds(body: Callable[[], bool]) -> bool:
    return ended(lambda: os._exit(0 if body() else 1)) == 0


def status() -> dict[str, str]:
    with open("/proc/self/status") as file:
        return {key: value.strip() for key, _, value in (line.partition(":") for line in file)}


def test_only_the_capabilities_that_cells_need_are_kept_and_no_other_can_come_back() -> None:
    need_root("giving up rights")

    def body() -> bool:
        standing = restrain(executes=False)
        found = status()
        kept = sum(1 << CAPABILITIES.index(name) for name in standing.capabilities)
        sets = [int(found[f"Cap{kind}"], 16) for kind in ("Prm", "Eff", "Bnd", "Inh", "Amb")]
        return sets == [kept, kept, kept, 0, 0] and found["NoNewPrivs"] == "1" and standing.missing == ()

    assert holds(body)


@pytest.mark.parametrize("name", [*REFUSED, *EXECUTING])
def test_what_nobody_here_needs_ends_who_does_it(name: str) -> None:
    number, _ = find(name, here())

    def body() -> None:
        restrain(executes=False)
        ctypes.CDLL(None).syscall(ctypes.c_long(number), *(ctypes.c_long(-1) for _ in range(6)))

    assert KILLED == ended(body)


def test_io_uring_is_as_if_the_kernel_had_none() -> None:
    def body() -> bool:
        restrain(executes=False)
        try:
            system_call("io_uring_setup", 1, None)
        except OSError as error:
            return error.errno == errno.ENOSYS
        return False

    assert holds(body)


def test_a_hook_can_be_started_where_there_is_one() -> None:
    def body() -> None:
        restrain(executes=True)
        os.execv(sys.executable, [sys.executable, "-S", "-c", "raise SystemExit(7)"])

    assert 7 == ended(body)


def test_a_cell_can_be_sealed_after_it() -> None:
    """All that `enter` needs is left."""

    def body() -> bool:
        restrain(executes=False)
        pid = os.fork()
        if pid == 0:
            enter(SandboxProfile("test", "nobody"))
            os._exit(0)
        return os.waitpid(pid, 0)[1] == 0

    assert holds(body)
