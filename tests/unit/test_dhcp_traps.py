"""What other servers got wrong (Kea, charrua with DNSvizor, dnsmasq), one test each."""

from dataclasses import replace

from kit.dhcp4 import (
    EVERYBODY,
    LAN,
    LIST,
    MAC,
    OURS,
    PHONE,
    RELAY,
    SETTINGS,
    ZERO,
    Site,
    ip,
    kind_of,
    mac,
    message,
    option,
    yiaddr,
)

from dhcp.settings import Pool, Subnet
from dhcp.values import Arrival, Kind, Path, State
from wire.dhcp.codes4 import MessageType4, Option4
from wire.dns.names import read_name

RELAYED = Subnet("198.51.100.0/24", ip("198.51.100.0"), 24, pools=(Pool(ip("198.51.100.10"), ip("198.51.100.20")),))


def test_init_reboot_with_a_correct_lease_is_not_met_with_silence() -> None:
    site = Site()
    address = site.join()
    assert (MessageType4.ACK, address) == (kind_of(reply := site.reboot(address).reply), yiaddr(reply))


def test_leases_end_by_themselves() -> None:
    site = Site()
    for number in range(50):
        site.leave(site.join(mac(number)))
    site.later(43_201)
    assert 0 == len(site.book)
    assert all(site.join(mac(number)) for number in range(100, 150))


def test_a_relay_is_served() -> None:
    site = Site(replace(SETTINGS, subnets=(LAN, RELAYED), relays=((RELAY, 32),)))
    outcome = site.discover(giaddr=RELAY, hops=1)
    assert ("offered", Path.RELAY) == (outcome.why, outcome.reply.path)


def test_a_declined_address_is_not_given_to_the_next() -> None:
    pool = Pool(ip("192.0.2.100"), ip("192.0.2.101"))
    site = Site(replace(SETTINGS, subnets=(replace(LAN, pools=(pool,)),)))
    address = site.join()
    site.present.clear()
    site.decline(address)
    assert address != site.join()
    assert b"" == site.join(mac(9))
    site.later(601)
    assert address == site.join(mac(9))


def test_two_clients_are_never_offered_one_address() -> None:
    site = Site()
    offers = [yiaddr(site.discover(mac(number)).reply) for number in range(50)]
    assert 50 == len(set(offers))
    held = [lease for lease in site.book.leases() if lease.state is State.OFFERED]
    assert {lease.address for lease in held} == set(offers)


def test_nobody_becomes_wpad_the_gateway_or_another_device() -> None:
    site = Site(replace(SETTINGS, own_names=("gate", "anchorhold")))
    for number, name in enumerate([b"wpad", b"WPAD", b"wpad.home.arpa", b"isatap", b"localhost", b"gate", b"_ldap"]):
        assert "" == site.at(site.join(mac(number), {12: name})).name
    printer = site.join(mac(50), {12: b"printer"})
    thief = site.join(mac(51), {12: b"Printer"})
    assert ["printer", "printer-2"] == [site.at(address).name for address in (printer, thief)]


def test_rapid_commit_is_answered_at_once() -> None:
    site = Site()
    outcome = site.discover(options={80: b""})
    assert ("rapid", MessageType4.ACK, b"") == (outcome.why, kind_of(outcome.reply), option(outcome.reply, 80))
    assert [yiaddr(outcome.reply)] == [lease.address for lease in site.bound()]
    settings = replace(SETTINGS, subnets=(replace(LAN, rapid=False),))
    assert MessageType4.OFFER == kind_of(Site(settings).discover(options={80: b""}).reply)


def test_rfc6842_the_client_identifier_comes_back_in_every_reply() -> None:
    site = Site()
    own = {61: b"\0me"}
    offer = site.discover(options=own).reply
    ack = site.select(yiaddr(offer), options=own).reply
    nak = site.reboot(ip("203.0.113.1"), options=own).reply
    inform = message(MessageType4.INFORM, own, ciaddr=yiaddr(ack))
    told = site.send(inform, Arrival(1, yiaddr(ack), EVERYBODY)).reply
    assert [b"\0me"] * 4 == [option(reply, 61) for reply in (offer, ack, nak, told)]
    assert option(site.discover(mac(1)).reply, 61) is None


def test_rfc8925_who_needs_no_ipv4_gets_none_and_holds_nothing() -> None:
    site = Site(replace(SETTINGS, subnets=(replace(LAN, ipv6_only=1_800),)))
    outcome = site.discover(options={55: LIST + b"\x6c"})
    reply = outcome.reply
    assert ("ipv6-only", ZERO, Path.BROADCAST) == (outcome.why, yiaddr(reply), reply.path)
    assert (1_800).to_bytes(4, "big") == option(reply, Option4.IPV6_ONLY)
    assert option(reply, Option4.LEASE_TIME) is None
    assert 0 == len(site.book)


def test_rfc8925_who_does_not_ask_is_served_and_not_told() -> None:
    site = Site(replace(SETTINGS, subnets=(replace(LAN, ipv6_only=1_800),)))
    reply = site.discover().reply
    assert yiaddr(reply) != ZERO
    assert option(reply, Option4.IPV6_ONLY) is None


def test_rfc8925_who_has_an_address_and_renews_it_is_told() -> None:
    site = Site(replace(SETTINGS, subnets=(replace(LAN, ipv6_only=1_800),)))
    address = site.join()
    reply = site.renew(address, options={55: LIST + b"\x6c"}).reply
    assert (address, (1_800).to_bytes(4, "big")) == (yiaddr(reply), option(reply, Option4.IPV6_ONLY))


def test_rfc8925_where_it_is_not_offered_asking_for_it_changes_nothing() -> None:
    reply = Site().discover(options={55: LIST + b"\x6c"}).reply
    assert yiaddr(reply) != ZERO
    assert option(reply, Option4.IPV6_ONLY) is None


def test_bootp_is_refused_and_counted() -> None:
    packet = message(MessageType4.DISCOVER)
    del packet.options[53]
    outcome = Site().send(packet)
    assert ("bootp", None, ()) == outcome[:3]


def test_a_full_pool_is_not_walked() -> None:
    """dnsmasq took seconds for one DISCOVER; here a look at a full block of 256 is one step."""
    pool = Pool(ip("10.0.0.0"), ip("10.0.255.255"))
    wide = Subnet("10.0.0.0/8", ip("10.0.0.0"), 8, "lan", pools=(pool,))
    site = Site(replace(SETTINGS, subnets=(wide,), conflict_check=False))
    free = ip("10.0.77.7")
    occupied = site.book._occupied[Kind.ADDRESS4]
    for number in range(0x0A000000, 0x0A010000):
        if number != int.from_bytes(free, "big"):
            occupied.mark(number)
    steps = 0
    look = site.book.free

    def counted(kind: Kind, start: int, last: int) -> int | None:
        nonlocal steps
        steps += 1
        return look(kind, start, last)

    site.book.free = counted  # type: ignore[method-assign]
    assert free == yiaddr(site.discover().reply)
    assert steps <= 4


def test_a_reply_goes_to_nobody_who_did_not_ask() -> None:
    """A forged giaddr would turn the server on others."""
    site = Site(replace(SETTINGS, relays=((RELAY, 32),)))
    victim = ip("203.0.113.200")
    packet = message(MessageType4.DISCOVER, giaddr=victim)
    for source in (RELAY, victim, ip("192.0.2.7")):
        outcome = site.send(packet, Arrival(1, source, OURS))
        assert ("relay-refused", None) == (outcome.why, outcome.reply)


def test_what_a_client_says_of_its_address_sends_no_reply_elsewhere() -> None:
    """A client that chooses an offer has no address yet (RFC 2131 table 5); one that says another is not to be believed."""
    site = Site()
    address = yiaddr(site.discover().reply)
    given = {Option4.REQUESTED_ADDRESS: address, Option4.SERVER_IDENTIFIER: OURS}
    outcome = site.send(message(MessageType4.REQUEST, given, ciaddr=ip("203.0.113.200")))
    assert ("acked", Path.FRAME, address) == (outcome.why, outcome.reply.path, outcome.reply.address)


def test_a_forged_release_or_decline_has_no_effect() -> None:
    site = Site()
    own = {61: b"\0me"}
    address = site.join(MAC, own)
    forged = [
        site.release(address, mac(9), own),
        site.release(address, MAC, {61: b"\0you"}),
        site.release(address, MAC),
        site.release(address, MAC, own, source=ip("192.0.2.7")),
        site.release(address, MAC, own, hardware=mac(9)),
        site.release(address, MAC, own | {54: ip("192.0.2.2")}),
        site.release(address, MAC, own | {54: b""}),
        site.decline(address, mac(9), own),
        site.decline(address, MAC, {61: b"\0you"}),
        site.decline(address, MAC, own | {54: ip("192.0.2.2")}),
        site.decline(ip("192.0.2.140"), MAC, own),
    ]
    assert [("not-the-holder", None, ())] * len(forged) == [outcome[:3] for outcome in forged]
    assert State.BOUND is site.at(address).state


def test_a_decline_long_after_the_lease_was_given_has_no_effect() -> None:
    """Hardware address and client identifier are no secrets on a link, and a client looks at once whether its address is free."""
    site = Site()
    address = site.join()
    site.later(121)
    assert "not-the-holder" == site.decline(address).why
    assert "renewed" == site.renew(address).why
    assert "declined" == site.decline(address).why


def test_a_random_address_leaves_no_name_behind() -> None:
    site = Site()
    site.join(PHONE, {12: b"annas-phone"})
    site.later(1_801)
    assert () == site.book.all_named("annas-phone")
    name = read_name("annas-phone.home.arpa")
    assert [(name, False), (name, True)] == [(host.name, host.gone) for host in site.hosts]
