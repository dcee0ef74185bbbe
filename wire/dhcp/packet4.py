"""DHCPv4 messages (RFC 2131 §2, RFC 2132 §3, RFC 3396).

0  op u8, htype u8, hlen u8, hops u8
4  xid u32
8  secs u16, flags u16
12 ciaddr, yiaddr, siaddr, giaddr: 4 octets each
28 chaddr: 16 octets
44 sname: 64 octets
108 file: 128 octets
236 99.130.83.99, then options: number u8, length u8, octets; 0 alone is padding, 255 alone the end
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from wire.errors import Malformed

COOKIE = b"\x63\x82\x53\x63"
"""What makes a BOOTP message one of DHCP (RFC 2131 §3)."""

MAX_PACKET = 4_096
"""Octets of a message that is read; clients send 300 to 600, and a repeated option costs time."""

MIN_PACKET = 300
"""Octets of a message that is built: BOOTP's size, which some clients and relays still insist on (RFC 1542 §2.1)."""

MIN_LIMIT = 576
"""The IP datagram that everybody must be prepared to accept (RFC 2131 §2)."""

BROADCAST = 0x8000
"""In `flags`: answer by broadcast (RFC 2131 §2)."""

_HEAD = struct.Struct("!4BIHH4s4s4s4s16s64s128s4s")
_HEAD_SIZE = _HEAD.size
_READ = struct.Struct("!4BIHH4s4s4s4s16s192s4s")
"""The same with `sname` and `file` in one."""
_IP_UDP = 28
"""Octets of the headers below."""

_PAD, _OVERLOAD, _END = 0, 52, 255
_RELAY = 82
_FIRST = (53, 54, 51, 58, 59, 1, 61)
"""Written first, in this order, and so not left out for want of space. The subnet mask is before routers (RFC 2132 §3.3)."""
_PLACED = frozenset((*_FIRST, _RELAY))
_NEVER = frozenset((_PAD, _OVERLOAD, _END))
_IDENTIFIER = 61
_OWN_LATER = (12, 81, 118, _RELAY)
_OWN = (_IDENTIFIER, *_OWN_LATER)
"""What is each client's own: identifier, names, selected subnet; the relay's last."""
_FILE, _SNAME = 128, 64
_NO_NAMES = bytes(_SNAME + _FILE)
"""`sname` and `file` of most messages."""
_IN_FILE, _IN_SNAME = 1, 2
"""Bits of option 52 (RFC 2132 §9.3)."""


class Packet4(NamedTuple):
    """One message. Addresses are 4 octets.

    `options` maps the number to the octets, joined where an option was split (RFC 3396) and taken out of `sname` and `file` where
    those hold options (option 52); pad, end and overload are not in it. A parsed message has `sname` and `file` without the zeros
    at their end, empty where they held options.
    """

    op: int
    """1: from a client, 2: from a server."""
    htype: int
    hops: int
    xid: int
    secs: int
    flags: int
    """0x8000: answer by broadcast."""
    ciaddr: bytes
    yiaddr: bytes
    siaddr: bytes
    giaddr: bytes
    chaddr: bytes
    """As many octets as hlen says, at most 16."""
    sname: bytes
    file: bytes
    options: dict[int, bytes]


class Fitted4(NamedTuple):
    """A message as octets, and the numbers of the options that had no place in it."""

    data: bytes
    dropped: tuple[int, ...]


class Shared(NamedTuple):
    """Options as octets, of which none is a client's own."""

    first: bytes
    """Before the client's identifier."""
    others: bytes
    total: int
    """How many they are."""


def parse_packet4(data: bytes) -> Packet4:
    """One message; it may be shorter than 300 octets, and its options may lack the end. Raises Malformed, which is "BOOTP" for a
    message of that elder protocol."""
    if not _HEAD_SIZE <= len(data) <= MAX_PACKET:
        raise Malformed(
            "shorter than a DHCP header" if len(data) < _HEAD_SIZE else "longer than any DHCP message", len(data)
        )
    (
        op, htype, hlen, hops, xid, secs, flags, ciaddr, yiaddr, siaddr, giaddr, chaddr, names, cookie,
    ) = _READ.unpack_from(data)  # fmt: skip
    if cookie != COOKIE:
        raise Malformed("BOOTP", 236)
    if hlen > 16:
        raise Malformed("hardware address longer than its field", 2)
    options: dict[int, bytes] = {}
    _gather(data, _HEAD_SIZE, options)
    sname = file = b""
    if names != _NO_NAMES or _OVERLOAD in options:
        sname, file = _names(names, options)
    # As Packet4(...) makes it, and cheaper.
    return tuple.__new__(Packet4, (
        op, htype, hops, xid, secs, flags, ciaddr, yiaddr, siaddr, giaddr,
        chaddr[:hlen], sname, file, options,
    ))  # fmt: skip


def _names(names: bytes, options: dict[int, bytes]) -> tuple[bytes, bytes]:
    """`sname` and `file` as `Packet4` has them; what they hold of options is added to these."""
    sname, file = names[:_SNAME], names[_SNAME:]
    if _OVERLOAD in options:
        sname, file = _overloaded(options, sname, file)
    return sname.rstrip(b"\0"), file.rstrip(b"\0")


def _gather(data: bytes, at: int, options: dict[int, bytes]) -> None:
    """Add the options from `at` on, up to the end option or the end of `data`."""
    size = len(data)
    while at < size:
        number = data[at]
        if number == _PAD:
            at += 1
            continue
        if number == _END:
            return
        start = at + 2
        if start > size:
            raise Malformed("option without a length", at)
        at = start + data[start - 1]
        if at > size:
            raise Malformed("option cut off", start - 2)
        # > When a decoding agent is scanning an incoming DHCP packet's option buffer and finds two or more options with the same
        # > option code, it MUST consider them to be split portions of an option (RFC 3396 §7)
        if number in options:
            options[number] += data[start:at]
        else:
            options[number] = data[start:at]


def _overloaded(options: dict[int, bytes], sname: bytes, file: bytes) -> tuple[bytes, bytes]:
    """Add what `file` and then `sname` hold (the order of RFC 3396 §5), and return what of both is no options."""
    overload = options.pop(_OVERLOAD)
    if len(overload) != 1 or not 1 <= overload[0] <= 3:
        raise Malformed("option overload is not 1, 2 or 3")
    if overload[0] & _IN_FILE:
        _gather(file, 0, options)
        file = b""
    if overload[0] & _IN_SNAME:
        _gather(sname, 0, options)
        sname = b""
    options.pop(_OVERLOAD, None)
    return sname, file


def build_packet4(packet: Packet4, limit: int = MIN_LIMIT) -> bytes:
    """The message as octets; see `fit_packet4`, which also tells what was left out."""
    return fit_packet4(packet, limit).data


def fit_packet4(packet: Packet4, limit: int = MIN_LIMIT, shared: Shared | None = None) -> Fitted4:
    """The message as octets, at least 300, such that its IP datagram has no more than `limit` (but 576 are always allowed).

    `limit` is the lesser of the client's option 57, which counts the IP and UDP headers too (RFC 2131 §2: 312 octets of options
    in 576), and of the MTU. First come the options without which a reply is none, then the others as `options` has them, and the
    relay's last (RFC 3046 §2.1). Options of more than 255 octets are split (RFC 3396); what does not fit goes into `file` and
    `sname` if these are empty; what then does not fit is left out and told. `shared`: what `share_options` made of these options,
    if that was asked before. Raises ValueError for a message that has no form as octets: a mistake of ours.
    """
    body = _written(packet.options, shared if shared is not None else share_options(packet.options))
    room = max(limit, MIN_LIMIT) - _IP_UDP - _HEAD_SIZE
    if len(body) < room:
        # As Fitted4(...) makes it, and cheaper.
        return tuple.__new__(Fitted4, (_finish(packet, body), ()))
    return _squeeze(packet, room)


def share_options(options: dict[int, bytes]) -> Shared:
    """The options in the form in which many clients are told them alike, each client's own left out: identifier, names, selected
    subnet and the relay's may be another's, or be missing. Raises ValueError for options that are made here."""
    if not _NEVER.isdisjoint(options):
        raise ValueError("pad, overload and end are made here")
    first = [_field(number, options[number]) for number in _FIRST if number in options and number not in _OWN]
    others = [_field(*item) for item in options.items() if item[0] not in _FIRST and item[0] not in _OWN]
    return Shared(b"".join(first), b"".join(others), len(first) + len(others))


def _written(options: dict[int, bytes], shared: Shared) -> bytes:
    """All of them, in the order of `fit_packet4`."""
    first, others, total = shared
    identifier = options.get(_IDENTIFIER)
    if identifier is None:
        body = first + others
    else:
        body, total = first + _field(_IDENTIFIER, identifier) + others, total + 1
    if len(options) == total:  # as of most clients: there are no others
        return body
    for number in _OWN_LATER:
        if number in options:
            body += _field(number, options[number])
    return body


def _field(number: int, value: bytes) -> bytes:
    """An option, in as many pieces as it needs."""
    size = len(value)
    if size <= 255:
        return bytes((number, size)) + value
    return b"".join(_field(number, value[at : at + 255]) for at in range(0, size, 255))


def _finish(packet: Packet4, body: bytes, fields: tuple[bytes, bytes] | None = None) -> bytes:
    """`fields`: what `sname` and `file` are to hold, if it is not the packet's own."""
    op, htype, hops, xid, secs, flags, ciaddr, yiaddr, siaddr, giaddr, chaddr, sname, file, _ = packet
    if fields is not None:
        sname, file = fields
    if len(chaddr) > 16 or len(sname) > _SNAME or len(file) > _FILE:
        raise ValueError("chaddr, sname or file is longer than its field")
    head = _HEAD.pack(
        op, htype, len(chaddr), hops, xid, secs, flags, ciaddr, yiaddr, siaddr, giaddr, chaddr, sname, file, COOKIE
    )
    return (head + body + b"\xff").ljust(MIN_PACKET, b"\0")


def _squeeze(packet: Packet4, room: int) -> Fitted4:
    """As `fit_packet4`, where options do not fit behind the header: each goes where it fits first."""
    places = _Places(room - len(b"\x34\x01\x03"), not packet.file, not packet.sname)
    dropped = [number for number, value in _by_importance(packet.options) if not places.take(number, value)]
    main, file, sname = map(bytes, places.held)
    relay = places.relay
    overload = (_IN_FILE if file else 0) | (_IN_SNAME if sname else 0)
    if overload:
        # Behind the message type, which some look for in the first place.
        at = 3 if main[:2] == b"\x35\x01" else 0
        main = main[:at] + bytes((_OVERLOAD, 1, overload)) + main[at:]
    file = file + b"\xff" if file else packet.file
    sname = sname + b"\xff" if sname else packet.sname
    return Fitted4(_finish(packet, main + relay, (sname, file)), tuple(dropped))


def _by_importance(options: dict[int, bytes]) -> Iterator[tuple[int, bytes]]:
    for number in (*_FIRST, _RELAY):
        if number in options:
            yield number, options[number]
    for number, value in options.items():
        if number not in _PLACED:
            yield number, value


class _Places:
    """The three fields that hold options, in the order they are read, and what is still free in each."""

    def __init__(self, main: int, file: bool, sname: bool) -> None:
        self.held = (bytearray(), bytearray(), bytearray())
        self.relay = b""
        self._free = [main - 1, _FILE - 1 if file else 0, _SNAME - 1 if sname else 0]
        """Without the octet for the end."""

    def take(self, number: int, value: bytes) -> bool:
        """Put an option where it fits as a whole, or, if it has to be split anyway, where its pieces do."""
        whole = _field(number, value)
        if number == _RELAY:
            # > DHCP servers MUST NOT place the echoed Relay Agent Information option in the overloaded sname or file fields. If a
            # > server is unable to copy the full ... field into a response, it MUST send the response without (RFC 3046 §2.1)
            return self._put_relay(whole)
        for place in range(1 if number in _FIRST else 3):
            if len(whole) <= self._free[place]:
                self._put(place, whole)
                return True
        return len(value) > 255 and self._scatter(number, value)

    def _put(self, place: int, octets: bytes) -> None:
        self.held[place].extend(octets)
        self._free[place] -= len(octets)

    def _put_relay(self, whole: bytes) -> bool:
        if len(whole) > self._free[0]:
            return False
        self.relay = whole
        self._free[0] -= len(whole)
        return True

    def _scatter(self, number: int, value: bytes) -> bool:
        """Pieces of a long option over all three, if there is space for all of it."""
        pieces: list[tuple[int, bytes]] = []
        for place, free in enumerate(self._free):
            while value and free > 2:
                piece, value = value[: min(255, free - 2)], value[min(255, free - 2) :]
                pieces.append((place, bytes((number, len(piece))) + piece))
                free -= len(piece) + 2
        if value:
            return False
        for place, octets in pieces:
            self._put(place, octets)
        return True
