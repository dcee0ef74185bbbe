"""What the kernel says of interfaces, their addresses and of routes (rtnetlink(7)); numbers are in the machine's own order.

message   length u32, type u16, flags u16, sequence u32, port u32, then the body, padded to 4 octets
link      family u8, pad u8, type u16, index i32, flags u32, change u32, then attributes
address   family u8, length u8, flags u8, scope u8, index u32, then attributes
route     family u8, 3 lengths u8, table u8, protocol u8, scope u8, type u8, flags u32, then attributes
attribute length u16, type u16, then the value, padded to 4 octets
"""

import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from wire.errors import Malformed

_HEAD = struct.Struct("=IHHII")
_LINK = struct.Struct("=BxHiII")
_ADDRESS = struct.Struct("=BBBBI")
_ROUTE = struct.Struct("=BBBBBBBBI")
_ATTRIBUTE = struct.Struct("=HH")
_NAMED = struct.Struct("=HH16s")
"""An attribute with the name of an interface; one that leaves no room for a zero (IFNAMSIZ) is refused by the kernel."""
_LIFETIMES = struct.Struct("=II")

_INET, _INET6 = 2, 10
"""Families (linux/socket.h)."""

REQUEST, DUMP = 0x1, 0x300
"""Flags of a message: it asks; it asks for all there are."""

FOREVER = 0xFFFFFFFF
"""A lifetime that does not end."""


class NetlinkType(IntEnum):
    """Types that are read here (linux/netlink.h, linux/rtnetlink.h)."""

    ERROR = 2
    DONE = 3
    NEWLINK = 16
    DELLINK = 17
    GETLINK = 18
    NEWADDR = 20
    DELADDR = 21
    GETADDR = 22
    NEWROUTE = 24
    GETROUTE = 26


class _Flag(IntEnum):
    UP = 0x1
    RUNNING = 0x40
    DADFAILED = 0x08
    TENTATIVE = 0x40


class _Attribute(IntEnum):
    LINK_HARDWARE = 1
    LINK_NAME = 3
    LINK_MTU = 4
    LINK_CHANGES = 35
    ADDRESS = 1
    LOCAL = 2
    LIFETIMES = 6
    FLAGS = 8
    ROUTE_TO = 1
    ROUTE_INTERFACE = 4
    ROUTE_GATEWAY = 5
    ROUTE_SOURCE = 7
    ROUTE_VIA = 18


class LinkNews(NamedTuple):
    """An interface that is there, or is not any more. `up`: switched on, and the cable is in. `changes`: how often the cable was
    pulled out or put in."""

    number: int
    name: str
    hardware: bytes
    mtu: int
    up: bool
    gone: bool
    changes: int = 0


class AddressNews(NamedTuple):
    """An address of an interface. Lifetimes are seconds from when the kernel spoke; None: for ever. `usable` is False while the
    kernel still asks whether somebody else has it (RFC 4862 §5.4), and for good if somebody has."""

    number: int
    address: bytes
    length: int
    preferred: int | None
    valid: int | None
    usable: bool
    gone: bool


class RouteNews(NamedTuple):
    """The way to a destination: the index of the interface, the gateway, and the address of ours that it is reached from; both
    empty if the kernel names none."""

    interface: int
    gateway: bytes
    source: bytes


class Done(NamedTuple):
    """All that was asked for has been told; `error` is an errno, 0 if all went well."""

    error: int


News = LinkNews | AddressNews | RouteNews | Done


def build_dump(kind: NetlinkType, sequence: int) -> bytes:
    """A question for all links (GETLINK) or addresses (GETADDR)."""
    body = _LINK.pack(0, 0, 0, 0, 0) if kind is NetlinkType.GETLINK else _ADDRESS.pack(0, 0, 0, 0, 0)
    return _HEAD.pack(_HEAD.size + len(body), kind, REQUEST | DUMP, sequence, 0) + body


def build_route_question(destination: bytes, sequence: int) -> bytes:
    """Which way packets to an address of 4 or 16 octets would go now; what comes back is a RouteNews, or Done with an errno."""
    family = _INET if len(destination) == 4 else _INET6
    body = _ROUTE.pack(family, 8 * len(destination), 0, 0, 0, 0, 0, 0, 0)
    body += _ATTRIBUTE.pack(_ATTRIBUTE.size + len(destination), _Attribute.ROUTE_TO) + destination
    return _HEAD.pack(_HEAD.size + len(body), NetlinkType.GETROUTE, REQUEST, sequence, 0) + body


def build_link_question(link: int | str, sequence: int) -> bytes:
    """What there is to say of the interface with this index or name: a LinkNews, or Done with an errno."""
    body = _LINK.pack(0, 0, 0 if isinstance(link, str) else link, 0, 0)
    if isinstance(link, str):
        body += _NAMED.pack(_NAMED.size, _Attribute.LINK_NAME, link.encode())
    return _HEAD.pack(_HEAD.size + len(body), NetlinkType.GETLINK, REQUEST, sequence, 0) + body


def parse_news(data: bytes) -> Iterator[News]:
    """What one datagram tells; messages of other types are passed over. Raises Malformed."""
    at, end = 0, len(data)
    while at < end:
        if end - at < _HEAD.size:
            raise Malformed("netlink: no whole header", at)
        length, kind, _, _, _ = _HEAD.unpack_from(data, at)
        if length < _HEAD.size or at + length > end:
            raise Malformed("netlink: wrong length", at)
        body = data[at + _HEAD.size : at + length]
        match kind:
            case NetlinkType.NEWLINK | NetlinkType.DELLINK if body[:1] == b"\0":
                # Of another family it is about a bridge's port.
                yield _link(body, kind == NetlinkType.DELLINK)
            case NetlinkType.NEWADDR | NetlinkType.DELADDR:
                yield _address(body, kind == NetlinkType.DELADDR)
            case NetlinkType.NEWROUTE:
                yield _route(body)
            case NetlinkType.DONE | NetlinkType.ERROR:
                yield Done(_error(body))
            case _:
                pass
        at += (length + 3) & ~3


def _error(body: bytes) -> int:
    if len(body) < 4:
        raise Malformed("netlink: no error number")
    return -int(struct.unpack_from("=i", body)[0])


def _link(body: bytes, gone: bool) -> LinkNews:
    if len(body) < _LINK.size:
        raise Malformed("netlink: no whole link")
    _, _, number, flags, _ = _LINK.unpack_from(body)
    found = _attributes(body, _LINK.size)
    name = found.get(_Attribute.LINK_NAME, b"").rstrip(b"\0").decode("utf-8", "replace")
    both = _Flag.UP | _Flag.RUNNING
    hardware, up = found.get(_Attribute.LINK_HARDWARE, b""), flags & both == both
    mtu, changes = _number(found, _Attribute.LINK_MTU), _number(found, _Attribute.LINK_CHANGES)
    return LinkNews(number, name, hardware, mtu, up, gone, changes)


def _route(body: bytes) -> RouteNews:
    if len(body) < _ROUTE.size:
        raise Malformed("netlink: no whole route")
    found = _attributes(body, _ROUTE.size)
    gateway = found.get(_Attribute.ROUTE_GATEWAY) or found.get(_Attribute.ROUTE_VIA, b"")
    return RouteNews(_number(found, _Attribute.ROUTE_INTERFACE), gateway, found.get(_Attribute.ROUTE_SOURCE, b""))


def _number(found: dict[int, bytes], kind: int) -> int:
    octets = found.get(kind, b"")
    return int(struct.unpack("=I", octets)[0]) if len(octets) == 4 else 0


def _address(body: bytes, gone: bool) -> AddressNews:
    if len(body) < _ADDRESS.size:
        raise Malformed("netlink: no whole address")
    _, length, flags, _, number = _ADDRESS.unpack_from(body)
    found = _attributes(body, _ADDRESS.size)
    # On a point-to-point link ADDRESS is the other side's.
    address = found.get(_Attribute.LOCAL) or found.get(_Attribute.ADDRESS, b"")
    if len(address) not in (4, 16) or length > 8 * len(address):
        raise Malformed("netlink: no IP address")
    if len(octets := found.get(_Attribute.FLAGS, b"")) == 4:
        flags = struct.unpack("=I", octets)[0]
    usable = not flags & (_Flag.TENTATIVE | _Flag.DADFAILED)
    preferred, valid = _lifetimes(found.get(_Attribute.LIFETIMES, b""))
    return AddressNews(number, address, length, preferred, valid, usable, gone)


def _lifetimes(octets: bytes) -> tuple[int | None, int | None]:
    if len(octets) < _LIFETIMES.size:
        return None, None
    preferred, valid = _LIFETIMES.unpack_from(octets)
    return (None if preferred == FOREVER else preferred), (None if valid == FOREVER else valid)


def _attributes(body: bytes, at: int) -> dict[int, bytes]:
    found = {}
    while at + _ATTRIBUTE.size <= len(body):
        length, kind = _ATTRIBUTE.unpack_from(body, at)
        if length < _ATTRIBUTE.size or at + length > len(body):
            raise Malformed("netlink: wrong length of an attribute", at)
        # The two highest bits are flags (NLA_F_NESTED, NLA_F_NET_BYTEORDER).
        found[kind & 0x3FFF] = body[at + _ATTRIBUTE.size : at + length]
        at += (length + 3) & ~3
    return found
