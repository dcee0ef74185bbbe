"""Forwarding: servers asked down a plan, the next one when the first is late or fails, and what is learned of each.

Every outcome is a value.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from net.clock import now as clock
from privacy.spread import SiteSketch
from resolver.accept import Fault, Rejected, Understood, read, within
from resolver.cache.rrsets import Failed
from resolver.dnssec.clock import WallClock
from resolver.dnssec.security import Checked, Security
from resolver.dnssec.validate import Checker, Claim
from resolver.edge.attempt import Attempt
from resolver.edge.begun import DO_AND_CD, Begun
from resolver.edge.converse import converse
from resolver.edge.place import ASKED_AGAIN, Place
from resolver.edge.servers import Group, Server
from resolver.edge.sharing import Shared
from resolver.edge.transfer import Sharing
from resolver.edge.upstream.failures import EXPLANATIONS, LIES
from resolver.edge.upstream.port import Tools, Upstream, UpstreamFailed, Why
from resolver.forward import MAX_SERVERS, Candidate, Circumstances, Plan, rank
from resolver.iterate.budget import LINKS, MORE_FOR_A_KEY, Budget
from resolver.iterate.resolve import Resolved
from resolver.pipeline import Silent
from resolver.settings import CacheSettings, Profile, Strategy, UpstreamGroup, UpstreamSpec
from resolver.values import Query
from wire.dns.codes import QueryFlag
from wire.units import Epoch, Instant, Seconds

_CD = int(QueryFlag.CD)
_NOT_IN_TIME = EXPLANATIONS[Why.TIMEOUT]

TOO_LATE = Failed(_NOT_IN_TIME, given_up=True)
"""Our time is over, not that of whoever asks for us too."""


class Trip(NamedTuple):
    """What goes along with a client's question: what it may cost, and which names lead to where it is asked."""

    budget: Budget
    leads: Callable[[bytes], bool]


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
        self.shared = Shared(self.counters, "keys-shared")
        self.wall = WallClock()
        self.place = Place()
        self.sharing: Sharing | None = None
        """How copies of the root zone are shared, where there are several resolvers."""
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

    def move(self) -> list[Upstream]:
        """This machine is in another network: nothing that servers could know it by is used again, nor what was learned of the
        way to them. Gives the upstreams of before; what is under way there fails when they are closed, and is asked again."""
        self.place.left()
        self.tools.tls.forget_sessions()
        return [server.renew(self.tools) for server in self._servers.values()]

    def forgive(self) -> None:
        """What failed says nothing of anybody."""
        for server in self._servers.values():
            server.health.forget()

    def now(self) -> Instant:
        """The monotonic clock."""
        return clock()

    def date(self) -> Epoch:
        """The wall clock, but nothing that cannot be."""
        return self.wall.date(self.tools.date())

    def plan(self, name: bytes, upstream_group: int) -> Plan:
        """Whom a question for `name` would go to, in order."""
        group = self.groups[upstream_group]
        if len(group.candidates) == 1:
            return _ONLY_ONE
        site = self.site_of(name) if group.settings.strategy is Strategy.SPREAD else b""
        chance = int.from_bytes(self.tools.entropy(8), "big")
        return rank(group.settings.strategy, group.candidates, Circumstances(site, self.spread_key, chance, clock()))

    async def answer(
        self,
        query: Query,
        upstream_group: int,
        validator: Checker,
        limits: CacheSettings,
        trip: Trip,
        begun: Begun | None = None,
    ) -> Checked | Silent:
        """The first answer of the group's servers, by its strategy, that is not forged. With CD nothing is checked."""
        group = self.groups[upstream_group] if begun is None else begun.group
        plan = self.planned(query.name, upstream_group) if begun is None else begun.plan
        attempt = Attempt(self, group, query.key, limits, trip.budget, begun)

        async def examine(resolved: Resolved, server: int, again: bool) -> Checked:
            questions = OfOneOperator(self, group, server, limits, trip.budget)
            if resolved.links:
                resolved = await self._to_its_end(within(resolved, trip.leads), query.rrtype, trip, questions)
            if query.flags & _CD:
                return Checked(resolved, Security.INSECURE, None, server=server)
            claim = Claim(query.name, query.rrtype, resolved, questions, trip.budget.validation, again, server)
            return await validator.check(claim)

        return await attempt.run(plan, examine)

    @staticmethod
    async def _to_its_end(resolved: Resolved, rrtype: int, trip: Trip, questions: "OfOneOperator") -> Resolved:
        """A chain that just ends, in names that lead here too, is followed with who gave it."""
        owners = {link.rrset.owner for link in resolved.links}
        while (
            (target := resolved.onward) and target not in owners and len(resolved.links) < LINKS and trip.leads(target)
        ):
            trip.budget.widen()
            more = await questions.ask(target, rrtype)
            if isinstance(more, Failed):
                return resolved
            more = within(more, trip.leads)
            owners |= {target, *(link.rrset.owner for link in more.links)}
            resolved = Resolved((*resolved.links, *more.links), more.end, more.onward)
        return resolved

    async def obtain(
        self, question: bytes, upstream_group: int, limits: CacheSettings, budget: Budget
    ) -> Resolved | Failed:
        """What the group says, by its strategy, unchecked: for addresses of servers, and for keys, which prove themselves."""
        attempt = Attempt(self, self.groups[upstream_group], question, limits, budget)
        return await attempt.hear(self.planned(question[:-4], upstream_group))

    async def exchange(
        self, server: Server, question: bytes, limits: CacheSettings, budget: Budget, begun: Begun | None = None
    ) -> Understood | Rejected:
        """One question to one server, and what it teaches about the server; `begun` if it was put already. Raises
        UpstreamFailed."""
        if begun is not None and begun.verdict is not None:
            return begun.verdict
        health = server.health
        start = self.began(server, budget) if begun is None else begun.start
        try:
            data = await self._converse(server, question, budget, begun)
        except UpstreamFailed as error:
            if error.why is Why.BUSY:
                health.spared(error.why.value)
            else:
                health.failed(error.why.value, error.why in LIES, clock())
            raise
        except asyncio.CancelledError:
            health.given_up(Seconds(clock() - start), clock())
            raise
        return self.learned(server, question, data, start, limits, budget)

    def began(self, server: Server, budget: Budget) -> Instant:
        """A question goes out now."""
        server.health.began()
        server.queries += 1
        budget.pay(1, 0)
        return clock()

    def not_begun(self, server: Server, budget: Budget) -> None:
        """It did not after all."""
        server.health.open -= 1
        server.queries -= 1
        budget.pay(-1, 0)

    def learned(
        self, server: Server, question: bytes, data: bytes, start: Instant, limits: CacheSettings, budget: Budget
    ) -> Understood | Rejected:
        """What came, and what it teaches about the server."""
        health = server.health
        budget.pay(0, len(data))
        verdict = read(question, data, limits)
        if isinstance(verdict, Understood) or verdict.fault is Fault.RCODE:
            # An honest SERVFAIL for one name says nothing against the server.
            health.answered_after(Seconds(clock() - start))
        else:
            health.failed(verdict.fault.value, verdict.lied, clock())
        return verdict

    async def _converse(self, server: Server, question: bytes, budget: Budget, begun: Begun | None) -> bytes:
        """There and back; once more if this machine came into another network on the way. Raises UpstreamFailed."""
        here = self.place.number if begun is None else begun.place
        try:
            if begun is not None:
                return await begun.outcome()
            return await converse(server.upstream, question, DO_AND_CD, self.tools.entropy, budget.deadline)
        except UpstreamFailed:
            if not await self.place.is_another(here, budget.deadline):
                raise
        self.counters[ASKED_AGAIN] += 1
        budget.pay(1, 0)
        return await converse(server.upstream, question, DO_AND_CD, self.tools.entropy, budget.deadline)

    def planned(self, name: bytes, upstream_group: int) -> Plan:
        """The same, counted."""
        plan = self.plan(name, upstream_group)
        if plan.moved:
            self.count_moved()
        return plan

    def count_moved(self) -> None:
        """A site's own operator is down."""
        self.counters["spread-moved"] += 1

    def saw(self, server: Server, name: bytes) -> None:
        """This operator was shown a question for this name: count it, and the site in its sketch."""
        operator = server.spec.operator
        self.counters[server.shown] += 1
        sketch = self.sketches.get(operator)
        if sketch is None:
            sketch = self.sketches[operator] = SiteSketch(self._sketch_key)
        sketch.add(self.site_of(name))

    async def close(self) -> None:
        """End every connection."""
        for server in self._servers.values():
            await server.upstream.close()


class OfOneOperator:
    """DS and DNSKEY asked of who gave the answer: nobody else learns of the name (resolver.dnssec.chain.Questions)."""

    def __init__(
        self, world: ForwardingWorld, group: Group, server: int, limits: CacheSettings, budget: Budget
    ) -> None:
        self._world = world
        self._group = group
        self._limits = limits
        self._budget = budget
        self._operator = group.candidates[server].operator
        others = [c.index for c in group.candidates if c.operator == self._operator and c.index != server]
        self._plan = Plan((server, *others)[:MAX_SERVERS])

    async def ask(self, name: bytes, rrtype: int) -> Resolved | Failed:
        """As resolver.dnssec.chain.Questions; who wants the same meanwhile waits for it."""
        self._budget.widen(MORE_FOR_A_KEY)
        question = name + rrtype.to_bytes(2, "big") + b"\0\1"
        key = (id(self._group), self._operator, question)
        while True:
            found = await self._world.shared.once(key, lambda: self._hear(question), self._budget.deadline)
            if found is None:
                return TOO_LATE
            # Who asked for us too may have had less to spend than we have.
            if not isinstance(found, Failed) or not found.given_up or self._budget.is_short(clock()):
                return found

    async def _hear(self, question: bytes) -> Resolved | Failed:
        short = self._budget.is_short(clock())
        found = await Attempt(self._world, self._group, question, self._limits, self._budget).hear(self._plan)
        given_up = short or self._budget.is_used_up()
        return found._replace(given_up=True) if given_up and isinstance(found, Failed) else found

    def now(self) -> Instant:
        """The monotonic clock."""
        return clock()

    def date(self) -> Epoch:
        """The wall clock, but nothing that cannot be."""
        return self._world.date()
