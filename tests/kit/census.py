"""Makes system calls under a profile, each in a child of its own, and tells how each child ended.

A program of its own, `python -m kit.census`, with a Census on stdin and exit codes on stdout, both JSON: a copy of a process
costs what it has in memory, and who runs tests has much.
"""

import ctypes
import mmap
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import msgspec
from kit.children import begin

from anchorhold.sandbox import SandboxProfile, enter

PATIENCE = 300.0
"""Seconds for a child to be sealed and make its call: that of a busy machine that hangs."""
PAUSE = 0.002
"""Seconds between two looks at the children."""
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


def call_under(profile: SandboxProfile, number: int, arguments: Sequence[int], tell: Callable[[], None]) -> None:
    """Be sealed, `tell` so, and make this call. Namespaces and Landlock are left out: they end nobody."""
    # Who may end processes would end the group of this one: `kill` with 0.
    os.setsid()
    call = ctypes.CDLL(None).syscall
    given = [ctypes.c_long(one if one < 1 << 63 else one - (1 << 64)) for one in (number, *arguments)]
    enter(replace(profile, apart=False, user="nobody"))
    tell()
    call(*given)


class Children:
    """Children of this process, which has no others. Who is sealed says so in memory that all have: that takes no system call."""

    def __init__(self, census: Census) -> None:
        self._profile = census.profile
        self._sealed = mmap.mmap(-1, max(1, len(census.calls)))
        self._running: dict[int, int] = {}
        self.found = [0] * len(census.calls)

    def __len__(self) -> int:
        return len(self._running)

    def begin(self, place: int, call: SystemCall) -> None:
        """One more."""
        body = partial(call_under, self._profile, *call, partial(self._sealed.__setitem__, place, 1))
        self._running[begin(body, PATIENCE)] = place

    def await_one(self) -> None:
        """Until one has ended. A call that is allowed, and waits, does not end: nothing comes before it in who is sealed,
        so who sleeps then is in it. No clock is asked, for none says how long a child is kept from running on a busy machine."""
        while not (ended := os.waitpid(-1, os.WNOHANG))[0]:
            for pid, place in self._running.items():
                if self._sealed[place] and sleeps(pid):
                    os.kill(pid, signal.SIGALRM)
            time.sleep(PAUSE)
        self.found[self._running.pop(ended[0])] = os.waitstatus_to_exitcode(ended[1])


def sleeps(pid: int) -> bool:
    """Whether a child of this process waits for something that a signal ends (proc_pid_stat(5))."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"


def take(census: Census) -> list[int]:
    """As `endings`, of children of this process."""
    children = Children(census)
    for place, call in enumerate(census.calls):
        if len(children) == AT_ONCE:
            children.await_one()
        children.begin(place, call)
    while len(children):
        children.await_one()
    return children.found


if __name__ == "__main__":
    ends = take(msgspec.json.decode(sys.stdin.buffer.read(), type=Census))
    sys.stdout.buffer.write(msgspec.json.encode(ends))
