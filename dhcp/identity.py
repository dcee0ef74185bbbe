"""Who a client is: keyed tags in place of identifiers (RFC 2131 §4.2, RFC 4361, RFC 6842).

A tag says nothing without the key: who reads our disk, or our memory a few seconds after a client spoke, finds no hardware
address in it, and who knows an address and the key finds its tag again.
"""

import hashlib
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from dhcp.values import Tag
from wire.dhcp.codes4 import Option4
from wire.dhcp.packet4 import Packet4
from wire.dhcp.packet6 import MAX_DUID, MIN_DUID
from wire.units import Instant

_CLIENT_IDENTIFIER = int(Option4.CLIENT_IDENTIFIER)

RECENT_SECONDS = 2.0
_RECENT = 256
"""Clients remembered at once, by what they say they are."""
TAG_OCTETS = 16
_BLOCK = 64
"""Octets that SHA-256 takes at once."""
ETHERNET = 1
"""htype (RFC 1700); also the hardware type inside a DUID."""
ETHERNET_OCTETS = 6
_MIN_IDENTIFIER, _MAX_IDENTIFIER = 2, 255
"""Octets (RFC 2132 §9.14: at least two)."""
_RFC4361 = b"\xff"
"""The type octet of an identifier made of an IAID and a DUID (RFC 4361 §6.1)."""


class Identifier(bytes, Enum):
    """What kind of thing is hashed: equal octets of two kinds have two tags. The octets are in every tag on disk."""

    CLIENT = b"c"
    """Option 61, whole."""
    HARDWARE = b"h"
    """What `hardware_octets` gives."""
    DUID = b"d"
    """A DUID, whole (RFC 8415 §11)."""
    DRAW = b"p"
    """Not an identifier: where in a pool a client's address is looked for first."""


_HARDWARE, _CLIENT = Identifier.HARDWARE, Identifier.CLIENT
"""Not looked up for each message: members of an enum cost more."""


@dataclass(slots=True)
class Identity:
    """A client. Its leases are found by `client`. Never changed: not frozen, for making one costs more then."""

    client: Tag
    """Of the client identifier, if it is one to tell clients apart by, else of the hardware address (DHCPv4); of the DUID
    (DHCPv6)."""
    hardware: Tag
    """Empty if the client has no hardware address of its own."""
    identifier: bytes
    """Option 61 as it came; empty if there was none, and of a DHCPv6 client."""
    duid: bytes
    """The DUID inside of it (RFC 4361 §6.1), or a DHCPv6 client's own; empty if there is none."""
    changing: bool
    """The hardware address is locally administered: likely a random one."""


def tag(key: bytes, what: Identifier, raw: bytes) -> Tag:
    """16 octets that stand for `raw`: HMAC-SHA256 over its kind and itself, cut to half."""
    begun, ending = _keyed(key)
    inner, outer = begun.copy(), ending.copy()
    inner.update(what + raw)
    outer.update(inner.digest())
    return outer.digest()[:TAG_OCTETS]


@lru_cache(maxsize=4)
def _keyed(key: bytes) -> tuple["hashlib._Hash", "hashlib._Hash"]:
    """The two hashes that HMAC is (RFC 2104 §2), with the key taken in: copies of them cost less than one of `hmac.HMAC`
    does, and than a new one. `key` has at most 64 octets."""
    block = key.ljust(_BLOCK, b"\0")
    inner, outer = (bytes(octet ^ mask for octet in block) for mask in (0x36, 0x5C))
    return hashlib.sha256(inner), hashlib.sha256(outer)


def hardware_octets(address: bytes, htype: int = ETHERNET) -> bytes:
    """What the tag of a hardware address is made of, whoever makes it: type octet, address."""
    return bytes((htype & 0xFF,)) + address


def is_changing(address: bytes, htype: int = ETHERNET) -> bool:
    """True if an Ethernet address is locally administered: the bit 0x02 of its first octet (RFC 7042 §2.1)."""
    return htype == ETHERNET and len(address) == ETHERNET_OCTETS and bool(address[0] & 0x02)


def is_station(address: bytes) -> bool:
    """True if one device can have this hardware address: it is neither empty nor all zeros nor a group's (bit 0x01)."""
    return address.strip(b"\0") != b"" and not (len(address) == ETHERNET_OCTETS and address[0] & 0x01)


def is_telling(identifier: bytes) -> bool:
    """True if clients can be told apart by this option 61.

    Whole families of devices send the type octet and nothing but zeros or ones behind it, or less than the RFC's two octets; they
    are told apart by their hardware addresses.
    """
    body = identifier[1:]
    return (
        _MIN_IDENTIFIER <= len(identifier) <= _MAX_IDENTIFIER
        and body.strip(b"\0") != b""
        and body.strip(b"\xff") != b""
    )


def duid_inside(identifier: bytes) -> bytes:
    """The DUID of an option 61 made as RFC 4361 §6.1 says: 255, four octets of IAID, DUID. Empty if it is not one."""
    if not identifier.startswith(_RFC4361):
        return b""
    duid = identifier[5:]
    return duid if MIN_DUID <= len(duid) <= MAX_DUID else b""


def duid_hardware(duid: bytes) -> bytes:
    """`hardware_octets` of the link-layer address in a DUID-LLT or DUID-LL (RFC 8415 §11.2, §11.4); empty if it has none.

    It may be of another interface than the one the client speaks from: good to recognise a device by, not to answer it.
    """
    kind, htype = duid[:2], int.from_bytes(duid[2:4], "big")
    start = {b"\0\1": 8, b"\0\3": 4}.get(kind)
    if start is None or len(duid) <= start or htype > 0xFF:
        return b""
    return hardware_octets(duid[start:], htype)


class Recent:
    """Clients that said something a moment ago: mostly the next message of one comes within milliseconds, a REQUEST after a
    DISCOVER. What they are known by is kept in clear meanwhile, so it is kept for one message more and for few seconds: whoever
    holds it calls `pass_time` at least every `RECENT_SECONDS` while there are any."""

    __slots__ = ("_known", "_since")

    def __init__(self) -> None:
        self._known: dict[tuple[bytes, int, bytes | None], Identity] = {}
        self._since: Instant | None = None
        """From when on time counts; None: nobody was there when it was asked last."""

    def __len__(self) -> int:
        return len(self._known)

    def identify(self, key: bytes, packet: Packet4) -> Identity | None:
        """As `identify` below; `key` is always the same."""
        known, who = self._known, (packet.chaddr, packet.htype, packet.options.get(_CLIENT_IDENTIFIER))
        found = known.pop(who, None)
        if found is None:
            found = identify(key, packet)
            if found is not None:
                if len(known) >= _RECENT:
                    known.clear()
                known[who] = found
        return found

    def pass_time(self, now: Instant) -> None:
        """Forget all of them, if it is time."""
        if self._since is None or not self._known:
            self._since = now if self._known else None
        elif now - self._since >= RECENT_SECONDS:
            self._known.clear()
            self._since = None


def identify(key: bytes, packet: Packet4) -> Identity | None:
    """Who sent it; None if nothing in it tells clients apart (RFC 2131 §4.2)."""
    identifier = packet.options.get(_CLIENT_IDENTIFIER, b"")
    chaddr, htype = packet.chaddr, packet.htype
    hardware = tag(key, _HARDWARE, hardware_octets(chaddr, htype)) if is_station(chaddr) else b""
    if is_telling(identifier):
        client = tag(key, _CLIENT, identifier)
    elif hardware:
        client = hardware
    else:
        return None
    changing = is_changing(chaddr, htype)
    return Identity(client, hardware, identifier, duid_inside(identifier), changing)
