"""Answers out of the zones: as one zone's own server, or as a recursive resolver that knows them all.

Signatures and proofs come with DO. There are no wildcards in this small Internet.
"""

from collections.abc import Iterable
from typing import NamedTuple

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset
from dns.rdatatype import CNAME, DS, NS, NSEC, NSEC3, SOA, A, RdataType

from demo.signing import Zone, hashed

_MAX_CHAIN = 8

Zones = dict[dns.name.Name, Zone]
Where = tuple[dns.name.Name, RdataType]


class Said(NamedTuple):
    """What a zone says: where in it the records of each section are."""

    answer: list[Where]
    authority: list[Where]
    rcode: dns.rcode.Rcode = dns.rcode.NOERROR
    referral: bool = False


def say(zone: Zone, name: dns.name.Name, rrtype: RdataType) -> Said:
    """Data, an alias, a referral, "no such data" or "no such name" (RFC 4035 §3.1)."""
    cut = zone.cut(name)
    if cut is not None and (cut, rrtype) != (name, DS):
        return Said([], [(cut, NS), *([(cut, DS)] if (cut, DS) in zone.rrsets else _denials(zone, cut))], referral=True)
    for kind in (rrtype, CNAME):
        if (name, kind) in zone.rrsets:
            return Said([(name, kind)], [])
    rcode = dns.rcode.NOERROR if name in zone.names else dns.rcode.NXDOMAIN
    return Said([], [(zone.origin, SOA), *_denials(zone, name)], rcode)


def _denials(zone: Zone, name: dns.name.Name) -> list[Where]:
    """What shows that there is no such name, or not the type."""
    if not zone.signatures:
        return []
    closer, encloser = name, name
    while encloser not in zone.names:
        closer, encloser = encloser, encloser.parent()
    if zone.chain:
        wanted = [name] if encloser == name else [encloser, closer, _wildcard(encloser)]
        return list(dict.fromkeys(_nsec3(zone, one) for one in wanted))
    wanted = [name] if encloser == name else [name, _wildcard(encloser)]
    return list(dict.fromkeys(_nsec(zone, one) for one in wanted))


def _wildcard(encloser: dns.name.Name) -> dns.name.Name:
    return dns.name.Name((b"*", *encloser.labels))


def _nsec(zone: Zone, name: dns.name.Name) -> Where:
    """At the name or before it."""
    return max(owner for owner, kind in zone.rrsets if kind == NSEC and owner <= name), NSEC


def _nsec3(zone: Zone, name: dns.name.Name) -> Where:
    """At the name's hash or before it; the last one comes before the first."""
    digest = max((d for d in zone.chain if d <= hashed(name)), default=zone.chain[-1])
    return dns.name.Name((digest.encode(), *zone.origin.labels)), NSEC3


def answer_as_server(zone: Zone, query: dns.message.Message) -> dns.message.Message:
    """As a server of `zone` and of nothing else."""
    response = _response(query)
    name, rrtype = query.question[0].name, query.question[0].rdtype
    if not name.is_subdomain(zone.origin):
        response.set_rcode(dns.rcode.REFUSED)
        return response
    said = say(zone, name, rrtype)
    _fill(response.answer, zone, said.answer, response)
    _fill(response.authority, zone, said.authority, response)
    response.set_rcode(said.rcode)
    if said.referral:
        servers = [record.target for record in zone.rrsets[said.authority[0]]]
        _fill(response.additional, zone, [(s, A) for s in servers if (s, A) in zone.rrsets], response)
    else:
        response.flags |= dns.flags.AA
    return response


def answer_as_resolver(zones: Zones, query: dns.message.Message) -> dns.message.Message:
    """As who has all of `zones` at hand: along the aliases to the end. Nothing is validated, as CD wants it."""
    response = _response(query)
    response.flags |= dns.flags.RA
    name, rrtype = query.question[0].name, query.question[0].rdtype
    for _ in range(_MAX_CHAIN):
        zone = _zone_of(zones, name, rrtype)
        said = say(zone, name, rrtype)
        _fill(response.answer, zone, said.answer, response)
        if said.answer and said.answer[0][1] == CNAME != rrtype:
            name = zone.rrsets[said.answer[0]][0].target
            continue
        _fill(response.authority, zone, said.authority, response)
        response.set_rcode(said.rcode)
        break
    return response


def _zone_of(zones: Zones, name: dns.name.Name, rrtype: RdataType) -> Zone:
    """The closest one; for DS its parent's."""
    place = name.parent() if rrtype == DS and name != dns.name.root else name
    while place not in zones:
        place = place.parent()
    return zones[place]


def _response(query: dns.message.Message) -> dns.message.Message:
    response = dns.message.make_response(query)
    if query.ednsflags & dns.flags.DO:
        response.ednsflags |= dns.flags.DO
    return response


def _fill(section: list[dns.rrset.RRset], zone: Zone, places: Iterable[Where], response: dns.message.Message) -> None:
    signed = bool(response.ednsflags & dns.flags.DO)
    for place in places:
        if signed or place[1] not in (NSEC, NSEC3, DS) or section is response.answer:
            section.append(zone.rrsets[place])
        if signed and place in zone.signatures:
            section.append(zone.signatures[place])
