"""The link is asked whether somebody has an address, and says so: ARP frames and neighbour discovery, as sockets carry them."""

import socket

from dhcp.edge.interfaces import Interfaces
from dhcp.edge.opening import Role
from dhcp.edge.probe import Prober
from dhcp.edge.sockets4 import AT_ONCE, GONE
from dhcp.values import Link, Probe
from wire.dhcp.frames import Operation, build_probe, parse_arp
from wire.errors import Malformed

ETHERNET = 6
"""Octets of a hardware address."""


def ask(probe: Probe, interfaces: Interfaces, links: dict[int, Link]) -> bool:
    """Send one question; False if it cannot be sent."""
    interface, link = interfaces.get(probe.interface), links.get(probe.interface)
    if interface is None or link is None or not link.up:
        return False
    if len(probe.address) == 4:
        return _ask_arp(interface.sockets.get(Role.ARP), link, probe)
    return _ask_neighbour(interface.sockets.get(Role.ICMP6), link, probe)


def _ask_arp(endpoint: socket.socket | None, link: Link, probe: Probe) -> bool:
    if endpoint is None or len(link.hardware) != ETHERNET:
        return False
    try:
        endpoint.send(build_probe(link.hardware, probe.address))
    except OSError:
        return False
    return True


def _ask_neighbour(endpoint: socket.socket | None, link: Link, probe: Probe) -> bool:
    return False


def hears_arp(endpoint: socket.socket, number: int, prober: Prober) -> None:
    """Take what waits: whoever says an address is its own has it, and so has whoever probes for it too (RFC 5227 §2.1.1)."""
    for _ in range(AT_ONCE):
        try:
            frame = endpoint.recv(256)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno in GONE:
                return
            raise
        try:
            arp = parse_arp(frame)
        except Malformed:
            continue
        probes = arp.operation == Operation.REQUEST and arp.sender == bytes(4)
        prober.seen(number, arp.target if probes else arp.sender, arp.hardware)


def hears_neighbour(data: bytes, number: int, prober: Prober) -> bool:
    """True if this is a neighbour advertisement; it is taken then."""
    if data[:1] != b"\x88":
        return False
    return True
