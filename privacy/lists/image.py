"""The image that lists are compiled into: octets that are mapped and searched where they lie.

All numbers are in the byte order of the machine that made it; it does not travel. Every section begins at a multiple of 8:

- head: `MAGIC`, order (4, `ORDER`), bits (4), key (16), then the lengths of the eight sections in octets (8 each)
- hashes: 8 each, ascending: the keyed hash of what an entry is about (`hash_of`)
- payloads: 8 each, in the same order: place of its detail (upper 4 octets), line in its source (lower 4)
- directory: 4 each, 2^bits + 1 of them: where the hashes begin whose upper bits are 0, 1, 2 …; at last their number
- offsets: 4 each: where each detail begins in the next section; at last its length
- details: what many entries have in common (`build_detail`)
- lists: facts of each list (`build_facts`)
- patterns: place of its detail (4), line (4), length (2), text; one after another
- prefixes: realm (1), address length (1), prefix length (1): which of them there are at all, longest first

Nothing of a name is kept but its hash, which is what makes a million cost 16 MB; two names in 2^64 are taken for one another.
"""

import hashlib
import struct
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal, NamedTuple

from privacy.lists.entry import Record, Saying, Scope, Trigger
from wire.errors import Malformed

MAGIC = b"ahlists\1"
ORDER = 0x01020304
KEY_LENGTH = 16
HASH_LENGTH = 8
MAX_DETAIL = 16_384
"""Octets of one detail: types, exceptions and records of an entry."""
DETAILS_READ = 256
"""Kept once read: nearly all entries of a list share one."""
MAX_BITS = 24
"""16 million ranges of hashes in the directory."""

REALMS = {Trigger.ADDRESS: b"\x81", Trigger.SERVER: b"\x82", Trigger.SERVER_ADDRESS: b"\x83"}
"""What comes before the name or network in its hash; no name begins with such an octet. Names asked for have none."""

STREAMS = b"\x84"
"""A realm without entries: if it is there, an entry wants answers to go over streams only."""

_HEAD = struct.Struct("=8sII16s8Q")
_DETAIL = struct.Struct("=HBBBBHHH")
_RECORD = struct.Struct("=HiH")
_FACTS = struct.Struct("=IIII32sH")
_PATTERN = struct.Struct("=IIH")
_KNOWN = frozenset({*REALMS.values(), STREAMS})
_IMPORTANT, _OTHER_TYPES = 1, 2


class Sections(NamedTuple):
    """An image in its parts. `hashes` and `payloads` are sequences of 8 octets, `directory` and `offsets` of 4."""

    key: bytes
    bits: int
    hashes: memoryview
    payloads: memoryview
    directory: memoryview
    offsets: memoryview
    details: memoryview
    lists: memoryview
    patterns: memoryview
    prefixes: memoryview


_FORMS: tuple[Literal["Q", "I", "B"], ...] = ("Q", "Q", "I", "I", "B", "B", "B", "B")


class Detail(NamedTuple):
    """What many entries have in common; the fields as in `Entry`. `list` is the place of their list in the image."""

    list: int
    trigger: Trigger
    saying: Saying
    scope: Scope
    important: bool = False
    types: tuple[int, ...] = ()
    other_types: bool = False
    excepted: tuple[bytes, ...] = ()
    records: tuple[Record, ...] = ()


class Facts(NamedTuple):
    """What `status` says of one list of an image. `entries` are in use, `patterns` of them regular expressions; `skipped` lines
    are not used, `repeated` ones say again what another line says. `digest` is the SHA-256 of the text."""

    name: str
    digest: bytes
    entries: int
    skipped: int
    repeated: int
    patterns: int


class Pattern(NamedTuple):
    """A regular expression of a list."""

    detail: int
    line: int
    text: str


def hash_of(key: bytes, matter: bytes) -> bytes:
    """The hash of a name (folded), or of a realm with a name or with prefix length and network."""
    return hashlib.blake2b(matter, digest_size=HASH_LENGTH, key=key).digest()


def mask(address: bytes, length: int) -> bytes:
    """The network of that many bits that an address is in."""
    spare = 8 * len(address) - length
    return (int.from_bytes(address, "big") >> spare << spare).to_bytes(len(address), "big")


def build_image(sections: Sections) -> bytes:
    """The octets of an image."""
    parts = [part.cast("B") for part in sections[2:]]
    head = _HEAD.pack(MAGIC, ORDER, sections.bits, sections.key, *map(len, parts))
    padded = [piece for part in parts for piece in (part, bytes(-len(part) % 8))]
    return b"".join((head, *padded))


def parse_image(data: memoryview | bytes) -> Sections:
    """The sections of an image as views into it, cast to their numbers. Raises Malformed if it is none, is cut off or too
    long, or its directory leads outside."""
    view = memoryview(data).cast("B").toreadonly()
    if len(view) < _HEAD.size:
        raise Malformed("image cut off", len(view))
    magic, order, bits, key, *lengths = _HEAD.unpack_from(view)
    if magic != MAGIC or order != ORDER or bits > MAX_BITS:
        raise Malformed("no image, or one of another version or machine", 0)
    parts, at = [], _HEAD.size
    for form, length in zip(_FORMS, lengths, strict=True):
        if length > len(view) - at or length % struct.calcsize(form):
            raise Malformed("section cut off", at)
        parts.append(view[at : at + length].cast(form))
        at += length + -length % 8
    if at != len(view):
        raise Malformed("image cut off or too long", at)
    _check_directory(bits, len(parts[0]), len(parts[1]), parts[2].tolist())
    return Sections(key, bits, *parts)


def _check_directory(bits: int, hashes: int, payloads: int, directory: list[int]) -> None:
    if hashes != payloads or len(directory) != (1 << bits) + 1:
        raise Malformed("numbers of entries differ")
    if directory[0] != 0 or directory[-1] != hashes or directory != sorted(directory):
        raise Malformed("directory of hashes out of order")


def build_detail(detail: Detail) -> bytes:
    """List (2), trigger, saying, scope, flags (1 each), numbers of types, exceptions and records (2 each); types (2 each);
    names, each after its length (1); records: type (2), ttl (4), length (2), rdata."""
    flags = _IMPORTANT * detail.important | _OTHER_TYPES * detail.other_types
    counts = map(len, (detail.types, detail.excepted, detail.records))
    head = _DETAIL.pack(detail.list, detail.trigger, detail.saying, detail.scope, flags, *counts)
    types = struct.pack(f"={len(detail.types)}H", *detail.types)
    excepted = b"".join(bytes((len(name),)) + name for name in detail.excepted)
    records = b"".join(_RECORD.pack(r.rrtype, r.ttl, len(r.rdata)) + r.rdata for r in detail.records)
    return head + types + excepted + records


def size_of(types: tuple[int, ...], excepted: tuple[bytes, ...], records: tuple[Record, ...]) -> int:
    """Octets of a detail with these."""
    return _DETAIL.size + 2 * len(types) + sum(1 + len(n) for n in excepted) + sum(8 + len(r.rdata) for r in records)


@lru_cache(DETAILS_READ)
def parse_detail(data: bytes) -> Detail:
    """What `build_detail` wrote. Raises Malformed."""
    try:
        place, trigger, saying, scope, flags, types, excepted, records = _DETAIL.unpack_from(data)
        about = struct.unpack_from(f"={types}H", data, _DETAIL.size)
        at = _DETAIL.size + 2 * types
        names, at = _take_names(data, at, excepted)
        found, at = _take_records(data, at, records)
        if at != len(data):
            raise Malformed("detail of an entry cut off or too long", at)
        what = Trigger(trigger), Saying(saying), Scope(scope)
    except (struct.error, IndexError, ValueError):
        raise Malformed("detail of an entry damaged") from None
    return Detail(place, *what, bool(flags & _IMPORTANT), about, bool(flags & _OTHER_TYPES), names, found)


def _take_names(data: bytes, at: int, count: int) -> tuple[tuple[bytes, ...], int]:
    names = []
    for _ in range(count):
        names.append(data[at + 1 : at + 1 + data[at]])
        at += 1 + data[at]
    return tuple(names), at


def _take_records(data: bytes, at: int, count: int) -> tuple[tuple[Record, ...], int]:
    records = []
    for _ in range(count):
        rrtype, ttl, length = _RECORD.unpack_from(data, at)
        at += _RECORD.size
        records.append(Record(rrtype, data[at : at + length], ttl))
        at += length
    return tuple(records), at


def build_facts(facts: Facts) -> bytes:
    """Numbers of entries, skipped and repeated lines, patterns (4 each), digest (32), length of the name (2), name (UTF-8)."""
    name = facts.name.encode()
    head = _FACTS.pack(facts.entries, facts.skipped, facts.repeated, facts.patterns, facts.digest, len(name))
    return head + name


def parse_facts(data: bytes) -> tuple[Facts, ...]:
    """Those of all lists. Raises Malformed."""
    found, at = [], 0
    try:
        while at < len(data):
            entries, skipped, repeated, patterns, digest, length = _FACTS.unpack_from(data, at)
            name = data[at + _FACTS.size : at + _FACTS.size + length]
            at += _FACTS.size + length
            found.append(Facts(name.decode(), digest, entries, skipped, repeated, patterns))
    except (struct.error, ValueError):
        raise Malformed("facts of a list damaged", at) from None
    if at != len(data):
        raise Malformed("facts of a list cut off", at)
    return tuple(found)


def build_pattern(pattern: Pattern) -> bytes:
    """One of them; its text is ASCII."""
    text = pattern.text.encode("ascii")
    return _PATTERN.pack(pattern.detail, pattern.line, len(text)) + text


def parse_patterns(data: bytes) -> tuple[Pattern, ...]:
    """All of them. Raises Malformed."""
    found, at = [], 0
    try:
        while at < len(data):
            detail, line, length = _PATTERN.unpack_from(data, at)
            text = data[at + _PATTERN.size : at + _PATTERN.size + length]
            at += _PATTERN.size + length
            found.append(Pattern(detail, line, text.decode("ascii")))
    except (struct.error, ValueError):
        raise Malformed("pattern damaged", at) from None
    if at != len(data):
        raise Malformed("pattern cut off", at)
    return tuple(found)


def parse_prefixes(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Realm, address length in octets, prefix length in bits. Raises Malformed."""
    if len(data) % 3:
        raise Malformed("prefixes cut off", len(data))
    for at in range(0, len(data), 3):
        realm, size, length = data[at : at + 1], data[at + 1], data[at + 2]
        if realm not in _KNOWN or size not in (0, 4, 16) or length > 8 * size:
            raise Malformed("prefix damaged", at)
        yield realm, size, length
