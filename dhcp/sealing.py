"""Names as they are on disk: sealed, so that only who has the key can read them.

A synthetic-IV construction (as RFC 5297, with the hashes of the standard library for AES;
docs/decisions/0014-leases-on-disk.md). Layout of a sealed name: 16 octets tag, HMAC-SHA256 under one key over the place
and the padded name; then the padded name, exclusive-or with HMAC-SHA256 blocks under another key over tag and block
number. The padded name is one octet of length, the name, zeros up to a multiple of 32, so that its length shows little.
The same name at the same place looks the same, elsewhere different.
"""

import hashlib
import hmac

TAG_LENGTH = 16
BLOCK = 32
MAX_NAME = 63
"""Octets: one label (RFC 1035 §2.3.4)."""


class Unsealed(Exception):
    """The octets were not sealed with this key at this place, or are damaged."""


class Seal:
    """Seals and opens names with keys derived from `key`, 32 random octets."""

    __slots__ = ("_mask", "_tag_key", "mark")

    def __init__(self, key: bytes) -> None:
        self._tag_key = _derive(key, b"anchorhold lease name, tag")
        self._mask = _derive(key, b"anchorhold lease name, mask")
        self.mark = _derive(key, b"anchorhold lease key")[:8]
        """8 octets by which the key is recognised, and which say nothing of it."""

    def seal(self, place: bytes, name: bytes) -> bytes:
        """`name`, up to 63 octets, sealed for `place` (what the record is of)."""
        if len(name) > MAX_NAME:
            raise ValueError(f"a name of {len(name)} octets is no label")
        padded = bytes((len(name),)) + name
        padded += bytes(-len(padded) % BLOCK)
        tag = self._tag(place, padded)
        return tag + _exclusive_or(padded, self._stream(tag, len(padded)))

    def open(self, place: bytes, sealed: bytes) -> bytes:
        """The name again. Raises Unsealed."""
        tag, body = sealed[:TAG_LENGTH], sealed[TAG_LENGTH:]
        if not body or len(body) % BLOCK:
            raise Unsealed("the length is none of a sealed name")
        padded = _exclusive_or(body, self._stream(tag, len(body)))
        if not hmac.compare_digest(tag, self._tag(place, padded)):
            raise Unsealed("sealed with another key, or damaged")
        return padded[1 : 1 + padded[0]]

    def _tag(self, place: bytes, padded: bytes) -> bytes:
        return hmac.digest(self._tag_key, len(place).to_bytes(2, "big") + place + padded, "sha256")[:TAG_LENGTH]

    def _stream(self, tag: bytes, length: int) -> bytes:
        blocks = range(length // BLOCK)
        return b"".join(hmac.digest(self._mask, tag + number.to_bytes(4, "big"), "sha256") for number in blocks)


def _derive(key: bytes, purpose: bytes) -> bytes:
    return hmac.digest(key, purpose, hashlib.sha256)


def _exclusive_or(one: bytes, other: bytes) -> bytes:
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).to_bytes(len(one), "big")
