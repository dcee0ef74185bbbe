"""What is answered where a rule or a list says no, or says something else. Pure.

None of it is signed or proved, so none has AD; it does not depend on CD. It is short-lived: who changes his mind should see it
soon, and a device keeps what it was told.
"""

from collections.abc import Sequence

from privacy.lists.entry import Record
from resolver.policy.verdict import Cause, Say, soa
from resolver.policy_settings import Refusal, Refusing
from resolver.values import Explanation, Query
from wire.dns.codes import ExtendedError, Rcode, RecordClass, RecordType
from wire.dns.message import ResourceRecord
from wire.dns.names import MAX_NAME, WILDCARD

BLOCKED_TTL = 10
"""Seconds of an answer that says no."""

MADE_TTL = 300
"""Seconds of records that a rule makes, and of those of a list that says none."""

LONGEST_MADE = 86_400
"""Seconds that a list may say."""

MAX_TEXT = 120
"""Octets of an explanation."""

_A, _AAAA, _CNAME, _IN = int(RecordType.A), int(RecordType.AAAA), int(RecordType.CNAME), int(RecordClass.IN)
_NULL = {_A: (bytes(4),), _AAAA: (bytes(16),)}
_SIZES = {_A: 4, _AAAA: 16}
_RCODES = {
    Refusing.NULL: int(Rcode.NOERROR),
    Refusing.NXDOMAIN: int(Rcode.NXDOMAIN),
    Refusing.NODATA: int(Rcode.NOERROR),
    Refusing.REFUSED: int(Rcode.REFUSED),
    Refusing.ADDRESS: int(Rcode.NOERROR),
}


def explain(cause: Cause) -> Explanation:
    """Which rule or list it was; no name. RFC 8914 §4.16 for what whoever runs this wants of everybody, §4.18 for what a client
    group has for itself; §4.5 besides for another answer instead of none."""
    text = cause.text.encode("ascii", "replace")[:MAX_TEXT].decode("ascii")
    whose = ExtendedError.FILTERED if cause.own else ExtendedError.BLOCKED
    return Explanation(whose, text) if cause.blocks else Explanation(ExtendedError.FORGED_ANSWER, text, whose)


def refuse(query: Query, refusal: Refusal, cause: Cause, zone: bytes) -> Say:
    """No, in the form that is wanted."""
    if refusal.form is Refusing.NULL:
        data: Sequence[bytes] = _NULL.get(query.rrtype, ())
    else:
        data = of_type(refusal.addresses, query.rrtype)
    return _answer(query, cause, zone, [(query.rrtype, BLOCKED_TTL, rdata) for rdata in data], _RCODES[refusal.form])


def of_type(addresses: Sequence[bytes], rrtype: int) -> tuple[bytes, ...]:
    """Those of `addresses` that are data of `rrtype`."""
    size = _SIZES.get(rrtype)
    return tuple(address for address in addresses if len(address) == size)


def give_addresses(query: Query, addresses: Sequence[bytes], cause: Cause, zone: bytes) -> Say:
    """These addresses instead; no data for other types."""
    data = of_type(addresses, query.rrtype)
    return _answer(query, cause, zone, [(query.rrtype, MADE_TTL, rdata) for rdata in data])


def give_name(query: Query, target: bytes, cause: Cause, zone: bytes, ttl: int = MADE_TTL) -> Say:
    """What `target` has instead."""
    if target == query.name or query.rrtype == _CNAME:
        # A name is never its own alias; and who asks for the alias gets it.
        data = [] if target == query.name else [(_CNAME, ttl, target)]
        return _answer(query, cause, zone, data)
    return _answer(query, cause, zone, [(_CNAME, ttl, target)], onward=target)


def give_records(query: Query, records: Sequence[Record], cause: Cause, zone: bytes) -> Say:
    """A list's own records: those of the type, or its alias. A name that gets too long does not exist (RPZ draft §3.6)."""
    alias = next((record for record in records if record.rrtype == _CNAME), None)
    if alias is not None:
        target = alias.rdata
        if target.startswith(WILDCARD):
            target = query.name[:-1] + target[len(WILDCARD) :]
        if len(target) > MAX_NAME:
            return refuse(query, Refusal(Refusing.NXDOMAIN), cause, zone)
        return give_name(query, target, cause, zone, _lifetime(alias))
    data = [(record.rrtype, _lifetime(record), record.rdata) for record in records if record.rrtype == query.rrtype]
    return _answer(query, cause, zone, data)


def _lifetime(record: Record) -> int:
    return MADE_TTL if record.ttl < 0 else min(record.ttl, LONGEST_MADE)


def _answer(
    query: Query,
    cause: Cause,
    zone: bytes,
    data: Sequence[tuple[int, int, bytes]],
    rcode: int = int(Rcode.NOERROR),
    onward: bytes = b"",
) -> Say:
    """(type, TTL, data) at the name that was asked for."""
    answer = [ResourceRecord(query.name, rrtype, _IN, ttl, rdata) for rrtype, ttl, rdata in data]
    seconds = min((ttl for _, ttl, _ in data), default=BLOCKED_TTL)
    authority = [] if answer or rcode == Rcode.REFUSED else [soa(zone, BLOCKED_TTL, BLOCKED_TTL)]
    return Say(
        cause.text, zone, rcode, answer, authority, explain(cause), onward, seconds, final=not onward, cause=cause
    )
