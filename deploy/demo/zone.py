"""What this small Internet knows: a handful of names, as a recursive resolver would answer them. dnspython only."""

from dataclasses import dataclass

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

SOA = "ns.nic.example. hostmaster.nic.example. 1 7200 900 1209600 300"
TTL = 600

RECORDS: dict[tuple[str, str], tuple[str, ...]] = {
    ("www.harbour.example.", "A"): ("192.0.2.10",),
    ("www.harbour.example.", "AAAA"): ("2001:db8::10",),
    ("shop.harbour.example.", "CNAME"): ("store.lighthouse.example.",),
    ("store.lighthouse.example.", "CNAME"): ("www.lighthouse.example.",),
    ("www.lighthouse.example.", "A"): ("192.0.2.20", "192.0.2.21"),
    ("www.lighthouse.example.", "HTTPS"): ('1 . alpn="h2,h3" ipv4hint=192.0.2.20',),
    ("harbour.example.", "MX"): ("10 mail.harbour.example.", "20 spare.harbour.example."),
    ("long.harbour.example.", "TXT"): tuple(f'"{number:02d} {"tide table " * 20}"' for number in range(9)),
    ("ecs.reef.example.", "A"): ("192.0.2.30",),
    ("printer.office.example.", "A"): ("198.51.100.7",),
    ("www.ferry.example.", "A"): ("192.0.2.40",),
    ("www.sealed.example.", "A"): ("203.0.113.66",),
    **{(f"www.site{number}.example.", "A"): (f"192.0.2.{100 + number}",) for number in range(6)},
}

ZONES = {dns.name.from_text(name).relativize(dns.name.root) for name, _ in RECORDS}
_MAX_CHAIN = 8


@dataclass(frozen=True, slots=True)
class Seen:
    """One query as an upstream received it. `octets` is the DNS message as it came, padding and all."""

    operator: str
    transport: str
    name: str
    rrtype: str
    octets: int
    options: tuple[int, ...]
    identifier: int


def answer(query: dns.message.Message) -> dns.message.Message:
    """The response to `query`: records, a followed CNAME chain, NODATA or NXDOMAIN with the SOA."""
    response = dns.message.make_response(query, recursion_available=True)
    question = query.question[0]
    name, rrtype = question.name, dns.rdatatype.to_text(question.rdtype)
    for _ in range(_MAX_CHAIN):
        key = name.to_text().lower()
        found = RECORDS.get((key, rrtype))
        if found:
            response.answer.append(dns.rrset.from_text(name, TTL, "IN", rrtype, *found))
            return response
        target = RECORDS.get((key, "CNAME"))
        if not target:
            break
        response.answer.append(dns.rrset.from_text(name, TTL, "IN", "CNAME", *target))
        name = dns.name.from_text(target[0])
    zone = dns.name.Name(name.labels[-3:])
    response.authority.append(dns.rrset.from_text(zone, TTL, "IN", "SOA", SOA))
    if not any(known == name.to_text().lower() for known, _ in RECORDS):
        response.set_rcode(dns.rcode.NXDOMAIN)
    return response


def is_own(one: "Seen") -> bool:
    """Whether the service asked for itself: it follows the keys of the root (RFC 5011), whoever its clients are."""
    return (one.name, one.rrtype) == (".", "DNSKEY")


def seen(operator: str, transport: str, data: bytes, query: dns.message.Message) -> Seen:
    """What this query tells the operator."""
    question = query.question[0]
    options = tuple(int(option.otype) for option in query.options)
    rrtype = dns.rdatatype.to_text(question.rdtype)
    return Seen(operator, transport, question.name.to_text().lower(), rrtype, len(data), options, query.id)
