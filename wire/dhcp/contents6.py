"""What else DHCPv6 options hold: who the client is, what it asks for, what it is called.

option request   numbers, u16 each                                        (RFC 8415 §21.7)
user class       length u16, octets; again and again                      (§21.15)
vendor class     enterprise u32, then as the user class                   (§21.16)
vendor options   enterprise u32, then options                             (§21.17)
FQDN             flags u8, a name without its root if it is not complete  (RFC 4704 §4)
link layer       hardware type u16, address                               (RFC 6939 §4)
remote id        enterprise u32, octets                                   (RFC 4649 §3)
"""

from typing import NamedTuple

from wire.dhcp.packet6 import MAX_OPTIONS, Options, build_options6, parse_options6
from wire.errors import Malformed

MAX_REQUESTED = 256
"""Numbers of an option request that are read; more are there to cost time."""

FQDN_SERVER_UPDATES, FQDN_OVERRIDE, FQDN_NO_UPDATE = 1, 2, 4
"""Flags S, O and N (RFC 4704 §4.1)."""


class VendorClass(NamedTuple):
    """Of which make a client is."""

    enterprise: int
    values: tuple[bytes, ...]


class VendorOptions(NamedTuple):
    """Options that a vendor numbers itself."""

    enterprise: int
    options: Options


class ClientName(NamedTuple):
    """A client FQDN option."""

    flags: int
    labels: tuple[bytes, ...]
    """As written, without the root."""
    complete: bool
    """Ends at the root; otherwise the domain is ours to add."""


class LinkLayer(NamedTuple):
    """A hardware address and its type (1: Ethernet)."""

    kind: int
    address: bytes


def parse_numbers(data: bytes) -> tuple[int, ...]:
    """Numbers of 16 bits: an option request (at most 256 of it), an echo request, client architectures. Raises Malformed."""
    if len(data) % 2:
        raise Malformed("half a number", len(data))
    return tuple(int.from_bytes(data[at : at + 2], "big") for at in range(0, min(len(data), 2 * MAX_REQUESTED), 2))


def build_numbers(numbers: tuple[int, ...]) -> bytes:
    """Numbers of 16 bits."""
    return b"".join(number.to_bytes(2, "big") for number in numbers)


def parse_number(data: bytes, size: int) -> int:
    """The only number of an option, of `size` octets: elapsed time (hundredths of a second), preference, a time. Raises
    Malformed."""
    if len(data) != size:
        raise Malformed("number of the wrong size", 0)
    return int.from_bytes(data, "big")


def parse_user_class(data: bytes) -> tuple[bytes, ...]:
    """The values of a user class, one or more. Raises Malformed."""
    values: list[bytes] = []
    at, end = 0, len(data)
    while at < end or not values:
        stop = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if at + 2 > end or stop > end or len(values) >= MAX_OPTIONS:
            raise Malformed("class data cut off or too many", at)
        values.append(data[at + 2 : stop])
        at = stop
    return tuple(values)


def build_user_class(values: tuple[bytes, ...]) -> bytes:
    """The octets of a user class."""
    return b"".join(len(value).to_bytes(2, "big") + value for value in values)


def parse_vendor_class(data: bytes) -> VendorClass:
    """A vendor class. Raises Malformed."""
    return VendorClass(_enterprise(data), parse_user_class(data[4:]))


def build_vendor_class(vendor: VendorClass) -> bytes:
    """The octets of a vendor class."""
    return vendor.enterprise.to_bytes(4, "big") + build_user_class(vendor.values)


def parse_vendor_options(data: bytes) -> VendorOptions:
    """Vendor-specific information. Raises Malformed."""
    return VendorOptions(_enterprise(data), parse_options6(data, 4))


def build_vendor_options(vendor: VendorOptions) -> bytes:
    """The octets of vendor-specific information."""
    return vendor.enterprise.to_bytes(4, "big") + build_options6(vendor.options)


def _enterprise(data: bytes) -> int:
    if len(data) < 4:
        raise Malformed("enterprise number cut off", len(data))
    return int.from_bytes(data[:4], "big")


def parse_client_name(data: bytes) -> ClientName:
    """A client FQDN option; no compression (RFC 4704 §4.2), at most 255 octets. Raises Malformed."""
    if not data or len(data) > 256:
        raise Malformed("client FQDN without flags, or too long", 0)
    labels: list[bytes] = []
    at, end = 1, len(data)
    while at < end and (length := data[at]):
        stop = at + 1 + length
        if length > 63 or stop > end:
            raise Malformed("label cut off, or of a type not in use", at)
        labels.append(data[at + 1 : stop])
        at = stop
    if at < end - 1:
        raise Malformed("octets behind the name", at)
    return ClientName(data[0], tuple(labels), complete=at < end)


def build_client_name(name: ClientName) -> bytes:
    """The octets of a client FQDN option."""
    labels = b"".join(bytes((len(label),)) + label for label in name.labels)
    return bytes((name.flags,)) + labels + (b"\0" if name.complete else b"")


def parse_link_layer(data: bytes) -> LinkLayer:
    """The client's hardware address as its relay saw it. Raises Malformed."""
    if not 3 <= len(data) <= 34:
        raise Malformed("hardware address cut off or too long", len(data))
    return LinkLayer(int.from_bytes(data[:2], "big"), data[2:])
