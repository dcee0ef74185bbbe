"""Questions and responses for tests, built with dnspython so that our own parser is not its own judge."""

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from resolver.values import Query
from wire.dns.codes import QueryFlag

RD = int(QueryFlag.RD)
SOA = "ns.example. hostmaster.example. 1 7200 900 1209600 60"


def key_of(name: str, rrtype: str = "A") -> bytes:
    """Folded name, type, class IN."""
    wire: bytes = dns.name.from_text(name).canonicalize().to_wire()
    return wire + int(dns.rdatatype.from_text(rrtype)).to_bytes(2, "big") + b"\0\1"


def query_for(name: str, rrtype: str = "A", flags: int = RD, group: int = 0, generation: int = 1) -> Query:
    return Query(key_of(name, rrtype), flags, group, generation)


def response(
    name: str,
    rrtype: str,
    *answer: str,
    authority: tuple[str, ...] = (),
    additional: tuple[str, ...] = (),
    rcode: str = "NOERROR",
) -> dns.message.Message:
    """A response; records as `OWNER TTL TYPE DATA`."""
    message = dns.message.make_response(dns.message.make_query(name, rrtype, use_edns=0), recursion_available=True)
    message.set_rcode(dns.rcode.from_text(rcode))
    for lines, section in ((answer, message.answer), (authority, message.authority), (additional, message.additional)):
        for line in lines:
            owner, ttl, kind, data = line.split(" ", 3)
            section.append(dns.rrset.from_text(owner, int(ttl), "IN", kind, data))
    return message


def wire_of(name: str, rrtype: str, *answer: str, **more: object) -> bytes:
    return bytes(response(name, rrtype, *answer, **more).to_wire(max_size=65_535))  # type: ignore[arg-type]
