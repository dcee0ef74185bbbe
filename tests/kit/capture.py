"""What a listener on the wire sees: a raw packet socket on `lo`. Needs root.

The service, its client and its upstream have addresses that only this run uses, so that what other programs do on `lo` does
not matter.
"""

import ctypes
import secrets
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

PATIENCE = 60.0
NETWORK = 0x7F400000 + 256 * secrets.randbelow(0x3FFF)
"""127.64.0.0/24 or one of those above it, by chance: other runs of these tests use others."""

SERVICE, UPSTREAM, CLIENT, BELL = (socket.inet_ntoa((NETWORK + host).to_bytes(4, "big")) for host in range(1, 5))

ETH_P_ALL, ETH_P_IP, ETHERNET = 3, 0x0800, 14
TCP, UDP = 6, 17
SO_ATTACH_FILTER, SO_RCVBUFFORCE = 26, 33
SOL_PACKET, PACKET_STATISTICS = 263, 6

FILTER = [
    (0x28, 0, 0, 12),  # the EtherType
    (0x15, 0, 14, ETH_P_IP),  # not IPv4: reject
    (0x20, 0, 0, 26),  # the source
    (0x54, 0, 0, 0xFFFFFF00),
    (0x15, 10, 0, NETWORK),
    (0x20, 0, 0, 30),  # the destination
    (0x54, 0, 0, 0xFFFFFF00),
    (0x15, 7, 0, NETWORK),
    (0xB1, 0, 0, 14),  # X = octets of the IP header
    (0x48, 0, 0, 14),  # source port
    (0x15, 4, 0, 53),
    (0x15, 3, 0, 853),
    (0x48, 0, 0, 16),  # destination port
    (0x15, 1, 0, 53),
    (0x15, 0, 1, 853),
    (0x06, 0, 0, 0x40000),  # take it
    (0x06, 0, 0, 0),
]
"""Classic BPF (bpf(4)): IPv4 from or to our network, or from or to ports 53 and 853 of anybody."""


@dataclass(frozen=True)
class Packet:
    """One IPv4 packet of TCP or UDP; `payload` is what they carry."""

    protocol: int
    source: tuple[str, int]
    destination: tuple[str, int]
    payload: bytes

    @property
    def ends(self) -> set[str]:
        return {self.source[0], self.destination[0]}


@dataclass
class Capture:
    """All packets so far."""

    packets: list[Packet] = field(default_factory=list)

    def between(self, one: str, other: str) -> list[Packet]:
        return [packet for packet in self.packets if packet.ends == {one, other}]

    def to(self, address: str) -> list[Packet]:
        return [packet for packet in self.packets if packet.destination[0] == address]

    def telling(self, mark: bytes) -> list[Packet]:
        """Packets that hold `mark` in whatever case."""
        return [packet for packet in self.packets if mark in packet.payload.lower()]

    def stream_to(self, address: str) -> bytes:
        """All that was sent there, in order and in lower case: a mark may lie across two packets."""
        return b"".join(packet.payload for packet in self.to(address)).lower()


def read_packet(frame: bytes) -> Packet | None:
    header = (frame[ETHERNET] & 0x0F) * 4
    start = ETHERNET + header
    protocol = frame[ETHERNET + 9]
    if protocol not in (TCP, UDP):
        return None
    end = ETHERNET + int.from_bytes(frame[ETHERNET + 2 : ETHERNET + 4], "big")
    source, destination = struct.unpack_from("!HH", frame, start)
    addresses = [socket.inet_ntoa(frame[at : at + 4]) for at in (ETHERNET + 12, ETHERNET + 16)]
    body = start + (8 if protocol == UDP else (frame[start + 12] >> 4) * 4)
    return Packet(protocol, (addresses[0], source), (addresses[1], destination), frame[body:end])


def open_tap() -> socket.socket:
    """A packet socket on `lo` that holds nothing from before the filter was there."""
    code = b"".join(struct.pack("HBBI", *step) for step in FILTER)
    room = ctypes.create_string_buffer(code)
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    tap.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", len(FILTER), ctypes.addressof(room)))
    tap.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 32 * 1024 * 1024)
    tap.bind(("lo", ETH_P_ALL))
    return tap


@contextmanager
def captured() -> Iterator[Callable[[], Capture]]:
    """Listen on `lo`. What is given ends it, once everything sent so far has been seen, and returns what was seen."""
    capture, bell = Capture(), secrets.token_bytes(16)

    def listen() -> None:
        while True:
            frame, place = tap.recvfrom(0x40000)
            # `lo` shows each packet twice; the one on its way out comes in the order of sending.
            packet = read_packet(frame) if place[2] == socket.PACKET_OUTGOING else None
            if packet is not None and packet.payload == bell:
                return
            if packet is not None:
                capture.packets.append(packet)

    def ring() -> None:
        if thread.is_alive():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last, socket.socket(type=socket.SOCK_DGRAM) as box:
                box.bind((BELL, 0))
                last.sendto(bell, box.getsockname())
                thread.join(PATIENCE)
        assert not thread.is_alive()

    def finish() -> Capture:
        ring()
        dropped = struct.unpack("II", tap.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]
        assert dropped == 0, "the capture is not whole"
        return capture

    with open_tap() as tap:
        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        try:
            yield finish
        finally:
            ring()
