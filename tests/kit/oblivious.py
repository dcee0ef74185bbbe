"""An ODoH target (RFC 9230) on pyhpke, written without our own `privacy/`: opens queries and seals answers."""

import hashlib
import hmac
import os
import struct

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from pyhpke import AEADId, CipherSuite, KDFId, KEMId

SUITE = CipherSuite.new(KEMId.DHKEM_X25519_HKDF_SHA256, KDFId.HKDF_SHA256, AEADId.AES128_GCM)
MEDIA_TYPE = b"application/oblivious-dns-message"


def prefixed(data: bytes) -> bytes:
    return struct.pack("!H", len(data)) + data


def expand(key: bytes, info: bytes, length: int) -> bytes:
    return HKDFExpand(SHA256(), length, info).derive(key)


class Target:
    """One key, derived from `seed`."""

    def __init__(self, seed: bytes = bytes(32)) -> None:
        pair = SUITE.kem.derive_key_pair(seed)
        self._private = pair.private_key
        contents = struct.pack("!HHH", 0x20, 1, 1) + prefixed(pair.public_key.to_public_bytes())
        self.config = struct.pack("!H", 1) + prefixed(contents)
        self.configs = prefixed(self.config)
        self.key_id = expand(hmac.digest(b"", contents, hashlib.sha256), b"odoh key id", 32)

    def knows(self, body: bytes) -> bool:
        return body[3:35] == self.key_id

    def open(self, body: bytes) -> "Query":
        head, sealed = body[:35], body[37:]
        context = SUITE.create_recipient_context(sealed[:32], self._private, b"odoh query")
        return Query(context.open(sealed[32:], head), context.export(b"odoh response", 16))


class Query:
    """An opened query. `message` is the DNS message, `padding` how many octets of zeros came with it."""

    def __init__(self, plaintext: bytes, secret: bytes) -> None:
        length = int.from_bytes(plaintext[:2], "big")
        self.message = plaintext[2 : 2 + length]
        rest = plaintext[4 + length :]
        assert rest == bytes(len(rest))
        assert plaintext == prefixed(self.message) + prefixed(rest)
        self.padding = len(rest)
        self._plaintext = plaintext
        self._secret = secret

    def answer(self, message: bytes, padding: int = 0) -> bytes:
        nonce = os.urandom(16)
        head = b"\2" + prefixed(nonce)
        aead, aead_nonce = self._cipher(nonce)
        return head + prefixed(aead.encrypt(aead_nonce, prefixed(message) + prefixed(bytes(padding)), head))

    def open(self, body: bytes) -> bytes:
        """The message in an answer to this query."""
        aead, aead_nonce = self._cipher(body[3:19])
        plaintext = aead.decrypt(aead_nonce, body[21:], body[:19])
        return plaintext[2 : 2 + int.from_bytes(plaintext[:2], "big")]

    def _cipher(self, nonce: bytes) -> tuple[AESGCM, bytes]:
        key = hmac.digest(self._plaintext + prefixed(nonce), self._secret, hashlib.sha256)
        return AESGCM(expand(key, b"odoh key", 16)), expand(key, b"odoh nonce", 12)


class Client:
    """The asking side, for one key."""

    def __init__(self, configs: bytes) -> None:
        contents = configs[6:]
        self._key = SUITE.kem.deserialize_public_key(contents[8:])
        self._key_id = expand(hmac.digest(b"", contents, hashlib.sha256), b"odoh key id", 32)

    def seal(self, message: bytes) -> bytes:
        encapsulated, context = SUITE.create_sender_context(self._key, b"odoh query")
        plaintext = prefixed(message) + prefixed(b"")
        head = b"\1" + prefixed(self._key_id)
        self._query = Query(plaintext, context.export(b"odoh response", 16))
        return head + prefixed(encapsulated + context.seal(plaintext, head))

    def open(self, body: bytes) -> bytes:
        return self._query.open(body)
