"""Proof by looking: whether any of some octets is in any of some files."""

from collections.abc import Callable, Iterable, Iterator

from anchorhold.leases.device import Needle

Pieces = Callable[[str, int], Iterator[bytes]]
"""A file's content by its name, in pieces that overlap by so many octets (`LeaseFolder.pieces`). Raises OSError."""


def search(names: Iterable[str], pieces: Pieces, wanted: list[Needle]) -> tuple[list[dict[str, object]], list[str]]:
    """Every file with its size as read, and where something was found: a line each that shows the place and not the
    octets.
    """
    overlap = max((len(needle.octets) for needle in wanted), default=1) - 1
    scanned: list[dict[str, object]] = []
    found: list[str] = []
    for name in names:
        try:
            size, here = _search_one(pieces(name, overlap), wanted, overlap)
        except OSError as error:
            found.append(f"{name} cannot be read: {error.strerror}")
            continue
        scanned.append({"file": name, "octets": size})
        found += [f"{name}: {what}" for what in here]
    return scanned, found


def _search_one(pieces: Iterator[bytes], wanted: list[Needle], overlap: int) -> tuple[int, list[str]]:
    size, found = 0, dict[str, None]()
    for number, piece in enumerate(pieces):
        size += len(piece) - (min(overlap, size) if number else 0)
        folded = piece.lower()
        for needle in wanted:
            if needle.octets in (folded if needle.folded else piece):
                found[needle.what] = None
    return size, list(found)
