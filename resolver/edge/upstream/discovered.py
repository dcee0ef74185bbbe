"""A clear upstream that may say where it is served encrypted (DDR, RFC 9462 §4), for the opportunistic profile only.

It is asked for that before anything else, and again when its answer runs out. A way that came about once is remembered as long as
the process lives: an answer that says otherwise, or none, does not undo it. Only if the way itself is closed we go back to clear
text, and that is counted and said. Nobody's question waits for it longer than `PATIENCE`.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import replace

from privacy.channel import Channel
from resolver.designated import MIN_TTL, QUESTION, SCHEMES, Way, read_designated, ways_of
from resolver.edge.converse import converse
from resolver.edge.upstream.opportunistic import NOT_FAULTS, PATIENCE, REMEMBERED, Encrypted
from resolver.edge.upstream.port import Open, Tools, Upstream, UpstreamFailed
from resolver.settings import Profile, UpstreamSpec
from wire.dns.codes import HeaderFlag, QueryFlag
from wire.dns.message import parse_received
from wire.dns.peek import peek
from wire.errors import Malformed
from wire.units import Instant

DOWNGRADE = "discovery-downgraded"
WARNINGS = {
    DOWNGRADE: "an upstream that was reached encrypted is asked in clear text: its encrypted way is closed, or kept from us"
}
"""Counters that are worth a line in the log."""


class Discovered:
    """One clear server, and the ways to it that it named. Each query is formed anew for the road that it takes."""

    def __init__(self, spec: UpstreamSpec, tools: Tools, transports: Mapping[str, Open]) -> None:
        self._spec = spec
        self._tools = tools
        self._transports = transports
        self._clear = self._open(spec)
        # One address, for the certificate must hold the one that said so.
        self._address = spec.addresses[0]
        self._first = self._open(replace(spec, addresses=spec.addresses[:1]))
        # What proves servers is read from files, which cannot be opened any more when the answer comes.
        for scheme, port in SCHEMES.values():
            if scheme in transports:
                self._open(replace(spec, scheme=scheme, name=self._address, port=port, path="/"), Profile.STRICT)
        self._named: tuple[Way, ...] = ()
        self._ways: list[Encrypted] = []
        self._in_use: Upstream | None = None
        self._was_upgraded = False
        self._ask_at = Instant(0.0)
        self._rest_until = Instant(0.0)
        self._looking: asyncio.Future[None] | None = None

    def channel(self) -> Channel:
        """The road that the last query took."""
        return (self._in_use or self._clear).channel()

    async def exchange(self, query: bytes, deadline: Instant) -> bytes:
        """As the port says, along the best way that holds."""
        await self._look(deadline)
        asked = peek(query)
        flags = QueryFlag.DO if asked.edns is not None and asked.edns.do else QueryFlag(0)
        flags |= QueryFlag.CD if asked.flags & HeaderFlag.CD else QueryFlag(0)
        road = await self._road(deadline)
        return await converse(road, asked.key, int(flags), self._tools.entropy, deadline)

    async def close(self) -> None:
        """As the port says."""
        if self._looking is not None:
            self._looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._looking
        for one in (self._clear, self._first, *self._ways):
            await one.close()

    async def _road(self, deadline: Instant) -> Upstream:
        """The first way that comes about, or the clear one."""
        ways = self._ways if self._tools.now() >= self._rest_until else []
        for way in ways:
            try:
                await way.prepare(Instant(min(deadline, self._tools.now() + PATIENCE)))
            except UpstreamFailed as failure:
                if failure.why in NOT_FAULTS:
                    raise
                continue
            self._take(way)
            return way
        if ways:
            self._step_down()
        return self._clear

    def _take(self, way: Upstream) -> None:
        if self._in_use is not way:
            proved = way.channel().authenticated
            self._tools.count("discovery-upgraded" if proved else "discovery-upgraded-unproved")
        self._in_use = way
        self._was_upgraded = True

    def _step_down(self) -> None:
        """No way came about: clear text for a while."""
        self._rest_until = Instant(self._tools.now() + REMEMBERED)
        self._in_use = None
        self._tools.count(DOWNGRADE if self._was_upgraded else "discovery-not-reached")

    async def _look(self, deadline: Instant) -> None:
        """Ask for the ways if that is due; whoever comes meanwhile waits for the same answer."""
        if self._looking is None:
            if self._tools.now() < self._ask_at:
                return
            self._looking = asyncio.ensure_future(self._find())
            self._looking.add_done_callback(self._looked)
        if not self._ways:
            left = min(PATIENCE, deadline - self._tools.now())
            await asyncio.wait({self._looking}, timeout=max(left, 0.0))

    def _looked(self, _done: object) -> None:
        self._looking = None

    async def _find(self) -> None:
        """Ask, in clear text: what is asked for tells nothing about anybody."""
        self._ask_at = Instant(self._tools.now() + MIN_TTL)
        try:
            until = Instant(self._tools.now() + PATIENCE)
            data = await converse(self._first, QUESTION, 0, self._tools.entropy, until)
            found = read_designated(parse_received(data))
        except (UpstreamFailed, Malformed):
            self._tools.count("discovery-failed")
            return
        self._ask_at = Instant(self._tools.now() + found.ttl)
        known = tuple(one for one in found.ways if one.scheme in self._transports)
        named = ways_of(known, self._spec, self._address)
        if not named:
            self._tools.count("discovery-withheld" if self._ways else "discovery-none")
        elif named != self._named:
            await self._use(named)

    async def _use(self, named: tuple[Way, ...]) -> None:
        """Go these ways from now on; those that stay keep their connections, whatever order the records came in."""
        former = dict(zip(self._named, self._ways, strict=True))
        self._named = named
        self._ways = [former.pop(way) if way in former else self._open_way(way) for way in named]
        self._rest_until = Instant(0.0)
        if self._in_use not in self._ways:
            self._in_use = None
        for one in former.values():
            await one.close()

    def _open_way(self, way: Way) -> Encrypted:
        return self._open(way.spec, Profile.STRICT if way.proved else Profile.OPPORTUNISTIC)  # type: ignore[return-value]  # can prepare

    def _open(self, spec: UpstreamSpec, profile: Profile = Profile.OPPORTUNISTIC) -> Upstream:
        return self._transports[spec.scheme](spec, profile, self._tools)
