"""Header fields of HTTP/3 requests by the static table alone (RFC 9204): the same octets whatever was sent before."""

from collections.abc import Iterable

from net.headers import Unindexed

FIELDS = {
    (b":path", b"/"): 1,
    (b":method", b"GET"): 17,
    (b":method", b"POST"): 20,
    (b":scheme", b"https"): 23,
    (b"accept", b"application/dns-message"): 30,
    (b"content-type", b"application/dns-message"): 44,
}
"""Whole fields of the static table that requests for DNS use (RFC 9204 Appendix A)."""

NAMES = {
    b":authority": 0,
    b":path": 1,
    b"content-length": 4,
    b":method": 17,
    b":scheme": 23,
    b"accept": 29,
    b"content-type": 44,
}
"""Names of the static table, each with its first index."""

_PREFIX = b"\0\0"  # Required Insert Count and Base: nothing of a dynamic table is referred to (RFC 9204 §4.5.1)
_INDEXED, _NAMED, _LITERAL = 0xC0, 0x50, 0x20
_NEVER_NAMED, _NEVER_LITERAL = 0x20, 0x10


class StaticEncoder:
    """In the place of pylsqpack's encoder, whose table would remember names that were asked for in GET paths."""

    def apply_settings(self, max_table_capacity: int, blocked_streams: int) -> bytes:
        """The server's table is not used."""
        return b""

    def feed_decoder(self, data: bytes) -> None:
        """What the server says of a table that is not used is of no interest."""

    def encode(self, stream_id: int, headers: Iterable[tuple[bytes, bytes]]) -> tuple[bytes, bytes]:
        """(nothing for the encoder's stream, the field section)."""
        return b"", _PREFIX + b"".join(map(_field, headers))


def _field(header: tuple[bytes, bytes]) -> bytes:
    """RFC 9204 §4.5.2, §4.5.4, §4.5.6, never Huffman-coded: a field is as long as its text."""
    name, value = header
    never = isinstance(header, Unindexed)
    index = FIELDS.get((bytes(name), bytes(value)))
    if index is not None and not never:
        return _integer(index, 6, _INDEXED)
    text = _integer(len(value), 7, 0) + value
    at = NAMES.get(bytes(name))
    if at is not None:
        return _integer(at, 4, _NAMED | (_NEVER_NAMED if never else 0)) + text
    return _integer(len(name), 3, _LITERAL | (_NEVER_LITERAL if never else 0)) + name + text


def _integer(value: int, bits: int, first: int) -> bytes:
    """A prefixed integer (RFC 7541 §5.1): `bits` low bits of the first octet, the others from `first`."""
    limit = (1 << bits) - 1
    if value < limit:
        return bytes((first | value,))
    encoded, value = bytearray((first | limit,)), value - limit
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
