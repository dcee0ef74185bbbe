"""Socket objects that were made before their descriptors: in processes of their own, for numbers are the whole process's."""

import os
import select
import socket
from collections.abc import Callable

import pytest
from kit.children import ended

from net import sockets

MOST = 96


def alone(body: Callable[[], None]) -> None:
    """Run it in a copy of this process that holds no descriptors but the first three; fails if it does."""

    def bare() -> None:
        os.closerange(3, 4_096)
        body()

    assert 0 == ended(bare)


def listening(host: str = "127.0.0.1") -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    server = socket.create_server((host, 0), family=family, backlog=MOST)
    server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    server.setblocking(False)
    return server


def connected(server: socket.socket) -> socket.socket:
    return socket.create_connection(server.getsockname()[:2], 5.0)


def wait(endpoint: socket.socket) -> None:
    assert select.select([endpoint], [], [], 60.0)[0]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("prepared", [False, True])
def test_an_accepted_connection_is_told_its_address_and_does_not_wait(host: str, prepared: bool) -> None:
    def body() -> None:
        server = listening(host)
        if prepared:
            sockets.prepare(MOST)
        ours = sockets.adopt(os.dup(server.fileno()), socket.AF_INET6) if prepared else server
        with pytest.raises(BlockingIOError):
            sockets.accept(ours)
        with connected(server) as client:
            wait(ours)
            endpoint, address = sockets.accept(ours)
            assert host == address
            with pytest.raises(BlockingIOError):
                endpoint.recv(10, sockets.NOW)
            client.sendall(b"there")
            wait(endpoint)
            assert b"there" == endpoint.recv(10, sockets.NOW)
            assert 4 == endpoint.send(b"back", sockets.NOW)
            assert b"back" == client.recv(10)
            assert 1 == endpoint.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY), "as the listening socket has it"
            sockets.close(endpoint)
            assert b"" == client.recv(10)

    alone(body)


def test_a_number_has_the_same_object_for_good() -> None:
    def body() -> None:
        sockets.prepare(MOST)
        server = listening()
        seen = []
        for _ in range(3):
            with connected(server) as client:
                wait(server)
                endpoint, _ = sockets.accept(server)
                seen.append(endpoint)
                sockets.close(endpoint)
                assert b"" == client.recv(10)
        assert seen[0] is seen[1] is seen[2]

    alone(body)


def test_some_numbers_are_left_free() -> None:
    def body() -> None:
        server = listening()
        sockets.prepare(MOST)
        clients = []
        while len(os.listdir("/proc/self/fd")) - 1 < MOST - sockets.SPARE - 1:
            clients.append(connected(server))
            wait(server)
            sockets.accept(server)
        clients.append(connected(server))
        wait(server)
        with pytest.raises(OSError, match="Too many open files"):
            sockets.accept(server)
        assert b"" == clients[-1].recv(10), "it is hung up on, not left waiting"

    alone(body)


def test_datagrams_of_both_families_and_a_unix_socket() -> None:
    def body() -> None:
        sockets.prepare(MOST)
        for host, family in (("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)):
            with socket.socket(family, socket.SOCK_DGRAM) as server, socket.socket(family, socket.SOCK_DGRAM) as client:
                server.bind((host, 0))
                server.setblocking(False)
                client.bind((host, 0))
                client.sendto(b"there", server.getsockname())
                ours = sockets.adopt(os.dup(server.fileno()), family)
                data, address = ours.recvfrom(10)
                assert (b"there", client.getsockname()) == (data, address)
                assert 4 == ours.sendto(b"back", address)
                assert b"back" == client.recv(10)
                sockets.close(ours)
        near, far = socket.socketpair()
        ours = sockets.adopt(near.detach())
        far.sendall(b"there")
        assert b"there" == ours.recv(10, sockets.NOW)
        sockets.close(ours)
        assert b"" == far.recv(10)

    alone(body)


def test_what_was_open_and_no_socket_is_never_taken_for_one() -> None:
    def body() -> None:
        with open(os.devnull, "rb") as file:
            sockets.prepare(MOST)
            with pytest.raises(ValueError, match="was no socket"):
                sockets.adopt(file.fileno())

    alone(body)
