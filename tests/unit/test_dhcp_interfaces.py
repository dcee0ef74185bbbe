"""Sockets of interfaces that come and go while others of the same wake-up are heard."""

import selectors
import socket

from dhcp.edge.interfaces import Interface, Interfaces
from dhcp.edge.opening import Role


def test_a_socket_that_was_taken_away_in_the_same_wake_up_is_not_read() -> None:
    heard: list[Role] = []

    def hear(interface: Interface, role: Role) -> None:
        interface.sockets[role].recv(16)
        heard.append(role)

    with selectors.DefaultSelector() as selector:
        interfaces = Interfaces(selector, hear)
        others = []
        for role in (Role.UDP4, Role.ARP):
            ours, other = socket.socketpair(type=socket.SOCK_DGRAM)
            interfaces.add(7, "lan", role, ours)
            other.send(b"x")
            others.append(other)
        first, second = (key.data for key, _ in selector.select(0))
        first()
        interfaces.remove(7)
        second()
        for other in others:
            other.close()
    assert 1 == len(heard)
