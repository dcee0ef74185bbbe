"""A device as its operator names it, and everything by which it may be found: tags here, spellings in files."""

import ipaddress
import re
from collections.abc import Callable
from typing import NamedTuple

from dhcp.identity import Identifier, hardware_octets
from dhcp.values import Lease, Tag

MIN_NEEDLE = 4
"""Octets below which a find would mean nothing: any three are somewhere in a megabyte."""
_MAX_IDENTIFIER = 255
_HEX = re.compile(r"[0-9a-f]{2}([:-]?[0-9a-f]{2})*|[0-9a-f]{4}(\.[0-9a-f]{4})+")
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_ETHERNET_OCTETS = 6
_ONE = b"\1"
"""The type octet before an Ethernet address in a client identifier (RFC 2132 §9.14)."""
_LINK_LAYER = b"\0\3\0\1"
"""How a DUID of an Ethernet address begins (RFC 8415 §11.4)."""


class BadDevice(Exception):
    """What was given names no device; the text says what would."""


class Device(NamedTuple):
    """One of these: octets of an identifier, an address, or a name. All others are empty."""

    identifier: bytes = b""
    address: bytes = b""
    name: str = ""

    def tags(self, tag: Callable[[Identifier, bytes], Tag]) -> frozenset[Tag]:
        """Every tag that the identifier may have; none of an address or a name."""
        raw = self.identifier
        if not raw:
            return frozenset()
        found = {tag(Identifier.CLIENT, raw), tag(Identifier.DUID, raw)}
        for hardware in hardware_inside(raw):
            found.add(tag(Identifier.HARDWARE, hardware_octets(hardware)))
            found.add(tag(Identifier.CLIENT, _ONE + hardware))
            found.add(tag(Identifier.DUID, _LINK_LAYER + hardware))
        return frozenset(found)

    def is_of(self, lease: Lease, tags: frozenset[Tag]) -> bool:
        """Whether a lease is this device's. `tags` are its own."""
        if self.address:
            return lease.address == self.address
        if self.name:
            return lease.name == self.name
        return lease.client in tags or lease.hardware in tags


def read_device(text: str) -> Device:
    """A device out of what somebody typed. Raises BadDevice."""
    folded = text.strip().lower()
    try:
        return Device(address=ipaddress.ip_address(folded).packed)
    except ValueError:
        pass
    octets = re.sub(r"[:.-]", "", folded)
    # A name of six letters a to f and digits is one; an identifier of three octets is nobody's.
    if _HEX.fullmatch(folded) and len(octets) >= 2 * _ETHERNET_OCTETS and len(octets) <= 2 * _MAX_IDENTIFIER:
        return Device(identifier=bytes.fromhex(octets))
    if _NAME.fullmatch(folded):
        return Device(name=folded)
    raise BadDevice(
        f"{text!r} names no device: give a hardware address (02:00:5e:10:00:01), a client identifier or DUID in hexadecimal"
        " (six octets or more), an IP address, or a name without its domain"
    )


def hardware_inside(identifier: bytes) -> tuple[bytes, ...]:
    """Ethernet addresses that an identifier is or is made of (RFC 2132 §9.14, RFC 8415 §11.2 and §11.4)."""
    found = []
    if len(identifier) == _ETHERNET_OCTETS:
        found.append(identifier)
    elif len(identifier) == 1 + _ETHERNET_OCTETS and identifier[:1] == _ONE:
        found.append(identifier[1:])
    elif identifier[:4] in (_LINK_LAYER, b"\0\1\0\1") and len(identifier) >= len(_LINK_LAYER) + _ETHERNET_OCTETS:
        found.append(identifier[-_ETHERNET_OCTETS:])
    return tuple(found)


class Needle(NamedTuple):
    """Octets to look for in files. `folded`: in any case of letters."""

    what: str
    octets: bytes
    folded: bool


def spellings(what: str, identifier: bytes) -> list[Needle]:
    """The usual ways to write an identifier: as it is, and in hexadecimal with and without signs between."""
    found = [Needle(f"{what}, as octets", identifier, False)]
    forms = {identifier.hex(), identifier.hex(":"), identifier.hex("-"), identifier.hex(".", 2)}
    found += [Needle(f"{what}, in hexadecimal", form.encode(), True) for form in sorted(forms)]
    return [needle for needle in found if len(needle.octets) >= MIN_NEEDLE]


def needles(device: Device, leases: tuple[Lease, ...], tags: frozenset[Tag]) -> list[Needle]:
    """Everything by which the device could be found: of what was typed, of the leases it had, of its tags."""
    found: list[Needle] = []
    for identifier in {device.identifier, *(lease.identifier for lease in leases)} - {b""}:
        found += spellings("identifier", identifier)
        for hardware in hardware_inside(identifier):
            found += spellings("hardware address", hardware)
    for tag in sorted({*tags, *(tag for lease in leases for tag in (lease.client, lease.hardware))} - {b""}):
        found += spellings("tag", tag)
    for name in sorted({device.name, *(lease.name for lease in leases)} - {""}):
        if len(name) >= MIN_NEEDLE:
            found.append(Needle("name", name.encode(), True))
    return list(dict.fromkeys(found))
