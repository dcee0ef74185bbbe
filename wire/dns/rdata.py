"""Record data with its names written out: the only place that knows which types may compress. Pure."""

from wire.dns.message import NAMED, Message, Record
from wire.dns.names import Known, parse_shared_name
from wire.errors import Malformed

_NAMES = {
    **dict.fromkeys((2, 3, 4, 5, 7, 8, 9, 12, 39), (0, 1)),  # NS MD MF CNAME MB MG MR PTR DNAME
    **dict.fromkeys((15, 18, 21), (2, 1)),  # MX AFSDB RT: a number before the name
    **dict.fromkeys((6, 14, 17), (0, 2)),  # SOA MINFO RP; the SOA's numbers follow
    26: (2, 2),  # PX
    33: (6, 1),  # SRV
}
"""Type → octets before the names in its data, and how many names."""

MAY_COMPRESS = NAMED
"""Data of any other type is as it came."""

_BEHIND_NAMES = {6: 20}
"""Type → octets behind the names in its data: the five numbers of an SOA (RFC 1035 §3.3.13)."""


def expand_rdata(message: Message, record: Record, known: Known | None = None) -> bytes:
    """The record's data with every compressed name written out. Raises Malformed.

    Only the types of RFC 1035 and a few from before RFC 3597 §4 may compress; any other data is as it came. `known`: names
    by offset, one dictionary for all records of a message, or thousands that point to one long name would be dear.
    """
    if record.rrtype not in _NAMES:
        return message.data[record.rdata_start : record.rdata_end]
    known = {} if known is None else known
    prefix, names = _NAMES[record.rrtype]
    data, at = message.data, record.rdata_start + prefix
    parts = [data[record.rdata_start : at]]
    for _ in range(names):
        name, at = parse_shared_name(data, at, known)
        parts.append(name)
    # What is left: the numbers of an SOA, nothing in any other type with names. A "name" with more behind it would be taken
    # for another name further on.
    if record.rdata_end - at != _BEHIND_NAMES.get(record.rrtype, 0):
        raise Malformed("record data of the wrong length", record.rdata_start)
    return b"".join((*parts, data[at : record.rdata_end]))
