"""Forwarding: servers asked down a plan, the next one when the first is late or fails, and what is learned of each.

Every outcome is a value.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from net.clock import now as clock
from privacy.spread import SiteSketch
from resolver.accept import Accepted, Fault, Rejected, judge
from resolver.edge.converse import converse
from resolver.edge.upstream import open_upstream
from resolver.edge.upstream.port import Tools, Upstream, UpstreamFailed, Why
from resolver.forward import Candidate, Circumstances, Plan, rank
from resolver.pipeline import Heard, Silent
from resolver.servers import Health
from resolver.settings import CacheSettings, Profile, Strategy, UpstreamGroup, UpstreamSpec
from resolver.snapshot import Snapshot
from resolver.values import Explanation, Query
from wire.dns.codes import ExtendedError, Rcode
from wire.units import Instant, Seconds

ASK_ONCE_PATIENCE = 5.0
"""Seconds for `ask_once`."""

MOVE_AFTER = 2.0
"""Seconds of silence after which a site's operator counts as failed for a question, and the next one is asked."""

LIES = frozenset({Why.MALFORMED, Why.MISMATCH})

UNSEEN = frozenset({Why.UNREACHABLE, Why.CERTIFICATE, Why.TLS, Why.BUSY, Why.NO_ADDRESS})
"""Failures before anything was sent: the operator learned nothing."""

EXPLANATIONS = {
    Why.TIMEOUT: Explanation(ExtendedError.NO_REACHABLE_AUTHORITY, "no upstream answered in time"),
    Why.UNREACHABLE: Explanation(ExtendedError.NETWORK_ERROR, "no upstream could be reached"),
    Why.RESET: Explanation(ExtendedError.NETWORK_ERROR, "upstreams ended their connections"),
    Why.CERTIFICATE: Explanation(ExtendedError.NETWORK_ERROR, "no upstream proved its name or key; nothing was sent"),
    Why.TLS: Explanation(ExtendedError.NETWORK_ERROR, "no secure connection to an upstream"),
    Why.MALFORMED: Explanation(ExtendedError.INVALID_DATA, "upstreams sent what is no answer"),
    Why.MISMATCH: Explanation(ExtendedError.INVALID_DATA, "upstreams answered another question"),
    Why.TOO_LARGE: Explanation(ExtendedError.INVALID_DATA, "an upstream's answer was too large"),
    Why.HTTP: Explanation(ExtendedError.NETWORK_ERROR, "upstreams answered with an HTTP error"),
    Why.GOAWAY: Explanation(ExtendedError.NETWORK_ERROR, "upstreams closed their connections"),
    Why.BUSY: Explanation(ExtendedError.NETWORK_ERROR, "every upstream is at its limit"),
    Why.NO_ADDRESS: Explanation(ExtendedError.NETWORK_ERROR, "an upstream's address is not known"),
}


BOGUS_EXPLANATION = Explanation(ExtendedError.DNSSEC_BOGUS, "an upstream says that the data are not genuine")


class Server:
    """One upstream with its record and its operator's share."""

    __slots__ = ("health", "queries", "spec", "upstream")

    def __init__(self, spec: UpstreamSpec, profile: Profile, tools: Tools) -> None:
        self.spec = spec
        self.upstream: Upstream = open_upstream(spec, profile, tools)
        self.health = Health()
        self.queries = 0


@dataclass(frozen=True, slots=True)
class Group:
    """An upstream group with its servers opened."""

    settings: UpstreamGroup
    servers: tuple[Server, ...]
    candidates: tuple[Candidate, ...]


_ONLY_ONE = Plan((0,))

SiteOf = Callable[[bytes], bytes]
"""The registrable domain of a folded name, folded."""


class ForwardingWorld:
    """The World over real upstreams. `site_of` needs the public suffix list and so comes from above."""

    def __init__(self, tools: Tools, spread_key: bytes, site_of: SiteOf) -> None:
        self.tools = tools
        self.spread_key = spread_key
        self.site_of = site_of
        self.counters: Counter[str] = Counter()
        self.groups: tuple[Group, ...] = ()
        self.sketches: dict[str, SiteSketch] = {}
        self._sketch_key = tools.entropy(32)
        self._servers: dict[tuple[UpstreamSpec, Profile], Server] = {}

    def use(self, groups: tuple[UpstreamGroup, ...]) -> list[Upstream]:
        """Take these groups; servers that stay keep their connections and records. Gives those that are not used any more."""
        known, self._servers = self._servers, {}
        self.groups = tuple(self._open(group, known) for group in groups)
        return [server.upstream for key, server in known.items() if key not in self._servers]

    def _open(self, group: UpstreamGroup, known: dict[tuple[UpstreamSpec, Profile], Server]) -> Group:
        servers = []
        for spec in group.servers:
            key = (spec, group.profile)
            server = self._servers.get(key) or known.get(key) or Server(spec, group.profile, self.tools)
            self._servers[key] = server
            servers.append(server)
        candidates = tuple(Candidate(i, server.spec.operator, server.health) for i, server in enumerate(servers))
        return Group(group, tuple(servers), candidates)

    def now(self) -> Instant:
        """The monotonic clock."""
        return clock()

    def plan(self, name: bytes, upstream_group: int) -> Plan:
        """Whom a question for `name` would go to, in order."""
        group = self.groups[upstream_group]
        if len(group.candidates) == 1:
            return _ONLY_ONE
        site = self.site_of(name) if group.settings.strategy is Strategy.SPREAD else b""
        chance = int.from_bytes(self.tools.entropy(8), "big")
        return rank(group.settings.strategy, group.candidates, Circumstances(site, self.spread_key, chance, clock()))

    async def ask(
        self,
        query: Query,
        upstream_group: int,
        limits: CacheSettings,
        deadline: Instant,
        *,
        snapshot: Snapshot,
        anew: bool = False,
    ) -> Heard | Silent:
        """As resolver.pipeline.World: every question here is asked anew, and forwarders follow aliases themselves."""
        group = self.groups[upstream_group]
        plan = self.plan(query.name, upstream_group)
        if plan.moved:
            self.counters["spread-moved"] += 1
        attempt = Attempt(self, group, query, limits, deadline)
        return await attempt.run(plan)

    async def exchange(
        self, server: Server, query: Query, limits: CacheSettings, deadline: Instant
    ) -> Accepted | Rejected:
        """One question to one server, and what it teaches about the server. Raises UpstreamFailed."""
        health, start = server.health, clock()
        health.began()
        server.queries += 1
        try:
            data = await converse(server.upstream, query.key, query.flags, self.tools.entropy, deadline)
        except UpstreamFailed as error:
            health.failed(error.why.value, error.why in LIES, clock())
            raise
        except asyncio.CancelledError:
            health.given_up(Seconds(clock() - start), clock())
            raise
        verdict = judge(query, data, limits)
        if isinstance(verdict, Accepted) or verdict.fault is Fault.RCODE:
            # An honest SERVFAIL for one name says nothing against the server.
            health.answered_after(Seconds(clock() - start))
        else:
            health.failed(verdict.fault.value, verdict.lied, clock())
        return verdict

    def saw(self, server: Server, query: Query) -> None:
        """This operator was shown this question: count it, and the site in its sketch."""
        operator = server.spec.operator
        self.counters[f"operator:{operator}"] += 1
        sketch = self.sketches.get(operator)
        if sketch is None:
            sketch = self.sketches[operator] = SiteSketch(self._sketch_key)
        sketch.add(self.site_of(query.name))

    async def close(self) -> None:
        """End every connection."""
        for server in self._servers.values():
            await server.upstream.close()


async def ask_once(spec: UpstreamSpec, profile: Profile, query: Query, tools: Tools) -> bytes:
    """Open one server, ask it one question, close it; the response, unchecked. Raises UpstreamFailed."""
    upstream = open_upstream(spec, profile, tools)
    try:
        return await converse(upstream, query.key, query.flags, tools.entropy, Instant(tools.now() + ASK_ONCE_PATIENCE))
    finally:
        await upstream.close()


class Attempt:
    """One question on its way down a plan: the first answer wins, the others are given up."""

    def __init__(
        self, world: ForwardingWorld, group: Group, query: Query, limits: CacheSettings, deadline: Instant
    ) -> None:
        self._world = world
        self._group = group
        self._query = query
        self._limits = limits
        self._deadline = deadline
        self._last = EXPLANATIONS[Why.TIMEOUT]
        self._rcode: int = Rcode.SERVFAIL
        self._bogus = False

    async def run(self, plan: Plan) -> Heard | Silent:
        """Down the plan until one answers."""
        if len(plan.order) == 1:
            return await self._try(plan.order[0]) or self._silent()
        left = list(plan.order)
        running: set[asyncio.Task[Heard | None]] = set()
        for _ in range(plan.at_once):
            self._start(left, running)
        hedges, moved = plan.hedged - plan.at_once, plan.moved
        try:
            while running:
                may_hedge = bool(left) and hedges > 0
                patience = self._patience(plan, left, may_hedge)
                done, running = await asyncio.wait(running, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
                heard = next((task.result() for task in done if task.result() is not None), None)
                if heard is not None:
                    return heard
                if clock() >= self._deadline:
                    break
                if not done and may_hedge:
                    self._world.counters["hedged"] += 1
                if (not done or not running) and left:
                    if hedges <= 0 and not moved:
                        moved = True
                        self._world.counters["spread-moved"] += 1
                    self._start(left, running)
                    hedges -= 1
            return self._silent()
        finally:
            for task in running:
                task.cancel()

    def _start(self, left: list[int], running: "set[asyncio.Task[Heard | None]]") -> None:
        """Ask the next server too, if there is one."""
        if left:
            running.add(asyncio.get_running_loop().create_task(self._try(left.pop(0))))

    def _patience(self, plan: Plan, left: list[int], may_hedge: bool) -> float:
        """Seconds to wait for those running."""
        until_end = max(self._deadline - clock(), 0.0)
        if not may_hedge:
            return min(MOVE_AFTER, until_end) if left else until_end
        asked = plan.order[len(plan.order) - len(left) - 1]
        return min(self._group.servers[asked].health.hedge_delay(), until_end)

    async def _try(self, index: int) -> Heard | None:
        """One server; its failure is remembered as the explanation."""
        world, server = self._world, self._group.servers[index]
        shown = True
        try:
            verdict = await world.exchange(server, self._query, self._limits, self._deadline)
        except UpstreamFailed as error:
            shown = error.why not in UNSEEN
            world.counters[f"failed-{error.why.value}"] += 1
            self._last = EXPLANATIONS[error.why]
            return None
        finally:
            # Also when given up: the question may be there already.
            if shown:
                world.saw(server, self._query)
        if isinstance(verdict, Accepted):
            if verdict.dropped:
                world.counters["records-dropped"] += verdict.dropped
            return Heard(verdict, index, verdict.onward)
        world.counters[f"rejected-{verdict.fault.value}"] += 1
        if verdict.bogus:
            self._bogus = True
        elif verdict.fault is Fault.RCODE:
            self._last = Explanation(ExtendedError.OTHER, f"the upstream says {_name(verdict.rcode)}")
            self._rcode = verdict.rcode if verdict.rcode == Rcode.REFUSED else Rcode.SERVFAIL
        else:
            self._last = EXPLANATIONS[Why.MISMATCH if verdict.fault is Fault.MISMATCH else Why.MALFORMED]
        return None

    def _silent(self) -> Silent:
        return Silent(BOGUS_EXPLANATION) if self._bogus else Silent(self._last, self._rcode)


def _name(rcode: int) -> str:
    try:
        return Rcode(rcode).name
    except ValueError:
        return f"code {rcode}"
