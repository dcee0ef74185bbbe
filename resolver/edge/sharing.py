"""What several questions want at the same time is done once."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

T = TypeVar("T")

_GONE = object()


class Shared:
    """Work on its way, by what it is for."""

    def __init__(self) -> None:
        self._running: dict[object, asyncio.Future[object]] = {}

    async def once(self, key: object, work: Callable[[], Awaitable[T]]) -> T:
        """The outcome of `work`, shared with whoever wants the same `key` meanwhile. `work` must not call `once`."""
        while (running := self._running.get(key)) is not None:
            outcome = await asyncio.shield(running)
            if outcome is not _GONE:
                return cast(T, outcome)
        running = self._running[key] = asyncio.get_running_loop().create_future()
        done: object = _GONE
        try:
            done = outcome = await work()
            return outcome
        finally:
            # Also when this task is ended: whoever waits begins anew.
            del self._running[key]
            running.set_result(done)
