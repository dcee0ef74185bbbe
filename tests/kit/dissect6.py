"""tshark as an independent reader of DHCPv6 and ICMPv6: what it finds in a packet, and what it complains of."""

import json
import struct
from pathlib import Path
from typing import Any

from kit.pcap import RAW_IP, tshark, write_capture


def checksum(source: bytes, destination: bytes, protocol: int, data: bytes) -> int:
    """Of ICMPv6 or UDP over IPv6 (RFC 8200 §8.1)."""
    whole = source + destination + struct.pack("!IHBB", len(data), 0, 0, protocol) + data + b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(whole) // 2}H", whole))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF or 0xFFFF


def icmp(source: bytes, destination: bytes, data: bytes) -> bytes:
    """An IPv6 packet of `data`, an ICMPv6 message without its checksum."""
    whole = data[:2] + checksum(source, destination, 58, data).to_bytes(2, "big") + data[4:]
    return struct.pack("!IHBB", 6 << 28, len(whole), 58, 255) + source + destination + whole


def udp(source: bytes, destination: bytes, ports: tuple[int, int], data: bytes) -> bytes:
    """An IPv6 packet of a UDP datagram."""
    head = struct.pack("!HHHH", *ports, len(data) + 8, 0)
    total = checksum(source, destination, 17, head + data)
    return (
        struct.pack("!IHBB", 6 << 28, len(data) + 8, 17, 64)
        + source
        + destination
        + head[:6]
        + struct.pack("!H", total)
        + data
    )


def dissect(packets: list[bytes], folder: Path) -> list[dict[str, Any]]:
    """What tshark makes of each packet: its layers."""
    place = folder / "packets.pcap"
    write_capture(place, packets, RAW_IP)
    shown = tshark(place, "-T", "json", "--no-duplicate-keys")
    return [one["_source"]["layers"] for one in json.loads(shown)]


def complaints(layers: Any) -> list[str]:
    """Every expert note of the grade of a note or above: what is malformed, wrong or odd."""
    found: list[str] = []
    if isinstance(layers, dict):
        for key, value in layers.items():
            if key == "_ws.malformed":
                found.append("malformed")
            if key == "_ws.expert" and any(int(one["_ws.expert.severity"]) >= 0x400000 for one in _several(value)):
                found += [one["_ws.expert.message"] for one in _several(value)]
            found += complaints(value)
    if isinstance(layers, list):
        for value in layers:
            found += complaints(value)
    return found


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def values(layers: Any, field: str) -> list[str]:
    """All values of a field of that name, wherever it is."""
    found: list[str] = []
    if isinstance(layers, dict):
        for key, value in layers.items():
            if key == field:
                found += [str(one) for one in _several(value)]
            else:
                found += values(value, field)
    if isinstance(layers, list):
        for value in layers:
            found += values(value, field)
    return found
