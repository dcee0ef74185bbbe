"""What a resolver says of its own encrypted ways in, as who asks it reads that (RFC 9462 §4, RFC 9461). Pure."""

import ipaddress
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from resolver.settings import UpstreamSpec
from wire.dns.codes import Rcode, RecordClass, RecordType
from wire.dns.message import Message, Record
from wire.dns.names import ROOT, read_name
from wire.dns.svcb import (
    ALPN,
    DOHPATH,
    IPV4HINT,
    IPV6HINT,
    MANDATORY,
    NO_DEFAULT_ALPN,
    PORT,
    Service,
    parse_alpn,
    parse_hint,
    parse_mandatory,
    parse_service,
)
from wire.errors import Malformed

QUESTION = read_name("_dns.resolver.arpa") + RecordType.SVCB.to_bytes(2, "big") + RecordClass.IN.to_bytes(2, "big")

MAX_WAYS = 8
"""Ways in that are looked at, the preferred first."""

MAX_ADDRESSES = 4
"""Addresses of one of them."""

MIN_TTL, MAX_TTL = 300, 86_400
"""Seconds after which is asked again."""

SCHEMES = {b"dot": ("tls", 853), b"doq": ("quic", 853), b"h2": ("https", 443), b"h3": ("h3", 443)}
"""By ALPN: our scheme and the usual port (RFC 9461 §4.2)."""

_UNDERSTOOD = frozenset((ALPN, NO_DEFAULT_ALPN, PORT, IPV4HINT, IPV6HINT, DOHPATH))
_VARIABLE = "{?dns}"
_SVCB = int(RecordType.SVCB)
_NO_TARGETS = (ROOT, read_name("resolver.arpa"))


class Designation(NamedTuple):
    """One way in. `addresses` are hints as text; none: where the one who named it is."""

    scheme: str
    port: int
    path: str
    addresses: tuple[str, ...]


class Designated(NamedTuple):
    """What came of asking, the preferred first, and for how many seconds it holds."""

    ways: tuple[Designation, ...]
    ttl: int


def read_designated(message: Message) -> Designated:
    """The ways in that we can go. What we do not understand is left out (RFC 9460 §8), as is whatever does not parse: it comes
    from the network in clear text."""
    if message.rcode != Rcode.NOERROR:
        return Designated((), MIN_TTL)
    records = [record for record in message.answer if record.rrtype == _SVCB]
    services = sorted(_services(message, records), key=lambda service: service.priority)
    ways = dict.fromkeys(way for service in services for way in _ways(service))
    ttl = min((record.ttl for record in records), default=MIN_TTL)
    return Designated(tuple(ways)[:MAX_WAYS], max(MIN_TTL, min(ttl, MAX_TTL)))


def _services(message: Message, records: list[Record]) -> Iterator[Service]:
    """> ServiceMode SVCB responses to these queries MUST NOT use the "." or "resolver.arpa" value for the TargetName (RFC 9462
    > §4). Aliases are not followed: who is asked next would learn of it."""
    for record in records[:MAX_WAYS]:
        try:
            service = parse_service(message.data[record.rdata_start : record.rdata_end])
            mandatory = service.find(MANDATORY)
            needed = () if mandatory is None else parse_mandatory(mandatory)
        except Malformed:
            continue
        if service.priority and service.target not in _NO_TARGETS and _UNDERSTOOD.issuperset(needed):
            yield service


def _ways(service: Service) -> Iterator[Designation]:
    try:
        protocols = parse_alpn(service.find(ALPN) or b"")
        addresses = tuple(_hints(service))[:MAX_ADDRESSES]
    except Malformed:
        return
    port = service.find(PORT)
    if port is not None and (len(port) != 2 or port == b"\0\0"):
        return
    path = _path(service.find(DOHPATH))
    for protocol in protocols:
        known = SCHEMES.get(protocol)
        if known is None:
            continue
        scheme, usual = known
        is_http = scheme in ("https", "h3")
        if is_http and not path:
            continue
        yield Designation(
            scheme, usual if port is None else int.from_bytes(port, "big"), path if is_http else "", addresses
        )


def _hints(service: Service) -> Iterator[str]:
    for key, size in ((IPV4HINT, 4), (IPV6HINT, 16)):
        value = service.find(key)
        if value is not None:
            yield from (str(ipaddress.ip_address(address)) for address in parse_hint(value, size))


def _path(template: bytes | None) -> str:
    """> The template … MUST contain a "dns" variable (RFC 9461 §5). Empty for others, and for those with more in them."""
    try:
        text = (template or b"").decode("ascii")
    except UnicodeDecodeError:
        return ""
    path, variable, rest = text.partition(_VARIABLE)
    fine = path.startswith("/") and path.isprintable() and not set(path) & set("{}?# ")
    return path if fine and variable and not rest else ""


class Way(NamedTuple):
    """How one is gone: `proved` if the certificate must show that the two are one (RFC 9462 §4.2)."""

    spec: UpstreamSpec
    proved: bool


def ways_of(found: tuple[Designation, ...], clear: UpstreamSpec, address: str) -> tuple[Way, ...]:
    """What may be tried in the place of `clear`, which was asked at `address`; the proved ones first.

    > … MUST verify that the certificate contains the IP address of the designating Unencrypted DNS Resolver (RFC 9462 §4.2):
    so that address is the name which the certificate must hold. Without proof only the same address will do, and only a
    private one (§4.3).
    """
    plain = replace(clear, name=address, discover=False, bootstrap="")
    proved = [
        Way(
            replace(plain, scheme=one.scheme, port=one.port, path=one.path, addresses=one.addresses or (address,)), True
        )
        for one in found
    ]
    unproved = [
        Way(replace(way.spec, addresses=(address,)), False)
        for way, one in zip(proved, found, strict=True)
        if is_local(address) and address in (one.addresses or (address,))
    ]
    return tuple(dict.fromkeys((*proved, *unproved)))


def is_local(address: str) -> bool:
    """A private, unique local or link-local address (RFC 9462 §4.3), or our own machine."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in PRIVATE)


PRIVATE = tuple(
    ipaddress.ip_network(text)
    for text in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "169.254.0.0/16",
        "127.0.0.0/8",
        "fc00::/7",
        "fe80::/10",
        "::1/128",
    )
)
"""Networks that everybody has for himself (RFC 1918, RFC 3927, RFC 4193, RFC 4291 §2.4)."""
