"""Edits that make valid input invalid. An edit is three numbers, so that both hypothesis and a plain generator make them."""

from collections.abc import Callable

Edit = tuple[int, int, int]
"""Which of EDITS, where, and with what."""


def _flip(data: bytearray, at: int, value: int) -> None:
    data[at] ^= 1 << (value & 7)


def _set(data: bytearray, at: int, value: int) -> None:
    data[at] = value & 0xFF


def _truncate(data: bytearray, at: int, _value: int) -> None:
    del data[at:]


def _insert(data: bytearray, at: int, value: int) -> None:
    data[at:at] = value.to_bytes(4, "big")[-1 - value % 4 :]


def _delete(data: bytearray, at: int, value: int) -> None:
    del data[at : at + 1 + value % 16]


def _repeat(data: bytearray, at: int, value: int) -> None:
    """A stretch again, at the end: records more than once."""
    data += data[at : at + 1 + value % 64]


def _count(data: bytearray, at: int, value: int) -> None:
    """One of the four counts of a header, by a little or to anything."""
    place = 4 + 2 * (at & 3)
    if len(data) >= place + 2:
        old = int.from_bytes(data[place : place + 2], "big")
        new = old + value % 5 - 2 if value & 1 else value
        data[place : place + 2] = (new & 0xFFFF).to_bytes(2, "big")


def _point(data: bytearray, at: int, value: int) -> None:
    """A compression pointer, mostly to somewhere in the message."""
    target = value & 0x3FFF if value & 0x10000 else value % len(data)
    data[at : at + 2] = (0xC000 | target).to_bytes(2, "big")


def _loop(data: bytearray, at: int, value: int) -> None:
    """A pointer to itself, or just before or behind."""
    data[at : at + 2] = (0xC000 | (at + value % 3 - 1) & 0x3FFF).to_bytes(2, "big")


def _length(data: bytearray, at: int, value: int) -> None:
    """Sixteen bits that may be a length: a boundary or a little."""
    data[at : at + 2] = ((0, 1, 0xFFFF, 0x7FFF, 0x8000, 255, 256)[value % 7]).to_bytes(2, "big")


def _label(data: bytearray, at: int, value: int) -> None:
    """The length of a label, of the types that nobody uses, or the longest."""
    data[at] = (0, 1, 63, 64, 0x80, 0xBF, 0xC0, 0xFF)[value % 8]


def _type(data: bytearray, at: int, value: int) -> None:
    """Sixteen bits that may be a record type: those that are read further."""
    data[at : at + 2] = ((2, 5, 6, 12, 15, 33, 39, 41, 46, 250)[value % 10]).to_bytes(2, "big")


EDITS: tuple[Callable[[bytearray, int, int], None], ...] = (
    _flip, _set, _truncate, _insert, _delete, _repeat, _count, _count, _point, _point, _loop, _length, _label, _type,
)  # fmt: skip


def mutate(data: bytes, edits: list[Edit]) -> bytes:
    """`data` after `edits`, at most 65,535 octets."""
    changed = bytearray(data)
    for kind, where, value in edits:
        if not changed:
            break
        EDITS[kind % len(EDITS)](changed, where % len(changed), value)
    return bytes(changed[:65_535])
