"""One thread beside the loop, for work that takes seconds: started before a process may start none any more."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

LOOK_EVERY = 0.02
"""Seconds between two looks whether it is done. A thread that wakes a loop needs system calls for it that nothing else does."""

_threads: list[ThreadPoolExecutor] = []


def start() -> None:
    """Have the thread."""
    if not _threads:
        _threads.append(ThreadPoolExecutor(1, "apart"))
        _threads[0].submit(int).result()


async def apart(work: Callable[[], T]) -> T:
    """What `work` gives, or raises; one after the other. Cancelled, nobody hears of it, though it goes on to its end."""
    start()
    future = _threads[0].submit(work)
    while not future.done():  # noqa: ASYNC110
        await asyncio.sleep(LOOK_EVERY)
    return future.result()
