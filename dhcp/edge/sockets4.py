"""One interface's IPv4 sockets: messages in, replies out, each by the way its client hears (RFC 2131 §4.1)."""

import socket
import struct
from collections.abc import Iterator
from functools import lru_cache

from dhcp.edge.drain import drain_many
from dhcp.edge.opening import CLIENT4, IP_PKTINFO, SERVER4
from dhcp.values import Address, Arrival, Path, Reply4
from net.messages import Message, address_in, name_of, pack, unpack
from wire.dhcp.frames import ALL_STATIONS, Datagram, build_datagram

READ_SIZE = 4_096
CONTROL_SIZE = 64

_PKTINFO = struct.Struct("=I4s4s")
"""Index, our address (where it goes out from), the header's destination (ip(7))."""

_PKTINFO_SIZE = _PKTINFO.size
_LEVEL = int(socket.IPPROTO_IP)

EVERYBODY = b"\xff\xff\xff\xff"
NOBODY = bytes(4)
_FRAME, _TO_ALL = Path.FRAME, Path.BROADCAST
"""Not looked up for each message: members of an enum cost more."""


def receive4(endpoint: socket.socket) -> Iterator[list[Message]]:
    """What waits at port 67, some messages at a time."""
    return drain_many(endpoint, READ_SIZE, CONTROL_SIZE)


@lru_cache(maxsize=256)
def arrival4(number: int, name: bytes, control: bytes) -> Arrival:
    """Where a message came in on interface `number`. Most come from nowhere or from a relay."""
    destination = NOBODY
    for level, kind, value in unpack(control):
        if kind == IP_PKTINFO and level == _LEVEL and len(value) >= _PKTINFO_SIZE:
            destination = value[8:12]
    host, port, *_ = address_in(name) or ("0.0.0.0", 0)  # noqa: S104 # an address that is nobody's
    return Arrival(number, socket.inet_aton(host), destination, b"", port)


def frame4(reply: Reply4, data: bytes, hardware: bytes) -> bytes | None:
    """The frame in which a reply goes to a client that has no address yet; None if it does not go in one. `hardware` is our own
    address."""
    theirs = reply.hardware
    if not len(theirs) == len(ALL_STATIONS) == len(hardware):
        return None
    return build_datagram(Datagram(hardware, theirs, reply.source, reply.address, SERVER4, reply.port, data))


def message4(reply: Reply4, data: bytes) -> Message:
    """The message in which a reply goes otherwise: to an address, or to all."""
    _, path, interface, source, address, port, _, _ = reply
    if path is _TO_ALL or path is _FRAME:
        address, port = EVERYBODY, CLIENT4
    return data, _name(address, port), _from(interface, source)


@lru_cache(maxsize=256)
def _name(address: Address, port: int) -> bytes:
    """Most replies go to a relay."""
    return name_of(socket.inet_ntoa(address), port)


@lru_cache(maxsize=256)
def _from(interface: int, source: Address) -> bytes:
    """What tells the kernel the way a reply leaves by."""
    return pack(_LEVEL, IP_PKTINFO, _PKTINFO.pack(interface, source, NOBODY))
