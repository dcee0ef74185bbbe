"""DHCPv4 messages (RFC 2131 §2, RFC 2132 §3, RFC 3396)."""

from typing import NamedTuple


class Packet4(NamedTuple):
    """One message. Addresses are 4 octets.

    `options` maps the number to the octets, joined where an option was split (RFC 3396) and taken out of `sname` and `file` where
    those hold options (option 52); pad, end and overload are not in it. A parsed message has `sname` and `file` without the zeros
    at their end, empty where they held options.
    """

    op: int
    """1: from a client, 2: from a server."""
    htype: int
    hops: int
    xid: int
    secs: int
    flags: int
    """0x8000: answer by broadcast."""
    ciaddr: bytes
    yiaddr: bytes
    siaddr: bytes
    giaddr: bytes
    chaddr: bytes
    """As many octets as hlen says, at most 16."""
    sname: bytes
    file: bytes
    options: dict[int, bytes]
