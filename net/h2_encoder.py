"""Response headers in the plainest form that HPACK has: nothing is remembered from one to the next (RFC 7541).

So a client can make us keep no table, whatever size it allows, and the same headers are the same octets on every connection.
"""

from collections.abc import Iterable
from functools import lru_cache

import hpack.table
from hpack.hpack import encode_integer

BLOCKS_KEPT = 1_024

_NO_TABLE = b"\x20"
"""The encoder's table has no octets from here on (RFC 7541 §6.3)."""

_STATIC = hpack.table.HeaderTable.STATIC_TABLE
_WHOLE = {(name, value): index for index, (name, value) in reversed(list(enumerate(_STATIC, 1)))}
_NAMES = {name: index for index, (name, _) in reversed(list(enumerate(_STATIC, 1)))}


class PlainEncoder:
    """Takes the place of hpack's encoder in the codec, which sets `header_table_size` to what the client allows."""

    def __init__(self) -> None:
        self._changed = True

    @property
    def header_table_size(self) -> int:
        """What we use of it."""
        return 0

    @header_table_size.setter
    def header_table_size(self, _allowed: int) -> None:
        # > If more than one update … the smallest … MUST be signaled (RFC 7541 §4.2); ours is the smallest of all.
        self._changed = True

    def encode(self, headers: Iterable[tuple[bytes, bytes]], huffman: bool = True) -> bytes:
        """One header block; not Huffman coded, it is short."""
        block = _block(tuple(headers))
        if self._changed:
            self._changed = False
            return _NO_TABLE + block
        return block


@lru_cache(BLOCKS_KEPT)
def _block(headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    return b"".join(_field(name, value) for name, value in headers)


def _field(name: bytes, value: bytes) -> bytes:
    """One field: by its number (RFC 7541 §6.1), or as it is, with the number of its name if there is one (§6.2.2)."""
    known = _WHOLE.get((name, value))
    if known is not None:
        number = encode_integer(known, 7)
        number[0] |= 0x80
        return bytes(number)
    at = _NAMES.get(name)
    start = bytes(encode_integer(at, 4)) if at is not None else b"\0" + _text(name)
    return start + _text(value)


def _text(octets: bytes) -> bytes:
    return bytes(encode_integer(len(octets), 7)) + octets
