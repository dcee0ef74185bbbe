"""RFC 7050 and RFC 8880: how clients learn the prefix, from the name `ipv4only.arpa`."""

import pytest
from kit.questions import RD
from kit.translated import ITS_OWN, House64, Zone, parsed, show, told, translating

from resolver.values import Origin
from wire.dns.codes import QueryFlag

SAID_ELSEWHERE: Zone = {"ipv4only.arpa. AAAA": ("ipv4only.arpa. 300 AAAA 2001:db8:ff::192.0.0.170",)}


def test_rfc7050_2_2_the_well_known_addresses_are_192_0_0_170_and_171() -> None:
    house = House64({})
    assert (["192.0.0.170", "192.0.0.171"], []) == (told(house.ask("ipv4only.arpa.", "A")), house.asked)


def test_rfc7050_3_the_aaaa_records_hold_both_addresses_below_every_prefix() -> None:
    house = House64({}, translating("64:ff9b::/96", "2001:db8::/32"))
    expected = ["64:ff9b::c000:aa", "64:ff9b::c000:ab", "2001:db8:c000:aa::", "2001:db8:c000:ab::"]
    assert expected == told(house.ask("ipv4only.arpa."))


@pytest.mark.parametrize("rrtype", ["A", "AAAA", "NS", "SOA", "MX", "TXT", "HTTPS", "DNSKEY"])
@pytest.mark.parametrize("flags", [RD, ITS_OWN, RD | int(QueryFlag.CD)])
def test_rfc8880_7_1_a_dns64_resolver_must_not_ask_anybody_for_the_name(rrtype: str, flags: int) -> None:
    house = House64(SAID_ELSEWHERE)
    reply = house.ask("ipv4only.arpa.", rrtype, flags)
    assert ("NOERROR", Origin.LOCAL, []) == (show(reply)[0], reply.origin, house.asked)


def test_rfc8880_7_1_the_prefix_is_ours_and_not_that_of_a_resolver_further_up() -> None:
    assert ["64:ff9b::c000:aa", "64:ff9b::c000:ab"] == told(House64(SAID_ELSEWHERE).ask("ipv4only.arpa."))


def test_rfc8880_7_1_names_below_do_not_exist() -> None:
    house = House64({})
    assert (("NXDOMAIN", []), []) == (show(house.ask("x.ipv4only.arpa.")), house.asked)


def test_rfc8880_7_1_only_the_ds_record_is_resolved_as_usual() -> None:
    house = House64({})
    house.ask("ipv4only.arpa.", "DS")
    assert ["ipv4only.arpa. DS"] == house.asked


def test_rfc8880_7_1_without_dns64_the_name_is_nothing_special() -> None:
    """> Traditional recursive resolvers SHOULD NOT recognize 'ipv4only.arpa' as special: there may be a DNS64 above."""
    house = House64(SAID_ELSEWHERE, translating(clients=(1,)))
    assert ["2001:db8:ff::c000:aa"] == told(house.ask("ipv4only.arpa.", group=0))
    assert 2 == len(told(house.ask("ipv4only.arpa.", group=1)))


def test_rfc6147_5_5_a_client_that_validates_gets_no_synthesised_record_here_either() -> None:
    reply = House64({}).ask("ipv4only.arpa.", flags=ITS_OWN)
    assert ([], ["ipv4only.arpa."]) == (told(reply), [rrset.name.to_text() for rrset in parsed(reply).authority])


@pytest.mark.parametrize("last", [170, 171])
def test_rfc8880_7_2_the_reverse_names_point_at_it(last: int) -> None:
    house = House64({})
    name = f"{last}.0.0.192.in-addr.arpa."
    assert (["ipv4only.arpa."], []) == (told(house.ask(name, "PTR")), house.asked)
    assert ([], "NXDOMAIN") == (told(house.ask(name, "A")), show(house.ask("x." + name, "PTR"))[0])


def test_rfc8880_7_2_so_does_the_reverse_name_of_the_translated_address() -> None:
    house = House64({})
    name = "a.a.0.0.0.0.0.c." + "0." * 16 + "b.9.f.f.4.6.0.0.ip6.arpa."
    assert (["170.0.0.192.in-addr.arpa.", "ipv4only.arpa."], []) == (told(house.ask(name, "PTR")), house.asked)
