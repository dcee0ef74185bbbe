"""The resolver as one object: questions in, replies out through callbacks; identical questions share one flight."""

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from net.clock import now as clock
from privacy.lists.matcher import ListImage
from privacy.memory import Fact
from resolver.dnssec.anchors import TrustAnchor
from resolver.dnssec.clock import Turn
from resolver.dnssec.scope import NOWHERE, Followed, anchors_for, with_followed
from resolver.edge.begun import Begun, begin
from resolver.edge.dependence import memory_for, places_in
from resolver.edge.inflight import Answer, Flight, Place
from resolver.edge.iterating import Closing, Iterations
from resolver.edge.judging import Judging, servers_at
from resolver.edge.routed import RoutedWorld
from resolver.edge.world import ForwardingWorld
from resolver.pipeline import Later, answer_later, answer_now, ask_again, failure, lead_on, remember
from resolver.policy.inspection import Servers
from resolver.policy.rebinding import TAKEN_OUT
from resolver.policy_settings import Action
from resolver.settings import NegativeTrustAnchor, ResolverSettings
from resolver.snapshot import Snapshot
from resolver.values import Explanation, Origin, Query, Reply
from wire.dns.codes import ExtendedError
from wire.dns.names import ROOT, show_name
from wire.units import Instant

_NOW = {origin: f"now-{origin.name.lower()}" for origin in Origin}
_LATER = {origin: f"later-{origin.name.lower()}" for origin in Origin}

TURNS = {
    Turn.LOST: "the clock shows a date that is over: until it is set, only servers of time are looked up",
    Turn.FOUND: "the clock shows a date that can be: every name is looked up and validated again",
}

_BROKEN = Explanation(ExtendedError.OTHER, "the resolver made a mistake; it was logged")


class Resolver:
    """One resolver cell's mind. `report` takes facts for the log."""

    def __init__(self, settings: ResolverSettings, world: ForwardingWorld, report: Callable[[Fact], None]) -> None:
        self.world = world
        self.memory = memory_for(settings)
        self.judging = Judging(settings, world.date, self._servers_of, report)
        self.changed: Callable[[], None] = lambda: None
        """Told when verdicts have changed within a generation: nobody must give out again what was answered before."""
        self.whereabouts: Callable[[], dict[str, object]] = dict
        """What is known of the network this machine is in, for an operator."""
        self.exhausted: Callable[[], None] = lambda: None
        """Told when a question could not be gone on with for want of memory."""
        self.snapshot = Snapshot(settings, self.judging.book())
        self._given = settings
        self._followed: Followed = {}
        self._excepted: tuple[NegativeTrustAnchor, ...] = ()
        self.counters: Counter[str] = Counter()
        self._former: Snapshot | None = None
        self._report = report
        self._flights: dict[Place, Flight] = {}
        self._waiting: dict[object, Flight] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._ended = False
        near = world.place, world.sharing
        self.iterations = Iterations(world.tools, world.counters, report, self._root_anchor, world.date, *near)
        self.routed = RoutedWorld(world, self.iterations)
        world.use(settings.upstream_groups)
        self.iterations.use(settings.iterations, settings.cache)
        self.routed.use(self.snapshot)

    def use(self, settings: ResolverSettings) -> None:
        """Take the next generation; questions of the former one are still understood. Answers are kept only if no
        upstream group or route changed: they are kept by place, and aliases may lead along other routes."""
        self._given = settings
        settings = self._as_followed()
        self.judging.standing.use(settings)
        self._former, self.snapshot = self.snapshot, Snapshot(settings, self.judging.book())
        if places_in(self._former.settings) != places_in(settings):
            self.memory = memory_for(settings)
        self.iterations.use(settings.iterations, settings.cache)
        gone = self.world.use(settings.upstream_groups)
        self.routed.use(self.snapshot)
        self._close(gone)

    def _close(self, gone: Sequence[Closing]) -> None:
        if gone:
            task = asyncio.get_running_loop().create_task(_close_all(gone))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    # where this machine is

    def move(self) -> None:
        """It is in another network: what was begun goes on there, and nobody is to know us again by what we bring along."""
        self._close(self.world.move() + self.iterations.move())
        self.memory.forget_failures()

    def settle(self) -> None:
        """The other network is there."""
        self.world.place.arrived()
        self.forgive()

    def forgive(self) -> None:
        """What failed was our own fault, or that of a network that was not there yet: it may be tried at once."""
        self.world.forgive()
        self.iterations.forgive()
        self.memory.forget_failures()

    def follow(self, followed: Followed) -> bool:
        """Believe these keys of zones that are followed instead of those in the settings, now and after each reload. If that
        changes anything, which it tells, nothing that was found before is given out any more."""
        self._followed = followed
        return self._believe_anew()

    def except_from_validation(self, excepted: tuple[NegativeTrustAnchor, ...]) -> bool:
        """The same of zones that an operator excepts (RFC 7646)."""
        self._excepted = excepted
        return self._believe_anew()

    def _believe_anew(self) -> bool:
        settings = self._as_followed()
        if settings.dnssec == self.snapshot.settings.dnssec:
            return False
        self.snapshot = Snapshot(settings, self.snapshot.book, self.snapshot)
        self.memory = memory_for(settings)
        self.routed.use(self.snapshot)
        return True

    # what counts of rules and lists

    def judge_anew(self) -> None:
        """What counts may have changed: a schedule, a pause, the image of the lists. What servers said is remembered all the
        same, unless rules said by the clock whom to ask."""
        settings = self.snapshot.settings
        self.snapshot = Snapshot(settings, self.judging.book(), self.snapshot)
        if (former := self._former) is not None:
            self._former = Snapshot(former.settings, self.judging.book_as(former.book), former)
        if any(rule.action is Action.ROUTE and rule.schedule >= 0 for rule in settings.policy.rules):
            self.memory = memory_for(settings)
        self.routed.use(self.snapshot)
        self.counters["judged-anew"] += 1
        self.changed()

    def keep_time(self) -> float:
        """See to it that what counts is what should by now; seconds until that is to be done again at the latest."""
        if self.judging.is_over(self.snapshot.book):
            self.judge_anew()
        # What was watched is gone when its time is over, whether anybody asks for anything or not.
        self.judging.watch.is_on(clock())
        return self.judging.patience(self.snapshot.book)

    def use_image(self, image: ListImage | None) -> None:
        """Take this image of the lists."""
        self.judging.standing.image = image
        self.judge_anew()

    def pause(self, groups: tuple[str, ...], seconds: float) -> None:
        """Nothing blocks for these client groups for so long; 0: it does again."""
        self.judging.standing.pause(groups, seconds, self.world.date())
        self.judge_anew()

    def watch(self, seconds: float) -> None:
        """Remember what is blocked from now on, for so long; 0: no more."""
        self.judging.watch.begin(seconds, clock())
        self.changed()

    def _servers_of(self, query: Query, snapshot: Snapshot) -> Servers:
        """The authoritative servers at and above a name that an iteration has asked, or would."""
        route = snapshot.route(query)
        known = route is not None and self.routed.serves(snapshot)
        iterator = self.routed.iterator(route.upstream_group) if route is not None and known else None
        return Servers() if iterator is None else servers_at(iterator.memory, query.name, clock())

    def _finish(
        self, query: Query, reply: Reply, snapshot: Snapshot, waiter: object, answer: Answer, made: bool
    ) -> None:
        """Whatever way the answer came, each who waits has a look at it with the eyes of its own client group."""
        if snapshot.untouched:
            answer(reply)
            return
        found = self.judging.finish(query, reply, snapshot, made=made)
        if isinstance(found, Reply):
            if found.explanation is TAKEN_OUT:
                self.counters["rebinding"] += 1
            answer(found)
        else:
            self._join(query, lead_on(query, found, self.memory), snapshot, waiter, answer, math.inf)

    def _root_anchor(self) -> TrustAnchor | None:
        """What the root's keys are believed by now; None if that zone is not validated."""
        anchor = anchors_for(self.snapshot.settings, NOWHERE).closest(ROOT, self.world.date())
        return anchor if isinstance(anchor, TrustAnchor) else None

    def look_at_clock(self) -> None:
        """Whether the clock can be right, and what follows if that is new: what was found without it ends with it."""
        turn = self.world.wall.look(self.world.tools.date())
        if turn is None:
            return
        self.world.counters[f"clock-{turn.value}"] += 1
        self._report(Fact("resolver", TURNS[turn]))
        self.routed.validators.forget_undated()
        self.memory.forget_failures()
        if turn is Turn.FOUND:
            # The clock may have been wrong for longer than that was known: what was proved by it is proved anew.
            self.memory = memory_for(self.snapshot.settings)
            self.routed.validators.flush(ROOT)

    def _as_followed(self) -> ResolverSettings:
        dnssec = replace(with_followed(self._given.dnssec, self._followed), excepted=self._excepted)
        return replace(self._given, dnssec=dnssec)

    def _snapshot_for(self, generation: int) -> Snapshot | None:
        for snapshot in (self.snapshot, self._former):
            if snapshot is not None and snapshot.generation == generation:
                return snapshot
        return None

    def ask(self, query: Query, waiter: object, answer: Answer, patience: float = math.inf) -> None:
        """Answer through `answer`, now or later, exactly once unless `cancel`led.

        `waiter` is what `cancel` knows it by; `patience` is after how many seconds an answer is of no use to it.
        """
        self.look_at_clock()
        if self.snapshot.settings.log_names:
            self._report(Fact("resolver", "asked", f"{show_name(query.name)} type {query.rrtype}"))
        snapshot = self._snapshot_for(query.generation)
        if snapshot is None or query.group >= len(snapshot.settings.client_groups):
            self.counters["unknown-generation"] += 1
            text = Explanation(ExtendedError.NOT_READY, "the configuration has just changed")
            answer(failure(query, query.generation, text))
            return
        if not snapshot.lasting and snapshot is self.snapshot and self.judging.is_over(snapshot.book):
            self.judge_anew()
            snapshot = self.snapshot
        outcome = answer_now(query, snapshot, self.memory, clock())
        if isinstance(outcome, Reply):
            self.counters[_NOW[outcome.origin]] += 1
            self._finish(query, outcome, snapshot, waiter, answer, made=False)
            return
        self._join(query, outcome, snapshot, waiter, answer, patience)

    def refresh(self, query: Query, waiter: object, answer: Answer) -> None:
        """Ask the upstreams even though an answer is there."""
        self.look_at_clock()
        snapshot = self._snapshot_for(query.generation)
        later = None if snapshot is None else ask_again(query, snapshot, self.memory)
        if snapshot is None or later is None:
            self.ask(query, waiter, answer)
            return
        self.counters["refreshed"] += 1
        self._join(query, later, snapshot, waiter, answer, math.inf)

    def cancel(self, waiter: object) -> bool:
        """This waiter is gone. The question goes on: its answer will be of use to the next. False if it had its answer."""
        flight = self._waiting.pop(waiter, None)
        if flight is not None:
            flight.waiters.pop(waiter, None)
        return flight is not None

    def _join(
        self, query: Query, later: Later, snapshot: Snapshot, waiter: object, answer: Answer, patience: float
    ) -> None:
        place = (later.key, later.translator is not None, snapshot, self.world.wall.wrong)
        flight = self._flights.get(place)
        if flight is None:
            deadline = Instant(clock() + min(patience, snapshot.settings.deadline))
            flight = self._flights[place] = Flight(later, snapshot, self.memory, deadline)
            self._wait(flight, query, snapshot, waiter, answer, later.made)
            self.counters["asked"] += 1
            if later.stale is not None:
                after = snapshot.settings.cache.stale_after
                flight.stale_timer = asyncio.get_running_loop().call_later(after, self._give_stale, flight)
            self._start(flight, place)
        else:
            self.counters["shared"] += 1
            self._wait(flight, query, snapshot, waiter, answer, later.made)

    def _wait(
        self, flight: Flight, query: Query, snapshot: Snapshot, waiter: object, answer: Answer, made: bool
    ) -> None:
        """Who waits for one flight may be of several client groups: each looks at the answer with its own eyes."""
        flight.waiters[waiter] = lambda reply: self._finish(query, reply, snapshot, waiter, answer, made)
        self._waiting[waiter] = flight

    def _start(self, flight: Flight, place: Place) -> None:
        """The usual way, if it can be gone; else the long one."""
        landed = partial(self._land, flight, place)
        try:
            if not self.routed.serves(flight.snapshot) or not begin(self.routed, flight.later, flight.budget, landed):
                self._go_on(flight, place)
        except Exception as error:
            self._stumble(flight, place, error)

    def _go_on(self, flight: Flight, place: Place) -> None:
        if not self._ended:
            flight.task = asyncio.get_running_loop().create_task(self._fly(flight, place))

    def _land(self, flight: Flight, place: Place, begun: Begun) -> None:
        """On the usual way there is something to go on with."""
        try:
            heard = begun.judge(flight.snapshot.settings.cache)
            if heard is None:
                flight.budget.begun = begun
                self._go_on(flight, place)
            else:
                generation = flight.snapshot.generation
                self._end(flight, place, remember(flight.later, heard, generation, flight.memory, clock()))
        except Exception as error:
            self._stumble(flight, place, error)

    def _stumble(self, flight: Flight, place: Place, error: Exception) -> None:
        """As `_fail`, where that goes up no further: whoever brought the question or its answer has others to bring."""
        self._fail(flight, place, error)
        context = {"message": "a question is not gone on with", "exception": error}
        asyncio.get_running_loop().call_exception_handler(context)

    def _give_stale(self, flight: Flight) -> None:
        """The upstreams are late: who waits gets the old answer, the question goes on (RFC 8767 §5)."""
        stale = flight.later.stale
        if stale is not None and flight.waiters:
            self.counters["stale"] += 1
            self._give(flight, stale)

    async def _fly(self, flight: Flight, place: Place) -> None:
        later, snapshot, memory = flight.later, flight.snapshot, flight.memory
        try:
            reply = await answer_later(later, snapshot, memory, self.routed, flight.deadline, flight.budget)
        except Exception as error:
            self._fail(flight, place, error)
            raise
        self._end(flight, place, reply)

    def _fail(self, flight: Flight, place: Place, error: Exception) -> None:
        """Our own mistake must not leave clients without an answer; it is counted and said, then it goes on up."""
        if isinstance(error, MemoryError):
            self.exhausted()
            return
        self.counters["mistakes"] += 1
        self._report(Fact("resolver", f"mistake: {type(error).__name__}"))
        if flight.waiters or self._flights.get(place) is flight:
            self._end(flight, place, failure(flight.later.query, flight.snapshot.generation, _BROKEN))

    def _end(self, flight: Flight, place: Place, reply: Reply) -> None:
        self._flights.pop(place, None)
        if flight.snapshot is not self.snapshot:
            # What is believed may have changed meanwhile.
            reply = reply._replace(cacheable=0.0)
        if flight.stale_timer is not None:
            flight.stale_timer.cancel()
        self.counters[_LATER[reply.origin]] += 1
        self._give(flight, flight.priced(reply))

    def _give(self, flight: Flight, reply: Reply) -> None:
        waiters, flight.waiters = flight.waiters, {}
        for waiter, answer in waiters.items():
            self._waiting.pop(waiter, None)
            answer(reply)

    async def lookup(self, upstream_group: int, query: Query) -> Reply:
        """One answer from one upstream group, for our own needs (bootstrap)."""
        self.look_at_clock()
        key = self.memory.key(query, upstream_group)
        fresh = self.memory.fresh(key, self.snapshot.generation, clock())
        if fresh is not None:
            return fresh
        later = Later(query, upstream_group, key, self.memory.stale(key, self.snapshot.generation, clock()))
        deadline = Instant(clock() + self.snapshot.settings.deadline)
        return await answer_later(later, self.snapshot, self.memory, self.routed, deadline)

    def flush(self, suffix: bytes) -> int:
        """Forget answers at or below `suffix`, and the keys, delegations and contents they were made of; how many answers."""
        self.routed.validators.flush(suffix)
        for iterator in self.iterations.iterators:
            iterator.memory.flush(suffix)
        return self.memory.flush(suffix)

    @property
    def open(self) -> int:
        """Questions on their way."""
        return len(self._flights)

    async def close(self) -> None:
        """End every connection and every flight."""
        self._ended = True
        tasks = [flight.task for flight in self._flights.values() if flight.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.routed.close()


async def _close_all(gone: Sequence[Closing]) -> None:
    """One that takes its time keeps none of the others open."""
    await asyncio.gather(*(one.close() for one in gone))
