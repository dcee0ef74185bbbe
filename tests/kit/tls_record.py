"""Records of one side of TLS 1.3 as no library would send them: made of the keys that it logs (TLS_AES_256_GCM_SHA384)."""

from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

KEY_UPDATE = bytes((24, 0, 0, 1, 1))
"""Ours is another from now on, and theirs shall be (RFC 8446 §4.6.3); a handshake message."""
HANDSHAKE, DATA = 22, 23


def expanded(secret: bytes, label: bytes, length: int) -> bytes:
    """RFC 8446 §7.1."""
    info = length.to_bytes(2, "big") + bytes((6 + len(label),)) + b"tls13 " + label + b"\0"
    return HKDFExpand(hashes.SHA384(), length, info).derive(secret)


def record(keys: Path, sequence: int, content: bytes, kind: int, updates: int = 0, side: str = "CLIENT") -> bytes:
    """That side's record of this number since the last of so many updates (RFC 8446 §5.2, §7.2). `keys`: the log of keys."""
    lines = [line.split() for line in keys.read_text().splitlines()]
    secret = next(bytes.fromhex(line[2]) for line in lines if line[0] == f"{side}_TRAFFIC_SECRET_0")
    for _ in range(updates):
        secret = expanded(secret, b"traffic upd", 48)
    nonce = int.from_bytes(expanded(secret, b"iv", 12), "big") ^ sequence
    head = b"\x17\x03\x03" + (len(content) + 1 + 16).to_bytes(2, "big")
    sealed = AESGCM(expanded(secret, b"key", 32)).encrypt(nonce.to_bytes(12, "big"), content + bytes((kind,)), head)
    return head + sealed
