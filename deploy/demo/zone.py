"""What this small Internet knows: a root, two top-level domains and what lies below them, as master files; and what an
operator sees of a question."""

from dataclasses import dataclass

import dns.flags
import dns.message
import dns.rdatatype

RSA, P256, P384, ED25519 = 8, 13, 14, 15
"""Algorithm numbers of DNSSEC."""

TTL = 600


@dataclass(frozen=True, slots=True)
class Contents:
    """A zone as its owner wrote it; SOA, NS, delegations and signatures are made of the rest. `algorithm`: 0 for an unsigned
    one. `hashed`: NSEC3 instead of NSEC. `private`: nobody delegates it, and only the office's server has it. `expired`: all
    signatures are of last week. `forged`: records that took the place of signed ones."""

    origin: str
    records: str
    algorithm: int = P256
    hashed: bool = False
    server: str = "ns.nic.example."
    address: str = "192.0.2.53"
    private: bool = False
    expired: bool = False
    forged: str = ""


ZONES = (
    Contents(".", "", RSA, server="root.nic.island.", address="127.0.0.6"),
    Contents("example.", "", hashed=True),
    Contents(
        "harbour.example.",
        """
        @    MX    10 mail
        @    MX    20 spare
        www  A     192.0.2.10
        www  AAAA  2001:db8::10
        shop CNAME store.lighthouse.example.
        """
        + "\n".join(f'long TXT "{number:02d} {"tide table " * 20}"' for number in range(9)),
    ),
    Contents(
        "lighthouse.example.",
        """
        store CNAME www
        www   A     192.0.2.20
        www   A     192.0.2.21
        www   HTTPS 1 . alpn="h2,h3" ipv4hint=192.0.2.20
        """,
        ED25519,
        hashed=True,
    ),
    Contents(
        "reef.example.",
        """
        ecs     A     192.0.2.30
        adverts A     192.0.2.31
        banner  CNAME adverts
        inward  A     192.168.77.1
        """,
        P384,
    ),
    Contents("ferry.example.", "www A 192.0.2.40", RSA, hashed=True),
    Contents("treasure.example.", "www A 192.0.2.60"),
    Contents("sealed.example.", "www A 203.0.113.66"),
    Contents("drift.example.", "www A 192.0.2.50", 0),
    Contents("forged.example.", "www A 192.0.2.70", forged="www A 203.0.113.66"),
    Contents("expired.example.", "www A 192.0.2.71", expired=True),
    Contents("office.example.", "printer A 198.51.100.7", 0, private=True),
    *(Contents(f"site{number}.example.", f"www A 192.0.2.{100 + number}") for number in range(6)),
    Contents("island.", "root.nic A 127.0.0.6", server="ns.island.", address="127.0.0.7"),
    Contents(
        "cove.island.",
        """
        www    A    203.0.113.80
        a.deep AAAA 2001:db8::80
        """,
        ED25519,
        hashed=True,
        server="ns.cove.island.",
        address="127.0.0.8",
    ),
)


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
    proofs: bool = True
    """DO and CD are set: it wants the signatures, and the answer whatever the operator thinks of them."""

    @property
    def validates(self) -> bool:
        """Whether it is one of those that validation adds."""
        return self.rrtype in ("DS", "DNSKEY")


def is_own(one: Seen) -> bool:
    """Whether it asks for the keys of the root. The service follows them by itself (RFC 5011), whoever its clients are, so it
    may come at any time."""
    return (one.name, one.rrtype) == (".", "DNSKEY")


def seen(operator: str, transport: str, data: bytes, query: dns.message.Message) -> Seen:
    """What this query tells the operator."""
    question = query.question[0]
    options = tuple(int(option.otype) for option in query.options)
    rrtype = dns.rdatatype.to_text(question.rdtype)
    proofs = bool(query.flags & dns.flags.CD and query.ednsflags & dns.flags.DO)
    return Seen(operator, transport, question.name.to_text().lower(), rrtype, len(data), options, query.id, proofs)
