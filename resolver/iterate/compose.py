"""From what was resolved to the message that a client gets, undressed."""

from collections.abc import Iterator as Iterating

from resolver.accept import ANSWER_FLAGS, ANSWER_FLAGS_CD, Accepted
from resolver.iterate.resolve import Resolved
from resolver.iterate.verdict import Negative, Positive, RRset, TooLong
from resolver.settings import CacheSettings
from resolver.values import Query
from wire.dns.codes import QueryFlag, Rcode, RecordClass, RecordType
from wire.dns.message import ResourceRecord, build_response

_IN, _RRSIG = int(RecordClass.IN), int(RecordType.RRSIG)
_DO, _CD = int(QueryFlag.DO), int(QueryFlag.CD)


def compose(query: Query, resolved: Resolved, limits: CacheSettings) -> Accepted:
    """The whole answer; signatures and proofs only if they were asked for (DO). Raises Malformed if it is too long."""
    signed = bool(query.flags & _DO)
    answer = list(_answer(resolved))
    authority: list[RRset] = []
    rcode = int(Rcode.NOERROR)
    match resolved.end:
        case Negative(absent=absent, soa=soa, proof=proof):
            rcode = int(Rcode.NXDOMAIN if absent else Rcode.NOERROR)
            authority = ([] if soa is None else [soa]) + (list(proof) if signed else [])
        case Positive(proof=proof) if signed:
            authority = list(proof)
        case TooLong():
            rcode = int(Rcode.YXDOMAIN)
        case _:
            pass
    most = limits.maximum_ttl
    built = build_response(
        query.key,
        ANSWER_FLAGS_CD if query.flags & _CD else ANSWER_FLAGS,
        rcode,
        [record for rrset in answer for record in _records(rrset, most, signed)],
        [record for rrset in authority for record in _records(rrset, most, signed)],
    )
    return Accepted(built.message, built.ttl_offsets, rcode, _lifetime(resolved, answer, authority, limits))


def _answer(resolved: Resolved) -> Iterating[RRset]:
    """Each DNAME before the CNAME that follows from it (RFC 6672 §3.1)."""
    said: set[bytes] = set()
    for link in resolved.links:
        if link.dname is not None and link.dname.owner not in said:
            said.add(link.dname.owner)
            yield link.dname
        yield link.rrset
    match resolved.end:
        case Positive(rrset=rrset):
            yield rrset
        case TooLong(dname=dname) if dname.owner not in said:
            yield dname
        case _:
            pass


def _records(rrset: RRset, most: int, signed: bool) -> Iterating[ResourceRecord]:
    ttl = min(rrset.ttl, most)
    for rdata in rrset.rdatas:
        yield ResourceRecord(rrset.owner, rrset.rrtype, _IN, ttl, rdata)
    for rdata in rrset.signatures if signed else ():
        yield ResourceRecord(rrset.owner, _RRSIG, _IN, ttl, rdata)


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
            ttls = [rrset.ttl for rrset in (*answer, *authority)]
            return min(min(ttls, default=0), limits.maximum_ttl)
