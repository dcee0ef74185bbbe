"""Sealed bodies of the oblivious relay between `secure`, which knows who sent them, and the resolver, which connects out."""

import asyncio
import itertools
import socket
from collections.abc import Callable, Coroutine

from anchorhold.cells.peer import Owner, Peer
from anchorhold.ipc import Message, MessageType, build_message
from anchorhold.link import PairName
from net.clock import now as clock
from resolver.carried import MAX_QUERY, Carried, Outcome, build_carried, parse_carried
from resolver.edge.carrier import Carrier
from resolver.settings import ResolverSettings
from wire.errors import Malformed
from wire.units import Instant

MARGIN = 0.05
"""Seconds for what came back to get to `secure` before its time is over."""
LONGEST = 30.0
"""Seconds that a body is carried at most."""

Then = Callable[[Carried], None]


class CarryingPeer(Peer):
    """`secure`'s end of the pair to the resolver (resolver.edge.listen.oblivious.CarryPort, too)."""

    def __init__(self, cell: Owner, endpoint: socket.socket, name: PairName) -> None:
        super().__init__(cell, endpoint, name)
        self._waiting: dict[int, Then] = {}
        self._carry_handles = itertools.count(1)

    def carry(self, place: int, sealed: bytes, seconds: float, then: Then) -> None:
        """As CarryPort."""
        handle = next(self._carry_handles)
        self._waiting[handle] = then
        self._out += build_message(
            MessageType.CARRY,
            handle,
            sealed,
            group=place,
            generation=self._cell.desk.settings.generation,
            deadline=int(seconds * 1000),
        )

    def close(self) -> None:
        """As the base; who waits for a target is told that there is no way."""
        super().close()
        waiting, self._waiting = self._waiting, {}
        for then in waiting.values():
            then(Carried(Outcome.UNAVAILABLE))

    def _take_own(self, message: Message, now: Instant) -> None:
        if message.type is not MessageType.CARRIED:
            super()._take_own(message, now)
            return
        carried = parse_carried(message.body)
        then = self._waiting.pop(message.handle, None)
        if then is None:
            raise Malformed("CARRIED that nobody waits for")
        then(carried)


class CarryDesk:
    """The resolver's end: one task for each body."""

    def __init__(self, carrier: Carrier, settings: ResolverSettings) -> None:
        self._carrier = carrier
        self._tasks: set[asyncio.Task[None]] = set()
        self.use(settings)

    def use(self, settings: ResolverSettings) -> None:
        """Carry to the targets of these settings from now on."""
        self._generation = settings.generation
        for road in self._carrier.use(settings.carried):
            self._start(road.close())

    def move(self) -> None:
        """Another network: what is under way fails, and its client asks again."""
        for road in self._carrier.move():
            self._start(road.close())

    def take(self, message: Message, post: Callable[[bytes], None]) -> None:
        """A CARRY came; the answer goes to `post`. Raises Malformed."""
        if len(message.body) > MAX_QUERY:
            raise Malformed("CARRY of more than is carried")
        if message.generation != self._generation:
            # Its place means another target here, or none.
            post(_carried(message.handle, Carried(Outcome.UNAVAILABLE)))
            return
        seconds = min(message.deadline / 1000 or LONGEST, LONGEST) - MARGIN
        self._start(self._carry(message, Instant(clock() + max(seconds, MARGIN)), post))

    async def close(self) -> None:
        """Nobody wants what comes from now on."""
        for task in self._tasks:
            task.cancel()
        await self._carrier.close()

    async def _carry(self, message: Message, deadline: Instant, post: Callable[[bytes], None]) -> None:
        carried = Carried(Outcome.UNAVAILABLE)
        try:
            carried = await self._carrier.carry(message.group, message.body, deadline)
        finally:
            # Also for a mistake of ours, which goes on to the loop's handler: somebody waits for this handle.
            post(_carried(message.handle, carried))

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _carried(handle: int, carried: Carried) -> bytes:
    return build_message(MessageType.CARRIED, handle, build_carried(carried))
