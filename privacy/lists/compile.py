"""Compiles lists into one image (`image.py` says its layout, `matcher.py` looks things up in it)."""

import hashlib
import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from privacy.lists.entry import Entry, Saying, Scope, Skipped, Trigger
from privacy.lists.image import (
    HASH_LENGTH,
    KEY_LENGTH,
    MAX_BITS,
    MAX_DETAIL,
    REALMS,
    STREAMS,
    Detail,
    Facts,
    Pattern,
    Sections,
    build_detail,
    build_facts,
    build_image,
    build_pattern,
    hash_of,
    mask,
    size_of,
)
from privacy.lists.patterns import MAX_ALL_INSTRUCTIONS, MAX_INSTRUCTIONS, MAX_PATTERNS, measure
from wire.dns.names import count_labels

Plain = tuple[int, bytes, Scope]
"""`(line, folded wire name, scope)`: the usual entry, a name that is blocked for all types. It means the same as an `Entry` with
trigger NAME and saying BLOCK and costs less, which counts where there are a million: readers of formats should yield it wherever
it says all there is to say."""

Item = Plain | Entry | Skipped
"""What a reader of a format yields, in any order."""

MAX_REPORTED = 1_000
DEAR = 5
"""Regular expressions of each list that are told as what costs most."""
MAX_OF_ONE = 8
"""Entries of one list about one name or network: a look-up reads them all."""
MAX_LABELS = 40
"""Of a name in a list: a look-up reads what there is at each of the asked name's labels. The longest names of use are reverse
ones of IPv6, 34."""
_SHORT = 2 * MAX_LABELS + 1
"""Octets of a name that cannot have more."""
MAX_MEASURED = 2_000_000
"""Instructions of regular expressions that are compiled to see what they cost; one that does not compile counts as one of the
largest."""
_TOO_DEEP = f"is about a name of more than {MAX_LABELS} labels"
_SAYING = HASH_LENGTH + 4
"""The octets of a record that its line does not change."""
_PER_BUCKET = 16
"""Hashes between two places of the directory, about: what is left of the search is four steps."""
_JOINED = 65_536
"""Records joined at once: Python takes memory for each while it joins."""


@dataclass(frozen=True, slots=True)
class Source:
    """One list: the name that the configuration gives it, the SHA-256 of its text, and what was read of that text.

    The digest is a part of the key of the image's hashes, so that nobody who writes lists can choose names that collide.
    """

    name: str
    digest: bytes
    items: Iterable[Item]


class Dear(NamedTuple):
    """A regular expression that is in use: its instructions, and its line."""

    instructions: int
    line: int


@dataclass(frozen=True, slots=True)
class Compiled:
    """An image, and what became of each list. `skipped` has, for each source in turn, what its reader could not use and what the
    compiler refused (patterns that cost too much, entries beyond a bound); at most `MAX_REPORTED` of them for each.
    `instructions` are those of all regular expressions in use; `dear` has, for each source, its `DEAR` that cost the most.
    `digest` is the SHA-256 of `image`: the same sources in the same
    order make the same octets."""

    image: bytes
    digest: bytes
    lists: tuple[Facts, ...]
    skipped: tuple[tuple[Skipped, ...], ...]
    instructions: int
    dear: tuple[tuple[Dear, ...], ...] = ()


def compile_image(sources: Iterable[Source]) -> Compiled:
    """The image of these lists; of equal weight, those that come first are found first. What a million
    names cost of time and memory is printed by `make bench-lists`."""
    sources = tuple(sources)
    book = _Book(_key_of(sources), [_Page() for _ in sources])
    for place, source in enumerate(sources):
        book.take(place, source.items)
    hashes, payloads = _split(book.distinct())
    facts = tuple(page.facts(source) for page, source in zip(book.pages, sources, strict=True))
    bits = min(MAX_BITS, (len(hashes) // _PER_BUCKET).bit_length())
    numbers = (hashes, payloads, _directory(hashes, bits), book.offsets)
    prefixes = sorted(book.prefixes, key=_longest_first)
    octets = (
        b"".join(book.details),
        b"".join(map(build_facts, facts)),
        b"".join(map(build_pattern, book.patterns)),
        b"".join(prefixes),
    )
    built = build_image(
        Sections(book.key, bits, *(memoryview(part) for part in numbers), *(memoryview(part) for part in octets))
    )
    skipped = tuple(tuple(page.skipped) for page in book.pages)
    dear = tuple(tuple(page.dear) for page in book.pages)
    return Compiled(built, hashlib.sha256(built).digest(), facts, skipped, book.instructions, dear)


def _key_of(sources: tuple[Source, ...]) -> bytes:
    total = hashlib.blake2b(digest_size=KEY_LENGTH)
    for source in sources:
        name = source.name.encode()
        total.update(len(name).to_bytes(2, "big") + name + source.digest)
    return total.digest()


class _Page:
    """What is counted of one list."""

    def __init__(self) -> None:
        self.entries = self.count_skipped = self.repeated = self.patterns = 0
        self.skipped: list[Skipped] = []
        self.dear: list[Dear] = []

    def has_pattern(self, instructions: int, line: int) -> None:
        self.entries += 1
        self.patterns += 1
        self.dear = sorted([*self.dear, Dear(instructions, line)], key=lambda one: (-one.instructions, one.line))[:DEAR]

    def skip(self, skipped: Skipped) -> None:
        self.count_skipped += 1
        if len(self.skipped) < MAX_REPORTED:
            self.skipped.append(skipped)

    def drop_repeated(self) -> None:
        self.entries -= 1
        self.repeated += 1

    def drop_surplus(self, line: int) -> None:
        self.entries -= 1
        self.skip(Skipped(line, f"more than {MAX_OF_ONE} lines say different things of one name or network"))

    def facts(self, source: Source) -> Facts:
        return Facts(source.name, source.digest, self.entries, self.count_skipped, self.repeated, self.patterns)


class _Book:
    """An image in the making. `records` are what is sorted: hash (8), detail (4), line (4), so that all there is to say of one
    name lies together, in the order of the lists."""

    def __init__(self, key: bytes, pages: list[_Page]) -> None:
        self.key = key
        self.pages = pages
        self.records: list[bytes] = []
        self.details: dict[bytes, int] = {}
        self.owners: list[int] = []
        """The list of each detail."""
        self.offsets = array("I", (0,))
        self.patterns: list[Pattern] = []
        self.prefixes: set[bytes] = set()
        self._shorts: dict[int, int] = {}
        self.instructions = self._measured = 0

    def take(self, place: int, items: Iterable[Item]) -> None:
        """All items of one list. The loop is short because it runs a million times."""
        page, key, blake, add = self.pages[place], self.key, hashlib.blake2b, self.records.append
        before = len(self.records)
        plain = {scope: self._plain(place, scope) for scope in Scope}
        for item in items:
            if isinstance(item, tuple):
                line, name, scope = item
                if len(name) > _SHORT and count_labels(name) > MAX_LABELS:
                    page.skip(Skipped(line, _TOO_DEEP))
                    continue
                matter = blake(name, digest_size=HASH_LENGTH, key=key).digest()
                add(matter + plain[scope] + line.to_bytes(4, "big"))
            elif isinstance(item, Skipped):
                page.skip(item)
            elif why := self._take_entry(place, item):
                page.skip(Skipped(item.line, why))
        page.entries += len(self.records) - before

    def _plain(self, place: int, scope: Scope) -> bytes:
        return self._detail(Detail(place, Trigger.NAME, Saying.BLOCK, scope)).to_bytes(4, "big")

    def _detail(self, detail: Detail) -> int:
        built = build_detail(detail)
        found = self.details.setdefault(built, len(self.owners))
        if found == len(self.owners):
            self.owners.append(detail.list)
            self.offsets.append(self.offsets[-1] + len(built))
        return found

    def _take_entry(self, place: int, entry: Entry) -> str:
        """ "" if it is in the image now, else why it is not."""
        if entry.saying is Saying.TRUNCATE:
            self.prefixes.add(STREAMS + bytes(2))
        if entry.trigger is Trigger.CLIENT:
            return "is about a client's address, which is not known here"
        if len(entry.name) > _SHORT and count_labels(entry.name) > MAX_LABELS:
            return _TOO_DEEP
        if entry.trigger is not Trigger.PATTERN and not (entry.types or entry.excepted or entry.records):
            self._add(entry, self._short(place, entry))
            return ""
        if size_of(entry.types, entry.excepted, entry.records) > MAX_DETAIL:
            return f"has more than {MAX_DETAIL} octets of types, exceptions and records"
        if entry.trigger is Trigger.PATTERN:
            return self._take_pattern(place, entry)
        self._add(entry, self._detail(_detail_of(place, entry)))
        return ""

    def _short(self, place: int, entry: Entry) -> int:
        """The detail of an entry without types, exceptions and records: there are few of them, and zones of a million entries."""
        key = place << 16 | entry.trigger << 12 | entry.saying << 8 | entry.scope << 4 | entry.important
        found = self._shorts.get(key)
        if found is None:
            found = self._shorts[key] = self._detail(_detail_of(place, entry))
        return found

    def _add(self, entry: Entry, detail: int) -> None:
        realm, tail, size, length = REALMS.get(entry.trigger, b""), entry.name, 0, 0
        if entry.network is not None:
            address, length = entry.network
            size, tail = len(address), mask(address, length) + bytes((length,))
        if realm:
            self.prefixes.add(realm + bytes((size, length)))
        self.records.append(hash_of(self.key, realm + tail) + detail.to_bytes(4, "big") + entry.line.to_bytes(4, "big"))

    def _take_pattern(self, place: int, entry: Entry) -> str:
        if self._measured > MAX_MEASURED:
            # A list of a million of them would keep all lists from ever being compiled.
            return "comes after more regular expressions than are looked at, in all lists"
        try:
            instructions = measure(entry.pattern)
        except ValueError as error:
            self._measured += MAX_INSTRUCTIONS
            return f"regular expression {error}"
        self._measured += instructions
        if len(self.patterns) >= MAX_PATTERNS or self.instructions + instructions > MAX_ALL_INSTRUCTIONS:
            return f"more than {MAX_PATTERNS} regular expressions, or {MAX_ALL_INSTRUCTIONS} instructions, in all lists"
        self.instructions += instructions
        self.patterns.append(Pattern(self._detail(_detail_of(place, entry)), entry.line, entry.pattern))
        self.pages[place].has_pattern(instructions, entry.line)
        return ""

    def distinct(self) -> list[bytes]:
        """The records in order, without those that say the same again, and at most `MAX_OF_ONE` of a list about one matter."""
        records, self.records = self.records, []
        records.sort()
        kept: list[bytes] = []
        last, of_one = b"", 0
        for record in records:
            if record[:HASH_LENGTH] != last[:HASH_LENGTH]:
                of_one = 1
            elif record[:_SAYING] == last[:_SAYING]:
                self._page_of(record).drop_repeated()
                continue
            else:
                of_one = 1 if self._page_of(record) is not self._page_of(last) else of_one + 1
                if of_one > MAX_OF_ONE:
                    self._page_of(record).drop_surplus(int.from_bytes(record[_SAYING:], "big"))
                    continue
            kept.append(record)
            last = record
        return kept

    def _page_of(self, record: bytes) -> _Page:
        return self.pages[self.owners[int.from_bytes(record[HASH_LENGTH:_SAYING], "big")]]


def _detail_of(place: int, entry: Entry) -> Detail:
    types, excepted = tuple(sorted(set(entry.types))), tuple(sorted(set(entry.excepted)))
    scope = entry.scope if entry.trigger in (Trigger.NAME, Trigger.SERVER) else Scope.TREE
    said = entry.trigger, entry.saying, scope, entry.important
    return Detail(place, *said, types, entry.other_types and bool(types), excepted, entry.records)


def _split(records: list[bytes]) -> "tuple[array[int], array[int]]":
    """Hashes and payloads as numbers of this machine."""
    numbers = array("Q")
    for at in range(0, len(records), _JOINED):
        numbers.frombytes(b"".join(records[at : at + _JOINED]))
    del records  # as many octets again, which are not needed while the halves are made
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers[0::2], numbers[1::2]


def _longest_first(prefix: bytes) -> tuple[int, bytes]:
    return -prefix[2], prefix


def _directory(hashes: "array[int]", bits: int) -> "array[int]":
    shift = 8 * HASH_LENGTH - bits
    return array("I", [bisect_left(hashes, upper << shift) for upper in range(1 << bits)] + [len(hashes)])
