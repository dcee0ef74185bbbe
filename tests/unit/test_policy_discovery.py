"""What clients are told of the encrypted ways in, as dnspython reads it, and what nobody is told."""

import ipaddress
import re
from dataclasses import replace
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.desk import DATE, SECRET, START, FakePort, FakeRoad, answer, settings

from resolver.admission import Admission
from resolver.edge.serve import Desk
from resolver.policy.discovery import EXPLAINED, OwnNames, information_of, label_of
from resolver.settings import Announcement, Endpoint, Served
from wire.dns.codes import HeaderFlag
from wire.dns.names import read_name
from wire.dns.svcb import (
    Service,
    build_alpn,
    build_service,
    parse_alpn,
    parse_hint,
    parse_mandatory,
    parse_service,
)
from wire.errors import Malformed

A, NS, TXT, AAAA, SVCB, RESINFO = 1, 2, 16, 28, 64, 261
LAN = ipaddress.ip_address("192.168.1.1").packed, ipaddress.ip_address("fd00::1").packed
EVERY = tuple(Endpoint(served, served.port, LAN) for served in Served)
HOME = Announcement("dns.home.arpa", EVERY)
RD = int(HeaderFlag.RD)


def ask(said: Announcement, name: str, rrtype: int, up: bool = True, flags: int = RD) -> dns.message.Message | None:
    question = read_name(name) + rrtype.to_bytes(2, "big") + b"\0\1"
    built = OwnNames(said).answer(question, flags, up)
    return None if built is None else dns.message.from_wire(built.message)


def told(said: Announcement, name: str, rrtype: int, up: bool = True) -> list[str]:
    """The data in the answer, as text; what has none is denied and exists."""
    message = ask(said, name, rrtype, up)
    assert message is not None
    assert message.rcode() == dns.rcode.NOERROR
    if not message.answer:
        (denial,) = message.authority
        assert (denial.rdtype, denial.ttl) == (dns.rdatatype.SOA, 60)
        return []
    (rrset,) = message.answer
    assert (rrset.name.to_text(omit_final_dot=True), rrset.rdtype, rrset.ttl) == (name, rrtype, 60)
    return sorted(data.to_text() for data in rrset)


BOTH = [
    '1 dns.home.arpa. alpn="dot,doq" ipv4hint="192.168.1.1" ipv6hint="fd00::1"',
    '2 dns.home.arpa. alpn="h2,h3" ipv4hint="192.168.1.1" ipv6hint="fd00::1" dohpath="/dns-query{?dns}"',
]


def plain(texts: list[str]) -> list[str]:
    """Whatever dnspython calls the seventh key."""
    return [text.replace("key7", "dohpath") for text in texts]


@pytest.mark.parametrize("name", ["_dns.resolver.arpa", "_dns.dns.home.arpa"])
def test_what_is_served_is_told_under_both_names(name: str) -> None:
    assert plain(told(HOME, name, SVCB)) == BOTH


@pytest.mark.parametrize(
    ("endpoints", "expected"),
    [
        ((Endpoint(Served.TLS, 853, LAN[:1]),), ['1 dns.home.arpa. alpn="dot" ipv4hint="192.168.1.1"']),
        ((Endpoint(Served.TLS, 8853, LAN[1:]),), ['1 dns.home.arpa. alpn="dot" port="8853" ipv6hint="fd00::1"']),
        ((Endpoint(Served.QUIC, 443),), ['1 dns.home.arpa. alpn="doq" port="443"']),
        ((Endpoint(Served.HTTPS, 443),), ['2 dns.home.arpa. alpn="h2" dohpath="/dns-query{?dns}"']),
        (
            (Endpoint(Served.HTTPS, 443), Endpoint(Served.H3, 8443)),
            [
                '2 dns.home.arpa. alpn="h2" dohpath="/dns-query{?dns}"',
                '2 dns.home.arpa. alpn="h3" port="8443" dohpath="/dns-query{?dns}"',
            ],
        ),
        ((), []),
    ],
)
def test_only_what_is_served_is_told(endpoints: tuple[Endpoint, ...], expected: list[str]) -> None:
    assert plain(told(replace(HOME, endpoints=endpoints), "_dns.resolver.arpa", SVCB)) == expected


def test_nobody_is_sent_to_ways_in_that_are_down() -> None:
    for name in ("_dns.resolver.arpa", "_dns.dns.home.arpa"):
        assert told(HOME, name, SVCB, up=False) == []
    # The name stays what it is.
    assert told(HOME, "dns.home.arpa", A, up=False) == ["192.168.1.1"]


def test_the_name_has_the_addresses_that_are_listened_on_and_no_other_data() -> None:
    assert told(HOME, "dns.home.arpa", A) == ["192.168.1.1"]
    assert told(HOME, "dns.home.arpa", AAAA) == ["fd00::1"]
    assert told(HOME, "dns.home.arpa", TXT) == []


def test_where_every_address_is_listened_on_the_name_is_not_answered_here() -> None:
    said = replace(HOME, endpoints=(Endpoint(Served.TLS, 853),))
    assert ask(said, "dns.home.arpa", A) is None
    assert told(said, "_dns.resolver.arpa", SVCB) == ['1 dns.home.arpa. alpn="dot"']


@pytest.mark.parametrize(
    "name", ["nas.home.arpa", "home.arpa", "arpa", "_acme-challenge.dns.home.arpa", "x.dns.home.arpa"]
)
def test_names_around_are_not_ours(name: str) -> None:
    assert ask(HOME, name, A) is None


@pytest.mark.parametrize("name", ["resolver.arpa", "x.resolver.arpa", "x._dns.resolver.arpa"])
@pytest.mark.parametrize("rrtype", [A, NS, TXT, SVCB])
def test_everything_else_below_resolver_arpa_is_there_without_data(name: str, rrtype: int) -> None:
    assert told(HOME, name, rrtype) == []


def test_a_client_of_its_own_has_a_name_and_a_path() -> None:
    said = replace(HOME, labels=("tv",))
    assert told(said, "tv.dns.home.arpa", A) == ["192.168.1.1"]
    first, second = told(said, "_dns.tv.dns.home.arpa", SVCB)
    assert first.startswith("1 tv.dns.home.arpa. ")
    assert 'dohpath="/dns-query/tv{?dns}"' in plain([second])[0]


@pytest.mark.parametrize("name", ["dns.home.arpa", "resolver.arpa"])
def test_the_resolver_describes_itself(name: str) -> None:
    said = replace(HOME, minimised=True, information="https://dns.home.arpa/about")
    (text,) = told(said, name, RESINFO)
    words = strings(information_of(said))
    assert words == ["qnamemin", "exterr=0-15,17,19-25,27,30", words[2]]
    assert words[2] == "infourl=https://dns.home.arpa/about"
    assert text


def strings(data: bytes) -> list[str]:
    txt = dns.rdata.from_wire(dns.rdataclass.IN, dns.rdatatype.TXT, data, 0, len(data))
    return [one.decode() for one in txt.strings]  # type: ignore[attr-defined]


def test_what_does_not_hold_is_left_out_of_the_description() -> None:
    assert [word.partition("=")[0] for word in strings(information_of(HOME))] == ["exterr"]


def test_every_extended_error_that_is_made_here_is_told() -> None:
    made = set()
    for room in ("resolver", "privacy", "anchorhold/cells"):
        for file in (Path(__file__).parents[2] / room).rglob("*.py"):
            if file.name != "discovery.py":
                made |= set(re.findall(r"ExtendedError\.([A-Z0-9_]+)", file.read_text()))
    assert made == {code.name for code in EXPLAINED}
    assert list(EXPLAINED) == sorted(EXPLAINED)


def test_answers_are_authoritative_and_keep_whether_recursion_was_desired() -> None:
    for flags, expected in ((RD, "QR AA RD RA"), (0, "QR AA RA"), (RD | int(HeaderFlag.CD), "QR AA RD RA CD")):
        message = ask(HOME, "resolver.arpa", RESINFO, flags=flags)
        assert message is not None
        assert dns.flags.to_text(message.flags) == expected


# -- at the desk


def desk(announcement: Announcement | None = HOME) -> tuple[Desk, FakePort]:
    made, port = Desk(settings(announcement=announcement), SECRET, 1, lambda: DATE), FakePort()
    made.connect(port)
    made.grant(10, START)
    made.encrypted_up = True
    return made, port


def at_desk(made: Desk, name: str, rrtype: int, flags: int = dns.flags.RD) -> FakeRoad:
    road = FakeRoad()
    query = dns.message.make_query(name, rrtype, flags=flags, use_edns=0)
    client = Admission(made.settings).client("127.0.0.1", START)
    made.receive(query.to_wire(), client, road, START)
    return road


def test_the_desk_asks_nobody_and_stops_at_once_when_the_ways_in_are_down() -> None:
    made, port = desk()
    assert len(at_desk(made, "_dns.resolver.arpa", SVCB).message.answer) == 1
    made.encrypted_up = False
    assert at_desk(made, "_dns.resolver.arpa", SVCB).message.answer == []
    assert at_desk(made, "_dns.Resolver.ARPA", SVCB).message.question[0].name.to_text() == "_dns.Resolver.ARPA."
    assert (port.queries, made.counters["discovery"]) == ([], 3)


def test_who_asks_for_our_description_need_not_desire_recursion() -> None:
    made, _ = desk()
    assert len(at_desk(made, "resolver.arpa", RESINFO, flags=0).message.answer) == 1
    assert at_desk(made, "example.net", A, flags=0).message.rcode() == dns.rcode.REFUSED


def test_what_the_resolver_says_of_our_names_never_reaches_a_client() -> None:
    """Not even if a resolver gone wrong sends an upstream's own offer into the cache."""
    made, port = desk(None)
    at_desk(made, "_dns.resolver.arpa", TXT)
    (flight,) = port.queries
    made.replied(flight.handle, answer(flight.key.question), START)
    made.use(settings(announcement=HOME))
    assert at_desk(made, "_dns.resolver.arpa", TXT).message.answer == []
    assert len(port.queries) == 1


# -- the client's label


@pytest.mark.parametrize(
    ("peer_name", "name", "expected"),
    [
        ("tv.dns.home.arpa", "dns.home.arpa", "tv"),
        ("tv.dns.home.arpa", "dns.home.arpa.", "tv"),
        ("dns.home.arpa", "dns.home.arpa", ""),
        ("a.tv.dns.home.arpa", "dns.home.arpa", ""),
        ("tv.dns.example", "dns.home.arpa", ""),
        ("tv", "", ""),
        ("tv.", "", ""),
        ("", "dns.home.arpa", ""),
    ],
)
def test_a_label_counts_before_our_own_name_only(peer_name: str, name: str, expected: str) -> None:
    assert label_of(peer_name, name) == expected


# -- the records


@given(
    st.integers(0, 65_535),
    st.sampled_from(["a.example", "x.y.home.arpa", "."]),
    st.dictionaries(st.integers(0, 65_534), st.binary(max_size=40), max_size=32),
)
def test_services_come_back_as_they_were(priority: int, target: str, parameters: dict[int, bytes]) -> None:
    service = Service(priority, read_name(target), tuple(sorted(parameters.items())))
    assert parse_service(build_service(service)) == service


@given(st.binary(max_size=80))
def test_any_octets_are_a_service_or_malformed(data: bytes) -> None:
    try:
        service = parse_service(data)
    except Malformed:
        return
    assert build_service(service)[:2] == data[:2]


@pytest.mark.parametrize(
    "data",
    [
        b"\0\1",
        b"\0\1\xc0\0",
        b"\0\1\0\0\3\0\2\0",
        b"\0\1\0\0\3\0\0\0\3\0\0",
        b"\0\1\0\0\3\0\0\0\1\0\0",
        b"\0\1\0" + b"".join(key.to_bytes(2, "big") + b"\0\0" for key in range(33)),
    ],
)
def test_what_is_cut_off_or_out_of_order_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_service(data)


def test_lists_inside_are_read_whole_or_not_at_all() -> None:
    assert parse_alpn(build_alpn(("dot", "h2"))) == (b"dot", b"h2")
    assert parse_hint(LAN[0] * 2, 4) == (LAN[0], LAN[0])
    assert parse_mandatory(b"\0\1\0\3") == (1, 3)
    for parse in (parse_alpn, lambda data: parse_hint(data, 4), parse_mandatory):
        for data in (b"", b"\3do", b"\0"):
            with pytest.raises(Malformed):
                parse(data)
