"""Signatures as minisign makes them, by a key of our own."""

import hashlib
from base64 import b64encode

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY_ID = b"\1\2\3\4\5\6\7\10"
PUBLIC = b"Ed" + KEY_ID + KEY.public_key().public_bytes_raw()
PUBLIC_TEXT = b64encode(PUBLIC).decode()


def signed(text: bytes, algorithm: bytes = b"ED", comment: bytes = b"timestamp:1", key_id: bytes = KEY_ID) -> bytes:
    what = text if algorithm == b"Ed" else hashlib.blake2b(text).digest()
    signature = KEY.sign(what)
    lines = (
        b"untrusted comment: by a test",
        b64encode(algorithm + key_id + signature),
        b"trusted comment: " + comment,
        b64encode(KEY.sign(signature + comment)),
    )
    return b"\n".join(lines) + b"\n"
