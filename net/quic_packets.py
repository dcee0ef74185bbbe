"""QUIC where there is no connection (RFC 9000 §8.1, §10.3, §17.2; RFC 8999): long headers, version negotiation, Retry, resets.

Plain octets and two cheap computations: whoever forges an address gets nothing more from us than one of these packets, which is
shorter than its own.
"""

from hashlib import blake2s
from hmac import compare_digest
from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

VERSION = 1
"""The one version spoken here (RFC 9000). Version 2 (RFC 9369) adds nothing but another way to read packets."""

LEAST_INITIAL = 1_200
"""Octets of UDP payload below which an Initial is dropped (RFC 9000 §14.1)."""
LEAST_CHOSEN = 8
"""Octets of the first destination connection id, which the client chooses (RFC 9000 §7.2)."""
MOST_ID = 20
ID_LENGTH = 8
"""Octets of the connection ids given out here."""

SHORTEST_RESET = 21
"""Octets below which no packet of a connection can be, and no stateless reset (RFC 9000 §10.3)."""
LONGEST_RESET = 42
"""Octets that look like a short packet of any connection."""

TOKEN_LIFETIME = 10
"""Seconds: a client comes back with its token at once."""

_LONG = 0x80
_FIXED = 0x40
_KIND = 0x30
_RETRY_FIRST = bytes((0xF0,)) + VERSION.to_bytes(4, "big")
_TAG = AESGCM(bytes.fromhex("be0c690b9f66575a1d766b54e368c84e"))
"""RFC 9001 §5.8: the key and the nonce are in the RFC; the tag finds damage, and proves that we saw the client's id."""
_TAG_NONCE = bytes.fromhex("461599d35d632bf2239825bb")
_MAC = 16


class LongHeader(NamedTuple):
    """What is told in clear. `initial`: an Initial of our version, whose token then follows; else the token is empty."""

    version: int
    initial: bool
    destination: bytes
    source: bytes
    token: bytes


def is_long(data: bytes) -> bool:
    """Whether the packet has a long header; `data` is not empty."""
    return data[0] & _LONG != 0


def read_long(data: bytes) -> LongHeader | None:
    """The long header at the front, or None if it is cut off or its ids are too long.

    Layout: flags u8, version u32, destination id (u8 length, octets), source id (the same); in an Initial the token (a
    variable-length integer, octets).
    """
    end = 6 + data[5] if len(data) > 5 else 0
    if not end or end >= len(data) or data[5] > MOST_ID or data[end] > MOST_ID:
        return None
    destination = data[6:end]
    last = end + 1 + data[end]
    source = data[end + 1 : last]
    version = int.from_bytes(data[1:5], "big")
    if version != VERSION:
        return LongHeader(version, False, destination, source, b"") if last <= len(data) else None
    if not data[0] & _FIXED or last >= len(data):
        return None
    if data[0] & _KIND:
        return LongHeader(version, False, destination, source, b"")
    width = 1 << (data[last] >> 6)
    start = last + width
    length = int.from_bytes(data[last:start], "big") & ((1 << (8 * width - 2)) - 1)
    if start + length > len(data):
        return None
    return LongHeader(version, True, destination, source, data[start : start + length])


def build_version_negotiation(header: LongHeader, noise: int) -> bytes:
    """The answer to a version we do not speak: ours (RFC 9000 §17.2.1). `noise`: 0 to 127, the bits that mean nothing."""
    return b"".join(
        (
            bytes((_LONG | noise,)),
            bytes(4),
            bytes((len(header.source),)),
            header.source,
            bytes((len(header.destination),)),
            header.destination,
            VERSION.to_bytes(4, "big"),
        )
    )


def build_retry(header: LongHeader, ours: bytes, token: bytes) -> bytes:
    """A Retry packet that makes the client come back to the id `ours` with `token` (RFC 9000 §17.2.5, RFC 9001 §5.8)."""
    packet = b"".join(
        (
            _RETRY_FIRST,
            bytes((len(header.source),)),
            header.source,
            bytes((len(ours),)),
            ours,
            token,
        )
    )
    original = bytes((len(header.destination),)) + header.destination
    return packet + _TAG.encrypt(_TAG_NONCE, b"", original + packet)


def is_reset(datagram: bytes, token: bytes | None) -> bool:
    """Whether it ends as a stateless reset with this token does (RFC 9000 §10.3.1); without one there is none."""
    return bool(token) and len(datagram) >= SHORTEST_RESET and compare_digest(datagram[-_MAC:], token or b"")


class Resets:
    """Stateless resets of one process (RFC 9000 §10.3): the token of a connection id is its keyed hash, so it is known again when
    nothing else of the connection is."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def token(self, label: bytes) -> bytes:
        """16 octets that only we can know, for a connection id of ours."""
        return blake2s(label, digest_size=_MAC, key=self._secret).digest()

    def build(self, label: bytes, length: int, noise: bytes) -> bytes | None:
        """The answer to a packet of `length` octets to an id that is nobody's; None if that was too short. It is shorter, so two
        that know nothing of each other come to an end (RFC 9000 §10.3.3). `noise`: LONGEST_RESET random octets."""
        size = min(length - 1, LONGEST_RESET)
        if size < SHORTEST_RESET:
            return None
        return bytes((noise[0] & ~_LONG & 0xFF | _FIXED,)) + noise[1 : size - _MAC] + self.token(label)


class Tokens:
    """Retry tokens of one process (RFC 9000 §8.1.2): expiry u32 (seconds of the clock that is handed in), the id that the client
    chose first, and a keyed hash of these, the client's address and port, and the id it was told to come back to."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def make(self, header: LongHeader, ours: bytes, address: bytes, now: float) -> bytes:
        """A token for a client that is at `address` (address and port, packed) until `now` + TOKEN_LIFETIME."""
        body = (int(now) + TOKEN_LIFETIME).to_bytes(4, "big") + header.destination
        return body + self._mac(body, ours, address)

    def original(self, header: LongHeader, address: bytes, now: float) -> bytes | None:
        """The id that the client chose first, if the token in `header` was made for this client, id and time."""
        token = header.token
        if not 4 + _MAC < len(token) <= 4 + MOST_ID + _MAC:
            return None
        body, mac = token[:-_MAC], token[-_MAC:]
        if not compare_digest(mac, self._mac(body, header.destination, address)):
            return None
        return body[4:] if int.from_bytes(body[:4], "big") >= now else None

    def _mac(self, body: bytes, ours: bytes, address: bytes) -> bytes:
        told = bytes((len(body), len(ours))) + body + ours + address
        return blake2s(told, digest_size=_MAC, key=self._secret).digest()
