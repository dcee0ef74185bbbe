"""The kernel's filters let through what DHCP is about, and nothing else: run by the kernel, on sockets that anybody may make."""

import os
import socket
from collections.abc import Iterable

import pytest

from dhcp.edge import opening
from dhcp.edge.opening import ARP_OF_OTHERS, ICMP_OF_ROUTERS, SERVER_REPLIES, Instruction, Role, advice
from wire.dhcp.frames import Arp, Datagram, build_arp, build_datagram, build_probe

OURS, THEIRS = b"\2\0\x5e\x10\0\1", b"\2\0\x5e\x10\0\2"
EVERYBODY = b"\xff" * 6
ONE, OTHER = b"\xc0\0\2\1", b"\xc0\0\2\2"


def passed(program: tuple[Instruction, ...], frames: Iterable[bytes]) -> list[bytes]:
    """Those of `frames` that a socket with this filter gets."""
    sender, receiver = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with sender, receiver:
        opening._filter(receiver, program)
        for frame in frames:
            sender.send(frame)
        sender.send(b"")
        receiver.setblocking(False)
        found = []
        while True:
            try:
                found.append(receiver.recv(2_048))
            except BlockingIOError:
                return found


def datagram(source: int, port: int) -> bytes:
    return build_datagram(Datagram(THEIRS, EVERYBODY, ONE, b"\xff" * 4, source, port, b"x" * 300))


def test_of_ip_only_what_servers_say_to_clients_is_heard() -> None:
    reply = datagram(67, 68)
    options = bytes((0x46,)) + reply[15:34] + b"\1" * 4 + reply[34:]
    with_options = reply[:14] + options
    fragment = reply[:20] + b"\x00\x10" + reply[22:]
    tcp = reply[:23] + b"\x06" + reply[24:]
    others = [datagram(68, 67), datagram(53, 68), datagram(67, 69), fragment, tcp, reply[:20]]
    assert [reply, with_options] == passed(SERVER_REPLIES, [reply, *others, with_options])


def test_of_arp_everyday_requests_are_not_heard() -> None:
    answer = build_arp(Arp(2, THEIRS, OTHER, OURS, ONE), OURS)
    probe = build_probe(THEIRS, OTHER)
    announcement = build_arp(Arp(1, THEIRS, OTHER, bytes(6), OTHER), EVERYBODY)
    request = build_arp(Arp(1, THEIRS, OTHER, bytes(6), ONE), EVERYBODY)
    assert [answer, probe, announcement] == passed(ARP_OF_OTHERS, [request, answer, request, probe, announcement])


def test_of_icmp_only_routers_and_answers_of_neighbours_are_heard() -> None:
    messages = [bytes((kind, 0, 0, 0)) for kind in range(256)]
    assert [messages[133], messages[134], messages[136]] == passed(ICMP_OF_ROUTERS, messages)


def test_a_filter_cannot_be_taken_off() -> None:
    sender, receiver = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with sender, receiver:
        opening._filter(receiver, ICMP_OF_ROUTERS)
        with pytest.raises(PermissionError):
            receiver.setsockopt(socket.SOL_SOCKET, 27, 0)  # SO_DETACH_FILTER


@pytest.mark.parametrize(
    ("number", "role", "said"),
    [
        (98, Role.UDP4, "another DHCP server has port 67 there; stop it"),
        (98, Role.UDP6, "port 547"),
        (1, Role.FRAMES, "no permission; DHCP needs root"),
        (99, Role.UDP6, "IPv6 is not to be had there"),
        (5, Role.ARP, "Input/output error"),
    ],
)
def test_what_cannot_be_opened_says_what_to_do(number: int, role: Role, said: str) -> None:
    assert said in advice(OSError(number, os.strerror(number)), role)
