"""What clients are told of the resolver: addresses, search list, encrypted listeners (RFC 9463, made-up listeners)."""

from ipaddress import ip_address
from typing import Any

from kit.dhcp_site import ip, own

from dhcp.offer import MAX_SERVERS, Offer, offer_on, options_of4, options_of6
from dhcp.settings import Announced, DhcpSettings, ResolverOffer, Subnet
from dhcp.values import Link, Own
from wire.dhcp.dnr import Resolver, parse_dnr4, parse_dnr6, show_parameters
from wire.dhcp.names import parse_names

ANY = (bytes(4), bytes(16))


def link(*texts: str | Own) -> Link:
    return Link(2, "lan", b"\2\0\x5e\x10\0\1", tuple(own(one) if isinstance(one, str) else one for one in texts))


def settings(addresses: tuple[bytes, ...] = ANY, encrypted: tuple[Announced, ...] = (), **others: Any) -> DhcpSettings:
    return DhcpSettings(1, resolver=ResolverOffer(addresses, encrypted), **others)


HOME = link("192.168.1.1/24", "fe80::1/64", "2001:db8:1::1/64", "fd00:1::1/64")
DOT = Announced("dns.home.arpa", ("dot",), 853)
DOH = Announced("dns.home.arpa", ("h2", "h3"), 443, "/dns-query{?dns}", priority=2)


def texts(addresses: tuple[bytes, ...]) -> list[str]:
    return [str(ip_address(address)) for address in addresses]


def test_wildcard_listeners_stand_for_our_addresses_on_the_link() -> None:
    offer = offer_on(settings(), HOME)
    assert ["192.168.1.1"] == texts(offer.servers4)
    assert ["fd00:1::1", "2001:db8:1::1"] == texts(offer.servers6)


def test_one_family_may_be_alone() -> None:
    assert ((), ["192.168.1.1"]) == (
        offer_on(settings((bytes(4),)), HOME).servers6,
        texts(offer_on(settings((bytes(4),)), HOME).servers4),
    )
    assert () == offer_on(settings((bytes(16),)), HOME).servers4


def test_loopback_and_other_addresses_of_nobody_are_never_offered() -> None:
    nobody = (
        "127.0.0.1",
        "127.0.0.53",
        "::1",
        "::ffff:192.0.2.1",
        "ff02::fb",
        "224.0.0.251",
        "255.255.255.255",
        "0.1.2.3",
    )
    offer = offer_on(settings(tuple(map(ip, nobody))), HOME)
    assert ((), ()) == (offer.servers4, offer.servers6)
    loopback = link("127.0.0.1/8", "::1/128")
    assert ((), ()) == offer_on(settings(), loopback)[:2]


def test_a_link_local_address_is_offered_where_there_is_nothing_better_and_in_advertisements_only() -> None:
    offer = offer_on(settings(encrypted=(DOT,)), link("fe80::1/64"))
    assert ["fe80::1"] == texts(offer.servers6)
    assert ["fe80::1"] == texts(offer.resolvers6[0].addresses)
    assert [24] == [number for number, _ in options_of6(offer)]
    assert () == offer_on(settings((ip("fe80::7"), ip("169.254.1.1"))), HOME).servers6


def test_a_listener_of_its_own_address_is_offered_on_its_link_before_others() -> None:
    two = (ip("192.168.1.1"), ip("10.0.0.1"))
    assert ["192.168.1.1"] == texts(offer_on(settings(two), HOME).servers4)
    assert ["10.0.0.1", "192.168.1.1"] == texts(offer_on(settings(two), link("172.16.0.1/16")).servers4)


def test_addresses_in_the_subnet_of_the_client_come_first() -> None:
    two = link("10.0.0.1/24", "192.168.1.1/24")
    subnet = Subnet("192.168.1.0/24", ip("192.168.1.0"), 24)
    assert ["10.0.0.1", "192.168.1.1"] == texts(offer_on(settings(), two).servers4)
    assert ["192.168.1.1", "10.0.0.1"] == texts(offer_on(settings(), two, subnet).servers4)


def test_addresses_that_end_are_not_offered_and_of_several_in_a_prefix_the_lasting_one() -> None:
    many = link(
        own("2001:db8:1::bad/64", 0, 600),
        own("2001:db8:2::bad/64", 600, 0),
        own("2001:db8:3::1/64", 600, 900),
        own("2001:db8:3::2/64"),
        own("2001:db8:4::1/64", 300, 900),
    )
    assert ["2001:db8:3::2", "2001:db8:4::1"] == texts(offer_on(settings(), many).servers6)


def test_three_addresses_of_a_family_are_the_most() -> None:
    many = link(*(f"10.0.{n}.1/24" for n in range(9)))
    assert MAX_SERVERS == len(offer_on(settings(), many).servers4)
    elsewhere = settings(tuple(ip(f"10.1.{n}.1") for n in range(9)))
    assert MAX_SERVERS == len(offer_on(elsewhere, HOME).servers4)


def search(offer: Offer) -> list[bytes]:
    return list(offer.search)


def test_the_search_list_is_the_subnets_domain_then_the_list_or_the_domain() -> None:
    subnet = Subnet("a", ip("192.168.1.0"), 24, domain="guest.example")
    assert [b"\4home\4arpa\0"] == search(offer_on(settings(), HOME))
    assert [b"\5guest\7example\0"] == search(offer_on(settings(), HOME, subnet))
    listed = settings(search=("b.example", "guest.example", "b.example"))
    assert [b"\1b\7example\0", b"\5guest\7example\0"] == search(offer_on(listed, HOME))
    assert [b"\5guest\7example\0", b"\1b\7example\0"] == search(offer_on(listed, HOME, subnet))
    assert [] == search(offer_on(settings(domain=""), HOME))


def test_nothing_is_said_where_there_is_nothing() -> None:
    empty = offer_on(settings((), domain=""), HOME)
    assert Offer() == empty
    assert () == options_of4(empty)
    assert () == options_of6(empty)


def test_encrypted_listeners_have_name_addresses_and_parameters_of_the_right_family() -> None:
    offer = offer_on(settings(encrypted=(DOH, DOT)), HOME)
    assert [(1, ["192.168.1.1"]), (2, ["192.168.1.1"])] == [
        (one.priority, texts(one.addresses)) for one in offer.resolvers4
    ]
    assert [(1, ["fd00:1::1", "2001:db8:1::1"]), (2, ["fd00:1::1", "2001:db8:1::1"])] == [
        (one.priority, texts(one.addresses)) for one in offer.resolvers6
    ]
    assert {b"\3dns\4home\4arpa\0"} == {one.name for one in (*offer.resolvers4, *offer.resolvers6)}
    shown = [show_parameters(one.parameters) for one in offer.resolvers4]
    assert ["alpn=dot", "alpn=h2,h3 dohpath=/dns-query{?dns}"] == shown
    assert shown == [show_parameters(one.parameters) for one in offer.resolvers6]


def parameters(one: Announced) -> str:
    return show_parameters(offer_on(settings(encrypted=(one,)), HOME).resolvers4[0].parameters)


def test_a_port_is_said_where_it_is_not_the_usual_one() -> None:
    """RFC 9461 §4.2."""
    assert "alpn=doq" == parameters(Announced("a.example", ("doq",), 853))
    assert "alpn=dot port=8853" == parameters(Announced("a.example", ("dot",), 8853))
    assert "alpn=h2,dot port=443 dohpath=/q{?dns}" == parameters(Announced("a.example", ("h2", "dot"), 443, "/q{?dns}"))
    assert "alpn=odd port=853" == parameters(Announced("a.example", ("odd",), 853))


def test_http_has_a_path_and_others_have_none() -> None:
    """RFC 9461 §5."""
    assert "alpn=h2 dohpath=/dns-query{?dns}" == parameters(Announced("a.example", ("h2",), 443))
    assert "alpn=dot" == parameters(Announced("a.example", ("dot",), 853, "/dns-query{?dns}"))


def test_without_an_address_of_the_family_or_a_protocol_a_listener_is_not_offered() -> None:
    six = Announced("a.example", ("dot",), 853, addresses=(ip("fd00:1::1"),))
    offer = offer_on(settings(encrypted=(six, Announced("b.example", (), 853))), HOME)
    assert ((), 1) == (offer.resolvers4, len(offer.resolvers6))
    assert () == offer_on(settings((), encrypted=(DOT,)), HOME).resolvers4


def test_priority_nought_would_be_an_alias() -> None:
    assert (
        1
        == offer_on(settings(encrypted=(Announced("a.example", ("dot",), 853, priority=0),)), HOME)
        .resolvers4[0]
        .priority
    )


def test_a_listener_that_went_away_is_not_offered_any_more() -> None:
    both, one = (offer_on(settings(encrypted=these), HOME) for these in ((DOT, DOH), (DOT,)))
    assert (2, 1) == (len(both.resolvers4), len(one.resolvers4))
    assert [6, 119] == [number for number, _ in options_of4(offer_on(settings(), HOME))]


def test_options_of_both_families_hold_the_same() -> None:
    offer = offer_on(settings(encrypted=(DOT, DOH)), HOME)
    four, six = dict(options_of4(offer)), options_of6(offer)
    assert [6, 119, 162] == list(four)
    assert [23, 24, 144, 144] == [number for number, _ in six]
    assert (ip("192.168.1.1"), ip("fd00:1::1") + ip("2001:db8:1::1")) == (four[6], six[0][1])
    assert (b"\4home\4arpa\0",) == parse_names(four[119]) == parse_names(six[1][1])
    assert offer.resolvers4 == parse_dnr4(four[162])
    assert offer.resolvers6 == tuple(parse_dnr6(data) for _, data in six[2:])
    assert isinstance(offer.resolvers4[0], Resolver)
