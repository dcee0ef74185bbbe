"""Signatures made while the question waits, and denials that name nothing but the name in question (RFC 9824)."""

import time

import dns.dnssec
import dns.message
import dns.name
import dns.node
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from kit.authority import Answering, Zone
from lab.keys import KSK, Key, dnskey_of, private_key

KEY = Key(15, KSK)
HOUR = 3_600
NXNAME = "TYPE128"
NS, SOA, CNAME, DNAME, DNSKEY = (dns.rdatatype.from_text(kind) for kind in ("NS", "SOA", "CNAME", "DNAME", "DNSKEY"))

Message = dns.message.Message


def compact(query: Message, zones: list[Zone]) -> Message:
    """The answer from the only zone there is; signed, if that is wanted."""
    zone = zones[0]
    origin = zone.origin.to_text()
    if zone.get(zone.origin, DNSKEY) is None:
        zone.add(f"@ DNSKEY {dnskey_of(origin, KEY).to_text()}")
    answering = Answering(query, zones, dnssec=False)
    response = answering.answer()
    if query.edns < 0:
        return response
    referred = any(rrset.rdtype == NS for rrset in response.authority)
    if referred or any(rrset.rdtype == SOA for rrset in response.authority):
        name = response.authority[0].name if referred else answering.name
        response.authority.append(_nsec(zone, name, response.rcode() == dns.rcode.NXDOMAIN))
        response.set_rcode(dns.rcode.NOERROR)
    renamed = any(rrset.rdtype == DNAME for rrset in response.answer)
    for section in (response.answer, response.authority):
        section.extend([_signature(zone, rrset) for rrset in section if not (rrset.rdtype == NS and referred)])
    if renamed:
        # The CNAME that follows from a DNAME is not signed (RFC 6672 §5.3.1).
        response.answer = [rrset for rrset in response.answer if rrset.covers != CNAME]
    return response


def _nsec(zone: Zone, name: dns.name.Name, absent: bool) -> dns.rrset.RRset:
    """From the name to the next that could be there; NXNAME says that not even this one is (RFC 9824 §3.1)."""
    node = zone.nodes.get(name) or (None if absent or zone.has(name) else _wildcard(zone, name))
    kinds = sorted({int(rdataset.rdtype) for rdataset in node.rdatasets} if node else ())
    words = [dns.rdatatype.to_text(dns.rdatatype.RdataType.make(kind)) for kind in kinds]
    words += ["RRSIG", "NSEC", *([NXNAME] if absent else [])]
    return dns.rrset.from_text(name, 300, "IN", "NSEC", f"\\000.{name} {' '.join(words)}")


def _wildcard(zone: Zone, name: dns.name.Name) -> dns.node.Node:
    """What stands in for a name that is not there itself."""
    while not zone.has(name):
        name = name.parent()
    return zone.nodes[dns.name.Name((b"*", *name.labels))]


def _signature(zone: Zone, rrset: dns.rrset.RRset) -> dns.rrset.RRset:
    now, origin = int(time.time()), zone.origin.to_text()
    rdata = dns.dnssec.sign(
        rrset,
        private_key(origin, KEY),
        zone.origin,
        dnskey_of(origin, KEY),
        inception=now - HOUR,
        expiration=now + HOUR,
    )
    return dns.rrset.from_rdata(rrset.name, rrset.ttl, rdata)
