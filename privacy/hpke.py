"""Hybrid public key encryption (RFC 9180): base mode, X25519, HKDF-SHA256, AES-128-GCM, and no other suite.

Besides sealing it gives the exporter and takes associated data, which Oblivious DoH needs (RFC 9230 §6).
"""

import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from wire.errors import Malformed

KEM, KDF, AEAD = 0x0020, 0x0001, 0x0001
"""DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM (RFC 9180 §7)."""

KEY_LENGTH = 32
"""Octets of a public key, of a private key and of an encapsulated key (Npk, Nsk, Nenc)."""

SECRET, CONTENT_KEY, NONCE, TAG = 32, 16, 12, 16
"""Nh, Nk, Nn and the tag, octets."""

_BASE = b"\0"
_KEM_SUITE = b"KEM" + KEM.to_bytes(2, "big")
_SUITE = b"HPKE" + b"".join(part.to_bytes(2, "big") for part in (KEM, KDF, AEAD))
_VERSION = b"HPKE-v1"


def extract(salt: bytes, material: bytes) -> bytes:
    """HKDF-Extract with SHA-256 (RFC 5869 §2.2), 32 octets."""
    return hmac.digest(salt, material, "sha256")


def expand(key: bytes, info: bytes, length: int) -> bytes:
    """HKDF-Expand with SHA-256 (RFC 5869 §2.3)."""
    return HKDFExpand(SHA256(), length, info).derive(key)


class Context:
    """A key schedule's end (RFC 9180 §5.2, §5.3), for one direction; messages are sealed and opened in order."""

    __slots__ = ("_aead", "_base_nonce", "_exporter", "_sequence")

    def __init__(self, shared: bytes, info: bytes) -> None:
        """`shared`: the secret of the key encapsulation."""
        schedule = _BASE + _labeled_extract(_SUITE, b"", b"psk_id_hash", b"")
        schedule += _labeled_extract(_SUITE, b"", b"info_hash", info)
        secret = _labeled_extract(_SUITE, shared, b"secret", b"")
        self._aead = AESGCM(_labeled_expand(_SUITE, secret, b"key", schedule, CONTENT_KEY))
        self._base_nonce = int.from_bytes(_labeled_expand(_SUITE, secret, b"base_nonce", schedule, NONCE), "big")
        self._exporter = _labeled_expand(_SUITE, secret, b"exp", schedule, SECRET)
        self._sequence = 0

    def seal(self, aad: bytes, plaintext: bytes) -> bytes:
        """The next message, 16 octets longer than `plaintext`."""
        ciphertext = self._aead.encrypt(self._nonce(), plaintext, aad)
        self._sequence += 1
        return ciphertext

    def open(self, aad: bytes, ciphertext: bytes) -> bytes:
        """The next message's plaintext. Raises Malformed if it is not what was sealed."""
        if len(ciphertext) < TAG:
            raise Malformed("too short to be sealed")
        try:
            plaintext = self._aead.decrypt(self._nonce(), ciphertext, aad)
        except InvalidTag:
            raise Malformed("not sealed with this key") from None
        self._sequence += 1
        return plaintext

    def export(self, context: bytes, length: int) -> bytes:
        """A secret for another use, which both ends can make (RFC 9180 §5.3)."""
        return _labeled_expand(_SUITE, self._exporter, b"sec", context, length)

    def _nonce(self) -> bytes:
        return (self._base_nonce ^ self._sequence).to_bytes(NONCE, "big")


def derive_private(material: bytes) -> bytes:
    """DeriveKeyPair (RFC 9180 §7.1.3): the private key that comes of `material`, which must be random, at least 32 octets."""
    secret = _labeled_extract(_KEM_SUITE, b"", b"dkp_prk", material)
    return _labeled_expand(_KEM_SUITE, secret, b"sk", b"", KEY_LENGTH)


def public_of(private: bytes) -> bytes:
    """The public key to a private one."""
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def set_up_sender(public: bytes, info: bytes, material: bytes) -> tuple[bytes, Context]:
    """SetupBaseS (RFC 9180 §5.1.1): the encapsulated key to send, and the context.

    `material`: random octets, at least 32, used for nothing else. Raises Malformed if `public` is no usable key.
    """
    ephemeral = X25519PrivateKey.from_private_bytes(derive_private(material))
    encapsulated = ephemeral.public_key().public_bytes_raw()
    return encapsulated, Context(_shared(ephemeral, public, encapsulated + public), info)


def set_up_receiver(encapsulated: bytes, private: bytes, info: bytes) -> Context:
    """SetupBaseR (RFC 9180 §5.1.1). Raises Malformed if `encapsulated` is no usable key."""
    key = X25519PrivateKey.from_private_bytes(private)
    return Context(_shared(key, encapsulated, encapsulated + key.public_key().public_bytes_raw()), info)


def _shared(own: X25519PrivateKey, other: bytes, both: bytes) -> bytes:
    """The end of Encap and Decap; `both` is the encapsulated key and the receiver's (RFC 9180 §4.1)."""
    if len(other) != KEY_LENGTH:
        raise Malformed("a key of another length than 32 octets")
    try:
        # > the Diffie-Hellman output is the all-zero value: abort (RFC 9180 §7.1.4)
        exchanged = own.exchange(X25519PublicKey.from_public_bytes(other))
    except ValueError:
        raise Malformed("a key that gives no secret") from None
    secret = _labeled_extract(_KEM_SUITE, b"", b"eae_prk", exchanged)
    return _labeled_expand(_KEM_SUITE, secret, b"shared_secret", both, SECRET)


def _labeled_extract(suite: bytes, salt: bytes, label: bytes, material: bytes) -> bytes:
    return extract(salt, _VERSION + suite + label + material)


def _labeled_expand(suite: bytes, key: bytes, label: bytes, info: bytes, length: int) -> bytes:
    return expand(key, length.to_bytes(2, "big") + _VERSION + suite + label + info, length)
