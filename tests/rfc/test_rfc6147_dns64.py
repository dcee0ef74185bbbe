"""RFC 6147 (DNS64) and the addresses of RFC 6052, section by section."""

import ipaddress

import pytest
from kit.questions import RD
from kit.translated import ITS_OWN, NODATA, NXDOMAIN, SILENT, WWW, House64, Zone, parsed, show, told, translating

from resolver.pipeline import Silent
from resolver.policy.prefix64 import Prefix64
from resolver.values import Explanation
from wire.dns.codes import ExtendedError, QueryFlag

MADE = ["64:ff9b::c000:221"]
BOTH = ["www.example. AAAA", "www.example. A"]
DO, CD = int(QueryFlag.DO), int(QueryFlag.CD)


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("2001:db8::/32", "2001:db8:c000:221::"),
        ("2001:db8:100::/40", "2001:db8:1c0:2:21::"),
        ("2001:db8:122::/48", "2001:db8:122:c000:2:2100::"),
        ("2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"),
        ("2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::"),
        ("2001:db8:122:344::/96", "2001:db8:122:344::192.0.2.33"),
        ("64:ff9b::/96", "64:ff9b::192.0.2.33"),
    ],
)
def test_rfc6052_2_4_192_0_2_33_is_represented_as_in_the_tables(prefix: str, expected: str) -> None:
    made = Prefix64(prefix).embed(bytes((192, 0, 2, 33)))
    assert ipaddress.IPv6Address(expected) == ipaddress.IPv6Address(made)


def test_5_1_1_an_aaaa_record_that_exists_is_returned_and_nothing_is_synthesised() -> None:
    house = House64({"six.example. AAAA": ("six.example. 300 AAAA 2001:db8::1",)})
    assert (["2001:db8::1"], ["six.example. AAAA"]) == (told(house.ask("six.example.")), house.asked)


def test_5_1_1_an_empty_answer_makes_the_dns64_look_for_a_records() -> None:
    house = House64(WWW)
    assert (MADE, BOTH) == (told(house.ask("www.example.")), house.asked)


def test_5_1_2_a_name_error_is_passed_on() -> None:
    house = House64({"www.example. AAAA": NXDOMAIN, "www.example. A": WWW["www.example. A"]})
    assert (("NXDOMAIN", []), BOTH[:1]) == (show(house.ask("www.example.")), house.asked)


@pytest.mark.parametrize("rcode", ["SERVFAIL", "REFUSED", "FORMERR", "NOTIMP"])
def test_5_1_2_any_other_error_is_treated_as_an_empty_answer(rcode: str) -> None:
    error = Silent(Explanation(ExtendedError.OTHER, f"the upstream says {rcode}"))
    assert MADE == told(House64(WWW | {"www.example. AAAA": error}).ask("www.example."))


def test_5_1_3_no_answer_in_time_is_treated_as_an_empty_answer() -> None:
    assert MADE == told(House64(WWW | {"www.example. AAAA": SILENT}).ask("www.example."))


def test_5_1_4_the_default_exclusion_is_mapped_addresses_and_they_count_as_none() -> None:
    mapped = ("www.example. 300 AAAA ::ffff:192.0.2.1",)
    assert MADE == told(House64(WWW | {"www.example. AAAA": mapped}).ask("www.example."))


def test_5_1_4_other_networks_can_be_excluded() -> None:
    six = WWW | {"www.example. AAAA": ("www.example. 300 AAAA 2001:db8:bad::1",)}
    assert MADE == told(House64(six, translating(ignore=("2001:db8:bad::/48",))).ask("www.example."))
    assert ["2001:db8:bad::1"] == told(House64(six).ask("www.example."))


def test_5_1_4_addresses_outside_the_exclusion_are_returned() -> None:
    some = ("www.example. 300 AAAA ::ffff:192.0.2.1", "www.example. 300 AAAA 2001:db8::1")
    assert ["2001:db8::1"] == told(House64(WWW | {"www.example. AAAA": some}).ask("www.example."))


ALIASES: Zone = {
    "www.example. AAAA": {"answer": ("www.example. 60 CNAME real.example.",), **NODATA},
    "www.example. A": ("www.example. 60 CNAME real.example.", "real.example. 3600 A 192.0.2.33"),
}
SUBTREE = ("old.example. 60 DNAME new.example.", "www.old.example. 60 CNAME www.new.example.")
RENAMED: Zone = {
    "www.old.example. AAAA": {"answer": SUBTREE, **NODATA},
    "www.old.example. A": (*SUBTREE, "www.new.example. 3600 A 192.0.2.33"),
}


def test_5_1_5_a_chain_of_aliases_is_followed_and_included() -> None:
    expected = ["www.example. 60 CNAME real.example.", "real.example. 120 AAAA 64:ff9b::c000:221"]
    assert expected == show(House64(ALIASES).ask("www.example."))[1]


def test_5_1_5_so_is_a_chain_through_a_dname() -> None:
    expected = [*SUBTREE, "www.new.example. 120 AAAA 64:ff9b::c000:221"]
    assert expected == show(House64(RENAMED).ask("www.old.example."))[1]


def test_5_1_6_if_there_is_no_a_record_either_its_empty_answer_is_the_basis() -> None:
    reply = House64({"www.example. AAAA": NODATA, "www.example. A": NODATA}).ask("www.example.")
    assert (("NOERROR", []), 1) == (show(reply), len(parsed(reply).authority))


def test_5_1_6_if_asking_for_a_records_fails_that_is_what_the_client_is_told() -> None:
    assert ("SERVFAIL", []) == show(House64(WWW | {"www.example. A": SILENT}).ask("www.example."))


@pytest.mark.parametrize(
    ("ttl", "first", "expected"),
    [
        (3600, NODATA, 120),
        (60, NODATA, 60),
        (3600, {}, 600),
        (60, {}, 60),
        (3600, SILENT, 600),
    ],
)
def test_5_1_7_the_ttl_is_that_of_the_a_record_or_of_the_soa_or_600_seconds(
    ttl: int, first: dict[str, object] | Silent, expected: int
) -> None:
    house = House64({"www.example. AAAA": first, "www.example. A": (f"www.example. {ttl} A 192.0.2.33",)})
    assert [f"www.example. {expected} AAAA 64:ff9b::c000:221"] == show(house.ask("www.example."))[1]


def test_5_2_with_several_prefixes_there_is_an_address_for_each() -> None:
    house = House64(WWW, translating("64:ff9b::/96", "2001:db8:122:344::/64"))
    assert [*MADE, "2001:db8:122:344:c0:2:2100:0"] == told(house.ask("www.example."))


def test_5_3_1_a_ptr_query_for_a_translated_address_is_answered_with_a_cname_and_its_target() -> None:
    house = House64({"8.8.8.8.in-addr.arpa. PTR": ("8.8.8.8.in-addr.arpa. 900 PTR www.example.",)})
    name = "8.0.8.0.8.0.8.0." + "0." * 16 + "b.9.f.f.4.6.0.0.ip6.arpa."
    expected = [f"{name} 10800 CNAME 8.8.8.8.in-addr.arpa.", "8.8.8.8.in-addr.arpa. 900 PTR www.example."]
    assert (expected, ["8.8.8.8.in-addr.arpa. PTR"]) == (show(house.ask(name, "PTR"))[1], house.asked)


def test_5_3_1_other_ptr_queries_are_processed_as_usual() -> None:
    name = "8." + "0." * 23 + "8.b.d.0.1.0.2.0.ip6.arpa."
    house = House64({name + " PTR": (f"{name} 900 PTR six.example.",)})
    assert (["six.example."], [f"{name} PTR"]) == (told(house.ask(name, "PTR")), house.asked)


def test_5_3_3_records_of_other_types_are_not_synthesised() -> None:
    house = House64({"www.example. A": ("www.example. 300 A 192.0.2.33",)})
    assert ["192.0.2.33"] == told(house.ask("www.example.", "A"))


@pytest.mark.parametrize("flags", [0, DO, CD])
def test_5_5_synthesis_is_performed_unless_do_and_cd_are_both_set(flags: int) -> None:
    reply = House64(WWW).ask("www.example.", flags=RD | flags)
    assert (MADE, 0, flags & CD) == (told(reply), int(parsed(reply).flags) & 0x20, (int(parsed(reply).flags) >> 3) & CD)


def test_5_5_with_do_and_cd_synthesis_must_not_be_performed() -> None:
    house = House64(WWW)
    reply = house.ask("www.example.", flags=ITS_OWN)
    assert (("NOERROR", []), BOTH[:1]) == (show(reply), house.asked)
    assert ["example."] == [rrset.name.to_text() for rrset in parsed(reply).authority]


def test_5_5_nor_for_reverse_names() -> None:
    house = House64({})
    name = "8.0.8.0.8.0.8.0." + "0." * 16 + "b.9.f.f.4.6.0.0.ip6.arpa."
    house.ask(name, "PTR", flags=ITS_OWN)
    assert [f"{name} PTR"] == house.asked
