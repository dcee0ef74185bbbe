"""First packets of QUIC from addresses that nobody can hear: as many sockets as addresses, each used once."""

import socket
from collections.abc import Iterator

from kit.quic import QuicClient


def first_packet(number: int = 0) -> bytes:
    """A whole Initial, as a real client begins."""
    ((data, _),) = QuicClient(0.0, address=("127.0.0.1", 1 + number)).core.datagrams_to_send(0.0)
    return data


def forged(count: int) -> Iterator[tuple[str, bytes]]:
    """(source address, packet): a real one in another's clothes; its ids differ, so each is somebody new."""
    data = first_packet()
    for number in range(count):
        chosen = (0xF00D000000000000 | number).to_bytes(8, "big")
        yield f"127.{1 + number // 62_500}.{number // 250 % 250}.{1 + number % 250}", data[:6] + chosen + data[14:]


def send_forged(port: int, count: int, start: int = 0) -> None:
    """Send `count` of them, each from an address of its own in 127.0.0.0/8."""
    for number, (address, packet) in enumerate(forged(start + count)):
        if number >= start:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as endpoint:
                endpoint.bind((address, 0))
                endpoint.sendto(packet, ("127.0.0.1", port))


def press(port: int, count: int = 40) -> None:
    """Real first packets that are never followed up: above the line from then on."""
    for number in range(count):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as endpoint:
            endpoint.bind((f"127.200.0.{1 + number}", 0))
            endpoint.sendto(first_packet(number), ("127.0.0.1", port))
