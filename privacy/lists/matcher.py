"""Looks names and addresses up in an image. See `image.py` for its layout."""

import hashlib
import sys
from bisect import bisect_left
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from privacy.lists import image
from privacy.lists.entry import SPARED, Record, Saying, Scope, Trigger
from privacy.lists.image import HASH_LENGTH, REALMS, STREAMS, Detail, Facts
from privacy.lists.patterns import PatternSet
from wire.dns.names import is_below, suffixes
from wire.errors import Malformed

MAX_READ = 4_096
"""Octets of details that one list is worth at one look-up, each entry counted with `EACH` more: whoever writes very much about
every label of a long name is heard of the closest, and no name costs more for it."""
EACH = 64
"""See MAX_READ."""
_MANY = 8
"""Exceptions of an entry from which on the labels of a name are looked up among them."""


class Hit(NamedTuple):
    """An entry that matches. `list` is the place of its list in `ListImage.names`, `line` that in its source, `zone` the name
    (folded) or network (octets, length: one octet each behind) that matched; `pattern` its regular expression, if it is one."""

    list: int
    line: int
    saying: Saying
    trigger: Trigger
    important: bool = False
    zone: bytes = b""
    pattern: str = ""
    records: tuple[Record, ...] = ()


class ListImage:
    """A compiled image, of which nothing is copied: `data` may be a memory map. Raises Malformed if it is none, or damaged in
    its head; what is damaged elsewhere is not found, or raises Malformed when it is looked at."""

    __slots__ = ("_patterns", "_prefixes", "_sections", "_set", "_shift", "lists", "names", "spared")

    def __init__(self, data: memoryview | bytes) -> None:
        sections = image.parse_image(data)
        self._sections = sections
        self._shift = 8 * HASH_LENGTH - sections.bits
        self._prefixes = tuple(image.parse_prefixes(bytes(sections.prefixes)))
        self._patterns = image.parse_patterns(bytes(sections.patterns))
        self._set = PatternSet([pattern.text for pattern in self._patterns]) if self._patterns else None
        self.lists: tuple[Facts, ...] = image.parse_facts(bytes(sections.lists))
        """The lists in it, and what is known of them."""
        self.names: tuple[str, ...] = tuple(facts.name for facts in self.lists)
        """The lists in it."""
        self.spared = self.names.index(SPARED) if SPARED in self.names else -1
        """The place of what is no list: names that no list may block."""

    def name_hits(self, name: bytes, rrtype: int) -> tuple[Hit, ...]:
        """All entries about a folded `name` asked for with `rrtype`: closest name first, patterns last. () if there is none,
        which is the usual case and costs one probe a label. Raises Malformed if what was found is damaged."""
        hits = self._suffix_hits(name, b"", rrtype)
        if self._set is not None:
            hits += self._pattern_hits(self._set, name, rrtype)
        return tuple(hits)

    def address_hits(self, address: bytes) -> tuple[Hit, ...]:
        """All about an address in an answer (4 or 16 octets), longest prefix first. Raises Malformed as above."""
        return self._network_hits(address, Trigger.ADDRESS)

    def server_hits(self, name: bytes) -> tuple[Hit, ...]:
        """All about the name of an authoritative server. Raises Malformed as above."""
        realm = REALMS[Trigger.SERVER]
        if (realm, 0, 0) not in self._prefixes:
            return ()
        return tuple(self._suffix_hits(name, realm, None))

    def server_address_hits(self, address: bytes) -> tuple[Hit, ...]:
        """All about the address of an authoritative server. Raises Malformed as above."""
        return self._network_hits(address, Trigger.SERVER_ADDRESS)

    @property
    def looks_at_answers(self) -> bool:
        """Whether any entry is about more than the names that are asked for or led to."""
        return any(realm != STREAMS for realm, _, _ in self._prefixes)

    @property
    def wants_streams(self) -> bool:
        """Whether any entry says that answers go over streams only."""
        return (STREAMS, 0, 0) in self._prefixes

    @property
    def looks_at_servers(self) -> bool:
        """Whether any entry is about servers or their addresses, so that it is worth knowing them."""
        return any(realm not in (REALMS[Trigger.ADDRESS], STREAMS) for realm, _, _ in self._prefixes)

    def _find(self, matter: bytes) -> int:
        """Where the entries about it begin, or -1."""
        key, _, hashes, _, directory, *_ = self._sections
        value = int.from_bytes(hashlib.blake2b(matter, digest_size=HASH_LENGTH, key=key).digest(), "big")
        bucket = value >> self._shift
        end = directory[bucket + 1]
        place = bisect_left(hashes, value, directory[bucket], end)
        return place if place < end and hashes[place] == value else -1

    def _suffix_hits(self, name: bytes, realm: bytes, rrtype: int | None) -> list[Hit]:
        hits: list[Hit] = []
        read: dict[int, int] = {}
        rest = name
        while True:
            place = self._find(realm + rest)
            if place >= 0:
                wrong = Scope.BELOW if rest == name else Scope.EXACT
                hits += [
                    _hit(detail, line, rest)
                    for detail, line in self._at(place, read)
                    if detail.scope is not wrong and _is_about(detail, name, rrtype)
                ]
            if not rest[0]:
                return hits
            rest = rest[1 + rest[0] :]

    def _network_hits(self, address: bytes, trigger: Trigger) -> tuple[Hit, ...]:
        hits: list[Hit] = []
        for realm, size, length in self._prefixes:
            if size == len(address) and realm == REALMS[trigger]:
                tail = image.mask(address, length) + bytes((length,))
                place = self._find(realm + tail)
                if place >= 0:
                    hits += [_hit(detail, line, tail) for detail, line in self._at(place, {})]
        return tuple(hits)

    def _pattern_hits(self, patterns: PatternSet, name: bytes, rrtype: int) -> list[Hit]:
        hits = []
        for place in patterns.matches(name):
            found = self._patterns[place]
            detail = self._parsed(self._octets(found.detail))
            if _is_about(detail, name, rrtype):
                hits.append(_hit(detail, found.line, b"", found.text))
        return hits

    def _at(self, place: int, read: dict[int, int]) -> Iterator[tuple[Detail, int]]:
        """The entries there and behind, as far as they are about the same. `read`: list → what it was worth so far."""
        hashes, payloads = self._sections.hashes, self._sections.payloads
        value = hashes[place]
        while place < len(hashes) and hashes[place] == value:
            payload = payloads[place]
            place += 1
            octets = self._octets(payload >> 32)
            of_list = int.from_bytes(octets[:2], sys.byteorder)
            so_far = read.get(of_list, 0)
            if so_far <= MAX_READ:
                read[of_list] = so_far + EACH + len(octets)
                yield self._parsed(octets), payload & 0xFFFFFFFF

    def _octets(self, place: int) -> bytes:
        offsets = self._sections.offsets
        if place + 1 >= len(offsets):
            raise Malformed("no such detail", place)
        return bytes(self._sections.details[offsets[place] : offsets[place + 1]])

    def _parsed(self, octets: bytes) -> Detail:
        detail = image.parse_detail(octets)
        if detail.list >= len(self.names):
            raise Malformed("no such list", detail.list)
        return detail


def _is_about(detail: Detail, name: bytes, rrtype: int | None) -> bool:
    if detail.types and rrtype is not None and (rrtype in detail.types) == detail.other_types:
        return False
    if len(detail.excepted) < _MANY:
        return not any(is_below(name, suffix) for suffix in detail.excepted)
    return _as_set(detail.excepted).isdisjoint(suffixes(name))


@lru_cache(64)
def _as_set(names: tuple[bytes, ...]) -> frozenset[bytes]:
    return frozenset(names)


def _hit(detail: Detail, line: int, zone: bytes, pattern: str = "") -> Hit:
    return Hit(detail.list, line, detail.saying, detail.trigger, detail.important, zone, pattern, detail.records)
