"""UDP sockets from ports nobody can guess."""

import asyncio
import os
import socket
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest
from kit.peers import free_ports

from net.datagram import FIRST_PORT, TRIES, USES, Datagram, Datagrams, omit_path_mtu, open_datagram
from net.entropy import DRAUGHT, Entropy


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


def test_the_port_is_the_one_the_random_octets_say() -> None:
    (port,) = free_ports(1)
    opened, chosen = open_datagram("127.0.0.1", 53, entropy_for(port))
    with opened:
        assert (opened.getsockname(), chosen) == (("127.0.0.1", port), True)


def test_a_port_in_use_is_passed_over() -> None:
    holder, taken = taken_port()
    (port,) = free_ports(1)
    with holder:
        opened, chosen = open_datagram("127.0.0.1", 53, entropy_for(taken, taken, port))
        with opened:
            assert (opened.getsockname()[1], chosen) == (port, True)


def test_a_socket_never_talks_to_itself() -> None:
    """A server of this machine that is gone frees its port: from there, the socket would be its own far end."""
    gone, port = free_ports(2)
    opened, chosen = open_datagram("127.0.0.1", gone, entropy_for(gone, port))
    with opened:
        assert (opened.getsockname(), chosen) == (("127.0.0.1", port), True)


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


def with_server(
    conversation: Callable[[socket.socket, Datagrams], Awaitable[None]], entropy: Callable[[int], bytes]
) -> None:
    async def whole() -> None:
        with socket.socket(type=socket.SOCK_DGRAM) as server:
            server.bind(("127.0.0.1", 0))
            kept = Datagrams("127.0.0.1", server.getsockname()[1], entropy)
            try:
                await conversation(server, kept)
            finally:
                kept.close()

    asyncio.run(whole())


def port_of(datagram: Datagram) -> int:
    port: int = datagram.endpoint.getsockname()[1]
    return port


def test_a_socket_serves_so_many_questions_and_no_more() -> None:
    async def conversation(_server: socket.socket, kept: Datagrams) -> None:
        first = kept.take()
        port = port_of(first)
        for _ in range(USES - 1):
            kept.give_back(first)
            assert first is kept.take()
        kept.give_back(first)
        assert first.closed
        other = kept.take()
        assert port != port_of(other)
        other.close()

    with_server(conversation, entropy_for(*free_ports(2)))


def test_two_questions_at_a_time_have_two_ports() -> None:
    async def conversation(_server: socket.socket, kept: Datagrams) -> None:
        both = [kept.take(), kept.take()]
        assert 2 == len({port_of(one) for one in both})
        for one in both:
            kept.give_back(one)

    with_server(conversation, os.urandom)


def test_which_socket_serves_next_is_said_by_random_octets() -> None:
    chosen = [2, 0]

    def entropy(count: int) -> bytes:
        return os.urandom(count) if count > 2 else chosen.pop(0).to_bytes(2, "big")

    async def conversation(_server: socket.socket, kept: Datagrams) -> None:
        three = [kept.take() for _ in range(3)]
        for one in three:
            kept.give_back(one)
        # The third takes its leave; the others stand as they came.
        assert [three[2], three[0]] == [kept.take(), kept.take()]
        three[2].close()
        three[0].close()

    with_server(conversation, entropy)


def test_a_socket_that_got_what_nobody_asked_for_is_closed() -> None:
    async def conversation(server: socket.socket, kept: Datagrams) -> None:
        one = kept.take()
        kept.give_back(one)
        server.sendto(b"a guess", ("127.0.0.1", port_of(one)))
        for _ in range(200):
            if one.closed:
                break
            await asyncio.sleep(0.005)
        assert one.closed
        other = kept.take()
        assert other is not one
        other.close()

    with_server(conversation, os.urandom)


def test_nothing_is_kept_after_the_end() -> None:
    async def conversation(_server: socket.socket, kept: Datagrams) -> None:
        idle, busy = kept.take(), kept.take()
        kept.give_back(idle)
        kept.close()
        kept.give_back(busy)
        assert (True, True) == (idle.closed, busy.closed)

    with_server(conversation, os.urandom)


def test_random_octets_are_handed_out_once_and_all_of_them() -> None:
    drawn: list[bytes] = []

    def draw(count: int) -> bytes:
        drawn.append(os.urandom(count))
        return drawn[-1]

    entropy = Entropy(draw)
    taken = b"".join(entropy(4) for _ in range(2 * DRAUGHT // 4))
    assert (taken, 2) == (b"".join(drawn), len(drawn))
    assert entropy(DRAUGHT) == drawn[-1]
