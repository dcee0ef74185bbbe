"""The start of a TLS connection, as far as a server must look before it spends anything on it (RFC 8446 §4.1.2, §5.1)."""

from dataclasses import dataclass

from wire.errors import Malformed

HEADER = 5
"""Octets before a record's content: type u8, version u16, length u16."""
MAX_RECORD = 16_384

NO_APPLICATION_PROTOCOL = bytes.fromhex("15030300020278")
"""A whole record: the fatal alert that none of the offered protocols will do (RFC 7301 §3.2)."""

_HANDSHAKE = 22
_CLIENT_HELLO = 1
_SERVER_NAME = 0
_ALPN = 16


@dataclass(frozen=True, slots=True)
class Hello:
    """What a client asks for: the server's name (lower case, "" if it says none) and protocols; none: it does not care."""

    server_name: str = ""
    protocols: tuple[bytes, ...] = ()


class _Reader:
    """Octets from the front, never past the end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, count: int) -> bytes:
        if count > self.left:
            raise Malformed("TLS hello cut off", self._at)
        piece = self._data[self._at : self._at + count]
        self._at += count
        return piece

    def number(self, octets: int) -> int:
        return int.from_bytes(self.take(octets), "big")

    def vector(self, octets: int) -> bytes:
        """A length of so many octets, and as much."""
        return self.take(self.number(octets))


def record_length(data: bytes) -> int | None:
    """Octets of the whole first record; None while its header is not there. Raises Malformed if it is no handshake's."""
    if (data and data[0] != _HANDSHAKE) or (len(data) > 1 and data[1] != 3):
        raise Malformed("not the start of a TLS handshake", 0)
    if len(data) < HEADER:
        return None
    length = int.from_bytes(data[3:5], "big")
    if not 0 < length <= MAX_RECORD:
        raise Malformed("TLS record of an impossible length", 3)
    return HEADER + length


def parse_hello(record: bytes) -> Hello:
    """What the ClientHello in one whole record asks for. One that goes on in a further record tells nothing. Raises Malformed."""
    content = _Reader(record[HEADER:])
    if content.number(1) != _CLIENT_HELLO:
        raise Malformed("not a ClientHello", HEADER)
    length = content.number(3)
    if length > content.left:
        return Hello()
    hello = _Reader(content.take(length))
    hello.take(2 + 32)
    for octets in (1, 2, 1):
        # Session id, cipher suites, compression.
        hello.vector(octets)
    if not hello.left:
        return Hello()
    return _read_extensions(_Reader(hello.vector(2)))


def _read_extensions(extensions: _Reader) -> Hello:
    name = ""
    protocols: tuple[bytes, ...] = ()
    while extensions.left:
        kind, content = extensions.number(2), _Reader(extensions.vector(2))
        if kind == _SERVER_NAME:
            name = _read_name(content)
        elif kind == _ALPN:
            protocols = _read_protocols(_Reader(content.vector(2)))
    return Hello(name, protocols)


def _read_name(content: _Reader) -> str:
    """The first host name (RFC 6066 §3)."""
    names = _Reader(content.vector(2))
    while names.left:
        kind, name = names.number(1), names.vector(2)
        if kind == 0:
            try:
                return name.decode("ascii").lower().removesuffix(".")
            except UnicodeDecodeError:
                raise Malformed("server name that is not ASCII") from None
    return ""


def _read_protocols(protocols: _Reader) -> tuple[bytes, ...]:
    found = []
    while protocols.left:
        found.append(protocols.vector(1))
    return tuple(found)
