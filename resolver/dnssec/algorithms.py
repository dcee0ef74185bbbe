"""The tables of DNSSEC: signature algorithms and DS digests, what each costs, and which of them count (RFC 9904, 9905).

A number that is not in a table is unknown, and a zone that uses nothing else is treated as unsigned (RFC 6840 §5.2).
Public keys and signatures are the octets of the DNSKEY and RRSIG records' last fields.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha1, sha256, sha384

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    SECP384R1,
    EllipticCurve,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA384, SHA512, HashAlgorithm

RSA_BITS = (512, 4096)
"""The smallest and the largest modulus (RFC 5702 §2.1); SHA-512 needs 1,024 bits (§2.2)."""

RSA_EXPONENT_BITS = 35
"""The largest public exponent: 2**32 + 1 is in use, and a long one makes verifying as dear as signing."""

KEYS_LOADED = 512
"""Public keys of one algorithm kept ready for use: to load one costs a quarter of what verifying with it does."""

Verify = Callable[[bytes, bytes, bytes], None]
"""(public key, signature, data) → nothing, or raises Wrong."""


class Wrong(Exception):
    """The signature is not one of this key over these data, or the key is none of its algorithm."""


@dataclass(frozen=True, slots=True)
class Algorithm:
    """One row. `cost` in units of one P-256 verification, measured and rounded up; `sha1`: its signatures rest on SHA-1."""

    number: int
    name: str
    verify: Verify
    cost: int
    sha1: bool = False


@dataclass(frozen=True, slots=True)
class Digest:
    """One row of the digests of DS records. `size` in octets; of several, the one with the higher `rank` counts more."""

    number: int
    name: str
    hash: Callable[[bytes], bytes]
    size: int
    rank: int


def _rsa(hashing: HashAlgorithm, least: int) -> Verify:
    padding = PKCS1v15()

    @lru_cache(KEYS_LOADED)
    def load(public: bytes) -> RSAPublicKey:
        exponent, modulus = _rsa_numbers(public)
        if not least <= modulus.bit_length() <= RSA_BITS[1] or exponent.bit_length() > RSA_EXPONENT_BITS:
            raise Wrong("an RSA key of a size that is not in use")
        return RSAPublicNumbers(exponent, modulus).public_key()

    def verify(public: bytes, signature: bytes, data: bytes) -> None:
        try:
            load(public).verify(signature, data, padding, hashing)
        except (InvalidSignature, UnsupportedAlgorithm, ValueError) as why:
            raise Wrong(type(why).__name__) from None

    return verify


def _rsa_numbers(public: bytes) -> tuple[int, int]:
    """Exponent and modulus: the exponent's length in one octet, or a zero and two; the exponent; the modulus (RFC 3110 §2)."""
    start, length = (1, public[0]) if public[:1] > b"\0" else (3, int.from_bytes(public[1:3], "big"))
    exponent, modulus = public[start : start + length], public[start + length :]
    if not length or not modulus:
        raise Wrong("an RSA key cut off")
    return int.from_bytes(exponent, "big"), int.from_bytes(modulus, "big")


def _ecdsa(curve: EllipticCurve, hashing: HashAlgorithm, size: int) -> Verify:
    """RFC 6605 §4: key and signature are two numbers of `size` octets each."""
    scheme = ECDSA(hashing)

    @lru_cache(KEYS_LOADED)
    def load(public: bytes) -> EllipticCurvePublicKey:
        return EllipticCurvePublicKey.from_encoded_point(curve, b"\4" + public)

    def verify(public: bytes, signature: bytes, data: bytes) -> None:
        if len(public) != 2 * size or len(signature) != 2 * size:
            raise Wrong("an ECDSA key or signature of another length")
        r, s = int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
        try:
            load(public).verify(encode_dss_signature(r, s), data, scheme)
        except (InvalidSignature, UnsupportedAlgorithm, ValueError) as why:
            raise Wrong(type(why).__name__) from None

    return verify


def _eddsa(kind: type[Ed25519PublicKey] | type[Ed448PublicKey]) -> Verify:
    @lru_cache(KEYS_LOADED)
    def load(public: bytes) -> Ed25519PublicKey | Ed448PublicKey:
        return kind.from_public_bytes(public)

    def verify(public: bytes, signature: bytes, data: bytes) -> None:
        try:
            load(public).verify(signature, data)
        except (InvalidSignature, UnsupportedAlgorithm, ValueError) as why:
            raise Wrong(type(why).__name__) from None

    return verify


_ALGORITHMS = (
    Algorithm(5, "RSASHA1", _rsa(SHA1(), RSA_BITS[0]), 1, sha1=True),  # noqa: S303  RFC 3110
    Algorithm(7, "RSASHA1-NSEC3-SHA1", _rsa(SHA1(), RSA_BITS[0]), 1, sha1=True),  # noqa: S303  RFC 5155 §2
    Algorithm(8, "RSASHA256", _rsa(SHA256(), RSA_BITS[0]), 1),  # RFC 5702
    Algorithm(10, "RSASHA512", _rsa(SHA512(), 1024), 1),  # RFC 5702
    Algorithm(13, "ECDSAP256SHA256", _ecdsa(SECP256R1(), SHA256(), 32), 1),  # RFC 6605
    Algorithm(14, "ECDSAP384SHA384", _ecdsa(SECP384R1(), SHA384(), 48), 6),  # RFC 6605
    Algorithm(15, "ED25519", _eddsa(Ed25519PublicKey), 2),  # RFC 8080
    Algorithm(16, "ED448", _eddsa(Ed448PublicKey), 3),  # RFC 8080
)

_DIGESTS = (
    Digest(1, "SHA-1", lambda data: sha1(data, usedforsecurity=False).digest(), 20, 0),  # RFC 4034 §5.1.4
    Digest(2, "SHA-256", lambda data: sha256(data).digest(), 32, 1),  # RFC 4509
    Digest(4, "SHA-384", lambda data: sha384(data).digest(), 48, 1),  # RFC 6605 §2
)

ALGORITHMS: Mapping[int, Algorithm] = {row.number: row for row in _ALGORITHMS}
"""Those that are validated. 1, 3, 6 and 12 must not be (RFC 9904 §2.2); they are as unknown as those never assigned."""

DIGESTS: Mapping[int, Digest] = {row.number: row for row in _DIGESTS}
"""Those that are compared. 3 (GOST R 34.11-94) must not be (RFC 9904 §2.3)."""

# > validating resolver implementations MUST continue to support validation using these algorithms (RFC 9905 §2)
# of 5 and 7; and: resolvers in stricter surroundings may treat them as unknown.
STRICT: Mapping[int, Algorithm] = {number: row for number, row in ALGORITHMS.items() if not row.sha1}
"""Those that are validated where SHA-1 is not trusted any more."""
