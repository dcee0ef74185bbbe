"""One interface's IPv6 sockets: DHCPv6 messages, router advertisements and solicitations, neighbours."""

import socket
import struct
from collections.abc import Iterator

from dhcp.edge.drain import drain
from dhcp.values import Address, Arrival, Reply6
from net.sockets import NOW

READ_SIZE = 8_193
"""One octet more than any message that is read."""
CONTROL_SIZE = 128

_PKTINFO = struct.Struct("=16sI")
"""Our address, index (ipv6(7))."""

ALL_NODES = socket.inet_pton(socket.AF_INET6, "ff02::1")


def receive6(endpoint: socket.socket, number: int) -> Iterator[tuple[bytes, Arrival]]:
    """What waits at port 547 of interface `number`."""
    for data, arrival, _ in _receive(endpoint, number):
        yield data, arrival


def receive_icmp6(endpoint: socket.socket, number: int) -> Iterator[tuple[bytes, Arrival, int]]:
    """Solicitations and advertisements, with the hop limit they came with: their parsers want to know."""
    return _receive(endpoint, number)


def _receive(endpoint: socket.socket, number: int) -> Iterator[tuple[bytes, Arrival, int]]:
    for data, control, _, (host, port, *_) in drain(endpoint.recvmsg, READ_SIZE, CONTROL_SIZE, NOW):
        destination, hops = bytes(16), 0
        for level, kind, value in control:
            if level != socket.IPPROTO_IPV6:
                continue
            if kind == socket.IPV6_PKTINFO and len(value) >= _PKTINFO.size:
                destination, _ = _PKTINFO.unpack_from(value)
            elif kind == socket.IPV6_HOPLIMIT and len(value) >= 4:
                (hops,) = struct.unpack_from("=i", value)
        source = socket.inet_pton(socket.AF_INET6, host.partition("%")[0])
        yield data, Arrival(number, source, destination, b"", port), hops


def send6(endpoint: socket.socket, reply: Reply6) -> bool:
    """Send a reply of DHCPv6; False if it could not be sent."""
    return _send(endpoint, reply.data, reply.address, reply.port, reply.interface)


def send_icmp6(endpoint: socket.socket, data: bytes, address: Address, number: int, source: Address = b"") -> bool:
    """Send a message of neighbour discovery; the kernel writes its checksum. `source`: one of our addresses; empty: the kernel's
    choice."""
    control = [(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, _PKTINFO.pack(source, number))] if source else []
    return _send(endpoint, data, address, 0, number, control)


def _send(
    endpoint: socket.socket,
    data: bytes,
    address: Address,
    port: int,
    number: int,
    control: list[tuple[int, int, bytes]] | None = None,
) -> bool:
    host = socket.inet_ntop(socket.AF_INET6, address)
    try:
        endpoint.sendmsg([data], control or [], NOW, (host, port, 0, number if _is_local(address) else 0))
    except OSError:
        return False
    return True


def _is_local(address: Address) -> bool:
    """True if the address means something only together with the interface: link-local, or a group of the link."""
    return address[:2] == b"\xff\x02" or (address[0] == 0xFE and address[1] & 0xC0 == 0x80)
