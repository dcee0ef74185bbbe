"""The path of a question through the resolver, on one page. Start reading here.

    answer_now     rules → route → memory: everything that needs nobody else, a plain function
    answer_later   ask the world → check → remember: the rest

For clients with DNS64 the answer is then judged again, and may take a second look of the same kind (`resolver/policy/dns64.py`).
Memory holds what the servers said, never what was made of it.

What a client sees of it is made in `front` (`privacy.reply.dress`); what an upstream sees, in `privacy.outbound.conceal`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from resolver.accept import Accepted
from resolver.cache.answers import AnswerMemory, MemoryKey
from resolver.policy import decide
from resolver.policy.dns64 import Translator
from resolver.settings import CacheSettings
from resolver.snapshot import Snapshot
from resolver.values import Explanation, Origin, Query, Reply
from wire.dns.codes import ExtendedError, HeaderFlag, Rcode
from wire.dns.message import build_response
from wire.units import Instant


@dataclass(frozen=True, slots=True)
class Later:
    """Nobody here knows: ask the servers of `upstream_group`. `stale` may stand in if they are late or silent.

    `translator` judges the answer again; it makes another answer of the same `key`, so it is part of what tells two
    questions apart. `anew`: ask whatever the memory holds.
    """

    query: Query
    upstream_group: int
    key: MemoryKey
    stale: Reply | None
    translator: Translator | None = None
    anew: bool = False


@dataclass(frozen=True, slots=True)
class Heard:
    """An accepted answer and the server that gave it (index in its group)."""

    accepted: Accepted
    server: int


@dataclass(frozen=True, slots=True)
class Silent:
    """Nobody gave an answer; `explanation` says why, without a name."""

    explanation: Explanation
    rcode: int = Rcode.SERVFAIL


class World(Protocol):
    """The outside, as far as forwarding goes."""

    async def ask(self, query: Query, upstream_group: int, limits: CacheSettings, deadline: Instant) -> Heard | Silent:
        """Ask the group's servers by its strategy until one answers or the deadline is there. Raises nothing."""

    def now(self) -> Instant:
        """The monotonic clock."""


NO_ROUTE = Explanation(ExtendedError.NOT_READY, "no upstream is configured for this name")

FIRST_SHARE = 0.6
"""Of the time left for an answer that may take two looks, how much the first may use: servers that are silent about AAAA
are one of the reasons for the second (RFC 6147 §5.1.3)."""


def answer_now(query: Query, snapshot: Snapshot, memory: AnswerMemory, now: Instant) -> Reply | Later:
    """The answer if it can be had without asking anybody."""
    found = _look(query, snapshot, memory, now)
    translator = snapshot.translator(query)
    if translator is None:
        return found

    def look(wanted: Query) -> Reply | Later:
        return _look(wanted, snapshot, memory, now)

    if isinstance(found, Reply):
        return _look_again(query, found, translator, look)
    stale = None if found.stale is None else _look_again(query, found.stale, translator, look)
    return replace(found, translator=translator, stale=stale.stale if isinstance(stale, Later) else stale)


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
    return Later(query, second.upstream_group, AnswerMemory.key(query, second.upstream_group), stale, translator)


def _look(query: Query, snapshot: Snapshot, memory: AnswerMemory, now: Instant) -> Reply | Later:
    """What rules and memory have for exactly this question."""
    said = decide(query, snapshot.routes, snapshot.dns64)
    if said is not None:
        return said.reply(query, snapshot.generation)
    route = snapshot.route(query)
    if route is None:
        return failure(query, snapshot.generation, NO_ROUTE, Rcode.REFUSED)
    key = memory.key(query, route.upstream_group)
    fresh = memory.fresh(key, snapshot.generation, now)
    if fresh is not None:
        return fresh
    failed = memory.failed(key, now)
    stale = memory.stale(key, snapshot.generation, now)
    if failed is not None:
        return stale or failure(query, snapshot.generation, failed.explanation, failed.rcode)
    return Later(query, route.upstream_group, key, stale)


def ask_again(query: Query, snapshot: Snapshot, memory: AnswerMemory) -> Later | None:
    """For a popular answer near its end: ask, whatever the memory holds. None if it is none of the upstreams' business."""
    if decide(query, snapshot.routes, snapshot.dns64) is not None:
        return None
    route = snapshot.route(query)
    if route is None:
        return None
    key = memory.key(query, route.upstream_group)
    return Later(query, route.upstream_group, key, None, snapshot.translator(query), anew=True)


async def answer_later(
    later: Later, snapshot: Snapshot, memory: AnswerMemory, world: World, deadline: Instant
) -> Reply:
    """Ask the outside, remember what came, and say it. The memory may have changed meanwhile: it is read again."""
    translator = later.translator
    if translator is None:
        return await _ask(later, snapshot, memory, world, deadline)

    async def obtain(wanted: Query, until: Instant) -> Reply:
        found = ask_again(wanted, snapshot, memory) if later.anew else None
        known = found or _look(wanted, snapshot, memory, world.now())
        return await _ask(known, snapshot, memory, world, until) if isinstance(known, Later) else known

    now = world.now()
    first = await obtain(later.query, Instant(now + FIRST_SHARE * (deadline - now)))
    second = translator.consider(later.query, first)
    if isinstance(second, Reply):
        return second
    return translator.compose(later.query, first, await obtain(second, deadline))


async def _ask(later: Later, snapshot: Snapshot, memory: AnswerMemory, world: World, deadline: Instant) -> Reply:
    """Ask for exactly this question."""
    query, generation = later.query, snapshot.generation
    outcome = await world.ask(query, later.upstream_group, snapshot.settings.cache, deadline)
    now = world.now()
    match outcome:
        case Heard(accepted=accepted):
            memory.store(later.key, accepted, now)
            return Reply(accepted.message, accepted.ttl_offsets, float(accepted.keep), generation, Origin.UPSTREAM)
        case Silent(explanation=explanation, rcode=rcode):
            memory.store_failure(later.key, explanation, rcode, now)
            stale = memory.stale(later.key, generation, now)
            return stale or failure(query, generation, explanation, rcode)


def failure(query: Query, generation: int, explanation: Explanation, rcode: int = Rcode.SERVFAIL) -> Reply:
    """An answer that says that there is none; not for `front`'s cache, failures are remembered here."""
    built = build_response(query.key, HeaderFlag.RD | HeaderFlag.RA, rcode, ())
    return Reply(built.message, (), 0.0, generation, Origin.FAILURE, explanation)
