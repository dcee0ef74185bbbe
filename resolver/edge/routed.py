"""The World of the pipeline: a question goes to its upstream group or to its iteration, and its answer is validated."""

from collections import Counter
from collections.abc import Callable

from resolver.cache.rrsets import Cut, Failed
from resolver.dnssec.clock import WRONG_CLOCK, Doubting
from resolver.dnssec.security import Checked, Security
from resolver.dnssec.validate import Checker, Claim
from resolver.edge.begun import AtHand, Begun
from resolver.edge.iterating import Iterations
from resolver.edge.upstream.failures import EXPLANATIONS
from resolver.edge.upstream.port import Why
from resolver.edge.validating import Validators
from resolver.edge.world import ForwardingWorld, Trip
from resolver.iterate.budget import MORE_FOR_A_KEY, Budget
from resolver.iterate.failures import DOUBTED
from resolver.iterate.resolve import FAILURE_PAUSE, Iterator, Resolved
from resolver.iterate.verdict import Negative, Positive, RRset
from resolver.pipeline import Heard, Silent
from resolver.policy import decide_for_all
from resolver.settings import CacheSettings
from resolver.snapshot import Snapshot
from resolver.values import Explanation, Query
from wire.dns.codes import ExtendedError, QueryFlag, RecordType
from wire.dns.names import ROOT, is_below, parent
from wire.units import Epoch, Instant

CHANGED = Silent(Explanation(ExtendedError.NOT_READY, "the configuration has just changed"))
NO_DATE = Silent(WRONG_CLOCK)
NO_CERTIFICATE = Silent(
    Explanation(
        ExtendedError.NETWORK_ERROR, "the clock is wrong, and so no upstream can prove its name; those with pins could"
    )
)
NOWHERE = Failed(Explanation(ExtendedError.NO_REACHABLE_AUTHORITY, "no route leads there"))
TRIES = 3
"""How often an answer is asked for in all while what comes does not hold, each time of servers that have not lied."""

DEPTH = 4
"""Routes that need each other: look-ups along other routes inside each other."""

_SIZES = {int(RecordType.A): 4, int(RecordType.AAAA): 16}
_DS, _NS = int(RecordType.DS), int(RecordType.NS)
_CD = int(QueryFlag.CD)


class RoutedWorld:
    """Forwarding and iterating behind one door. Indices: upstream groups first, then iterations."""

    def __init__(self, forwarding: ForwardingWorld, iterations: Iterations) -> None:
        self.forwarding = forwarding
        self.iterations = iterations
        self.counters: Counter[str] = forwarding.counters
        self.validators = Validators(self.counters)
        self.at_hand = AtHand(forwarding)
        self.current: Snapshot | None = None
        """The settings whose groups and iterations are open. Indices of others may mean something else."""

    def use(self, snapshot: Snapshot) -> None:
        """Take these settings; their groups and iterations are open."""
        self.current = snapshot
        self.validators.use(snapshot.settings)

    def iterator(self, place: int) -> Iterator | None:
        """The iterator at an index of a route; None if an upstream group is there."""
        behind = place - len(self.forwarding.groups)
        return self.iterations.iterators[behind] if behind >= 0 else None

    async def ask(
        self,
        query: Query,
        upstream_group: int,
        limits: CacheSettings,
        budget: Budget,
        *,
        snapshot: Snapshot,
        anew: bool = False,
    ) -> Heard | Silent:
        """As resolver.pipeline.World."""
        checked = await self.prove(query, upstream_group, limits, budget, snapshot=snapshot, anew=anew)
        return checked if isinstance(checked, Silent) else self.validators.finish(query, checked, limits)

    async def prove(
        self,
        query: Query,
        upstream_group: int,
        limits: CacheSettings,
        budget: Budget,
        *,
        snapshot: Snapshot,
        anew: bool = False,
        validator: Checker | None = None,
    ) -> Checked | Silent:
        """The answer and what it is worth, by `validator` instead of the one that is there; with CD nothing is checked."""
        begun, budget.begun = budget.begun, None
        if isinstance(begun, Begun):
            return await self._take_over(begun, snapshot, query, upstream_group, limits, budget)
        if not self.serves(snapshot):
            return CHANGED
        usual = self._validator(query, upstream_group)
        if isinstance(usual, Silent):
            return usual
        validator = validator or usual
        errand = _Errand(self, snapshot, query, limits)
        iterator = self.iterator(upstream_group)
        if iterator is None:
            trip = Trip(budget, errand.leads_to(upstream_group))
            outcome = await self.forwarding.answer(query, upstream_group, validator, limits, trip)
            unproved = self.forwarding.wall.wrong and outcome == Silent(EXPLANATIONS[Why.CERTIFICATE])
            return NO_CERTIFICATE if unproved else outcome
        return await self._iterate(iterator, validator, upstream_group, errand, budget, anew)

    async def _take_over(
        self, begun: Begun, snapshot: Snapshot, query: Query, place: int, limits: CacheSettings, budget: Budget
    ) -> Checked | Silent:
        """Go on with a question that was put to the first server before. What its place means may have changed since."""
        trip = Trip(budget, _Errand(self, snapshot, query, limits).leads_to(place))
        validator = Doubting(begun.validator, self.forwarding.wall)
        return await self.forwarding.answer(query, place, validator, limits, trip, begun)

    def _validator(self, query: Query, place: int) -> Checker | Silent:
        """Who tells the worth of the answer; or that nobody can, for the clock is wrong: then nobody is asked."""
        if not self.forwarding.wall.wrong or query.flags & _CD:
            return Doubting(self.validators.at(place), self.forwarding.wall)
        undated = self.validators.undated(place)
        if undated.answers(query.name, query.rrtype, self.date()):
            return undated
        self.counters["clock-refused"] += 1
        return NO_DATE

    async def _iterate(
        self, iterator: Iterator, validator: Checker, place: int, errand: "_Errand", budget: Budget, anew: bool
    ) -> Checked | Silent:
        """What does not hold is asked for again, of other servers."""
        query, doubted = errand.query, list[Cut]()
        former: Checked | None = None
        left = TRIES
        while True:
            left -= 1
            budget.heard.clear()
            # What came along with an alias may lack what proves it.
            singly = former is not None
            resolved = await errand.iterate(iterator, place, query.name, query.rrtype, budget, anew=anew, singly=singly)
            if isinstance(resolved, Failed):
                # Where the parents have nothing to say either, what they said before is better than nothing.
                for cut in doubted:
                    iterator.memory.restore_cut(cut, self.now())
                return former or Silent(resolved.explanation, ours=resolved.ours)
            if query.flags & _CD:
                return Checked(resolved, Security.INSECURE, None)
            again = former is not None
            keys = _Keys(errand, iterator, place, budget, again)
            checked = await validator.check(Claim(query.name, query.rrtype, resolved, keys, budget.validation, again))
            await self._check_priming(iterator, validator, keys, budget)
            if checked.security not in (Security.BOGUS, Security.INDETERMINATE):
                _cut_off(iterator, query.name, checked, self.now())
                return checked
            former, anew = former or checked, True
            budget.shunned |= budget.heard
            for name in (query.name, *(link.target for link in resolved.links)):
                iterator.memory.forget(name, query.rrtype)
                if again and left:
                    # Nobody signs who a zone's servers are.
                    zone = iterator.settings.zone
                    doubted += iterator.memory.doubt(name, zone, DOUBTED, FAILURE_PAUSE, self.now())
            if not left:
                return former

    async def _check_priming(self, iterator: Iterator, validator: Checker, keys: "_Keys", budget: Budget) -> None:
        """Whether the root itself says that these are its servers (RFC 9609 §4.3); their addresses nobody signs."""
        primed, iterator.primed = iterator.primed, None
        if primed is None or iterator.settings.zone != ROOT:
            return
        checked = await validator.check(Claim(ROOT, _NS, Resolved((), primed), keys, budget.validation))
        if checked.security is Security.BOGUS:
            self.counters["priming-forged"] += 1
            iterator.distrust_priming(self.now())

    def serves(self, snapshot: Snapshot) -> bool:
        """Whether the indices in `snapshot` are those of what is open."""
        current = self.current
        return current is None or snapshot is current or snapshot.places == current.places

    def now(self) -> Instant:
        """The monotonic clock."""
        return self.forwarding.now()

    def date(self) -> Epoch:
        """The wall clock, but nothing that cannot be."""
        return self.forwarding.date()

    async def close(self) -> None:
        """End every connection."""
        await self.forwarding.close()
        await self.iterations.close()


def _cut_off(iterator: Iterator, name: bytes, checked: Checked, now: Instant) -> None:
    """Below a name that is proved not to exist nothing does (RFC 8020): no server learns what else is asked there."""
    resolved = checked.resolved
    match resolved.end:
        case Negative(absent=True, soa=RRset()) as negative if checked.security is Security.SECURE:
            last = resolved.links[-1].target if resolved.links else name
            if any(record.owner == last for record in negative.proof):
                return  # a compact denial (RFC 9824) proves nothing of what is below
            iterator.memory.store_cut_off(last, negative, now)
        case _:
            pass


class _Errand:
    """One client's question with what it must know of the other routes. `depth`: how many routes it went along already."""

    def __init__(
        self, world: RoutedWorld, snapshot: Snapshot, query: Query, limits: CacheSettings, depth: int = 0
    ) -> None:
        self.world = world
        self.query = query
        self._snapshot = snapshot
        self._limits = limits
        self._depth = depth

    def _asks(self, name: bytes, rrtype: int) -> Query:
        query = self.query
        return Query(name + rrtype.to_bytes(2, "big") + b"\0\1", query.flags, query.group, query.generation)

    def leads_to(self, place: int) -> Callable[[bytes], bool]:
        """Whether a name may be asked for on the route that goes to `place`: neither special nor another route's."""

        def leads(name: bytes) -> bool:
            mine = self._snapshot.route(self.query)
            stands_in = mine is not None and mine.upstream_group != place
            query = self._asks(name, self.query.rrtype)
            route = self._snapshot.route(query)
            # Where this iteration only stands in for a route's own servers, it does so for that route and no other.
            ours = route is not None and (route.upstream_group == place or (stands_in and route is mine))
            return ours and decide_for_all(query, self._snapshot, self._snapshot.dns64) is None

        return leads

    async def iterate(
        self,
        iterator: Iterator,
        place: int,
        name: bytes,
        rrtype: int,
        budget: Budget,
        *,
        anew: bool = False,
        singly: bool = False,
    ) -> Resolved | Failed:
        """What the authoritative servers at `place` say."""
        return await iterator.answer(
            name,
            rrtype,
            self.world.iterations.sockets,
            budget,
            self.leads_to(place),
            elsewhere=self.elsewhere,
            anew=anew,
            singly=singly,
        )

    async def obtain(self, name: bytes, rrtype: int, budget: Budget) -> Resolved | Failed:
        """What the route says that has `name`, or for DS its parent; unchecked."""
        query = self._asks(name, rrtype)
        route = self._snapshot.route(self._asks(parent(name), rrtype) if rrtype == _DS and name != ROOT else query)
        if route is None or self._depth >= DEPTH or not self.world.serves(self._snapshot):
            return NOWHERE
        place = route.upstream_group
        iterator = self.world.iterator(place)
        if iterator is None:
            return await self.world.forwarding.obtain(query.key, place, self._limits, budget)
        further = _Errand(self.world, self._snapshot, query, self._limits, self._depth + 1)
        return await further.iterate(iterator, place, name, rrtype, budget)

    async def elsewhere(self, name: bytes, rrtype: int, budget: Budget) -> tuple[bytes, ...] | Failed:
        """Addresses of a name server whose name is another route's; a special name has none."""
        if decide_for_all(self._asks(name, rrtype), self._snapshot) is not None:
            return NOWHERE
        found = await self.obtain(name, rrtype, budget)
        match found:
            case Failed():
                return found
            case Resolved(links=(), end=Positive(rrset=rrset)):
                return tuple(rdata for rdata in rrset.rdatas if len(rdata) == _SIZES[rrtype])
            case _:
                return ()


class _Keys:
    """DS and DNSKEY along iteration: at the parent and the child that it walked, and for what lies above a stub zone by the
    route that has it (resolver.dnssec.chain.Questions)."""

    def __init__(self, errand: _Errand, iterator: Iterator, place: int, budget: Budget, again: bool) -> None:
        self._errand = errand
        self._iterator = iterator
        self._place = place
        self._budget = budget
        self._again = again

    async def ask(self, name: bytes, rrtype: int) -> Resolved | Failed:
        """As resolver.dnssec.chain.Questions."""
        self._budget.widen(MORE_FOR_A_KEY)
        short = self._budget.is_short(self.now())
        found = await self._ask(name, rrtype)
        given_up = short or self._budget.is_used_up()
        return found._replace(given_up=True) if given_up and isinstance(found, Failed) else found

    async def _ask(self, name: bytes, rrtype: int) -> Resolved | Failed:
        top = self._iterator.settings.zone
        if top != ROOT and not is_below(parent(name) if rrtype == _DS else name, top):
            return await self._errand.obtain(name, rrtype, self._budget)
        if rrtype == _DS and not self._again:
            referred = self._referred(name)
            if referred is not None:
                return referred
        return await self._errand.iterate(self._iterator, self._place, name, rrtype, self._budget, anew=self._again)

    def _referred(self, zone: bytes) -> Resolved | None:
        """What the parent said of the zone's keys when it referred us there (RFC 4035 §3.1.4)."""
        cut = self._iterator.memory.cut(zone, self.now())
        if cut is None or cut.referral.zone != zone:
            return None
        age = int(cut.lifetime - (cut.expires - self.now()))
        said = (cut.referral.ds,) if cut.referral.ds is not None else cut.referral.proof
        left = tuple(rrset._replace(ttl=rrset.ttl - age) for rrset in said if rrset.ttl > age)
        if not left or len(left) < len(said):
            return None
        return Resolved((), Positive(left[0]) if cut.referral.ds is not None else Negative(False, None, left))

    def now(self) -> Instant:
        """The monotonic clock."""
        return self._errand.world.now()

    def date(self) -> Epoch:
        """The wall clock, but nothing that cannot be."""
        return self._errand.world.date()
