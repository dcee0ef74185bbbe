"""Verified records as `resolver.cache.ranges` keeps them, and where. Values only."""

from enum import IntEnum
from typing import NamedTuple

from resolver.dnssec.nsec import Range
from resolver.dnssec.values import Verified

_OVERHEAD = 1_300
"""Octets of Python objects for one record, beside its octets."""


class Kind(IntEnum):
    """What a record is there for."""

    SOA = 0
    NSEC = 1
    NSEC3 = 2
    WILDCARD = 3
    DNAME = 4


class Key(NamedTuple):
    """Where a record is: `place` among those of its zone and kind, in their order."""

    zone: bytes
    kind: Kind
    place: tuple[bytes, ...]


class Entry:
    """One record, and until when it counts."""

    __slots__ = ("expires", "record", "size", "span", "visited")

    def __init__(self, record: Verified, expires: float, span: Range | None) -> None:
        """`span`: what it says, if it is an NSEC."""
        rrset = record.rrset
        self.record = record
        self.expires = expires
        self.span = span
        self.size = _OVERHEAD + len(rrset.owner) + sum(map(len, rrset.rdatas + rrset.signatures))
        self.visited = False

    def holds(self, record: Verified) -> bool:
        """Whether it is the same but for its time."""
        mine, its = self.record.rrset, record.rrset
        return mine is its or (mine.rdatas == its.rdatas and mine.signatures == its.signatures)
