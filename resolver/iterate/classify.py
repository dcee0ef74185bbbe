"""What a response of an authoritative server means, scrubbed of everything its sender may not say.

The sender was asked as a server of `zone`: nothing it says of names outside of `zone` is looked at (bailiwick), no record
that is not on the way from the question is kept, aliases are made from what was said and not taken on trust.
"""

from dataclasses import replace
from ipaddress import IPv6Address
from typing import NamedTuple

from resolver.cache.rrsets import rename
from resolver.iterate.port import Endpoint
from resolver.iterate.verdict import (
    Alias,
    Answer,
    Broken,
    Chain,
    Lame,
    NameServer,
    Negative,
    Positive,
    Referral,
    RRset,
    TooLong,
    Verdict,
)
from wire.dns.codes import HeaderFlag, Rcode, RecordClass, RecordType
from wire.dns.message import Message, Record, rdata_name
from wire.dns.names import ROOT, Known, count_labels, is_below, suffixes
from wire.dns.rdata import MAY_COMPRESS, expand_rdata
from wire.errors import Malformed

MAX_SERVERS = 13
"""Name servers of one delegation that are looked at."""

MAX_ENDPOINTS = 4
"""Addresses of one name server and family that are looked at."""

MAX_LINKS = 11
"""Aliases followed within one response."""

MAX_OWNERS = 64
"""Names that own records of one section: thousands of them are there to cost time."""

_AA, _RA = int(HeaderFlag.AA), int(HeaderFlag.RA)
_IN = int(RecordClass.IN)
_A, _NS, _CNAME, _SOA, _AAAA, _DNAME = (int(RecordType[t]) for t in ("A", "NS", "CNAME", "SOA", "AAAA", "DNAME"))
_DS, _RRSIG, _NSEC, _NSEC3 = (int(RecordType[t]) for t in ("DS", "RRSIG", "NSEC", "NSEC3"))
_NOERROR, _NXDOMAIN, _YXDOMAIN = int(Rcode.NOERROR), int(Rcode.NXDOMAIN), int(Rcode.YXDOMAIN)

_NO_ANSWER = (Referral, Lame, Broken)

_new = tuple.__new__
"""See `wire/dns/message.py`."""

_LABELS = 3
"""Where the number of labels stands in the data of an RRSIG (RFC 4034 §3.1)."""

RRsets = dict[tuple[bytes, int], RRset]


def classify(message: Message, name: bytes, rrtype: int, zone: bytes, port: int = 53) -> Verdict:
    """What `message` says of `name` and `rrtype`, coming from a server of `zone` (names folded). Raises Malformed.

    Addresses of name servers become endpoints at `port`. Its id and question have been compared already.
    """
    if message.rcode not in (_NOERROR, _NXDOMAIN, _YXDOMAIN):
        return Broken(message.rcode)
    verdict = _classify(message, name, rrtype, zone, port)
    # A server that serves its zone and resolves for others refers with RA set, and without AA as everybody does.
    if message.flags & (_AA | _RA) == _RA and not isinstance(verdict, Lame | Referral):
        hearsay = verdict if isinstance(verdict, Positive | Chain) else None
        return Lame("it resolves for others and knows this from hearsay only", hearsay)
    return verdict


def understand(message: Message, name: bytes, rrtype: int) -> Answer:
    """What a server that resolves for us says of `name` and `rrtype`: it may speak of every name, and where it refers
    elsewhere there is nothing. Its code is one of those three. Raises Malformed."""
    verdict = _classify(message, name, rrtype, ROOT, 53)
    return Negative(False, None) if isinstance(verdict, _NO_ANSWER) else verdict


def _classify(message: Message, name: bytes, rrtype: int, zone: bytes, port: int) -> Verdict:
    answer = gather(message, message.answer, zone)
    followed = _follow(answer, name, rrtype)
    if not isinstance(followed, list):
        return followed
    last = followed[-1].target if followed else name
    if message.rcode == _YXDOMAIN:
        return Broken(message.rcode)
    authority = gather(message, message.authority, zone)
    end = _end(message, answer, authority, last, rrtype)
    if followed:
        vague = not is_below(last, zone) or (isinstance(end, Negative) and _is_vague(end, followed[-1]))
        proof = _proof(authority)
        # What the last one may still show: that its target lies behind an insecure delegation.
        last_has_it = vague or end is None
        links = tuple(
            replace(link, proof=proof)
            if proof and (_is_expanded(link) or (last_has_it and link is followed[-1]))
            else link
            for link in followed
        )
        return Chain(links, None if vague else end)
    if isinstance(end, Positive) and rrtype == _NS and name == zone:
        return replace(end, servers=_with_glue(message, end.rrset, zone, port))
    if end is not None:
        return end
    return _without_answer(message, authority, name, rrtype, zone, port)


def _follow(answer: RRsets, name: bytes, rrtype: int) -> list[Alias] | TooLong:
    """The aliases from `name` on, as far as the answer section goes."""
    links: list[Alias] = []
    if not answer:
        return links
    seen = {name}
    while len(links) < MAX_LINKS and not _ends(answer, name, rrtype):
        link = _alias(answer, name)
        if link is None:
            break
        if isinstance(link, TooLong):
            return links or link
        links.append(link)
        name = link.target
        if name in seen:
            break
        seen.add(name)
    return links


def _ends(answer: RRsets, name: bytes, rrtype: int) -> bool:
    """Whether what was asked for is there. Beside an alias it should not be (RFC 2181 §10.1): of both, the first counts."""
    if (name, rrtype) not in answer:
        return False
    if (name, _CNAME) not in answer:
        return True
    return next(key for key in answer if key in ((name, rrtype), (name, _CNAME))) == (name, rrtype)


def _is_vague(end: Negative, link: Alias) -> bool:
    """Whether "there is none" at the end of a chain had better be asked for by itself: without the SOA of the zone that says
    so; or signed, and behind a DNAME, where NSD 4.6 proves that there is no wildcard, but not that there is no such name.
    """
    return end.soa is None or (link.dname is not None and bool(end.soa.signatures))


def _is_expanded(link: Alias) -> bool:
    """Whether its signature says that it comes from a wildcard (RFC 4035 §5.3.4): then a proof belongs to it."""
    labels = count_labels(link.rrset.owner)
    return any(len(rdata) > _LABELS and rdata[_LABELS] < labels for rdata in link.rrset.signatures)


def _alias(answer: RRsets, name: bytes) -> Alias | TooLong | None:
    """The alias that `name` is, by a DNAME above it or by a CNAME."""
    for above in suffixes(name[1 + name[0] :]) if name[0] else ():
        dname = answer.get((above, _DNAME))
        if dname is not None:
            return rename(name, dname)
    cname = answer.get((name, _CNAME))
    if cname is None:
        return None
    # A name has one CNAME; of several the first is as good as any (RFC 2181 §10.1).
    return Alias(cname._replace(rdatas=cname.rdatas[:1]), cname.rdatas[0])


def _end(message: Message, answer: RRsets, authority: RRsets, name: bytes, rrtype: int) -> Positive | Negative | None:
    """What the name at the end of the chain comes to, if the response says so."""
    proof = _proof(authority)
    found = _signatures_of(message, name) if rrtype == _RRSIG else answer.get((name, rrtype))
    if found is not None:
        link = _alias(answer, name) if rrtype == _CNAME else None
        if isinstance(link, Alias) and link.dname is not None:
            return Positive(link.rrset, dname=link.dname)
        return Positive(found, proof)
    soa = None
    for rrset in authority.values():
        if rrset.rrtype == _SOA and is_below(name, rrset.owner):
            soa = rrset
            break
    if message.rcode == _NXDOMAIN or soa is not None:
        return Negative(message.rcode == _NXDOMAIN, soa, proof)
    return None


def _proof(authority: RRsets) -> tuple[RRset, ...]:
    """What may show that something is not there."""
    return tuple([rrset for rrset in authority.values() if rrset.rrtype in (_NSEC, _NSEC3)]) if authority else ()


def _without_answer(message: Message, authority: RRsets, name: bytes, rrtype: int, zone: bytes, port: int) -> Verdict:
    """NOERROR, and neither an answer nor an SOA: a referral, a lame server, or "no such type" said badly."""
    proof = _proof(authority)
    servers = next((s for s in authority.values() if s.rrtype == _NS and is_below(name, s.owner)), None)
    authoritative = bool(message.flags & _AA)
    if servers is not None and servers.owner != zone:
        if servers.owner == name and rrtype == _DS:
            # The parent answers for DS; one that does not know that refers to the child, whose DS may come along.
            ds = authority.get((name, _DS))
            return Negative(False, None, proof) if ds is None else Positive(ds)
        return _referral(message, servers, authority, zone, port)
    # What stands in the authority section for a zone above ours was scrubbed: look at what came.
    if servers is None and any(record.rrtype == _NS for record in message.authority) and not authoritative:
        return Lame("it refers elsewhere")
    if servers is not None and not authoritative:
        return Lame("it refers to itself")
    if message.answer and not authoritative:
        return Lame("it answers something else")
    return Negative(False, None, proof)


def _referral(message: Message, servers: RRset, authority: RRsets, zone: bytes, port: int) -> Verdict:
    child = servers.owner
    return Referral(
        child,
        _with_glue(message, servers, zone, port),
        servers.ttl,
        authority.get((child, _DS)),
        _proof(authority),
    )


def _with_glue(message: Message, servers: RRset, zone: bytes, port: int) -> tuple[NameServer, ...]:
    """The servers with those addresses that a server of `zone` may give."""
    names = servers.rdatas[:MAX_SERVERS]
    wanted = {name for name in names if is_below(name, zone)}
    glue: dict[bytes, list[Endpoint]] = {}
    counts: dict[tuple[bytes, int], int] = {}
    for record in message.additional:
        if record.owner in wanted and record.rrtype in (_A, _AAAA) and record.rrclass == _IN:
            key = (record.owner, record.rrtype)
            counts[key] = counts.get(key, 0) + 1
            address = show_address(message.data[record.rdata_start : record.rdata_end])
            if address and counts[key] <= MAX_ENDPOINTS:
                glue.setdefault(record.owner, []).append(Endpoint(address, port))
    return tuple(NameServer(name, tuple(glue.get(name, ()))) for name in names)


def show_address(rdata: bytes) -> str:
    """The literal form of an A (4 octets) or AAAA (16 octets) record's data; empty if it has another length."""
    if len(rdata) == 4:
        return ".".join(map(str, rdata))
    return str(IPv6Address(rdata)) if len(rdata) == 16 else ""


def gather(message: Message, records: list[Record], zone: bytes) -> RRsets:
    """The records of class IN at or below `zone` as RRsets, signatures with what they cover. Raises Malformed, also for
    more owners than an answer can need."""
    if not records:
        return {}
    found: dict[tuple[bytes, int], tuple[list[bytes], list[bytes], list[int]]] = {}
    below: dict[bytes, bool] = {}
    known: Known = {}
    data = message.data
    for record in records:
        owner, rrtype, rrclass, ttl, ttl_offset, start, end = record
        if owner not in below:
            below[owner] = zone == ROOT or is_below(owner, zone)
            if len(below) > MAX_OWNERS:
                raise Malformed("more names than an answer needs", ttl_offset)
        if rrclass != _IN or not below[owner]:
            continue
        rdata = expand_rdata(message, record, known) if rrtype in MAY_COMPRESS else data[start:end]
        signs = rrtype == _RRSIG
        if signs:
            rrtype = int.from_bytes(rdata[:2], "big")
        parts = found.get((owner, rrtype))
        if parts is None:
            parts = found[owner, rrtype] = ([], [], [])
        (parts[1] if signs else parts[0]).append(rdata)
        parts[2].append(ttl)
    return {
        key: _new(RRset, (*key, min(ttls), _once(datas), _once(signatures)))
        for key, (datas, signatures, ttls) in found.items()
        if datas
    }


def _once(datas: list[bytes]) -> tuple[bytes, ...]:
    return tuple(datas) if len(datas) < 2 else tuple(dict.fromkeys(datas))


def _signatures_of(message: Message, name: bytes) -> RRset | None:
    """For a question for RRSIG itself: all of a name's."""
    records = [r for r in message.answer if r.owner == name and r.rrtype == _RRSIG and r.rrclass == _IN]
    if not records:
        return None
    rdatas = tuple(dict.fromkeys(expand_rdata(message, record) for record in records))
    return RRset(name, _RRSIG, min(record.ttl for record in records), rdatas)


class Apex(NamedTuple):
    """What a zone says of its own servers: their names, and for how many seconds."""

    names: tuple[bytes, ...]
    ttl: int


def apex_servers(message: Message, zone: bytes) -> Apex | None:
    """What an authoritative answer gives as the servers of `zone` itself, if it does. Raises Malformed."""
    if not message.flags & _AA:
        return None
    records = [
        record
        for record in (*message.authority, *message.answer)
        if record.rrtype == _NS and record.owner == zone and record.rrclass == _IN
    ][:MAX_SERVERS]
    if not records:
        return None
    known: Known = {}
    return Apex(tuple(rdata_name(message, record, known) for record in records), min(record.ttl for record in records))
