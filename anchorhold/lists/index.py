"""What is known of each list, as it is kept in the folder (`index.json`): where its copies are, when it was asked for last, and
what the image was made of."""

import hashlib
import json
from typing import NamedTuple

import msgspec

from anchorhold.__about__ import __version__
from anchorhold.lists.settings import ListSource


class Copy(msgspec.Struct, frozen=True):
    """One text of a list. `digest` is its SHA-256 (and the name of its file); `fetched` seconds since 1970; `came` and `gone`
    entries against the one in force when it came; `comment` the trusted one of its signature."""

    digest: str
    octets: int
    fetched: int
    format: str
    entries: int
    skipped: int = 0
    came: int = 0
    gone: int = 0
    comment: str = ""


class Kept(msgspec.Struct, frozen=True):
    """One list. `source` is what `source_mark` says; `held` was fetched and is not in force, for the reason `why`; `undone` is
    the digest of what the user took back. `etag` and `modified` are what the server said of what it gave last; `checked` is when
    it was asked last, with `failures` in a row since. `hosts` are those that the list's own host sent us on to, last time."""

    source: str = ""
    current: Copy | None = None
    former: Copy | None = None
    held: Copy | None = None
    why: str = ""
    undone: str = ""
    etag: str = ""
    modified: str = ""
    checked: int = 0
    failures: int = 0
    error: str = ""
    hosts: tuple[str, ...] = ()

    def copies(self) -> tuple[Copy, ...]:
        """All there are."""
        return tuple(copy for copy in (self.current, self.former, self.held) if copy is not None)


class Counted(msgspec.Struct, frozen=True):
    """What the compiler made of one list. `tried` counts entries that would block a protected name; `reasons` are some of the
    lines that are not used; `dear` its regular expressions that cost the most: instructions and line."""

    entries: int = 0
    skipped: int = 0
    patterns: int = 0
    tried: int = 0
    format: str = ""
    reasons: tuple[tuple[int, str], ...] = ()
    dear: tuple[tuple[int, int], ...] = ()


class Built(msgspec.Struct, frozen=True):
    """An image. `key` says what it was made of."""

    digest: str
    octets: int
    key: str
    lists: dict[str, Counted] = {}
    instructions: int = 0
    """Of all regular expressions."""


class Index(msgspec.Struct, frozen=True):
    """The file."""

    lists: dict[str, Kept] = {}
    image: Built | None = None


MAX_REMEMBERED = 500
"""Letters of an ETag or a date that are kept; longer ones are not worth it."""


def source_mark(source: ListSource) -> str:
    """What tells one list from another, without being readable: its address, which may hold a token, and its key, for what came
    before there was one is signed by nobody."""
    return hashlib.sha256(source.url.encode() + (b"\n" + source.public_key if source.public_key else b"")).hexdigest()


class Spared(NamedTuple):
    """What no list may block, folded: `names` and all below them, by the settings; `hosts` that redirects led to when lists
    were fetched, and nothing below them."""

    names: tuple[bytes, ...] = ()
    hosts: tuple[bytes, ...] = ()


def build_key(parts: tuple[tuple[str, str, str], ...], spared: Spared) -> str:
    """What an image is made of: the name, digest and format of each list, the names that are spared, this program."""
    text = json.dumps([__version__, parts, [[name.hex() for name in names] for names in spared]])
    return hashlib.sha256(text.encode()).hexdigest()


def read_index(data: bytes) -> Index:
    """Raises ValueError."""
    return msgspec.json.decode(data, type=Index)


def write_index(index: Index) -> bytes:
    """As `read_index` takes it."""
    return msgspec.json.encode(index)
