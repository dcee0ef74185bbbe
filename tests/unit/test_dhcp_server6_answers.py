"""What a DHCPv6 client is told besides its addresses, whom it is called, and how the answer finds its way."""

from dataclasses import replace

import pytest
from kit.dhcp6 import (
    ANYBODY,
    CLIENT,
    FAR,
    LAN,
    LINK,
    OURS,
    PHONE,
    RELAY,
    SERVER,
    SETTINGS,
    Site6,
    duid,
    hop,
    ip6,
    message,
    na,
    pd,
    read_answer,
    with_lan,
)
from kit.dhcp_site import KEY

from dhcp.duid import server_duid
from dhcp.identity import Identifier
from dhcp.settings import Announced, ClientClass, DhcpSettings, Matcher, Reservation, ResolverOffer
from dhcp.values import Arrival, Link, Own, Reply6
from wire.dhcp.codes6 import MessageType6, Option6
from wire.dhcp.contents6 import ClientName, build_client_name, parse_client_name
from wire.dhcp.dnr import parse_dnr6
from wire.dns.names import read_name

OTHER = duid(2)
PORTAL = b"https://portal.example/"
SOME = (
    (7, b"\xff"),
    (31, OURS),
    (56, b"\0\1\0\x10" + OURS),
    (59, b"http://boot.example/"),
    (82, bytes(4)),
    (103, PORTAL),
)
ALL = (23, 24, 31, 32, 39, 56, 59, 60, 82, 83, 103, 144)


def named(name: str = "phone", flags: int = 1, complete: bool = False) -> tuple[tuple[int, bytes], ...]:
    labels = tuple(label.encode() for label in name.split("."))
    return ((Option6.CLIENT_FQDN, build_client_name(ClientName(flags, labels, complete))),)


def numbers(site: Site6, asked: tuple[int, ...], kind: int = MessageType6.INFORMATION_REQUEST) -> list[int]:
    return [number for number, _ in site.ask(message(kind, asked=asked)).packet.options]


# options


def test_only_what_is_asked_for_is_sent_and_the_preference() -> None:
    site = Site6(replace(SETTINGS, options6=SOME))
    assert [1, 2, 7] == numbers(site, ())
    assert [1, 2, 7, 56, 103] == numbers(site, (56, 103, 144))
    assert [1, 2, 7, 23, 24, 31, 32, 56, 59, 82, 103] == numbers(site, ALL)


def test_what_belongs_to_the_protocol_cannot_be_set() -> None:
    forged = tuple((number, b"x" * 20) for number in (1, 2, 3, 6, 12, 13, 14, 25))
    site = Site6(replace(SETTINGS, options6=forged))
    assert [1, 2] == numbers(site, tuple(number for number, _ in forged))


def test_options_of_the_subnet_the_class_and_the_reservation_come_over_each_other_in_that_order() -> None:
    layers = [((56, bytes((number,))),) for number in range(4)]
    everybody = ClientClass("all", ((Matcher.ANY, b""),), options6=layers[2])
    settings = with_lan(replace(SETTINGS, options6=layers[0]), options6=layers[1])
    more = replace(settings, classes=(everybody,))
    most = replace(more, reservations=(Reservation(duids=(PHONE,), options6=layers[3]),))
    for number, each in enumerate((replace(SETTINGS, options6=layers[0]), settings, more, most)):
        assert bytes((number,)) == Site6(each).ask(message(MessageType6.INFORMATION_REQUEST, asked=(56,))).option(56)


def test_an_option_without_octets_is_not_sent() -> None:
    assert [1, 2, 24] == numbers(Site6(replace(SETTINGS, options6=((23, b""),))), (23, 24))


def test_the_resolver_is_our_addresses_where_it_listens_on_all_of_them() -> None:
    site = Site6()
    assert OURS == site.solicit(na()).option(23)
    lonely = Site6(links={1: Link(1, "lan", LINK.hardware, (Own(ip6("fe80::1"), 64),))})
    assert lonely.solicit(na()).option(23) is None, "an address of one link is of no use on another"
    other = ip6("2001:db8:5::53")
    given = ResolverOffer((other, bytes(15) + b"\1", bytes(4)))
    assert other == Site6(replace(SETTINGS, resolver=given)).solicit(na()).option(23)


def test_encrypted_listeners_are_told_each_by_an_option_while_they_are_up() -> None:
    """RFC 9463 §4.1."""
    both = (Announced("dns.example", ("dot",), 853), Announced("doh.example", ("h2",), 443, "/dns-query{?dns}"))
    site = Site6(replace(SETTINGS, resolver=ResolverOffer((bytes(16),), both)))
    told = [parse_dnr6(data) for data in site.solicit(na(), asked=(144,)).packet.every(144)]
    assert [(b"\3dns\7example\0", (OURS,)), (b"\3doh\7example\0", (OURS,))] == [
        (one.name, one.addresses) for one in told
    ]
    assert () == Site6().solicit(na(), asked=(144,)).packet.every(144)
    instead = replace(site.settings, options6=((144, b"x"),))
    assert (b"x",) == Site6(instead).solicit(na(), asked=(144,)).packet.every(144)


def test_the_search_list_is_the_subnets_domain_and_the_general_one() -> None:
    assert b"\4home\4arpa\0" == Site6().solicit(na()).option(24)
    assert b"\2ex\0\3lan\0" == Site6(replace(SETTINGS, search=("ex", "lan"))).solicit(na()).option(24)
    assert b"\3dmz\0\2ex\0" == Site6(with_lan(replace(SETTINGS, search=("ex",)), domain="dmz")).solicit(na()).option(24)


@pytest.mark.parametrize(("lease_time", "expected"), [(60, 600), (43_200, 43_200)])
def test_who_keeps_no_lease_is_told_when_to_ask_again(lease_time: int, expected: int) -> None:
    """RFC 8415 §21.23: never less than 600 seconds; in answers to an Information-request only."""
    site = Site6(with_lan(lease_time=lease_time))
    answer = site.ask(message(MessageType6.INFORMATION_REQUEST, asked=(32,)))
    assert expected.to_bytes(4, "big") == answer.option(32)
    assert site.solicit(na(), asked=(32,)).option(32) is None


# who we are


def test_our_identifier_is_of_the_key_and_of_nothing_else() -> None:
    """RFC 6355: a DUID-UUID."""
    assert (18, b"\0\4") == (len(SERVER), SERVER[:2])
    assert SERVER == server_duid(KEY) != server_duid(bytes(32))
    assert (0x80, 0x80) == (SERVER[8] & 0xF0, SERVER[10] & 0xC0)
    assert KEY[:4] not in SERVER
    assert LINK.hardware not in SERVER


# names


def test_a_name_is_published_and_the_client_is_told_which() -> None:
    site = Site6()
    answer = site.join(options=named("Phone.example"))
    said = parse_client_name(answer.option(39) or b"")
    assert ClientName(1, (b"phone", b"home", b"arpa"), complete=True) == said
    name = read_name("phone.home.arpa")
    assert [(name, (answer.address,), False)] == [change[:3] for change in site.hosts]
    site.release(*answer.associations)
    assert (name, (answer.address,), True) == site.hosts[-1][:3]


def test_a_client_that_would_publish_itself_is_overridden() -> None:
    """RFC 4704 §4.1: S was 0, we publish all the same: O."""
    assert 3 == parse_client_name(Site6().join(options=named(flags=0)).option(39) or b"").flags


def test_who_wants_no_name_has_none() -> None:
    """RFC 4704 §6: N."""
    site = Site6()
    assert 4 == parse_client_name(site.join(options=named(flags=4)).option(39) or b"").flags
    assert [] == site.hosts


def test_who_does_not_ask_for_an_answer_to_its_name_gets_none() -> None:
    site = Site6()
    assert site.join(options=named(), asked=(23,)).option(39) is None
    assert [read_name("phone.home.arpa")] == [change.name for change in site.hosts]
    assert Site6().join(asked=(39,)).option(39) is None


@pytest.mark.parametrize("name", ["wpad", "localhost", "_tcp", "anchorhold", "ISATAP", ".", "printer"])
def test_what_nobody_may_be_called_nobody_is(name: str) -> None:
    site = Site6(replace(SETTINGS, reservations=(Reservation(duids=(OTHER,), name="Printer"),)))
    options = named(name) if name != "." else ((Option6.CLIENT_FQDN, b"\1\0"),)
    assert 4 == parse_client_name(site.join(options=options).option(39) or b"").flags
    assert [] == site.hosts


def test_the_first_keeps_its_name_and_the_second_gets_another() -> None:
    site = Site6()
    site.join(options=named())
    second = site.join(who=OTHER, options=named())
    assert b"phone-2" == parse_client_name(second.option(39) or b"").labels[0]


def test_the_name_of_a_reservation_is_its_own_and_taken_from_who_has_it() -> None:
    site = Site6()
    thief = site.join(who=OTHER, options=named("printer")).address
    site.settings = replace(SETTINGS, reservations=(Reservation(duids=(PHONE,), name="Printer"),))
    mine = site.join(options=named("whatever")).address
    assert (mine,) == site.hosts[-1].addresses
    assert "" == site.held()[thief].name
    assert "printer" == site.held()[mine].name


@pytest.mark.parametrize("settings", [replace(SETTINGS, names=False), with_lan(named=False)])
def test_where_names_are_not_published_nobody_has_one(settings: DhcpSettings) -> None:
    site = Site6(settings)
    site.join(options=named())
    assert [] == site.hosts


def test_a_router_gets_no_name_for_its_prefix() -> None:
    site = Site6()
    site.join(pd(), options=named())
    assert [] == site.hosts


# what is kept


def test_nothing_that_tells_who_it_was_is_kept() -> None:
    """RFC 7844 §4: a client with a random DUID is served as all others, and no identifier is in the book."""
    site = Site6()
    site.join(who=b"\0\4" + bytes(range(100, 116)))
    (lease,) = site.held().values()
    assert b"" == lease.identifier
    assert bytes(range(100, 116)) not in repr(lease).encode()
    assert site.book.tag(Identifier.DUID, b"\0\4" + bytes(range(100, 116))) == lease.client
    kept = Site6(replace(SETTINGS, store_identifiers=True))
    kept.join()
    assert [PHONE] == [lease.identifier for lease in kept.held().values()]


# the way back


def test_a_client_is_answered_on_its_link_and_its_port() -> None:
    reply = Site6().send(message(MessageType6.SOLICIT, na()), Arrival(1, CLIENT, ANYBODY, b"", 12345)).reply
    assert isinstance(reply, Reply6)
    assert (1, CLIENT, 546) == (reply.interface, reply.address, reply.port)


def test_relays_get_back_what_they_said_in_their_order() -> None:
    """RFC 8415 §19.3: hop counts, addresses, interface-ids; §13.1: the link is what the innermost one says."""
    hops = (
        hop("2001:db8:9::1", ip6("2001:db8:8::2"), ((Option6.INTERFACE_ID, b"trunk"),), count=1),
        hop("2001:db8:2::1", CLIENT, ((Option6.INTERFACE_ID, b"eth7"), (Option6.REMOTE_ID, b"\0\0\0\x09cable"))),
    )
    site = Site6()
    outcome = site.send(message(MessageType6.SOLICIT, na()), hops=hops, arrival=Arrival(1, RELAY, OURS, b"", 12345))
    reply, answer = outcome.reply, read_answer(outcome)
    assert isinstance(reply, Reply6)
    assert (RELAY, 547) == (reply.address, reply.port)
    assert [(1, hops[0].link, hops[0].peer), (0, hops[1].link, CLIENT)] == [one[:3] for one in answer.hops]
    assert [((18, b"trunk"),), ((18, b"eth7"),)] == [one.options for one in answer.hops]
    assert answer.address.startswith(ip6("2001:db8:2::")[:8])


def test_a_relay_that_says_no_link_leaves_it_to_the_next() -> None:
    """RFC 6221: a relay on a switch says none."""
    site, packet = Site6(), message(MessageType6.SOLICIT, na())
    assert site.ask(packet, hops=(hop("2001:db8:2::1"), hop("::"))).address.startswith(ip6("2001:db8:2::")[:8])
    assert site.ask(packet, hops=(hop("::"),)).address.startswith(LAN.prefix[:8])


def test_the_smallest_subnet_around_what_a_relay_says_is_the_link() -> None:
    wide = replace(FAR, name="2001:db8::/32", prefix=ip6("2001:db8::"), length=32, domain="wide")
    for subnets in ((wide, FAR), (FAR, wide)):
        site = Site6(replace(SETTINGS, subnets=subnets))
        answer = site.ask(message(MessageType6.INFORMATION_REQUEST), hops=(hop(),))
        assert b"wide" not in (answer.option(24) or b"")


def test_a_relay_is_answered_where_it_spoke_from_if_it_says_so() -> None:
    """RFC 8357 §5.2: the option of the outermost relay says it, and every one of them goes back."""
    port = ((Option6.RELAY_PORT, b"\0\0"),)
    for hops, expected in (((hop(options=port),), 12345), ((hop("::"), hop(options=port)), 547)):
        packet = message(MessageType6.SOLICIT, na())
        outcome = Site6().send(packet, Arrival(1, RELAY, OURS, b"", 12345), hops)
        assert isinstance(outcome.reply, Reply6)
        assert expected == outcome.reply.port
        assert [(135, b"\0\0")] == [one for some in read_answer(outcome).hops for one in some.options]


def test_a_relay_that_is_not_in_the_list_is_not_heard() -> None:
    packet = message(MessageType6.SOLICIT, na())
    outcome = Site6().send(packet, Arrival(1, ip6("2001:db8:66::6"), OURS, b"", 547), (hop(),))
    assert ("relay-refused", None, ()) == (outcome.why, outcome.reply, outcome.changes)
    assert "relay-refused" == Site6(replace(SETTINGS, relays=())).send(packet, hops=(hop(),)).why


def test_a_link_that_we_have_no_subnet_for_is_not_served() -> None:
    packet = message(MessageType6.SOLICIT, na())
    assert "no-subnet" == Site6().send(packet, hops=(hop("2001:db8:99::1"),)).why
    assert "no-subnet" == Site6(links={1: replace_name(LINK, "wan")}).send(packet).why
    assert "no-subnet" == Site6(links={}).send(packet).why


def replace_name(link: Link, name: str) -> Link:
    return link._replace(name=name)


@pytest.mark.parametrize(
    ("matcher", "value"),
    [
        (Matcher.CIRCUIT, b"eth7"),
        (Matcher.REMOTE, b"\0\0\0\x09cable"),
        (Matcher.VENDOR, b"toast"),
        (Matcher.USER, b"guest"),
        (Matcher.ARCHITECTURE, b"\0\x07"),
        (Matcher.HARDWARE, b"\x02\0\x5e"),
        (Matcher.CHANGING, b""),
        (Matcher.ANY, b""),
    ],
)
def test_a_class_knows_its_members(matcher: Matcher, value: bytes) -> None:
    some = ClientClass("some", ((matcher, value),), options6=((56, b"x"),))
    site = Site6(replace(SETTINGS, classes=(some,)))
    options = (
        (Option6.VENDOR_CLASS, b"\0\0\0\x09\0\7toaster"),
        (Option6.USER_CLASS, b"\0\5guest"),
        (Option6.ARCHITECTURE, b"\0\0\0\7"),
    )
    said = (
        (Option6.INTERFACE_ID, b"eth7"),
        (Option6.REMOTE_ID, b"\0\0\0\x09cable"),
        (Option6.CLIENT_LINK_LAYER, b"\0\1\x02\0\x5e\1\2\3"),
    )
    packet = message(MessageType6.INFORMATION_REQUEST, asked=(56,), options=options)
    assert b"x" == site.ask(packet, hops=(hop(options=said),)).option(56)
    plain = site.ask(message(MessageType6.INFORMATION_REQUEST, asked=(56,)), hops=(hop(),))
    assert (b"x" if matcher is Matcher.ANY else None) == plain.option(56)


def test_a_badly_made_class_or_name_keeps_nobody_from_an_address() -> None:
    options = ((Option6.USER_CLASS, b"\0\x09x"), (Option6.VENDOR_CLASS, b"x"), (Option6.CLIENT_FQDN, b"\1\x40"))
    assert Site6().join(options=options).address
