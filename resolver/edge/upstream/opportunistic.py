"""The opportunistic profile (RFC 8310 §5): proved if it can be, encrypted if it can be, clear text last.

Never used by a strict group. What was found is remembered for a while, so that the next query does not pay again.
"""

from typing import Protocol

from privacy.channel import Channel
from resolver.edge.upstream.do53 import open_udp
from resolver.edge.upstream.port import Open, Tools, Upstream, UpstreamFailed, Why
from resolver.settings import Profile, UpstreamSpec
from wire.units import Instant

CLEAR_PORT = 53
REMEMBERED = 300.0
"""Seconds until the best rung is tried again."""

PATIENCE = 1.5
"""Seconds an encrypted connection may take to come about before the next rung is tried."""

NOT_FAULTS = frozenset({Why.BUSY, Why.NO_ADDRESS})
"""Failures that say nothing about the rung."""


class Encrypted(Upstream, Protocol):
    """A transport that can connect before it is asked."""

    async def prepare(self, deadline: Instant) -> None:
        """See that there is a connection. Raises UpstreamFailed."""


class Opportunistic:
    """A ladder: authenticated, then encrypted to anybody, then UDP (and TCP) at port 53 of the same addresses.

    Only a connection that does not come about leads down. A server that accepts queries and stays silent is a failed
    exchange as anywhere else: else whoever delays one packet could open everything.
    """

    def __init__(self, spec: UpstreamSpec, tools: Tools, open_encrypted: Open, clear_port: int = CLEAR_PORT) -> None:
        self._tools = tools
        self._encrypted: list[Encrypted] = [
            open_encrypted(spec, profile, tools)  # type: ignore[misc]  # both encrypted transports can prepare
            for profile in (Profile.STRICT, Profile.OPPORTUNISTIC)
        ]
        clear = UpstreamSpec("udp", spec.name, spec.addresses, clear_port, spec.operator, bootstrap=spec.bootstrap)
        self._clear = open_udp(clear, Profile.OPPORTUNISTIC, tools)
        self._rung = 0
        self._until = Instant(0.0)

    def channel(self) -> Channel:
        """The road as it is now."""
        self._forget()
        return self._at(self._rung).channel()

    async def exchange(self, query: bytes, deadline: Instant) -> bytes:
        """As the port says, on the best rung that holds."""
        self._forget()
        rung = self._rung
        while rung < len(self._encrypted):
            try:
                await self._encrypted[rung].prepare(Instant(min(deadline, self._tools.now() + PATIENCE)))
            except UpstreamFailed as failure:
                if failure.why in NOT_FAULTS:
                    raise
                rung = self._step_down(rung, failure.why)
                continue
            return await self._encrypted[rung].exchange(query, deadline)
        return await self._clear.exchange(query, deadline)

    async def close(self) -> None:
        """As the port says."""
        for rung in range(len(self._encrypted) + 1):
            await self._at(rung).close()

    def _at(self, rung: int) -> Upstream:
        return self._encrypted[rung] if rung < len(self._encrypted) else self._clear

    def _forget(self) -> None:
        if self._rung and self._tools.now() >= self._until:
            self._rung = 0

    def _step_down(self, rung: int, why: Why) -> int:
        """The next rung that makes sense: without a proof if the proof was the fault, else in clear text."""
        unproved = rung == 0 and why is Why.CERTIFICATE
        lower = 1 if unproved else len(self._encrypted)
        self._tools.count("opportunistic-unauthenticated" if unproved else "opportunistic-clear")
        self._rung = max(self._rung, lower)
        self._until = Instant(self._tools.now() + REMEMBERED)
        return lower
