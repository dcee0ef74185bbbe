"""The lists as they are just now, and what becomes of a text that came: in force, held, or refused. No clock, no file."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from anchorhold.lists.fetch import Given
from anchorhold.lists.index import MAX_REMEMBERED, Copy, Index, Kept, Spared, build_key, source_mark
from anchorhold.lists.settings import ListSource, ListsSettings
from anchorhold.lists.workshop import Judged, Part, digest_of
from wire.dns.names import read_name

FEW = 10
"""So many entries may always come and go: of a short list, they are a great share."""

UNDONE = "this is what you took back"


@dataclass(slots=True)
class Shelf:
    """One list. `busy` says what is done with it ("": nothing), `entries` how far that is; `due` is when it is asked for next
    (monotonic seconds)."""

    source: ListSource
    kept: Kept
    busy: str = ""
    entries: int = 0
    octets: int = 0
    due: float = 0.0
    local: str = ""
    """The digest of a local text."""

    @property
    def digest(self) -> str:
        """Of the text in force; "" if there is none."""
        if self.local:
            return self.local
        return self.kept.current.digest if self.kept.current is not None else ""


@dataclass(slots=True)
class Library:
    """All lists of the settings in force, in their order."""

    settings: ListsSettings = field(default_factory=lambda: ListsSettings(0, ()))
    shelves: dict[str, Shelf] = field(default_factory=dict)
    texts: dict[str, bytes] = field(default_factory=dict)
    """Local texts."""

    def use(self, settings: ListsSettings, index: Index) -> None:
        """Take over settings. A list with another address or key is another list."""
        former, self.shelves, self.texts, self.settings = self.shelves, {}, {}, settings
        for source in settings.sources:
            mark = source_mark(source)
            shelf = former.get(source.name) or Shelf(source, index.lists.get(source.name, Kept()))
            if shelf.kept.source != mark:
                shelf = Shelf(source, Kept(source=mark))
            # The same one if it is the same list: it may just be fetched.
            shelf.source = source
            if not source.url:
                shelf.local = digest_of(source.text)
                self.texts[shelf.local] = source.text
            self.shelves[source.name] = shelf

    def parts(self) -> tuple[Part, ...]:
        """What the image is made of."""
        shelves = [shelf for shelf in self.shelves.values() if shelf.digest]
        return tuple(Part(one.source.name, one.digest, one.source.format) for one in shelves)

    def key(self) -> str:
        """Tells whether an image is of these parts."""
        parts = tuple((one.name, one.digest, one.format) for one in self.parts())
        return build_key(parts, self.spared())

    def spared(self) -> Spared:
        """Names that no list may block."""
        hosts = {read_name(host.lower()) for shelf in self.shelves.values() for host in shelf.kept.hosts}
        return Spared(self.settings.protected, tuple(sorted(hosts)))

    def lists(self) -> dict[str, Kept]:
        """For the index."""
        return {name: shelf.kept for name, shelf in self.shelves.items()}

    def digests(self) -> set[str]:
        """Of all texts that are to stay on disk."""
        return {copy.digest for shelf in self.shelves.values() for copy in shelf.kept.copies()}


def changed(kept: Kept, **fields: object) -> Kept:
    """The same with other values."""
    return msgspec.structs.replace(kept, **fields)


def asked(kept: Kept, now: int, given: Given) -> Kept:
    """The server answered, with a text or that we have it."""
    small = {
        name: text if len(text) <= MAX_REMEMBERED else ""
        for name, text in (("etag", given.etag), ("modified", given.modified))
    }
    return changed(kept, checked=now, failures=0, error="", hosts=given.hosts, **small)


def failed(kept: Kept, now: int, error: str) -> Kept:
    """Nothing came that is of use."""
    return changed(kept, checked=now, failures=kept.failures + 1, error=error)


def refused(kept: Kept, now: int, error: str) -> Kept:
    """What came is no list. What the server said of it is forgotten, so that it is looked at again."""
    return changed(failed(kept, now, error), etag="", modified="")


def arrived(kept: Kept, copy: Copy, judged: Judged, fuse: float) -> Kept:
    """A text that is a list: in force, or held."""
    if kept.current is not None and copy.digest == kept.current.digest:
        return changed(kept, held=None, why="")
    why = UNDONE if copy.digest == kept.undone else judged.everything or _jump(kept, judged, fuse)
    if why:
        return changed(kept, held=copy, why=why)
    return changed(kept, current=copy, former=kept.current or kept.former, held=None, why="", undone="")


def _jump(kept: Kept, judged: Judged, fuse: float) -> str:
    if kept.current is None or not fuse:
        return ""
    most = max(judged.came, judged.gone)
    if most <= FEW or most <= fuse * max(kept.current.entries, 1):
        return ""
    return f"{judged.came} entries came and {judged.gone} went, of {kept.current.entries}"


def confirmed(kept: Kept) -> Kept:
    """The user takes what is held."""
    if kept.held is None:
        return kept
    return changed(kept, current=kept.held, former=kept.current or kept.former, held=None, why="", undone="")


def undone(kept: Kept) -> Kept:
    """The user takes the former text back; the one in force comes in again only if it is confirmed."""
    if kept.former is None or kept.current is None:
        return kept
    return changed(kept, current=kept.former, former=kept.current, undone=kept.current.digest)


def without(kept: Kept, damaged: Iterable[str]) -> Kept:
    """The same when these texts are no more: the former one takes its place, and it is fetched anew."""
    gone = set(damaged)
    if not any(copy.digest in gone for copy in kept.copies()):
        return kept
    left = {
        "current": kept.current if kept.current is not None and kept.current.digest not in gone else None,
        "former": kept.former if kept.former is not None and kept.former.digest not in gone else None,
        "held": kept.held if kept.held is not None and kept.held.digest not in gone else None,
    }
    if left["current"] is None:
        left["current"], left["former"] = left["former"], None
    return changed(kept, **left, etag="", modified="", error="a copy on disk was damaged")
