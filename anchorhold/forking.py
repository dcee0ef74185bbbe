"""A process made by fork: a copy of this one that is handed a few descriptors, does one thing, and ends.

Nothing is executed anew, so what was imported before is there at once and its pages are shared. The copy closes all other
descriptors before it does anything, takes the environment it is given, and never comes back into the code that made it: whatever
happens, it ends by `os._exit`. What it inherits and cannot give back is memory; so who forks holds no secret there
(docs/decisions/0028-the-supervisor-is-the-zygote.md).
"""

import contextlib
import ctypes
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Callable, Collection, Mapping
from itertools import pairwise
from pathlib import Path
from typing import NoReturn

from anchorhold.facts import divert, log
from anchorhold.mistakes import EXIT_MISTAKE, place_of
from anchorhold.sandbox.rights import be_called
from anchorhold.signals import SIGNALS

FORBIDDEN_CALL = "a system call that its profile does not allow (dmesg names it)"
"""How a process ended that its filter ended."""

Body = Callable[[], int | None]
"""What the copy does; gives its exit code, None for 0."""


class Child:
    """A process that was forked. It is known by `pid` until `poll` or `wait` have seen its end."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        """Its exit code, or minus the signal that ended it; None while it lives, as far as is known."""

    def poll(self) -> int | None:
        """`returncode`, looked up now."""
        return self._reap(os.WNOHANG)

    def wait(self, seconds: float | None = None) -> int | None:
        """`returncode` once it has ended, or None if that takes longer than `seconds`."""
        if seconds is not None and self.poll() is None:
            if not hasattr(os, "pidfd_open"):
                return self._wait_by_looking(seconds)
            descriptor = os.pidfd_open(self.pid)
            try:
                ended = select.poll()
                ended.register(descriptor, select.POLLIN)
                if not ended.poll(max(0.0, seconds) * 1_000):
                    return None
            finally:
                os.close(descriptor)
        return self._reap(0)

    def _wait_by_looking(self, seconds: float) -> int | None:
        """Where a process cannot be waited for together with a clock."""
        until = time.monotonic() + seconds
        while self.poll() is None and time.monotonic() < until:
            time.sleep(0.01)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """If it is still there."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once, if it is still there."""
        self.send_signal(signal.SIGKILL)

    def _reap(self, options: int) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, options)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


def describe_exit(code: int | None) -> str:
    """`exit code 2`, or the signal that ended it."""
    if code is None or code >= 0:
        return f"exit code {code}"
    if code == -signal.SIGSYS:
        return FORBIDDEN_CALL
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"


def fork(
    name: str,
    body: Body,
    descriptors: Collection[int] = (),
    environment: Mapping[str, str] | None = None,
    *,
    output: bool = False,
) -> Child:
    """A child that runs `body` with no descriptors but standard error and `descriptors`, which keep their numbers. It reads
    nothing from standard input, and writes nothing to standard output but with `output`. `name` is what lists of processes show.
    `environment` None: ours. Raises OSError if there can be no process.

    Who catches SIGNALS blocks them, as `SignalFile` does: a copy that shares its handlers would otherwise speak for it.
    """
    _room()
    pid = os.fork()
    if pid == 0:
        _live(name, body, descriptors, environment, output)
    return Child(pid)


def _live(
    name: str, body: Body, descriptors: Collection[int], environment: Mapping[str, str] | None, output: bool
) -> NoReturn:
    """The copy's life; it never returns."""
    code = EXIT_MISTAKE
    try:
        _settle(name, descriptors, environment, output)
        code = body() or 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException as error:
        log(name, f"ends by a mistake of ours: {place_of(error)}")
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code & 0xFF)


def _settle(name: str, descriptors: Collection[int], environment: Mapping[str, str] | None, output: bool) -> None:
    """Let go of all that is not ours. The group of its own: Ctrl-C is for who forked."""
    os.setpgid(0, 0)
    # What watches over standard error is the supervisor's.
    divert(None)
    close_others(descriptors)
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    os.dup2(null, 0)
    if not output:
        os.dup2(null, 1)
    os.close(null)
    if environment is not None:
        _use(environment)
    _be_called(name)
    signal.set_wakeup_fd(-1)
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def close_others(kept: Collection[int]) -> None:
    """Close every descriptor from 3 on that is not in `kept`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Those above the soft limit may be left from before it was lowered.
    end = min(max(1 << 20, soft, hard), (1 << 31) - 1)
    for before, after in pairwise((2, *sorted(kept), end)):
        os.closerange(before + 1, after)


def _use(environment: Mapping[str, str]) -> None:
    """Have this environment and no trace of another where /proc shows it. What is the same stays: to set it anew writes to more
    memory."""
    for name in [*os.environ]:
        if name not in environment:
            del os.environ[name]
    for name, value in environment.items():
        if os.environ.get(name) != value:
            os.environ[name] = value
    room = _room()
    if room is not None:
        # Nobody points there any more: what was set is elsewhere.
        ctypes.memset(room[2], 0, room[3] - room[2])


def _be_called(name: str) -> None:
    """As `anchorhold NAME` in lists of processes, as far as there is room, and as NAME in those of threads."""
    with contextlib.suppress(OSError):
        be_called(name)
    room = _room()
    if room is not None:
        start, end = room[:2]
        words = f"anchorhold\0{name}".encode()[: end - start - 1]
        ctypes.memmove(start, words + bytes(end - start - len(words)), end - start)


_places: list[tuple[int, int, int, int] | None] = []


def _room() -> tuple[int, int, int, int] | None:
    """Where the kernel keeps this process's arguments and environment, from and to each (proc_pid_stat(5), fields 48 to 51); None
    where that is not told. Looked up once, for copies have it at the same place."""
    if not _places:
        try:
            fields = Path("/proc/self/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
            start, end, environment, last = map(int, fields[45:49])
        except (OSError, ValueError):
            start = end = environment = last = 0
        _places.append((start, end, environment, last) if 0 < start < end <= environment <= last else None)
    return _places[0]
