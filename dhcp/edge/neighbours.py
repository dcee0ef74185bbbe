"""The link is asked whether somebody has an address, and says so: ARP frames and neighbour discovery, as sockets carry them."""

import socket

from dhcp.edge.frames import receive_frames
from dhcp.edge.interfaces import Interfaces
from dhcp.edge.opening import Role
from dhcp.edge.probe import Prober
from dhcp.edge.sockets6 import send_icmp6
from dhcp.values import Arrival, Link, Probe
from net.sockets import NOW
from wire.dhcp.frames import Operation, build_probe, parse_arp
from wire.dhcp.neighbour import (
    NEIGHBOUR_ADVERTISEMENT,
    SOURCE_LINK_LAYER,
    build_nd_option,
    build_neighbour_solicitation,
    parse_neighbour_advertisement,
    solicited_node,
)
from wire.errors import Malformed

ETHERNET = 6
"""Octets of a hardware address."""
ARP_SIZE = 256
"""Octets read of a frame; an ARP message has 42."""


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
        endpoint.sendmsg((build_probe(link.hardware, probe.address),), (), NOW)
    except OSError:
        return False
    return True


def _ask_neighbour(endpoint: socket.socket | None, link: Link, probe: Probe) -> bool:
    source = next((one.address for one in link.addresses if one.address[:2] == b"\xfe\x80"), b"")
    if endpoint is None or not source:
        return False
    # From our own address, so that the answer comes to us; then our link-layer address belongs to it (RFC 4861 §4.3).
    option = build_nd_option(SOURCE_LINK_LAYER, link.hardware) if link.hardware else b""
    message = build_neighbour_solicitation(probe.address) + option
    return send_icmp6(endpoint, message, solicited_node(probe.address), link.number, source)


def hears_arp(endpoint: socket.socket, number: int, prober: Prober) -> None:
    """Take what waits: whoever says an address is its own has it, and so has whoever probes for it too (RFC 5227 §2.1.1)."""
    for frame in receive_frames(endpoint, ARP_SIZE):
        try:
            arp = parse_arp(frame)
        except Malformed:
            continue
        probes = arp.operation == Operation.REQUEST and arp.sender == bytes(4)
        prober.seen(number, arp.target if probes else arp.sender, arp.hardware)


def hears_neighbour(data: bytes, arrival: Arrival, hops: int, prober: Prober) -> bool:
    """True if this is a neighbour advertisement; it is taken then."""
    if data[:1] != bytes((NEIGHBOUR_ADVERTISEMENT,)):
        return False
    try:
        found = parse_neighbour_advertisement(data, hops, arrival.destination)
    except Malformed:
        return True
    prober.seen(arrival.interface, found.target, found.link_layer)
    return True
