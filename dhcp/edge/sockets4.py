"""One interface's IPv4 sockets: messages in, replies out, each by the way its client hears (RFC 2131 §4.1)."""

import socket
import struct
from collections.abc import Iterator
from functools import lru_cache

from dhcp.edge.drain import drain
from dhcp.edge.opening import CLIENT4, IP_PKTINFO, SERVER4
from dhcp.values import Address, Arrival, Path, Reply4
from net.sockets import NOW
from wire.dhcp.frames import ALL_STATIONS, Datagram, build_datagram

READ_SIZE = 4_096
CONTROL_SIZE = 64

_PKTINFO = struct.Struct("=I4s4s")
"""Index, our address (where it goes out from), the header's destination (ip(7))."""

_PKTINFO_SIZE = _PKTINFO.size
_LEVEL = int(socket.IPPROTO_IP)

EVERYBODY = b"\xff\xff\xff\xff"
_BROADCAST = (socket.inet_ntoa(EVERYBODY), CLIENT4)
NOBODY = bytes(4)
_FRAME, _TO_ALL = Path.FRAME, Path.BROADCAST
"""Not looked up for each message: members of an enum cost more."""


def receive4(endpoint: socket.socket, number: int) -> Iterator[tuple[bytes, Arrival]]:
    """What waits at port 67 of interface `number`, as much as is read at once."""
    for data, control, _, (host, port) in drain(endpoint.recvmsg, READ_SIZE, CONTROL_SIZE, NOW):
        yield data, _arrival(number, host, tuple(control), port)


@lru_cache(maxsize=256)
def _arrival(number: int, host: str, control: tuple[tuple[int, int, bytes], ...], port: int) -> Arrival:
    """Most messages come from nowhere or from a relay."""
    destination = NOBODY
    for level, kind, value in control:
        if kind == IP_PKTINFO and level == _LEVEL and len(value) >= _PKTINFO_SIZE:
            destination = value[8:12]
    return Arrival(number, socket.inet_aton(host), destination, b"", port)


def send4(udp: socket.socket, frames: socket.socket, reply: Reply4, data: bytes, hardware: bytes) -> bool:
    """Send a reply; False if it could not be sent, which its client's patience makes good. `hardware` is our own address."""
    _, path, interface, source, address, port, theirs, _ = reply
    try:
        if path is _FRAME and len(theirs) == len(ALL_STATIONS) == len(hardware):
            carried = Datagram(hardware, theirs, source, address, SERVER4, port, data)
            frames.sendmsg((build_datagram(carried),), (), NOW)
            return True
        place = _BROADCAST if path is _TO_ALL or path is _FRAME else _place(address, port)
        udp.sendmsg((data,), _from(interface, source), NOW, place)
    except OSError:
        return False
    return True


@lru_cache(maxsize=256)
def _place(address: Address, port: int) -> tuple[str, int]:
    """Most replies go to a relay."""
    return socket.inet_ntoa(address), port


@lru_cache(maxsize=256)
def _from(interface: int, source: Address) -> tuple[tuple[int, int, bytes]]:
    """What tells the kernel the way a reply leaves by."""
    return ((_LEVEL, IP_PKTINFO, _PKTINFO.pack(interface, source, NOBODY)),)
