"""Who we are to DHCPv6 clients: a DUID that stays the same and says nothing of the hardware (RFC 8415 §11.5, RFC 6355)."""

import hmac

_TYPE = b"\x00\x04"
"""DUID-UUID."""


def server_duid(key: bytes) -> bytes:
    """18 octets: the type, and a UUID made of the lease key (version 8, RFC 9562 §5.8).

    It lives as long as the key, so as long as leases are found again; who sees it learns nothing of the key.
    """
    uuid = bytearray(hmac.digest(key, b"server", "sha256")[:16])
    uuid[6] = uuid[6] & 0x0F | 0x80
    uuid[8] = uuid[8] & 0x3F | 0x80
    return _TYPE + bytes(uuid)
