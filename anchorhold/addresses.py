"""The addresses in an answer, as text: an upstream's own, looked up by another one (bootstrap)."""

import socket

from wire.dns.codes import RecordType
from wire.dns.message import parse_message

FAMILIES = {RecordType.A: (4, socket.AF_INET), RecordType.AAAA: (16, socket.AF_INET6)}
"""Types of address records: octets, family."""


def addresses_in(data: bytes, rrtype: RecordType) -> list[str]:
    """The addresses of this type in a response; data of another length are none. Raises Malformed."""
    size, family = FAMILIES[rrtype]
    return [
        socket.inet_ntop(family, data[record.rdata_start : record.rdata_end])
        for record in parse_message(data).answer
        if record.rrtype == rrtype and record.rdata_end - record.rdata_start == size
    ]
