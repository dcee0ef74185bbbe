"""What kind of road a message takes; decides padding, cookies and case."""

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """A transport, by the scheme of its URL."""

    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"
    HTTPS = "https"
    QUIC = "quic"
    H3 = "h3"
    ODOH = "odoh"


@dataclass(frozen=True, slots=True)
class Channel:
    """One road to an upstream or to a client.

    `encrypted`: nobody on the path reads it (then messages are padded, RFC 8467).
    `authenticated`: the far end proved its name or pin (RFC 8310).
    `edns` and `recursion`: whether the far end takes an OPT, and whether it is asked to resolve (RD); authoritative servers
    are not.
    `cookie`: on clear roads the COOKIE option's content to send: 8 octets of ours, then the 8 to 32 octets the
    server gave us, if any (RFC 7873 §4); empty elsewhere.
    """

    kind: Kind
    encrypted: bool
    authenticated: bool
    cookie: bytes = b""
    edns: bool = True
    recursion: bool = True
