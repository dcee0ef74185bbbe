"""`sdns://` stamps: a server in one word (the DNS Stamps specification of dnscrypt.info).

After `sdns://` comes base64url without padding of: protocol u8, properties u64 little-endian, then length-prefixed
fields by protocol. In a list of hashes the length's top bit says that another follows.
"""

import base64
import binascii
from dataclasses import dataclass
from enum import IntEnum

PREFIX = "sdns://"
MAX_STAMP = 2_048
_MORE = 0x80


class StampProtocol(IntEnum):
    """The protocols a stamp can name."""

    PLAIN = 0x00
    DNSCRYPT = 0x01
    DOH = 0x02
    DOT = 0x03
    DOQ = 0x04
    ODOH_TARGET = 0x05
    DNSCRYPT_RELAY = 0x81
    ODOH_RELAY = 0x85


READABLE = frozenset(StampProtocol) - {StampProtocol.DNSCRYPT, StampProtocol.DNSCRYPT_RELAY}
"""Those for which there is a transport."""

_WITH_PATH = frozenset({StampProtocol.DOH, StampProtocol.ODOH_RELAY})


@dataclass(frozen=True, slots=True)
class Stamp:
    """A server. `address` is literal, with or without port, "" if the stamp leaves it out (an ODoH target's never has one);
    `host` is the name its certificate must hold, with or without port; `hashes` are SHA-256 digests of a certificate of the
    chain (its TBSCertificate), 32 octets."""

    protocol: StampProtocol
    properties: int
    address: str
    hashes: tuple[bytes, ...] = ()
    host: str = ""
    path: str = ""
    bootstrap: tuple[str, ...] = ()


def read_stamp(text: str) -> Stamp:
    """The server in a stamp. Raises ValueError with a text for the user."""
    if not text.startswith(PREFIX):
        raise ValueError("a stamp begins with sdns://")
    if len(text) > MAX_STAMP:
        raise ValueError(f"a stamp has at most {MAX_STAMP} letters")
    body = text[len(PREFIX) :].rstrip("=")
    try:
        data = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("the stamp is not base64url; was a letter lost?") from None
    return _read_fields(data)


def _read_fields(data: bytes) -> Stamp:
    if len(data) < 10:
        raise ValueError("the stamp is too short")
    try:
        protocol = StampProtocol(data[0])
    except ValueError:
        raise ValueError(f"the stamp names protocol 0x{data[0]:02x}, which nobody knows here") from None
    if protocol not in READABLE:
        raise ValueError(f"not supported yet: a stamp for {protocol.name.replace('_', ' ')}")
    properties = int.from_bytes(data[1:9], "little")
    fields = _Fields(data, 9)
    if protocol is StampProtocol.ODOH_TARGET:
        target = Stamp(protocol, properties, "", (), fields.text(), fields.text())
        fields.end()
        return target
    address = fields.text()
    if protocol is StampProtocol.PLAIN:
        fields.end()
        return Stamp(protocol, properties, address)
    hashes = tuple(item for item in fields.items() if item)
    if any(len(item) != 32 for item in hashes):
        raise ValueError("a hash in the stamp does not have 32 octets")
    host = fields.text()
    path = fields.text() if protocol in _WITH_PATH else ""
    bootstrap = () if fields.ended else tuple(item.decode("ascii", "replace") for item in fields.items() if item)
    fields.end()
    return Stamp(protocol, properties, address, hashes, host, path, bootstrap)


class _Fields:
    """Length-prefixed fields, read in order."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at

    @property
    def ended(self) -> bool:
        return self._at == len(self._data)

    def _take(self, mask: int) -> tuple[bytes, int]:
        if self.ended:
            raise ValueError("the stamp is cut off")
        length = self._data[self._at]
        start = self._at + 1
        self._at = start + (length & mask)
        if self._at > len(self._data):
            raise ValueError("the stamp is cut off")
        return self._data[start : self._at], length & ~mask

    def text(self) -> str:
        value, _ = self._take(0xFF)
        try:
            return value.decode("ascii")
        except UnicodeDecodeError:
            raise ValueError("a field of the stamp is not ASCII") from None

    def items(self) -> list[bytes]:
        items, more = [], _MORE
        while more:
            value, more = self._take(0x7F)
            items.append(value)
        return items

    def end(self) -> None:
        if not self.ended:
            raise ValueError("the stamp has octets too many")


def build_stamp(stamp: Stamp) -> str:
    """The stamp's text. Raises ValueError for a protocol we do not read or a field too long."""
    if stamp.protocol not in READABLE:
        raise ValueError(f"not supported yet: {stamp.protocol.name}")
    out = bytes((stamp.protocol,)) + stamp.properties.to_bytes(8, "little")
    if stamp.protocol is StampProtocol.ODOH_TARGET:
        return _text(out + _field(stamp.host.encode("ascii"), 255) + _field(stamp.path.encode("ascii"), 255))
    out += _field(stamp.address.encode("ascii"), 255)
    if stamp.protocol is not StampProtocol.PLAIN:
        out += _list(stamp.hashes) + _field(stamp.host.encode("ascii"), 255)
        if stamp.protocol in _WITH_PATH:
            out += _field(stamp.path.encode("ascii"), 255)
        if stamp.bootstrap:
            out += _list(tuple(item.encode("ascii") for item in stamp.bootstrap))
    return _text(out)


def _text(data: bytes) -> str:
    return PREFIX + base64.urlsafe_b64encode(data).decode().rstrip("=")


def _field(value: bytes, most: int, more: int = 0) -> bytes:
    if len(value) > most:
        raise ValueError("a field of a stamp is too long")
    return bytes((len(value) | more,)) + value


def _list(items: tuple[bytes, ...]) -> bytes:
    if not items:
        return b"\0"
    return b"".join(_field(item, 127, _MORE) for item in items[:-1]) + _field(items[-1], 127)
