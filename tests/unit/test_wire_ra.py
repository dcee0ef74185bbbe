"""Router advertisements, solicitations, neighbour discovery (RFC 4861, 4191, 8106, 8781, 8910, 9463)."""

from ipaddress import IPv6Address
from pathlib import Path
from typing import Any

import pytest
from kit.dissect6 import complaints, dissect, icmp, values

from wire.dhcp.codecs import INFINITE
from wire.dhcp.dnr import Resolver, service_parameters
from wire.dhcp.neighbour import (
    MAX_ND_OPTIONS,
    UNSPECIFIED,
    Advertisement,
    Solicitation,
    build_nd_option,
    build_neighbour_advertisement,
    build_neighbour_solicitation,
    parse_nd_options,
    parse_neighbour_advertisement,
    parse_neighbour_solicitation,
    solicited_node,
)
from wire.dhcp.ra import (
    ALL_NODES,
    ALL_ROUTERS,
    Encrypted,
    Prefix64,
    PrefixInformation,
    Route,
    RouterAdvertisement,
    RouterSolicitation,
    Search,
    Servers,
    build_router_advertisement,
    build_router_solicitation,
    fit_router_advertisement,
    parse_router_advertisement,
    parse_router_solicitation,
)
from wire.errors import Malformed


def ip(text: str) -> bytes:
    return IPv6Address(text).packed


ROUTER = ip("fe80::1")
HARDWARE = b"\2\0\x5e\x10\0\1"
DOT = Resolver(1, b"\3dns\4home\4arpa\0", (ip("2001:db8::53"), ip("fd00::53")), service_parameters(("dot",)))
DOH = Resolver(2, b"\3dns\4home\4arpa\0", (ip("2001:db8::53"),), service_parameters(("h2", "h3"), 8443, "/q{?dns}"))

WHOLE = RouterAdvertisement(
    hop_limit=64,
    managed=True,
    other=True,
    preference=-1,
    lifetime=1800,
    reachable=30_000,
    retransmit=1_000,
    link_layer=HARDWARE,
    mtu=1_480,
    prefixes=(
        PrefixInformation(ip("2001:db8:1::"), 64, 86_400, 14_400),
        PrefixInformation(ip("fd00:1::"), 48, INFINITE, INFINITE, on_link=False, autonomous=False, delegates=True),
    ),
    servers=(Servers(0, (ip("fd00::1"),)), Servers(1_800, (ip("2001:db8::53"), ip("fd00::53")))),
    search=(Search(1_800, (b"\4home\4arpa\0", b"\7example\3org\0")),),
    encrypted=(Encrypted(0, DOH), Encrypted(1_800, DOT), Encrypted(1_800, DOH)),
    nat64=(Prefix64(ip("64:ff9b::"), 96, 1_800), Prefix64(ip("2001:db8:64::"), 48, 0)),
    routes=(Route(bytes(16), 0, 600, 1), Route(ip("fd00:2::"), 48, 0, -1), Route(ip("fd00:3::7"), 128, 60)),
    captive_portal="https://portal.example/api",
)


def test_an_advertisement_is_read_as_it_was_built() -> None:
    assert WHOLE == parse_router_advertisement(build_router_advertisement(WHOLE), 255, ROUTER)
    assert RouterAdvertisement() == parse_router_advertisement(
        build_router_advertisement(RouterAdvertisement()), 255, ROUTER
    )


OCTETS = [
    ("rfc4861-4.2", RouterAdvertisement(64, True, False, 1, 1800, 1, 2), "8600 0000 40 88 0708 00000001 00000002"),
    ("rfc4191-2.2", RouterAdvertisement(64, preference=1), "8600 0000 40 00 0000 00000000 00000000"),
    (
        "rfc4861-4.6.2",
        PrefixInformation(ip("2001:db8:1::"), 64, 0x15180, 0x3840),
        "0304 40 c0 00015180 00003840 00000000 20010db8000100000000000000000000",
    ),
    (
        "rfc9762-4",
        PrefixInformation(ip("2001:db8:1::"), 64, 1, 1, False, True, True),
        "0304 40 50 00000001 00000001 00000000 20010db8000100000000000000000000",
    ),
    ("rfc8106-5.1", Servers(600, (ip("2001:db8::53"),)), "1903 0000 00000258 20010db8000000000000000000000053"),
    ("rfc8106-5.2", Search(600, (b"\4home\4arpa\0",)), "1f03 0000 00000258 04686f6d650461727061 00 0000000000"),
    ("rfc8781-4", Prefix64(ip("64:ff9b::"), 96, 1800), "2602 0708 0064ff9b0000000000000000"),
    ("rfc8781-4 length 32, rounded up", Prefix64(ip("2001:db8::"), 32, 1801), "2602 0715 20010db80000000000000000"),
    ("rfc8781-4 the longest", Prefix64(ip("2001:db8::"), 64, 99_999), "2602 fff9 20010db80000000000000000"),
    ("rfc4191-2.3 default", Route(bytes(16), 0, 600, 1), "1801 00 08 00000258"),
    ("rfc4191-2.3 half", Route(ip("fd00:2::"), 48, 600, -1), "1802 30 18 00000258 fd00000200000000"),
    (
        "rfc4191-2.3 whole",
        Route(ip("fd00:2::"), 65, 600),
        "1803 41 00 00000258 fd000002000000000000000000000000",
    ),
    (
        "rfc9463-6.1",
        Encrypted(600, Resolver(1, b"\1a\0", (ip("fd00::53"),), service_parameters(("dot",)))),
        "9006 0001 00000258 0003 016100 0010 fd000000000000000000000000000053 0008 0001 0004 03646f74 00000000000000",
    ),
]


def whole(one: Any) -> RouterAdvertisement:
    match one:
        case RouterAdvertisement():
            return one
        case PrefixInformation():
            return RouterAdvertisement(prefixes=(one,))
        case Servers():
            return RouterAdvertisement(servers=(one,))
        case Search():
            return RouterAdvertisement(search=(one,))
        case Prefix64():
            return RouterAdvertisement(nat64=(one,))
        case Route():
            return RouterAdvertisement(routes=(one,))
        case _:
            return RouterAdvertisement(encrypted=(one,))


@pytest.mark.parametrize(("source", "one", "octets"), OCTETS, ids=[row[0] for row in OCTETS])
def test_every_option_octet_by_octet_as_its_rfc_draws_it(source: str, one: Any, octets: str) -> None:
    built = build_router_advertisement(whole(one))
    assert bytes.fromhex(octets) == (built if isinstance(one, RouterAdvertisement) else built[16:])


def test_a_router_that_is_no_default_router_has_no_preference() -> None:
    """RFC 4191 §2.2; and the reserved one counts as medium."""
    assert 0 == parse_router_advertisement(bytes.fromhex("8600000040080000") + bytes(8), 255, ROUTER).preference
    assert 0 == parse_router_advertisement(bytes.fromhex("8600000040100708") + bytes(8), 255, ROUTER).preference


def test_reserved_routes_and_reserved_lengths_of_pref64_are_passed_over() -> None:
    octets = build_router_advertisement(RouterAdvertisement()) + bytes.fromhex(
        "1801001000000258" + "26020706" + "00" * 12
    )
    assert RouterAdvertisement() == parse_router_advertisement(octets, 255, ROUTER)


def test_unknown_options_are_passed_over() -> None:
    octets = build_router_advertisement(RouterAdvertisement()) + b"\xfd\1" + bytes(6)
    assert RouterAdvertisement() == parse_router_advertisement(octets, 255, ROUTER)


def test_an_encrypted_resolver_may_have_a_name_only() -> None:
    for tail in ("", "0000 0000 000000"):
        content = bytes.fromhex("0001 00000258 0003 016100" + tail)
        octets = build_router_advertisement(RouterAdvertisement()) + build_nd_option(144, content)
        found = parse_router_advertisement(octets, 255, ROUTER).encrypted
        assert (Encrypted(600, Resolver(1, b"\1a\0")),) == found


HEAD = build_router_advertisement(RouterAdvertisement())


@pytest.mark.parametrize(
    ("data", "hop_limit", "source"),
    [
        (HEAD, 254, ROUTER),
        (HEAD, 255, ip("2001:db8::1")),
        (HEAD, 255, b""),
        (HEAD[:15], 255, ROUTER),
        (b"\x86\1" + HEAD[2:], 255, ROUTER),
        (b"\x85" + HEAD[1:], 255, ROUTER),
        (HEAD + b"\1", 255, ROUTER),
        (HEAD + b"\1\0" + bytes(6), 255, ROUTER),
        (HEAD + b"\1\2" + bytes(6), 255, ROUTER),
        (HEAD + b"\3\1" + bytes(6), 255, ROUTER),
        (HEAD + b"\3\4\x81" + bytes(29), 255, ROUTER),
        (HEAD + b"\x18\1\1" + bytes(5), 255, ROUTER),
        (HEAD + b"\x18\3\x81" + bytes(21), 255, ROUTER),
        (HEAD + b"\x18\4\x40" + bytes(29), 255, ROUTER),
        (HEAD + b"\x19\1" + bytes(6), 255, ROUTER),
        (HEAD + b"\x19\2" + bytes(14), 255, ROUTER),
        (HEAD + b"\x1f\1" + bytes(6), 255, ROUTER),
        (HEAD + b"\x1f\2" + bytes(6) + b"\x40" + bytes(7), 255, ROUTER),
        (HEAD + b"\x26\1" + bytes(6), 255, ROUTER),
        (HEAD + b"\x90\1" + bytes(6), 255, ROUTER),
        (HEAD + build_nd_option(144, bytes.fromhex("0001 00000258 0001 00")), 255, ROUTER),
        (HEAD + build_nd_option(144, bytes.fromhex("0001 00000258 0003 016100 0008" + "00" * 8)), 255, ROUTER),
        (HEAD + build_nd_option(144, bytes.fromhex("0001 00000258 0003 016100 0010" + "00" * 18)), 255, ROUTER),
    ],
)
def test_an_advertisement_that_is_not_to_be_believed_is_malformed(data: bytes, hop_limit: int, source: bytes) -> None:
    with pytest.raises(Malformed):
        parse_router_advertisement(data, hop_limit, source)


def test_what_does_not_fit_is_left_out_and_counted() -> None:
    servers = Servers(600, tuple(ip(f"fd00::{n}") for n in range(1, 4)))
    said = RouterAdvertisement(lifetime=1800, prefixes=WHOLE.prefixes, servers=(servers,), routes=WHOLE.routes)
    fitted = fit_router_advertisement(said, 16 + 64 + 56 + 8)
    assert (16 + 64 + 56 + 8, 2) == (len(fitted.data), fitted.left_out)
    assert (WHOLE.routes[0],) == parse_router_advertisement(fitted.data, 255, ROUTER).routes


def test_a_solicitation() -> None:
    assert bytes.fromhex("8500000000000000 0101 02005e100001") == build_router_solicitation(HARDWARE)
    assert RouterSolicitation(HARDWARE) == parse_router_solicitation(build_router_solicitation(HARDWARE), 255, ROUTER)
    assert RouterSolicitation() == parse_router_solicitation(build_router_solicitation(), 255, UNSPECIFIED)


@pytest.mark.parametrize(
    ("data", "hop_limit", "source"),
    [
        (build_router_solicitation(), 64, ROUTER),
        (build_router_solicitation()[:7], 255, ROUTER),
        (b"\x85\1" + bytes(6), 255, ROUTER),
        (b"\x86" + bytes(7), 255, ROUTER),
        (bytes.fromhex("8500000000000000 0100 000000000000"), 255, ROUTER),
        (build_router_solicitation(HARDWARE), 255, UNSPECIFIED),
    ],
)
def test_a_solicitation_that_rfc_4861_6_1_1_discards_is_malformed(data: bytes, hop_limit: int, source: bytes) -> None:
    with pytest.raises(Malformed):
        parse_router_solicitation(data, hop_limit, source)


TARGET = ip("2001:db8::1:2:3456")


def test_a_probe_is_sent_to_the_group_of_its_target() -> None:
    assert ip("ff02::1:ff02:3456") == solicited_node(TARGET)
    assert bytes.fromhex("8700000000000000") + TARGET == build_neighbour_solicitation(TARGET)
    with_nonce = build_neighbour_solicitation(TARGET, b"nonce!")
    assert bytes.fromhex("8700000000000000") + TARGET + b"\x0e\1nonce!" == with_nonce
    assert Solicitation(TARGET, b"", b"nonce!") == parse_neighbour_solicitation(
        with_nonce, 255, UNSPECIFIED, solicited_node(TARGET)
    )


def test_who_has_an_address_says_so() -> None:
    found = Advertisement(TARGET, router=False, solicited=False, override=True, link_layer=HARDWARE)
    octets = bytes.fromhex("8800000020000000") + TARGET + b"\2\1" + HARDWARE
    assert octets == build_neighbour_advertisement(found)
    assert found == parse_neighbour_advertisement(octets, 255, ALL_NODES)
    asked = found._replace(solicited=True, router=True, link_layer=b"")
    assert asked == parse_neighbour_advertisement(build_neighbour_advertisement(asked), 255, ROUTER)


ANSWER = build_neighbour_advertisement(Advertisement(TARGET, False, True, False))
PROBE = build_neighbour_solicitation(TARGET)


@pytest.mark.parametrize(
    ("data", "hop_limit", "destination"),
    [
        (ANSWER, 254, ROUTER),
        (ANSWER, 255, ALL_NODES),
        (ANSWER[:23], 255, ROUTER),
        (b"\x88\1" + ANSWER[2:], 255, ROUTER),
        (ANSWER + b"\2\0", 255, ROUTER),
        (ANSWER[:8] + ALL_NODES, 255, ROUTER),
    ],
)
def test_an_advertisement_that_rfc_4861_7_1_2_discards_is_malformed(
    data: bytes, hop_limit: int, destination: bytes
) -> None:
    with pytest.raises(Malformed):
        parse_neighbour_advertisement(data, hop_limit, destination)


@pytest.mark.parametrize(
    ("data", "hop_limit", "source", "destination"),
    [
        (PROBE, 64, UNSPECIFIED, solicited_node(TARGET)),
        (PROBE, 255, UNSPECIFIED, TARGET),
        (PROBE[:8] + ALL_NODES, 255, ROUTER, TARGET),
        (PROBE + b"\1\1" + HARDWARE, 255, UNSPECIFIED, solicited_node(TARGET)),
    ],
)
def test_a_solicitation_that_rfc_4861_7_1_1_discards_is_malformed(
    data: bytes, hop_limit: int, source: bytes, destination: bytes
) -> None:
    with pytest.raises(Malformed):
        parse_neighbour_solicitation(data, hop_limit, source, destination)


def test_options_are_bounded() -> None:
    assert MAX_ND_OPTIONS == len(parse_nd_options(b"\xfd\1" + bytes(6) + (b"\xfd\1" + bytes(6)) * 63, 0))
    with pytest.raises(Malformed, match="too many"):
        parse_nd_options((b"\xfd\1" + bytes(6)) * 65, 0)
    with pytest.raises(ValueError, match=r"2,040"):
        build_nd_option(1, bytes(2_039))


UNKNOWN_TO_TSHARK = (
    "Dissector for ICMPv6 Option (144) code not implemented, Contact Wireshark developers if you want this supported"
)
"""Its own lack, not ours: encrypted resolvers in advertisements are held to RFC 9463's drawing above."""


@pytest.mark.peer("tshark")
def test_tshark_reads_the_same_and_has_no_complaint(tmp_path: Path) -> None:
    packets = [
        icmp(ROUTER, ALL_NODES, build_router_advertisement(WHOLE)),
        icmp(ROUTER, ALL_ROUTERS, build_router_solicitation(HARDWARE)),
        icmp(UNSPECIFIED, solicited_node(TARGET), PROBE),
        icmp(TARGET, ALL_NODES, build_neighbour_advertisement(Advertisement(TARGET, False, False, True, HARDWARE))),
    ]
    layers = dissect(packets, tmp_path)
    assert {UNKNOWN_TO_TSHARK} == {complaint for one in layers for complaint in complaints(one)}
    said = layers[0]["icmpv6"]
    assert ["1480"] == values(said, "icmpv6.opt.mtu")
    assert ["2001:db8:1::", "fd00:1::"] == values(said, "icmpv6.opt.prefix")[:2]
    assert ["fd00::1", "2001:db8::53", "fd00::53"] == values(said, "icmpv6.opt.rdnss")
    assert ["https://portal.example/api"] == values(said, "icmpv6.opt.captive_portal")
    assert ["64:ff9b::", "2001:db8:64::"] == values(said, "icmpv6.opt.pref64.prefix")
