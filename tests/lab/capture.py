"""What the lab's servers receive: a raw packet socket on the private network's only interface."""

import ipaddress
import secrets
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import NamedTuple

import dns.exception
import dns.message
import dns.rdatatype
from lab.plan import BY_ADDRESS, CLIENT, PORT

ETH_P_ALL, ETHERNET = 3, 14
TCP, UDP = 6, 17
SO_RCVBUFFORCE = 33
SOL_PACKET, PACKET_STATISTICS = 263, 6
PATIENCE = 20.0


class Ether(IntEnum):
    """EtherTypes."""

    IPV4 = 0x0800
    IPV6 = 0x86DD


class Shown(NamedTuple):
    """One query as it reached a server: the host's name in the plan, the name as it was spelled, type, transport."""

    host: str
    name: str
    rrtype: str
    transport: str


@contextmanager
def captured() -> Iterator[Callable[[], list[Shown]]]:
    """Listen. What is given ends it, once everything sent so far has been seen, and returns the queries to servers."""
    shown: list[Shown] = []
    bell = secrets.token_bytes(16)

    def listen() -> None:
        while True:
            frame, place = tap.recvfrom(0x40000)
            # `lo` shows each packet twice; the one on its way out comes in the order of sending.
            payload = read_query(frame) if place[2] == socket.PACKET_OUTGOING else None
            if payload is None:
                continue
            if payload[2] == bell:
                return
            shown.extend(queries(*payload))

    def finish() -> list[Shown]:
        if thread.is_alive():
            with socket.socket(type=socket.SOCK_DGRAM) as last:
                last.sendto(bell, (CLIENT, PORT))
            thread.join(PATIENCE)
        dropped = struct.unpack("II", tap.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]
        assert not thread.is_alive()
        assert dropped == 0, "the capture is not whole"
        return shown

    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as tap:
        tap.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 * 1024 * 1024)
        tap.bind(("lo", ETH_P_ALL))
        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        try:
            yield finish
        finally:
            finish()


def read_query(frame: bytes) -> tuple[str, str, bytes] | None:
    """Destination, transport and payload of a packet to port 53; None for all others."""
    match int.from_bytes(frame[12:ETHERNET], "big"):
        case Ether.IPV4:
            protocol, start = frame[ETHERNET + 9], ETHERNET + (frame[ETHERNET] & 0x0F) * 4
            end = ETHERNET + int.from_bytes(frame[ETHERNET + 2 : ETHERNET + 4], "big")
            address = frame[ETHERNET + 16 : ETHERNET + 20]
        case Ether.IPV6:
            protocol, start = frame[ETHERNET + 6], ETHERNET + 40
            end = start + int.from_bytes(frame[ETHERNET + 4 : ETHERNET + 6], "big")
            address = frame[ETHERNET + 24 : ETHERNET + 40]
        case _:
            return None
    if protocol not in (TCP, UDP) or int.from_bytes(frame[start + 2 : start + 4], "big") != PORT:
        return None
    body = start + (8 if protocol == UDP else (frame[start + 12] >> 4) * 4)
    return str(ipaddress.ip_address(address)), "UDP" if protocol == UDP else "TCP", frame[body:end]


def queries(address: str, transport: str, payload: bytes) -> Iterator[Shown]:
    """The queries that a packet to one of the lab's servers brings. Over TCP a packet begins with a message's length."""
    host = BY_ADDRESS.get(address)
    while host is not None and payload:
        data = payload
        if transport == "TCP":
            size = int.from_bytes(payload[:2], "big")
            data, payload = payload[2 : 2 + size], payload[2 + size :]
            assert len(data) == size, "a query over TCP came in pieces"
        else:
            payload = b""
        try:
            question = dns.message.from_wire(data, question_only=True).question[0]
        except (dns.exception.DNSException, IndexError) as error:
            raise AssertionError(f"no query: {data!r}") from error
        yield Shown(host.name, question.name.to_text().lower(), dns.rdatatype.to_text(question.rdtype), transport)
