"""Literal addresses with an interface: nothing is asked that the resolver's filter would end it for."""

import asyncio
import os
import socket

import pytest
from kit.children import ended
from kit.profiles import LINUX

from anchorhold.cells import whereabouts
from anchorhold.cells.resolver import PROFILE
from anchorhold.sandbox import enter, preload
from net import addresses
from net.addresses import endpoint_of
from net.datagram import open_datagram
from net.readiness import readiness
from net.tls import Peer, TlsFactory
from net.transport import connect
from resolver.edge.network import Network


def lo() -> int:
    return socket.if_nametoindex("lo")


def test_an_interface_is_a_number_for_the_kernel() -> None:
    assert ("192.0.2.1", 53) == endpoint_of("192.0.2.1", 53)
    assert ("2001:db8::1", 53) == endpoint_of("2001:db8::1", 53)
    assert ("fe80::1", 53, 0, lo()) == endpoint_of("fe80::1%lo", 53)
    assert ("fe80::1", 53, 0, 7) == endpoint_of("fe80::1%7", 53)
    with pytest.raises(OSError):
        endpoint_of("fe80::1%nowhere", 53)


@LINUX
@pytest.mark.parametrize("name", ["nowhere", "a-name-of-16-oct", "x" * 70_000, ""])
def test_the_kernel_numbers_its_interfaces_and_no_others(name: str) -> None:
    network = Network()
    try:
        assert lo() == network.interface("lo")
        with pytest.raises(OSError):
            network.interface(name)
    finally:
        network.close()


def test_a_server_is_not_told_by_which_interface_it_is_reached() -> None:
    assert "fe80::1" == TlsFactory().client(Peer("fe80::1%lo")).server_name("fe80::1%lo")
    assert "fe80::1" == TlsFactory().client(Peer("", verify=False)).server_name("fe80::1%lo")


@LINUX
def test_without_netlink_no_name_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> Network:
        raise OSError

    monkeypatch.setattr(addresses, "_interface", socket.if_nametoindex)
    monkeypatch.setattr(whereabouts, "Network", refused)
    assert whereabouts.open_network() is None
    with pytest.raises(OSError):
        endpoint_of("fe80::1%lo", 53)
    assert ("fe80::1", 53, 0, 7) == endpoint_of("fe80::1%7", 53)


@LINUX
def test_the_resolver_reaches_upstreams_by_an_interface_under_its_filter() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as there:
        port = there.getsockname()[1]

        async def reach() -> None:
            readiness(asyncio.get_running_loop())
            network = whereabouts.open_network()
            assert network is not None
            enter(PROFILE)
            for zone in ("lo", str(number)):
                (await connect(f"::1%{zone}", port)).close()
                open_datagram(f"::1%{zone}", port, os.urandom)[0].close()
            with pytest.raises(OSError):
                await connect("::1%nowhere", port)
            os._exit(0)

        def body() -> None:
            preload()
            asyncio.run(reach())

        number = lo()
        assert 0 == ended(body)
