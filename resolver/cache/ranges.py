"""Answers from verified ranges of names that do not exist, without asking anybody (RFC 8198). Time is an argument.

This only finds records: whether they prove anything is judged by `resolver.dnssec.denial`, as if they had just come in. So
nothing can be answered from here that an honest server could not prove with the same records.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from dataclasses import dataclass

from resolver.cache.proofs import Entry, Key, Kind
from resolver.cache.rrsets import rename
from resolver.cache.shelf import Shelf
from resolver.dnssec.denial import (
    Proof,
    proves_no_data,
    proves_no_name,
    proves_wildcard_no_data,
    proves_wildcard_rightly_expanded,
    wildcard_at,
)
from resolver.dnssec.evidence import NoData, NoName, NotProved, RightlyExpanded, WildcardNoData
from resolver.dnssec.nsec import Range, encloser_by, read_range
from resolver.dnssec.nsec3 import MAX_ITERATIONS, Hashes, HashesSpent, Hashing, HashRange, read_hash_range
from resolver.dnssec.values import Spans, Verified
from resolver.iterate.verdict import Alias, RRset, TooLong, with_ttl
from wire.dns.codes import RecordType
from wire.dns.names import ROOT, canonical_order, is_below, parent, suffixes
from wire.units import Instant

MAX_ENCLOSERS = 16
"""Ancestors hashed for one look into the ranges of a zone with NSEC3. A deeper name is asked for instead."""

_SOA, _CNAME, _DS, _NSEC, _NSEC3 = (int(RecordType[t]) for t in ("SOA", "CNAME", "DS", "NSEC", "NSEC3"))

_SOA_KIND, _NSEC_KIND = Kind.SOA, Kind.NSEC
_new = tuple.__new__
"""See `wire/dns/message.py`."""

_LEAST_SOA = 22
"""Octets: two names and five numbers (RFC 1035 §3.3.13)."""


@dataclass(frozen=True, slots=True)
class Denied:
    """There is no such name or no such type. `soa` and `records` go into the authority section; TTLs are what is left."""

    evidence: NoName | NoData | WildcardNoData
    soa: RRset
    records: tuple[RRset, ...]


@dataclass(frozen=True, slots=True)
class Expanded:
    """The records of a wildcard, for the name asked; `rrset` may be a CNAME. `records` show that nothing is closer."""

    rrset: RRset
    evidence: RightlyExpanded
    records: tuple[RRset, ...]


@dataclass(frozen=True, slots=True)
class Renamed:
    """The alias that a verified DNAME makes of the name (RFC 6672 §5.3.4.1), or that the name would be too long."""

    alias: Alias | TooLong


class Ranges:
    """Verified ranges of one upstream group's zones, in order; never more than `memory` octets."""

    def __init__(self, memory: int, longest: int) -> None:
        """`longest`: seconds that anything is kept at most."""
        self._longest = longest
        self._entries: Shelf[Key, Entry] = Shelf(memory, self._forget)
        self._order: dict[tuple[bytes, Kind], list[tuple[bytes, ...]]] = {}
        self._kinds: dict[bytes, int] = {}
        """Of each zone, how many kinds of records are here."""
        self._renamers = 0
        """How many DNAMEs."""
        self._hashing: dict[bytes, Hashing] = {}

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def size(self) -> int:
        """Octets kept."""
        return self._entries.size

    # -- what is learned

    def store(self, soa: Verified, records: tuple[Verified, ...], now: Instant, spans: Spans = ()) -> None:
        """Keep the NSEC and NSEC3 records of a negative answer, or of an expanded wildcard's, with the zone's SOA. `spans`: what
        `read_range` made of each, if that is known.

        No longer than the TTLs, which the signatures bound, and the SOA's MINIMUM allow (RFC 8198 §5.4, RFC 9077 §3).
        """
        if soa.rrset.rrtype != _SOA or soa.zone != soa.rrset.owner or len(soa.rrset.rdatas[0]) < _LEAST_SOA:
            return
        zone, most = soa.zone, min(soa.rrset.ttl, _minimum(soa.rrset), self._longest)
        self._put(_new(Key, (zone, _SOA_KIND, ())), soa, most, now)
        self._store_ranges(zone, records, most, now, spans)

    def _store_ranges(
        self, zone: bytes, records: tuple[Verified, ...], most: int, now: Instant, spans: Spans = ()
    ) -> None:
        for record, found in zip(records, spans or [read_range(one, zone) for one in records], strict=True):
            lifetime = min(record.rrset.ttl, most)
            if found is not None:
                key = _new(Key, (zone, _NSEC_KIND, found.start))
                if not self._renew(key, record, lifetime, now):
                    self._make_room(zone, found.start, None if found.next == zone else found.end)
                    self._add(key, record, lifetime, now, found)
            elif (hashed := read_hash_range(record, zone)) is not None:
                self._store_hashed(zone, hashed, record, lifetime, now)

    def store_proof(self, records: tuple[Verified, ...], now: Instant) -> None:
        """Keep the NSEC and NSEC3 records of a wildcard's answer or of an insecure delegation: until an SOA is known they
        deny nothing."""
        if records:
            self._store_ranges(records[0].zone, records, self._longest, now)

    def store_wildcard(self, answer: Verified, now: Instant) -> None:
        """Keep records that were expanded from a wildcard, to expand them for other names (RFC 8198 §5.3)."""
        if answer.wildcard is not None:
            place = (answer.wildcard, answer.rrset.rrtype.to_bytes(2, "big"))
            self._put(Key(answer.zone, Kind.WILDCARD, place), answer, min(answer.rrset.ttl, self._longest), now)

    def store_renamer(self, dname: Verified, now: Instant) -> None:
        """Keep a DNAME, to rename other names below its owner."""
        lifetime = min(dname.rrset.ttl, self._longest)
        self._put(Key(dname.rrset.owner, Kind.DNAME, ()), dname, lifetime, now)

    # -- what it answers

    def answer(
        self, name: bytes, rrtype: int, now: Instant, hashes: Hashes, top: bytes = ROOT
    ) -> Denied | Expanded | Renamed | None:
        """What the ranges of zones at or below `top` say of a folded name and a type; None if they do not.

        Nothing is concluded from what a range with opt-out covers (RFC 8198 §5.1).
        """
        if not self._entries:
            return None
        renamed = self._renamed(name, now, top) if self._renamers else None
        if renamed is not None:
            return renamed
        zone = self._zone(name, rrtype, now)
        if zone is None or not is_below(zone, top):
            return None
        try:
            records = self._hashed(zone, name, now, hashes) if zone in self._hashing else self._plain(zone, name, now)
        except HashesSpent:
            return None
        if not records:
            return None
        spans = tuple([entry.span for entry in records])
        proof = Proof(zone, tuple([entry.record for entry in records]), hashes, spans)
        return self._denied(name, rrtype, proof, records, now) or self._expanded(name, rrtype, proof, records, now)

    def _renamed(self, name: bytes, now: Instant, top: bytes) -> Renamed | None:
        for above in suffixes(parent(name)):
            if (above, Kind.DNAME) not in self._order or name == above:
                continue
            renamer = self._fresh(Key(above, Kind.DNAME, ()), now)
            if renamer is not None and is_below(renamer.record.zone, top):
                return Renamed(rename(name, renamer.record.rrset._replace(ttl=_left(renamer, now))))
        return None

    def _denied(self, name: bytes, rrtype: int, proof: Proof, records: list[Entry], now: Instant) -> Denied | None:
        soa = self._fresh(Key(proof.zone, Kind.SOA, ()), now)
        if soa is None:
            return None
        for found in _judgements(name, rrtype, proof):
            if isinstance(found, NoName | NoData | WildcardNoData) and not found.opt_out:
                ttl = min([_left(entry, now) for entry in (soa, *records)])
                rrsets = tuple([with_ttl(entry.record.rrset, ttl) for entry in records])
                return Denied(found, with_ttl(soa.record.rrset, ttl), rrsets)
        return None

    def _expanded(self, name: bytes, rrtype: int, proof: Proof, records: list[Entry], now: Instant) -> Expanded | None:
        for above in list(suffixes(name))[1:]:
            star = wildcard_at(above)
            # An alias stands for every other type.
            for kind in dict.fromkeys((rrtype, _CNAME)):
                entry = self._fresh(Key(proof.zone, Kind.WILDCARD, (star, kind.to_bytes(2, "big"))), now)
                if entry is not None:
                    found = proves_wildcard_rightly_expanded(name, star, proof)
                    if not isinstance(found, RightlyExpanded) or found.opt_out:
                        return None
                    ttl = min(_left(each, now) for each in [entry, *records])
                    rrset = entry.record.rrset._replace(owner=name, ttl=ttl)
                    return Expanded(rrset, found, tuple(each.record.rrset._replace(ttl=ttl) for each in records))
            if above == proof.zone:
                break
        return None

    def _zone(self, name: bytes, rrtype: int, now: Instant) -> bytes | None:
        """The deepest zone known that may speak of the name: of DS only the parent does."""
        start = parent(name) if rrtype == _DS and name != ROOT else name
        for zone in suffixes(start):
            if zone not in self._kinds:
                continue
            ranges = self._order.get((zone, Kind.NSEC)) or zone in self._hashing
            if ranges or self._fresh(Key(zone, Kind.SOA, ()), now) is not None:
                return zone
        return None

    # -- records that might prove something

    def _plain(self, zone: bytes, name: bytes, now: Instant) -> list[Entry]:
        """The NSEC at the name or before it, and the one at or before the wildcard at its closest encloser."""
        first = self._before(zone, Kind.NSEC, canonical_order(name), now)
        found = None if first is None else first.span
        if first is None or found is None or not (found.owner == name or found.covers(name, zone)):
            return []
        if found.owner == name or is_below(found.next, name) or found.is_silent_on(name):
            return [first]
        star = self._before(zone, Kind.NSEC, canonical_order(wildcard_at(encloser_by(found, name))), now)
        return [first] if star is None or star is first else [first, star]

    def _hashed(self, zone: bytes, name: bytes, now: Instant, hashes: Hashes) -> list[Entry]:
        """The NSEC3 at the name, or those of the closest encloser, the next closer name and the wildcard.

        From the apex down, as long as nothing shows that a name does not exist. Raises HashesSpent.
        """
        hashing, above = self._hashing[zone], None
        for candidate in _downwards(name, zone)[:MAX_ENCLOSERS]:
            digest = hashes.digest(candidate, hashing)
            at = self._fresh(Key(zone, Kind.NSEC3, (digest,)), now)
            if at is not None and candidate == name:
                return [at]
            before = self._before(zone, Kind.NSEC3, (digest,), now)
            covered = at is None and before is not None and _covers(before, digest)
            if covered and above is None and candidate != zone and self._has_wildcard(zone, parent(candidate)):
                # The wildcard's own name says what the closest encloser is (RFC 5155 §7.2.6).
                return [before] if before is not None else []
            if above is not None and covered and before is not None:
                star = hashes.digest(wildcard_at(parent(candidate)), hashing)
                third = self._before(zone, Kind.NSEC3, (star,), now)
                return list(dict.fromkeys([above, before] if third is None else [above, before, third]))
            above = at
        return []

    def _has_wildcard(self, zone: bytes, encloser: bytes) -> bool:
        """Whether records of a wildcard there are known."""
        order, star = self._order.get((zone, Kind.WILDCARD), []), wildcard_at(encloser)
        at = bisect_left(order, (star,))
        return at < len(order) and order[at][0] == star

    def _before(self, zone: bytes, kind: Kind, place: tuple[bytes, ...], now: Instant) -> Entry | None:
        """The record at the place or the last one before it; hashes stand in a ring."""
        order = self._order.get((zone, kind), [])
        at = bisect_right(order, place) - 1
        if not order or (at < 0 and kind is Kind.NSEC):
            return None
        return self._fresh(Key(zone, kind, order[at]), now)

    def _fresh(self, key: Key, now: Instant) -> Entry | None:
        entry = self._entries.get(key)
        if entry is None or entry.expires <= now:
            return None
        entry.visited = True
        return entry

    # -- keeping it

    def _store_hashed(self, zone: bytes, hashed: HashRange, record: Verified, lifetime: int, now: Instant) -> None:
        """A zone that hashes anew begins anew. With too many iterations nothing is proved, so nothing is kept.

        Of a range with opt-out only its owner's types are of use: what it would cover has the mark on its evidence.
        """
        if hashed.hashing.iterations > MAX_ITERATIONS:
            return
        if self._hashing.get(zone, hashed.hashing) != hashed.hashing:
            self._drop_all(zone, Kind.NSEC3)
        self._put(Key(zone, Kind.NSEC3, (hashed.owner,)), record, lifetime, now)
        if self._order.get((zone, Kind.NSEC3)):
            self._hashing[zone] = hashed.hashing

    def _make_room(self, zone: bytes, start: tuple[bytes, ...], end: tuple[bytes, ...] | None) -> None:
        """What a new range says is not there has gone: drop the ranges that began there."""
        order = self._order.get((zone, Kind.NSEC), [])
        at = stop = bisect_right(order, start)
        while stop < len(order) and (end is None or order[stop] < end):
            stop += 1
        for place in order[at:stop]:
            self._entries.drop(Key(zone, Kind.NSEC, place))

    def _renew(self, key: Key, record: Verified, lifetime: int, now: Instant) -> bool:
        """Whether it is here, the very same: a zone's SOA and the NSEC of its apex come again and again. Then it is as new."""
        known = self._entries.get(key)
        if known is None or lifetime <= 0 or not known.holds(record):
            return False
        known.record, known.expires, known.visited = record, now + lifetime, True
        return True

    def _put(self, key: Key, record: Verified, lifetime: int, now: Instant) -> None:
        if not self._renew(key, record, lifetime, now):
            self._add(key, record, lifetime, now)

    def _add(self, key: Key, record: Verified, lifetime: int, now: Instant, span: Range | None = None) -> None:
        if lifetime <= 0:
            self._entries.drop(key)
            return
        if self._entries.put(key, Entry(record, now + lifetime, span)):
            order = self._order.get(key[:2])
            if order is None:
                order = self._order[key[:2]] = []
                self._kinds[key.zone] = self._kinds.get(key.zone, 0) + 1
            insort(order, key.place)
            self._renamers += key.kind is Kind.DNAME
            self._entries.trim()

    def _forget(self, key: Key) -> None:
        """An entry has left: so does its place in the order."""
        order = self._order[key[:2]]
        del order[bisect_left(order, key.place)]
        self._renamers -= key.kind is Kind.DNAME
        if not order:
            del self._order[key[:2]]
            self._forget_kind(key.zone, key.kind)

    def _forget_kind(self, zone: bytes, kind: Kind) -> None:
        left = self._kinds.pop(zone) - 1
        if left:
            self._kinds[zone] = left
        if kind is Kind.NSEC3:
            self._hashing.pop(zone, None)

    def _drop_all(self, zone: bytes, kind: Kind) -> None:
        for place in tuple(self._order.get((zone, kind), ())):
            self._entries.drop(Key(zone, kind, place))

    def flush(self, suffix: bytes) -> int:
        """Forget the zones at or below `suffix`, and those above it; how many records. Ranges of a zone speak of all below."""
        gone = [key for key in self._entries if suffix in suffixes(key.zone) or key.zone in suffixes(suffix)]
        for key in gone:
            self._entries.drop(key)
        return len(gone)


def _downwards(name: bytes, zone: bytes) -> list[bytes]:
    """The zone's name, ..., the name."""
    found = []
    for suffix in suffixes(name):
        found.append(suffix)
        if suffix == zone:
            break
    return found[::-1]


def _covers(entry: Entry, digest: bytes) -> bool:
    found = read_hash_range(entry.record, entry.record.zone)
    return found is not None and found.covers(digest)


def _judgements(name: bytes, rrtype: int, proof: Proof) -> Iterator[NoName | NoData | WildcardNoData | NotProved]:
    """What the proof may show, one after another; the likeliest first. Of a name without an NSEC of its own, NSEC show at most
    one of the two."""
    between = all(record.rrset.rrtype == _NSEC and record.rrset.owner != name for record in proof.records)
    if between:
        yield proves_no_name(name, proof)
    yield proves_no_data(name, rrtype, proof)
    if not between:
        yield proves_no_name(name, proof)
    yield proves_wildcard_no_data(name, rrtype, proof)


def _left(entry: Entry, now: Instant) -> int:
    return max(int(entry.expires - now), 0)


def _minimum(soa: RRset) -> int:
    """The MINIMUM field: the last four octets."""
    return int.from_bytes(soa.rdatas[0][-4:], "big")
