"""From what was resolved to the message that a client gets, undressed."""

from typing import NamedTuple

from resolver.iterate.resolve import Resolved
from resolver.iterate.verdict import Negative, Positive, RRset, TooLong
from resolver.settings import CacheSettings
from resolver.values import Explanation, Query
from wire.dns.codes import HeaderFlag, QueryFlag, Rcode, RecordClass, RecordType
from wire.dns.message import Message, Record, ResourceRecord, build_answer, build_response, parse_message
from wire.dns.names import Known
from wire.dns.rdata import expand_rdata

_IN, _RRSIG = int(RecordClass.IN), int(RecordType.RRSIG)
_DO, _CD = int(QueryFlag.DO), int(QueryFlag.CD)
_new = tuple.__new__
"""See `wire/dns/message.py`."""

# Plain numbers: enum arithmetic costs a microsecond each time.
ANSWER_FLAGS = int(HeaderFlag.QR | HeaderFlag.RD | HeaderFlag.RA)
_HEADER_CD, _HEADER_AD = int(HeaderFlag.CD), int(HeaderFlag.AD)
_NOERROR, _NXDOMAIN, _YXDOMAIN = int(Rcode.NOERROR), int(Rcode.NXDOMAIN), int(Rcode.YXDOMAIN)
_NOT_FLAGS = 0xFFFF ^ _HEADER_AD


class Accepted(NamedTuple):
    """An undressed answer (the layout of resolver.values.Reply.message). `keep` is for how many seconds it may be cached, 0 for
    not at all; `explanation`: what clients should know of it; `valid`: for how many seconds AD holds."""

    message: bytes
    ttl_offsets: tuple[int, ...]
    rcode: int
    keep: int
    explanation: Explanation | None = None
    valid: int = 0


def compose(
    query: Query,
    resolved: Resolved,
    limits: CacheSettings,
    secure: bool = False,
    explanation: Explanation | None = None,
    valid: int = 0,
) -> Accepted:
    """The whole answer; signatures and proofs only if they were asked for (DO). `secure`: all of it is proved, which AD says;
    `explanation` and `valid` as in `Accepted`. Raises Malformed if it is too long."""
    end = resolved.end
    if (
        isinstance(end, Positive)
        and not (resolved.links or end.proof or end.dname)
        and end.rrset.owner == query.key[:-4]
    ):
        return _one(query, end.rrset, limits, secure, explanation, valid)
    return _whole(query, resolved, limits, secure, explanation, valid)


def _whole(
    query: Query, resolved: Resolved, limits: CacheSettings, secure: bool, explanation: Explanation | None, valid: int
) -> Accepted:
    """The same of any answer."""
    signed = bool(query.flags & _DO)
    answer = _answer(resolved)
    authority: list[RRset] = []
    rcode = _NOERROR
    for link in resolved.links if signed else ():
        authority += link.proof
    match resolved.end:
        case Negative(absent=absent, soa=soa, proof=proof):
            rcode = _NXDOMAIN if absent else _NOERROR
            authority += ([] if soa is None else [soa]) + (list(proof) if signed else [])
        case Positive(proof=proof) if signed:
            authority += proof
        case TooLong():
            rcode = _YXDOMAIN
        case _:
            pass
    authority = list(dict.fromkeys(authority)) if len(authority) > 1 else authority
    most = limits.maximum_ttl
    flags = (
        ANSWER_FLAGS | (_HEADER_CD if query.flags & _CD else 0) | (_HEADER_AD if secure and rcode != _YXDOMAIN else 0)
    )
    built = build_response(
        query.key, flags, rcode, _records(answer, most, signed), _records(authority, most, signed) if authority else ()
    )
    lifetime = _lifetime(resolved, answer, authority, limits)
    return _new(Accepted, (built.message, built.ttl_offsets, rcode, lifetime, explanation, valid))


def _one(
    query: Query, rrset: RRset, limits: CacheSettings, secure: bool, explanation: Explanation | None, valid: int
) -> Accepted:
    """The same of one RRset whose owner is the name asked for, with nothing beside it: most answers are that."""
    _, rrtype, rrset_ttl, rdatas, signatures = rrset
    ttl = min(rrset_ttl, limits.maximum_ttl)
    flags = ANSWER_FLAGS | (_HEADER_CD if query.flags & _CD else 0) | (_HEADER_AD if secure else 0)
    built = build_answer(query.key, flags, rrtype, ttl, rdatas, signatures if query.flags & _DO else ())
    return _new(Accepted, (*built, _NOERROR, ttl, explanation, valid))


def _answer(resolved: Resolved) -> list[RRset]:
    """Each DNAME before the CNAME that follows from it (RFC 6672 §3.1)."""
    found: list[RRset] = []
    said: set[bytes] = set()
    for link in resolved.links:
        if link.dname is not None and link.dname.owner not in said:
            said.add(link.dname.owner)
            found.append(link.dname)
        found.append(link.rrset)
    match resolved.end:
        case Positive(rrset=rrset, dname=dname):
            if dname is not None and dname.owner not in said:
                found.append(dname)
            found.append(rrset)
        case TooLong(dname=dname) if dname.owner not in said:
            found.append(dname)
        case _:
            pass
    return found


def _records(rrsets: list[RRset], most: int, signed: bool) -> list[ResourceRecord]:
    found: list[ResourceRecord] = []
    for owner, rrtype, rrset_ttl, rdatas, signatures in rrsets:
        ttl = min(rrset_ttl, most)
        found += [_new(ResourceRecord, (owner, rrtype, _IN, ttl, rdata)) for rdata in rdatas]
        if signed:
            found += [_new(ResourceRecord, (owner, _RRSIG, _IN, ttl, rdata)) for rdata in signatures]
    return found


def _lifetime(resolved: Resolved, answer: list[RRset], authority: list[RRset], limits: CacheSettings) -> int:
    """Seconds for which the whole may be kept: its shortest TTL.

    Without an SOA, "there is none" is not kept as an answer (RFC 2308 §5), but no longer asked for than a failure is: its
    servers have been asked in vain for something better (RFC 9520 §3.2).
    """
    match resolved.end:
        case TooLong():
            return 0
        case Negative(soa=None):
            return min(limits.failure_ttl, limits.negative_ttl, limits.maximum_ttl)
        case _:
            shortest = min([rrset.ttl for rrset in (*answer, *authority)], default=0)
            return min(shortest, limits.maximum_ttl)


def joined(query: Query, first: Accepted, second: bytes, lifetime: float) -> Accepted:
    """One answer of two: `first` ends with an alias, `second` is the undressed answer for its target, good for `lifetime`
    seconds; secure if both are. Raises Malformed if it is too long."""
    head, tail = parse_message(first.message), parse_message(second)
    built = build_response(
        query.key,
        head.flags & (tail.flags | _NOT_FLAGS),
        tail.rcode,
        [*_as_they_are(head, head.answer), *_as_they_are(tail, tail.answer)],
        [*_as_they_are(head, head.authority), *_as_they_are(tail, tail.authority)],
    )
    seconds = min(first.keep, int(lifetime))
    return Accepted(built.message, built.ttl_offsets, tail.rcode, seconds, first.explanation, valid=seconds)


def _as_they_are(message: Message, records: list[Record]) -> list[ResourceRecord]:
    known: Known = {}
    return [
        ResourceRecord(record.owner, record.rrtype, record.rrclass, record.ttl, expand_rdata(message, record, known))
        for record in records
    ]
