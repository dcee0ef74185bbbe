"""Names of leases: the answers as dnspython reads them, what is claimed and what is not, and the bounds."""

import dataclasses
import ipaddress

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.reversename
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.desk import START, question, settings
from kit.leased import GROUPS, HOME, NAS, V4, V6, host

from resolver import local
from resolver.local import Host, Leases, LocalNames
from resolver.policy.prefix64 import read_reverse_name_v4, reverse_name_v4
from resolver.settings import LeaseNames
from resolver.values import Origin, Reply
from wire.dns.codes import QueryFlag
from wire.dns.names import read_name
from wire.units import Instant

A, NS, SOA, PTR, TXT, AAAA, DS, DNSKEY, HTTPS = 1, 2, 6, 12, 16, 28, 43, 48, 65


def names(*hosts: Host, leases: LeaseNames = HOME) -> LocalNames:
    made = LocalNames(settings(client_groups=GROUPS, leases=leases))
    made.apply(hosts, START)
    return made


def reply(made: LocalNames, name: str, rrtype: int = A, group: int = 0, now: float = START) -> Reply | None:
    return made.answer(question(name, rrtype), 0, group, Instant(now))


def ask(made: LocalNames, name: str, rrtype: int = A, group: int = 0, now: float = START) -> dns.message.Message:
    found = reply(made, name, rrtype, group, now)
    assert found is not None
    return dns.message.from_wire(found.message)


def reverse(address: bytes) -> str:
    return dns.reversename.from_address(str(ipaddress.ip_address(address))).to_text(omit_final_dot=True)


def soa(zone: str) -> list[dns.rrset.RRset]:
    data = f"{zone} nobody.invalid. 1 3600 1200 604800 10"
    return [dns.rrset.from_text(zone, local.NEGATIVE_TTL, "IN", "SOA", data)]


# -- answers


@pytest.mark.parametrize(("rrtype", "text"), [(A, "192.168.1.20"), (AAAA, "2001:db8:0:1::20")])
def test_a_name_has_its_addresses(rrtype: int, text: str) -> None:
    message = ask(names(NAS), "nas.home.arpa", rrtype)
    expected = dns.rrset.from_text("nas.home.arpa.", 60, "IN", dns.rdatatype.to_text(rrtype), text)  # type: ignore[arg-type]
    assert ([expected], [], dns.rcode.NOERROR) == (message.answer, message.authority, message.rcode())


@pytest.mark.parametrize("address", [V4, V6])
def test_an_address_has_its_name(address: bytes) -> None:
    name = reverse(address)
    expected = dns.rrset.from_text(name + ".", 60, "IN", "PTR", "nas.home.arpa.")
    assert [expected] == ask(names(NAS), name, PTR).answer


def test_an_answer_is_unsigned_and_nobody_keeps_it() -> None:
    found = reply(names(NAS), "nas.home.arpa")
    assert found is not None
    flags = dns.message.from_wire(found.message).flags
    assert dns.flags.QR | dns.flags.RD | dns.flags.RA == flags
    assert (0.0, Origin.LOCAL, None, 1) == (found.cacheable, found.origin, found.explanation, found.generation)


def test_checking_disabled_is_given_back() -> None:
    found = names(NAS).answer(question("nas.home.arpa"), int(QueryFlag.CD | QueryFlag.DO), 0, START)
    assert found is not None
    assert dns.message.from_wire(found.message).flags & dns.flags.CD


@pytest.mark.parametrize("rrtype", [TXT, DS, DNSKEY, HTTPS, PTR, SOA, NS, 65_280])
def test_another_type_of_a_name_is_no_data(rrtype: int) -> None:
    message = ask(names(NAS), "nas.home.arpa", rrtype)
    assert ([], soa("home.arpa."), dns.rcode.NOERROR) == (message.answer, message.authority, message.rcode())


def test_a_name_without_an_ipv6_address_exists_all_the_same() -> None:
    message = ask(names(host("nas.home.arpa", V4)), "nas.home.arpa", AAAA)
    assert ([], dns.rcode.NOERROR) == (message.answer, message.rcode())


@pytest.mark.parametrize(
    "name", ["no.home.arpa", "_ldap._tcp.home.arpa", "below.nas.home.arpa", reverse(V4[:3] + b"\7")]
)
def test_what_is_not_leased_is_not_there_and_asked_of_nobody(name: str) -> None:
    message = ask(names(NAS), name)
    zone = "home.arpa." if "home" in name else "1.168.192.in-addr.arpa."
    assert ([], soa(zone), dns.rcode.NXDOMAIN) == (message.answer, message.authority, message.rcode())


@pytest.mark.parametrize("zone", ["home.arpa", "1.168.192.in-addr.arpa", "1.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"])
@pytest.mark.parametrize("rrtype", [SOA, NS, A, DS, DNSKEY])
def test_the_apex_has_what_an_unsigned_zone_has(zone: str, rrtype: int) -> None:
    message = ask(names(NAS), zone, rrtype)
    assert dns.rcode.NOERROR == message.rcode()
    assert [rrtype] * (rrtype in (SOA, NS)) == [int(rrset.rdtype) for rrset in message.answer]
    assert (rrtype not in (SOA, NS)) == bool(message.authority)


@pytest.mark.parametrize("name", ["8.b.d.0.1.0.0.2.ip6.arpa", "example", "arpa", "www.example.net", "xhome.arpa"])
def test_other_names_are_the_resolvers(name: str) -> None:
    assert reply(names(NAS), name) is None


def test_without_a_dhcp_server_every_name_is_the_resolvers() -> None:
    made = LocalNames(settings())
    made.apply([NAS], START)
    assert reply(made, "nas.home.arpa") is None


def test_what_lies_between_a_zone_and_a_name_exists() -> None:
    """Who believes that there is nothing below a name that does not exist (RFC 8020) would lose what is there."""
    made = names(
        host("nas.rack.home.arpa", V4),
        leases=LeaseNames((read_name("home.arpa"), read_name("a.b.home.arpa")), HOME.subnets),
    )
    assert dns.rcode.NOERROR == ask(made, "rack.home.arpa").rcode()
    assert dns.rcode.NOERROR == ask(made, "b.home.arpa").rcode()
    assert dns.rcode.NOERROR == ask(made, "0.0.1.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", PTR).rcode()
    made.apply([host("nas.rack.home.arpa", gone=True)], START)
    assert dns.rcode.NXDOMAIN == ask(made, "rack.home.arpa").rcode()


# -- subnets that end within an octet


@pytest.mark.parametrize(
    ("network", "inside", "outside"),
    [
        ("192.0.2.64/26", ["192.0.2.64", "192.0.2.127"], ["192.0.2.63", "192.0.2.128", "192.0.3.64"]),
        ("10.0.0.0/8", ["10.0.0.0", "10.255.255.255"], ["11.0.0.0"]),
        ("172.16.0.0/12", ["172.16.0.1", "172.31.255.255"], ["172.15.255.255", "172.32.0.0"]),
        ("192.0.2.7/32", ["192.0.2.7"], ["192.0.2.6"]),
        ("2001:db8::/61", ["2001:db8:0:7::1"], ["2001:db8:0:8::1"]),
        ("2001:db8::/64", ["2001:db8::1"], ["2001:db8:0:1::1"]),
    ],
)
def test_the_reverse_names_of_a_subnet_are_claimed_and_no_other(
    network: str, inside: list[str], outside: list[str]
) -> None:
    subnet = ipaddress.ip_network(network)
    made = names(leases=LeaseNames((), ((subnet.network_address.packed, subnet.prefixlen),)))
    claimed = [reply(made, reverse(ipaddress.ip_address(text).packed), PTR) is not None for text in inside + outside]
    assert [True] * len(inside) + [False] * len(outside) == claimed


@given(st.integers(0, 2**32 - 1), st.integers(1, 32), st.integers(0, 2**32 - 1))
def test_any_subnet_claims_what_ipaddress_says_is_in_it(base: int, length: int, near: int) -> None:
    subnet = ipaddress.ip_network((base, length), strict=False)
    assert isinstance(subnet, ipaddress.IPv4Network)
    made = names(leases=LeaseNames((), ((subnet.network_address.packed, length),)))
    for number in (near, base ^ (near & 0xFF), base):
        address = ipaddress.IPv4Address(number)
        assert (address in subnet) == (reply(made, reverse(address.packed), PTR) is not None)


@given(st.binary(min_size=4, max_size=4))
def test_an_ipv4_reverse_name_reads_back(address: bytes) -> None:
    assert address == read_reverse_name_v4(reverse_name_v4(address))


@pytest.mark.parametrize(
    "name",
    ["01.2.0.192.in-addr.arpa", "256.2.0.192.in-addr.arpa", "x.2.0.192.in-addr.arpa", "2.0.192.in-addr.arpa",
     "1.1.2.0.192.in-addr.arpa", "1.2.0.192.ip6.arpa", "1.2.0.192.xin-addr.arpa", "0000.2.0.192.in-addr.arpa"],
)  # fmt: skip
def test_what_is_no_ipv4_reverse_name_is_none(name: str) -> None:
    assert read_reverse_name_v4(read_name(name)) is None


# -- names come and go


def test_a_name_goes_when_its_last_address_does() -> None:
    made = names(NAS)
    made.apply([host("nas.home.arpa", V4, gone=True)], START)
    assert [0, 1] == [len(ask(made, "nas.home.arpa", rrtype).answer) for rrtype in (A, AAAA)]
    made.apply([host("nas.home.arpa", V6, gone=True)], START)
    assert dns.rcode.NXDOMAIN == ask(made, "nas.home.arpa").rcode()
    assert dns.rcode.NXDOMAIN == ask(made, reverse(V4), PTR).rcode()


def test_a_name_that_goes_as_a_whole_leaves_nothing() -> None:
    made = names(NAS)
    made.apply([host("nas.home.arpa", gone=True)], START)
    assert (0, dns.rcode.NXDOMAIN) == (len(made.leases), ask(made, "nas.home.arpa").rcode())


def test_an_address_that_another_name_gets_leaves_the_first() -> None:
    made = names(NAS, host("new.home.arpa", V4))
    assert "new.home.arpa." == ask(made, reverse(V4), PTR).answer[0][0].to_text()  # type: ignore[index]
    assert [] == ask(made, "nas.home.arpa").answer


def test_a_late_word_about_the_former_holder_takes_nothing_from_the_new_one() -> None:
    made = names(NAS, host("new.home.arpa", V4), host("nas.home.arpa", V4, gone=True))
    assert 1 == len(ask(made, "new.home.arpa").answer)


@given(st.lists(st.tuples(st.integers(0, 3), st.sets(st.integers(0, 3), max_size=3), st.booleans()), max_size=30))
def test_the_table_is_what_a_plain_list_of_pairs_would_be(changes: list[tuple[int, set[int], bool]]) -> None:
    leases, pairs = Leases(), dict[bytes, bytes]()
    for number, addresses, gone in changes:
        name, told = read_name(f"h{number}.a.home.arpa"), tuple(bytes((10, 0, 0, at)) for at in addresses)
        leases.apply(Host(name, told, gone), START)
        for address in told or [a for a, n in pairs.items() if n == name and gone]:
            if not gone:
                pairs[address] = name
            elif pairs.get(address) == name:
                del pairs[address]
    assert sorted((name, address) for address, name in pairs.items()) == sorted(leases.every())
    assert all(address in (leases.addresses(name) or {}) for address, name in pairs.items())
    every = [read_name(f"h{number}.a.home.arpa") for number in range(4)]
    assert set(pairs.values()) == {name for name in every if leases.addresses(name)}
    assert bool(pairs) == leases.is_above(read_name("a.home.arpa"))


@pytest.mark.parametrize(
    ("left", "after", "ttl"), [(0, 1e9, 60), (3_600, 0, 60), (3_600, 3_590.5, 9), (3_600, 3_601, 0)]
)
def test_no_answer_lives_longer_than_the_lease(left: int, after: float, ttl: int) -> None:
    made = names(host("nas.home.arpa", V4, left=left))
    for name, rrtype in (("nas.home.arpa", A), (reverse(V4), PTR)):
        assert ttl == ask(made, name, rrtype, now=START + after).answer[0].ttl


def test_a_renewal_makes_an_answer_live_longer_again() -> None:
    made = names(host("nas.home.arpa", V4, left=30))
    made.apply([host("nas.home.arpa", V4, left=600)], Instant(START + 20))
    assert 60 == ask(made, "nas.home.arpa", now=START + 20).answer[0].ttl


def test_all_of_it_anew_forgets_what_is_not_in_it() -> None:
    made, leases = names(NAS), Leases()
    leases.apply(host("tv.home.arpa", V4), START)
    made.replace(leases)
    assert [dns.rcode.NXDOMAIN, dns.rcode.NOERROR] == [ask(made, f"{n}.home.arpa").rcode() for n in ("nas", "tv")]


# -- bounds


def test_what_finds_no_room_is_counted_and_what_is_there_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "MAX_ADDRESSES", 2)
    made = names(NAS, host("new.home.arpa", b"\x0a\0\0\1"), host("nas.home.arpa", V4, left=5))
    assert (2, 1) == (len(made.leases), made.leases.over)
    assert 5 == ask(made, "nas.home.arpa").answer[0].ttl


def test_one_name_has_no_more_addresses_than_fit_into_a_message() -> None:
    addresses = [bytes((10, 0, number, other)) for number in range(4) for other in range(200)]
    made = names(*(host("nas.home.arpa", address) for address in addresses))
    message = ask(made, "nas.home.arpa")
    assert (local.MAX_OF_ONE_NAME, 800 - local.MAX_OF_ONE_NAME) == (len(message.answer[0]), made.leases.over)


# -- routes and groups


ROUTED = dataclasses.replace(
    HOME,
    routed=((read_name("home.arpa"), -1), (read_name("1.168.192.in-addr.arpa"), 0), (read_name("lab.home.arpa"), -1)),
)


def test_where_the_configuration_has_a_route_only_leases_are_ours() -> None:
    made = names(NAS, leases=ROUTED)
    assert 1 == len(ask(made, "nas.home.arpa").answer)
    assert [None] * 3 == [reply(made, name) for name in ("no.home.arpa", "home.arpa", "x.lab.home.arpa")]


def test_a_route_of_one_group_is_that_groups() -> None:
    made, other = names(leases=ROUTED), reverse(V4[:3] + b"\7")
    assert reply(made, other, PTR, group=0) is None
    assert dns.rcode.NXDOMAIN == ask(made, other, PTR, group=1).rcode()


def test_a_route_below_a_domain_is_closer_than_the_domain_and_one_above_is_not() -> None:
    made = names(leases=LeaseNames((read_name("lan.corp.example"),), (), ((read_name("lab.lan.corp.example"), -1),)))
    assert reply(made, "x.lab.lan.corp.example") is None
    assert dns.rcode.NXDOMAIN == ask(made, "x.lan.corp.example").rcode()


def test_guests_may_be_refused_the_names_of_leases() -> None:
    made = names(NAS)
    for name, rrtype in (("nas.home.arpa", A), (reverse(V4), PTR)):
        message = ask(made, name, rrtype, group=1)
        assert ([], dns.rcode.NXDOMAIN) == (message.answer, message.rcode())
    routed = names(NAS, leases=ROUTED)
    assert dns.rcode.NXDOMAIN == ask(routed, "nas.home.arpa", group=1).rcode()


def test_a_dhcp_cell_gone_wrong_can_lie_about_leases_only() -> None:
    made = names(host("www.example.net", b"\x08\x08\x08\x08"), host("nas.home.arpa", b"\x08\x08\x04\x04"))
    assert [None, None] == [reply(made, "www.example.net"), reply(made, reverse(b"\x08\x08\x08\x08"), PTR)]
    assert reply(made, reverse(b"\x08\x08\x04\x04"), PTR) is None


def test_names_told_before_a_reload_are_answered_after_it() -> None:
    made = names(host("nas.lan", V4))
    assert reply(made, "nas.lan") is None
    made.use(settings(generation=2, leases=LeaseNames((read_name("lan"),))))
    found = reply(made, "nas.lan")
    assert found is not None
    assert 2 == found.generation


@pytest.mark.parametrize("told", [NAS, host("nas.home.arpa", V4, V6, left=60)])
def test_what_is_new_among_names_of_the_resolvers_is_told_once(told: Host) -> None:
    made = LocalNames(settings(leases=ROUTED))
    expected = {NAS.name, read_name(reverse(V4)), read_name(reverse(V6))}
    assert [expected, set()] == [made.apply([told], START), made.apply([NAS], START)]
    leases = Leases()
    leases.apply(host("tv.home.arpa", V4), START)
    assert {read_name("tv.home.arpa")} == made.replace(leases)


def test_where_every_name_is_ours_nothing_need_be_forgotten() -> None:
    made = LocalNames(settings(leases=HOME))
    assert [set(), set()] == [made.apply([NAS], START), made.replace(Leases())]
