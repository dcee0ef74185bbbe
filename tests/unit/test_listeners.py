"""What listening sockets do for us before anybody is accepted, over real loopback."""

import os
import selectors
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from kit.profiles import LINUX

from anchorhold.activation import Handover
from anchorhold.config.service import ListenAddress
from anchorhold.listeners import open_socket

PATIENCE = 60.0


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def listening(stack: ExitStack, handed: Handover | None = None, port: int = 0) -> socket.socket:
    opened = open_socket(ListenAddress("127.0.0.1", port), socket.SOCK_STREAM, handed)
    opened.setblocking(False)
    return stack.enter_context(opened)


def connected(stack: ExitStack, server: socket.socket) -> socket.socket:
    return stack.enter_context(socket.create_connection(server.getsockname(), PATIENCE))


def accepted(stack: ExitStack, server: socket.socket) -> object:
    """Whoever is next, by its address."""
    with selectors.DefaultSelector() as selector:
        selector.register(server, selectors.EVENT_READ)
        assert selector.select(PATIENCE)
    connection, address = server.accept()
    stack.enter_context(connection)
    return address


@LINUX
def test_who_says_nothing_waits_outside_and_who_speaks_is_next(stack: ExitStack) -> None:
    """On loopback all of a connection's beginning has happened when `connect` returns."""
    server = listening(stack)
    silent = [connected(stack, server) for _ in range(20)]
    with pytest.raises(BlockingIOError):
        server.accept()
    speaking = connected(stack, server)
    speaking.sendall(b"?")
    assert speaking.getsockname() == accepted(stack, server)
    silent[7].sendall(b"?")
    assert silent[7].getsockname() == accepted(stack, server)
    with pytest.raises(BlockingIOError):
        server.accept()


@LINUX
def test_a_socket_of_a_service_manager_does_so_as_well(stack: ExitStack) -> None:
    theirs = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    assert theirs.getsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT) == 0
    handed = Handover()
    stack.callback(handed.close)
    handed.add(os.dup(theirs.fileno()), "test")
    server = listening(stack, handed, theirs.getsockname()[1])
    assert os.fstat(server.fileno()).st_ino == os.fstat(theirs.fileno()).st_ino
    connected(stack, server)
    with pytest.raises(BlockingIOError):
        server.accept()


def test_a_kernel_that_knows_nothing_of_it_listens_all_the_same(
    stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "TCP_DEFER_ACCEPT", 9_999, raising=False)
    server = listening(stack)
    silent = connected(stack, server)
    assert silent.getsockname() == accepted(stack, server)
