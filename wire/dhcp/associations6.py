"""What a DHCPv6 client is given: identity associations, their addresses and prefixes, and how it went.

IA_NA, IA_PD  IAID u32, T1 u32, T2 u32, options      (RFC 8415 §21.4, §21.21)
IA_TA         IAID u32, options                      (§21.5)
IAADDR        address, preferred u32, valid u32, options                         (§21.6)
IAPREFIX      preferred u32, valid u32, length u8, prefix (16 octets), options   (§21.22)
PD_EXCLUDE    length u8, the bits of the excluded prefix behind the delegated one (RFC 6603 §4.2)
status code   code u16, text in UTF-8                (§21.13)
"""

import struct
from typing import NamedTuple

from wire.dhcp.codes6 import Option6
from wire.dhcp.packet6 import Options, build_options6, find_option, parse_options6
from wire.errors import Malformed

_IA = struct.Struct("!III")
_ADDRESS = struct.Struct("!16sII")
_PREFIX = struct.Struct("!IIB16s")
ASSOCIATIONS = (Option6.IA_NA, Option6.IA_TA, Option6.IA_PD)


class StatusCode(NamedTuple):
    """How it went. `code` is a Status6, or a number that is none."""

    code: int
    text: str = ""


class LeasedAddress(NamedTuple):
    """An IAADDR. Lifetimes in seconds."""

    address: bytes
    preferred: int = 0
    valid: int = 0
    status: StatusCode | None = None


class LeasedPrefix(NamedTuple):
    """An IAPREFIX. The bits of `prefix` behind `length` are zero."""

    prefix: bytes
    length: int
    preferred: int = 0
    valid: int = 0
    excluded: tuple[bytes, int] | None = None
    """A prefix within that the client must not use (RFC 6603)."""
    status: StatusCode | None = None


class Association(NamedTuple):
    """An IA_NA, IA_TA or IA_PD. Options within that are not named here are left out."""

    kind: int
    """Option6.IA_NA, IA_TA or IA_PD."""
    iaid: int
    t1: int = 0
    t2: int = 0
    """Seconds; of an IA_TA 0."""
    addresses: tuple[LeasedAddress, ...] = ()
    prefixes: tuple[LeasedPrefix, ...] = ()
    status: StatusCode | None = None


def parse_association(kind: int, data: bytes) -> Association:
    """What an option of the number `kind` holds, IA_NA, IA_TA or IA_PD. Raises Malformed.

    > If a server receives an IA_NA with T1 greater than T2, and both T1 and T2 are greater than 0, the server … processes the
    > IA_NA as though the client had set T1 and T2 to 0 (RFC 8415 §21.4; §21.21 of IA_PD)
    """
    head = 4 if kind == Option6.IA_TA else _IA.size
    if len(data) < head:
        raise Malformed("identity association cut off", len(data))
    iaid, t1, t2 = _IA.unpack_from(data) if head == _IA.size else (int.from_bytes(data[:4], "big"), 0, 0)
    if t1 > t2 > 0:
        t1 = t2 = 0
    options = parse_options6(data, head)
    addresses = tuple(parse_leased_address(content) for number, content in options if number == Option6.IA_ADDRESS)
    prefixes = tuple(parse_leased_prefix(content) for number, content in options if number == Option6.IA_PREFIX)
    return Association(kind, iaid, t1, t2, addresses, prefixes, _status_in(options))


def build_association(association: Association) -> tuple[int, bytes]:
    """The option: its number and octets."""
    kind, iaid, t1, t2, addresses, prefixes, status = association
    head = iaid.to_bytes(4, "big") if kind == Option6.IA_TA else _IA.pack(iaid, t1, t2)
    options = [(int(Option6.IA_ADDRESS), build_leased_address(one)) for one in addresses]
    options += [(int(Option6.IA_PREFIX), build_leased_prefix(one)) for one in prefixes]
    return int(kind), head + build_options6((*options, *_status_out(status)))


def parse_leased_address(data: bytes) -> LeasedAddress:
    """An IAADDR. Raises Malformed."""
    if len(data) < _ADDRESS.size:
        raise Malformed("leased address cut off", len(data))
    address, preferred, valid = _ADDRESS.unpack_from(data)
    return LeasedAddress(address, preferred, valid, _status_in(parse_options6(data, _ADDRESS.size)))


def build_leased_address(one: LeasedAddress) -> bytes:
    """The octets of an IAADDR."""
    return _ADDRESS.pack(one.address, one.preferred, one.valid) + build_options6(_status_out(one.status))


def parse_leased_prefix(data: bytes) -> LeasedPrefix:
    """An IAPREFIX. Bits behind the length are cleared, an excluded prefix that is not within is left out. Raises Malformed."""
    if len(data) < _PREFIX.size:
        raise Malformed("leased prefix cut off", len(data))
    preferred, valid, length, prefix = _PREFIX.unpack_from(data)
    if length > 128:
        raise Malformed("prefix longer than an address", 8)
    options = parse_options6(data, _PREFIX.size)
    prefix = network(prefix, length)
    exclude = find_option(options, Option6.PD_EXCLUDE)
    excluded = None if exclude is None else parse_excluded(exclude, prefix, length)
    return LeasedPrefix(prefix, length, preferred, valid, excluded, _status_in(options))


def build_leased_prefix(one: LeasedPrefix) -> bytes:
    """The octets of an IAPREFIX."""
    options: list[tuple[int, bytes]] = []
    if one.excluded is not None:
        options.append((int(Option6.PD_EXCLUDE), build_excluded(*one.excluded, one.length)))
    head = _PREFIX.pack(one.preferred, one.valid, one.length, one.prefix)
    return head + build_options6((*options, *_status_out(one.status)))


def parse_excluded(data: bytes, prefix: bytes, length: int) -> tuple[bytes, int]:
    """The prefix that a PD_EXCLUDE within the delegated `prefix` of `length` says, and its length. Raises Malformed."""
    size = data[0] if data else 0
    if not length < size <= 128 or len(data) - 1 != (size - length + 7) // 8:
        raise Malformed("excluded prefix is not within the delegated one", 0)
    bits = int.from_bytes(data[1:], "big") << 128 - 8 * (len(data) - 1) >> length
    return network((int.from_bytes(prefix, "big") | bits).to_bytes(16, "big"), size), size


def build_excluded(prefix: bytes, size: int, length: int) -> bytes:
    """The octets of a PD_EXCLUDE: `prefix` of `size` is excluded from a delegated one of `length`, which is shorter."""
    count = (size - length + 7) // 8
    bits = int.from_bytes(prefix, "big") << length & (1 << 128) - 1
    return bytes((size,)) + bits.to_bytes(16, "big")[:count]


def network(address: bytes, length: int) -> bytes:
    """`address` (16 octets) with the bits behind `length` cleared."""
    return (int.from_bytes(address, "big") >> 128 - length << 128 - length).to_bytes(16, "big")


def parse_status(data: bytes) -> StatusCode:
    """A status code; text that is no UTF-8 is read as far as it goes. Raises Malformed."""
    if len(data) < 2:
        raise Malformed("status code cut off", len(data))
    return StatusCode(int.from_bytes(data[:2], "big"), data[2:].decode("utf-8", "replace"))


def build_status(status: StatusCode) -> tuple[int, bytes]:
    """The option: its number and octets."""
    return int(Option6.STATUS_CODE), status.code.to_bytes(2, "big") + status.text.encode()


def _status_in(options: Options) -> StatusCode | None:
    found = find_option(options, Option6.STATUS_CODE)
    return None if found is None else parse_status(found)


def _status_out(status: StatusCode | None) -> Options:
    return () if status is None else (build_status(status),)
