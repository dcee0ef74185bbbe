"""From a question to its answer by asking authoritative servers: down the delegations, along the aliases.

Start reading at `Iterator.answer`. Plain `async` functions over the port `Outside`: no event loop is needed to run them
(docs/decisions/0009). Everything that could go on for ever is counted in one `Budget`.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from resolver.cache.rrsets import MAX_DELEGATION_TTL, MAX_SERVERS, Cut, Failed, RRsetMemory, rename
from resolver.iterate.budget import DEPTH, LINKS, Budget
from resolver.iterate.delegation import endpoints_of, hinted, ordered
from resolver.iterate.failures import CYCLE, FORGED, NO_ADDRESS, NOBODY, PAUSED, TOO_DEEP, TOO_MANY, TOO_MANY_ALIASES
from resolver.iterate.local_root import RootHolder
from resolver.iterate.minimise import Question, Trouble, Way, is_top
from resolver.iterate.outages import Outages
from resolver.iterate.port import Endpoint, Outside
from resolver.iterate.run import Elsewhere, Run
from resolver.iterate.servers import Servers
from resolver.iterate.verdict import (
    Alias,
    Answer,
    Chain,
    NameServer,
    Negative,
    Positive,
    Referral,
    RRset,
    TooLong,
    Verdict,
)
from resolver.iterate.zone import Round, Wanted
from resolver.settings import Family, Iteration
from wire.dns.codes import RecordType
from wire.dns.names import ROOT, is_below, parent
from wire.units import Instant

_A, _NS, _AAAA, _DS = (int(RecordType[t]) for t in ("A", "NS", "AAAA", "DS"))

_ADDRESS_TYPES = {
    Family.ANY: (_A, _AAAA),
    Family.PREFER_IPV4: (_A, _AAAA),
    Family.PREFER_IPV6: (_AAAA, _A),
    Family.ONLY_IPV4: (_A,),
    Family.ONLY_IPV6: (_AAAA,),
}
"""Which address types of a server's name are looked up, in order, until there is one."""

_TRANSLATED_TYPES = (_AAAA, _A)
"""The same where a translator reaches IPv4."""

FAILURE_PAUSE = 60.0
"""Seconds for which a server's name whose address could not be found is not looked up again, and a delegation that led
nowhere is not asked for again (RFC 9520 §3.2)."""

Path = tuple[tuple[bytes, int], ...]
"""The goals that wait for the present one, outermost first: (name, type)."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """An answer: the aliases on the way, and the end of it. `end` is None if the last target is another route's
    (`onward`)."""

    links: tuple[Alias, ...]
    end: Positive | Negative | TooLong | None
    onward: bytes = b""


class Iterator:
    """The mind of one iteration; shared by all its questions."""

    def __init__(
        self, settings: Iteration, memory: RRsetMemory, servers: Servers, local: RootHolder | None = None
    ) -> None:
        """`local` answers for the root's servers, as far as it can (RFC 8806)."""
        self.settings = settings
        self.local = local
        self.memory = memory
        self.servers = servers
        self.outages = Outages()
        self.counters: Counter[str] = Counter()
        self.primed: Positive | None = None
        """What the root's servers were last said to be, until somebody has looked whether it is proved."""
        self._hints = hinted(settings)
        self._configured = frozenset(e for server in self._hints.servers for e in server.endpoints)

    async def answer(
        self,
        name: bytes,
        rrtype: int,
        outside: Outside,
        budget: Budget,
        leads: Callable[[bytes], bool],
        *,
        elsewhere: Elsewhere | None = None,
        anew: bool = False,
        singly: bool = False,
    ) -> Resolved | Failed:
        """What `name` (folded) has of `rrtype`. `leads(name)` tells whether an alias' target stays on this route;
        `anew` asks even if the answer is remembered; `singly` asks for the target of each alias by itself. Raises nothing."""
        run = Run(outside, budget, leads, elsewhere)
        links: list[Alias] = []
        owners = {name}
        while True:
            found = await self._find(run, name, rrtype, (), anew)
            if isinstance(found, Failed):
                return found
            if not isinstance(found, Chain):
                return Resolved(tuple(links), found)
            found = Chain(found.links[:1]) if singly else found
            away = next((at for at, link in enumerate(found.links) if not leads(link.target)), None)
            if away is not None and found.links[away].target != found.links[away].rrset.owner:
                # Another route's, or a special name: what this zone's servers say of it does not count.
                onward = found.links[away].target
                looped = onward in owners or len(links) + away >= LINKS
                return TOO_MANY_ALIASES if looped else Resolved((*links, *found.links[: away + 1]), None, onward)
            links += found.links
            name = found.target
            if name == found.links[-1].rrset.owner:
                # Its own alias: there is nothing behind it to look for.
                return Resolved(tuple(links), None)
            if len(links) > LINKS or name in owners:
                return TOO_MANY_ALIASES
            owners |= {link.target for link in found.links}
            if found.end is not None:
                return Resolved(tuple(links), found.end)
            budget.widen()

    async def _find(self, run: Run, name: bytes, rrtype: int, path: Path, anew: bool = False) -> Answer | Failed:
        """One goal, aliases not followed: remembered, or asked for from the deepest known cut down."""
        if not anew:
            known = self.memory.recall(name, rrtype, run.outside.now())
            if known is not None:
                return known
        if (name, rrtype) in path:
            return CYCLE
        if len(path) > DEPTH:
            return TOO_DEEP
        path = (*path, (name, rrtype))
        given_up: list[Cut] = []
        while True:
            cut = self._deepest(name, rrtype, run, anew) or await self._top(run, path)
            outcome = await self._descend(run, cut, Question(name, rrtype, True), path, anew)
            if not isinstance(outcome, Failed):
                return outcome
            useless = self._give_up(run, name, outcome)
            if useless is None:
                break
            given_up.append(useless)
        # If the parents have nothing to say either, what they said before is better than nothing.
        for cut in given_up:
            self.memory.restore_cut(cut, run.outside.now())
        return outcome

    def _give_up(self, run: Run, name: bytes, failed: Failed) -> Cut | None:
        """Forget a remembered delegation that led nowhere, so that its parent is asked again; once for each zone in a while,
        and not if it was learned just now."""
        now = run.outside.now()
        cut = self.memory.cut(name, now)
        if cut is None or failed.cycle or failed.ours or run.budget.restarts <= 0 or cut.referral.zone in run.settled:
            return None
        zone = cut.referral.zone
        # An outage of a zone must not become one more question to its parent for every name asked below it.
        if run.budget.lookups <= 0 or run.budget.spent(now) or self.memory.failed(zone, _NS, now) is not None:
            return None
        run.budget.restarts -= 1
        run.settled.add(zone)
        self.memory.forget_cut(zone)
        self.memory.store_failure(zone, _NS, failed, FAILURE_PAUSE, now)
        return cut

    # -- where to begin

    def _deepest(self, name: bytes, rrtype: int, run: Run, anew: bool) -> Cut | None:
        """The deepest remembered delegation on the way to the goal; one that will not end soon, if all is asked `anew`."""
        now = run.outside.now()
        # DS belongs to the parent's side of a cut (RFC 4035 §3.1.4.1).
        cut = self.memory.cut(parent(name) if rrtype == _DS else name, now)
        while cut is not None and anew and cut.is_ending(now):
            zone = cut.referral.zone
            cut = None if zone == ROOT else self.memory.cut(parent(zone), now)
        return cut

    async def _top(self, run: Run, path: Path) -> Cut:
        """The servers of the zone where all begins: primed, if they are hints only (RFC 9609)."""
        hints = Cut(self._hints, run.outside.now() + MAX_DELEGATION_TTL)
        if not self.settings.prime or self.memory.failed(self._hints.zone, _NS, run.outside.now()) is not None:
            return hints
        verdict = await self._ask(run, self._hints, Question(self._hints.zone, _NS, True), path)
        now = run.outside.now()
        if not isinstance(verdict, Positive):
            return hints
        # Hints that were configured go before what the answer says of the same server: both are glue (RFC 9609 §4.2).
        configured = {server.name: server for server in self._hints.servers}
        named = verdict.servers or tuple(map(NameServer, verdict.rrset.rdatas))
        servers = tuple(configured.get(server.name, server) for server in named[:MAX_SERVERS])
        if not any(server.endpoints for server in servers):
            servers = (*self._hints.servers, *servers)
        self.memory.store(self._hints.zone, _NS, verdict, now)
        self.primed = verdict
        primed = Referral(self._hints.zone, servers, verdict.rrset.ttl)
        return self.memory.store_cut(primed, hints.expires, now)

    def distrust_priming(self, now: Instant) -> None:
        """What the root's servers were said to be is forged: the hints are asked, and nobody who they are, for a while."""
        self.memory.forget_cut(self._hints.zone)
        self.memory.forget(self._hints.zone, _NS)
        self.memory.store_failure(self._hints.zone, _NS, FORGED, FAILURE_PAUSE, now)

    # -- down the delegations

    async def _descend(self, run: Run, cut: Cut, goal: Question, path: Path, anew: bool) -> Answer | Failed:
        """Ask down from `cut`, a label more each time, until the goal itself is answered (RFC 9156 §3)."""
        name, rrtype = goal.name, goal.rrtype
        way = Way(name, rrtype, cut.referral.zone, self.settings.minimisation, self.settings.zone)
        while True:
            question = way.question()
            seen = self._seen(question, run.outside.now(), anew)
            verdict = seen or await self._ask(run, cut.referral, question, path)
            way.asked += seen is None
            if seen is None and isinstance(verdict, Positive | Negative | Chain | TooLong):
                verdict = self.memory.store_answer(question.name, question.rrtype, verdict, run.outside.now())
            trouble = way.trouble(question, verdict)
            if trouble is not None:
                if seen is None:
                    self._note_trouble(run, question, trouble, verdict)
                way.passed_over(question.name, trouble)
                continue
            match verdict:
                case Referral():
                    cut = self.memory.store_cut(verdict, cut.expires, run.outside.now())
                    way.enter(verdict.zone)
                    run.settled.add(verdict.zone)
                case Failed() | Negative(absent=True):
                    return verdict
                case Positive() | Negative() | Chain() | TooLong() if question.whole:
                    return verdict
                case Chain(links=(Alias(dname=RRset() as dname), *_)):
                    renamed = rename(name, dname)
                    return renamed if isinstance(renamed, TooLong) else Chain((renamed,))
                case _:
                    way.passed(question.name)

    def _seen(self, question: Question, now: Instant, anew: bool) -> Answer | Failed | None:
        """Names in between that are known are not asked for again (RFC 9156 §3, step 5), nor those that servers err on; but
        those that were denied are if all is asked `anew`, for the denial may be what did not hold."""
        if question.whole:
            return None
        known = self.memory.recall(question.name, question.rrtype, now)
        if anew and isinstance(known, Negative) and known.absent:
            return None
        return known or (self.memory.failed(question.name, question.rrtype, now) if question.hasty else None)

    def _note_trouble(self, run: Run, question: Question, trouble: Trouble, verdict: Verdict | Failed) -> None:
        self.counters[trouble.value] += 1
        now = run.outside.now()
        if isinstance(verdict, Failed) and not run.budget.spent(now):
            self.memory.store_failure(question.name, question.rrtype, verdict, FAILURE_PAUSE, now)

    async def _ask(self, run: Run, cut: Referral, question: Question, path: Path) -> Verdict | Failed:
        """One question to the servers of `cut`; the addresses of those without glue are looked up as they are needed."""
        if self.local is not None and cut.zone == ROOT:
            said = self.local.verdict(question.name, question.rrtype, run.outside.now())
            if said is not None:
                return said
        now, settings = run.outside.now(), self.settings
        if self.outages.pausing(cut, run, now):
            return PAUSED
        name, rrtype, whole, hasty = question
        wanted = Wanted(cut.zone, name, rrtype, settings.port, whole, settings.probe_encryption, hasty)
        # What its own zone says of a server's addresses comes before what the parent says (RFC 2181 §5.4.1).
        servers = [(server, self._own_endpoints(server.name, now)) for server in cut.servers]
        known = self._allowed(e for server, own in servers for e in (*own, *server.endpoints))
        untried = [server.name for server, own in servers if not server.endpoints and not self._allowed(own)]
        search = Search(self, run, [server.name for server in cut.servers], untried, path)
        outcome = await Round(wanted, self.memory, self.servers, run.budget, run.outside).run(known, search.more)
        self._note_outage(run, cut, question, outcome)
        if isinstance(outcome, Failed) and not known and not search.found:
            return CYCLE if search.cycle else TOO_MANY if search.cut_short else NO_ADDRESS
        return outcome

    def _note_outage(self, run: Run, cut: Referral, question: Question, outcome: Verdict | Failed) -> None:
        """Whether all servers of the zone err. That those of the root and of top-level domains do is rather our network."""
        now = run.outside.now()
        if not isinstance(outcome, Failed):
            self.outages.answered(cut.zone)
        elif (
            outcome != NOBODY
            and not outcome.ours
            and not (question.hasty or is_top(cut.zone, self.settings.zone) or run.budget.spent(now))
        ):
            self.outages.erred(cut, question.name, now)

    def _own_endpoints(self, name: bytes, now: Instant) -> tuple[Endpoint, ...]:
        """What is known of a server's addresses from its own zone, allowed or not."""
        rdatas = (*self.memory.data(name, _A, now), *self.memory.data(name, _AAAA, now))
        return endpoints_of(rdatas, self.settings.port)

    def _allowed(self, endpoints: Iterable[Endpoint]) -> tuple[Endpoint, ...]:
        return ordered(endpoints, self.settings, self._configured)

    async def address(
        self, run: Run, name: bytes, rrtype: int, path: Path, alias: bool = False
    ) -> tuple[Endpoint, ...] | Failed | Negative:
        """The endpoints that a server's name has, by its own zone or by the route it belongs to. `alias`: it is one
        already."""
        if not is_below(name, self.settings.zone) or not run.leads(name):
            rdatas = await run.elsewhere(name, rrtype, run.budget) if run.elsewhere else ()
            if isinstance(rdatas, Failed):
                return rdatas
            return self._allowed(endpoints_of(rdatas, self.settings.port))
        content = await self._find(run, name, rrtype, path)
        if isinstance(content, Chain):
            # A server's name should be no alias (RFC 2181 §10.3); some are, and one step of it is gone along.
            # As a name of its own: it may be another route's, or one that must not leave.
            return () if alias else await self.address(run, content.target, rrtype, path, alias=True)
        if isinstance(content, Failed) or (isinstance(content, Negative) and content.absent):
            return content
        rdatas = content.rrset.rdatas if isinstance(content, Positive) else ()
        return self._allowed(endpoints_of(rdatas, self.settings.port))

    def glue(self, name: bytes, now: Instant) -> tuple[Endpoint, ...]:
        """What delegations on the way to a server's name say of it, for want of better; the deepest that says anything."""
        cut = self.memory.cut(name, now)
        while cut is not None:
            glue = self._allowed(e for server in cut.referral.servers if server.name == name for e in server.endpoints)
            zone = cut.referral.zone
            if glue or zone == ROOT:
                return glue
            cut = self.memory.cut(parent(zone), now)
        return ()


class Search:
    """Looks for further addresses of a zone's servers, one name after another, in an order that nobody can foresee."""

    def __init__(self, iterator: Iterator, run: Run, names: list[bytes], untried: list[bytes], path: Path) -> None:
        self._iterator = iterator
        self._run = run
        self._path = path
        self._names = names
        self._untried = untried
        self.cycle = False
        self.found = False

    @property
    def cut_short(self) -> bool:
        """Whether there are names that nobody looked up, for there were too many."""
        return bool(self._untried) and self._run.budget.lookups <= 0

    async def more(self) -> tuple[Endpoint, ...]:
        """Endpoints that were not known so far; empty once there are no more."""
        outside, budget = self._run.outside, self._run.budget
        while self._untried and budget.lookups > 0 and not budget.spent(outside.now()):
            found = await self._look_up(self._untried.pop(outside.chance() % len(self._untried)))
            if found:
                self.found = True
                return found
        names, self._names = self._names, []
        glue = tuple(e for name in names for e in self._iterator.glue(name, outside.now()))
        self.found = self.found or bool(glue)
        return glue

    async def _look_up(self, name: bytes) -> tuple[Endpoint, ...]:
        run, memory = self._run, self._iterator.memory
        if any(name == goal for goal, _ in self._path):
            # Whatever is asked of that name, its zone's servers are needed, and it is one of them.
            self.cycle = True
            return ()
        settings = self._iterator.settings
        types = _TRANSLATED_TYPES if settings.nat64 else _ADDRESS_TYPES[settings.family]
        for rrtype in types:
            if run.budget.lookups <= 0 or memory.failed(name, rrtype, run.outside.now()) is not None:
                continue
            run.budget.lookups -= 1
            found = await self._iterator.address(run, name, rrtype, self._path)
            if isinstance(found, Failed):
                # The other type would be asked of the same servers.
                self._note(name, rrtype, found)
                break
            if isinstance(found, Negative):
                # Without an SOA nothing says how long it holds, and every question for the zone would ask again.
                for one in types if found.soa is None else ():
                    memory.store_failure(name, one, NO_ADDRESS, FAILURE_PAUSE, run.outside.now())
                break
            if found:
                return found
        return ()

    def _note(self, name: bytes, rrtype: int, failed: Failed) -> None:
        """A cycle is known anew without asking anybody; any other failure that is not ours is remembered for a while."""
        now = self._run.outside.now()
        if failed.cycle:
            self.cycle = True
        elif not (failed.ours or self._run.budget.spent(now)):
            self._iterator.memory.store_failure(name, rrtype, failed, FAILURE_PAUSE, now)
