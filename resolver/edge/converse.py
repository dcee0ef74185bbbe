"""One question put to one upstream: the only place that calls `conceal`."""

from collections.abc import Callable
from typing import Protocol

from privacy.channel import Channel
from privacy.outbound import conceal
from wire.units import Instant


class Road(Protocol):
    """What a question can be sent along; every `Upstream` is one."""

    def channel(self) -> Channel:
        """Its kind, as it is now."""

    async def exchange(self, query: bytes, deadline: Instant) -> bytes:
        """Send and receive; raises UpstreamFailed."""


async def converse(
    road: Road, question: bytes, flags: int, entropy: Callable[[int], bytes], deadline: Instant
) -> bytes:
    """The response to `question` (folded name, type, class; `flags`: QueryFlag bits). Raises UpstreamFailed."""
    return await road.exchange(concealed(road, question, flags, entropy), deadline)


def concealed(road: Road, question: bytes, flags: int, entropy: Callable[[int], bytes]) -> bytes:
    """The same query as it leaves."""
    return conceal(question, flags, road.channel(), entropy)
