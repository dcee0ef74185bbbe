"""What several questions want at the same time is done once."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

from net.clock import now as clock

T = TypeVar("T")

_GONE = object()


class Shared:
    """Work on its way, by what it is for. Who waits for another one's is counted as `name`."""

    def __init__(self, counters: Counter[str], name: str) -> None:
        self._counters = counters
        self._name = name
        self._running: dict[object, asyncio.Future[object]] = {}

    async def once(self, key: object, work: Callable[[], Awaitable[T]], until: float) -> T | None:
        """The outcome of `work`, shared with whoever wants the same `key` meanwhile; None if that was not had `until` this
        instant. `work` must not call `once`."""
        while (running := self._running.get(key)) is not None:
            self._counters[self._name] += 1
            try:
                async with asyncio.timeout(max(until - clock(), 0.0)):
                    outcome = await asyncio.shield(running)
            except TimeoutError:
                return None
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
