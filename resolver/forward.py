"""Thinking for forwarding: in which order the servers of a group are asked. Pure; chance comes as a number."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from privacy.spread import assign
from resolver.servers import Health, State
from resolver.settings import Strategy
from wire.units import Instant

EXPLORE_ONE_IN = 20
"""Of how many questions one goes to another server than the fastest, so that a faster one is found."""

MAX_SERVERS = 6
"""Servers asked for one client's question, whatever happens."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A server that may be asked: its place in the group, who runs it, and its record."""

    index: int
    operator: str
    health: Health


@dataclass(frozen=True, slots=True)
class Plan:
    """Whom to ask: `order` holds places in the group. The first `at_once` start together; hedging may go on to the first
    `hedged`; the others are for failures only. `moved`: the site's own operator is down, another one is asked."""

    order: tuple[int, ...]
    at_once: int = 1
    hedged: int = MAX_SERVERS
    moved: bool = False


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What an order may depend on: the question's site, the spread key, 64 random bits, and the time."""

    site: bytes
    key: bytes
    chance: int
    now: Instant


def rank(strategy: Strategy, candidates: Sequence[Candidate], seen: Circumstances) -> Plan:
    """The plan for one question; servers that rest come last, whatever the strategy."""
    if len(candidates) == 1:
        return Plan((candidates[0].index,))
    return _RANKERS[strategy](candidates, seen)


def _awake_first(candidates: Sequence[Candidate], now: Instant) -> tuple[int, ...]:
    """A stable order: ready and probing before resting."""
    resting = [c for c in candidates if c.health.state(now) is State.RESTING]
    awake = [c for c in candidates if c.health.state(now) is not State.RESTING]
    return tuple(c.index for c in (*awake, *resting))[:MAX_SERVERS]


def _failover(candidates: Sequence[Candidate], seen: Circumstances) -> Plan:
    return Plan(_awake_first(candidates, seen.now))


def _shuffled(candidates: Sequence[Candidate], chance: int) -> list[Candidate]:
    """Fisher and Yates, with the digits of `chance`; the bias is below 2**-50 for a handful of servers."""
    mixed = list(candidates)
    for last in range(len(mixed) - 1, 0, -1):
        chance, pick = divmod(chance, last + 1)
        mixed[last], mixed[pick] = mixed[pick], mixed[last]
    return mixed


def _random(candidates: Sequence[Candidate], seen: Circumstances) -> Plan:
    return Plan(_awake_first(_shuffled(candidates, seen.chance), seen.now))


def _race(candidates: Sequence[Candidate], seen: Circumstances) -> Plan:
    return Plan(_awake_first(_shuffled(candidates, seen.chance), seen.now), at_once=2)


def _fastest(candidates: Sequence[Candidate], seen: Circumstances) -> Plan:
    """By smoothed round-trip time, the unmeasured first; now and then another one is tried."""
    ordered = sorted(candidates, key=lambda c: -1.0 if c.health.rtt is None else c.health.rtt)
    chance, explore = divmod(seen.chance, EXPLORE_ONE_IN)
    if not explore:
        pick = 1 + chance % (len(ordered) - 1)
        ordered.insert(0, ordered.pop(pick))
    return Plan(_awake_first(ordered, seen.now))


def _spread(candidates: Sequence[Candidate], seen: Circumstances) -> Plan:
    """The site's operator, all its servers first; other operators only when it fails, in the site's own order."""
    operators = assign(seen.site, seen.key, sorted({c.operator for c in candidates}))
    blocks = [[c for c in candidates if c.operator == operator] for operator in operators]
    awake = [b for b in blocks if any(c.health.state(seen.now) is not State.RESTING for c in b)]
    down = [b for b in blocks if b not in awake]
    order = [index for block in (*awake, *down) for index in _awake_first(block, seen.now)]
    first = (awake or down)[0]
    return Plan(tuple(order[:MAX_SERVERS]), hedged=len(first), moved=first is not blocks[0])


_RANKERS: dict[Strategy, Callable[[Sequence[Candidate], Circumstances], Plan]] = {
    Strategy.FAILOVER: _failover,
    Strategy.FASTEST: _fastest,
    Strategy.RANDOM: _random,
    Strategy.SPREAD: _spread,
    Strategy.RACE: _race,
}
