"""Sockets that live for one answer, and timers that nearly always are given up: what a loop's own books cost too much for.

A question over UDP has a socket for itself. To enter it into the loop and take it out again costs more than to read it; here it
is entered into an epoll of our own, which the loop knows once, and closing the socket takes it out. Likewise the time after which
a question is put again is the same for all and rarely comes: those who wait stand in a row, and the loop knows of the first.
"""

import asyncio
import select
from collections import deque
from collections.abc import Callable
from functools import partial
from weakref import WeakKeyDictionary, ref

AT_ONCE = 128
"""Sockets looked at in one turn; what is left stays ready for the next."""

Act = Callable[[], None]
Happened = Callable[[int], None]
"""Takes READ, WRITE or both; for an error or a hang-up it is READ too."""

READ, WRITE = 1, 4
"""As poll(2) has it."""


def _nobody(_events: int) -> None:
    """For events that nobody waits for."""


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
        self._known: dict[int, tuple[int, Happened]] = {}
        """Of each descriptor the events that are waited for, and who is told."""
        self._epoll = select.epoll() if hasattr(select, "epoll") else None
        if self._epoll is not None:
            asyncio.get_running_loop().add_reader(self._epoll.fileno(), self._look)

    @property
    def is_held(self) -> bool:
        """Whether the loop holds it."""
        return self._epoll is not None

    def after(self, delay: float, act: Act) -> Waiting:
        """Call `act` in `delay` seconds. Delays should be few and the same again and again: each has a row, which stays."""
        row = self._rows.get(delay)
        if row is None:
            row = self._rows[delay] = Row(delay)
        return row.append(act)

    def watch(self, descriptor: int, events: int, happened: Happened = _nobody) -> None:
        """Call `happened` whenever one of `events` (READ | WRITE) is so; 0: no more, to be said before it is closed. Raises
        OSError."""
        known = self._known.get(descriptor)
        if self._epoll is None:
            self._enter_loop(descriptor, 0 if known is None else known[0], events, happened)
        elif known is None and events:
            self._epoll.register(descriptor, events)
        elif events:
            self._epoll.modify(descriptor, events)
        elif known is not None:
            self._epoll.unregister(descriptor)
        if events:
            self._known[descriptor] = events, happened
        else:
            self._known.pop(descriptor, None)

    def forget(self, descriptor: int) -> None:
        """The same as 0 events, of one that is closed now and that no other process has: closing takes it out of the kernel's
        list."""
        if self._epoll is None:
            self.watch(descriptor, 0)
        else:
            self._known.pop(descriptor, None)

    def _enter_loop(self, descriptor: int, before: int, events: int, happened: Happened) -> None:
        loop = asyncio.get_running_loop()
        if events & READ:
            loop.add_reader(descriptor, happened, READ)
        elif before & READ:
            loop.remove_reader(descriptor)
        if events & WRITE:
            loop.add_writer(descriptor, happened, WRITE)
        elif before & WRITE:
            loop.remove_writer(descriptor)

    def _look(self) -> None:
        assert self._epoll is not None  # noqa: S101 # or nobody would call
        for descriptor, events in self._epoll.poll(0, AT_ONCE):
            # One that was ready may be gone by what another one's answer did.
            known = self._known.get(descriptor)
            if known is not None:
                known[1](events & WRITE | (READ if events & ~WRITE else 0))


_ALL: WeakKeyDictionary[asyncio.AbstractEventLoop, Callable[[], Readiness | None]] = WeakKeyDictionary()
"""Who watches for it knows the loop, so it must not be held here: the loop holds it, by the epoll that it reads."""


def readiness(loop: asyncio.AbstractEventLoop) -> Readiness:
    """That of the running loop, `loop`."""
    known = _ALL.get(loop)
    found = None if known is None else known()
    if found is None:
        found = Readiness()
        _ALL[loop] = ref(found) if found.is_held else partial(_itself, found)
    return found


async def until(descriptor: int, events: int) -> None:
    """Return when one of `events` is so, of a descriptor that nobody watches. Raises OSError."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    watching = readiness(loop)
    watching.watch(descriptor, events, lambda _events: None if ready.done() else ready.set_result(None))
    try:
        await ready
    finally:
        watching.watch(descriptor, 0)


def _itself(found: Readiness) -> Readiness:
    return found
