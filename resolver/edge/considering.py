"""What an operator may be told of rules and lists: what counts, what is paused, what was blocked a moment ago, and every
rule that was considered for one question. Plain values, no text."""

from collections.abc import Iterator

from net.clock import now as clock
from privacy.lists.entry import SPARED
from privacy.lists.matcher import Hit
from resolver.edge.resolve import Resolver
from resolver.edge.standing import Line
from resolver.policy import FIXED
from resolver.policy.book import Book, View
from resolver.policy.lists import choose, is_withheld, lets
from resolver.policy.table import EVERY
from resolver.policy.verdict import Cause
from resolver.policy_settings import Action, Rule
from resolver.snapshot import Snapshot
from resolver.values import Query
from wire.dns.names import show_name

WITHHELD = "decides, and only blocks: its records are not given out (redirect is false)"
_DECIDE = frozenset({"decides", WITHHELD})


def policy_status(resolver: Resolver) -> Line:
    """How much there is of everything, and what is paused or watched; no name."""
    book = resolver.snapshot.book
    policy = book.ledger.policy
    return {
        "rules": len(policy.rules),
        "lists": [] if book.image is None else [name for name in book.image.names if name != SPARED],
        "local_zones": len(policy.local),
        "schedules": [{"name": one.name, "on": book.is_on(place)} for place, one in enumerate(policy.schedules)],
        "paused": resolver.judging.standing.paused(resolver.world.date()),
        "watched": resolver.judging.watch.left(clock()),
    }


def paused(resolver: Resolver) -> Line:
    """Which client groups are."""
    return {"paused": resolver.judging.standing.paused(resolver.world.date())}


def blocked(resolver: Resolver) -> Line:
    """What was blocked while somebody wants to know."""
    watch = resolver.judging.watch
    return {"until_s": watch.left(clock()), "blocked": watch.lines(clock())}


def considered(query: Query, snapshot: Snapshot) -> list[Line]:
    """Every rule that could have a say of `query`, in the order in which they count, and what came of it. Ends with the one that
    decides, if one does."""
    found: list[Line] = []
    for line, decides in _each(query, snapshot):
        found.append(line)
        if decides:
            break
    return found


def _each(query: Query, snapshot: Snapshot) -> Iterator[tuple[Line, bool]]:
    for name, judge in FIXED:
        said = judge(query, snapshot)
        result = "not its name" if said is None else "decides"
        yield _line(name, "built in", "" if said is None else show_name(said.zone), result), said is not None
    book = snapshot.book
    view = book.view(query.group)
    allowed = False
    table = view.table
    for rule in table.each(table.match(query.name, query.rrtype, EVERY)):
        result, decides = _of_rule(rule, query, book, allowed)
        allowed = allowed or result == "allows"
        yield _line(rule.name, rule.action.value, show_name(table.zone(rule, query.name)), result), decides
    yield from _of_lists(query, book, view, allowed)


def _of_rule(rule: Rule, query: Query, book: Book, allowed: bool) -> tuple[str, bool]:
    """What comes of a rule that is about the name."""
    if rule.groups and query.group not in rule.groups:
        return "for other client groups", False
    if not book.is_on(rule.schedule):
        return f"not at this time ({book.ledger.policy.schedules[rule.schedule].name})", False
    match rule.action:
        case Action.ALLOW:
            return "allows", False
        case Action.BLOCK if book.is_paused(query.group):
            return "paused", False
        case Action.BLOCK if allowed:
            return "a rule above allows it", False
        case Action.ROUTE:
            return "says where it is resolved", False
        case Action.REWRITE if rule.target == query.name:
            return "it is where the rule leads to", False
        case _:
            return "decides", True


def _of_lists(query: Query, book: Book, view: View, allowed: bool) -> Iterator[tuple[Line, bool]]:
    """Every hit in every list, the one that counts last."""
    image = book.image
    if image is None:
        return
    hits = [hit for hit in book.every_hit(query.name, query.rrtype) if hit.list != image.spared]
    chosen = choose(hits, view.uses)
    sources = {use.name: use.source for use in book.ledger.policy.lists}
    for hit in sorted(hits, key=lambda hit: hit is chosen):
        result = _of_hit(hit, chosen, query, book, view, allowed)
        line = _line(Cause(list=image.names[hit.list], line=hit.line).text, "list", _what(hit), result)
        yield line | {"source": sources.get(image.names[hit.list], "")}, result in _DECIDE


def _of_hit(hit: Hit, chosen: Hit | None, query: Query, book: Book, view: View, allowed: bool) -> str:
    if hit.list not in view.uses:
        if book.is_paused(query.group):
            return "paused"
        return "for other client groups, or not at this time"
    if hit is not chosen:
        return "another line counts more"
    if lets(hit, view.uses[hit.list]):
        return "allows"
    if book.is_protected(query.name):
        return "the name is protected: no list may block it"
    if allowed:
        return "a rule above allows it"
    return WITHHELD if is_withheld(hit, view.uses[hit.list]) else "decides"


def _what(hit: Hit) -> str:
    if hit.pattern:
        return f"/{hit.pattern}/"
    return show_name(hit.zone) if hit.zone else ""


def _line(rule: str, kind: str, what: str, result: str) -> Line:
    return {"rule": rule, "kind": kind, "what": what, "result": result}
