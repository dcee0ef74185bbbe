"""DHCPv6 messages, relay headers, identity associations and other contents (RFC 8415, 6603, 4704)."""

from typing import Any

import pytest

from wire.dhcp.associations6 import (
    Association,
    LeasedAddress,
    LeasedPrefix,
    StatusCode,
    build_association,
    build_excluded,
    build_status,
    parse_association,
    parse_excluded,
    parse_leased_address,
    parse_leased_prefix,
    parse_status,
)
from wire.dhcp.codes6 import MessageType6, Option6, Status6
from wire.dhcp.contents6 import (
    MAX_REQUESTED,
    ClientName,
    LinkLayer,
    VendorClass,
    VendorOptions,
    build_client_name,
    build_numbers,
    build_user_class,
    build_vendor_class,
    build_vendor_options,
    parse_client_name,
    parse_link_layer,
    parse_number,
    parse_numbers,
    parse_user_class,
    parse_vendor_class,
    parse_vendor_options,
)
from wire.dhcp.packet6 import (
    MAX_HOPS,
    MAX_OPTIONS,
    MAX_PACKET,
    Packet6,
    Relayed,
    RelayHop,
    build_packet6,
    build_relay_reply,
    build_relayed,
    parse_options6,
    parse_packet6,
)
from wire.errors import Malformed

DUID = bytes.fromhex("000300010200005e1000")
LINK = bytes.fromhex("20010db8000000010000000000000001")
PEER = bytes.fromhex("fe80000000000000 02005efffe000001".replace(" ", ""))
ADDRESS = bytes.fromhex("20010db8000000010000000000000123")
PREFIX = bytes.fromhex("20010db8dead0000") + bytes(8)

SOLICIT = Packet6(MessageType6.SOLICIT, 0xABCDEF, ((1, DUID), (8, b"\0\0"), (6, b"\0\x17\0\x18")))
SOLICIT_OCTETS = b"\x01\xab\xcd\xef" + b"\0\1\0\x0a" + DUID + b"\0\x08\0\2\0\0" + b"\0\6\0\4\0\x17\0\x18"


def test_a_message_is_a_type_a_transaction_and_options() -> None:
    assert SOLICIT == parse_packet6(SOLICIT_OCTETS)
    assert SOLICIT_OCTETS == build_packet6(SOLICIT)


def test_options_are_found_by_number_and_stay_in_order() -> None:
    packet = Packet6(1, 0, ((3, b"a"), (1, b"b"), (3, b"c")))
    assert (b"a", b"b", None) == (packet.option(3), packet.option(1), packet.option(2))
    assert (b"a", b"c") == packet.every(3)
    assert (2, 1, 0) == tuple(len(packet.every(number)) for number in (3, 1, 2))


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "header"),
        (b"\1\2\3", "header"),
        (b"\1\0\0\0\0", "cut off"),
        (b"\1\0\0\0\0\1\0", "cut off"),
        (b"\1\0\0\0\0\1\0\2a", "cut off"),
        (b"\x0d" + bytes(33), "direction"),
        (b"\x0c" + bytes(32), "relay's header"),
        (b"\x0c" + bytes(33), "must hold one"),
        (b"\x0c" + bytes(33) + b"\0\x09\0\4\1\0\0\0" * 2, "must hold one"),
        (b"\x0c" + bytes(33) + b"\0\x09\0\0", "header"),
        (bytes(MAX_PACKET + 1), "longer"),
        (b"\1\0\0\0" + bytes(4 * MAX_OPTIONS + 4), "too many"),
    ],
)
def test_what_is_no_message_is_malformed(data: bytes, what: str) -> None:
    with pytest.raises(Malformed, match=what):
        parse_packet6(data)


def hops(count: int) -> tuple[RelayHop, ...]:
    return tuple(RelayHop(count - 1 - n, LINK, PEER, ((18, b"port%d" % n),)) for n in range(count))


def test_relay_headers_are_read_outermost_first() -> None:
    relayed = Relayed(hops(2), SOLICIT)
    inner = b"\x0c\0" + LINK + PEER + b"\0\x12\0\5port1" + b"\0\x09\0" + bytes((len(SOLICIT_OCTETS),)) + SOLICIT_OCTETS
    outer = b"\x0c\1" + LINK + PEER + b"\0\x12\0\5port0" + b"\0\x09\0" + bytes((len(inner),)) + inner
    assert outer == build_relayed(MessageType6.RELAY_FORWARD, relayed)
    assert relayed == parse_packet6(outer)
    assert b"port0" == relayed.hops[0].option(18)


def test_eight_relays_are_the_most() -> None:
    eight = build_relayed(MessageType6.RELAY_FORWARD, Relayed(hops(MAX_HOPS), SOLICIT))
    nine = build_relayed(MessageType6.RELAY_FORWARD, Relayed(hops(MAX_HOPS + 1), SOLICIT))
    assert Relayed(hops(8), SOLICIT) == parse_packet6(eight)
    with pytest.raises(Malformed, match="too many relays"):
        parse_packet6(nine)


def test_relay_headers_go_one_way_only() -> None:
    inner = build_relayed(MessageType6.RELAY_REPLY, Relayed(hops(1), SOLICIT))
    mixed = b"\x0c\1" + LINK + PEER + b"\0\x09\0" + bytes((len(inner),)) + inner
    with pytest.raises(Malformed, match="direction"):
        parse_packet6(mixed)


def test_a_relay_gets_its_interface_its_port_and_what_it_asked_for_back() -> None:
    options = ((37, b"\0\0\0\x09remote"), (18, b"eth7"), (135, b"\0\0"), (43, b"\0\x25\0\x35"), (38, b"subscriber"))
    outer = RelayHop(1, bytes(16), LINK, ((53, DUID),))
    inner = RelayHop(0, LINK, PEER, options)
    reply = Packet6(MessageType6.REPLY, 0xABCDEF, ((2, DUID),))
    back = parse_packet6(build_relay_reply((outer, inner), reply), MessageType6.RELAY_REPLY)
    expected = (outer._replace(options=()), inner._replace(options=options[:3]))
    assert Relayed(expected, reply) == back


def test_an_identity_association_holds_addresses_with_lifetimes() -> None:
    octets = (
        bytes.fromhex("00000007 00000708 00000b40 0005 0018".replace(" ", ""))
        + ADDRESS
        + bytes.fromhex("00000e10 00001c20".replace(" ", ""))
    )
    ours = Association(Option6.IA_NA, 7, 1800, 2880, (LeasedAddress(ADDRESS, 3600, 7200),))
    assert ours == parse_association(Option6.IA_NA, octets)
    assert (3, octets) == build_association(ours)


ASSOCIATIONS = [
    Association(Option6.IA_NA, 1, 0, 0),
    Association(
        Option6.IA_TA, 2, addresses=(LeasedAddress(ADDRESS, 1, 2, StatusCode(Status6.NOT_ON_LINK, "nicht hier")),)
    ),
    Association(Option6.IA_PD, 3, 10, 20, prefixes=(LeasedPrefix(PREFIX, 48, 5, 9),)),
    Association(Option6.IA_PD, 4, 10, 10, prefixes=(LeasedPrefix(PREFIX, 48, 5, 9, (PREFIX, 64), StatusCode(0)),)),
    Association(Option6.IA_PD, 2**32 - 1, 0, 2**32 - 1, status=StatusCode(Status6.NO_PREFIX_AVAIL, "leer")),
]


@pytest.mark.parametrize("association", ASSOCIATIONS)
def test_an_association_is_read_as_it_was_built(association: Association) -> None:
    number, octets = build_association(association)
    assert association == parse_association(number, octets)


def test_t1_after_t2_is_no_t1_and_no_t2() -> None:
    _, octets = build_association(Association(Option6.IA_NA, 1, 300, 200))
    assert (0, 0) == parse_association(Option6.IA_NA, octets)[2:4]
    _, octets = build_association(Association(Option6.IA_NA, 1, 300, 0))
    assert (300, 0) == parse_association(Option6.IA_NA, octets)[2:4]


def test_unknown_options_within_an_association_are_left_out() -> None:
    assert Association(Option6.IA_TA, 1) == parse_association(Option6.IA_TA, b"\0\0\0\1" + b"\xff\xfe\0\1x")


def test_bits_behind_a_prefix_are_cleared() -> None:
    """RFC 8415 §21.22: a receiver ignores them."""
    octets = bytes(8) + b"\x30" + b"\xff" * 16
    assert LeasedPrefix(b"\xff" * 6 + bytes(10), 48) == parse_leased_prefix(octets)


def test_the_excluded_prefix_of_rfc_6603_4_2() -> None:
    """2001:db8:dead:beef::/64 out of 2001:db8:dead:bee0::/59 (the example there): five bits, 01111, at the left."""
    delegated, excluded = (bytes.fromhex("20010db8dead" + last) + bytes(8) for last in ("bee0", "beef"))
    assert b"\x40\x78" == build_excluded(excluded, 64, 59)
    assert (excluded, 64) == parse_excluded(b"\x40\x78", delegated, 59)


@pytest.mark.parametrize("length", range(0, 128, 3))
@pytest.mark.parametrize("size", [1, 59, 64, 65, 127, 128])
def test_excluded_prefixes_of_all_lengths(length: int, size: int) -> None:
    if size > length:
        whole = bytes.fromhex("20010db8deadbeef0123456789abcdef")
        delegated = (int.from_bytes(whole, "big") >> 128 - length << 128 - length).to_bytes(16, "big")
        excluded = (int.from_bytes(whole, "big") >> 128 - size << 128 - size).to_bytes(16, "big")
        assert (excluded, size) == parse_excluded(build_excluded(excluded, size, length), delegated, length)


@pytest.mark.parametrize("data", [b"", b"\x3b\x78", b"\x3a\x78", b"\x40", b"\x40\x78\0", b"\xff" + bytes(9)])
def test_an_excluded_prefix_that_is_not_within_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed, match="not within"):
        parse_excluded(data, PREFIX, 59)


@pytest.mark.parametrize(
    ("parse", "data"),
    [
        (lambda data: parse_association(Option6.IA_NA, data), bytes(11)),
        (lambda data: parse_association(Option6.IA_TA, data), bytes(3)),
        (lambda data: parse_association(Option6.IA_NA, data), bytes(12) + b"\0\5\0\1x"),
        (parse_leased_address, bytes(23)),
        (parse_leased_prefix, bytes(24)),
        (parse_leased_prefix, bytes(8) + b"\x81" + bytes(16)),
        (parse_status, b"\0"),
        (parse_numbers, b"\0"),
        (parse_user_class, b""),
        (parse_user_class, b"\0\2a"),
        (parse_user_class, b"\0"),
        (parse_user_class, bytes(2 * MAX_OPTIONS + 2)),
        (parse_vendor_class, b"\0\0\1"),
        (parse_vendor_class, b"\0\0\1\x37"),
        (parse_vendor_options, b"\0\0\1"),
        (parse_vendor_options, b"\0\0\1\x37\0"),
        (parse_client_name, b""),
        (parse_client_name, b"\0\x40" + b"a" * 64),
        (parse_client_name, b"\0\xc0\0"),
        (parse_client_name, b"\0\1a\0\0"),
        (parse_client_name, bytes(1) + b"\1a" * 128),
        (parse_link_layer, b"\0\1"),
        (parse_link_layer, bytes(35)),
        (lambda data: parse_number(data, 2), b"\0"),
        (parse_options6, bytes(4 * MAX_OPTIONS + 4)),
    ],
)
def test_contents_that_do_not_follow_their_format_are_malformed(parse: Any, data: bytes) -> None:
    with pytest.raises(Malformed):
        parse(data)


def test_a_status_has_a_text() -> None:
    assert (13, b"\0\2sorry") == build_status(StatusCode(Status6.NO_ADDRS_AVAIL, "sorry"))
    assert StatusCode(2, "sorry") == parse_status(b"\0\2sorry")
    assert StatusCode(9, "\N{REPLACEMENT CHARACTER}") == parse_status(b"\0\x09\xff")


def test_numbers_and_their_bound() -> None:
    assert (23, 24, 65535) == parse_numbers(build_numbers((23, 24, 65535)))
    assert MAX_REQUESTED == len(parse_numbers(bytes(4 * MAX_REQUESTED)))
    assert 300 == parse_number(b"\1\x2c", 2)


def test_classes_and_vendors() -> None:
    assert (b"one", b"") == parse_user_class(build_user_class((b"one", b"")))
    vendor = VendorClass(311, (b"MSFT 5.0",))
    assert b"\0\0\1\x37\0\x08MSFT 5.0" == build_vendor_class(vendor)
    assert vendor == parse_vendor_class(build_vendor_class(vendor))
    options = VendorOptions(4491, ((32, b"a"),))
    assert b"\0\0\x11\x8b\0\x20\0\1a" == build_vendor_options(options)
    assert options == parse_vendor_options(build_vendor_options(options))


@pytest.mark.parametrize(
    ("octets", "name"),
    [
        (b"\1\6Laptop\4home\4arpa\0", ClientName(1, (b"Laptop", b"home", b"arpa"), complete=True)),
        (b"\0\6Laptop", ClientName(0, (b"Laptop",), complete=False)),
        (b"\4", ClientName(4, (), complete=False)),
        (b"\0\0", ClientName(0, (), complete=True)),
    ],
)
def test_a_clients_name_is_complete_or_not(octets: bytes, name: ClientName) -> None:
    assert name == parse_client_name(octets)
    assert octets == build_client_name(name)


def test_a_relay_tells_the_hardware_address() -> None:
    assert LinkLayer(1, b"\2\0\x5e\x10\0\0") == parse_link_layer(b"\0\1\2\0\x5e\x10\0\0")
