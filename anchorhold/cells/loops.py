"""Which event loop a cell runs on."""

import asyncio
import contextlib
import os
from collections.abc import Callable, Coroutine

from anchorhold.cells.start import collect_seldom


def run_loop(main: Callable[[], Coroutine[None, None, int]]) -> int:
    """On uvloop where it is installed and not refused by ANCHORHOLD_LOOP=asyncio, else on asyncio."""
    collect_seldom()
    factory = None
    if os.environ.get("ANCHORHOLD_LOOP") != "asyncio":
        with contextlib.suppress(ImportError):
            import uvloop

            factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(main())
