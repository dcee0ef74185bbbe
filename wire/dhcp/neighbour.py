"""Neighbour discovery: does somebody have this address? (RFC 4861 §4.3, §4.4, RFC 4862 §5.4)

0  type u8, code u8, checksum u16 (the kernel's for raw ICMPv6 sockets)
4  flags u8 (of an advertisement), nothing
8  target: 16 octets
24 options: type u8, length u8 in units of eight octets with these two, octets
"""

from typing import NamedTuple

from wire.errors import Malformed

NEIGHBOUR_SOLICITATION, NEIGHBOUR_ADVERTISEMENT = 135, 136
SOURCE_LINK_LAYER, TARGET_LINK_LAYER, NONCE = 1, 2, 14
"""RFC 4861 §4.6.1, RFC 7527 §4.1."""

MAX_ND_OPTIONS = 64
"""Options of one message that are read."""

HOP_LIMIT = 255
"""What every message of neighbour discovery has, so that none comes through a router (RFC 4861 §11.2)."""

UNSPECIFIED = bytes(16)

_HEAD = 24
_ROUTER, _SOLICITED, _OVERRIDE = 0x80, 0x40, 0x20


class Solicitation(NamedTuple):
    """Somebody looks for `target`; from the unspecified address: to have it itself."""

    target: bytes
    link_layer: bytes = b""
    nonce: bytes = b""


class Advertisement(NamedTuple):
    """Somebody has `target`."""

    target: bytes
    router: bool
    solicited: bool
    override: bool
    link_layer: bytes = b""


def solicited_node(address: bytes) -> bytes:
    """The multicast address at which the holder of `address` listens (RFC 4291 §2.7.1)."""
    return b"\xff\2" + bytes(9) + b"\1\xff" + address[13:]


def parse_nd_options(data: bytes, at: int) -> tuple[tuple[int, bytes], ...]:
    """Type and octets (without type and length) of the options from `at` on, at most 64. Raises Malformed.

    > All included options have a length that is greater than zero (RFC 4861 §6.1.1, §6.1.2, §7.1.1, §7.1.2)
    """
    options: list[tuple[int, bytes]] = []
    end = len(data)
    while at < end:
        size = 8 * data[at + 1] if at + 1 < end else 0
        if not 0 < size <= end - at or len(options) >= MAX_ND_OPTIONS:
            raise Malformed("options cut off, empty or too many", at)
        options.append((data[at], data[at + 2 : at + size]))
        at += size
    return tuple(options)


def build_nd_option(kind: int, content: bytes) -> bytes:
    """An option, filled up with zeros to a multiple of eight octets. Raises ValueError if it is too long."""
    units = (len(content) + 9) // 8
    if units > 255:
        raise ValueError("an option of neighbour discovery has at most 2,040 octets")
    return (bytes((kind, units)) + content).ljust(8 * units, b"\0")


def require_neighbour(data: bytes, kind: int, hop_limit: int, least: int) -> None:
    """Raises Malformed unless this is a message of the type `kind` with at least so many octets, from this very link."""
    if hop_limit != HOP_LIMIT:
        raise Malformed("came through a router")
    if len(data) < least or data[0] != kind or data[1] != 0:
        raise Malformed("of another type or code, or too short", 0)


def build_neighbour_solicitation(target: bytes, nonce: bytes = b"") -> bytes:
    """Asks whether somebody has `target`, for who has no address yet: it goes from the unspecified address to
    `solicited_node(target)`, with hop limit 255, and so has no link-layer address (RFC 4861 §4.3)."""
    option = build_nd_option(NONCE, nonce) if nonce else b""
    return bytes((NEIGHBOUR_SOLICITATION,)) + bytes(7) + target + option


def parse_neighbour_solicitation(data: bytes, hop_limit: int, source: bytes, destination: bytes) -> Solicitation:
    """A message from `source` to `destination`. Raises Malformed where RFC 4861 §7.1.1 says that it is not to be believed."""
    require_neighbour(data, NEIGHBOUR_SOLICITATION, hop_limit, _HEAD)
    target, options = data[8:24], parse_nd_options(data, _HEAD)
    link_layer = _first(options, SOURCE_LINK_LAYER)
    if target[0] == 0xFF:
        raise Malformed("nobody has a group", 8)
    if source == UNSPECIFIED and (destination != solicited_node(target) or link_layer):
        raise Malformed("without an address it goes to the group of its target, and says none of its own")
    return Solicitation(target, link_layer, _first(options, NONCE))


def parse_neighbour_advertisement(data: bytes, hop_limit: int, destination: bytes) -> Advertisement:
    """A message to `destination`. Raises Malformed where RFC 4861 §7.1.2 says that it is not to be believed."""
    require_neighbour(data, NEIGHBOUR_ADVERTISEMENT, hop_limit, _HEAD)
    flags, target, options = data[4], data[8:24], parse_nd_options(data, _HEAD)
    if target[0] == 0xFF or (destination[:1] == b"\xff" and flags & _SOLICITED):
        raise Malformed("nobody has a group, and what was asked for goes to who asked", 4)
    return Advertisement(
        target,
        bool(flags & _ROUTER),
        bool(flags & _SOLICITED),
        bool(flags & _OVERRIDE),
        _first(options, TARGET_LINK_LAYER),
    )


def build_neighbour_advertisement(found: Advertisement) -> bytes:
    """As a holder says it."""
    flags = _ROUTER * found.router | _SOLICITED * found.solicited | _OVERRIDE * found.override
    option = build_nd_option(TARGET_LINK_LAYER, found.link_layer) if found.link_layer else b""
    return bytes((NEIGHBOUR_ADVERTISEMENT, 0, 0, 0, flags, 0, 0, 0)) + found.target + option


def _first(options: tuple[tuple[int, bytes], ...], kind: int) -> bytes:
    return next((content for number, content in options if number == kind), b"")
