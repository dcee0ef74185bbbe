"""What is done with the texts of lists, each in a process apart (`apart.py`): one that came is judged, all are compiled, two are
compared. No clock, no socket; files only through `Texts`.
"""

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice

import msgspec

from anchorhold.lists.index import Counted, Spared
from anchorhold.lists.store import Damaged
from privacy.lists.compile import Item, Source, compile_image
from privacy.lists.entry import SPARED, Entry, Saying, Scope, Skipped, Trigger
from privacy.lists.formats import AUTO, Unusable, guess, read_list
from privacy.lists.formats.text import open_text
from privacy.lists.matcher import ListImage
from privacy.lists.minisign import SignatureRefused, parse_signature, require_signature
from wire.dns.names import ROOT, read_name, show_name, suffixes
from wire.errors import Malformed

Texts = Callable[[str], bytes]
"""The text with this digest. Raises Damaged."""
Tell = Callable[[object], None]

STEP = 50_000
"""Entries after which it is told how far we are."""
MAX_SHOWN = 100
"""Entries of a comparison that are shown, each way."""
MAX_REASONS = 20
MAX_WHY = 200
"""Letters."""

SANE_SHARE = 0.5
"""A list that blocks more than this of names that have nothing in common is not taken unasked."""
_PROBES = (
    "kr7.com haus.org a1.net shop-5.de news.fr m.nl bank.eu cdn2.ch"
    " blog.it wiki.es p.pl rail.in city.jp uni.io x9.app farm.uk"
)
PROBES = tuple(map(read_name, _PROBES.split()))
"""Names that have nothing in common."""

_ALLOWING = frozenset({Saying.ALLOW})
_BLOCKING = frozenset(Saying) - _ALLOWING
_A = 1


class Judged(msgspec.Struct, frozen=True):
    """What a text is worth. `refused`: why it is none ("": it is one). `everything`: why it should not be taken unasked; `came`
    and `gone` count entries against the one in force."""

    refused: str = ""
    everything: str = ""
    format: str = ""
    entries: int = 0
    skipped: int = 0
    came: int = 0
    gone: int = 0
    comment: str = ""


class Compared(msgspec.Struct, frozen=True):
    """How two texts differ: numbers of entries, and some of them as text with their line."""

    came: int = 0
    gone: int = 0
    new: tuple[tuple[int, str], ...] = ()
    old: tuple[tuple[int, str], ...] = ()


class Made(msgspec.Struct, frozen=True):
    """An image: its digest and size, what it counts of each list, what its expressions cost. `damaged` are digests of texts that
    could not be used, `kept` tells why the image is not on disk ("": it is)."""

    digest: str
    octets: int
    lists: dict[str, Counted]
    instructions: int
    damaged: tuple[str, ...] = ()
    kept: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A text that goes into an image."""

    name: str
    digest: str
    format: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """A text to be judged. `current`: the one in force ("": none). `signature` counts if there is a `public_key`."""

    digest: str
    format: str
    current: str = ""
    public_key: bytes = b""
    signature: bytes = b""


def page_or_nothing(text: bytes) -> str:
    """Why a text is no list at first sight; "" if it may be one."""
    head = text[:2_048].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not text.strip():
        return "it is empty"
    if head.startswith((b"<!doctype html", b"<html", b"<head", b"<?xml", b"<body", b"<script")):
        return "it is a web page, no list"
    return "it is no text" if b"\0" in text[:65_536] else ""


def read_items(text: bytes, form: str) -> Iterator[Item]:
    """Of a text in this format, not `auto`."""
    return iter(read_list(text, form))


def format_of(text: bytes, form: str) -> str:
    """What `auto` is. Raises Unusable."""
    return guess(open_text(text)) if form == AUTO else form


def judge(arrival: Arrival, texts: Texts, tell: Tell) -> Judged:
    """Whether it is a list, by whom, and how much of it is new. Raises Damaged."""
    try:
        return _judge(arrival, texts, tell)
    except Unusable as error:
        return Judged(refused=str(error))


def _judge(arrival: Arrival, texts: Texts, tell: Tell) -> Judged:
    text = texts(arrival.digest)
    if why := page_or_nothing(text):
        return Judged(refused=why)
    comment = ""
    if arrival.public_key:
        try:
            comment = require_signature(text, parse_signature(arrival.signature), arrival.public_key)
        except (SignatureRefused, Malformed) as error:
            return Judged(refused=f"its signature does not hold: {error}")
    form = format_of(text, arrival.format)
    now: set[int] = set()
    broad: list[Item] = []
    skipped = 0
    for number, item in enumerate(read_items(text, form)):
        if isinstance(item, Skipped):
            skipped += 1
            continue
        now.add(_mark(item))
        if is_broad(item):
            broad.append(item)
        if number % STEP == 0:
            tell({"entries": number})
    if not now:
        return Judged(refused=f"no line of it is an entry (read as {form})", format=form, skipped=skipped)
    before = _marks(texts, arrival.current, arrival.format)
    return Judged(
        everything=everything(broad),
        format=form,
        entries=len(now),
        skipped=skipped,
        came=len(now - before),
        gone=len(before - now),
        comment=comment[:MAX_WHY],
    )


def _marks(texts: Texts, digest: str, form: str) -> set[int]:
    try:
        text = texts(digest) if digest else b""
        items = read_items(text, format_of(text, form)) if text else iter(())
        return {_mark(item) for item in items if not isinstance(item, Skipped)}
    except (Damaged, Unusable):
        # It is found out and reported where it is compiled.
        return set()


def _mark(item: Item) -> int:
    """The same for what says the same, wherever in the text it is."""
    if isinstance(item, tuple):
        return hash((item[1], item[2]))
    assert isinstance(item, Entry)  # noqa: S101 # callers leave out what is skipped
    if _is_plain(item):
        return hash((item.name, item.scope))
    records = tuple((one.rrtype, one.rdata) for one in item.records)
    about = (item.trigger, item.name, item.scope, item.pattern, item.network)
    return hash((about, item.saying, item.important, item.types, item.other_types, item.excepted, records))


def _is_plain(item: Entry) -> bool:
    """Whether a tuple would say the same (see `Plain`)."""
    usual = (Trigger.NAME, Saying.BLOCK, False, (), ())
    return usual == (item.trigger, item.saying, item.important, item.types, item.excepted) and not item.other_types


def is_broad(item: Item) -> bool:
    """Whether one entry may be about very many names."""
    if isinstance(item, tuple):
        return _is_top(item[1], item[2])
    if not isinstance(item, Entry):
        return False
    match item.trigger:
        case Trigger.PATTERN:
            return True
        case Trigger.NAME:
            return _is_top(item.name, item.scope)
        case Trigger.ADDRESS | Trigger.SERVER_ADDRESS if item.network is not None:
            return item.network[1] < 2 * len(item.network[0])
        case _:
            return False


def _is_top(name: bytes, scope: Scope) -> bool:
    """Whether it is about all below the root or a top-level domain."""
    return scope is not Scope.EXACT and (name == ROOT or len(name) == name[0] + 2)


def everything(broad: Sequence[Item]) -> str:
    """What is blocked by entries that are about very many names, or allowed, which takes away what all other lists say, if that
    is more than is sane."""
    if not broad:
        return ""
    wide = [item for item in broad if isinstance(item, Entry) and item.network is not None]
    if wide:
        return f"line {wide[0].line} is about a great part of all addresses"
    image = ListImage(compile_image([Source("new", bytes(32), broad)]).image)
    hits = [image.name_hits(name, _A) for name in PROBES]
    for sayings, does in ((_BLOCKING, "blocks"), (_ALLOWING, "allows")):
        lines = [hit.line for found in hits for hit in found if hit.saying in sayings]
        names = sum(any(hit.saying in sayings for hit in found) for found in hits)
        if names > SANE_SHARE * len(PROBES):
            return f"it {does} {names} of {len(PROBES)} names that have nothing in common (line {lines[0]} for one)"
    return ""


# all of them


@dataclass(slots=True)
class _Counting:
    """What is counted of one list while the compiler takes it."""

    protected: "Protected"
    form: str
    tried: int = 0
    reasons: list[tuple[int, str]] = field(default_factory=list)

    def through(self, items: Iterable[Item], tell: Tell, name: str) -> Iterator[Item]:
        for number, item in enumerate(items):
            if isinstance(item, tuple):
                self.tried += self.protected.hit(item[1], item[2])
            elif isinstance(item, Entry):
                blocking = item.trigger is Trigger.NAME and item.saying in _BLOCKING
                self.tried += blocking and self.protected.hit(item.name, item.scope)
            elif len(self.reasons) < MAX_REASONS:
                self.reasons.append((item.line, item.why[:MAX_WHY]))
            if number % STEP == 0:
                tell({"list": name, "entries": number})
            yield item


class Protected:
    """Names that no list may block, and what is below them."""

    def __init__(self, names: Sequence[bytes]) -> None:
        self._names = frozenset(names)
        self._above = frozenset(chain.from_iterable(map(suffixes, names))) - self._names

    def hit(self, name: bytes, scope: Scope) -> bool:
        """Whether an entry would block one of them."""
        if name in self._above:
            return scope is not Scope.EXACT
        return not self._names.isdisjoint(suffixes(name))


def make(parts: Sequence[Part], spared: Spared, texts: Texts, put: Callable[[bytes, str], str], tell: Tell) -> Made:
    """Compile all; `put` takes the image and its digest, and says why it is not on disk."""
    damaged: list[str] = []
    unusable: dict[str, str] = {}
    counts: dict[str, _Counting] = {}
    guard = Protected((*spared.names, *spared.hosts))

    def sources() -> Iterator[Source]:
        for part in (part for part in parts if part.name not in unusable):
            try:
                text = texts(part.digest)
            except Damaged:
                damaged.append(part.digest)
                continue
            yield Source(part.name, bytes.fromhex(part.digest), items_of(part, text))
        if spared.hosts:
            digest = hashlib.sha256(b"".join(spared.hosts)).digest()
            yield Source(SPARED, digest, [(0, host, Scope.EXACT) for host in spared.hosts])

    def items_of(part: Part, text: bytes) -> Iterator[Item]:
        try:
            counting = counts[part.name] = _Counting(guard, format_of(text, part.format))
            yield from counting.through(read_items(text, counting.form), tell, part.name)
        except Unusable as error:
            # Nothing of that one is used; the others are.
            unusable[part.name] = str(error)
            raise

    compiled = None
    while compiled is None:
        damaged.clear()
        try:
            compiled = compile_image(sources())
        except Unusable:
            continue
    kept = put(compiled.image, compiled.digest.hex())
    lists = {
        facts.name: Counted(
            entries=facts.entries,
            skipped=facts.skipped,
            patterns=facts.patterns,
            tried=counts[facts.name].tried,
            format=counts[facts.name].form,
            reasons=tuple(counts[facts.name].reasons),
            dear=dear,
        )
        for facts, dear in zip(compiled.lists, compiled.dear, strict=True)
        if facts.name != SPARED
    }
    lists |= {name: Counted(reasons=((0, why[:MAX_WHY]),)) for name, why in unusable.items()}
    return Made(compiled.digest.hex(), len(compiled.image), lists, compiled.instructions, tuple(damaged), kept)


def compare(old: Part, new: Part, texts: Texts) -> Compared:
    """From one text to another. Raises Damaged."""
    before, after = texts(old.digest), texts(new.digest)
    old_form, new_form = format_of(before, old.format), format_of(after, new.format)
    was = _marks(texts, old.digest, old_form)
    came, new_shown = _only_in(read_items(after, new_form), was)
    gone, old_shown = _only_in(read_items(before, old_form), _marks(texts, new.digest, new_form))
    return Compared(came, gone, new_shown, old_shown)


def _only_in(items: Iterator[Item], others: set[int]) -> tuple[int, tuple[tuple[int, str], ...]]:
    seen: set[int] = set()
    shown: list[tuple[int, str]] = []
    for item in items:
        if isinstance(item, Skipped) or (mark := _mark(item)) in others or mark in seen:
            continue
        seen.add(mark)
        if len(shown) < MAX_SHOWN:
            shown.append(_shown(item))
    return len(seen), tuple(shown)


_SCOPES = {Scope.TREE: "", Scope.EXACT: "=", Scope.BELOW: "*."}


def _shown(item: Item) -> tuple[int, str]:
    if isinstance(item, tuple):
        return item[0], _SCOPES[item[2]] + show_name(item[1])
    assert isinstance(item, Entry)  # noqa: S101 # callers leave out what is skipped
    match item.trigger:
        case Trigger.PATTERN:
            what = f"/{item.pattern}/"
        case Trigger.ADDRESS | Trigger.SERVER_ADDRESS | Trigger.CLIENT if item.network is not None:
            what = f"{item.network[0].hex()}/{item.network[1]}"
        case _:
            what = _SCOPES[item.scope] + show_name(item.name)
    said = "" if item.saying is Saying.BLOCK else f" {item.saying.name.lower()}"
    return item.line, what[:MAX_WHY] + said


def digest_of(text: bytes) -> str:
    """SHA-256, as texts are called."""
    return hashlib.sha256(text).hexdigest()


def line_of(text: bytes, number: int) -> str:
    """Its line of this number, from 1, as an operator is shown it; "" if there is none."""
    line = next(islice(io.BytesIO(text), max(0, number - 1), max(0, number)), b"")
    return line[:300].decode("utf-8", "replace").strip()
