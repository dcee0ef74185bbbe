"""Which event loop a cell runs on."""

import asyncio
import contextlib
import os
from collections.abc import Callable, Coroutine

from anchorhold.cells.start import collect_seldom


def run_loop(main: Callable[[], Coroutine[None, None, int]]) -> int:
    """On uvloop where it is installed and not refused by ANCHORHOLD_LOOP=asyncio, else on asyncio."""
    collect_seldom()
    with asyncio.Runner(loop_factory=new_loop()) as runner:
        return runner.run(main())


def new_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """What makes such a loop; None: asyncio itself. What it takes is imported."""
    if os.environ.get("ANCHORHOLD_LOOP") != "asyncio":
        with contextlib.suppress(ImportError):
            import uvloop

            return uvloop.new_event_loop
    return None
