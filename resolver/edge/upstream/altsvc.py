"""What `Alt-Svc` says of HTTP/3 (RFC 7838 §3): only at the same host, only for a bounded time."""

import re
from collections.abc import Sequence
from typing import NamedTuple

USUAL, LONGEST = 86_400.0, 7 * 86_400.0
"""Seconds an offer holds if it does not say (RFC 7838 §3.1), and at most."""

MAX_VALUE = 2_048
"""Octets of the header that are looked at."""

_PARAMETER = rb'[ \t]*;[ \t]*[!#$%&\'*+.^_`|~0-9A-Za-z-]{1,64}=(?:"[^"\\]{0,256}"|[^\s;,"]{1,256})'
_ALTERNATIVE = re.compile(
    rb'[ \t]*([!#$%&\'*+.^_`|~0-9A-Za-z-]{1,64})="([^"\\]{0,256})"((?:' + _PARAMETER + rb"){0,8})[ \t]*(?:,|$)"
)
_AGE = re.compile(rb';[ \t]*ma="?(\d{1,9})"?[ \t]*(?:;|$)')


class Offer(NamedTuple):
    """HTTP/3 at `port` of the same host for `lifetime` seconds; port 0 means that nothing is offered any more."""

    port: int
    lifetime: float


NONE = Offer(0, 0.0)


def read_offer(headers: Sequence[tuple[bytes, bytes]], host: str) -> Offer | None:
    """The first offer of h3 at `host` in a response's headers, NONE if they take offers back, None if they say nothing.

    Reading ends where the syntax does; what was read before counts.
    """
    values = [value for name, value in headers if name == b"alt-svc"]
    if not values:
        return None
    for value in values:
        offer = _read(value[:MAX_VALUE], host.encode())
        if offer is not None:
            return offer
    return NONE


def _read(value: bytes, host: bytes) -> Offer | None:
    at = 0
    while (match := _ALTERNATIVE.match(value, at)) is not None:
        at = match.end()
        port = _port_at(match[2], host)
        if match[1] == b"h3" and port:
            age = _AGE.search(match[3])
            return Offer(port, min(LONGEST, float(age[1]) if age else USUAL))
    return None


def _port_at(authority: bytes, host: bytes) -> int:
    """The port of `[host]:port`, 0 if that is another host or no port."""
    name, colon, port = authority.rpartition(b":")
    if not colon or (name and name.strip(b"[]").lower() != host.lower()):
        return 0
    return int(port) if port.isdigit() and len(port) <= 5 and int(port) < 65_536 else 0
