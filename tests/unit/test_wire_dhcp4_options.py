"""The table of DHCPv4's options and the values it is made of, against the RFCs' own examples."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wire.dhcp.codecs import (
    INFINITE,
    MAX_VALUE,
    Codec,
    flag,
    ipv6,
    many,
    number,
    octets,
    phrase,
    record,
    s32,
    seconds,
    u8,
    u16,
)
from wire.dhcp.names import MAX_NAMES, build_names, parse_names
from wire.dhcp.options4 import NEVER_SET, OPTIONS4
from wire.dhcp.table import Option
from wire.dns.names import read_name
from wire.errors import Malformed

quietly = settings(derandomize=True, deadline=None, max_examples=200)
every = pytest.mark.parametrize("row", OPTIONS4.rows, ids=lambda row: f"{row.number}-{row.name}")
ASKED = {*range(1, 83), *range(85, 89), 90, 93, 94, 97, 98, 100, 101, 108, *range(112, 115), *range(116, 122), 124, 125}
ASKED |= {*range(128, 136), 138, 141, 143, 146, 150, 159, 161, 162, 175, *range(208, 214), 220, 221, 249, 252}


# --- the table ----------------------------------------------------------------------------------------------------------


@every
def test_the_example_of_a_row_is_written_as_it_was_read(row: Option) -> None:
    data = row.codec.from_text(row.codec.example)
    assert row.codec.example == row.codec.to_text(data)
    assert row.codec.size in (0, len(data))


@every
def test_a_row_has_a_kebab_name_and_says_where_it_is_defined(row: Option) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", row.name.replace("+", ""))
    assert re.fullmatch(r"RFC \d+( §[\d.]+)?", row.section) or row.number in (175, 249, 252)


@every
def test_what_is_too_long_for_a_message_is_malformed(row: Option) -> None:
    with pytest.raises(Malformed):
        row.codec.check(bytes(MAX_VALUE + 1))


def test_numbers_and_names_are_unique() -> None:
    numbers = [row.number for row in OPTIONS4.rows]
    names = [name for row in OPTIONS4.rows for name in (row.name, *row.also)]
    assert len(set(numbers)) == len(numbers)
    assert len(set(names)) == len(names)


def test_every_option_that_was_asked_for_has_a_row() -> None:
    assert set() == ASKED - {row.number for row in OPTIONS4.rows}


def test_the_protocol_s_own_options_are_never_set() -> None:
    assert {50, 51, 52, 53, 54, 55, 57, 61, 80, 81, 82, 118} <= NEVER_SET
    assert not NEVER_SET & {1, 3, 6, 43, 58, 59, 60, 66, 67, 114, 119, 121, 125, 150, 162}
    with pytest.raises(ValueError, match=r"option 54 \(server-identifier\) is part of the protocol"):
        OPTIONS4.from_text("dhcp-server-identifier", "192.0.2.1")


DNSMASQ = """
1 netmask 2 time-offset 3 router 6 dns-server 7 log-server 9 lpr-server 13 boot-file-size 15 domain-name 16 swap-server
17 root-path 18 extension-path 19 ip-forward-enable 20 non-local-source-routing 21 policy-filter 22 max-datagram-reassembly
23 default-ttl 26 mtu 27 all-subnets-local 31 router-discovery 32 router-solicitation 33 static-route 34 trailer-encapsulation
35 arp-timeout 36 ethernet-encap 37 tcp-ttl 38 tcp-keepalive 40 nis-domain 41 nis-server 42 ntp-server 44 netbios-ns
45 netbios-dd 46 netbios-nodetype 47 netbios-scope 48 x-windows-fs 49 x-windows-dm 58 T1 59 T2 60 vendor-class 64 nis+-domain
65 nis+-server 66 tftp-server 67 bootfile-name 68 mobile-ip-home 69 smtp-server 70 pop3-server 71 nntp-server 74 irc-server
77 user-class 80 rapid-commit 93 client-arch 94 client-interface-id 97 client-machine-id 100 posix-timezone 101 tzdb-timezone
108 ipv6-only 119 domain-search 120 sip-server 121 classless-static-route 125 vendor-id-encap 150 tftp-server-address
"""
KEA = """
1 subnet-mask 3 routers 6 domain-name-servers 12 host-name 13 boot-size 22 max-dgram-reassembly 23 default-ip-ttl
36 ieee802-3-encapsulation 43 vendor-encapsulated-options 45 netbios-dd-server 48 font-servers 49 x-display-manager
60 vendor-class-identifier 62 nwip-domain-name 63 nwip-suboptions 64 nisplus-domain-name 67 boot-file-name 70 pop-server
75 streettalk-server 76 streettalk-directory-assistance-server 78 slp-directory-agent 79 slp-service-scope 85 nds-server
88 bcms-controller-names 89 bcms-controller-address 93 client-system 94 client-ndi 97 uuid-guid 98 uap-servers 99 geoconf-civic
100 pcode 101 tcode 108 v6-only-preferred 112 netinfo-server-address 114 v4-captive-portal 116 auto-config 124 vivco-suboptions
125 vivso-suboptions 136 pana-agent 137 v4-lost 138 capwap-ac-v4 141 sip-ua-cs-domains 143 v4-sztp-redirect 146 rdnss-selection
159 v4-portparams 162 v4-dnr 212 option-6rd 213 v4-access-domain
"""


NAMES = f"{DNSMASQ} {KEA}".split()


@pytest.mark.parametrize(("code", "name"), list(zip(NAMES[::2], NAMES[1::2], strict=True)))
def test_a_name_of_dnsmasq_or_kea_means_the_same_here(code: str, name: str) -> None:
    assert int(code) == OPTIONS4.named(name).number


@pytest.mark.parametrize("name", ["dns-servers", "6", "option-6", " DNS_Servers ", 6])
def test_an_option_is_found_by_name_and_number(name: str | int) -> None:
    assert (6, b"\xc0\0\2\x35") == OPTIONS4.from_text(name, "192.0.2.53")


def test_an_option_that_nobody_knows_is_octets() -> None:
    assert (224, b"\1\2") == OPTIONS4.from_text(224, "0102")
    assert (224, b"on") == OPTIONS4.from_text("224", "text:on")
    assert "01:02" == OPTIONS4.to_text(224, b"\1\2")


def test_octets_can_be_given_for_any_option_and_are_shown_where_they_are_no_value() -> None:
    assert (252, b"\n") == OPTIONS4.from_text("wpad", "hex:0a")
    assert "hex:0a" == OPTIONS4.to_text(252, b"\n")
    assert "hex:c00002" == OPTIONS4.to_text(6, b"\xc0\0\2")


def test_several_values_may_be_a_list() -> None:
    assert (42, bytes((192, 0, 2, 1, 192, 0, 2, 2))) == OPTIONS4.from_text("ntp-servers", ["192.0.2.1", "192.0.2.2"])


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("dns-srv", "1", "is it dns-server"),
        ("what-is-that-thing", "1", "write its number"),
        (0, "1", "there is no option 0"),
        ("255", "1", "there is no option 255"),
        ("99999999999", "1", "there is no option"),
        (6, "192.0.2", r"option 6 \(dns-servers\): '192.0.2' is not an IPv4 address.*such as"),
        (6, "", "nothing is written"),
        (121, "192.0.2.1/8 192.0.2.1", "host bits set"),
        (121, "192.0.2.0/24", "each network needs its router"),
        (119, "ä.example", "letters that cannot stand"),
        (15, "home.arpa example.org", "one name is needed"),
        (12, "x", "part of the protocol"),
        (26, "67", "it must be 68 to 65535"),
        (43, "0g", "not pairs"),
        (43, "1:234", "one or two hexadecimal digits"),
        (43, "hex:0g", "not pairs"),
        (66, "a\nb", "cannot be printed"),
        (58, "soon", "neither a number nor"),
        (58, "99999999999", "so long is `infinite`"),
        (19, "maybe", "true or false"),
        (114, "example.org", "no scheme"),
        (33, "192.0.2.1", "even number"),
        (78, "true", "2 values"),
        (143, "a,,b", "empty or too long"),
        (125, "x 1=00", "'x' is no number"),
        (125, "9 1=00 1=01", "each number once"),
        (162, "1 dns.example.org 192.0.2.1", "service parameters"),
        (162, "1 dns.example.org 192.0.2.1 port=853", "alpn= is needed"),
        (162, "1 dns.example.org 192.0.2.1 alpn=dot port=0", "1 to 65535"),
        (162, "1 dns.example.org 192.0.2.1 alpn=dot ipv4hint=192.0.2.1", "no service parameter"),
        (162, "1 dns.example.org 192.0.2.1 alpn=h2 dohpath=dns", r"\{\?dns\}"),
        (224, "text:" + "x" * 5_000, "no message has place"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_explained(name: str | int, value: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        OPTIONS4.from_text(name, value)


# --- values -------------------------------------------------------------------------------------------------------------

PUBLISHED = [
    # RFC 3442's own: a default route, a class A, and what significant octets are.
    (121, "0.0.0.0/0 192.0.2.1", "00 c0000201"),
    (121, "10.0.0.0/8 192.0.2.1", "08 0a c0000201"),
    (121, "10.17.0.0/16 192.0.2.1", "10 0a11 c0000201"),
    (121, "10.27.129.0/24 192.0.2.1", "18 0a1b81 c0000201"),
    (121, "10.229.0.128/25 192.0.2.1", "19 0ae50080 c0000201"),
    (121, "10.198.122.47/32 192.0.2.1", "20 0ac67a2f c0000201"),
    # RFC 3397 §2: the second name points at the first one's tail.
    (119, "eng.apple.com,marketing.apple.com", "03656e67056170706c6503636f6d00 096d61726b6574696e67c004"),
    # RFC 3361 §3.1.
    (120, "example.com,example.net", "00 076578616d706c6503636f6d00 076578616d706c65036e657400"),
    (120, "192.0.2.1,192.0.2.2", "01 c0000201 c0000202"),
    (2, "-18000", "ffffb9b0"),
    (108, "1800", "00000708"),
    (114, "https://example.org/api", b"https://example.org/api".hex()),
    (125, "32473 1=0a0b 2=0c", "00007ed9 07 01020a0b 02010c"),
    (124, "9 0a0b; 32473 0c", "00000009 02 0a0b 00007ed9 01 0c"),
    (77, "guest,0x0a", "056775657374 010a"),
    (162, "1 dns.example 192.0.2.1,192.0.2.2 alpn=h2,dot port=443 dohpath=/q{?dns}",
     "0036 0001 0d03646e73076578616d706c6500 08c0000201c0000202 0001000702683203646f74 0003000201bb 000700082f717b3f646e737d"),
    (162, "0 dns.example", "0010 0000 0d03646e73076578616d706c6500"),
    (212, "8 32 2001:db8:: 192.0.2.1", "08 20 20010db8000000000000000000000000 c0000201"),
    (68, "none", ""),
]  # fmt: skip


@pytest.mark.parametrize(("code", "text", "expected"), PUBLISHED, ids=lambda value: str(value)[:24])
def test_a_value_has_the_octets_of_the_rfc(code: int, text: str, expected: str) -> None:
    data = bytes.fromhex(expected.replace(" ", ""))
    assert data == OPTIONS4.numbered(code).codec.from_text(text)
    assert text == OPTIONS4.to_text(code, data)


@pytest.mark.parametrize(
    ("code", "text", "same"),
    [
        (121, "10.0.0.0/8,192.0.2.1,default via 192.0.2.2", "10.0.0.0/8 192.0.2.1,0.0.0.0/0 192.0.2.2"),
        (33, "198.51.100.1,192.0.2.1", "198.51.100.1 192.0.2.1"),
        (119, "Home.Arpa. example.org", "home.arpa,example.org"),
        (15, "home.arpa.", "home.arpa"),
        (58, "12h", "43200"),
        (58, "infinite", "infinite"),
        (19, "off", "false"),
        (26, "0x5dc", "1500"),
        (43, "a:b", "0a:0b"),
        (43, "0A-0b", "0a:0b"),
    ],
)
def test_other_ways_of_writing_are_read(code: int, text: str, same: str) -> None:
    assert same == OPTIONS4.to_text(*OPTIONS4.from_text(code, text))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\4\0\0\0", "4 ."),
        (b"\4\0\0\2a.", r"4 a\046"),
        (b"\4\0\0\2a\\\0", r"4 a\\."),
        (b"\4\0\0\4a,;\\", r"4 a\044\059\\"),
        (b"\0\0\0laptop", "0 laptop"),
    ],
)
def test_a_client_s_name_is_shown_so_that_it_can_be_read(data: bytes, text: str) -> None:
    codec = OPTIONS4.numbered(81).codec
    assert text == codec.to_text(data)
    assert text == codec.to_text(codec.from_text(text))


def test_an_ending_zero_is_no_part_of_a_text() -> None:
    assert "PXE" == OPTIONS4.to_text(66, b"PXE\0")


@pytest.mark.parametrize(
    ("code", "data"),
    [
        (1, b"\0\0\0"),
        (6, b""),
        (6, bytes(5)),
        (19, b"\2"),
        (21, bytes(4)),
        (12, b""),
        (12, b"\xff"),
        (12, b"a\0b"),
        (26, b"\0\1"),
        (61, b"\1"),
        (77, b""),
        (77, b"\0"),
        (77, b"\5a"),
        (78, b"\1"),
        (82, b"\1\2a"),
        (82, b"\1\0\1\0"),
        (82, b"\1"),
        (81, b"\0\0"),
        (93, b"\1"),
        (97, b""),
        (80, b"\0"),
        (114, b"example.org"),
        (114, b"https:"),
        (119, b""),
        (119, b"\xc0\0"),
        (119, b"\1"),
        (120, b"\2"),
        (120, b"\1"),
        (121, b""),
        (121, b"\x21" + bytes(9)),
        (121, b"\x18\1\1"),
        (124, bytes(4)),
        (124, b""),
        (125, b"\0\0\0\1\3\1\1"),
        (143, b"\0"),
        (143, b"\0\0"),
        (159, bytes(5)),
        (213, b"\1a\0\1b\0"),
        (162, b""),
        (162, b"\0"),
        (162, b"\0\1\0"),
        (162, b"\0\4\0\1\1\0"),
        (162, b"\0\5\0\1\2\1a"),
        (162, b"\0\7\0\1\3\1a\0\0"),
        (162, b"\0\x0b\0\1\3\1a\0\4\xc0\0\2\1"),
        (162, b"\0\x15\0\1\3\1a\0\4\xc0\0\2\1\0\3\0\2\1\1\0\1\0\0"),
    ],
)
def test_octets_that_are_no_value_are_malformed(code: int, data: bytes) -> None:
    with pytest.raises(Malformed):
        OPTIONS4.numbered(code).codec.check(data)


def test_so_many_names_are_read_and_not_one_more() -> None:
    many_names = build_names([read_name("a.example")] * MAX_NAMES, compressed=True)
    assert MAX_NAMES == len(parse_names(many_names))
    with pytest.raises(Malformed, match="too many names"):
        parse_names(many_names + b"\xc0\0")
    with pytest.raises(ValueError, match="1 to 32 names"):
        OPTIONS4.from_text(119, ",".join(["a.example"] * 33))


def test_numbers_of_no_fixed_size_make_no_list() -> None:
    with pytest.raises(ValueError):
        many(octets())


NAME = st.lists(st.text("abcdefghij-", min_size=1, max_size=8), min_size=1, max_size=5).map(".".join)
ROUND = [
    (u8, st.integers(0, 255).map(str)), (u16, st.integers(0, 65_535).map(str)), (s32, st.integers(-(2**31), 2**31 - 1).map(str)),
    (seconds, st.integers(0, INFINITE - 1).map(str)), (flag, st.sampled_from(["true", "false"])),
    (ipv6, st.ip_addresses(v=6).filter(lambda address: address.ipv4_mapped is None).map(str)),
    (many(number(2, 68)), st.lists(st.integers(68, 65_535).map(str), min_size=1).map(",".join)),
    (record(u8, u16), st.tuples(st.integers(0, 255), st.integers(0, 65_535)).map(lambda both: f"{both[0]} {both[1]}")),
    (OPTIONS4.numbered(119).codec, st.lists(NAME, min_size=1, max_size=MAX_NAMES).map(",".join)),
    (OPTIONS4.numbered(141).codec, st.lists(NAME, min_size=1, max_size=MAX_NAMES).map(",".join)),
]  # fmt: skip


@pytest.mark.parametrize(("codec", "texts"), ROUND, ids=lambda value: value.form if isinstance(value, Codec) else "")
def test_what_was_written_is_shown_again(codec: Codec, texts: st.SearchStrategy[str]) -> None:
    @quietly
    @given(texts)
    def check(text: str) -> None:
        assert text == codec.to_text(codec.from_text(text))

    check()


@quietly
@given(st.binary(max_size=40))
def test_any_octets_survive_as_a_phrase(data: bytes) -> None:
    assert data == phrase.from_text(phrase.to_text(data))


@quietly
@given(st.integers(1, 254), st.binary(max_size=80))
def test_what_an_option_is_shown_as_is_a_value_of_it(code: int, data: bytes) -> None:
    row = OPTIONS4.numbered(code)
    shown = OPTIONS4.to_text(code, data)
    if shown.startswith("hex:") or not row.settable:
        return
    assert shown == OPTIONS4.to_text(*OPTIONS4.from_text(code, shown))
