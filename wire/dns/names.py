"""Domain names: folded (ASCII lower-case), uncompressed wire octets including the root's zero octet (RFC 1035 §3.1).

`b"\\x03www\\x07example\\x00"`; the root is `b"\\x00"`. Two equal names are equal bytes.
"""

from collections.abc import Container, Iterator
from functools import lru_cache

from wire.errors import Malformed

MAX_NAME = 255
MAX_LABEL = 63
MAX_POINTERS = 16
"""Compression pointers in one name, as many as dnspython follows; more are there to cost time."""

NAMES_ORDERED = 1_024
"""Names whose labels are kept apart: a proof that a name is not there compares the same few again and again."""

ROOT = b"\0"

WILDCARD = b"\1*"
"""The first label of a wildcard (RFC 4592)."""

_POINTER = 0xC0
_REACH = 0x4000
"""A pointer leads to an offset below this."""


def parse_name(data: bytes, at: int) -> tuple[bytes, int]:
    """The folded name at `at`, and the offset behind it.

    Compression pointers must go to an earlier octet than the name part they stand in, so a walk always ends
    (RFC 1035 §4.1.4), and after at most 16 of them. Raises Malformed.
    """
    parts: list[bytes] = []
    after = -1
    total = 1
    limit = at
    pointers = 0
    try:
        while length := data[at]:
            if length <= MAX_LABEL:
                stop = at + 1 + length
                total += 1 + length
                if total > MAX_NAME or stop >= len(data):
                    raise Malformed("name too long or cut off", at)
                parts.append(data[at:stop])
                at = stop
            elif length >= _POINTER:
                target = (length & 0x3F) << 8 | data[at + 1]
                if target >= limit:
                    raise Malformed("compression pointer does not go back", at)
                pointers += 1
                if pointers > MAX_POINTERS:
                    raise Malformed("too many compression pointers", at)
                if after < 0:
                    after = at + 2
                at = limit = target
            else:
                raise Malformed("label type not in use", at)
    except IndexError:
        raise Malformed("name cut off", at) from None
    parts.append(ROOT)
    return b"".join(parts).lower(), after if after >= 0 else at + 1


Known = dict[int, tuple[bytes, int]]
"""The names read so far of one message: offset → the name there, and where the first pointer in it leads (-1: none)."""


def parse_shared_name(data: bytes, at: int, known: Known) -> tuple[bytes, int]:
    """As `parse_name`, in a message of many names: `known` holds what is at offsets that were pointed to.

    A name costs its own labels, and no label that it shares is read again. Pointers are counted as far as they are new.
    Raises Malformed.
    """
    start, end = at, len(data)
    while at < end and 0 < data[at] <= MAX_LABEL:
        at += 1 + data[at]
    if at >= end or 0 < data[at] < _POINTER or (data[at] and at + 1 == end):
        raise Malformed("name cut off, or a label type not in use", start)
    if not data[at]:
        tail, after, target = ROOT, at + 1, -1
    else:
        after = at + 2
        target = (data[at] & 0x3F) << 8 | data[at + 1]
        if target >= start:
            raise Malformed("compression pointer does not go back", at)
        found = known.get(target)
        tail = found[0] if found is not None else _parse_tail(data, target, known)
    if at - start + len(tail) > MAX_NAME:
        raise Malformed("name too long", start)
    name = data[start:at].lower() + tail
    if at > start and start < _REACH:
        known[start] = (name, target)
    return name, after


def _parse_tail(data: bytes, at: int, known: Known) -> bytes:
    """The name at `at`, where a pointer leads; it and all its tails become known."""
    heads: list[tuple[int, bytes, int]] = []
    limit, pointers, total = at, 1, 0
    while (found := known.get(at)) is None and (length := data[at]):
        if length <= MAX_LABEL:
            heads.append((at, data[at : at + 1 + length].lower(), -1))
            at += 1 + length
            total += 1 + length
            if total > MAX_NAME or at >= len(data):
                raise Malformed("name too long or cut off", at)
        elif length >= _POINTER and at + 1 < len(data):
            target = (length & 0x3F) << 8 | data[at + 1]
            heads.append((at, b"", target))
            if target >= limit:
                raise Malformed("compression pointer does not go back", at)
            pointers += 1
            if pointers > MAX_POINTERS:
                raise Malformed("too many compression pointers", at)
            at = limit = target
        else:
            raise Malformed("name cut off, or a label type not in use", at)
    name, first = found if found is not None else (ROOT, -1)
    # What was read from further on may lead back to where this one began: then it is no name from here.
    if first >= limit:
        raise Malformed("compression pointer does not go back", at)
    for place, head, target in reversed(heads):
        first = target if target >= 0 else first
        name = head + name
        if len(name) > MAX_NAME:
            raise Malformed("name too long", place)
        known[place] = (name, first)
    return name


def skip_name(data: bytes, at: int) -> int:
    """The offset behind the name at `at`, without following pointers. Raises Malformed."""
    try:
        while length := data[at]:
            if length <= MAX_LABEL:
                at += 1 + length
            elif length >= _POINTER:
                return at + 2
            else:
                raise Malformed("label type not in use", at)
    except IndexError:
        raise Malformed("name cut off", at) from None
    return at + 1


def parent(name: bytes) -> bytes:
    """The name without its first label; the root's parent is the root."""
    return name[1 + name[0] :] if name[0] else name


def suffixes(name: bytes) -> Iterator[bytes]:
    """The name itself, then its ancestors, the root last."""
    while name[0]:
        yield name
        name = name[1 + name[0] :]
    yield ROOT


def closest_in(name: bytes, zones: Container[bytes]) -> bytes:
    """The first of the name and its ancestors that is in `zones`; empty if none is."""
    while name not in zones:
        if not name[0]:
            return b""
        name = name[1 + name[0] :]
    return name


def is_below(name: bytes, suffix: bytes) -> bool:
    """Whether `name` is `suffix` or a descendant of it."""
    if not name.endswith(suffix):
        return False
    at, boundary = 0, len(name) - len(suffix)
    while at < boundary:
        at += 1 + name[at]
    return at == boundary


@lru_cache(NAMES_ORDERED)
def canonical_order(name: bytes) -> tuple[bytes, ...]:
    """A key that sorts folded names as RFC 4034 §6.1 says: their labels, the one next to the root first."""
    labels = []
    while name[0]:
        labels.append(name[1 : 1 + name[0]])
        name = name[1 + name[0] :]
    return tuple(labels[::-1])


def count_labels(name: bytes) -> int:
    """How many labels, the root not counted."""
    labels = at = 0
    while length := name[at]:
        at += 1 + length
        labels += 1
    return labels


def read_name(text: str) -> bytes:
    """A name in ASCII presentation form (RFC 1035 §5.1), a final dot optional. Raises ValueError."""
    labels = _read_labels(text)
    if labels and labels[-1] == b"":
        labels.pop()
    for label in labels:
        if not 1 <= len(label) <= MAX_LABEL:
            raise ValueError(f"{text!r}: a label must have 1 to {MAX_LABEL} octets")
    name = b"".join(bytes((len(label),)) + label for label in labels) + ROOT
    if len(name) > MAX_NAME:
        raise ValueError(f"{text!r}: a name has at most {MAX_NAME} octets")
    return name.lower()


def _read_labels(text: str) -> list[bytes]:
    if text in ("", "."):
        return []
    labels, label, at = [], bytearray(), 0
    octets = text.encode("ascii", "strict")
    while at < len(octets):
        octet = octets[at]
        if octet == 0x2E:
            labels.append(bytes(label))
            label = bytearray()
        elif octet == 0x5C:
            value, at = _read_escape(octets, at + 1)
            label.append(value)
        else:
            label.append(octet)
        at += 1
    labels.append(bytes(label))
    return labels


def _read_escape(octets: bytes, at: int) -> tuple[int, int]:
    """What follows a backslash: three decimal digits, or one character taken as it is."""
    digits = octets[at : at + 3]
    if len(digits) == 3 and digits.isdigit() and int(digits) <= 255:
        return int(digits), at + 2
    if not digits or digits[:1].isdigit():
        raise ValueError("a backslash must be followed by three digits up to 255 or by a character")
    return digits[0], at


def show_name(name: bytes) -> str:
    """Presentation form with a final dot; everything that is not printable ASCII is escaped."""
    if name == ROOT:
        return "."
    return "".join(_show_label(part[1 : 1 + part[0]]) + "." for part in suffixes(name) if part[0])


def _show_label(label: bytes) -> str:
    shown = []
    for octet in label:
        if octet in b'."\\();@$':
            shown.append("\\" + chr(octet))
        elif 0x21 <= octet <= 0x7E:
            shown.append(chr(octet))
        else:
            shown.append(f"\\{octet:03d}")
    return "".join(shown)
