"""minisign's signatures of files: whether a list is by whoever holds the key that the user wrote down.

A signature file has four lines: an untrusted comment, base64 of algorithm (2 octets), key id (8) and signature (64), the trusted
comment, base64 of a second signature (64) over the first one and that comment. Algorithm `Ed` signs the file (Ed25519, RFC 8032),
`ED` its BLAKE2b-512 digest. A public key is `Ed`, the key id and the key (32 octets).
"""

import hashlib
from base64 import b64decode
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from wire.errors import Malformed

MAX_SIGNATURE = 4_096
"""Octets of a signature file; the comments take most of it."""

KEY_LENGTH = 42
WHOLE, DIGEST = b"Ed", b"ED"
"""What was signed: the file, or its digest."""

_UNTRUSTED, _TRUSTED = b"untrusted comment: ", b"trusted comment: "


class SignatureRefused(Exception):
    """The signature does not hold; the text says what about it."""


class Signature(NamedTuple):
    """A signature file. `comment` is the trusted one; `overall` signs `signature` and `comment`."""

    algorithm: bytes
    key_id: bytes
    signature: bytes
    comment: bytes
    overall: bytes


def parse_signature(data: bytes) -> Signature:
    """A signature file, at most MAX_SIGNATURE octets. Raises Malformed."""
    lines = data.replace(b"\r\n", b"\n").removesuffix(b"\n").split(b"\n")
    if len(data) > MAX_SIGNATURE or len(lines) != 4:
        raise Malformed("no signature of minisign: it has four lines")
    first, signed, second, overall = lines
    if not first.startswith(_UNTRUSTED) or not second.startswith(_TRUSTED):
        raise Malformed("no signature of minisign: a comment is missing")
    head, tail = _decoded(signed, 74), _decoded(overall, 64)
    if head[:2] not in (WHOLE, DIGEST):
        raise Malformed("a signature of an algorithm that is not known")
    return Signature(head[:2], head[2:10], head[10:], second.removeprefix(_TRUSTED), tail)


def require_signature(text: bytes, signature: Signature, key: bytes) -> str:
    """The trusted comment of a signature over `text` by the public key `key` (42 octets). Raises SignatureRefused."""
    if len(key) != KEY_LENGTH or key[:2] != WHOLE:
        raise SignatureRefused("the public key is none of minisign's")
    if signature.key_id != key[2:10]:
        raise SignatureRefused(f"it is by key {_shown(signature.key_id)}, not by {_shown(key[2:10])}")
    signed = text if signature.algorithm == WHOLE else hashlib.blake2b(text).digest()
    public = Ed25519PublicKey.from_public_bytes(key[10:])
    try:
        public.verify(signature.signature, signed)
    except InvalidSignature:
        raise SignatureRefused("the signature is not over this text") from None
    try:
        public.verify(signature.overall, signature.signature + signature.comment)
    except InvalidSignature:
        raise SignatureRefused("the trusted comment was changed") from None
    return signature.comment.decode("utf-8", "replace")


def _decoded(line: bytes, length: int) -> bytes:
    try:
        data = b64decode(line, validate=True)
    except ValueError:
        data = b""
    if len(data) != length:
        raise Malformed("no signature of minisign: a line does not decode")
    return data


def _shown(key_id: bytes) -> str:
    """As minisign writes it."""
    return key_id[::-1].hex().upper()
