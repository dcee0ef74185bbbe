"""The path of a question through the resolver, on one page. Start reading here.

    answer_now     rules → route → memory: everything that needs nobody else, a plain function
    answer_later   ask the world, which validates → remember: the rest

For clients with DNS64 the answer is then judged again, and may take a second look of the same kind (`resolver/policy/dns64.py`).
Memory holds what the servers said, never what was made of it.

What a client sees of it is made in `front` (`privacy.reply.dress`); what an upstream sees, in `privacy.outbound.conceal`.
"""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from resolver.cache.answers import AnswerMemory, MemoryKey
from resolver.cache.ranges import Denied, Expanded, Renamed
from resolver.compose import Accepted, compose, joined
from resolver.dnssec.evidence import NoName
from resolver.dnssec.nsec3 import Hashes
from resolver.dnssec.sentinel import is_sentinel
from resolver.dnssec.values import Learned
from resolver.iterate.budget import Budget
from resolver.iterate.resolve import Resolved
from resolver.iterate.verdict import Alias, Negative, Positive, TooLong
from resolver.policy import decide, decide_for_all
from resolver.policy.dns64 import Translator
from resolver.policy.verdict import Say, build_local
from resolver.settings import CacheSettings, Route
from resolver.snapshot import Snapshot
from resolver.values import Explanation, Origin, Query, Reply
from wire.dns.codes import ExtendedError, HeaderFlag, QueryFlag, Rcode, RecordType
from wire.dns.message import build_response
from wire.errors import Malformed
from wire.units import Instant


class Later(NamedTuple):
    """Nobody here knows: ask the servers of `upstream_group`, and if nothing can be had there those of `fallback` (-1:
    none). `stale` may stand in if they are late or silent; `anew`: ask even if parts of the answer are remembered;
    `known`: it is an alias to what has to be asked.

    `translator` judges the answer again; it makes another answer of the same `key`, so it is part of what tells two
    questions apart. `made`: the alias in `known` is ours, so that the whole is nothing that a server said, and is not
    remembered; its `key` is the client group's own.
    """

    query: Query
    upstream_group: int
    key: MemoryKey
    stale: Reply | None
    fallback: int = -1
    translator: Translator | None = None
    anew: bool = False
    known: "Heard | None" = None
    made: bool = False


class Heard(NamedTuple):
    """An accepted answer and the server that gave it (index in its group; -1: several authoritative ones). `onward`: it
    ends with an alias to this name, which another route has. `learned`: what other answers can be made of."""

    accepted: Accepted
    server: int
    onward: bytes = b""
    learned: tuple[Learned, ...] = ()


@dataclass(frozen=True, slots=True)
class Silent:
    """Nobody gave an answer; `explanation` says why, without a name. `pause`: seconds for which it is not tried again, at
    least. `ours`: for want of something of ours, so that it may be tried again at any moment."""

    explanation: Explanation
    rcode: int = Rcode.SERVFAIL
    pause: float = 0.0
    ours: bool = False


class World(Protocol):
    """The outside."""

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
        """Ask the group's servers by its strategy, or iterate, until there is an answer that holds or the budget is spent.

        `snapshot` tells which names are another route's; `anew`: nothing remembered of the answer itself will do. Raises
        nothing.
        """

    def now(self) -> Instant:
        """The monotonic clock."""


MAX_CHAIN = 16
"""Aliases into other routes followed for one question."""

_new = tuple.__new__
"""See `wire/dns/message.py`."""
_UPSTREAM = Origin.UPSTREAM
_NO = frozenset({ExtendedError.BLOCKED, ExtendedError.FILTERED})
_CD = int(QueryFlag.CD)
_CNAME = int(RecordType.CNAME)

ENDLESS = Silent(Explanation(ExtendedError.OTHER, "aliases without end"))
TOO_LONG = Silent(Explanation(ExtendedError.INVALID_DATA, "the answer is longer than a message can be"))
NO_ROUTE = Explanation(ExtendedError.NOT_READY, "no upstream is configured for this name")

FIRST_SHARE = 0.6
"""Of the time left for an answer that may take two looks (or a fallback), how much the first may use: servers that are
silent about AAAA are one of the reasons for the second (RFC 6147 §5.1.3)."""


def answer_now(query: Query, snapshot: Snapshot, memory: AnswerMemory, now: Instant) -> Reply | Later:
    """The answer if it can be had without asking anybody."""
    said = decide(query, snapshot, snapshot.dns64)
    found = _look(query, snapshot, memory, now, said)
    translator = snapshot.translator(query)
    if translator is None or (said is not None and said.final):
        return found

    def look(wanted: Query) -> Reply | Later:
        return _look(wanted, snapshot, memory, now, decide(wanted, snapshot, snapshot.dns64))

    if isinstance(found, Reply):
        return _look_again(query, found, translator, look)
    stale = None if found.stale is None else _look_again(query, found.stale, translator, look)
    return found._replace(translator=translator, stale=stale.stale if isinstance(stale, Later) else stale)


def _look_again(
    query: Query, first: Reply, translator: Translator, look: Callable[[Query], Reply | Later]
) -> Reply | Later:
    """The answer made of `first` and of what has to be known besides."""
    wanted = translator.consider(query, first)
    if isinstance(wanted, Reply):
        return wanted
    second = look(wanted)
    if isinstance(second, Reply):
        return translator.compose(query, first, second)
    stale = None if second.stale is None else translator.compose(query, first, second.stale)
    key = second.key._replace(question=query.key)
    return second._replace(query=query, key=key, stale=stale, translator=translator)


def _look(query: Query, snapshot: Snapshot, memory: AnswerMemory, now: Instant, said: Say | None) -> Reply | Later:
    """What rules (they `said`) and memory have for exactly this question."""
    if said is not None:
        return lead_on(query, said, memory) if said.onward else said.reply(query, snapshot.generation)
    route = snapshot.route(query)
    if route is None:
        return failure(query, snapshot.generation, NO_ROUTE, Rcode.REFUSED)
    return _remembered(query, route, snapshot, memory, now)


def lead_on(query: Query, said: Say, memory: AnswerMemory) -> Later:
    """An alias made here: its target is asked for like any question, and the whole is this client group's."""
    built = build_local(query.key, query.flags, said.rcode, said.answer, ())
    alias = Accepted(built.message, built.ttl_offsets, said.rcode, said.keep, said.explanation)
    key = memory.key(query, -1)._replace(client_group=query.group)
    return Later(query, -1, key, None, known=Heard(alias, -1, said.onward), made=True)


def _remembered(query: Query, route: Route, snapshot: Snapshot, memory: AnswerMemory, now: Instant) -> Reply | Later:
    """What the memory holds of the route's upstream group and its fallback; else whom to ask first."""
    generation = snapshot.generation
    if route.fallback < 0 and not memory.knows(key := memory.key(query, route.upstream_group)):
        # The usual miss.
        concluded = _concluded(query, route.upstream_group, snapshot, memory, now)
        if isinstance(concluded, Reply):
            return concluded
        return _new(Later, (query, route.upstream_group, key, None, -1, None, False, concluded, False))
    groups = [group for group in (route.upstream_group, route.fallback) if group >= 0]
    keys = [memory.key(query, group) for group in groups]
    known = [key for key in keys if memory.knows(key)]
    for key in known:
        fresh = memory.fresh(key, generation, now)
        if fresh is not None:
            return fresh
    concluded = _concluded(query, groups[0], snapshot, memory, now)
    if isinstance(concluded, Reply):
        return concluded
    if not known:
        return Later(query, groups[0], keys[0], None, route.fallback, known=concluded)
    stale = next(filter(None, (memory.stale(key, generation, now) for key in keys)), None)
    failures = [memory.failed(key, now) for key in keys]
    if failures[0] is None:
        return Later(query, groups[0], keys[0], stale, route.fallback, known=concluded)
    if failures[-1] is None:
        return Later(query, groups[-1], keys[-1], stale)
    return stale or failure(query, generation, failures[-1].explanation, failures[-1].rcode)


def _concluded(
    query: Query, group: int, snapshot: Snapshot, memory: AnswerMemory, now: Instant
) -> Reply | Heard | None:
    """What follows from proofs that came with answers to other questions (RFC 8198): no server learns of the question. An
    alias still has to be followed."""
    ranges = memory.ranges(group)
    if not ranges or query.flags & _CD or is_sentinel(query.name):
        return None
    top = snapshot.believed_from(query, group)
    found = ranges.answer(query.name, query.rrtype, now, Hashes(), top)
    match found:
        case Denied(evidence=evidence, soa=soa, records=records):
            resolved = Resolved((), Negative(isinstance(evidence, NoName), soa, records))
        case Expanded(rrset=rrset, records=records) if rrset.rrtype == query.rrtype:
            resolved = Resolved((), Positive(rrset, records))
        case Expanded(rrset=rrset, records=records):
            resolved = Resolved((Alias(rrset, rrset.rdatas[0], None, records),), None, rrset.rdatas[0])
        case Renamed(alias=Alias() as alias) if query.rrtype == _CNAME:
            resolved = Resolved((), Positive(alias.rrset, dname=alias.dname))
        case Renamed(alias=Alias() as alias):
            resolved = Resolved((alias,), None, alias.target)
        case Renamed(alias=TooLong() as too_long):
            resolved = Resolved((), too_long)
        case _:
            return None
    try:
        accepted = compose(query, resolved, memory.settings, secure=True)
    except Malformed:
        return None
    if resolved.onward:
        return Heard(accepted, -1, resolved.onward)
    return Reply(accepted.message, accepted.ttl_offsets, float(accepted.keep), snapshot.generation, Origin.CACHE)


def ask_again(query: Query, snapshot: Snapshot, memory: AnswerMemory) -> Later | None:
    """For a popular answer near its end: ask, whatever the memory holds. None if it is none of the upstreams' business."""
    if decide(query, snapshot, snapshot.dns64) is not None:
        return None
    route = snapshot.route(query)
    if route is None:
        return None
    key = memory.key(query, route.upstream_group)
    return Later(query, route.upstream_group, key, None, route.fallback, snapshot.translator(query), anew=True)


async def answer_later(
    later: Later,
    snapshot: Snapshot,
    memory: AnswerMemory,
    world: World,
    deadline: Instant,
    budget: Budget | None = None,
) -> Reply:
    """Ask the outside, remember what came, and say it. The memory may have changed meanwhile: it is read again.

    Whatever it leads to, aliases into other routes, a fallback, a second look, comes out of one budget; `budget`: out of this
    one, of which something was spent already.
    """
    translator, budget = later.translator, budget or Budget(deadline)
    if translator is None:
        return await _ask(later, snapshot, memory, world, budget)

    async def obtain(wanted: Query, until: Instant) -> Reply:
        found = ask_again(wanted, snapshot, memory) if later.anew else None
        known = found or _look(wanted, snapshot, memory, world.now(), decide(wanted, snapshot, snapshot.dns64))
        with budget.until(until):
            return await _ask(known, snapshot, memory, world, budget) if isinstance(known, Later) else known

    now = world.now()
    first = await obtain(later.query, Instant(now + FIRST_SHARE * (deadline - now)))
    second = translator.consider(later.query, first)
    if isinstance(second, Reply):
        return second
    return translator.compose(later.query, first, await obtain(second, deadline))


async def _ask(
    later: Later, snapshot: Snapshot, memory: AnswerMemory, world: World, budget: Budget, links: int = MAX_CHAIN
) -> Reply:
    """Ask for exactly this question; `links` is how many aliases into other routes may still be followed."""
    query, generation, cache = later.query, snapshot.generation, snapshot.settings.cache
    start, end = world.now(), budget.deadline
    with nullcontext() if later.fallback < 0 else budget.until(Instant(start + FIRST_SHARE * (end - start))):
        outcome: Heard | Silent = later.known or await world.ask(
            query, later.upstream_group, cache, budget, snapshot=snapshot, anew=later.anew
        )
    # Only who was asked and had nothing is stood in for, not what an alias of his leads to.
    fallback = later.fallback if isinstance(outcome, Silent) else -1
    if isinstance(outcome, Heard) and outcome.onward:
        budget.widen()
        outcome = await _follow(later, outcome, snapshot, memory, world, budget, links)
    now = world.now()
    match outcome:
        case Heard():
            return remember(later, outcome, generation, memory, now)
        case Silent(explanation=explanation, rcode=rcode) if later.made:
            return failure(query, generation, explanation, rcode)
        case Silent(explanation=explanation, rcode=rcode, pause=pause, ours=ours):
            if not ours:
                memory.store_failure(later.key, explanation, rcode, now, pause)
            if fallback >= 0:
                second = Later(query, fallback, memory.key(query, fallback), None, anew=later.anew)
                reply = await _ask(second, snapshot, memory, world, budget, links)
                if reply.origin is not Origin.FAILURE:
                    return reply
            fresh = memory.fresh(later.key, generation, now)
            if fresh is not None and not later.anew:
                return fresh
            # A refresh that failed says so: whoever wanted it has the answer that it was to replace.
            stale = None if fresh is not None else memory.stale(later.key, generation, now)
            return stale or failure(query, generation, explanation, rcode)


def remember(later: Later, heard: Heard, generation: int, memory: AnswerMemory, now: Instant) -> Reply:
    """Keep what was heard, unless it is ours, and say it."""
    message, offsets, _, seconds, explanation, _ = accepted = heard.accepted
    if not later.made:
        memory.store(later.key, accepted, now)
        if heard.learned:
            memory.learn(later.upstream_group, heard.learned, now)
    return _new(Reply, (message, offsets, float(seconds), generation, _UPSTREAM, explanation, 0.0))


async def _follow(
    later: Later, heard: Heard, snapshot: Snapshot, memory: AnswerMemory, world: World, budget: Budget, links: int
) -> Heard | Silent:
    """An alias into another route: its target is a question of its own, from the fixed rules on. Without those of DNS64 and
    of client groups: what it comes to is remembered for all of them, and translated and inspected is the whole. Where an alias
    made here leads, which is remembered for nobody, all rules of the client group count."""
    if links <= 0:
        return ENDLESS
    query = later.query
    target = query._replace(key=heard.onward + query.key[-4:])
    said = decide(target, snapshot, None) if later.made else decide_for_all(target, snapshot)
    outcome = _look(target, snapshot, memory, world.now(), said)
    if isinstance(outcome, Later):
        outcome = await _ask(outcome, snapshot, memory, world, budget, links - 1)
    if outcome.origin is Origin.FAILURE:
        return Silent(outcome.explanation or ENDLESS.explanation)
    try:
        whole = joined(query, heard.accepted, outcome.message, outcome.cacheable)
    except Malformed:
        return TOO_LONG
    if later.made and outcome.explanation is not None and outcome.explanation.code in _NO:
        whole = whole._replace(explanation=outcome.explanation)
    return heard._replace(accepted=whole, onward=b"")


def failure(query: Query, generation: int, explanation: Explanation, rcode: int = Rcode.SERVFAIL) -> Reply:
    """An answer that says that there is none; not for `front`'s cache, failures are remembered here."""
    built = build_response(query.key, HeaderFlag.RD | HeaderFlag.RA, rcode, ())
    return Reply(built.message, (), 0.0, generation, Origin.FAILURE, explanation)
