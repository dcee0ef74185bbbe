"""Tests that are coroutines."""

import asyncio
from collections.abc import Callable, Coroutine


def on_loop(test: Callable[[], Coroutine[None, None, None]]) -> Callable[[], None]:
    """The test, run on a loop of its own."""

    def run() -> None:
        asyncio.run(test())

    run.__name__ = test.__name__
    return run
