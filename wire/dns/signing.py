"""RDATA of DNSKEY, DS and RRSIG records (RFC 4034 §2, §3, §5)."""

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from wire.dns.canonical import after_plain_name
from wire.errors import Malformed

_KEY = struct.Struct("!HBB")
_DS = struct.Struct("!HBB")
_RRSIG = struct.Struct("!HBBIIIH")
_new = tuple.__new__
"""See `wire/dns/message.py`."""

SIGNER_AT = _RRSIG.size
"""Where the signer's name begins in an RRSIG."""

ZONE_KEY, REVOKED = 0x0100, 0x0080
"""Bits of a key's flags: RFC 4034 §2.1.1, RFC 5011 §3."""


SIGNATURES_KEPT = 256
"""RRSIGs as they were read: whoever looks for the signer and whoever verifies read the same one. More would only take room in the
processor's cache."""


@dataclass(frozen=True, slots=True)
class Key:
    """A DNSKEY: flags (2 octets), protocol (1), algorithm (1), public key. `rdata` is all of it, `tag` is computed."""

    flags: int
    protocol: int
    algorithm: int
    public: bytes
    tag: int
    rdata: bytes


@dataclass(frozen=True, slots=True)
class DelegationSigner:
    """A DS: key tag (2 octets), algorithm (1), digest type (1), digest."""

    tag: int
    algorithm: int
    digest_type: int
    digest: bytes


class Signature(NamedTuple):
    """An RRSIG: type covered (2 octets), algorithm (1), labels (1), original TTL (4), expiration (4), inception (4), key
    tag (2), signer's name (folded), signature. Times are seconds since 1970 modulo 2**32. `head` is what of it is signed:
    everything before the signature, the signer's name in lower case (RFC 4034 §3.1.8.1)."""

    covered: int
    algorithm: int
    labels: int
    original_ttl: int
    expiration: int
    inception: int
    tag: int
    signer: bytes
    signature: bytes
    head: bytes


def parse_dnskey(data: bytes) -> Key:
    """A DNSKEY's RDATA. Raises Malformed."""
    if len(data) <= _KEY.size:
        raise Malformed("DNSKEY cut off", len(data))
    flags, protocol, algorithm = _KEY.unpack_from(data)
    return Key(flags, protocol, algorithm, data[_KEY.size :], key_tag(data), data)


def key_tag(rdata: bytes) -> int:
    """RFC 4034 appendix B: the sum of the DNSKEY's 16-bit words, the carry added once. Not for algorithm 1."""
    total = (sum(rdata[0::2]) << 8) + sum(rdata[1::2])
    return total + (total >> 16 & 0xFFFF) & 0xFFFF


def parse_ds(data: bytes) -> DelegationSigner:
    """A DS' RDATA. Raises Malformed."""
    if len(data) <= _DS.size:
        raise Malformed("DS cut off", len(data))
    tag, algorithm, digest_type = _DS.unpack_from(data)
    return DelegationSigner(tag, algorithm, digest_type, data[_DS.size :])


def build_ds(record: DelegationSigner) -> bytes:
    """A DS' RDATA."""
    return _DS.pack(record.tag, record.algorithm, record.digest_type) + record.digest


@lru_cache(SIGNATURES_KEPT)
def parse_rrsig(data: bytes) -> Signature:
    """An RRSIG's RDATA. Raises Malformed."""
    if len(data) < _RRSIG.size:
        raise Malformed("RRSIG cut off", len(data))
    signer, after = parse_whole_name(data, _RRSIG.size)
    if after == len(data):
        raise Malformed("RRSIG without a signature", after)
    covered, algorithm, labels, ttl, expiration, inception, tag = _RRSIG.unpack_from(data)
    head = data[: _RRSIG.size] + signer
    fields = covered, algorithm, labels, ttl, expiration, inception, tag, signer, data[after:], head
    return _new(Signature, fields)


def parse_whole_name(data: bytes, at: int) -> tuple[bytes, int]:
    """The folded name at `at` and the offset behind it. Raises Malformed, for a compressed name too."""
    after = after_plain_name(data, at)
    return data[at:after].lower(), after
