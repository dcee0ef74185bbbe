"""Makes system calls under a profile, each in a child of its own, and tells how each child ended.

A program of its own, `python -m kit.census`, with a Census on stdin and exit codes on stdout, both JSON: a copy of a process
costs what it has in memory, and who runs tests has much.
"""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import msgspec
from kit.children import begin

from anchorhold.sandbox import SandboxProfile, enter

PATIENCE = 1.0
"""Seconds after which a call that is allowed, and waits, has waited long enough."""
AT_ONCE = 16
"""Children; most of those that live longer than a moment wait."""

SystemCall = tuple[int, tuple[int, ...]]
"""Its number and its arguments, 64 bits each, unsigned."""


@dataclass(frozen=True, slots=True)
class Census:
    """What is to be tried."""

    profile: SandboxProfile
    calls: tuple[SystemCall, ...]


def endings(profile: SandboxProfile, calls: Iterable[SystemCall]) -> list[int]:
    """How children end that are sealed and make one of these calls each: as of `children.ended`, in this order."""
    asked = msgspec.json.encode(Census(profile, tuple(calls)))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "kit.census"]
    done = subprocess.run(command, input=asked, stdout=subprocess.PIPE, env=environment, check=True)
    return msgspec.json.decode(done.stdout, type=list[int])


def call_under(profile: SandboxProfile, number: int, arguments: Sequence[int]) -> None:
    """Be sealed and make this call. Namespaces and Landlock are left out: they end nobody."""
    # Who may end processes would end the group of this one: `kill` with 0.
    os.setsid()
    call = ctypes.CDLL(None).syscall
    given = [ctypes.c_long(one if one < 1 << 63 else one - (1 << 64)) for one in (number, *arguments)]
    # From the last moment on: to be sealed may take long on a busy machine.
    start = partial(signal.setitimer, signal.ITIMER_REAL, PATIENCE)
    enter(replace(profile, apart=False, user="nobody"), settle=start)
    call(*given)


def take(census: Census) -> list[int]:
    """As `endings`, of children of this process, which has no others."""
    running: dict[int, int] = {}
    found = [0] * len(census.calls)

    def await_one() -> None:
        pid, status = os.wait()
        found[running.pop(pid)] = os.waitstatus_to_exitcode(status)

    for place, (number, arguments) in enumerate(census.calls):
        if len(running) == AT_ONCE:
            await_one()
        running[begin(partial(call_under, census.profile, number, arguments))] = place
    while running:
        await_one()
    return found


if __name__ == "__main__":
    ends = take(msgspec.json.decode(sys.stdin.buffer.read(), type=Census))
    sys.stdout.buffer.write(msgspec.json.encode(ends))
