"""Relays, shared networks, names in replies, and that every outcome has its word."""

import ast
import random
from dataclasses import replace
from pathlib import Path as File

import pytest
from kit.dhcp4 import (
    EVERYBODY,
    LAN,
    LINK,
    LIST,
    MAC,
    OURS,
    RELAY,
    SETTINGS,
    ZERO,
    Site,
    arrives,
    ip,
    kind_of,
    mac,
    message,
    option,
    yiaddr,
)

from dhcp.facts import WHY
from dhcp.settings import Announced, Pool, Reservation, ResolverOffer, Subnet
from dhcp.values import Arrival, Link, Own, Path, State
from wire.dhcp.codes4 import MessageType4, Option4
from wire.dhcp.dnr import parse_dnr4
from wire.dhcp.packet4 import build_packet4
from wire.dns.names import read_name


def subnet(text: str, interface: str = "", shared: str = "") -> Subnet:
    base = ip(text)
    pool = Pool(base[:3] + b"\x0a", base[:3] + b"\x14")
    return Subnet(f"{text}/24", base, 24, interface, shared, pools=(pool,))


FAR, FARTHER = subnet("198.51.100.0"), subnet("203.0.113.0")
RELAYED = replace(SETTINGS, subnets=(LAN, FAR, FARTHER), relays=((RELAY, 24),))


def through(site: Site, kind: int = MessageType4.DISCOVER, options: dict[int, bytes] | None = None, port: int = 67):  # type: ignore[no-untyped-def]
    packet = message(kind, options, giaddr=RELAY, hops=1)
    return site.send(packet, arrives(packet)._replace(port=port))


# --- times -----------------------------------------------------------------------------------------------------------------


def seconds(*times: int) -> tuple[bytes, ...]:
    return tuple(time.to_bytes(4, "big") for time in times)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, (21_600, 37_800)),
        ({58: 600, 59: 1_200}, (600, 1_200)),
        ({58: 600}, (600, 37_800)),
        ({58: 1_200, 59: 1_200}, (21_600, 37_800)),
        ({59: 43_200}, (21_600, 37_800)),
    ],
    ids=["none", "both", "one", "T1 not before T2", "T2 not before the end"],
)
def test_times_that_are_set_count_where_they_fit_the_lease(given: dict[int, int], told: tuple[int, int]) -> None:
    """RFC 2131 §4.4.5; asked for or not."""
    options = tuple((number, time.to_bytes(4, "big")) for number, time in given.items())
    reply = Site(replace(SETTINGS, options4=options)).discover().reply
    assert seconds(*told) == (option(reply, 58), option(reply, 59))


def test_without_a_lease_there_are_no_times_whatever_is_set() -> None:
    site = Site(replace(SETTINGS, options4=((58, *seconds(600)), (59, *seconds(1_200)))))
    packet = message(MessageType4.INFORM, {55: bytes((1, 58, 59))}, ciaddr=ip("192.0.2.50"))
    reply = site.send(packet, arrives(packet)._replace(source=ip("192.0.2.50"))).reply
    assert reply is not None
    assert not {51, 58, 59} & set(reply.packet.options)


# --- relays --------------------------------------------------------------------------------------------------------------


def test_rfc3046_the_relays_option_comes_back_last_and_unchanged() -> None:
    inside = b"\1\5port1\2\3sw7\x97\1x"
    reply = through(Site(RELAYED), options={82: inside, 61: b"\0me"}).reply
    assert inside == option(reply, 82)
    octets = build_packet4(reply.packet).rstrip(b"\0")
    assert octets.endswith(bytes((82, len(inside))) + inside + b"\xff")


def test_rfc3046_also_in_a_nak() -> None:
    inside = b"\1\5port1"
    reply = through(Site(RELAYED), MessageType4.REQUEST, {50: ip("192.0.2.120"), 82: inside}).reply
    assert (MessageType4.NAK, inside) == (kind_of(reply), option(reply, 82))


def test_rfc3527_link_selection_says_the_subnet_and_giaddr_where_to_answer() -> None:
    reply = through(Site(RELAYED), options={82: b"\5\4" + ip("203.0.113.1")}).reply
    assert ip("203.0.113.0")[:3] == yiaddr(reply)[:3]
    assert (Path.RELAY, RELAY) == (reply.path, reply.address)


def test_rfc3011_subnet_selection_says_the_subnet_and_comes_back() -> None:
    reply = through(Site(RELAYED), options={118: ip("203.0.113.0")}).reply
    assert ip("203.0.113.0")[:3] == yiaddr(reply)[:3]
    assert ip("203.0.113.0") == option(reply, 118)


def test_rfc3527_link_selection_comes_before_subnet_selection() -> None:
    reply = through(Site(RELAYED), options={118: FAR.prefix, 82: b"\5\4" + ip("203.0.113.1")}).reply
    assert ip("203.0.113.0")[:3] == yiaddr(reply)[:3]
    assert option(reply, 118) is None


def test_rfc3011_a_client_on_our_link_cannot_choose_another_one() -> None:
    reply = Site(RELAYED).discover(options={118: FAR.prefix}).reply
    assert LAN.prefix[:3] == yiaddr(reply)[:3]
    assert option(reply, 118) is None


def test_rfc5107_the_relays_address_is_the_server_identifier() -> None:
    site, inside = Site(RELAYED), {82: b"\x0b\4" + RELAY}
    offer = through(site, options=inside).reply
    assert (RELAY, OURS) == (option(offer, 54), offer.source)
    ack = through(site, MessageType4.REQUEST, inside | {54: RELAY, 50: yiaddr(offer)}).reply
    assert (MessageType4.ACK, RELAY) == (kind_of(ack), option(ack, 54))


def test_rfc5107_without_a_relay_nobody_overrides_anything() -> None:
    assert OURS == option(Site().discover(options={82: b"\x0b\4" + RELAY}).reply, 54)


def test_rfc8357_the_answer_goes_to_the_port_the_relay_spoke_from_if_it_says_so() -> None:
    assert 5_555 == through(Site(RELAYED), options={82: b"\x13\0"}, port=5_555).reply.port
    assert 67 == through(Site(RELAYED), options={82: b"\1\1x"}, port=5_555).reply.port


@pytest.mark.parametrize("inside", [b"\1", b"\1\5abc", b"\1\1a\1\1b"])
def test_a_relays_option_that_cannot_be_read_ends_the_message(inside: bytes) -> None:
    assert ("malformed", None) == through(Site(RELAYED), options={82: inside})[:2]


def test_without_a_list_no_relay_is_served() -> None:
    assert "relay-refused" == through(Site(replace(RELAYED, relays=()))).why


def test_a_relayed_client_has_its_relay_for_a_router_and_nobody_probes_for_it() -> None:
    site = Site(RELAYED)
    reply = through(site).reply
    assert (RELAY, OURS) == (option(reply, 3), option(reply, 6))
    assert [] == site.probed


def test_a_relayed_client_renews_by_unicast_through_its_router() -> None:
    site = Site(RELAYED)
    address = yiaddr(through(site, options={80: b""}).reply)
    packet = message(MessageType4.REQUEST, ciaddr=address)
    outcome = site.send(packet, Arrival(1, address, OURS, mac(99), 68))
    assert ("renewed", Path.UNICAST, address) == (outcome.why, outcome.reply.path, outcome.reply.address)


def test_a_relayed_client_releases_through_its_router_whose_hardware_address_is_on_the_frame() -> None:
    site = Site(RELAYED)
    address = yiaddr(through(site, options={80: b""}).reply)
    assert "released" == site.release(address, hardware=mac(99)).why


# --- several subnets -----------------------------------------------------------------------------------------------------


def test_an_interface_without_a_subnet_or_an_address_is_not_served() -> None:
    site = Site(links={1: LINK, 2: Link(2, "wan", MAC, ()), 3: Link(3, "lan", MAC, ())})
    packet = message(MessageType4.DISCOVER)
    words = [site.send(packet, Arrival(number, ZERO, EVERYBODY)).why for number in (2, 3, 9)]
    assert ["no-subnet", "no-address", "no-subnet"] == words


def test_a_shared_network_gives_from_the_second_subnet_when_the_first_is_full() -> None:
    both = (subnet("192.0.2.0", "lan", "house"), subnet("198.51.100.0", "", "house"))
    site = Site(replace(SETTINGS, subnets=both))
    given = [site.join(mac(n)) for n in range(23)]
    assert {b"\xc0\0\2": 11, b"\xc6\x33\x64": 11, b"": 1} == {
        prefix: sum(address[:3] == prefix for address in given) for prefix in (b"\xc0\0\2", b"\xc6\x33\x64", b"")
    }


def test_in_a_shared_network_a_client_keeps_what_it_has_in_either_subnet() -> None:
    both = (subnet("192.0.2.0", "lan", "house"), subnet("198.51.100.0", "", "house"))
    site = Site(replace(SETTINGS, subnets=both))
    address = yiaddr(site.discover(options={50: ip("198.51.100.15")}).reply)
    assert ip("198.51.100.15") == address
    site.select(address)
    assert MessageType4.ACK == kind_of(site.rebind(address).reply)
    assert MessageType4.ACK == kind_of(site.reboot(address).reply)


def test_who_moves_to_another_network_gets_an_address_there_and_its_name_follows() -> None:
    settings = replace(SETTINGS, subnets=(LAN, subnet("198.51.100.0", "attic")))
    attic = Link(2, "attic", mac(200), (Own(ip("198.51.100.1"), 24),))
    site = Site(settings, links={1: LINK, 2: attic})
    own = {12: b"laptop"}
    old = site.join(MAC, own)
    there = Arrival(2, ZERO, EVERYBODY, MAC)
    assert "wrong-network" == site.send(message(MessageType4.REQUEST, own | {50: old}), there).why
    offer = site.send(message(MessageType4.DISCOVER, own), there).reply
    chosen = own | {50: yiaddr(offer), 54: ip("198.51.100.1")}
    assert MessageType4.ACK == kind_of(site.send(message(MessageType4.REQUEST, chosen), there).reply)
    assert (yiaddr(offer),) == site.hosts[-1].addresses
    assert "" == site.at(old).name


def test_the_resolver_is_our_address_where_it_listens_everywhere_and_never_loopback() -> None:
    offered = [
        option(Site(replace(SETTINGS, resolver=ResolverOffer(addresses))).discover().reply, 6)
        for addresses in [(ZERO,), (ip("127.0.0.1"), ip("192.0.2.53")), (ip("127.0.0.1"),), (bytes(16),)]
    ]
    assert [OURS, ip("192.0.2.53"), None, None] == offered


def test_rfc9463_an_encrypted_listener_is_told_to_who_asks_and_gone_with_the_next_reply() -> None:
    announced = Announced("dns.home.arpa", ("dot",), 853)
    site = Site(replace(SETTINGS, resolver=ResolverOffer((ZERO,), (announced,))))
    (told,) = parse_dnr4(option(site.discover(options={55: b"\xa2"}).reply, Option4.DNR))
    assert ((OURS,), read_name("dns.home.arpa")) == (told.addresses, told.name)
    assert option(site.discover().reply, Option4.DNR) is None
    site.settings = SETTINGS
    assert option(site.discover(options={55: b"\xa2"}).reply, Option4.DNR) is None


def test_an_address_of_ours_that_changes_is_told_with_the_next_reply() -> None:
    site = Site()
    before = option(site.discover().reply, 6)
    site.links[1] = LINK._replace(addresses=(Own(ip("192.0.2.3"), 24),))
    assert (OURS, ip("192.0.2.3")) == (before, option(site.discover().reply, 6))


def test_search_list_and_domain_are_the_subnets() -> None:
    wire = b"\5attic\7example\0"
    reply = Site(replace(SETTINGS, subnets=(replace(LAN, domain="attic.example"),))).discover().reply
    assert (b"attic.example", wire) == (option(reply, 15), option(reply, 119))
    reply = Site(replace(SETTINGS, search=("attic.example", "x"))).discover().reply
    assert (b"home.arpa", wire + b"\1x\0") == (option(reply, 15), option(reply, 119))


def test_a_reservation_of_another_network_gives_no_address_here() -> None:
    settings = replace(RELAYED, reservations=(Reservation((MAC,), address4=ip("198.51.100.99")),))
    assert LAN.prefix[:3] == Site(settings).join()[:3]


# --- the client's whole name (RFC 4702) -----------------------------------------------------------------------------------

LAPTOP = b"\6laptop"
WHOLE = LAPTOP + b"\4home\4arpa\0"


@pytest.mark.parametrize(
    ("asked", "answer", "name"),
    [
        (b"\5\0\0" + LAPTOP, b"\5\xff\xff" + WHOLE, "laptop"),
        (b"\4\0\0" + LAPTOP, b"\7\xff\xff" + WHOLE, "laptop"),
        (b"\1\0\0laptop", b"\1\xff\xfflaptop.home.arpa.", "laptop"),
        (b"\5\0\0\6laptop\7example\0", b"\5\xff\xff" + WHOLE, "laptop"),
        (b"\x0c\0\0" + LAPTOP, b"\x0c\xff\xff" + LAPTOP, ""),
        (b"\5\0\0\4wpad", b"\x0e\xff\xff\4wpad", ""),
        (b"\5\0", None, ""),
        (b"\5\0\0\x3fcut", None, ""),
    ],
    ids=["S", "not S", "text", "foreign domain", "N", "not to be had", "too short", "cut off"],
)
def test_rfc4702_what_is_answered_to_a_whole_name(asked: bytes, answer: bytes | None, name: str) -> None:
    site = Site()
    reply = site.discover(options={81: asked, 80: b""}).reply
    assert answer == option(reply, 81)
    assert name == site.bound()[0].name


def test_rfc4702_who_does_not_send_the_option_does_not_get_it() -> None:
    assert option(Site().discover(options={12: b"laptop", 55: LIST + b"\x51"}).reply, 81) is None


def test_a_client_is_told_its_name_if_it_asks() -> None:
    site = Site()
    site.join(mac(5), {12: b"laptop"})
    assert b"laptop-2" == option(site.discover(options={12: b"laptop", 55: b"\x0c"}).reply, 12)


# --- as a whole ----------------------------------------------------------------------------------------------------------


def test_identifiers_are_kept_only_where_the_user_chose_so() -> None:
    for chosen, expected in [(False, b""), (True, MAC)]:
        site = Site(replace(SETTINGS, store_identifiers=chosen))
        assert expected == site.at(site.join()).identifier


def test_every_word_has_a_text_and_no_text_has_no_word() -> None:
    """Reads the words out of the code."""
    found: set[str] = set()
    for name in (
        "asked4",
        "server4",
        "request4",
        "pools",
        "asked6",
        "server6",
        "request6",
        "bindings6",
        "draft6",
        "pools6",
    ):
        tree = ast.parse((File(__file__).parents[2] / f"dhcp/{name}.py").read_text())
        for node in ast.walk(tree):
            match node:
                case ast.Constant(value=str(word)) if word in WHY:
                    found.add(word)
                case ast.Call(func=ast.Name(id="Outcome"), args=[ast.Constant(value=str(word)), *_]):
                    assert word in WHY
    beside = {"limited", "quarantined", "expired"}
    # Made of two parts in request6.py.
    beside |= {"no-client-identifier", "no-server-identifier", "unexpected-server-identifier", "unexpected-association"}
    assert set(WHY) == found | beside


def test_nothing_changes_by_looking_and_the_same_message_has_the_same_outcome() -> None:
    site = Site()
    site.join()
    packet = message(MessageType4.DISCOVER, chaddr=mac(9))
    before = list(site.book.leases())
    assert site.look(packet) == site.look(packet)
    assert before == list(site.book.leases())


@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_sent_no_two_clients_have_one_address_and_every_word_is_known(seed: int) -> None:
    dice = random.Random(seed)
    pool = Pool(ip("192.0.2.100"), ip("192.0.2.111"))
    hosts = (Reservation((mac(3),), address4=ip("192.0.2.105"), name="host"), Reservation((mac(4),), ignored=True))
    settings = replace(RELAYED, subnets=(replace(LAN, pools=(pool,)), FAR), reservations=hosts, offers=6)
    site = Site(settings)
    told: dict[bytes, tuple[bytes, float]] = {}
    for _ in range(600):
        site.later(dice.choice([0, 0, 1, 12, 400]))
        who = mac(dice.randrange(14), changing=dice.random() < 0.5)
        address = ip(f"192.0.2.{dice.randrange(98, 114)}")
        packet = message(
            dice.randrange(1, 9),
            {n: v for n, v in anything(dice, address).items() if dice.random() < 0.5},
            chaddr=who,
            ciaddr=dice.choice([ZERO, address]),
            giaddr=dice.choice([ZERO, ZERO, ZERO, RELAY]),
            flags=dice.choice([0, 0x8000]),
        )
        arrival = arrives(packet)
        if dice.random() < 0.3:
            arrival = Arrival(1, address, OURS, who, 68)
        if dice.random() < 0.3:
            site.present[address] = dice.choice([who, mac(999)])
        outcome = site.send(packet, arrival)
        assert set(site.words) <= set(WHY)
        if kind_of(outcome.reply) == MessageType4.ACK and yiaddr(outcome.reply) != ZERO:
            given = yiaddr(outcome.reply)
            holder, until = told.get(given, (who, 0.0))
            mine = site.at(given)
            assert mine.state is State.BOUND
            assert holder == who or until <= site.now or ended(site, given, holder)
            told[given] = (who, mine.until)


def ended(site: Site, address: bytes, holder: bytes) -> bool:
    """The former lease of an address ended before its time: released, declined, or nobody answered there."""
    return site.at(address).since <= site.now and not any(
        lease.address == address and lease.hardware == holder for lease in site.bound()
    )


def anything(dice: random.Random, address: bytes) -> dict[int, bytes]:
    return {
        Option4.REQUESTED_ADDRESS: address,
        Option4.SERVER_IDENTIFIER: dice.choice([OURS, ip("192.0.2.2"), b"x"]),
        Option4.RAPID_COMMIT: b"",
        Option4.HOST_NAME: dice.choice([b"tv", b"host", b"wpad", b"\xff"]),
        Option4.FQDN: dice.choice([b"\5\0\0\2tv", b"\1\0\0x.y", b"\4"]),
        Option4.LEASE_TIME: dice.randbytes(4),
        Option4.RELAY_INFORMATION: dice.choice([b"\1\1a", b"\5\4" + address, b"\1", dice.randbytes(6)]),
        Option4.SUBNET_SELECTION: dice.choice([address, b"\0"]),
        Option4.CLIENT_IDENTIFIER: dice.choice([b"\0a", b"\0", b"\1" + bytes(6)]),
        Option4.PARAMETER_LIST: dice.randbytes(9),
        Option4.USER_CLASS: dice.randbytes(5),
        Option4.ARCHITECTURE: dice.randbytes(3),
    }
