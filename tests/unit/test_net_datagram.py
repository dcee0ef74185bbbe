"""UDP sockets from ports nobody can guess."""

import os
import socket
from collections import Counter

import pytest

from net.datagram import FIRST_PORT, TRIES, omit_path_mtu, open_datagram


def entropy_for(*ports: int):
    """Random octets that lead to these ports, the last one again and again."""
    left = list(ports)

    def entropy(count: int) -> bytes:
        port = left.pop(0) if len(left) > 1 else left[0]
        return (port - FIRST_PORT).to_bytes(count, "big")

    return entropy


def taken_port() -> tuple[socket.socket, int]:
    holder = socket.socket(type=socket.SOCK_DGRAM)
    holder.bind(("0.0.0.0", 0))
    return holder, holder.getsockname()[1]


def free_port() -> int:
    holder, port = taken_port()
    holder.close()
    return port


def test_the_port_is_the_one_the_random_octets_say() -> None:
    port = free_port()
    opened, chosen = open_datagram("127.0.0.1", 53, entropy_for(port))
    with opened:
        assert (opened.getsockname(), chosen) == (("127.0.0.1", port), True)


def test_a_port_in_use_is_passed_over() -> None:
    holder, taken = taken_port()
    port = free_port()
    with holder:
        opened, chosen = open_datagram("127.0.0.1", 53, entropy_for(taken, taken, port))
        with opened:
            assert (opened.getsockname()[1], chosen) == (port, True)


def test_after_some_tries_the_kernel_chooses_and_says_so() -> None:
    holder, taken = taken_port()
    with holder:
        opened, chosen = open_datagram("127.0.0.1", 53, entropy_for(*[taken] * TRIES))
        with opened:
            assert not chosen
            assert opened.getsockname()[1] != taken


def test_the_socket_takes_packets_from_its_server_only() -> None:
    opened, _ = open_datagram("127.0.0.1", 5353, os.urandom)
    with opened:
        assert opened.getpeername() == ("127.0.0.1", 5353)
        assert not opened.getblocking()


def test_a_packet_from_another_port_never_arrives() -> None:
    """RFC 5452 §9.1: the kernel drops it; only what comes from the server's port can be a near miss."""
    server, stranger = socket.socket(type=socket.SOCK_DGRAM), socket.socket(type=socket.SOCK_DGRAM)
    with server, stranger:
        server.bind(("127.0.0.1", 0))
        stranger.bind(("127.0.0.1", 0))
        opened, _ = open_datagram("127.0.0.1", server.getsockname()[1], os.urandom)
        with opened:
            stranger.sendto(b"forged", opened.getsockname())
            server.sendto(b"honest", opened.getsockname())
            assert b"honest" == opened.recv(100)
            with pytest.raises(BlockingIOError):
                opened.recv(100)


@pytest.mark.parametrize(("address", "level", "option"), [("127.0.0.1", 0, 10), ("::1", 41, 23)])
def test_path_mtu_news_is_ignored_where_the_kernel_can(address: str, level: int, option: int) -> None:
    opened, _ = open_datagram(address, 53, os.urandom)
    with opened:
        assert (opened.getsockopt(level, option) == 5) == omit_path_mtu(opened)


def test_a_name_is_refused() -> None:
    with pytest.raises(OSError, match="literal"):
        open_datagram("localhost", 53, os.urandom)


def test_ports_are_spread_over_all_that_need_no_right() -> None:
    """4,000 draws in 16 classes: 250 each, six standard deviations are 92."""
    seen: Counter[int] = Counter()
    for _ in range(4_000):
        opened, _ = open_datagram("127.0.0.1", 53, os.urandom)
        with opened:
            port = opened.getsockname()[1]
            assert FIRST_PORT <= port <= 65_535
            seen[(port - FIRST_PORT) * 16 // (65_536 - FIRST_PORT)] += 1
    assert all(158 <= count <= 342 for count in seen.values()), seen
    assert len(seen) == 16
