"""Where a DoH server offers HTTP/3, by `Alt-Svc` (RFC 7838 §3) or by its SVCB record (RFC 9461): only at the same host, only for
a bounded time."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from wire.dns.codes import Rcode, RecordClass, RecordType
from wire.dns.message import parse_message
from wire.dns.names import read_name
from wire.dns.svcb import ALPN, PORT, Service, parse_alpn, parse_service
from wire.errors import Malformed

USUAL, LONGEST = 86_400.0, 7 * 86_400.0
"""Seconds an offer holds if it does not say (RFC 7838 §3.1), and at most."""

MAX_VALUE = 2_048
"""Octets of the header that are looked at."""

SHORTEST = 300.0
"""Seconds an offer by a record holds at least, and after which one is asked for again."""

_MAX_RECORDS = 8
_USUAL_PORT = 443

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


def offer_question(host: str) -> bytes:
    """What is asked for the record of `host`, at the usual port: `_dns.HOST SVCB` (RFC 9461 §3). Raises ValueError."""
    return read_name(f"_dns.{host}") + RecordType.SVCB.to_bytes(2, "big") + RecordClass.IN.to_bytes(2, "big")


def read_record(data: bytes, host: str) -> Offer:
    """The most preferred offer of h3 at `host` itself in the answer to `offer_question`; NONE if there is none. What is malformed
    offers nothing."""
    try:
        message = parse_message(data)
        if message.rcode != Rcode.NOERROR:
            return NONE
        records = [record for record in message.answer if record.rrtype == RecordType.SVCB][:_MAX_RECORDS]
        services = [(parse_service(data[record.rdata_start : record.rdata_end]), record.ttl) for record in records]
        offers = [(service.priority, _of_service(service, ttl, read_name(host))) for service, ttl in services]
    except (Malformed, ValueError):
        return NONE
    return min((pair for pair in offers if pair[1].port), default=(0, NONE))[1]


def _of_service(service: Service, ttl: int, host: bytes) -> Offer:
    """An alias (priority 0) and what is elsewhere are no offers; nor is what makes a parameter mandatory."""
    keys = {key for key, _ in service.parameters}
    if not service.priority or service.target != host or 0 in keys:
        return NONE
    if b"h3" not in parse_alpn(service.find(ALPN) or b""):
        return NONE
    port = service.find(PORT)
    number = _USUAL_PORT if port is None else int.from_bytes(port, "big") if len(port) == 2 else 0
    return Offer(number, min(LONGEST, max(SHORTEST, float(ttl))))
