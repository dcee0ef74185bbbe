"""The path of a question through the resolver, on one page. Start reading here.

    answer_now     rules → route → memory: everything that needs nobody else, a plain function
    answer_later   ask the world → check → remember: the rest

What a client sees of it is made in `front` (`privacy.reply.dress`); what an upstream sees, in `privacy.outbound.conceal`.
"""

from dataclasses import dataclass
from typing import Protocol

from resolver.accept import Accepted
from resolver.cache.answers import AnswerMemory, MemoryKey
from resolver.policy import decide
from resolver.settings import CacheSettings
from resolver.snapshot import Snapshot
from resolver.values import Explanation, Origin, Query, Reply
from wire.dns.codes import ExtendedError, HeaderFlag, Rcode
from wire.dns.message import build_response
from wire.units import Instant


@dataclass(frozen=True, slots=True)
class Later:
    """Nobody here knows: ask the servers of `upstream_group`. `stale` may stand in if they are late or silent."""

    query: Query
    upstream_group: int
    key: MemoryKey
    stale: Reply | None


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


def answer_now(query: Query, snapshot: Snapshot, memory: AnswerMemory, now: Instant) -> Reply | Later:
    """The answer if it can be had without asking anybody."""
    said = decide(query, snapshot.routes)
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
    if decide(query, snapshot.routes) is not None:
        return None
    route = snapshot.route(query)
    return None if route is None else Later(query, route.upstream_group, memory.key(query, route.upstream_group), None)


async def answer_later(
    later: Later, snapshot: Snapshot, memory: AnswerMemory, world: World, deadline: Instant
) -> Reply:
    """Ask the outside, remember what came, and say it. The memory may have changed meanwhile: it is read again."""
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
