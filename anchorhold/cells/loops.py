"""Which event loop a cell runs on."""

import asyncio
import contextlib
import os
from collections.abc import Callable, Coroutine

from anchorhold.cells.start import collect_seldom, end_without_memory


def run_loop(name: str, main: Callable[[], Coroutine[None, None, int]]) -> int:
    """On uvloop where it is installed and not refused by ANCHORHOLD_LOOP=asyncio, else on asyncio. `name` is the
    cell's: it ends at once where the loop itself finds no memory."""
    collect_seldom()
    with asyncio.Runner(loop_factory=new_loop()) as runner:
        try:
            return runner.run(main())
        except MemoryError:
            # Here, not when the loop is closed: that cancels all tasks and waits for them, and for threads, without an end if
            # they find no memory either.
            end_without_memory(name)


def new_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """What makes such a loop; None: asyncio itself. What it takes is imported."""
    if os.environ.get("ANCHORHOLD_LOOP") != "asyncio":
        with contextlib.suppress(ImportError):
            import uvloop

            return uvloop.new_event_loop
    return None
