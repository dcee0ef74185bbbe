"""Sites divided among operators by a keyed hash, and how many sites each has seen, without keeping one name."""

import math
from collections.abc import Sequence
from hashlib import blake2s

KEY_LENGTH = 32
SKETCH_BITS = 8_192
"""Bits of one sketch: a kilobyte an operator; about 2 % error up to some ten thousand sites (linear counting)."""


def assign(site: bytes, key: bytes, operators: Sequence[str]) -> tuple[str, ...]:
    """`operators` in the order of `site` (folded registrable domain): the first is its own, the others stand in.

    Rendezvous hashing with keyed BLAKE2s: the same key gives the same order for ever, and an operator that joins or leaves
    moves only its own share. `key` has up to 32 octets.
    """

    def weight(operator: str) -> bytes:
        return blake2s(len(site).to_bytes(2, "big") + site + operator.encode(), key=key, digest_size=16).digest()

    return tuple(sorted(operators, key=weight))


class SiteSketch:
    """How many different sites were added: linear counting over keyed hashes. `key` is random and never leaves
    the process, so the bits cannot be tried against a list of names."""

    __slots__ = ("_bits", "_key", "_set")

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._bits = bytearray(SKETCH_BITS // 8)
        self._set = 0

    def add(self, site: bytes) -> None:
        """Count `site`, if it is new."""
        place = int.from_bytes(blake2s(site, key=self._key, digest_size=4).digest(), "big") % SKETCH_BITS
        mask = 1 << (place & 7)
        if not self._bits[place >> 3] & mask:
            self._bits[place >> 3] |= mask
            self._set += 1

    def estimate(self) -> int:
        """About how many different sites."""
        empty = SKETCH_BITS - self._set
        return round(SKETCH_BITS * math.log(SKETCH_BITS / max(empty, 1)))
