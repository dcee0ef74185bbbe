"""Names that are answered here and never leave (RFC 6761, 6303, 7686, 7793, 8375, 9462, 9476, 9665 and kin).

One look-up a label in one table. A route of the user's for such a zone (the office's `home.arpa`, a private reverse zone), or
local names there, override the answer, except where the name means something that no server can know.
"""

from collections.abc import Callable
from enum import Enum

from resolver.policy.verdict import TTL, Ground, Say, soa
from resolver.values import Explanation, Query
from wire.dns.codes import ExtendedError, Rcode, RecordClass, RecordType
from wire.dns.message import ResourceRecord
from wire.dns.names import ROOT, closest_in, is_below, read_name, suffixes

RULE = "special-names"
LOCALHOST = read_name("localhost")
_V4, _V6 = b"\x7f\0\0\1", bytes(15) + b"\1"


class Treatment(Enum):
    """How a zone of the table is answered."""

    EMPTY = "an empty zone: its apex exists, nothing below it does"
    ABSENT = "no such name, at the suffix and below"
    NOTHING = "every name exists and has no data"
    LOOPBACK = "the loopback addresses"


# name, treatment, may a route override it?, why
_NAMES = (
    ("localhost", Treatment.LOOPBACK, False, "RFC 6761 section 6.3"),
    ("invalid", Treatment.ABSENT, False, "RFC 6761 section 6.4"),
    ("test", Treatment.ABSENT, True, "RFC 6761 section 6.2"),
    ("onion", Treatment.ABSENT, False, "RFC 7686: Tor only"),
    ("alt", Treatment.ABSENT, False, "RFC 9476: not DNS"),
    ("local", Treatment.ABSENT, True, "RFC 6762: multicast DNS"),
    ("internal", Treatment.ABSENT, True, "private use"),
    ("home.arpa", Treatment.EMPTY, True, "RFC 8375: this home"),
    ("service.arpa", Treatment.EMPTY, True, "RFC 9665: this network"),
    # Passing an upstream's answer on would send clients past us (RFC 9462 section 6.4).
    ("resolver.arpa", Treatment.NOTHING, False, "RFC 9462: this resolver"),
    ("use-application-dns.net", Treatment.ABSENT, False, "keeps applications on this resolver"),
)


def _reverse(text: str) -> str:
    """`10` → `10.in-addr.arpa`; `172.16` → `16.172.in-addr.arpa`."""
    return ".".join(reversed(text.split("."))) + ".in-addr.arpa"


_REVERSE_V4 = (
    *("10", "192.168", "0", "127", "169.254", "192.0.2", "198.51.100", "203.0.113", "255.255.255.255"),
    *(f"172.{second}" for second in range(16, 32)),
    *(f"100.{second}" for second in range(64, 128)),
)
"""RFC 6303 §4.1 and §4.2; RFC 7793 §2.1 for 100.64/10."""

_REVERSE_V6 = (
    *(".".join("0" * 32), "1." + ".".join("0" * 31)),
    *("d.f", "8.e.f", "9.e.f", "a.e.f", "b.e.f", "8.b.d.0.1.0.0.2"),
)
"""RFC 6303 §4.3 to §4.6."""

Row = tuple[Treatment, bool, str]

TABLE: dict[bytes, Row] = {read_name(name): (kind, routable, why) for name, kind, routable, why in _NAMES}
TABLE |= {read_name(_reverse(block)): (Treatment.EMPTY, True, "RFC 6303: private addresses") for block in _REVERSE_V4}
TABLE |= {read_name(f"{n}.ip6.arpa"): (Treatment.EMPTY, True, "RFC 6303: private addresses") for n in _REVERSE_V6}

_POINTERS = frozenset({read_name("1.0.0.127.in-addr.arpa"), read_name("1." + ".".join("0" * 31) + ".ip6.arpa")})


def judge(query: Query, ground: Ground) -> Say | None:
    """The answer for a special name, None for any other."""
    zone = closest_in(query.key[:-4], TABLE)
    if not zone:
        return None
    treatment, routable, why = TABLE[zone]
    if routable and _is_overridden(query, zone, ground):
        return None
    return _TREAT[treatment](query, zone, why)


def overridable(name: bytes) -> bool:
    """Whether a folded name may be the user's own; not if it means something that no server can know."""
    return all(TABLE[zone][1] for zone in suffixes(name) if zone in TABLE)


def _is_overridden(query: Query, zone: bytes, ground: Ground) -> bool:
    """Whether the user has the name among the local ones, or a route at the zone or inside it, not only the one for
    everything."""
    route = ground.route(query)
    if route is not None and route.suffix != ROOT and is_below(route.suffix, zone):
        return True
    return ground.local.has(query.name, query.group, ground.routes)


def _say(zone: bytes, why: str, rcode: Rcode, answer: tuple[ResourceRecord, ...]) -> Say:
    explanation = Explanation(ExtendedError.OTHER, f"answered here, never sent on: {why}")
    return Say(RULE, zone, rcode, answer, () if answer else (soa(zone),), explanation)


def _absent(query: Query, zone: bytes, why: str) -> Say:
    return _say(zone, why, Rcode.NXDOMAIN, ())


def _nothing(query: Query, zone: bytes, why: str) -> Say:
    return _say(zone, why, Rcode.NOERROR, ())


def _loopback(query: Query, zone: bytes, why: str) -> Say:
    data = {RecordType.A: _V4, RecordType.AAAA: _V6}.get(query.rrtype)  # type: ignore[call-overload]
    if data is None:
        return _nothing(query, zone, why)
    return _say(zone, why, Rcode.NOERROR, (_record(query, data),))


def _empty(query: Query, zone: bytes, why: str) -> Say:
    name = query.name
    if name in _POINTERS and query.rrtype == RecordType.PTR:
        return _say(zone, why, Rcode.NOERROR, (_record(query, LOCALHOST),))
    if name == zone and query.rrtype == RecordType.SOA:
        return _say(zone, why, Rcode.NOERROR, (soa(zone),))
    if name == zone and query.rrtype == RecordType.NS:
        return _say(zone, why, Rcode.NOERROR, (_record(query, zone),))
    if name == zone or any(is_below(pointer, name) for pointer in _POINTERS):
        return _nothing(query, zone, why)
    return _absent(query, zone, why)


def _record(query: Query, rdata: bytes) -> ResourceRecord:
    return ResourceRecord(query.name, query.rrtype, RecordClass.IN, TTL, rdata)


_TREAT: dict[Treatment, Callable[[Query, bytes, str], Say]] = {
    Treatment.ABSENT: _absent,
    Treatment.NOTHING: _nothing,
    Treatment.LOOPBACK: _loopback,
    Treatment.EMPTY: _empty,
}
