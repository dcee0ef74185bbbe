"""A door that only so many may be behind at once; the others wait their turn for a while."""

import asyncio
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from wire.units import Seconds

MAX_WAITING = 256
"""Who may wait at one door; whoever comes then is turned away."""

Limit = Callable[[], int]
"""How many may be behind a door, at this moment; at least 1."""


@dataclass(slots=True)
class _Door:
    inside: int = 0
    line: deque["_Turn"] = field(default_factory=deque)


@dataclass(slots=True, eq=False)
class _Turn:
    limit: Limit
    come: asyncio.Future[None]


class Gate:
    """Doors by key; a door exists while somebody is behind it or waits at it."""

    def __init__(self) -> None:
        self._doors: dict[Hashable, _Door] = {}

    async def enter(self, key: Hashable, limit: Limit, patience: Seconds) -> bool:
        """Whether there was room among `limit()` within `patience` seconds; then `leave` must follow.

        `limit` is asked again whenever somebody comes or goes: what was learned of a server meanwhile counts for those who
        wait, too.
        """
        door = self._doors.setdefault(key, _Door())
        _let_in(door)
        if not door.line and door.inside < limit():
            door.inside += 1
            return True
        if len(door.line) >= MAX_WAITING:
            return False
        turn = _Turn(limit, asyncio.get_running_loop().create_future())
        door.line.append(turn)
        try:
            async with asyncio.timeout(patience):
                await turn.come
            return True
        except TimeoutError:
            return turn.come.done() and not turn.come.cancelled()
        except asyncio.CancelledError:
            if turn.come.done() and not turn.come.cancelled():
                self.leave(key)
            raise
        finally:
            if turn in door.line:
                door.line.remove(turn)
            self._forget(key, door)

    def leave(self, key: Hashable) -> None:
        """Somebody comes out; those who wait come in as far as there is room now."""
        door = self._doors[key]
        door.inside -= 1
        _let_in(door)
        self._forget(key, door)

    def inside(self, key: Hashable) -> int:
        """How many are behind the door."""
        return self._doors[key].inside if key in self._doors else 0

    def _forget(self, key: Hashable, door: _Door) -> None:
        if not door.inside and not door.line and self._doors.get(key) is door:
            del self._doors[key]


def _let_in(door: _Door) -> None:
    """The first who wait, while there is room by what each of them says."""
    while door.line:
        turn = door.line[0]
        if turn.come.done():
            # Its patience is over, or its task: it will see that itself.
            door.line.popleft()
        elif door.inside < turn.limit():
            door.line.popleft()
            door.inside += 1
            turn.come.set_result(None)
        else:
            return
