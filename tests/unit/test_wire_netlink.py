"""What the kernel says of interfaces: messages made here, as the kernel makes them, and the real kernel's loopback."""

import random
import struct

import pytest

from dhcp.edge.links import Links, read_links
from dhcp.values import Own
from wire.errors import Malformed
from wire.netlink import (
    AddressNews,
    Done,
    LinkNews,
    NetlinkType,
    RouteNews,
    build_dump,
    build_route_question,
    parse_news,
)

UP, RUNNING = 0x1, 0x40
BRIDGE = 7


def message(kind: int, body: bytes) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 1, 0) + body + bytes(-len(body) % 4)


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def link(number: int, name: str, flags: int = UP | RUNNING, kind: int = NetlinkType.NEWLINK, family: int = 0) -> bytes:
    body = struct.pack("=BxHiII", family, 1, number, flags, 0)
    body += (
        attribute(3, name.encode() + b"\0") + attribute(1, b"\2\0\x5e\x10\0\1") + attribute(4, struct.pack("=I", 1500))
    )
    return message(kind, body)


def address(number: int, octets: bytes, length: int, more: bytes = b"", kind: int = NetlinkType.NEWADDR) -> bytes:
    body = struct.pack("=BBBBI", 2 if len(octets) == 4 else 10, length, 0, 0, number) + attribute(1, octets) + more
    return message(kind, body)


DONE = message(NetlinkType.DONE, bytes(4))


def test_a_link_has_its_name_and_its_hardware_address() -> None:
    assert [LinkNews(7, "eth1", b"\2\0\x5e\x10\0\1", 1500, True, False)] == list(parse_news(link(7, "eth1")))


@pytest.mark.parametrize("flags", [0, UP, RUNNING])
def test_a_link_without_a_cable_is_not_up(flags: int) -> None:
    (news,) = parse_news(link(7, "eth1", flags))
    assert isinstance(news, LinkNews)
    assert not news.up


def test_a_port_that_leaves_a_bridge_is_not_gone() -> None:
    assert [] == list(parse_news(link(7, "eth1", kind=NetlinkType.DELLINK, family=BRIDGE)))


def test_lifetimes_are_read_and_for_ever_is_none() -> None:
    soon = attribute(6, struct.pack("=IIII", 60, 120, 0, 0))
    ever = attribute(6, struct.pack("=IIII", 0xFFFFFFFF, 0xFFFFFFFF, 0, 0))
    six = bytes.fromhex("20010db8") + bytes(12)
    assert [AddressNews(7, six, 64, 60, 120, True, False)] == list(parse_news(address(7, six, 64, soon)))
    assert [AddressNews(7, six, 64, None, None, True, False)] == list(parse_news(address(7, six, 64, ever)))


def test_an_address_that_is_still_asked_about_is_not_usable() -> None:
    (news,) = parse_news(address(7, bytes(16), 64, attribute(8, struct.pack("=I", 0x40))))
    assert isinstance(news, AddressNews)
    assert not news.usable


def test_the_local_end_counts_not_the_other_sides() -> None:
    (news,) = parse_news(address(7, b"\xc0\0\2\2", 32, attribute(2, b"\xc0\0\2\1")))
    assert isinstance(news, AddressNews)
    assert b"\xc0\0\2\1" == news.address


def test_errors_have_their_number() -> None:
    assert [Done(16)] == list(parse_news(message(NetlinkType.ERROR, struct.pack("=i", -16) + bytes(16))))


@pytest.mark.parametrize(
    "data",
    [
        b"\1",
        struct.pack("=IHHII", 15, 16, 0, 0, 0),
        struct.pack("=IHHII", 99, 16, 0, 0, 0),
        message(NetlinkType.NEWLINK, b"\0\0\0"),
        message(NetlinkType.NEWADDR, b"\0\0\0"),
        message(NetlinkType.DONE, b""),
        address(7, b"\1\2\3", 8),
        address(7, b"\xc0\0\2\1", 33),
        message(NetlinkType.NEWLINK, struct.pack("=BxHiII", 0, 1, 7, 0, 0) + struct.pack("=HH", 3, 1)),
        message(NetlinkType.NEWLINK, struct.pack("=BxHiII", 0, 1, 7, 0, 0) + struct.pack("=HH", 90, 1)),
    ],
)
def test_what_does_not_follow_the_format_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        list(parse_news(data))


def test_nothing_but_malformed_is_raised_whatever_comes() -> None:
    chance = random.Random(5)
    good = link(7, "eth1") + address(7, bytes(16), 64, attribute(6, bytes(16))) + DONE
    for _ in range(5_000):
        mutated = bytearray(good)
        for _ in range(chance.randint(1, 6)):
            mutated[chance.randrange(len(mutated))] = chance.randrange(256)
        try:
            list(parse_news(bytes(mutated[: chance.randint(1, len(mutated))])))
        except Malformed:
            continue


def test_a_question_for_everything_asks_for_a_dump() -> None:
    assert struct.pack("=IHHII", 32, 18, 0x301, 2, 0) + bytes(16) == build_dump(NetlinkType.GETLINK, 2)
    assert 24 == len(build_dump(NetlinkType.GETADDR, 1))


# The table of interfaces that is kept of it.


@pytest.fixture
def links() -> Links:
    made = Links()
    made.socket.close()
    made.socket = Silent()  # type: ignore[assignment]
    return made


class Silent:
    """A socket to nobody."""

    def sendmsg(self, _parts: tuple[bytes, ...]) -> None:
        return


def test_interfaces_and_addresses_come_and_go(links: Links) -> None:
    four = b"\xc0\0\2\1"
    links.take(link(7, "eth1") + address(7, four, 24))
    found = links.current()[7]
    assert ("eth1", (Own(four, 24),), 1500) == (found.name, found.addresses, links.mtu(7))
    links.take(address(7, four, 24, kind=NetlinkType.DELADDR))
    assert () == links.current()[7].addresses
    links.take(link(7, "eth1", kind=NetlinkType.DELLINK))
    assert 7 not in links.current()


def test_after_lost_news_what_is_not_told_again_is_gone(links: Links) -> None:
    links.take(link(7, "eth1") + address(7, b"\xc0\0\2\1", 24) + link(8, "eth2") + DONE + DONE)
    assert links.complete
    links._ask_all()
    links.take(link(8, "eth2") + DONE + DONE)
    assert [8] == list(links.current())


def test_what_does_not_decode_is_counted(links: Links) -> None:
    links.take(b"\1\2\3")
    assert 1 == links.failures


def test_the_kernel_tells_the_loopback() -> None:
    loopback = next(one for one in read_links().values() if one.name == "lo")
    assert b"\x7f\0\0\1" in {own.address for own in loopback.addresses}


def route(attributes: bytes) -> bytes:
    return message(NetlinkType.NEWROUTE, struct.pack("=BBBBBBBBI", 2, 32, 0, 0, 254, 0, 0, 1, 0) + attributes)


def test_a_route_has_its_interface_its_gateway_and_our_address() -> None:
    octets = attribute(4, struct.pack("=I", 7)) + attribute(5, b"\xc0\0\2\1") + attribute(7, b"\xc0\0\2\2")
    assert [RouteNews(7, b"\xc0\0\2\1", b"\xc0\0\2\2")] == list(parse_news(route(octets)))
    over_other_family = attribute(4, struct.pack("=I", 7)) + attribute(18, b"\x0a\0" + bytes(16))
    assert [RouteNews(7, b"\x0a\0" + bytes(16), b"")] == list(parse_news(route(over_other_family)))


def test_how_often_a_cable_was_pulled_out_is_told_with_its_link() -> None:
    body = struct.pack("=BxHiII", 0, 1, 7, UP | RUNNING, 0) + attribute(35, struct.pack("=I", 12))
    (news,) = parse_news(message(NetlinkType.NEWLINK, body))
    assert isinstance(news, LinkNews)
    assert news.changes == 12


@pytest.mark.parametrize("destination", [b"\xc0\0\2\1", bytes(15) + b"\1"])
def test_the_question_for_a_way_holds_the_whole_destination(destination: bytes) -> None:
    question = build_route_question(destination, 9)
    assert (len(question), NetlinkType.GETROUTE, 1, 9) == struct.unpack_from("=IHHI", question)[:4]
    assert bytes((2 if len(destination) == 4 else 10, 8 * len(destination))) == question[16:18]
    assert question.endswith(destination)


def test_half_a_route_is_malformed() -> None:
    with pytest.raises(Malformed):
        list(parse_news(message(NetlinkType.NEWROUTE, bytes(8))))
