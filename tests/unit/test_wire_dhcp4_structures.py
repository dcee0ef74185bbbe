"""What a relay, a client's name, a vendor and an encrypted resolver look like in octets."""

import pytest

from wire.dhcp.codes4 import RelaySub
from wire.dhcp.dnr import (
    Resolver,
    build_dnr4,
    build_dnr6,
    dnr6,
    parse_dnr4,
    parse_dnr6,
    parse_dnr_parameters,
    service_parameters,
)
from wire.dhcp.structures4 import (
    Fqdn,
    FqdnFlag,
    build_fqdn,
    build_parts,
    build_vendors,
    parse_fqdn,
    parse_relay,
    parse_user_classes,
    parse_vendors,
)
from wire.dns.svcb import build_parameters
from wire.errors import Malformed

HOST = b"\6laptop\4home\4arpa\0"


def test_a_relay_says_circuit_and_remote() -> None:
    data = build_parts({1: b"eth1:7", 2: b"\x02\0\x5e\0\x53\1", 5: bytes((192, 0, 2, 1)), 19: b""})
    found = parse_relay(data)
    assert (b"eth1:7", bytes((192, 0, 2, 1)), b"") == (
        found[RelaySub.CIRCUIT], found[RelaySub.LINK_SELECTION], found[RelaySub.SOURCE_PORT],
    )  # fmt: skip
    assert data == build_parts(found)


def test_a_sub_option_too_long_is_our_mistake() -> None:
    with pytest.raises(ValueError):
        build_parts({1: bytes(256)})


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\5\0\0" + HOST, Fqdn(FqdnFlag.S | FqdnFlag.E, HOST)),
        (b"\4\0\0\6Laptop", Fqdn(FqdnFlag.E, b"\6laptop")),
        (b"\4\0\0", Fqdn(FqdnFlag.E, b"")),
        (b"\4\0\0\0", Fqdn(FqdnFlag.E, b"\0")),
        (b"\1\0\0Laptop.home.arpa.", Fqdn(FqdnFlag.S, HOST)),
        (b"\1\0\0Laptop.home.arpa.\0", Fqdn(FqdnFlag.S, HOST)),
        (b"\0\0\0laptop", Fqdn(FqdnFlag(0), b"\6laptop")),
        (b"\xf8\0\0", Fqdn(FqdnFlag.N, b"")),
    ],
)
def test_a_client_s_name_is_read_in_both_forms(data: bytes, expected: Fqdn) -> None:
    assert expected == parse_fqdn(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\4\0",
        b"\4\0\0\1\0",
        b"\0\0\0a\0b",
        b"\4\0\0\7laptop",
        b"\4\0\0\xc0\0",
        b"\4\0\0\1a\0\1b",
        b"\4\0\0" + b"\x3f" + b"a" * 62,
        b"\0\0\0a..b",
        b"\0\0\0.",
        b"\0\0\0" + b"a" * 64,
        b"\4\0\0" + (b"\x3f" + b"a" * 63) * 4 + b"\0",
    ],
)
def test_a_name_that_is_none_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_fqdn(data)


@pytest.mark.parametrize("flags", [FqdnFlag.E | FqdnFlag.S, FqdnFlag.S | FqdnFlag.O, FqdnFlag.N])
@pytest.mark.parametrize("name", [HOST, HOST[:-1], b"\6laptop", b""])
def test_a_server_s_name_is_read_as_it_was_built(flags: FqdnFlag, name: bytes) -> None:
    data = build_fqdn(flags, name)
    assert b"\xff\xff" == data[1:3]
    assert Fqdn(flags, name) == parse_fqdn(data)


def test_user_classes_are_a_list_or_one_text() -> None:
    assert (b"ab", b"c") == parse_user_classes(b"\2ab\1c")
    assert (b"iPXE",) == parse_user_classes(b"iPXE")


def test_vendors_are_read_as_built() -> None:
    both = ((9, b"\1\2"), (32_473, b""))
    assert both == parse_vendors(build_vendors(both))
    with pytest.raises(ValueError):
        build_vendors(((1 << 32, b""),))


RESOLVER = Resolver(
    1,
    b"\3dns\7example\0",
    (bytes((192, 0, 2, 1)), bytes((192, 0, 2, 2))),
    service_parameters(("h2", "dot"), 8443, "/dns-query{?dns}"),
)


def test_encrypted_resolvers_are_read_as_built() -> None:
    only_name = Resolver(2, b"\3dns\7example\0")
    assert (RESOLVER, only_name) == parse_dnr4(build_dnr4((RESOLVER, only_name)))
    six = RESOLVER._replace(addresses=(bytes(15) + b"\1",))
    assert six == parse_dnr6(build_dnr6(six))
    assert only_name == parse_dnr6(build_dnr6(only_name))


def test_dhcpv6_has_longer_lengths() -> None:
    """RFC 9463 §4.1."""
    expected = (
        "0001 000d 03646e73076578616d706c6500 0010 20010db8000000000000000000000001 0001 0004 03646f74 0003 0002 0355"
    )
    data = bytes.fromhex(expected)
    assert data == dnr6.from_text("1 dns.example 2001:db8::1 alpn=dot port=853")
    assert "1 dns.example 2001:db8::1 alpn=dot port=853" == dnr6.to_text(data)


def test_service_parameters_are_in_the_order_of_their_keys() -> None:
    data = build_parameters(((3, b"\3\x55"), (1, b"\3dot")))
    assert ((1, b"\3dot"), (3, b"\3\x55")) == parse_dnr_parameters(data)


@pytest.mark.parametrize(
    "data", ["00030002035500010004", "0001", "000100", "00010001", "00010000000600040000", "0001000000010000"]
)
def test_service_parameters_out_of_order_or_place_are_malformed(data: str) -> None:
    with pytest.raises(Malformed):
        parse_dnr_parameters(bytes.fromhex(data))


@pytest.mark.parametrize(
    "wrong", [RESOLVER._replace(addresses=(bytes(5),)), RESOLVER._replace(addresses=(bytes(4),) * 64)]
)
def test_a_resolver_that_has_no_form_is_our_mistake(wrong: Resolver) -> None:
    with pytest.raises(ValueError):
        build_dnr4((wrong,))
