"""The kernel's own SLAAC as the reader of what `advertise` says, in a namespace of its own."""

import sys
from ipaddress import IPv6Address

from kit.lan import Place, lan

from dhcp.advertise import Advertising, Step, advertise, farewell
from dhcp.offer import Offer
from dhcp.settings import Advertised
from dhcp.values import Link, Own
from wire.units import Instant

SEND = """
import socket, sys
raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
raw.sendto(bytes.fromhex(sys.argv[1]), ("ff02::1", 0, 0, socket.if_nametoindex("lan")))
"""

SETTINGS = Advertised("lan", routes=((IPv6Address("fd00:9::").packed, 48, 600, 0),), mtu=1_400)
OFFER = Offer(servers6=(IPv6Address("fd00::53").packed,), search=(b"\4home\4arpa\0",))


def link(prefix: str) -> Link:
    own = (Own(IPv6Address("fe80::1").packed, 64), Own(IPv6Address(f"{prefix}1").packed, 64))
    return Link(2, "lan", b"\2\0\x5e\x10\0\1", own)


def say(server: Place, step: Step) -> Advertising:
    assert step.data is not None
    server.run(sys.executable, "-c", SEND, step.data.hex())
    return step.state


def test_the_kernel_takes_addresses_and_routes_deprecates_them_and_forgets_the_router() -> None:
    with lan() as net:
        net.bridge("lan")
        device = net.device("lan")
        device.set("net/ipv6/conf/port0/accept_ra_rt_info_max_plen", "64")
        state = say(net.server, advertise(SETTINGS, link("2001:db8:1::"), OFFER, Advertising(), Instant(100.0), 0.5))
        shown = device.ip_until("-6 address show dev port0 scope global", lambda text: "2001:db8:1:" in text)
        assert "deprecated" not in shown
        routes = device.ip_until("-6 route show dev port0", lambda text: "default" in text and "fd00:9::/48" in text)
        assert "2001:db8:1::/64" in routes
        assert "1400" in device.run("cat", "/proc/sys/net/ipv6/conf/port0/mtu")

        state = say(net.server, advertise(SETTINGS, link("2001:db8:2::"), OFFER, state, Instant(200.0), 0.5))
        shown = device.ip_until("-6 address show dev port0 scope global", lambda text: "2001:db8:2:" in text)
        old = device.ip_until("-6 address show dev port0 scope global deprecated", lambda text: "2001:db8:1:" in text)
        assert "2001:db8:2:" not in old
        seconds = int(old.split("valid_lft ")[1].split("sec")[0])
        assert 7_100 <= seconds <= 7_200

        say(net.server, farewell(SETTINGS, link("2001:db8:2::"), state, Instant(300.0)))
        routes = device.ip_until("-6 route show dev port0", lambda text: "default" not in text)
        assert "fd00:9::/48" not in routes
        assert "2001:db8:2:" in device.ip("-6 address show dev port0 scope global")
