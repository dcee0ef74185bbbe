"""What those have in common that can be asked at once (resolver.edge.upstream.port.Prompt): some exchanges take waiting in
the end."""

import asyncio
from collections.abc import Coroutine

from resolver.edge.upstream.port import Ended, UpstreamFailed, Why


class Afterwards:
    """The tasks of those that do. Whoever asked is told how they end, and does not wait."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def tell(self, ended: Ended, exchange: Coroutine[None, None, bytes]) -> None:
        """Tell what comes of `exchange`; it raises UpstreamFailed."""
        task = asyncio.get_running_loop().create_task(_tell(ended, exchange))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _tell(ended: Ended, exchange: Coroutine[None, None, bytes]) -> None:
    outcome: bytes | UpstreamFailed = broken_off()
    try:
        outcome = await exchange
    except UpstreamFailed as failure:
        outcome = failure
    finally:
        ended(outcome)


def broken_off() -> UpstreamFailed:
    """How an exchange ends that was cancelled, or in which we made a mistake: nobody is to wait for it for ever."""
    return UpstreamFailed(Why.UNREACHABLE, "broken off")
