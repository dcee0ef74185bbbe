"""The canonical form and order of names and record data, for digests and signatures (RFC 4034 §6)."""

from wire.dns.names import MAX_LABEL, MAX_NAME
from wire.errors import Malformed

_ANY = -1
_NAMES = {
    **dict.fromkeys((2, 3, 4, 5, 7, 8, 9, 12, 39), (0, 1, 0)),  # NS MD MF CNAME MB MG MR PTR DNAME
    **dict.fromkeys((15, 18, 21, 36), (2, 1, 0)),  # MX AFSDB RT KX: a number before the name
    **dict.fromkeys((14, 17), (0, 2, 0)),  # MINFO RP
    6: (0, 2, 20),  # SOA: five numbers behind its names
    **dict.fromkeys((24, 46), (18, 1, _ANY)),  # SIG RRSIG: the signer's name, then the signature
    26: (2, 2, 0),  # PX
    30: (0, 1, _ANY),  # NXT
    33: (6, 1, 0),  # SRV
    35: (4, 1, 0),  # NAPTR: three strings come before the name
    38: (1, 1, 0),  # A6: an address of as many bits as the prefix lacks comes before the name
}
"""Type → octets before its names, how many names, octets behind them. RFC 4034 §6.2 as RFC 6840 §5.1 corrects it: NSEC
keeps its case, HINFO has no names."""

_NAPTR, _A6 = 35, 38


def canonical_key(name: bytes) -> tuple[bytes, ...]:
    """What sorts folded names as RFC 4034 §6.1 does: the labels, the root's side first."""
    labels = []
    at = 0
    while length := name[at]:
        labels.append(name[at + 1 : at + 1 + length])
        at += 1 + length
    labels.reverse()
    return tuple(labels)


def canonical_rdata(rrtype: int, rdata: bytes) -> bytes:
    """Uncompressed `rdata` with its names in lower case, for the types whose names count (RFC 4034 §6.2).

    Data of such a type that is not names where names belong is Malformed; any other data is as it came.
    """
    row = _NAMES.get(rrtype)
    if row is None:
        return rdata
    start, names, behind = row
    if rrtype == _NAPTR:
        start = _after_strings(rdata, start, 3)
    elif rrtype == _A6:
        start, names = _after_address(rdata)
    at = start
    for _ in range(names):
        at = after_plain_name(rdata, at)
    if at > len(rdata) or behind not in (_ANY, len(rdata) - at):
        raise Malformed("record data of the wrong length", at)
    return rdata[:start] + rdata[start:at].lower() + rdata[at:]


def after_plain_name(data: bytes, at: int) -> int:
    """The offset behind the uncompressed name at `at`. Raises Malformed."""
    start, end = at, len(data)
    while at < end:
        length = data[at]
        at += 1 + length
        if not length:
            if at - start > MAX_NAME:
                raise Malformed("name too long", start)
            return at
        if length > MAX_LABEL:
            raise Malformed("a label that is none, or compressed", at)
    raise Malformed("name cut off", start)


def _after_strings(data: bytes, at: int, count: int) -> int:
    for _ in range(count):
        if at >= len(data):
            raise Malformed("string cut off", at)
        at += 1 + data[at]
    return at


def _after_address(data: bytes) -> tuple[int, int]:
    """Where an A6's name begins, and whether (1 or 0) it has one (RFC 2874 §3.1.1)."""
    if not data or data[0] > 128:
        raise Malformed("prefix of more than 128 bits", 0)
    return 1 + (128 - data[0] + 7) // 8, 1 if data[0] else 0
