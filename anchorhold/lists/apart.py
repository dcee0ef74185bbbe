"""Work that takes long, or reads what strangers wrote, in a process of its own: a copy of this one that holds nothing but what it
is given, and ends with its work.

A copy (fork), not a new program: in its sandbox a cell cannot read its own code any more. What it says comes over a pipe, a JSON
text on each line.
"""

import asyncio
import contextlib
import ctypes
import gc
import json
import os
import resource
import signal
from collections.abc import Callable, Collection
from functools import partial
from itertools import pairwise
from typing import NoReturn

PATIENCE = 300.0
"""Seconds that one piece of work may take."""
CPU_SECONDS = 240
MAX_MEMORY = 4 * 1024 * 1024 * 1024
"""Octets of addresses; work that needs more is none of ours."""
MAX_SAID = 4 * 1024 * 1024
"""Octets that it may say in all."""

PROGRESS, RESULT = b"p", b"r"
"""How a line begins."""
PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)

Tell = Callable[[object], None]
"""Says how far it is."""
Work = Callable[[Tell], object]
"""Gives what JSON can hold."""


class WorkFailed(Exception):
    """It came to no result; the text says what happened."""


class UnderWay:
    """One piece of work under way, whoever forked its process."""

    def __init__(self) -> None:
        self._octets = 0
        self._result: tuple[object] | None = None
        self._ended = asyncio.Event()
        self._heard: Callable[[object], None] = lambda said: None

    async def result(self, heard: Callable[[object], None] = lambda said: None, patience: float = PATIENCE) -> object:
        """What came of it; `heard` gets what it says on the way. Raises WorkFailed. Cancelled, it ends the work."""
        self._heard = heard
        try:
            async with asyncio.timeout(patience):
                await self._ended.wait()
        except TimeoutError:
            raise WorkFailed(f"it took longer than {patience:.0f} s") from None
        finally:
            code = await self._end()
        if code != 0 or self._result is None:
            raise WorkFailed(describe(code, self._result))
        return self._result[0]

    async def _end(self) -> int | None:
        """Its exit code, or minus a signal; None: there was none. Ends it if it has not ended by itself."""
        raise NotImplementedError

    def _say(self, line: bytes) -> None:
        """A whole line of what it says. Raises ValueError."""
        mark, said = line[:1], json.loads(line[1:])
        if mark == RESULT:
            self._result = (said,)
        elif mark == PROGRESS:
            self._heard(said)


class Apart(UnderWay):
    """In a copy of this process."""

    def __init__(self, work: Work, used: Collection[int]) -> None:
        """`used`: descriptors that it may use. Raises OSError."""
        super().__init__()
        self._out, into = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._out, False)
        try:
            self._pid = os.fork()
        except OSError:
            os.close(self._out)
            os.close(into)
            raise
        if self._pid == 0:
            live(work, into, partial(_settle, {*used, into}))
        os.close(into)
        self._rest = b""
        asyncio.get_running_loop().add_reader(self._out, self._read)

    def _read(self) -> None:
        try:
            data = os.read(self._out, 65_536)
        except BlockingIOError:
            return
        self._octets += len(data)
        if not data or self._octets > MAX_SAID:
            self._ended.set()
            return
        *whole, self._rest = (self._rest + data).split(b"\n")
        for line in whole:
            self._say(line)

    async def _end(self) -> int:
        asyncio.get_running_loop().remove_reader(self._out)
        os.close(self._out)
        if not self._ended.is_set() or self._octets > MAX_SAID:
            os.kill(self._pid, signal.SIGKILL)
        # It says no more, or is killed: this takes no time.
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])  # noqa: ASYNC222


def describe(code: int | None, said: tuple[object] | None) -> str:
    """Why a process came to nothing: its exit code or minus a signal, None if there was none, and what it said last."""
    if code is None:
        return "there was no process for it"
    if code < 0:
        return f"the process was ended by {signal.Signals(-code).name}"
    return "it said nothing" if said is None else f"a mistake of ours: {said[0]}"


def write_line(into: int, data: bytes) -> None:
    """All of it, into a pipe or a socket. Raises OSError."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(into, rest) :]


def live(work: Work, into: int, settle: Callable[[], None]) -> NoReturn:
    """The copy's life. Nothing of the loop that it was copied from is touched; it never returns. `settle` comes first."""
    code = 1

    def say(what: object, mark: bytes = PROGRESS) -> None:
        write_line(into, mark + json.dumps(what).encode() + b"\n")

    try:
        settle()
        try:
            say(work(say), RESULT)
            code = 0
        except MemoryError:
            say("it needs more memory than there is", RESULT)
        except Exception as error:
            # Without its words: they may be a stranger's.
            frame = error.__traceback__
            while frame is not None and frame.tb_next is not None:
                frame = frame.tb_next
            line = 0 if frame is None else frame.tb_lineno
            say(f"{type(error).__name__} at line {line}", RESULT)
    finally:
        os._exit(code)


def end_with_parent() -> None:
    """Nobody waits for what is done for one that is no more."""
    _LIBC.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)


def _settle(used: set[int]) -> None:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    end_with_parent()
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    keep_within(used)


def keep_within(used: set[int]) -> None:
    """No other descriptor, little of the machine, and so much memory. For a process that ends with its work."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    for before, after in pairwise((2, *sorted(used), soft)):
        os.closerange(before + 1, after)
    os.nice(10)
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    limit = MAX_MEMORY if most == resource.RLIM_INFINITY else min(MAX_MEMORY, most)
    resource.setrlimit(resource.RLIMIT_AS, (limit, most))
    # If memory runs short, it is this that ends, and no cell. Where /proc is not there to be seen, the kernel chooses.
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("900")
    # A million small things live until it ends: looking for cycles among them is for nothing.
    gc.disable()
