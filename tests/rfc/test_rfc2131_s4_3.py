"""RFC 2131, the server's side: §4.1, §4.2, §4.3 and table 3."""

from dataclasses import replace

import pytest
from kit.dhcp4 import (
    EVERYBODY,
    LAN,
    LINK,
    MAC,
    OURS,
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

from dhcp.settings import Pool, Reservation, Subnet
from dhcp.values import Arrival, Kind, Own, Path, State
from wire.dhcp.codes4 import MessageType4, Option4

OTHER = mac(7)
FOREIGN = ip("203.0.113.9")
RELAYED = Subnet("198.51.100.0/24", ip("198.51.100.0"), 24, pools=(Pool(ip("198.51.100.10"), ip("198.51.100.20")),))
WITH_RELAY = replace(SETTINGS, subnets=(LAN, RELAYED), relays=((RELAY, 32),))


# --- §4.1: how a reply gets to its client --------------------------------------------------------------------------------


def test_4_1_with_giaddr_every_reply_goes_to_the_relays_server_port() -> None:
    reply = Site(WITH_RELAY).discover(giaddr=RELAY, hops=1).reply
    assert (Path.RELAY, RELAY, 67) == (reply.path, reply.address, reply.port)
    assert yiaddr(reply)[:3] == RELAY[:3]


def test_4_1_with_ciaddr_offer_and_ack_are_unicast_to_it() -> None:
    site = Site()
    address = site.join()
    reply = site.renew(address).reply
    assert (Path.UNICAST, address, 68) == (reply.path, reply.address, reply.port)


def test_4_1_with_the_broadcast_bit_they_are_broadcast() -> None:
    reply = Site().discover(flags=0x8000).reply
    assert (Path.BROADCAST, EVERYBODY, b"\xff" * 6) == (reply.path, reply.address, reply.hardware)


def test_4_1_without_it_they_go_to_the_hardware_address_and_yiaddr() -> None:
    reply = Site().discover().reply
    assert (Path.FRAME, yiaddr(reply), MAC) == (reply.path, reply.address, reply.hardware)


def test_4_1_without_giaddr_a_nak_is_broadcast() -> None:
    reply = Site().reboot(FOREIGN).reply
    assert (MessageType4.NAK, Path.BROADCAST) == (kind_of(reply), reply.path)


def test_4_1_a_client_behind_a_router_gets_its_nak_where_it_is() -> None:
    """Deviation: a broadcast on our own link would not reach it."""
    site = Site(WITH_RELAY)
    address = ip("198.51.100.99")
    reply = site.send(message(MessageType4.REQUEST, ciaddr=address), Arrival(1, address, OURS)).reply
    assert (MessageType4.NAK, Path.UNICAST, address) == (kind_of(reply), reply.path, reply.address)


def test_4_1_the_server_identifier_is_an_address_of_the_interface_it_came_in_on() -> None:
    link = LINK._replace(addresses=(Own(ip("10.9.9.9"), 8), Own(OURS, 24)))
    assert OURS == option(Site(links={1: link}).discover().reply, Option4.SERVER_IDENTIFIER)


# --- §4.2: who a client is -----------------------------------------------------------------------------------------------


def test_4_2_a_server_must_use_the_client_identifier_if_there_is_one() -> None:
    site = Site()
    first = site.join(MAC, {61: b"\0one"})
    assert first == site.join(OTHER, {61: b"\0one"})
    assert first != site.join(MAC, {61: b"\0two"})


def test_4_2_without_one_it_must_use_chaddr() -> None:
    site = Site()
    assert site.join(MAC) != site.join(OTHER)


# --- §4.3.1: DISCOVER ----------------------------------------------------------------------------------------------------


def test_4_3_1_the_current_address_comes_first() -> None:
    site = Site()
    address = site.join()
    assert address == yiaddr(site.discover(options={50: ip("192.0.2.120")}).reply)


def test_4_3_1_then_the_one_it_had_before_if_it_is_free() -> None:
    site = Site()
    address = site.join()
    site.later(50_000)
    assert [] == site.bound()
    assert address == yiaddr(site.discover().reply)


def test_4_3_1_then_the_one_it_asks_for_if_that_is_valid_and_free() -> None:
    site = Site()
    assert ip("192.0.2.120") == yiaddr(site.discover(options={50: ip("192.0.2.120")}).reply)
    assert ip("192.0.2.120") != yiaddr(site.discover(OTHER, options={50: ip("192.0.2.120")}).reply)
    assert FOREIGN != yiaddr(site.discover(mac(9), options={50: FOREIGN}).reply)


def test_4_3_1_else_one_of_the_pool_by_subnet() -> None:
    site = Site(WITH_RELAY)
    assert ip("192.0.2.0")[:3] == yiaddr(site.discover().reply)[:3]
    assert RELAY[:3] == yiaddr(site.discover(giaddr=RELAY).reply)[:3]


def test_4_3_1_an_offered_address_is_not_offered_to_another_client() -> None:
    site = Site()
    given = [yiaddr(site.discover(mac(n)).reply) for n in range(50)]
    assert 50 == len(set(given))
    assert site.discover(mac(50)).reply is None


def test_4_3_1_an_offer_is_held_for_thirty_seconds_and_in_memory_only() -> None:
    site = Site()
    outcome = site.discover()
    assert not any(change.durable for change in outcome.changes)
    site.later(29)
    assert 1 == site.book.offers
    site.later(1)
    assert 0 == site.book.offers


def test_4_3_1_offering_again_does_not_change_what_is_offered() -> None:
    site = Site()
    assert yiaddr(site.discover().reply) == yiaddr(site.discover().reply)


def test_4_3_1_the_lease_time_is_the_clients_if_it_asks_for_less() -> None:
    def time(seconds: int) -> int:
        reply = Site().discover(options={51: seconds.to_bytes(4, "big")}).reply
        return int.from_bytes(option(reply, 51), "big")

    assert [60, 3_600, 43_200, 43_200] == [time(seconds) for seconds in (1, 3_600, 43_200, 0xFFFFFFFF)]


@pytest.mark.parametrize("kind", [MessageType4.OFFER, MessageType4.ACK])
def test_4_3_1_table_3_what_an_offer_and_an_ack_must_have(kind: int) -> None:
    site = Site()
    reply = site.discover(flags=0x8000, secs=9).reply
    if kind == MessageType4.ACK:
        reply = site.select(yiaddr(reply)).reply
    packet = reply.packet
    assert kind == kind_of(reply)
    assert (2, 1, 0, 0x01020304, 0, ZERO, MAC) == (
        packet.op, packet.htype, packet.hops, packet.xid, packet.secs, packet.ciaddr, packet.chaddr,
    )  # fmt: skip
    assert OURS == option(reply, Option4.SERVER_IDENTIFIER)
    assert (43_200, 21_600, 37_800) == tuple(int.from_bytes(option(reply, number), "big") for number in (51, 58, 59))
    assert {50, 55, 57}.isdisjoint(packet.options)


def test_4_3_1_the_flags_and_giaddr_come_back() -> None:
    packet = Site(WITH_RELAY).discover(giaddr=RELAY, flags=0x8000).reply.packet
    assert (0x8000, RELAY) == (packet.flags, packet.giaddr)


def test_4_3_1_the_times_t1_and_t2_lie_before_the_end_in_order() -> None:
    settings = replace(SETTINGS, subnets=(replace(LAN, lease_time=10),))
    reply = Site(settings).discover().reply
    first, second, end = (int.from_bytes(option(reply, number), "big") for number in (58, 59, 51))
    assert 0 < first < second < end


def test_4_3_1_options_come_only_to_who_asks_for_them() -> None:
    asked = Site().discover(options={55: bytes((6,))}).reply.packet.options
    assert {53, 54, 51, 58, 59, 1, 6} == set(asked)


def test_4_3_1_options_come_in_the_order_they_are_asked_for() -> None:
    found = list(Site().discover(options={55: bytes((15, 6, 3))}).reply.packet.options)
    assert [15, 6, 3] == [number for number in found if number in (3, 6, 15)]


def test_4_3_1_what_the_user_set_comes_before_what_is_derived() -> None:
    settings = replace(SETTINGS, options4=((6, ip("9.9.9.9")),))
    assert ip("9.9.9.9") == option(Site(settings).discover().reply, 6)
    settings = replace(
        SETTINGS, options4=((6, ip("9.9.9.9")), (28, b"")), subnets=(replace(LAN, options4=((6, OURS),)),)
    )
    assert OURS == option(Site(settings).discover().reply, 6)
    assert option(Site(settings).discover().reply, 28) is None


def test_4_3_1_without_a_free_address_there_is_no_answer() -> None:
    site = Site(replace(SETTINGS, subnets=(replace(LAN, pools=()),)))
    assert ("no-pool", None) == (site.discover().why, site.discover().reply)


# --- §4.3.2: REQUEST -----------------------------------------------------------------------------------------------------


def test_4_3_2_selecting_a_request_for_our_offer_gets_an_ack_and_a_lease() -> None:
    site = Site()
    address = yiaddr(site.discover().reply)
    outcome = site.select(address)
    assert (MessageType4.ACK, address) == (kind_of(outcome.reply), yiaddr(outcome.reply))
    assert [address] == [lease.address for lease in site.bound()]
    assert any(change.durable for change in outcome.changes)


def test_4_3_2_selecting_a_request_for_another_server_frees_our_offer() -> None:
    site = Site()
    address = yiaddr(site.discover().reply)
    assert ("other-server", None) == site.select(address, server=ip("192.0.2.2"))[:2]
    assert 0 == len(site.book)


def test_4_3_2_selecting_what_somebody_else_has_is_refused() -> None:
    site = Site()
    taken = site.join(OTHER)
    site.discover()
    assert MessageType4.NAK == kind_of(site.select(taken).reply)
    assert 0 == site.book.offers


def test_4_3_2_selecting_an_offer_that_ran_out_is_granted_if_nobody_got_it() -> None:
    site = Site()
    address = yiaddr(site.discover().reply)
    site.later(40)
    assert address == yiaddr(site.select(address).reply)


def test_4_3_2_init_reboot_with_a_correct_lease_gets_an_ack() -> None:
    site = Site()
    address = site.join()
    outcome = site.reboot(address)
    assert ("rebooted", MessageType4.ACK, address) == (outcome.why, kind_of(outcome.reply), yiaddr(outcome.reply))


@pytest.mark.parametrize("giaddr", [ZERO, RELAY])
def test_4_3_2_init_reboot_on_the_wrong_network_gets_a_nak(giaddr: bytes) -> None:
    outcome = Site(WITH_RELAY).send(message(MessageType4.REQUEST, {50: FOREIGN}, giaddr=giaddr))
    assert ("wrong-network", MessageType4.NAK) == (outcome.why, kind_of(outcome.reply))


def test_4_3_2_init_reboot_with_a_wrong_address_gets_a_nak() -> None:
    site = Site()
    address = site.join()
    wrong = next(ip(f"192.0.2.{n}") for n in (110, 111) if ip(f"192.0.2.{n}") != address)
    assert MessageType4.NAK == kind_of(site.reboot(wrong).reply)


def test_4_3_2_init_reboot_of_an_unknown_client_must_remain_silent() -> None:
    for authoritative in (True, False):
        outcome = Site(replace(SETTINGS, authoritative=authoritative)).reboot(ip("192.0.2.120"))
        assert ("unknown-client", None) == (outcome.why, outcome.reply)


def test_4_3_2_init_reboot_through_a_relay_must_set_the_broadcast_bit_in_the_nak() -> None:
    reply = Site(WITH_RELAY).send(message(MessageType4.REQUEST, {50: FOREIGN}, giaddr=RELAY)).reply
    assert (Path.RELAY, 0x8000) == (reply.path, reply.packet.flags)


def test_4_3_2_renewing_extends_the_lease() -> None:
    site = Site()
    address = site.join()
    site.later(21_600)
    assert "renewed" == site.renew(address).why
    assert site.now + 43_200 == site.at(address).until
    assert site.now - 21_600 == site.at(address).since


def test_4_3_2_rebinding_extends_the_lease() -> None:
    site = Site()
    address = site.join()
    site.later(37_800)
    outcome = site.rebind(address)
    assert ("rebound", Path.UNICAST) == (outcome.why, outcome.reply.path)
    assert site.now + 43_200 == site.at(address).until


def test_4_3_2_rebinding_with_an_address_of_another_network_gets_a_nak() -> None:
    assert MessageType4.NAK == kind_of(Site().rebind(FOREIGN).reply)


def test_4_3_2_renewing_what_somebody_else_has_gets_a_nak() -> None:
    site = Site()
    assert MessageType4.NAK == kind_of(site.renew(site.join(OTHER)).reply)


def test_4_3_2_a_client_whose_lease_we_lost_keeps_its_address() -> None:
    site = Site()
    site.present[ip("192.0.2.120")] = MAC  # it is using it
    assert "recovered" == site.renew(ip("192.0.2.120")).why
    assert [] == site.probed
    assert "unknown-client" == Site(replace(SETTINGS, authoritative=False)).renew(ip("192.0.2.120")).why


def test_4_3_2_table_3_what_a_nak_has_and_must_not_have() -> None:
    packet = Site().reboot(FOREIGN, options={61: b"\0me", 12: b"me"}).reply.packet
    assert {53, 54, 56, 61} == set(packet.options)
    assert (ZERO, ZERO, ZERO) == (packet.ciaddr, packet.yiaddr, packet.siaddr)


def test_4_3_2_who_is_not_authoritative_refuses_nobody_it_does_not_know() -> None:
    site = Site(replace(SETTINGS, authoritative=False))
    for outcome in (site.reboot(FOREIGN), site.rebind(FOREIGN), site.renew(ip("192.0.2.120"))):
        assert ("unknown-client", None) == (outcome.why, outcome.reply)


def test_4_3_2_an_ack_repeats_what_was_offered() -> None:
    site = Site()
    offer = site.discover().reply
    ack = site.select(yiaddr(offer)).reply
    without_type = [{k: v for k, v in reply.packet.options.items() if k != 53} for reply in (offer, ack)]
    assert without_type[0] == without_type[1]


# --- §4.3.3 to §4.3.5 ----------------------------------------------------------------------------------------------------


def test_4_3_3_a_declined_address_must_be_marked_as_not_available() -> None:
    site = Site()
    address = site.join()
    assert ("declined", None) == site.decline(address)[:2]
    assert State.QUARANTINED is site.at(address).state
    assert address != yiaddr(site.discover().reply)


def test_4_3_4_a_released_address_is_not_allocated_any_more() -> None:
    site = Site()
    address = site.join()
    assert ("released", None) == site.release(address)[:2]
    assert site.at(address) is None


def test_4_3_4_who_returns_gets_the_address_it_had() -> None:
    site = Site()
    address = site.join()
    site.release(address)
    assert address == yiaddr(site.discover().reply)


def test_4_3_5_an_inform_is_answered_to_ciaddr_without_address_and_times() -> None:
    site = Site()
    address = ip("192.0.2.77")
    outcome = site.send(message(MessageType4.INFORM, ciaddr=address), Arrival(1, address, EVERYBODY))
    reply = outcome.reply
    assert (MessageType4.ACK, Path.UNICAST, address) == (kind_of(reply), reply.path, reply.address)
    assert (ZERO, address) == (yiaddr(reply), reply.packet.ciaddr)
    assert {51, 58, 59}.isdisjoint(reply.packet.options)
    assert () == outcome.changes
    assert 0 == len(site.book)


def test_4_3_5_nobody_elsewhere_is_sent_what_he_did_not_ask_for() -> None:
    site = Site()
    for ciaddr, source in [(FOREIGN, FOREIGN), (ip("192.0.2.7"), ip("192.0.2.8")), (ZERO, ZERO)]:
        outcome = site.send(message(MessageType4.INFORM, ciaddr=ciaddr), Arrival(1, source, EVERYBODY))
        assert ("inform-unknown", None) == (outcome.why, outcome.reply)


def test_4_3_6_a_request_without_any_address_is_not_answered() -> None:
    assert ("no-address-asked", None) == Site().send(message(MessageType4.REQUEST))[:2]


def test_3_1_nothing_is_told_before_it_is_in_the_changes() -> None:
    """What the edge commits before the ACK leaves is the very lease that the ACK speaks of."""
    site = Site()
    outcome = site.select(yiaddr(site.discover().reply))
    (after,) = [change.after for change in outcome.changes if change.after is not None]
    assert (yiaddr(outcome.reply), int.from_bytes(option(outcome.reply, 51), "big")) == (after.address, after.duration)
    assert site.now + after.duration == after.until


def test_4_3_a_reservation_may_lie_outside_every_pool() -> None:
    settings = replace(SETTINGS, reservations=(Reservation((MAC,), address4=ip("192.0.2.9")),))
    site = Site(settings)
    assert ip("192.0.2.9") == site.join()
    assert Kind.ADDRESS4 is site.at(ip("192.0.2.9")).kind
