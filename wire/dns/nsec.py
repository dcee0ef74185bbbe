"""RDATA of NSEC and NSEC3 records, and the bitmaps of types in them (RFC 4034 §4.1, RFC 5155 §3.2)."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from wire.dns.names import parse_name
from wire.errors import Malformed

MAX_BLOCK = 32
"""Octets of bitmap for one window of 256 types."""

TYPES_KEPT, LONGEST_KEPT = 256, 64
"""Bitmaps as they were read, of up to so many octets: most names of a zone have the same few types."""

_NSEC3 = struct.Struct("!BBHB")


@dataclass(frozen=True, slots=True)
class Types:
    """A set of record types. `blocks`: for each window of 256 types up to 32 octets, the first bit the lowest type.

    It stays a bitmap: all 65,536 types taken apart would cost more than anything else about the record.
    """

    blocks: Mapping[int, bytes]

    def __contains__(self, rrtype: int) -> bool:
        block = self.blocks.get(rrtype >> 8, b"")
        octet = (rrtype & 0xFF) >> 3
        return octet < len(block) and bool(block[octet] & 0x80 >> (rrtype & 7))

    def __len__(self) -> int:
        return sum(int.from_bytes(block, "big").bit_count() for block in self.blocks.values())


class Nsec(NamedTuple):
    """RFC 4034 §4.1: the next name of the zone (folded) and the types at the owner."""

    next: bytes
    types: Types


@dataclass(frozen=True, slots=True)
class Nsec3:
    """RFC 5155 §3.2: how names are hashed, the next hash of the zone and the types at the name behind the owner."""

    algorithm: int
    flags: int
    iterations: int
    salt: bytes
    next: bytes
    types: Types


def parse_nsec(data: bytes) -> Nsec:
    """An NSEC's RDATA. Its name cannot be compressed: there is nothing in front of it to point at. Raises Malformed."""
    name, after = parse_name(data, 0)
    return Nsec(name, parse_types(data, after))


def parse_nsec3(data: bytes) -> Nsec3:
    """An NSEC3's RDATA: algorithm (1 octet), flags (1), iterations (2), salt length (1), salt, hash length (1), hash,
    bitmap. Raises Malformed."""
    if len(data) < _NSEC3.size:
        raise Malformed("NSEC3 cut off", len(data))
    algorithm, flags, iterations, length = _NSEC3.unpack_from(data)
    salt_end = _NSEC3.size + length
    if salt_end >= len(data):
        raise Malformed("salt cut off", _NSEC3.size)
    end = salt_end + 1 + data[salt_end]
    if end > len(data) or not data[salt_end]:
        raise Malformed("next hash empty or cut off", salt_end)
    salt, following = data[_NSEC3.size : salt_end], data[salt_end + 1 : end]
    return Nsec3(algorithm, flags, iterations, salt, following, parse_types(data, end))


def parse_types(data: bytes, at: int) -> Types:
    """The bitmap from `at` to the end: window (1 octet), length (1 octet, 1 to 32), bits; windows rise. Raises Malformed."""
    bitmap = data[at:]
    return _read_common(bitmap) if len(bitmap) <= LONGEST_KEPT else _read_types(bitmap)


def _read_types(data: bytes) -> Types:
    at = 0
    blocks: dict[int, bytes] = {}
    last = -1
    while at < len(data):
        if at + 2 > len(data):
            raise Malformed("bitmap cut off", at)
        window, length = data[at], data[at + 1]
        if window <= last:
            raise Malformed("windows of a bitmap do not rise", at)
        if not 1 <= length <= MAX_BLOCK or at + 2 + length > len(data):
            raise Malformed("block of a bitmap empty, too long or cut off", at)
        blocks[window] = data[at + 2 : at + 2 + length]
        last = window
        at += 2 + length
    return Types(blocks)


_read_common = lru_cache(TYPES_KEPT)(_read_types)
