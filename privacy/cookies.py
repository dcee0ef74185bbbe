"""Server cookies (RFC 7873, RFC 9018 §4.2's layout): proof that a client can receive at its address.

Server cookie, 16 octets: version 1, three zero octets, time u32 (seconds, big-endian), then eight octets of keyed BLAKE2s
over client cookie, the eight octets before it, and the client's address. RFC 9018 wants SipHash only among servers
that share a key; ours share none.
"""

from enum import Enum
from hashlib import blake2s

CLIENT_LENGTH = 8
SERVER_LENGTH = 16
KEY_LENGTH = 32

VALID_FOR = 3600
"""Seconds a server cookie is good (RFC 9018 §4.3)."""

VALID_AHEAD = 300
"""Seconds it may lie in the future."""


class CookieState(Enum):
    """What a COOKIE option tells."""

    MALFORMED = "malformed"
    FIRST = "first"
    VALID = "valid"
    WRONG = "wrong"


def server_cookie(key: bytes, client_cookie: bytes, address: bytes, date: int) -> bytes:
    """The 16 octets for `address` (packed, 4 or 16 octets) at wall-clock second `date`."""
    head = b"\1\0\0\0" + (date & 0xFFFFFFFF).to_bytes(4, "big")
    return head + blake2s(client_cookie + head + address, key=key, digest_size=8).digest()


def check_cookie(key: bytes, content: bytes, address: bytes, date: int) -> CookieState:
    """What `content`, a COOKIE option, says of a client at `address`. Cannot fail."""
    length = len(content)
    # > If the COOKIE option is ... not 8 or 16 to 40 octets, FORMERR (RFC 7873 §5.2.2)
    if length != CLIENT_LENGTH and not CLIENT_LENGTH + 8 <= length <= CLIENT_LENGTH + 32:
        return CookieState.MALFORMED
    if length == CLIENT_LENGTH:
        return CookieState.FIRST
    if length != CLIENT_LENGTH + SERVER_LENGTH or content[8:12] != b"\1\0\0\0":
        return CookieState.WRONG
    made = int.from_bytes(content[12:16], "big")
    age = (date - made + 0x80000000 & 0xFFFFFFFF) - 0x80000000
    if not -VALID_AHEAD <= age <= VALID_FOR:
        return CookieState.WRONG
    expected = blake2s(content[:16] + address, key=key, digest_size=8).digest()
    return CookieState.VALID if _same(expected, content[16:24]) else CookieState.WRONG


def _same(one: bytes, other: bytes) -> bool:
    """Constant-time comparison of two strings of eight octets."""
    return int.from_bytes(one, "big") ^ int.from_bytes(other, "big") == 0
