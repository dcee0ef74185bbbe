"""A whole zone taken apart: owner → type → data, in canonical form, each record once."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from wire.dns.canonical import after_plain_name, canonical_key, canonical_rdata
from wire.dns.codes import RecordClass, RecordType
from wire.dns.names import ROOT, is_below
from wire.errors import Malformed

MAX_RECORDS = 200_000
"""Records of one copy; the root zone has some 25,000."""

FIXED = struct.Struct("!HHIH")
"""Type, class, TTL, length of the data: what stands between a record's owner and its data (RFC 1035 §4.1.3)."""

_IN, _SOA = int(RecordClass.IN), int(RecordType.SOA)
_LONGEST = 2**31 - 1

Records = dict[bytes, int]
"""Canonical data → TTL in seconds."""

Node = dict[int, Records]
"""Type → its records."""


@dataclass(frozen=True, slots=True)
class Timers:
    """The numbers of an SOA (RFC 1035 §3.3.13); all but the serial in seconds."""

    serial: int
    refresh: int
    retry: int
    expire: int
    minimum: int


@dataclass(frozen=True, slots=True)
class ZoneCopy:
    """The records of the zone `apex` by folded owner; `timers` are those of its one SOA. Nobody changes it."""

    apex: bytes
    nodes: dict[bytes, Node]
    timers: Timers

    def ordered(self) -> Iterator[tuple[bytes, Node]]:
        """Owners in canonical order (RFC 4034 §6.1)."""
        for owner in sorted(self.nodes, key=canonical_key):
            yield owner, self.nodes[owner]


def parse_zone(data: bytes, apex: bytes) -> ZoneCopy:
    """The zone whose records `data` are: uncompressed, one after the other, class IN (RFC 1035 §4.1.3).

    Records that are not at or below `apex` are left out, of two that are the same the first counts. Raises Malformed,
    also if there is not exactly one SOA at the apex.
    """
    nodes: dict[bytes, Node] = {}
    at, end, count = 0, len(data), 0
    last, node = b"", None
    unpack = FIXED.unpack_from
    while at < end:
        start = after_plain_name(data, at)
        spelled, at = data[at:start], start + FIXED.size
        if at > end or count >= MAX_RECORDS:
            raise Malformed("record cut off, or too many", start)
        rrtype, rrclass, ttl, length = unpack(data, start)
        stop = at + length
        if stop > end or rrclass != _IN or ttl > _LONGEST:
            raise Malformed("record cut off, not of class IN, or with a TTL that is none", start)
        if spelled != last:
            last, node = spelled, _node(nodes, spelled.lower(), apex)
        if node is not None:
            node.setdefault(rrtype, {}).setdefault(canonical_rdata(rrtype, data[at:stop]), ttl)
        at = stop
        count += 1
    soa = list(nodes.get(apex, {}).get(_SOA, ()))
    if len(soa) != 1:
        raise Malformed("not exactly one SOA at the apex")
    return ZoneCopy(apex, nodes, parse_timers(soa[0]))


def _node(nodes: dict[bytes, Node], owner: bytes, apex: bytes) -> Node | None:
    """Where records of `owner` go; None if it is not in the zone."""
    if apex != ROOT and not is_below(owner, apex):
        return None
    return nodes.setdefault(owner, {})


def parse_timers(soa: bytes) -> Timers:
    """The last five numbers of an SOA's data. Raises Malformed."""
    if len(soa) < 22:
        raise Malformed("SOA of the wrong length", 0)
    return Timers(*struct.unpack("!5I", soa[-20:]))


def is_newer(serial: int, than: int) -> bool:
    """Serial number arithmetic (RFC 1982 §3.2): half of all numbers are newer, and none is if they are 2**31 apart."""
    return 0 < (serial - than) % 2**32 < 2**31
