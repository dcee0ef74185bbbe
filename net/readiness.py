"""Sockets that live for one answer, and timers that nearly always are given up: what a loop's own books cost too much for.

A question over UDP has a socket of its own. To enter it into the loop and take it out again costs more than to read it; here it
is entered into an epoll of our own, which the loop knows once, and closing the socket takes it out. Likewise the time after which
a question is put again is the same for all and rarely comes: those who wait stand in a row, and the loop knows of the first.
"""

import asyncio
import select
from collections import deque
from collections.abc import Callable
from weakref import WeakKeyDictionary

AT_ONCE = 128
"""Sockets looked at in one turn; what is left stays ready for the next."""

Act = Callable[[], None]


class Waiting:
    """One who stands in a row; `cancel` may be called at any time."""

    __slots__ = ("act", "due")

    def __init__(self, due: float, act: Act) -> None:
        self.due = due
        self.act: Act | None = act

    def cancel(self) -> None:
        """It is not to be called any more."""
        self.act = None


class Row:
    """Who waits `delay` seconds from when it came."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._waiting: deque[Waiting] = deque()
        self._armed = False

    def append(self, act: Act) -> Waiting:
        """`act` is called in `delay` seconds."""
        loop = asyncio.get_running_loop()
        waiting = Waiting(loop.time() + self._delay, act)
        self._waiting.append(waiting)
        if not self._armed:
            self._arm(loop)
        return waiting

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        self._armed = True
        loop.call_at(self._waiting[0].due, self._due)

    def _due(self) -> None:
        self._armed = False
        loop, waiting = asyncio.get_running_loop(), self._waiting
        now = loop.time()
        due: list[Waiting] = []
        while waiting and (waiting[0].act is None or waiting[0].due <= now):
            due.append(waiting.popleft())
        if waiting:
            self._arm(loop)
        for one in due:
            if one.act is not None:
                one.act()


class Readiness:
    """The sockets and the rows of one loop, which has to be the running one. It holds no reference to it, for it ends with it."""

    def __init__(self) -> None:
        self._rows: dict[float, Row] = {}
        self._acts: dict[int, Act] = {}
        self._epoll = select.epoll() if hasattr(select, "epoll") else None
        if self._epoll is not None:
            asyncio.get_running_loop().add_reader(self._epoll.fileno(), self._look)

    def after(self, delay: float, act: Act) -> Waiting:
        """Call `act` in `delay` seconds. Delays should be few and the same again and again: each has a row, which stays."""
        row = self._rows.get(delay)
        if row is None:
            row = self._rows[delay] = Row(delay)
        return row.append(act)

    def add(self, descriptor: int, act: Act) -> None:
        """Call `act` whenever there is something to read, until `forget`. Raises OSError."""
        if self._epoll is None:
            asyncio.get_running_loop().add_reader(descriptor, act)
            return
        self._epoll.register(descriptor, select.EPOLLIN)
        self._acts[descriptor] = act

    def forget(self, descriptor: int) -> None:
        """To be called just before the descriptor is closed, which takes it out of the kernel's list."""
        if self._epoll is None:
            asyncio.get_running_loop().remove_reader(descriptor)
        else:
            self._acts.pop(descriptor, None)

    def _look(self) -> None:
        assert self._epoll is not None  # noqa: S101 # or nobody would call
        for descriptor, _ in self._epoll.poll(0, AT_ONCE):
            # One that was ready may be gone by what another one's answer did.
            act = self._acts.get(descriptor)
            if act is not None:
                act()


_ALL: WeakKeyDictionary[asyncio.AbstractEventLoop, Readiness] = WeakKeyDictionary()


def readiness(loop: asyncio.AbstractEventLoop) -> Readiness:
    """That of the running loop, `loop`."""
    found = _ALL.get(loop)
    if found is None:
        found = _ALL[loop] = Readiness()
    return found
