"""Work counted in lines of Python run, which is the same on every machine; and thread CPU time, which is not."""

import contextlib
import gc
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from wire.errors import Malformed


def lines_run(work: Callable[[], object]) -> int:
    """How many lines of Python `work` runs."""
    count = 0

    def trace(_frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    except Malformed:
        pass
    finally:
        sys.settrace(before)
    return count


def cpu_milliseconds(work: Callable[[], object], times: int = 3) -> float:
    """The least thread CPU time of several runs; a collection over all of pytest's objects is not counted in."""
    gc.collect()
    gc.disable()
    try:
        return min(_once(work) for _ in range(times))
    finally:
        gc.enable()


def _once(work: Callable[[], object]) -> float:
    started = time.thread_time()
    with contextlib.suppress(Malformed):
        work()
    return 1000 * (time.thread_time() - started)
