"""Addresses inside addresses, and what an answer is made of."""

import ipaddress

import dns.reversename
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.questions import RD, key_of, query_for
from kit.translated import ITS_OWN, NODATA, PREFIX, SOA, WWW, House64, parsed, show, told, translating

from resolver.policy.dns64 import Translator
from resolver.policy.prefix64 import Prefix64, read_reverse_name, reverse_name, reverse_name_v4
from resolver.settings import Dns64
from resolver.values import Origin, Reply
from wire.dns.codes import QueryFlag, RecordType
from wire.dns.message import ResourceRecord, build_response
from wire.dns.names import read_name

PREFIXES = (
    "2001:db8::/32",
    "2001:db8:100::/40",
    "2001:db8:122::/48",
    "2001:db8:122:300::/56",
    "2001:db8:122:344::/64",
    "2001:db8:122:344::/96",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
)
DO = RD | int(QueryFlag.DO)
SIGNATURE = "8 2 300 20300101000000 20200101000000 1 example. AAAA"

octets = st.binary(min_size=4, max_size=4)


@given(octets, st.sampled_from(PREFIXES))
def test_what_is_embedded_is_found_again_and_lies_below_the_prefix(address: bytes, text: str) -> None:
    prefix = Prefix64(text)
    made = prefix.embed(address)
    assert (address, True) == (prefix.extract(made), ipaddress.IPv6Address(made) in ipaddress.IPv6Network(text))


@given(octets, st.sampled_from(PREFIXES), st.binary(min_size=16, max_size=16))
def test_an_address_below_no_prefix_holds_none(address: bytes, text: str, other: bytes) -> None:
    inside = ipaddress.IPv6Address(other) in ipaddress.IPv6Network(text)
    found = Prefix64(text).extract(other)
    assert inside or found is None


def test_the_octet_that_must_be_zero_tells_a_translated_address_from_another() -> None:
    made = bytearray(Prefix64("2001:db8::/32").embed(b"\1\2\3\4"))
    made[8] = 1
    assert None is Prefix64("2001:db8::/32").extract(bytes(made))


@given(st.binary(min_size=16, max_size=16))
def test_reverse_names_are_those_of_dnspython(address: bytes) -> None:
    name = dns.reversename.from_address(str(ipaddress.IPv6Address(address))).to_wire()
    assert (name, address) == (reverse_name(address), read_reverse_name(name))


def test_a_reverse_name_of_an_ipv4_address_is_that_of_dnspython() -> None:
    assert dns.reversename.from_address("192.0.2.33").to_wire() == reverse_name_v4(bytes((192, 0, 2, 33)))


@pytest.mark.parametrize(
    "name",
    ["ip6.arpa", "1.ip6.arpa", "x." * 32 + "ip6.arpa", "00." + "0." * 30 + "0.ip6.arpa", "0." * 32 + "ip6.arpb", "."],
)
def test_what_is_no_whole_reverse_name_stands_for_no_address(name: str) -> None:
    assert None is read_reverse_name(read_name(name))


def test_a_prefix_knows_its_reverse_zone() -> None:
    assert read_name("0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.9.f.f.4.6.0.0.ip6.arpa") == Prefix64(PREFIX).zone


def test_addresses_are_made_below_every_prefix() -> None:
    reply = House64(WWW, translating(PREFIX, "2001:db8::/32")).ask("www.example.")
    assert ["64:ff9b::c000:221", "2001:db8:c000:221::"] == told(reply)


def reply_of(rrtype: str, answer: list[ResourceRecord], authority: list[ResourceRecord]) -> Reply:
    """An undressed answer that no honest server sends."""
    built = build_response(key_of("www.example.", rrtype), 0x180, 0, answer, authority)
    return Reply(built.message, built.ttl_offsets, 300.0, 1, Origin.UPSTREAM)


def record(rrtype: RecordType, rdata: bytes) -> ResourceRecord:
    return ResourceRecord(read_name("www.example"), rrtype, 1, 3600, rdata)


ADDRESS = record(RecordType.A, bytes((192, 0, 2, 33)))


def test_an_address_of_a_wrong_length_is_left_out() -> None:
    second = reply_of("A", [record(RecordType.A, b"\1\2\3"), ADDRESS], [])
    made = Translator(Dns64((PREFIX,))).compose(query_for("www.example.", "AAAA"), reply_of("AAAA", [], []), second)
    assert ["64:ff9b::c000:221"] == told(made)


def test_an_aaaa_record_of_a_wrong_length_counts_as_none() -> None:
    query = query_for("www.example.", "AAAA")
    wanted = Translator(Dns64((PREFIX,))).consider(query, reply_of("AAAA", [record(RecordType.AAAA, b"\1")], []))
    assert query_for("www.example.", "A") == wanted


def test_signatures_over_what_was_translated_are_left_out() -> None:
    signed = ("www.example. 300 A 192.0.2.33", f"www.example. 300 RRSIG A {SIGNATURE}")
    house = House64(WWW | {"www.example. A": signed})
    assert ("NOERROR", ["www.example. 120 AAAA 64:ff9b::c000:221"]) == show(house.ask("www.example.", flags=DO))


def test_if_only_some_addresses_are_ignored_the_others_are_the_answer_without_their_signature() -> None:
    lines = (
        "www.example. 300 AAAA ::ffff:192.0.2.1",
        "www.example. 300 AAAA 2001:db8::1",
        f"www.example. 300 RRSIG AAAA {SIGNATURE}",
    )
    house = House64(WWW | {"www.example. AAAA": lines})
    assert ("NOERROR", ["www.example. 300 AAAA 2001:db8::1"]) == show(house.ask("www.example.", flags=DO))
    assert ["www.example. AAAA"] == house.asked


def test_a_client_that_validates_sees_the_ignored_addresses_too() -> None:
    lines = ("www.example. 300 AAAA ::ffff:192.0.2.1", "www.example. 300 AAAA 2001:db8::1")
    house = House64(WWW | {"www.example. AAAA": lines})
    assert 2 == len(told(house.ask("www.example.", flags=ITS_OWN)))


def test_an_soa_that_cannot_be_read_bounds_nothing() -> None:
    mapped = record(RecordType.AAAA, bytes(10) + b"\xff\xff" + bytes(4))
    first = reply_of("AAAA", [mapped], [record(RecordType.SOA, b"\0\0")])
    made = Translator(Dns64((PREFIX,))).compose(query_for("www.example.", "AAAA"), first, reply_of("A", [ADDRESS], []))
    assert ["www.example. 600 AAAA 64:ff9b::c000:221"] == show(made)[1]


def test_an_answer_too_long_once_translated_is_a_failure_and_no_mistake() -> None:
    many = tuple(f"www.example. 300 A 10.0.{i >> 8}.{i & 255}" for i in range(1200))
    house = House64(WWW | {"www.example. A": many}, translating(PREFIX, "2001:db8::/32", "2001:db8:1::/48"))
    reply = house.ask("www.example.")
    assert ("SERVFAIL", Origin.FAILURE, 0.0) == (show(reply)[0], reply.origin, reply.cacheable)


def test_the_answer_has_the_question_of_the_client_and_no_ad() -> None:
    message = parsed(House64(WWW).ask("www.example."))
    assert ("www.example. IN AAAA", False) == (message.question[0].to_text(), bool(message.flags & 0x20))


@pytest.mark.parametrize(("group", "acts"), [(0, False), (1, True)])
def test_only_the_groups_that_are_named_have_it(group: int, acts: bool) -> None:
    translator = Translator(Dns64((PREFIX,), clients=(1,)))
    assert acts == translator.acts_on(query_for("www.example.", "AAAA", group=group))
    assert acts == (translator.judge(query_for("ipv4only.arpa.", "A", group=group)) is not None)


@pytest.mark.parametrize("rrtype", ["A", "MX", "HTTPS", "TXT", "CNAME"])
def test_other_types_are_none_of_its_business(rrtype: str) -> None:
    house = House64({})
    house.ask("www.example.", rrtype)
    assert [f"www.example. {rrtype}"] == house.asked


def test_a_name_without_addresses_of_either_kind_has_none() -> None:
    reply = House64({"www.example. AAAA": NODATA, "www.example. A": NODATA}).ask("www.example.")
    assert ("NOERROR", []) == show(reply)
    assert [SOA.split()[0]] == [rrset.name.to_text() for rrset in parsed(reply).authority]
