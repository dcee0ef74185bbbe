"""Sockets of a service manager: which are used for what, and what is said of the others."""

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from kit.peers import free_ports

from anchorhold import activation
from anchorhold.activation import Handover, Place, place_of, take_handed
from anchorhold.config.service import ListenAddress
from anchorhold.listeners import CannotListen, open_changed, open_listener, open_socket

UDP, TCP = socket.SOCK_DGRAM, socket.SOCK_STREAM


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def bound(stack: ExitStack, kind: int, host: str = "127.0.0.1", port: int = 0, listen: bool = True) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = stack.enter_context(socket.socket(family, kind))
    opened.bind((host, port))
    if kind == TCP and listen:
        opened.listen(1)
    return opened


def handover(stack: ExitStack, *sockets: socket.socket) -> Handover:
    found = Handover()
    stack.callback(found.close)
    for one in sockets:
        found.add(os.dup(one.fileno()), "test")
    return found


def inode(one: socket.socket) -> int:
    return os.fstat(one.fileno()).st_ino


def test_what_is_bound_where_the_configuration_listens_is_used_and_nothing_is_bound(stack: ExitStack) -> None:
    """Bound without SO_REUSEADDR, so that a second bind would fail."""
    (port,) = free_ports(1)
    udp, tcp = bound(stack, UDP, port=port), bound(stack, TCP, port=port)
    address = ListenAddress("127.0.0.1", port)
    with pytest.raises(CannotListen, match="in use"):
        open_listener(address)
    listener = open_listener(address, handover(stack, udp, tcp))
    assert (inode(listener.udp), inode(listener.tcp)) == (inode(udp), inode(tcp))
    assert (listener.udp.getblocking(), os.get_inheritable(listener.udp.fileno())) == (False, False)
    listener.close()
    assert udp.getsockname()[1] == address.port


def test_an_address_that_comes_back_gets_its_socket_again(stack: ExitStack) -> None:
    (port,) = free_ports(1)
    udp = bound(stack, UDP, port=port)
    handed = handover(stack, udp, bound(stack, TCP, port=port))
    address = ListenAddress("127.0.0.1", port)
    for listener in open_changed((address,), (), handed):
        listener.close()
    again = open_changed((address,), (), handed)
    assert [inode(one.udp) for one in again] == [inode(udp)]
    again[0].close()


def test_what_is_missing_is_opened_and_said(stack: ExitStack, capfd: pytest.CaptureFixture[str]) -> None:
    # TCP is opened at the same port.
    udp = bound(stack, UDP, port=free_ports(1)[0])
    handed = handover(stack, udp)
    address = ListenAddress("127.0.0.1", udp.getsockname()[1])
    listener = open_listener(address, handed)
    handed.say()
    assert inode(listener.udp) == inode(udp)
    assert listener.tcp.getsockname() == udp.getsockname()
    said = capfd.readouterr().err
    assert (
        f"127.0.0.1:{address.port} (TCP) is not among the service manager's sockets; it is opened by ourselves" in said
    )
    assert "1 of the service manager's 1 sockets are used" in said
    listener.close()


def test_a_socket_that_nobody_wants_is_said(stack: ExitStack, capfd: pytest.CaptureFixture[str]) -> None:
    udp = bound(stack, UDP)
    handed = handover(stack, udp)
    handed.say()
    said = capfd.readouterr().err
    assert f"127.0.0.1:{udp.getsockname()[1]} (UDP), where the configuration does not listen" in said


def test_a_socket_of_the_other_kind_or_port_does_not_match(stack: ExitStack) -> None:
    udp = bound(stack, UDP)
    host, port = udp.getsockname()
    handed = handover(stack, udp)
    assert handed.take(TCP, (host, port)) is None
    assert handed.take(UDP, (host, port + 1)) is None
    assert handed.take(UDP, ("127.0.0.2", port)) is None
    copy = handed.take(UDP, (host, port))
    assert copy is not None
    copy.close()


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda stack: bound(stack, TCP, listen=False), "Accept=no"),
        (lambda stack: bound(stack, UDP, "::"), "BindIPv6Only=ipv6-only"),
        (lambda stack: stack.enter_context(socket.socket(socket.AF_UNIX)), "neither UDP nor TCP"),
    ],
)
def test_what_can_be_no_listener_is_not_used(stack: ExitStack, capfd, spoil, why) -> None:  # type: ignore[no-untyped-def]
    handover(stack, spoil(stack))
    assert why in capfd.readouterr().err


def test_a_descriptor_that_is_no_socket_is_closed_and_said(capfd: pytest.CaptureFixture[str]) -> None:
    read, write = os.pipe()
    os.close(write)
    Handover().add(read, "pipe")
    assert "(pipe) of the service manager is no socket" in capfd.readouterr().err
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(read)


def test_the_same_place_twice_is_taken_once(stack: ExitStack, capfd: pytest.CaptureFixture[str]) -> None:
    udp = bound(stack, UDP)
    handover(stack, udp, udp)
    assert "it has that place twice" in capfd.readouterr().err


def test_an_ipv6_wildcard_of_its_own_is_used(stack: ExitStack) -> None:
    udp = stack.enter_context(socket.socket(socket.AF_INET6, UDP))
    udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    udp.bind(("::", 0))
    opened = open_socket(ListenAddress("::", udp.getsockname()[1]), UDP, handover(stack, udp))
    assert inode(opened) == inode(udp)
    assert opened.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO) == 1
    opened.close()


def test_a_larger_buffer_stays(stack: ExitStack) -> None:
    """A service manager may give more than the service may ask for; here less than it would ask for, so that it shows."""
    udp, usual = bound(stack, UDP), bound(stack, UDP)
    option = (socket.SOL_SOCKET, socket.SO_RCVBUF)
    udp.setsockopt(*option, usual.getsockopt(*option) // 2 + 4_096)
    before = udp.getsockopt(*option)
    open_socket(ListenAddress("127.0.0.1", udp.getsockname()[1]), UDP, handover(stack, udp)).close()
    assert udp.getsockopt(*option) == before > usual.getsockopt(*option)


def test_a_scope_is_part_of_a_place() -> None:
    assert place_of(UDP, ("fe80::1%eth0", 53, 0, 2)) == place_of(UDP, ("fe80::1", 53, 0, 2))
    assert place_of(UDP, ("fe80::1", 53, 0, 2)) != place_of(UDP, ("fe80::1", 53, 0, 3))
    assert Place(TCP, place_of(UDP, ("::1", 53, 0, 0)).address, 53).text() == "[::1]:53 (TCP)"


# -- the environment


def test_nothing_is_taken_where_nobody_handed_anything(capfd: pytest.CaptureFixture[str]) -> None:
    assert take_handed({}).take(UDP, ("127.0.0.1", 53)) is None
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("count", ["", "0", "-1", "two", "257"])
def test_a_count_that_is_none_is_said(count: str, capfd: pytest.CaptureFixture[str]) -> None:
    take_handed({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": count})
    assert f"LISTEN_FDS is {count!r}" in capfd.readouterr().err


def test_what_was_for_another_process_is_left_alone(capfd: pytest.CaptureFixture[str]) -> None:
    environment = {"LISTEN_PID": "1", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "x", "PATH": "/bin"}
    take_handed(environment)
    assert "its sockets are for another one" in capfd.readouterr().err
    assert environment == {"PATH": "/bin"}


def test_descriptors_are_counted_from_the_first_and_have_their_names(
    stack: ExitStack, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    udp = bound(stack, UDP)
    read, write = os.pipe()
    os.close(write)
    # Two that follow each other, at a place that is free here.
    first = 200
    os.dup2(udp.fileno(), first)
    os.dup2(read, first + 1)
    os.close(read)
    monkeypatch.setattr(activation, "FIRST", first)
    handed = take_handed({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2", "LISTEN_FDNAMES": "dns:pipe"})
    stack.callback(handed.close)
    copy = handed.take(UDP, udp.getsockname())
    assert copy is not None
    copy.close()
    assert "descriptor 201 (pipe)" in capfd.readouterr().err
