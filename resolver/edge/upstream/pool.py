"""The connections of one upstream: made on demand, few, long-lived, and never in a storm."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Generic, NamedTuple, Protocol, TypeVar

from resolver.edge.upstream.backoff import Backoff
from resolver.edge.upstream.port import Tools, UpstreamFailed, Why
from wire.units import Instant

MAX_WAITING = 1024
"""Exchanges that may wait for a connection or for room on one."""


class Member(Protocol):
    """What a pool needs to know of a connection."""

    retired: bool
    answered: bool
    idle: bool

    @property
    def closed(self) -> bool:
        """Whether it has ended, or soon will."""

    @property
    def load(self) -> int:
        """Exchanges under way."""

    @property
    def room(self) -> bool:
        """Whether one more may start."""

    def abort(self) -> None:
        """End it now."""


C = TypeVar("C", bound=Member)


class PoolLimits(NamedTuple):
    """At most `connections`; another one is opened once each has `crowded` exchanges under way."""

    connections: int
    crowded: int


class Pool(Generic[C]):
    """Hands out connections with room. `dial` makes one; it raises UpstreamFailed and nothing else."""

    def __init__(self, dial: Callable[[], Awaitable[C]], limits: PoolLimits, tools: Tools) -> None:
        self._dial = dial
        self._limits = limits
        self._tools = tools
        self._backoff = Backoff(tools.entropy)
        self._members: list[C] = []
        self._dialling: asyncio.Task[None] | None = None
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._closed = False
        self._drained = asyncio.Event()

    def ready(self) -> C | None:
        """The least loaded connection that has room, at once."""
        best: C | None = None
        for member in self._members:
            if member.room and (best is None or member.load < best.load):
                best = member
        if best is not None and best.load >= self._limits.crowded:
            self._grow()
        return best

    async def take(self, deadline: Instant) -> C:
        """A connection with room by `deadline`. Raises UpstreamFailed."""
        try:
            async with asyncio.timeout(deadline - self._tools.now()):
                while (member := self.ready()) is None:
                    await self._wait()
                return member
        except TimeoutError:
            raise UpstreamFailed(Why.TIMEOUT, "no connection in time") from None

    def freed(self) -> None:
        """Room came back on some connection."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def ended(self, member: C) -> None:
        """A connection is gone. One that never brought an answer counts against the upstream."""
        if member not in self._members:
            return  # it never was handed out; whoever dialled it knows why
        self._members.remove(member)
        if self._closed:
            if not self._members:
                self._drained.set()
            return
        if member.answered:
            self._backoff.succeeded()
        elif not member.idle:
            self._backoff.failed(self._tools.now())
        while self._waiting and not self._members:
            self.freed()

    async def close(self) -> None:
        """End every connection and everybody's wait; returns when all are gone."""
        self._closed = True
        if (dialling := self._dialling) is not None:
            dialling.cancel()
            await asyncio.gather(dialling, return_exceptions=True)
        self._fail_waiting(UpstreamFailed(Why.UNREACHABLE, "closed"))
        if not self._members:
            return
        for member in list(self._members):
            member.abort()
        await self._drained.wait()

    async def _wait(self) -> None:
        """Until something changed: a connection came, failed, or has room again. Raises UpstreamFailed."""
        if self._closed:
            raise UpstreamFailed(Why.UNREACHABLE, "closed")
        if len(self._waiting) >= MAX_WAITING:
            raise UpstreamFailed(Why.BUSY, "too many exchanges wait")
        self._grow()
        if self._dialling is None and not self._usable():
            self._tools.count("connect-too-early")
            raise UpstreamFailed(Why.UNREACHABLE, "backing off")
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self.freed()  # we were called and cannot come: the next one may
            raise

    def _usable(self) -> int:
        return sum(not member.retired for member in self._members)

    def _grow(self) -> None:
        """Dial one more, if none is being dialled, if it is allowed and not too early."""
        if self._dialling is None and not self._closed and self._usable() < self._limits.connections:
            if self._backoff.wait(self._tools.now()) > 0:
                return
            self._tools.count("connect")
            self._dialling = asyncio.create_task(self._dial_one())

    async def _dial_one(self) -> None:
        failure = UpstreamFailed(Why.UNREACHABLE, "not dialled")
        member: C | None = None
        try:
            member = await self._dial()
        except UpstreamFailed as error:
            failure = error
        finally:  # also for a mistake of ours, which goes on to the loop's handler: nobody shall wait for it
            self._dialling = None
            self._dialled(member, failure)

    def _dialled(self, member: C | None, failure: UpstreamFailed) -> None:
        if member is None or member.closed:
            if failure.why is Why.BUSY:
                # What we had not may be there again at any moment: the far end is none the worse for it.
                self._tools.count("connect-shortage")
            else:
                self._backoff.failed(self._tools.now())
            if not self._usable():
                self._fail_waiting(failure if member is None else UpstreamFailed(Why.RESET, "ended at once"))
            return
        self._members.append(member)
        for _ in range(len(self._waiting)):
            self.freed()

    def _fail_waiting(self, failure: UpstreamFailed) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_exception(UpstreamFailed(failure.why, failure.detail))
                waiter.exception()
