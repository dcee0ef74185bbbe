"""A door that only so many may be behind at once; the others wait their turn for a while."""

import asyncio
from collections import deque
from collections.abc import Hashable

from wire.units import Seconds

MAX_WAITING = 256
"""Who may wait at one door; whoever comes then is turned away."""


class Gate:
    """Doors by key; a door exists while somebody is behind it."""

    def __init__(self) -> None:
        self._inside: dict[Hashable, int] = {}
        self._waiting: dict[Hashable, deque[asyncio.Future[None]]] = {}

    async def enter(self, key: Hashable, most: int, patience: Seconds) -> bool:
        """Whether there was room among `most` within `patience` seconds; then `leave` must follow."""
        if self._inside.get(key, 0) < most and key not in self._waiting:
            self._inside[key] = self._inside.get(key, 0) + 1
            return True
        line = self._waiting.setdefault(key, deque())
        if len(line) >= MAX_WAITING:
            return False
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.append(turn)
        try:
            async with asyncio.timeout(patience):
                await turn
            return True  # the place of the one who left is ours
        except TimeoutError:
            return turn.done() and not turn.cancelled()
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave(key)
            raise
        finally:
            self._forget(key, turn)

    def leave(self, key: Hashable) -> None:
        """Somebody comes out; the first who waits takes the place."""
        line = self._waiting.get(key)
        while line:
            turn = line.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        left = self._inside[key] - 1
        if left:
            self._inside[key] = left
        else:
            del self._inside[key]

    def inside(self, key: Hashable) -> int:
        """How many are behind the door."""
        return self._inside.get(key, 0)

    def _forget(self, key: Hashable, turn: "asyncio.Future[None]") -> None:
        line = self._waiting.get(key)
        if line is not None:
            if turn in line:
                line.remove(turn)
            if not line:
                del self._waiting[key]
