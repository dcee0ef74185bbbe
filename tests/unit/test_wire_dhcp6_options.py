"""The table of DHCPv6 options, and its kinds of values (RFC 8415 §21, 5908, 3646, 9463 and what the rows name)."""

from pathlib import Path

import pytest
from kit.dissect6 import complaints, dissect, udp, values

from wire.dhcp.associations6 import Association, LeasedAddress, LeasedPrefix, StatusCode, build_association
from wire.dhcp.codes6 import MessageType6, Option6, Status6
from wire.dhcp.contents6 import ClientName, build_client_name
from wire.dhcp.options6 import NEVER_SET6, OPTIONS6
from wire.dhcp.packet6 import Packet6, RelayHop, build_packet6, build_relay_reply
from wire.dhcp.table import Option
from wire.errors import Malformed

every = pytest.mark.parametrize("row", OPTIONS6.rows, ids=lambda row: row.name)


@every
def test_a_row_reads_its_example_and_shows_it_the_same(row: Option) -> None:
    data = row.codec.from_text(row.codec.example)
    shown = row.codec.to_text(data)
    assert data == row.codec.from_text(shown)
    row.codec.check(data)


@every
def test_a_row_says_where_it_is_defined(row: Option) -> None:
    assert row.section.startswith("RFC ")
    assert row.name == row.name.lower().replace("_", "-").replace(" ", "-")
    assert 0 < row.number < 2**16


def test_numbers_and_names_are_unique() -> None:
    names = [name for row in OPTIONS6.rows for name in (row.name, *row.also)]
    assert len(names) == len(set(names))
    assert len(OPTIONS6.rows) == len({row.number for row in OPTIONS6.rows})


@every
def test_octets_that_are_no_value_are_malformed_and_nothing_else(row: Option) -> None:
    for data in (b"", b"\0", b"\xff" * 3, b"\xff" * 300, b"\xc0\0", bytes(1), bytes(19)):
        try:
            row.codec.check(data)
        except Malformed:
            continue


VECTORS = [
    ("dns-servers", "2001:db8::1,fd00::53", "20010db8000000000000000000000001 fd000000000000000000000000000053"),
    ("domain-search", "home.arpa,example.org", "04686f6d650461727061 00 076578616d706c65036f7267 00"),
    ("ntp-servers", "2001:db8::123", "0001 0010 20010db8000000000000000000000123"),
    ("ntp-servers", "multicast:ff05::101", "0002 0010 ff050000000000000000000000000101"),
    ("ntp-servers", "ntp.example.org,2001:db8::1",
     "0003 0011 036e7470 076578616d706c65 036f7267 00 0001 0010 20010db8000000000000000000000001"),
    ("boot-file-url", "http://[2001:db8::1]/boot", b"http://[2001:db8::1]/boot".hex()),
    ("boot-file-parameters", "a=b,quiet", "0003 613d62 0005 7175696574"),
    ("captive-portal", "https://portal.example/api", b"https://portal.example/api".hex()),
    ("sol-max-rt", "3600", "00000e10"),
    ("information-refresh-time", "1d", "00015180"),
    ("preference", "255", "ff"),
    ("vendor-options", "4491 32=0a0b 33=0c", "0000118b 0020 0002 0a0b 0021 0001 0c"),
    ("dhcp4-over-dhcp6-servers", "none", ""),
    ("rapid-commit", "hex:", ""),
    ("dnr", "1 dns.home.arpa fd00::53 alpn=dot port=8853",
     "0001 000f 03646e73 04686f6d65 0461727061 00 0010 fd000000000000000000000000000053 0001 0004 03646f74 0003 0002 2295"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "octets"), VECTORS, ids=[f"{row[0]} {row[1][:20]}" for row in VECTORS])
def test_values_octet_by_octet(name: str, text: str, octets: str) -> None:
    row = OPTIONS6.named(name)
    assert bytes.fromhex(octets) == row.codec.from_text(text)
    assert bytes.fromhex(octets) == row.codec.from_text(OPTIONS6.to_text(row.number, bytes.fromhex(octets)))


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("dns-servers", "192.0.2.1", "IPv6"),
        ("dns-servers", "fe80::1%eth0", "interface"),
        ("ntp-servers", "multicast:2001:db8::1", "multicast"),
        ("ntp-servers", "a.example b.example", "not one name"),
        ("vendor-options", "4491 x", "number=octets"),
        ("vendor-options", "4491 65536=00", "is not"),
        ("sol-max-rt", "59", "60 to 86400"),
        ("aftr-name", "a.example,b.example", "one name"),
        ("ia-na", "000102030405060708090a0b", "cannot be set"),
        ("65536", "00", "1 to 65535"),
        ("dns-server-list", "::1", "is it"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_text(name: str, text: str, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        OPTIONS6.from_text(name, text)


@pytest.mark.parametrize(
    ("number", "octets"),
    [
        (24, "0161 00 c000"),
        (64, "0161 00 0162 00"),
        (56, ""),
        (56, "0001 0004 00000000"),
        (56, "0009 0000"),
        (56, "0003 0004 0161 00 00"),
        (56, "0003 0001 01"),
        (17, "000001"),
        (23, "00"),
        (82, "00000001"),
    ],
)
def test_octets_of_others_that_are_no_value_are_shown_as_octets(number: int, octets: str) -> None:
    with pytest.raises(Malformed):
        OPTIONS6.numbered(number).codec.check(bytes.fromhex(octets))
    assert f"hex:{octets.replace(' ', '')}" == OPTIONS6.to_text(number, bytes.fromhex(octets))


def test_what_the_protocol_says_itself_cannot_be_set() -> None:
    assert {1, 2, 3, 5, 9, 13, 14, 18, 25, 39} <= NEVER_SET6
    assert not {7, 17, 23, 24, 31, 32, 56, 59, 60, 82, 83, 103, 144} & NEVER_SET6


def test_an_option_without_a_row_is_octets() -> None:
    assert (4_000, b"\1\2") == OPTIONS6.from_text("4000", "hex:0102")
    assert "01:02" == OPTIONS6.to_text(4_000, b"\1\2")


CLIENT, SERVER = bytes.fromhex("fe80") + bytes(13) + b"\2", bytes.fromhex("fe80") + bytes(13) + b"\1"
DUID = bytes.fromhex("000300010200005e1000")
PREFIX = bytes.fromhex("20010db800010000") + bytes(8)


def reply() -> Packet6:
    """With everything that a reply of ours can hold."""
    leased = LeasedAddress(PREFIX[:15] + b"\7", 3_600, 7_200)
    delegated = LeasedPrefix(PREFIX[:6] + bytes(10), 48, 3_600, 7_200, (PREFIX, 64))
    answers = [
        Association(Option6.IA_NA, 1, 1_800, 2_880, (leased,)),
        Association(Option6.IA_NA, 2, status=StatusCode(Status6.NO_ADDRS_AVAIL, "none left")),
        Association(Option6.IA_TA, 3, addresses=(leased,)),
        Association(Option6.IA_PD, 4, 1_800, 2_880, prefixes=(delegated,)),
    ]
    set_by_a_user = [(row.number, row.codec.from_text(row.codec.example)) for row in OPTIONS6.rows if row.settable]
    name = build_client_name(ClientName(1, (b"laptop", b"home", b"arpa"), complete=True))
    options = ((1, DUID), (2, DUID), (14, b""), *map(build_association, answers), (39, name), *set_by_a_user)
    return Packet6(MessageType6.REPLY, 0xABCDEF, options)


@pytest.mark.peer("tshark")
def test_tshark_reads_the_same_and_has_no_complaint(tmp_path: Path) -> None:
    hops = (RelayHop(0, PREFIX, CLIENT, ((18, b"eth0"), (37, b"\0\0\0\x09far"))),)
    packets = [
        udp(SERVER, CLIENT, (547, 546), build_packet6(reply())),
        udp(SERVER, CLIENT, (547, 547), build_relay_reply(hops, reply())),
    ]
    direct, relayed = (layers["dhcpv6"] for layers in dissect(packets, tmp_path))
    assert ([], []) == (complaints(direct), complaints(relayed))
    assert (["7"], ["13", "7"]) == (values(direct, "dhcpv6.msgtype"), values(relayed, "dhcpv6.msgtype"))
    for found in (direct, relayed):
        assert ["0xabcdef"] == values(found, "dhcpv6.xid")
        assert ["2001:db8:1::7"] * 2 == values(found, "dhcpv6.iaaddr.ip")
        assert ["2001:db8:1::"] == values(found, "dhcpv6.iaprefix.pref_addr")
        assert ["64"] == values(found, "dhcpv6.pd_exclude.pref_len")
        assert ["none left"] == values(found, "dhcpv6.status_msg")
        assert ["laptop.home.arpa."] == values(found, "dhcpv6.client_domain")
        assert ["2001:db8::1"] * 2 == values(found, "dhcpv6.dns_server")
        assert ["home.arpa.", "example.org."] == values(found, "dhcpv6.search_list_entry")
        assert ["2001:db8::123"] == values(found, "dhcpv6.ntpserver.addr")
