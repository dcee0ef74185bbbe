"""A name a line, with or without `*.` before it: that name and all below it."""

from collections.abc import Iterator

from privacy.lists.compile import Item
from privacy.lists.entry import Scope
from privacy.lists.formats.domains import read_names


def read_wildcards(text: bytes) -> Iterator[Item]:
    """`*.name` means the name too: RFC 4592 says otherwise of zones, but those who write such lists do not mean zones."""
    return read_names(text, Scope.TREE)
