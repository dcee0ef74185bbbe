"""Ethernet frames for clients that have no address yet: IPv4 and UDP (RFC 894, 791, 768), ARP (RFC 826, 5227).

0  destination, source: 6 octets each; type u16: 0x0800 IPv4, 0x0806 ARP
14 IPv4: version and header length u8, service u8, length u16, identification u16, flags and offset u16,
   time to live u8, protocol u8, checksum u16, source, destination; UDP: ports u16, length u16, checksum u16
14 ARP: 1 u16, 0x0800 u16, 6 u8, 4 u8, operation u16, sender's hardware and IP address, target's
"""

import struct
from enum import IntEnum
from typing import NamedTuple

from wire.errors import Malformed

ALL_STATIONS = b"\xff" * 6
ETHERTYPE_IPV4 = 0x0800
ETHERTYPE_ARP = 0x0806
TIME_TO_LIVE = 64

_ETHERNET = struct.Struct("!6s6sH")
_IPV4 = struct.Struct("!BBHHHBBH4s4s")
_UDP = struct.Struct("!HHHH")
_PSEUDO = struct.Struct("!4s4sHH")
_ARP = struct.Struct("!HHBBH6s4s6s4s")
_ARP_HEAD = (1, ETHERTYPE_IPV4, 6, 4)
_PROTOCOL_UDP = 17
_DO_NOT_FRAGMENT = 0x4000
_FRAGMENT = 0x3FFF
"""More-fragments and the offset."""


class Datagram(NamedTuple):
    """A UDP datagram and who carries it where. Hardware addresses have 6 octets, IP addresses 4."""

    hardware: bytes
    """The frame's source."""
    station: bytes
    """The frame's destination."""
    source: bytes
    destination: bytes
    source_port: int
    port: int
    data: bytes


class Operation(IntEnum):
    """RFC 826."""

    REQUEST = 1
    REPLY = 2


class Arp(NamedTuple):
    """An ARP message. Hardware addresses have 6 octets, IP addresses 4; a probe has zeros as `sender` (RFC 5227 §2.1.1)."""

    operation: int
    hardware: bytes
    """The sender's."""
    sender: bytes
    target_hardware: bytes
    target: bytes


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071) of `data`, an odd last octet filled up with zero. Over a header that has it: 0."""
    if len(data) & 1:
        data += b"\0"
    number = int.from_bytes(data, "big")
    # The sum of 16-bit words with the carry added again is the number modulo 65,535; only of zeros is it 0.
    return 0xFFFF - (number % 0xFFFF or 0xFFFF) if number else 0xFFFF


def build_datagram(datagram: Datagram) -> bytes:
    """The frame. Never fragmented: identification 0 and DF (RFC 6864 §4.1). Raises ValueError if it is longer than IP can say."""
    hardware, station, source, destination, source_port, port, data = datagram
    length = _UDP.size + len(data)
    if _IPV4.size + length > 0xFFFF:
        raise ValueError("the datagram is longer than IP can say")
    pseudo = _PSEUDO.pack(source, destination, _PROTOCOL_UDP, length)
    # > If the computed checksum is zero, it is transmitted as all ones (RFC 768)
    total = checksum(pseudo + _UDP.pack(source_port, port, length, 0) + data) or 0xFFFF
    udp = _UDP.pack(source_port, port, length, total) + data
    return _ETHERNET.pack(station, hardware, ETHERTYPE_IPV4) + _build_ipv4(source, destination, length) + udp


def _build_ipv4(source: bytes, destination: bytes, length: int) -> bytes:
    fields = (0x45, 0, _IPV4.size + length, 0, _DO_NOT_FRAGMENT, TIME_TO_LIVE, _PROTOCOL_UDP)
    total = checksum(_IPV4.pack(*fields, 0, source, destination))
    return _IPV4.pack(*fields, total, source, destination)


def parse_datagram(frame: bytes) -> Datagram:
    """The whole UDP datagram of a frame. The UDP checksum is not looked at: on virtual links the kernel leaves it half done.

    Raises Malformed, also for everything that is no such datagram."""
    if len(frame) < _ETHERNET.size + _IPV4.size + _UDP.size:
        raise Malformed("frame too short for UDP", len(frame))
    station, hardware, ethertype = _ETHERNET.unpack_from(frame)
    at = _ETHERNET.size
    first, _, length, _, fragment, _, protocol, _, source, destination = _IPV4.unpack_from(frame, at)
    header, end = 4 * (first & 0x0F), at + length
    if ethertype != ETHERTYPE_IPV4 or first >> 4 != 4 or protocol != _PROTOCOL_UDP or fragment & _FRAGMENT:
        raise Malformed("frame holds no whole UDP datagram over IPv4", at)
    if not _IPV4.size + _UDP.size <= header + _UDP.size <= length or end > len(frame):
        raise Malformed("IP header or datagram cut off", at)
    if checksum(frame[at : at + header]):
        raise Malformed("IP header checksum is wrong", at)
    at += header
    source_port, port, size, _ = _UDP.unpack_from(frame, at)
    if not _UDP.size <= size <= end - at:
        raise Malformed("UDP length is wrong", at)
    return Datagram(hardware, station, source, destination, source_port, port, frame[at + _UDP.size : at + size])


def build_arp(arp: Arp, station: bytes) -> bytes:
    """The frame, to `station`."""
    return _ETHERNET.pack(station, arp.hardware, ETHERTYPE_ARP) + _ARP.pack(*_ARP_HEAD, *arp)


def parse_arp(frame: bytes) -> Arp:
    """The ARP message of a frame. Raises Malformed."""
    if len(frame) < _ETHERNET.size + _ARP.size:
        raise Malformed("frame too short for ARP", len(frame))
    if _ETHERNET.unpack_from(frame)[2] != ETHERTYPE_ARP:
        raise Malformed("frame holds no ARP", 12)
    fields = _ARP.unpack_from(frame, _ETHERNET.size)
    if fields[:4] != _ARP_HEAD or fields[4] not in (Operation.REQUEST, Operation.REPLY):
        raise Malformed("ARP of other networks", _ETHERNET.size)
    return Arp(*fields[4:])


def build_probe(hardware: bytes, address: bytes) -> bytes:
    """Asks whether anybody has `address`, and tells nobody's caches anything (RFC 5227 §2.1.1)."""
    return build_arp(Arp(Operation.REQUEST, hardware, bytes(4), bytes(6), address), ALL_STATIONS)


def build_request(hardware: bytes, sender: bytes, address: bytes) -> bytes:
    """Asks for the hardware address of `address` (RFC 826)."""
    return build_arp(Arp(Operation.REQUEST, hardware, sender, bytes(6), address), ALL_STATIONS)


def build_answer(hardware: bytes, request: Arp) -> bytes:
    """The reply to `request`: its target is at `hardware` (RFC 826)."""
    return build_arp(Arp(Operation.REPLY, hardware, request.target, request.hardware, request.sender), request.hardware)
