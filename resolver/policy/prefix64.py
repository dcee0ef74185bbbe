"""IPv4 addresses inside IPv6 ones (RFC 6052), and the names under which both are looked up backwards."""

import ipaddress
import string
from functools import lru_cache

from wire.dns.names import count_labels, read_name, suffixes

RESERVED = 8
"""The octet of bits 64 to 71, zero whatever the prefix (RFC 6052 §2.2); a /96 prefix brings it along."""

_IP6_ARPA = read_name("ip6.arpa")
_IN_ADDR_ARPA = read_name("in-addr.arpa")
_IN_ADDR_LABELS = 6
_NIBBLES = 32
_HEX = frozenset(string.hexdigits.lower().encode())


class Prefix64:
    """A prefix below which a translator (NAT64) shows the IPv4 Internet.

    Layout of an address, octets, by length of the prefix (`v` the IPv4 address, `0` zero):

        /32  prefix 0-3   v 4-7               0 8   0 9-15
        /40  prefix 0-4   v 5-7               0 8   v 9      0 10-15
        /48  prefix 0-5   v 6-7               0 8   v 9-10   0 11-15
        /56  prefix 0-6   v 7                 0 8   v 9-11   0 12-15
        /64  prefix 0-7                       0 8   v 9-12   0 13-15
        /96  prefix 0-11  v 12-15

    The length is one of these; settings are checked before they come here.
    """

    __slots__ = ("_length", "_packed", "text", "zone")

    def __init__(self, text: str) -> None:
        network = ipaddress.IPv6Network(text)
        self.text = text
        self._length = network.prefixlen // 8
        self._packed = network.network_address.packed[: self._length]
        self.zone = reverse_name(network.network_address.packed, 2 * self._length)

    def embed(self, address: bytes) -> bytes:
        """The IPv6 address, 16 octets, that stands for the IPv4 `address`, four octets."""
        if self._length > RESERVED:
            return self._packed + address
        before = RESERVED - self._length
        return (self._packed + address[:before] + b"\0" + address[before:]).ljust(16, b"\0")

    def extract(self, address: bytes) -> bytes | None:
        """The IPv4 address in an IPv6 one; None if it is not below this prefix. What stands behind it does not matter
        (RFC 6052 §2.2: the suffix is reserved for later)."""
        if not address.startswith(self._packed):
            return None
        if self._length > RESERVED:
            return address[self._length :]
        if address[RESERVED]:
            return None
        return address[self._length : RESERVED] + address[RESERVED + 1 : self._length + 5]


prefix64_of = lru_cache(maxsize=16)(Prefix64)
"""The same, made once."""


def reverse_name(address: bytes, nibbles: int = _NIBBLES) -> bytes:
    """The folded name below `ip6.arpa` of an address's first `nibbles` (RFC 3596 §2.5)."""
    return b"".join(b"\1" + digit.encode() for digit in reversed(address.hex()[:nibbles])) + _IP6_ARPA


def read_reverse_name(name: bytes) -> bytes | None:
    """The whole IPv6 address that a folded name below `ip6.arpa` asks for, None for any other name."""
    if len(name) != 2 * _NIBBLES + len(_IP6_ARPA) or not name.endswith(_IP6_ARPA):
        return None
    lengths, digits = name[0 : 2 * _NIBBLES : 2], name[1 : 2 * _NIBBLES : 2]
    if lengths.strip(b"\1") or not _HEX.issuperset(digits):
        return None
    return bytes.fromhex(digits[::-1].decode("ascii"))


def reverse_name_v4(address: bytes) -> bytes:
    """The folded name below `in-addr.arpa` of an IPv4 address, or of its first octets (RFC 1035 §3.5)."""
    labels = [b"%d" % octet for octet in reversed(address)]
    return b"".join([bytes((len(label),)) + label for label in labels]) + _IN_ADDR_ARPA


def read_reverse_name_v4(name: bytes) -> bytes | None:
    """The whole IPv4 address that a folded name below `in-addr.arpa` asks for, None for any other name."""
    if not name.endswith(_IN_ADDR_ARPA) or count_labels(name) != _IN_ADDR_LABELS:
        return None
    labels = [label[1 : 1 + label[0]] for label in suffixes(name)][3::-1]
    if not all(label.isdigit() and len(label) <= 3 and int(label) <= 255 for label in labels):
        return None
    address = bytes(map(int, labels))
    # One name each: `01` is another label than `1`.
    return address if reverse_name_v4(address) == name else None
