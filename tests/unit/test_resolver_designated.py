"""What is read of an answer to `_dns.resolver.arpa`: made by dnspython, and whatever else the network may bring."""

import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.designated import MAX_TTL, MIN_TTL, Designation, is_local, read_designated, ways_of
from resolver.settings import UpstreamSpec
from wire.dns.message import ResourceRecord, build_response, parse_message
from wire.dns.names import read_name


def read(*services: str, ttl: int = 600, rcode: int = 0) -> tuple[Designation, ...]:
    return whole(*services, ttl=ttl, rcode=rcode)[0]


def whole(*services: str, ttl: int = 600, rcode: int = 0) -> tuple[tuple[Designation, ...], int]:
    response = dns.message.make_response(dns.message.make_query("_dns.resolver.arpa", "SVCB"))
    response.set_rcode(dns.rcode.Rcode(rcode))
    if services:
        response.answer = [dns.rrset.from_text("_dns.resolver.arpa.", ttl, "IN", "SVCB", *services)]
    return read_designated(parse_message(response.to_wire()))


def test_the_preferred_come_first() -> None:
    assert read(
        '2 dns.example. alpn="h2,h3" key7="/dns-query{?dns}" ipv4hint=192.0.2.1 ipv6hint=2001:db8::1',
        '1 dns.example. alpn="dot,doq"',
    ) == (
        Designation("tls", 853, "", ()),
        Designation("quic", 853, "", ()),
        Designation("https", 443, "/dns-query", ("192.0.2.1", "2001:db8::1")),
        Designation("h3", 443, "/dns-query", ("192.0.2.1", "2001:db8::1")),
    )


@pytest.mark.parametrize(
    "service",
    [
        "0 dns.example.",
        "1 . alpn=dot",
        "1 resolver.arpa. alpn=dot",
        "1 dns.example.",
        "1 dns.example. port=853",
        "1 dns.example. alpn=ftp",
        "1 dns.example. alpn=h2",
        '1 dns.example. alpn=h2 key7="/dns-query"',
        '1 dns.example. alpn=h2 key7="/dns{+x}{?dns}"',
        '1 dns.example. alpn=h2 key7="/dns-query{?dns}&x"',
        '1 dns.example. alpn=h2 key7="dns-query{?dns}"',
        '1 dns.example. alpn=h2 key7="/caf\\195\\169{?dns}"',
        "1 dns.example. mandatory=alpn,key99 alpn=dot key99=x",
        "1 dns.example. alpn=dot port=0",
    ],
)
def test_what_we_cannot_go_or_do_not_understand_is_left_out(service: str) -> None:
    assert read(service) == ()


def test_what_does_not_parse_is_left_out_and_the_rest_counts() -> None:
    owner = read_name("_dns.resolver.arpa")
    good = b"\0\1" + read_name("dns.example") + b"\0\1\0\4\3dot"
    records = [
        ResourceRecord(owner, 64, 1, 60, data) for data in (b"\0\1\xc0\x0c", good + b"\0\4\0\3abc", good[:-1], good)
    ]
    built = build_response(owner + b"\0\x40\0\1", 0x8180, 0, records)
    assert read_designated(parse_message(built.message)).ways == (Designation("tls", 853, "", ()),)


def test_a_failure_names_nobody() -> None:
    assert read("1 dns.example. alpn=dot", rcode=2) == ()


@pytest.mark.parametrize(("ttl", "kept"), [(1, MIN_TTL), (3_600, 3_600), (2**31 - 1, MAX_TTL)])
def test_an_answer_is_kept_within_bounds(ttl: int, kept: int) -> None:
    assert whole("1 dns.example. alpn=dot", ttl=ttl)[1] == kept
    assert whole()[1] == MIN_TTL


def test_only_so_many_ways_and_addresses_are_taken() -> None:
    hints = ",".join(f"192.0.2.{number}" for number in range(1, 9))
    found = read(*(f"{number} dns.example. alpn=dot port={number} ipv4hint={hints}" for number in range(1, 30)))
    assert len(found) == 8
    assert {len(one.addresses) for one in found} == {4}


@given(st.binary(max_size=64))
def test_any_octets_name_somebody_or_nobody(data: bytes) -> None:
    owner = read_name("_dns.resolver.arpa")
    built = build_response(owner + b"\0\x40\0\1", 0x8180, 0, [ResourceRecord(owner, 64, 1, 60, data)])
    for way in read_designated(parse_message(built.message)).ways:
        assert 0 < way.port < 65_536


def test_the_certificate_must_hold_the_address_that_was_asked() -> None:
    clear = UpstreamSpec("udp", "", ("203.0.113.1",), 53, "isp", discover=True)
    (way,) = ways_of(read("1 dns.example. alpn=dot ipv4hint=198.51.100.1"), clear, "203.0.113.1")
    assert (way.proved, way.spec) == (True, UpstreamSpec("tls", "203.0.113.1", ("198.51.100.1",), 853, "isp"))


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        *((local, True) for local in ("10.1.2.3", "192.168.1.1", "127.0.0.1", "fd00::1", "fe80::1%eth0", "::1")),
        *((other, False) for other in ("8.8.8.8", "2001:db8::1", "100.64.0.1", "nonsense")),
    ],
)
def test_private_addresses_are_told_from_others(address: str, expected: bool) -> None:
    assert is_local(address) is expected
