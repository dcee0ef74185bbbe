"""Which network this machine is in, as a number that grows, and whether it is settled there."""

import asyncio

from net.clock import now as clock
from wire.units import Instant

PATIENCE = 2.0
"""Seconds that a question which broke off waits at most for the new network to be there."""

ASKED_AGAIN = "network-asked-again"
"""The counter of questions that were asked a second time because the network changed under way."""


class Place:
    """`number`: how often it has changed. Questions that failed meanwhile wait here before they are asked once more."""

    def __init__(self) -> None:
        self.number = 0
        self._settled = asyncio.Event()
        self._settled.set()

    @property
    def settled(self) -> bool:
        """False between a change and the moment when nothing changes any more."""
        return self._settled.is_set()

    def left(self) -> None:
        """The network is another."""
        self.number += 1
        self._settled.clear()

    def arrived(self) -> None:
        """It has come to rest."""
        self._settled.set()

    async def is_another(self, number: int, deadline: Instant) -> bool:
        """Whether a question that was begun at `number` and failed is worth asking again, by then. Returns when it is settled, or
        after PATIENCE."""
        left = min(deadline - clock(), PATIENCE)
        if left <= 0 or (self.number == number and self.settled):
            return False
        try:
            async with asyncio.timeout(left):
                await self._settled.wait()
        except TimeoutError:
            return clock() < deadline
        return True
