"""Oblivious DoH (RFC 9230): the envelope around a query that its carrier cannot open, for both who seal it and who open it.

Layouts, big-endian. ObliviousDoHConfigs: length u16, then configs: version u16 (1), length u16, contents: KEM, KDF, AEAD
u16 each, public key with its length u16. ObliviousDoHMessage: type u8 (1 query, 2 response), key id and sealed part, each
with its length u16. Plaintext: message and padding (zeros), each with its length u16. What does not decode raises Malformed.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from privacy.hpke import (
    AEAD,
    CONTENT_KEY,
    KDF,
    KEM,
    KEY_LENGTH,
    NONCE,
    SECRET,
    TAG,
    Context,
    derive_private,
    expand,
    extract,
    public_of,
    set_up_receiver,
    set_up_sender,
)
from privacy.padding import QUERY_BLOCK, REPLY_BLOCK, filling
from wire.errors import Malformed

MEDIA_TYPE = "application/oblivious-dns-message"
WELL_KNOWN = "/.well-known/odohconfigs"
"""Where targets show their keys; not of the RFC, but all do it so."""

VERSION = 0x0001
SEED = 32
"""Octets of randomness for a key pair, and for each query."""

REPLY_NONCE = max(NONCE, CONTENT_KEY)
"""Octets of randomness for each answer (RFC 9230 §8)."""

MAX_CONFIGS = 16
"""Keys read of one target."""

SMALLEST = 12
"""Octets of a DNS header; less is no message."""

QUERY, RESPONSE = 1, 2
_INFO_QUERY, _INFO_RESPONSE = b"odoh query", b"odoh response"
_CONTENTS = struct.Struct("!HHHH")


class UnknownKey(Malformed):
    """A query for a key that is not there: 401, and the client fetches the keys anew (RFC 9230 §4.3)."""


class TargetKey(NamedTuple):
    """A target's public key (32 octets) and what it is called in queries (32 octets)."""

    public: bytes
    key_id: bytes


@dataclass(frozen=True, slots=True, repr=False)
class KeyPair:
    """A target's key with its private half."""

    private: bytes
    key: TargetKey


@dataclass(frozen=True, slots=True, repr=False)
class Sealed:
    """A query on its way: `body` is what goes out; the rest opens the answer and stays here."""

    body: bytes
    plaintext: bytes
    secret: bytes


@dataclass(frozen=True, slots=True, repr=False)
class Opened:
    """A query that was opened: the DNS message, and what seals the answer."""

    message: bytes
    plaintext: bytes
    secret: bytes


# keys


def make_key(seed: bytes) -> KeyPair:
    """A key pair from `seed`, SEED octets of randomness."""
    private = derive_private(seed)
    return KeyPair(private, key_of(public_of(private)))


def key_of(public: bytes) -> TargetKey:
    """A public key with its id (RFC 9230 §6.1)."""
    return TargetKey(public, expand(extract(b"", _contents(public)), b"odoh key id", SECRET))


def build_configs(keys: tuple[TargetKey, ...]) -> bytes:
    """The ObliviousDoHConfigs of these keys, the one to prefer first (RFC 9230 §5)."""
    configs = b"".join(struct.pack("!H", VERSION) + _prefixed(_contents(key.public)) for key in keys)
    return _prefixed(configs)


def parse_configs(data: bytes) -> tuple[TargetKey, ...]:
    """The keys we can use, in the target's order; those of other versions and suites are passed over (RFC 9230 §5).

    Raises Malformed. Nothing usable is an empty tuple.
    """
    configs, end = _take(data, 0)
    if end != len(data):
        raise Malformed("octets behind the configs", end)
    if not configs:
        raise Malformed("no configs")
    keys: list[TargetKey] = []
    at = 0
    while at < len(configs):
        if at + 2 > len(configs):
            raise Malformed("a config is cut off", at)
        version = int.from_bytes(configs[at : at + 2], "big")
        contents, at = _take(configs, at + 2)
        if version == VERSION and (key := _parse_contents(contents)) is not None and len(keys) < MAX_CONFIGS:
            keys.append(key)
    return tuple(keys)


def _parse_contents(contents: bytes) -> TargetKey | None:
    if len(contents) < _CONTENTS.size:
        raise Malformed("a config of version 1 is too short")
    kem, kdf, aead, length = _CONTENTS.unpack_from(contents)
    public = contents[_CONTENTS.size :]
    if length != len(public) or not length:
        raise Malformed("a key of another length than it says")
    if (kem, kdf, aead) != (KEM, KDF, AEAD):
        return None
    if length != KEY_LENGTH:
        raise Malformed("an X25519 key that is not 32 octets long")
    return key_of(public)


def _contents(public: bytes) -> bytes:
    return _CONTENTS.pack(KEM, KDF, AEAD, len(public)) + public


# the client


def seal_query(key: TargetKey, message: bytes, seed: bytes, padding: int | None = None) -> Sealed:
    """`message` for the holder of `key`. `seed`: SEED random octets, used for nothing else.

    Message and padding fill a multiple of 128 octets unless `padding` says how many (RFC 9230 §11, RFC 8467 §4.1). Raises
    Malformed if the key is not usable.
    """
    plaintext = _plaintext(message, filling(len(message), QUERY_BLOCK) if padding is None else padding)
    encapsulated, context = set_up_sender(key.public, _INFO_QUERY, seed)
    head = _head(QUERY, key.key_id)
    body = head + _prefixed(encapsulated + context.seal(head, plaintext))
    return Sealed(body, plaintext, _secret(context))


def open_answer(sealed: Sealed, body: bytes) -> bytes:
    """The DNS message in the answer to `sealed`. Raises Malformed."""
    kind, nonce, ciphertext = parse_envelope(body)
    if kind != RESPONSE:
        raise Malformed("not an oblivious answer", 0)
    if len(nonce) != REPLY_NONCE or len(ciphertext) < TAG:
        raise Malformed("an oblivious answer of a wrong length")
    key, aead_nonce = _answer_key(sealed.secret, sealed.plaintext, nonce)
    try:
        plaintext = AESGCM(key).decrypt(aead_nonce, ciphertext, _head(RESPONSE, nonce))
    except InvalidTag:
        raise Malformed("not the answer to this query") from None
    return parse_plaintext(plaintext)


# the target


def open_query(keys: Mapping[bytes, KeyPair], body: bytes) -> Opened:
    """The query in `body`; `keys` by their ids. Raises UnknownKey (a Malformed) and Malformed."""
    kind, key_id, sealed = parse_envelope(body)
    if kind != QUERY:
        raise Malformed("not an oblivious query", 0)
    pair = keys.get(key_id)
    if pair is None:
        raise UnknownKey("sealed for a key that is not in use")
    context = set_up_receiver(sealed[:KEY_LENGTH], pair.private, _INFO_QUERY)
    plaintext = context.open(_head(QUERY, key_id), sealed[KEY_LENGTH:])
    return Opened(parse_plaintext(plaintext), plaintext, _secret(context))


def seal_answer(opened: Opened, message: bytes, nonce: bytes, padding: int | None = None) -> bytes:
    """The body that answers `opened`. `nonce`: REPLY_NONCE random octets, used once.

    Message and padding fill a multiple of 468 octets unless `padding` says how many (RFC 9230 §11, RFC 8467 §4.1).
    """
    plaintext = _plaintext(message, filling(len(message), REPLY_BLOCK) if padding is None else padding)
    key, aead_nonce = _answer_key(opened.secret, opened.plaintext, nonce)
    head = _head(RESPONSE, nonce)
    return head + _prefixed(AESGCM(key).encrypt(aead_nonce, plaintext, head))


# what both have in common


def parse_envelope(body: bytes) -> tuple[int, bytes, bytes]:
    """Type, key id (in an answer: nonce) and sealed part of an ObliviousDoHMessage (RFC 9230 §6.1). Raises Malformed."""
    if not body:
        raise Malformed("an empty envelope")
    key_id, at = _take(body, 1)
    sealed, end = _take(body, at)
    if not sealed:
        raise Malformed("nothing in the envelope", at)
    if end != len(body):
        raise Malformed("octets behind the envelope", end)
    return body[0], key_id, sealed


def parse_plaintext(plaintext: bytes) -> bytes:
    """The DNS message in an opened envelope. Raises Malformed."""
    message, at = _take(plaintext, 0)
    padding, end = _take(plaintext, at)
    # > Padding of arbitrary length which MUST contain all zeros (RFC 9230 §6.1)
    if end != len(plaintext) or padding.strip(b"\0"):
        raise Malformed("padding that is none", at)
    if len(message) < SMALLEST:
        raise Malformed("too short for a DNS message")
    return message


def _plaintext(message: bytes, padding: int) -> bytes:
    return _prefixed(message) + _prefixed(bytes(padding))


def _secret(context: Context) -> bytes:
    return context.export(_INFO_RESPONSE, CONTENT_KEY)


def _answer_key(secret: bytes, plaintext: bytes, nonce: bytes) -> tuple[bytes, bytes]:
    """Key and nonce of the answer (RFC 9230 §6.2)."""
    key = extract(plaintext + _prefixed(nonce), secret)
    return expand(key, b"odoh key", CONTENT_KEY), expand(key, b"odoh nonce", NONCE)


def _head(kind: int, key_id: bytes) -> bytes:
    """The beginning of an envelope, which is also its associated data."""
    return bytes((kind,)) + _prefixed(key_id)


def _prefixed(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


def _take(data: bytes, at: int) -> tuple[bytes, int]:
    """A field with its length u16 before it, and where it ends. Raises Malformed."""
    start = at + 2
    if start > len(data):
        raise Malformed("a field is cut off", at)
    end = start + int.from_bytes(data[at:start], "big")
    if end > len(data):
        raise Malformed("a field is cut off", at)
    return data[start:end], end
