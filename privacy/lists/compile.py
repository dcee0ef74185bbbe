"""Compiles lists into one image (`image.py` says its layout, `matcher.py` looks things up in it)."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from privacy.lists.entry import Entry, Scope, Skipped

Plain = tuple[int, bytes, Scope]
"""`(line, folded wire name, scope)`: the usual entry, a name that is blocked for all types. It means the same as an `Entry` with
trigger NAME and saying BLOCK and costs a tenth of it, which counts where there are a million: readers of formats should yield
it wherever it says all there is to say."""

Item = Plain | Entry | Skipped
"""What a reader of a format yields, in any order."""


@dataclass(frozen=True, slots=True)
class Source:
    """One list: the name that the configuration gives it, the SHA-256 of its text, and what was read of that text.

    The digest is a part of the key of the image's hashes, so that nobody who writes lists can choose names that collide.
    """

    name: str
    digest: bytes
    items: Iterable[Item]


@dataclass(frozen=True, slots=True)
class Facts:
    """What `status` says of one list of an image. `entries` are in use, `skipped` lines are not, `patterns` of the entries are
    regular expressions, `digest` is the SHA-256 of the text."""

    name: str
    digest: bytes
    entries: int
    skipped: int
    patterns: int


@dataclass(frozen=True, slots=True)
class Compiled:
    """An image, and what became of each list. `skipped` has, for each source in turn, what its reader could not use and what the
    compiler refused (patterns that cost too much, entries beyond a bound); at most `MAX_REPORTED` of them for each.
    `digest` is the SHA-256 of `image`: the same sources in the same order make the same octets."""

    image: bytes
    digest: bytes
    lists: tuple[Facts, ...]
    skipped: tuple[tuple[Skipped, ...], ...]


MAX_REPORTED = 1_000


def digest_text(text: bytes) -> bytes:
    """The SHA-256 of a list's text."""
    return hashlib.sha256(text).digest()


def compile_image(sources: Iterable[Source]) -> Compiled:
    """The image of these lists; of equal weight, those that come first are found first."""
    raise NotImplementedError
