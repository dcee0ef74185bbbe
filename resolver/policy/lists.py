"""What lists say: whose word counts, and what it comes to. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from privacy.lists.entry import Saying
from privacy.lists.matcher import Hit
from resolver.policy.refusal import give_records, refuse
from resolver.policy.verdict import Cause, Ground, Say
from resolver.policy_settings import ListUse, Refusal, Refusing
from resolver.values import Query
from wire.dns.codes import RecordType
from wire.dns.names import is_below

_NOWHERE = frozenset({(int(RecordType.A), bytes(4)), (int(RecordType.AAAA), bytes(16))})
"""Type and data of records that lead nobody anywhere."""

_LETS = frozenset({Saying.ALLOW, Saying.TRUNCATE})
"""`TRUNCATE` says that the name is not blocked; which way a client came is not known here, so the answer is marked
(`only_by_stream`)."""

_FORMS = {
    Saying.NXDOMAIN: Refusal(Refusing.NXDOMAIN),
    Saying.NODATA: Refusal(Refusing.NODATA),
    Saying.REFUSED: Refusal(Refusing.REFUSED),
    # On a stream; over UDP there is silence.
    Saying.DROP: Refusal(Refusing.REFUSED),
}


def judge(query: Query, ground: Ground) -> Say | None:
    """What lists answer in place of others. They count last: whoever wrote them does not know this household."""
    book = ground.book
    view = book.view(query.group)
    name = query.name
    hits = book.hits(view, name, query.rrtype)
    if not hits:
        return None
    hit = choose(hits, view.uses)
    if hit is None or lets(hit, view.uses[hit.list]) or book.is_protected(name):
        return None
    if view.allows(view.match(name, query.rrtype)):
        return None
    return say(query, hit, view.uses[hit.list])


def choose(hits: Iterable[Hit], uses: Mapping[int, ListUse]) -> Hit | None:
    """The one that counts: of equal weight, the first. A list that is there to allow has the most of all."""
    mine = [hit for hit in hits if hit.list in uses]
    return min(mine, key=lambda hit: weight(hit, uses[hit.list]), default=None)


def weight(hit: Hit, use: ListUse) -> int:
    """Less counts more: important allow, important block, allow, block."""
    if lets(hit, use):
        return 0 if hit.important or use.allow else 2
    return 1 if hit.important else 3


def lets(hit: Hit, use: ListUse) -> bool:
    """Whether it is an exception."""
    return use.allow or hit.saying in _LETS


def is_withheld(hit: Hit, use: ListUse) -> bool:
    """Whether its records are not given out: they lead somewhere, which this list may not. It blocks then: a list from elsewhere
    can be another one tomorrow, and may take names away but not send anybody to a place of its choice."""
    if hit.saying is not Saying.RECORDS or use.redirect:
        return False
    return not all((record.rrtype, record.rdata) in _NOWHERE for record in hit.records)


def _has(zone: bytes, name: bytes) -> bool:
    """Whether it is a name at or above `name`; a network, of which a hit may be as well, is none."""
    return zone[-1] == 0 and is_below(name, zone)


def say(query: Query, hit: Hit, use: ListUse, name: bytes = b"") -> Say:
    """What a hit that does not let pass comes to; `name`: it was found in the answer, at another name."""
    zone = hit.zone if hit.zone and not name and _has(hit.zone, query.name) else query.name
    if hit.saying is Saying.RECORDS and not is_withheld(hit, use):
        cause = Cause(list=use.name, line=hit.line, blocks=False, own=bool(use.groups))
        return give_records(query, hit.records, cause, zone)
    cause = Cause(list=use.name, line=hit.line, own=bool(use.groups))
    said = refuse(query, _FORMS.get(hit.saying, use.refusal), cause, zone)
    return replace(said, silent=True) if hit.saying is Saying.DROP else said


def only_by_stream(query: Query, ground: Ground) -> bool:
    """Whether a list wants who asks over UDP to come again over TCP (RPZ TCP-only)."""
    book = ground.book
    if book.image is None or not book.image.wants_streams:
        return False
    uses = book.view(query.group).uses
    hit = choose(book.hits(book.view(query.group), query.name, query.rrtype), uses)
    return hit is not None and hit.saying is Saying.TRUNCATE and not uses[hit.list].allow
