"""Which addresses are of the inside, and which of the Internet. Pure."""

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

from resolver.policy.prefix64 import prefix64_of

_V4 = (
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"),
    # DS-Lite's own links (RFC 6333 §5.7); the rest of 192.0.0.0/24 has the well-known addresses of RFC 7050.
    "192.0.0.0/29",
    # Benchmarks (RFC 2544) and what is reserved, the broadcast address with it (RFC 1112 §4): used on the inside only.
    *("198.18.0.0/15", "240.0.0.0/4"),
)
"""This network, private, shared (RFC 6598), loopback, link-local: what is not globally reachable by IANA's registry (RFC 6890),
but for documentation, which is nowhere, and multicast, to which no connection can be made."""

_COMPATIBLE, _MAPPED = bytes(12), bytes(10) + b"\xff\xff"
_TRANSLATED = bytes(8) + b"\xff\xff\0\0"
_WELL_KNOWN_64 = bytes.fromhex("0064ff9b") + bytes(8)
_HOLDERS = frozenset((_COMPATIBLE, _MAPPED, _TRANSLATED, _WELL_KNOWN_64))
"""The first 12 octets of IPv6 addresses whose last four are an IPv4 address: RFC 4291 §2.5.5 (the loopback and the unspecified
address come out as 0.0.0.1 and 0.0.0.0), RFC 2765 §2.1, RFC 6052 §2.1."""

_LOCAL_USE_64 = bytes.fromhex("0064ff9b0001")
"""64:ff9b:1::/48 (RFC 8215): where in it the IPv4 address stands is each network's own, and so is where it leads."""

_TEREDO, _SIX_TO_FOUR, _BENCHMARKS = b"\x20\x01\0\0", b"\x20\x02", b"\x20\x01\0\x02\0\0"
"""RFC 4380 §4, RFC 3056 §2, RFC 5180."""

_ISATAP = frozenset((b"\0\0\x5e\xfe", b"\2\0\x5e\xfe"))
"""The first half of an interface identifier whose second half is an IPv4 address (RFC 5214 §6.1)."""


def _ranges(networks: Iterable[str]) -> dict[int, tuple[tuple[int, int], ...]]:
    """By the first octet: first and last of the following three, as numbers."""
    found: dict[int, tuple[tuple[int, int], ...]] = {}
    for network in map(ipaddress.IPv4Network, networks):
        first, last = int(network.network_address), int(network.broadcast_address)
        for octet in range(first >> 24, (last >> 24) + 1):
            low, high = max(first, octet << 24) & 0xFFFFFF, min(last, (octet << 24) + 0xFFFFFF) & 0xFFFFFF
            found[octet] = (*found.get(octet, ()), (low, high))
    return found


_RANGES = _ranges(_V4)


def is_inside_v4(address: bytes) -> bool:
    """Whether four octets are an address that is reached on the inside only."""
    ranges = _RANGES.get(address[0])
    if ranges is None:
        return False
    rest = int.from_bytes(address[1:], "big")
    return any(low <= rest <= high for low, high in ranges)


def is_inside_v6(address: bytes) -> bool:
    """The same of 16 octets. An IPv4 address in it decides, where there is one."""
    first = address[0]
    if first >= 0xFC:
        # Unique local fc00::/7; link-local fe80::/10 and site-local fec0::/10 (RFC 3879).
        return first < 0xFE or (first == 0xFE and address[1] >= 0x80)
    if not first:
        head = address[:12]
        return is_inside_v4(address[12:]) if head in _HOLDERS else head.startswith(_LOCAL_USE_64)
    if first == 0x20:
        if address.startswith(_TEREDO):
            client = bytes(octet ^ 0xFF for octet in address[12:])
            return is_inside_v4(client) or is_inside_v4(address[4:8])
        if address.startswith(_SIX_TO_FOUR) and is_inside_v4(address[2:6]):
            return True
        if address.startswith(_BENCHMARKS):
            return True
    return address[8:12] in _ISATAP and is_inside_v4(address[12:])


_UNICAST = ipaddress.IPv6Network("2000::/3")
"""All of IPv6 that is given out (RFC 4291 §2.4)."""


@lru_cache(maxsize=8_192)
def is_public(address: str, nat64: str = "") -> bool:
    """Whether a literal is public unicast; an IPv4 address inside an IPv6 one counts as itself, also below the prefix of
    the network's own translator (`nat64`)."""
    value = ipaddress.ip_address(address)
    if isinstance(value, ipaddress.IPv6Address):
        translated = prefix64_of(nat64).extract(value.packed) if nat64 else None
        if translated is None and is_inside_v6(value.packed):
            return False
        inner = _embedded(value) if translated is None else ipaddress.IPv4Address(translated)
        if inner is None and value not in _UNICAST:
            return False
        value = inner or value
    return value.is_global and not value.is_multicast


def _embedded(value: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 one stands for."""
    if value.packed.startswith(_WELL_KNOWN_64):
        return ipaddress.IPv4Address(value.packed[12:])
    return value.ipv4_mapped or value.sixtofour
