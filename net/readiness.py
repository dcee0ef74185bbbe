"""Sockets that live for one answer, and timers that nearly always are given up: what a loop's own books cost too much for.

A question over UDP has a socket of its own. To enter it into the loop and take it out again costs more than to read it; here it
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
        self._streams: dict[int, tuple[int, Happened]] = {}
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

    def watch(self, descriptor: int, events: int, happened: Happened | None = None) -> None:
        """Call `happened` whenever one of `events` (READ | WRITE) is so; 0: no more, to be said before it is closed. Raises
        OSError."""
        before = self._streams.get(descriptor)
        if before is None and not events:
            return
        self._enter(descriptor, 0 if before is None else before[0], events)
        if not events:
            del self._streams[descriptor]
        elif happened is not None:
            self._streams[descriptor] = events, happened

    def _enter(self, descriptor: int, before: int, events: int) -> None:
        if self._epoll is None:
            self._enter_loop(descriptor, before, events)
        elif not before:
            self._epoll.register(descriptor, events)
        elif events:
            self._epoll.modify(descriptor, events)
        else:
            self._epoll.unregister(descriptor)

    def _enter_loop(self, descriptor: int, before: int, events: int) -> None:
        loop = asyncio.get_running_loop()
        if events & READ:
            loop.add_reader(descriptor, self._stream, descriptor, READ)
        elif before & READ:
            loop.remove_reader(descriptor)
        if events & WRITE:
            loop.add_writer(descriptor, self._stream, descriptor, WRITE)
        elif before & WRITE:
            loop.remove_writer(descriptor)

    def _stream(self, descriptor: int, events: int) -> None:
        known = self._streams.get(descriptor)
        if known is not None:
            known[1](events)

    def _look(self) -> None:
        assert self._epoll is not None  # noqa: S101 # or nobody would call
        for descriptor, events in self._epoll.poll(0, AT_ONCE):
            # One that was ready may be gone by what another one's answer did.
            act = self._acts.get(descriptor)
            if act is not None:
                act()
            else:
                self._stream(descriptor, events & WRITE | (READ if events & ~WRITE else 0))


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


def _itself(found: Readiness) -> Readiness:
    return found
