"""The canonical form of names, records and RRsets: what is signed (RFC 4034 §6, RFC 6840 §5.1).

Owners are folded already; so are those names in RDATA that may be compressed (`resolver.accept.expand_rdata`), but not all.
"""

from wire.dns.signing import parse_whole_name
from wire.errors import Malformed

_NAMES = {
    **dict.fromkeys((2, 3, 4, 5, 7, 8, 9, 12, 30, 39), (0, 1)),  # NS MD MF CNAME MB MG MR PTR NXT DNAME
    **dict.fromkeys((15, 18, 21, 36), (2, 1)),  # MX AFSDB RT KX: a number before the name
    **dict.fromkeys((6, 14, 17), (0, 2)),  # SOA MINFO RP
    26: (2, 2),  # PX
    33: (6, 1),  # SRV
    24: (18, 1),  # SIG
    46: (18, 1),  # RRSIG
}
"""Type → octets before the names in its data that are lower-cased, and how many (RFC 4034 §6.2, without HINFO and NSEC:
RFC 6840 §5.1). A6 has gone (RFC 6563)."""

_NAPTR = 35


def canonical_rdata(rrtype: int, rdata: bytes) -> bytes:
    """The data with the names that RFC 4034 §6.2 lists in lower case. Raises Malformed."""
    at, names = _naptr_name(rdata) if rrtype == _NAPTR else _NAMES.get(rrtype, (0, 0))
    if not names:
        return rdata
    parts = [rdata[:at]]
    for _ in range(names):
        name, at = parse_whole_name(rdata, at)
        parts.append(name)
    return b"".join((*parts, rdata[at:]))


def _naptr_name(rdata: bytes) -> tuple[int, int]:
    """Behind order and preference (2 octets each) and three strings with their lengths (RFC 3403 §4.1)."""
    at = 4
    for _ in range(3):
        if at >= len(rdata):
            raise Malformed("string cut off", at)
        at += 1 + rdata[at]
    return at, 1


def canonical_data(rrtype: int, rdatas: tuple[bytes, ...]) -> list[bytes]:
    """The data of an RRset in canonical form and order, equal ones once (RFC 4034 §6.3). Raises Malformed."""
    if len(rdatas) == 1:
        return [canonical_rdata(rrtype, rdatas[0])]
    return sorted({canonical_rdata(rrtype, rdata) for rdata in rdatas})


def canonical_records(owner: bytes, rrtype: int, ttl: int, ordered: list[bytes]) -> bytes:
    """The records as they are signed: class IN, `ordered` as `canonical_data` gives it (RFC 4034 §3.1.8.1)."""
    head = owner + rrtype.to_bytes(2, "big") + b"\0\1" + ttl.to_bytes(4, "big")
    if len(ordered) == 1:
        return head + len(ordered[0]).to_bytes(2, "big") + ordered[0]
    return b"".join(head + len(rdata).to_bytes(2, "big") + rdata for rdata in ordered)
