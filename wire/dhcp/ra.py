"""Router solicitations and advertisements (RFC 4861 §4.1, §4.2).

0  type u8, code u8, checksum u16 (the kernel's for raw ICMPv6 sockets)
4  of an advertisement: hop limit u8, flags u8, router lifetime u16
8  reachable time u32, retransmission u32, both in milliseconds
16 options (of a solicitation: from 8 on)
"""

import struct
from typing import NamedTuple

from wire.dhcp.associations6 import network
from wire.dhcp.dnr import Resolver, parse_dnr_parameters
from wire.dhcp.names import build_names, parse_names
from wire.dhcp.neighbour import (
    SOURCE_LINK_LAYER,
    UNSPECIFIED,
    build_nd_option,
    parse_nd_options,
    require_neighbour,
)
from wire.dns.names import ROOT, parse_name
from wire.dns.svcb import build_parameters
from wire.errors import Malformed

ROUTER_SOLICITATION, ROUTER_ADVERTISEMENT = 133, 134
ALL_NODES = b"\xff\2" + bytes(13) + b"\1"
ALL_ROUTERS = b"\xff\2" + bytes(13) + b"\2"

_PREFIX, _MTU, _ROUTE, _RDNSS, _DNSSL, _PORTAL, _PREF64, _DNR = 3, 5, 24, 25, 31, 37, 38, 144
_HEAD = struct.Struct("!BBHBBHII")
_PIO = struct.Struct("!BBIII16s")
_PREFERENCES = {0: 0x00, 1: 0x08, -1: 0x18}
"""RFC 4191 §2.1."""
_ON_LINK, _AUTONOMOUS, _DELEGATES = 0x80, 0x40, 0x10
_MANAGED, _OTHER = 0x80, 0x40
_LENGTHS64 = (96, 64, 56, 48, 40, 32)
"""RFC 8781 §4: the length of a PREF64 by its code."""
MAX_LIFETIME64 = 65_528
"""13 bits of eight seconds."""


class PrefixInformation(NamedTuple):
    """RFC 4861 §4.6.2. Lifetimes in seconds. The bits of `prefix` behind `length` are zero."""

    prefix: bytes
    length: int
    valid: int
    preferred: int
    on_link: bool = True
    autonomous: bool = True
    delegates: bool = False
    """The P flag: ask DHCPv6 for a prefix of your own instead (RFC 9762 §4)."""


class Route(NamedTuple):
    """RFC 4191 §2.3. `preference` -1, 0 or 1."""

    prefix: bytes
    length: int
    lifetime: int
    preference: int = 0


class Servers(NamedTuple):
    """RDNSS (RFC 8106 §5.1)."""

    lifetime: int
    addresses: tuple[bytes, ...]


class Search(NamedTuple):
    """DNSSL (RFC 8106 §5.2). `names` in the form of DNS messages."""

    lifetime: int
    names: tuple[bytes, ...]


class Prefix64(NamedTuple):
    """RFC 8781 §4. `length` is 96, 64, 56, 48, 40 or 32; `lifetime` at most 65,528, rounded up to a multiple of eight."""

    prefix: bytes
    length: int
    lifetime: int


class Encrypted(NamedTuple):
    """An encrypted resolver (RFC 9463 §6.1)."""

    lifetime: int
    resolver: Resolver


class RouterSolicitation(NamedTuple):
    """A host wants to know now."""

    link_layer: bytes = b""


class RouterAdvertisement(NamedTuple):
    """What a router says. Times are in seconds where nothing else is said; 0 where it does not say."""

    hop_limit: int = 0
    managed: bool = False
    other: bool = False
    preference: int = 0
    """-1, 0 or 1; 0 where `lifetime` is 0 (RFC 4191 §2.2)."""
    lifetime: int = 0
    reachable: int = 0
    retransmit: int = 0
    """Milliseconds, both."""
    link_layer: bytes = b""
    mtu: int = 0
    prefixes: tuple[PrefixInformation, ...] = ()
    servers: tuple[Servers, ...] = ()
    search: tuple[Search, ...] = ()
    encrypted: tuple[Encrypted, ...] = ()
    nat64: tuple[Prefix64, ...] = ()
    routes: tuple[Route, ...] = ()
    captive_portal: str = ""


def parse_router_solicitation(data: bytes, hop_limit: int, source: bytes) -> RouterSolicitation:
    """A message from `source`. Raises Malformed where RFC 4861 §6.1.1 says that it is not to be believed."""
    require_neighbour(data, ROUTER_SOLICITATION, hop_limit, 8)
    found = [content for kind, content in parse_nd_options(data, 8) if kind == SOURCE_LINK_LAYER]
    if found and source == UNSPECIFIED:
        raise Malformed("a link-layer address of who has no address")
    return RouterSolicitation(found[0] if found else b"")


def build_router_solicitation(link_layer: bytes = b"") -> bytes:
    """As a host sends it to all routers."""
    option = build_nd_option(SOURCE_LINK_LAYER, link_layer) if link_layer else b""
    return bytes((ROUTER_SOLICITATION,)) + bytes(7) + option


# --- building -----------------------------------------------------------------------------------------------------------


class Fitted(NamedTuple):
    """A message, and how many options had no place in it."""

    data: bytes
    left_out: int


def fit_router_advertisement(said: RouterAdvertisement, limit: int) -> Fitted:
    """The message in at most `limit` octets: fragments of neighbour discovery are not read (RFC 6980), so what does not fit is
    left out, the least needed first. Raises ValueError for what has no form as octets."""
    lifetime = said.lifetime
    preference = _PREFERENCES[said.preference] if lifetime else 0
    flags = _MANAGED * said.managed | _OTHER * said.other | preference
    head = _HEAD.pack(ROUTER_ADVERTISEMENT, 0, 0, said.hop_limit, flags, lifetime, said.reachable, said.retransmit)
    options = _build_options(said)
    kept, size = [], len(head)
    for option in options:
        if size + len(option) <= limit:
            kept.append(option)
            size += len(option)
    return Fitted(head + b"".join(kept), len(options) - len(kept))


def build_router_advertisement(said: RouterAdvertisement) -> bytes:
    """The message, of whatever length. Raises ValueError for what has no form as octets."""
    return fit_router_advertisement(said, 65_535).data


def _build_options(said: RouterAdvertisement) -> list[bytes]:
    """What hosts need most first."""
    made = [build_nd_option(SOURCE_LINK_LAYER, said.link_layer)] if said.link_layer else []
    made += [build_nd_option(_MTU, bytes(2) + said.mtu.to_bytes(4, "big"))] if said.mtu else []
    made += map(_build_prefix, said.prefixes)
    made += [build_nd_option(_RDNSS, _timed(one.lifetime) + b"".join(one.addresses)) for one in said.servers]
    made += map(_build_encrypted, said.encrypted)
    made += map(_build_prefix64, said.nat64)
    made += [build_nd_option(_DNSSL, _timed(one.lifetime) + build_names(one.names, False)) for one in said.search]
    made += map(_build_route, said.routes)
    made += [build_nd_option(_PORTAL, said.captive_portal.encode())] if said.captive_portal else []
    return made


def _timed(lifetime: int) -> bytes:
    return bytes(2) + lifetime.to_bytes(4, "big")


def _build_prefix(one: PrefixInformation) -> bytes:
    flags = _ON_LINK * one.on_link | _AUTONOMOUS * one.autonomous | _DELEGATES * one.delegates
    return build_nd_option(_PREFIX, _PIO.pack(one.length, flags, one.valid, one.preferred, 0, one.prefix))


def _build_route(one: Route) -> bytes:
    octets = one.prefix[: (one.length + 63) // 64 * 8]
    head = bytes((one.length, _PREFERENCES[one.preference])) + one.lifetime.to_bytes(4, "big")
    return build_nd_option(_ROUTE, head + octets)


def _build_prefix64(one: Prefix64) -> bytes:
    """> the receiver … scaled lifetime … in units of 8 seconds (RFC 8781 §4); rounded up, so that it never becomes shorter."""
    scaled = min((one.lifetime + 7) // 8, MAX_LIFETIME64 // 8)
    return build_nd_option(_PREF64, (scaled << 3 | _LENGTHS64.index(one.length)).to_bytes(2, "big") + one.prefix[:12])


def _build_encrypted(one: Encrypted) -> bytes:
    resolver = one.resolver
    parts = (resolver.name, b"".join(resolver.addresses), build_parameters(resolver.parameters))
    head = resolver.priority.to_bytes(2, "big") + one.lifetime.to_bytes(4, "big")
    return build_nd_option(_DNR, head + b"".join(len(part).to_bytes(2, "big") + part for part in parts))


# --- parsing ------------------------------------------------------------------------------------------------------------


def parse_router_advertisement(data: bytes, hop_limit: int, source: bytes) -> RouterAdvertisement:
    """A message from `source`. Raises Malformed where RFC 4861 §6.1.2 says that it is not to be believed, and for options that do
    not follow their format; others are passed over."""
    require_neighbour(data, ROUTER_ADVERTISEMENT, hop_limit, _HEAD.size)
    if source[:1] != b"\xfe" or source[1] & 0xC0 != 0x80:
        raise Malformed("a router speaks from its link-local address")
    options = parse_nd_options(data, _HEAD.size)
    _, _, _, hops, flags, lifetime, reachable, retransmit = _HEAD.unpack_from(data)

    def every(kind: int) -> list[bytes]:
        return [content for number, content in options if number == kind]

    portals = every(_PORTAL)
    return RouterAdvertisement(
        hops, bool(flags & _MANAGED), bool(flags & _OTHER), _preference(flags) or 0 if lifetime else 0,
        lifetime, reachable, retransmit,
        next(iter(every(SOURCE_LINK_LAYER)), b""),
        next((_number(content[2:6]) for content in every(_MTU)), 0),
        tuple(map(_parse_prefix, every(_PREFIX))),
        tuple(map(_parse_servers, every(_RDNSS))),
        tuple(map(_parse_search, every(_DNSSL))),
        tuple(map(_parse_encrypted, every(_DNR))),
        tuple(one for content in every(_PREF64) if (one := _parse_prefix64(content)) is not None),
        tuple(route for content in every(_ROUTE) if (route := _parse_route(content)) is not None),
        portals[0].rstrip(b"\0").decode("utf-8", "replace") if portals else "",
    )  # fmt: skip


def _number(octets: bytes) -> int:
    return int.from_bytes(octets, "big")


def _preference(flags: int) -> int | None:
    """None: reserved (RFC 4191 §2.1)."""
    return next((preference for preference, bits in _PREFERENCES.items() if flags & 0x18 == bits), None)


def _parse_prefix(content: bytes) -> PrefixInformation:
    if len(content) != _PIO.size or content[0] > 128:
        raise Malformed("prefix of the wrong size")
    length, flags, valid, preferred, _, prefix = _PIO.unpack(content)
    return PrefixInformation(
        network(prefix, length), length, valid, preferred,
        bool(flags & _ON_LINK), bool(flags & _AUTONOMOUS), bool(flags & _DELEGATES),
    )  # fmt: skip


def _parse_route(content: bytes) -> Route | None:
    """None: of a reserved preference, which MUST be ignored (RFC 4191 §2.3)."""
    length, octets = content[0], content[6:]
    if length > 128 or len(octets) not in (0, 8, 16) or 8 * len(octets) < length:
        raise Malformed("route of the wrong size")
    preference = _preference(content[1])
    if preference is None:
        return None
    return Route(network(octets.ljust(16, b"\0"), length), length, _number(content[2:6]), preference)


def _parse_servers(content: bytes) -> Servers:
    addresses = content[6:]
    if not addresses or len(addresses) % 16:
        raise Malformed("no servers, or half of one")
    several = tuple(addresses[at : at + 16] for at in range(0, len(addresses), 16))
    return Servers(_number(content[2:6]), several)


def _parse_search(content: bytes) -> Search:
    names = content[6:].rstrip(b"\0")
    if not names:
        raise Malformed("a search list without names")
    return Search(_number(content[2:6]), parse_names(names + b"\0"))


def _parse_prefix64(content: bytes) -> Prefix64 | None:
    """None: of a reserved length, which MUST be ignored (RFC 8781 §4)."""
    if len(content) != 14:
        raise Malformed("PREF64 of the wrong size")
    word = _number(content[:2])
    if word & 7 >= len(_LENGTHS64):
        return None
    length = _LENGTHS64[word & 7]
    return Prefix64(network(content[2:] + bytes(4), length), length, 8 * (word >> 3))


def _parse_encrypted(content: bytes) -> Encrypted:
    parts, at = [], 6
    for _ in range(3):
        start = at + 2
        at = start + _number(content[start - 2 : start])
        if at > len(content):
            raise Malformed("encrypted resolver cut off")
        parts.append(content[start:at])
        if at + 2 > len(content):
            break
    name, addresses, parameters = (*parts, b"", b"")[:3]
    owner, end = parse_name(name, 0)
    if end != len(name) or owner == ROOT or len(addresses) % 16:
        raise Malformed("encrypted resolver without a whole name, or with half an address")
    several = tuple(addresses[place : place + 16] for place in range(0, len(addresses), 16))
    # Without addresses it is of the kind that has a name only; what stands behind it has no meaning.
    found = parse_dnr_parameters(parameters) if several else ()
    return Encrypted(_number(content[2:6]), Resolver(_number(content[:2]), owner, several, found))
