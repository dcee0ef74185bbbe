"""Which of several cells hears whom: what the kernel does is what we say of it."""

import select
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from ipaddress import ip_address, ip_network

import pytest
from kit.peers import free_ports

from anchorhold import spreading
from anchorhold.activation import Handover
from anchorhold.config.service import ListenAddress
from anchorhold.listeners import CannotListen, open_listener, open_shared
from anchorhold.spreading import cell_of

PATIENCE = 60.0
UDP, TCP = socket.SOCK_DGRAM, socket.SOCK_STREAM


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


def group(stack: ExitStack, host: str, kind: socket.SocketKind, cells: int) -> tuple[socket.socket, ...]:
    opened = open_shared(ListenAddress(host, 0), kind, cells)
    for one in opened:
        stack.enter_context(one)
    return opened


def heard_at(opened: tuple[socket.socket, ...], source: str) -> int:
    """The place of the socket that hears somebody who asks from `source`, from a port that was never used before."""
    with socket.socket(opened[0].family, opened[0].type) as client:
        client.bind((source, 0))
        client.connect(opened[0].getsockname())
        # Over TCP too: who says nothing is not shown to a cell for seconds (TCP_DEFER_ACCEPT).
        client.send(b"x")
        (ready,) = select.select(opened, [], [], PATIENCE)[0]
        if client.type == UDP:
            ready.recv(16)
        else:
            ready.accept()[0].close()
    return opened.index(ready)


@pytest.mark.parametrize("kind", [UDP, TCP])
@pytest.mark.parametrize("cells", [2, 3, 5])
def test_the_kernel_sends_each_address_where_we_say_whatever_its_port(
    stack: ExitStack, kind: socket.SocketKind, cells: int
) -> None:
    opened = group(stack, "127.0.0.1", kind, cells)
    for host in range(1, 17):
        source = ip_address(f"127.0.0.{host}")
        assert {heard_at(opened, str(source)) for _ in range(3)} == {cell_of(source.packed, cells)}


@pytest.mark.parametrize("kind", [UDP, TCP])
@pytest.mark.parametrize("cells", [2, 3, 4, 5, 6, 7, 8, 64])
def test_so_it_does_with_ipv6(stack: ExitStack, kind: socket.SocketKind, cells: int) -> None:
    opened = group(stack, "::1", kind, cells)
    assert {heard_at(opened, "::1") for _ in range(3)} == {cell_of(ip_address("::1").packed, cells)}


@pytest.mark.parametrize("network", ["192.168.1.0/24", "10.0.0.0/24", "100.64.7.0/25"])
@pytest.mark.parametrize("cells", [2, 3, 4, 8])
def test_neighbours_come_to_all_cells_alike(network: str, cells: int) -> None:
    hosts = [*ip_network(network).hosts()]
    found = Counter(cell_of(host.packed, cells) for host in hosts)
    assert max(found.values()) - min(found.get(cell, 0) for cell in range(cells)) <= 3


def test_households_of_ipv6_come_to_all_cells_and_each_to_one() -> None:
    homes = [*ip_network("2001:db8::/44").subnets(new_prefix=56)]
    found = Counter(cell_of(home.network_address.packed, 4) for home in homes)
    assert max(found.values()) - min(found.values()) <= len(homes) // 100
    rooms = ip_network("2001:db8:7:1200::/56").subnets(new_prefix=60)
    assert len({cell_of(room.network_address.packed, 64) for room in rooms}) == 1


def test_who_has_the_port_already_is_noticed_even_if_it_shares(stack: ExitStack) -> None:
    taken = stack.enter_context(socket.socket(socket.AF_INET, UDP))
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    taken.bind(("127.0.0.1", 0))
    with pytest.raises(CannotListen, match="in use"):
        open_shared(ListenAddress("127.0.0.1", taken.getsockname()[1]), UDP, 2)


def test_who_joins_later_hears_nobody(stack: ExitStack) -> None:
    opened = group(stack, "127.0.0.1", UDP, 2)
    late = stack.enter_context(socket.socket(socket.AF_INET, UDP))
    late.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    late.bind(opened[0].getsockname())
    for host in range(1, 9):
        assert heard_at((*opened, late), f"127.0.0.{host}") == cell_of(ip_address(f"127.0.0.{host}").packed, 2)


def test_a_listener_has_a_socket_of_each_kind_for_each_cell(stack: ExitStack) -> None:
    listener = open_listener(ListenAddress("127.0.0.1", 0), None, 3)
    stack.callback(listener.close)
    found = [listener.sockets(number) for number in range(4)]
    assert [(len(udp), len(tcp)) for udp, tcp in found] == [(1, 1)] * 3 + [(0, 0)]
    assert {one.getsockname()[1] for pair in found for kind in pair for one in kind} == {listener.place.port}


def test_a_socket_of_the_service_manager_is_for_one_cell(stack: ExitStack, capfd: pytest.CaptureFixture[str]) -> None:
    udp = stack.enter_context(socket.socket(socket.AF_INET, UDP))
    # TCP is opened at the same port.
    udp.bind(("127.0.0.1", free_ports(1)[0]))
    handed = Handover()
    stack.callback(handed.close)
    handed.add(socket.fromfd(udp.fileno(), udp.family, udp.type).detach(), "test")
    place = ListenAddress("127.0.0.1", udp.getsockname()[1])
    listener = open_listener(place, handed, 2)
    stack.callback(listener.close)
    assert [len(udp) for udp, _ in (listener.sockets(0), listener.sockets(1))] == [1, 0]
    assert f"{place.text()} is the service manager's socket: one cell serves it" in capfd.readouterr().err


def test_where_the_kernel_cannot_choose_nothing_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreading, "ATTACH", 9_999)
    with pytest.raises(CannotListen, match=r"cannot be shared by 2 cells .* cores = 1"):
        open_shared(ListenAddress("127.0.0.1", 0), UDP, 2)
