"""Looks names and addresses up in an image. See `image.py` for its layout."""

from typing import NamedTuple

from privacy.lists.entry import Record, Saying, Trigger


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
    its head (the rest was sealed by who made it)."""

    __slots__ = ("names",)

    def __init__(self, data: "memoryview | bytes") -> None:
        self.names: tuple[str, ...] = ()
        """The lists in it."""

    def name_hits(self, name: bytes, rrtype: int) -> "tuple[Hit, ...]":
        """All entries about a folded `name` asked for with `rrtype`: closest name first, patterns last. () if there is none,
        which is the usual case and costs one probe a label."""
        return ()

    def address_hits(self, address: bytes) -> "tuple[Hit, ...]":
        """All about an address in an answer (4 or 16 octets), longest prefix first."""
        return ()

    def server_hits(self, name: bytes) -> "tuple[Hit, ...]":
        """All about the name of an authoritative server."""
        return ()

    def server_address_hits(self, address: bytes) -> "tuple[Hit, ...]":
        """All about the address of an authoritative server."""
        return ()
