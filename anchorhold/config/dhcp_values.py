"""What `[dhcp]` writes as text: ranges, hardware addresses, identifiers, labels, names of interfaces."""

import ipaddress
import re
from dataclasses import dataclass

from anchorhold.config.errors import Wrong
from anchorhold.config.names import Address, Network, read_address, read_network

MAX_OCTETS = 255
"""Of anything that a class or a reservation compares with an option."""

HARDWARE_LENGTH = 6
LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
"""A host's label (RFC 1123 §2.1), lower case."""

UNPUBLISHED = frozenset({"localhost", "wpad", "isatap", "_gateway", "local", "localdomain", "invalid", "onion"})
"""Names that mean something else to programs, so nobody gets them."""

_HEX = re.compile(r"(?:[0-9a-f]{2})(?:[:-]?[0-9a-f]{2})*", re.IGNORECASE)
_INTERFACE = re.compile(r"[^\s/:]{1,15}")
"""What Linux lets an interface be called (IFNAMSIZ)."""


@dataclass(frozen=True, slots=True)
class Range:
    """Addresses from `first` to `last`, both included, of one family."""

    first: Address
    last: Address

    @property
    def size(self) -> int:
        """How many."""
        return int(self.last) - int(self.first) + 1

    def overlaps(self, other: "Range") -> bool:
        """True if they share an address."""
        same = self.first.version == other.first.version
        return same and int(self.first) <= int(other.last) and int(other.first) <= int(self.last)

    def holds(self, address: Address) -> bool:
        """True if the address is in it."""
        return self.overlaps(Range(address, address))

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"


def read_range(text: str, network: Network) -> Range:
    """`192.0.2.100-192.0.2.199`, one address, or a prefix, inside `network`. Raises Wrong."""
    example = "write the first and the last address: 192.0.2.100-192.0.2.199"
    head, dash, tail = text.partition("-")
    if "/" in text:
        inner = read_network(text)
        found = Range(inner[0], inner[-1])
    else:
        first = read_address(head.strip())
        found = Range(first, read_address(tail.strip()) if dash else first)
    if found.first.version != found.last.version:
        raise Wrong(f"{text!r} begins and ends in two families", example)
    if int(found.first) > int(found.last):
        raise Wrong(f"{text!r} ends before it begins", example)
    if found.first not in network or found.last not in network:
        raise Wrong(f"{text} is not inside {network}", "correct the range or the prefix of its subnet")
    return _usable(found, network)


def _usable(found: Range, network: Network) -> Range:
    """Without the addresses of the subnet that no host can have, where a prefix was written; refused where they were meant."""
    first, last = found.first, found.last
    if int(first) == int(network[0]) and network.num_addresses > 2:
        first += 1
    if network.version == 4 and int(last) == int(network[-1]) and network.num_addresses > 2:
        last -= 1
    if int(first) > int(last):
        raise Wrong(f"{found.first} is no host's address in {network}", "choose another")
    return Range(first, last)


def is_host(address: Address, network: Network) -> bool:
    """True if a host can have it: neither the network's own address nor its broadcast address."""
    if network.num_addresses <= 2:
        return address in network
    return address in network and address != network[0] and (network.version == 6 or address != network[-1])


def read_hardware(text: str) -> bytes:
    """`02:00:5e:10:00:01`, 6 octets. Raises Wrong."""
    octets = read_hardware_prefix(text)
    if len(octets) != HARDWARE_LENGTH:
        raise Wrong(f"{text!r} is no hardware address", "write six octets: 02:00:5e:10:00:01")
    return octets


def read_hardware_prefix(text: str) -> bytes:
    """The first octets of hardware addresses, 1 to 6. Raises Wrong."""
    octets = _hex(text)
    if not 0 < len(octets) <= HARDWARE_LENGTH:
        raise Wrong(f"{text!r} begins no hardware address", "write up to six octets: 02:00:5e")
    return octets


def read_identifier(text: str) -> bytes:
    """A client identifier or DUID in hexadecimal, or any text behind `text:`. Raises Wrong."""
    octets = text[5:].encode() if text.startswith("text:") else _hex(text)
    if not 1 < len(octets) <= MAX_OCTETS:
        raise Wrong(f"{text!r} is no identifier", "write it in hexadecimal, whole: 01:02:00:5e:10:00:01, or text:NAME")
    return octets


def read_words(text: str) -> bytes:
    """What an option holds: text as it is, or octets behind `hex:`. Raises Wrong."""
    octets = _hex(text[4:]) if text.startswith("hex:") else text.encode()
    if not 0 < len(octets) <= MAX_OCTETS:
        raise Wrong(f"{text!r} matches nothing", "write text, or octets: hex:0102")
    return octets


def _hex(text: str) -> bytes:
    return bytes.fromhex(re.sub("[:-]", "", text)) if _HEX.fullmatch(text) else b""


def read_label(text: str) -> str:
    """A name that can be published: one label of letters, digits and hyphens, lower case. Raises Wrong."""
    label = text.lower()
    if not LABEL.fullmatch(label):
        raise Wrong(f"{text!r} is no name of a device", "one label of letters, digits and hyphens: printer")
    if label in UNPUBLISHED:
        raise Wrong(f"{text!r} means something else to programs", "choose another name")
    return label


def read_interface(text: str) -> str:
    """The name of an interface, there or not. Raises Wrong."""
    if not _INTERFACE.fullmatch(text) or text in (".", ".."):
        raise Wrong(f"{text!r} is no name of an interface", "write one such as eth0; see: ip link")
    return text


def read_prefix_6(text: str) -> ipaddress.IPv6Network:
    """An IPv6 prefix that can be on a link or behind a router. Raises Wrong."""
    network = read_network(text)
    if not isinstance(network, ipaddress.IPv6Network):
        raise Wrong(f"{text} is no IPv6 prefix", "write one such as 2001:db8:1::/64")
    if network.is_multicast or network.is_link_local or network.prefixlen == 0:
        raise Wrong(f"{text} cannot be given to anybody", "write a prefix of your own, such as 2001:db8:1::/64")
    return network


def read_address_4(text: str) -> bytes:
    """An IPv4 address as 4 octets. Raises Wrong."""
    address = read_address(text)
    if address.version != 4:
        raise Wrong(f"{text} is no IPv4 address", "write one such as 192.0.2.1")
    return address.packed
