"""What NSEC records say of names: which exist, with which types, and which do not (RFC 4035 §5.4, RFC 6840 §4)."""

from functools import lru_cache
from typing import NamedTuple

from resolver.dnssec.evidence import Absent, Encloser
from resolver.dnssec.values import Verified
from wire.dns.codes import RecordType
from wire.dns.names import canonical_order, is_below, parent
from wire.dns.nsec import Types, parse_nsec
from wire.errors import Malformed

_NS, _SOA, _DNAME = (int(RecordType[t]) for t in ("NS", "SOA", "DNAME"))
_RRSIG, _NSEC, _NXNAME = (int(RecordType[t]) for t in ("RRSIG", "NSEC", "NXNAME"))

RANGES_READ = 1_024
"""NSEC records as they were read: that of a zone's apex is looked at by every denial."""

BLOCKS = 256
"""Bitmaps of the types up to 255 of which it is known what they leave unsaid."""

ABSENT = Absent()

NO_TYPES = Types({})
"""Of a name that exists only because names below it do."""


class Range(NamedTuple):
    """One NSEC: nothing exists between `owner` and `next` but names above `next`; `types` are the owner's. `start`, `end`: both
    names as `canonical_order` gives them. `reticent`: of some names between them it says nothing."""

    owner: bytes
    next: bytes
    types: Types
    start: tuple[bytes, ...]
    end: tuple[bytes, ...]
    reticent: bool

    def covers(self, name: bytes, zone: bytes) -> bool:
        """Whether `name`, below the apex of `zone`, lies strictly between; behind the last owner comes the apex again."""
        place = canonical_order(name)
        return place > self.start and (self.next == zone or place < self.end)

    def is_silent_on(self, name: bytes) -> bool:
        """Whether `name` is below a delegation or a DNAME at the owner: then another zone, or none, says what is there.

        > Ancestor delegation NSEC or NSEC3 RRs MUST NOT be used to assume nonexistence of any RRs below that zone cut
        (RFC 6840 §4.1, which says the same of DNAME). Nor does an owner that does not exist itself tell of other names.
        """
        return self.reticent and (_NXNAME in self.types or is_below(name, self.owner))


class NsecChain:
    """The NSEC records of one zone that came with an answer. All of them are ours to use, or they are not in here."""

    def __init__(self, zone: bytes, ranges: list[Range]) -> None:
        """`ranges` as `read_range` gives them for `zone`."""
        self.zone = zone
        self._ranges = ranges
        self._covers: dict[bytes, list[Range]] = {}
        self._enclosers: dict[bytes, Encloser | None] = {}

    def __bool__(self) -> bool:
        return bool(self._ranges)

    def types_at(self, name: bytes) -> Types | None:
        """The types of a name that exists; None if that is not said.

        A name with no records of its own has no NSEC: it is known by a next name below it (RFC 4035 §3.1.3.2).
        """
        for found in self._ranges:
            if found.owner == name:
                return found.types
        for found in self._covering(name):
            if is_below(found.next, name):
                return NO_TYPES
        return None

    def absent(self, name: bytes) -> Absent | None:
        """Proof that `name` does not exist; None if that is not said."""
        for found in self._covering(name):
            if not is_below(found.next, name):
                return ABSENT
        return None

    def encloser(self, name: bytes) -> Encloser | None:
        """Proof that `name` does not exist, and its deepest ancestor that does; None if that is not said.

        Owner and next name both exist: whichever has more labels in common with the name tells (RFC 4035 §5.4).
        """
        if name not in self._enclosers:
            self._enclosers[name] = self._encloser(name)
        return self._enclosers[name]

    def _encloser(self, name: bytes) -> Encloser | None:
        for one in self._covering(name):
            if not is_below(one.next, name):
                return Encloser(encloser_by(one, name))
        return None

    def says_no_name(self, name: bytes) -> bool:
        """Whether an NSEC at the name itself says that it does not exist (compact denial)."""
        return any(found.owner == name and denies_its_owner(found.types) for found in self._ranges)

    def _covering(self, name: bytes) -> list[Range]:
        found = self._covers.get(name)
        if found is None:
            place, zone = canonical_order(name), self.zone
            found = [
                one
                for one in self._ranges
                if place > one.start
                and (place < one.end or one.next == zone)
                and not (one.reticent and one.is_silent_on(name))
            ]
            self._covers[name] = found
        return found


def encloser_by(span: Range, name: bytes) -> bytes:
    """The deepest ancestor that exists of a name that `span` covers, by the two names of the range."""
    above = parent(name)
    while not (is_below(span.owner, above) or is_below(span.next, above)):
        above = parent(above)
    return above


def read_range(record: Verified, zone: bytes) -> Range | None:
    """The NSEC as a range; None if it may not be used for names of `zone`.

    It must be signed by that zone and no wildcard's expansion, be the only one at its owner, both names must be inside the
    zone, and only the last one's next name, the apex, comes before its owner.
    """
    rrset = record.rrset
    if rrset.rrtype != _NSEC or record.zone != zone or record.wildcard is not None or len(rrset.rdatas) != 1:
        return None
    return _read_range(rrset.owner, rrset.rdatas[0], zone)


@lru_cache(RANGES_READ)
def _read_range(owner: bytes, rdata: bytes, zone: bytes) -> Range | None:
    try:
        found = parse_nsec(rdata)
    except Malformed:
        return None
    if not (is_below(owner, zone) and is_below(found.next, zone)):
        return None
    start, end = canonical_order(owner), canonical_order(found.next)
    if found.next != zone and start >= end:
        return None
    return Range(owner, found.next, found.types, start, end, _is_reticent(found.types.blocks.get(0, b"")))


@lru_cache(BLOCKS)
def _is_reticent(block: bytes) -> bool:
    """Whether a name with these of the types up to 255 leaves unsaid what is below it, or does not exist itself."""
    types = Types({0: block})
    return _NXNAME in types or ends_here(types)


def ends_here(types: Types) -> bool:
    """Whether the zone says nothing of names below one with these types: a delegation seen from above, or a DNAME."""
    return _DNAME in types or (_NS in types and _SOA not in types)


def denies_its_owner(types: Types) -> bool:
    """Whether these types are those of a name that does not exist (RFC 9824): NXNAME, and of others only what proves it.

    A bitmap that has NXNAME and other types contradicts itself and proves nothing.
    """
    return _NXNAME in types and len(types) == sum(rrtype in types for rrtype in (_RRSIG, _NSEC, _NXNAME))
