"""Sockets of one interface, opened by who has the rights (CAP_NET_RAW, CAP_NET_BIND_SERVICE) and handed to the `dhcp` cell.

Nothing is read here. Each socket hears its own interface only, and a filter in the kernel, locked, lets nothing through to the
raw ones but what DHCP is about: whoever holds them cannot listen to other traffic, and is not woken by it.
"""

import ctypes
import errno
import socket
import struct
from collections.abc import Callable
from enum import IntFlag

from net.datagram import omit_path_mtu

SERVER4, CLIENT4 = 67, 68
"""RFC 2131 §4.1."""
SERVER6 = 547
"""RFC 8415 §7.2."""
ALL_AGENTS, ALL_SERVERS = "ff02::1:2", "ff05::1:3"
"""RFC 8415 §7.1."""
ALL_ROUTERS = "ff02::2"
"""RFC 4291 §2.7.1."""

RECEIVE_BUFFER = 1024 * 1024
"""Octets of messages that wait; the kernel may grant less."""

ETHERNET_IP, ETHERNET_ARP = 0x0800, 0x0806
ROUTER_SOLICITATION, ROUTER_ADVERTISEMENT, NEIGHBOUR_ADVERTISEMENT = 133, 134, 136

SO_ATTACH_FILTER, SO_LOCK_FILTER = 26, 44
IP_PKTINFO = 8
ICMP6_FILTER = 1
"""Linux (asm-generic/socket.h, linux/in.h, linux/icmpv6.h)."""

# Classic BPF (linux/filter.h): code, jump if true, jump if false, operand.
Instruction = tuple[int, int, int, int]
_LOAD_WORD, _LOAD_HALF, _LOAD_OCTET, _LOAD_IP_LENGTH, _LOAD_HALF_BEHIND = 0x20, 0x28, 0x30, 0xB1, 0x48
_TO_X, _EQUALS, _EQUALS_X, _ANY_BIT, _RETURN = 0x07, 0x15, 0x1D, 0x45, 0x06
_PACKET_TYPE = 0xFFFFF000 + 4
"""Not an octet of the packet: how it came by (SKF_AD_PKTTYPE)."""
_OUTGOING = 4

SERVER_REPLIES: tuple[Instruction, ...] = (
    (_LOAD_OCTET, 0, 0, _PACKET_TYPE),
    (_EQUALS, 10, 0, _OUTGOING),
    (_LOAD_OCTET, 0, 0, 23),
    (_EQUALS, 0, 8, socket.IPPROTO_UDP),
    (_LOAD_HALF, 0, 0, 20),
    (_ANY_BIT, 6, 0, 0x1FFF),
    (_LOAD_IP_LENGTH, 0, 0, 14),
    (_LOAD_HALF_BEHIND, 0, 0, 14),
    (_EQUALS, 0, 3, SERVER4),
    (_LOAD_HALF_BEHIND, 0, 0, 16),
    (_EQUALS, 0, 1, CLIENT4),
    (_RETURN, 0, 0, 0xFFFF),
    (_RETURN, 0, 0, 0),
)
"""Frames from port 67 to port 68 that others sent: of DHCP servers that are not ours."""

ARP_OF_OTHERS: tuple[Instruction, ...] = (
    (_LOAD_OCTET, 0, 0, _PACKET_TYPE),
    (_EQUALS, 9, 0, _OUTGOING),
    (_LOAD_HALF, 0, 0, 20),
    (_EQUALS, 6, 0, 2),
    (_EQUALS, 0, 6, 1),
    (_LOAD_WORD, 0, 0, 28),
    (_EQUALS, 3, 0, 0),
    (_TO_X, 0, 0, 0),
    (_LOAD_WORD, 0, 0, 38),
    (_EQUALS_X, 0, 1, 0),
    (_RETURN, 0, 0, 0xFFFF),
    (_RETURN, 0, 0, 0),
)
"""ARP replies, probes (no sender address) and announcements (sender and target are the same; RFC 5227): not everyday requests."""

ICMP_OF_ROUTERS: tuple[Instruction, ...] = (
    (_LOAD_OCTET, 0, 0, 0),
    (_EQUALS, 2, 0, ROUTER_SOLICITATION),
    (_EQUALS, 1, 0, ROUTER_ADVERTISEMENT),
    (_EQUALS, 0, 1, NEIGHBOUR_ADVERTISEMENT),
    (_RETURN, 0, 0, 0xFFFF),
    (_RETURN, 0, 0, 0),
)


class Role(IntFlag):
    """What a socket of an interface is for. The numbers travel to the cell."""

    UDP4 = 1
    """Port 67."""
    FRAMES = 2
    """Packet socket: replies to clients without an address; hears other servers."""
    ARP = 4
    """Packet socket: is an address free?"""
    UDP6 = 8
    """Port 547, in both groups of RFC 8415."""
    ICMP6 = 16
    """Raw: router advertisements and solicitations, is an address free?"""


ROLES4 = Role.UDP4 | Role.FRAMES | Role.ARP
ROLES6 = Role.UDP6 | Role.ICMP6


def open_role(role: Role, name: str, number: int) -> socket.socket:
    """The socket for `role` on interface `name`, whose index is `number`. Raises OSError."""
    opened, prepare = _NEW[role](number)
    try:
        opened.setblocking(False)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        prepare(opened, name, number)
    except OSError:
        opened.close()
        raise
    return opened


_Prepare = Callable[[socket.socket, str, int], None]


def _udp4(_number: int) -> tuple[socket.socket, _Prepare]:
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC), _prepare_udp4


def _prepare_udp4(opened: socket.socket, name: str, _number: int) -> None:
    _bind_to(opened, name)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    opened.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    omit_path_mtu(opened)
    # Without SO_REUSEADDR: another server at the same port and interface is to be noticed.
    opened.bind(("", SERVER4))


def _udp6(_number: int) -> tuple[socket.socket, _Prepare]:
    return socket.socket(socket.AF_INET6, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC), _prepare_udp6


def _prepare_udp6(opened: socket.socket, name: str, number: int) -> None:
    _bind_to(opened, name)
    opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)
    opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, number)
    omit_path_mtu(opened)
    opened.bind(("::", SERVER6))
    _join(opened, ALL_AGENTS, number)
    _join(opened, ALL_SERVERS, number)


def _packet(protocol: int, program: tuple[Instruction, ...]) -> Callable[[int], tuple[socket.socket, _Prepare]]:
    def prepare(opened: socket.socket, name: str, _number: int) -> None:
        _filter(opened, program)
        opened.bind((name, protocol))

    # Protocol 0: nothing is heard before the filter is there and the socket is bound.
    return lambda _: (socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0), prepare)


def _icmp6(_number: int) -> tuple[socket.socket, _Prepare]:
    kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
    return socket.socket(socket.AF_INET6, kind, socket.IPPROTO_ICMPV6), _prepare_icmp6


def _prepare_icmp6(opened: socket.socket, name: str, number: int) -> None:
    _filter(opened, ICMP_OF_ROUTERS)
    _bind_to(opened, name)
    passed = (ROUTER_SOLICITATION, ROUTER_ADVERTISEMENT, NEIGHBOUR_ADVERTISEMENT)
    blocked = [0xFFFFFFFF] * 8
    for kind in passed:
        blocked[kind >> 5] &= ~(1 << (kind & 31))
    opened.setsockopt(socket.IPPROTO_ICMPV6, ICMP6_FILTER, struct.pack("=8I", *blocked))
    # > By setting the Hop Limit to 255, a receiver knows that no router has forwarded the packet (RFC 4861 §6.1.2)
    for option in (socket.IPV6_MULTICAST_HOPS, socket.IPV6_UNICAST_HOPS):
        opened.setsockopt(socket.IPPROTO_IPV6, option, 255)
    for option in (socket.IPV6_RECVPKTINFO, socket.IPV6_RECVHOPLIMIT):
        opened.setsockopt(socket.IPPROTO_IPV6, option, 1)
    opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)
    opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, number)
    _join(opened, ALL_ROUTERS, number)


_NEW: dict[Role, Callable[[int], tuple[socket.socket, _Prepare]]] = {
    Role.UDP4: _udp4,
    Role.FRAMES: _packet(ETHERNET_IP, SERVER_REPLIES),
    Role.ARP: _packet(ETHERNET_ARP, ARP_OF_OTHERS),
    Role.UDP6: _udp6,
    Role.ICMP6: _icmp6,
}


def _bind_to(opened: socket.socket, name: str) -> None:
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name.encode() + b"\0")


def _join(opened: socket.socket, group: str, number: int) -> None:
    request = socket.inet_pton(socket.AF_INET6, group) + struct.pack("=I", number)
    opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, request)


def _filter(opened: socket.socket, program: tuple[Instruction, ...]) -> None:
    """Attach `program` for good: not even the holder can take it off again."""
    octets = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in program))
    opened.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("@HP", len(program), ctypes.addressof(octets)))
    opened.setsockopt(socket.SOL_SOCKET, SO_LOCK_FILTER, 1)


def advice(error: OSError, role: Role) -> str:
    """Why a socket could not be opened, and what to do."""
    port = SERVER6 if role is Role.UDP6 else SERVER4
    match error.errno:
        case errno.EADDRINUSE:
            return f"another DHCP server has port {port} there; stop it (ss -lpun 'sport = :{port}' names it)"
        case errno.EPERM | errno.EACCES:
            return "no permission; DHCP needs root, or CAP_NET_RAW and CAP_NET_BIND_SERVICE"
        case errno.ENODEV | errno.EADDRNOTAVAIL | errno.EINVAL | errno.EAFNOSUPPORT if role in ROLES6:
            return f"IPv6 is not to be had there ({error.strerror}); see: sysctl net.ipv6.conf.all.disable_ipv6"
        case _:
            return error.strerror or "it failed"
