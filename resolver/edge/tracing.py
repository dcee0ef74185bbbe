"""Why an answer is what it is: asked anew, with nothing remembered of keys and delegations, and every link of the chain told.

Unlike everything else that an operator may ask, this asks the upstreams: for the name as clients do, and for DS and DNSKEY.
"""

from net.clock import now as clock
from resolver.dnssec.security import Checked, Security
from resolver.dnssec.story import Line, tell
from resolver.edge.resolve import Resolver
from resolver.iterate.budget import Budget
from resolver.iterate.resolve import Resolved
from resolver.iterate.verdict import Negative, TooLong
from resolver.pipeline import FIRST_SHARE, Silent
from resolver.policy import decide
from resolver.settings import Route
from resolver.values import Explanation, Query
from wire.dns.codes import ExtendedError, QueryFlag, show_rcode
from wire.dns.names import show_name
from wire.units import Instant

PATIENCE = 8.0
"""Seconds for all of it, or the deadline of a client's question if that is less: the operator hangs up after ten."""

PARTS = 4
"""Routes that aliases lead along, one after another."""

_FLAGS = int(QueryFlag.RD | QueryFlag.DO)


async def trace(resolver: Resolver, query: Query) -> Line:
    """The chain of trust of the answer to `query` and what clients without CD get. Raises nothing."""
    snapshot = resolver.snapshot
    if query.group >= len(snapshot.settings.client_groups):
        return {"error": "the configuration has just changed; ask again"}
    budget = Budget(Instant(clock() + min(snapshot.settings.deadline, PATIENCE)))
    query = query._replace(flags=_FLAGS, generation=snapshot.generation)
    parts: list[Line] = []
    name = query.name
    while name and len(parts) < PARTS:
        part, name = await _part(resolver, query._replace(key=name + query.key[-4:]), budget)
        parts.append(part)
    return {
        "date": int(resolver.world.date()),
        "asked": budget.sent,
        "parts": parts,
        "verdict": _verdict(parts, bool(name)),
    }


async def _part(resolver: Resolver, query: Query, budget: Budget) -> tuple[Line, bytes]:
    """As much as one route has of it, and the name of another route's where it goes on."""
    snapshot = resolver.snapshot
    line: Line = {"name": show_name(query.name), "type": query.rrtype}
    said = decide(query, snapshot, snapshot.dns64)
    if said is not None:
        return line | {"security": "local", "why": f"answered here ({said.rule}); nothing is asked or proved"}, b""
    route = snapshot.route(query)
    if route is None:
        return line | _silent(Silent(Explanation(ExtendedError.NOT_READY, "no upstream is configured for it"))), b""
    found, place = await _ask(resolver, query, route, budget)
    line["group"] = _place_name(resolver, place)
    if isinstance(found, Silent):
        return line | _silent(found), b""
    line |= {"security": found.security.name.lower(), "steps": tell(found.steps, resolver.world.date())}
    if found.explanation is not None:
        line |= {"why": found.explanation.text, "ede": int(found.explanation.code)}
    if found.security in (Security.BOGUS, Security.INDETERMINATE):
        return line | {"rcode": "SERVFAIL"}, b""
    return line | {"rcode": _rcode(found.resolved)}, found.resolved.onward


async def _ask(resolver: Resolver, query: Query, route: Route, budget: Budget) -> tuple[Checked | Silent, int]:
    """Along the route, and if nothing can be had there, of its fallback."""
    start, end = clock(), budget.deadline
    share = 1.0 if route.fallback < 0 else FIRST_SHARE
    with budget.until(Instant(start + share * (end - start))):
        found = await _prove(resolver, query, route.upstream_group, budget)
    if isinstance(found, Silent) and route.fallback >= 0:
        return await _prove(resolver, query, route.fallback, budget), route.fallback
    return found, route.upstream_group


async def _prove(resolver: Resolver, query: Query, place: int, budget: Budget) -> Checked | Silent:
    # While the clock is wrong, what is proved without dates is shown as it is; else nothing is remembered.
    validator = None if resolver.world.wall.wrong else resolver.routed.validators.at(place).forgetful()
    snapshot = resolver.snapshot
    return await resolver.routed.prove(
        query, place, snapshot.settings.cache, budget, snapshot=snapshot, anew=True, validator=validator
    )


def _silent(found: Silent) -> Line:
    explanation = found.explanation
    return {
        "security": "no answer",
        "why": explanation.text,
        "ede": int(explanation.code),
        "rcode": show_rcode(found.rcode),
    }


def _rcode(resolved: Resolved) -> str:
    match resolved.end:
        case Negative(absent=True):
            return "NXDOMAIN"
        case TooLong():
            return "YXDOMAIN"
        case _:
            return "NOERROR"


def _verdict(parts: list[Line], unfinished: bool) -> Line:
    """What a client gets: the worst of the parts decides (RFC 4035 §4.3)."""
    words = [str(part["security"]) for part in parts]
    worst = next((part for part in parts if part["security"] == "no answer"), None)
    for security in sorted(Security):
        worst = worst or next((part for part in parts if part["security"] == security.name.lower()), None)
    worst = worst or parts[-1]
    verdict: Line = {key: worst[key] for key in ("security", "rcode", "why", "ede") if key in worst}
    if unfinished:
        verdict["why"] = "the aliases lead on; explain the last name by itself"
    return verdict | {"ad": all(word == "secure" for word in words) and not unfinished}


def _place_name(resolver: Resolver, place: int) -> str:
    iterator = resolver.routed.iterator(place)
    return resolver.world.groups[place].settings.name if iterator is None else iterator.settings.name
