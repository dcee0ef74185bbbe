"""Questions about what a configuration of unbound speaks of, upstreams that answer anything, and answers in one form."""

import hashlib
import ipaddress
import re
from collections.abc import Iterator

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset

TYPES = ("A", "AAAA", "TXT", "MX")
WORDS = ("www.shop", "mail.club", "a.b.c.site", "nx.town")
PUBLIC = tuple(
    f"{word}.{top}"
    for word in ("www.shop", "mail.club", "a.b.c.site", "nx.town")
    for top in ("example", "test-land.example")
)
PATIENCE = 1.0
SILENT = "no answer"


def names_in(text: str) -> list[str]:
    """Every name in the file that a client could ask for, and some around each."""
    found = re.findall(r"local-(?:zone|data):\s*[\"']?([A-Za-z0-9_.-]+)", text)
    found += [
        ipaddress.ip_address(one).reverse_pointer for one in re.findall(r"local-data-ptr:\s*[\"']?([0-9a-f.:]+)", text)
    ]
    found += re.findall(r"name:\s*\"?([a-z0-9.-]+\.[a-z]+)", text)
    names: dict[str, None] = {}
    for name in found:
        plain = name.rstrip(".").lower()
        names |= dict.fromkeys((plain, f"other.{plain}", f"deep.er.{plain}"))
    return [*names, *PUBLIC]


def questions(text: str) -> Iterator[tuple[str, str]]:
    """Name and type."""
    for name in names_in(text):
        kinds = ("PTR", "TXT") if name.endswith(".arpa") and "home" not in name else TYPES
        for kind in kinds:
            yield name, kind
    yield from ((f"_http._tcp.{name}", "SRV") for name in ("house.home.arpa", "shop.example"))


def upstream_answer(data: bytes, mark: int) -> bytes:
    """What the world says: every name has an address made of itself and of `mark`; names below `nx` are none."""
    query = dns.message.from_wire(data)
    reply = dns.message.make_response(query, recursion_available=True)
    asked = query.question[0]
    number = hashlib.sha256(asked.name.canonicalize().to_wire()).digest()[0]
    if "nx" in asked.name.to_text().lower().split("."):
        reply.set_rcode(dns.rcode.NXDOMAIN)
    elif asked.rdtype == dns.rdatatype.A:
        reply.answer.append(dns.rrset.from_text(asked.name, 300, "IN", "A", f"198.51.{100 + mark}.{number}"))
    elif asked.rdtype == dns.rdatatype.AAAA:
        reply.answer.append(dns.rrset.from_text(asked.name, 300, "IN", "AAAA", f"2606:4700::{mark}:{number:x}"))
    elif asked.rdtype == dns.rdatatype.TXT:
        reply.answer.append(dns.rrset.from_text(asked.name, 300, "IN", "TXT", f'"world {number}"'))
    if not reply.answer:
        soa = "ns.example. root.example. 1 3600 600 86400 60"
        reply.authority.append(dns.rrset.from_text("example.", 60, "IN", "SOA", soa))
    return reply.to_wire()


def said(name: str, kind: str, port: int, source: str) -> str:
    """What the server at `port` answers to somebody at `source`: rcode and data, in order."""
    query = dns.message.make_query(name, kind)
    try:
        # unbound 1.17's refusals have octets behind their end.
        reply = dns.query.udp(query, "127.0.0.1", PATIENCE, port, source=source, ignore_trailing=True)
    except dns.exception.Timeout:
        return SILENT
    records = sorted(
        f"{rrset.name} {dns.rdatatype.to_text(rrset.rdtype)} {one}" for rrset in reply.answer for one in rrset
    )
    return " ".join((dns.rcode.to_text(reply.rcode()), *records)).lower()
