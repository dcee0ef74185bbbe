"""Which address a client gets, and a pool that does not fill with ghosts."""

import random
from dataclasses import replace
from itertools import pairwise

import pytest
from kit.dhcp4 import (
    EVERYBODY,
    LAN,
    LINK,
    MAC,
    OURS,
    PHONE,
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
from kit.dhcp_site import KEY

from dhcp.identity import Identifier, tag
from dhcp.pools import place
from dhcp.settings import ClientClass, Matcher, Pool, Reservation, Subnet
from dhcp.values import Arrival, Link, Own, State
from wire.dhcp.codes4 import MessageType4, Option4


def pool(first: int, last: int, *classes: str) -> Pool:
    return Pool(ip(f"192.0.2.{first}"), ip(f"192.0.2.{last}"), classes)


def site(*pools: Pool, **changes: object) -> Site:
    subnet = replace(LAN, pools=pools or LAN.pools)
    names = {name for name in changes if hasattr(subnet, name)}
    subnet = replace(subnet, **{name: changes.pop(name) for name in names})  # type: ignore[arg-type]
    return Site(replace(SETTINGS, **({"subnets": (subnet,)} | changes)))  # type: ignore[arg-type]


def test_the_place_of_a_client_says_nothing_of_its_hardware_address() -> None:
    """Neighbours in hardware addresses are none in the pool, and another key gives other places."""
    given = [Site(SETTINGS).join(mac(n))[3] for n in range(12)]
    steps = {b - a for a, b in pairwise(given)}
    assert len(steps) > 6
    client = tag(KEY, Identifier.HARDWARE, b"\1" + MAC)
    assert place(KEY, client, "x") == place(KEY, client, "x")
    assert 3 == len({place(KEY, client, "x"), place(KEY, client, "y"), place(bytes(32), client, "x")})


def test_a_client_finds_its_place_again_after_its_lease_is_forgotten() -> None:
    assert site().join(MAC) == site().join(MAC)


def test_every_address_of_a_pool_is_used_and_no_other() -> None:
    lan = site(pool(10, 19), pool(30, 39))
    given = {lan.join(mac(n))[3] for n in range(20)}
    assert {*range(10, 20), *range(30, 40)} == given
    assert b"" == lan.join(mac(99))


def test_what_is_no_hosts_address_is_never_given() -> None:
    """Network, broadcast, router, ourselves, reserved, in quarantine."""
    lan = site(
        pool(0, 7),
        pool(250, 255),
        routers=(ip("192.0.2.254"),),
        reservations=(Reservation((mac(1000),), address4=ip("192.0.2.5")),),
    )
    lan.present[ip("192.0.2.6")] = mac(2000)  # a stranger
    given = [lan.join(mac(n)) for n in range(20)]
    assert {2, 3, 4, 7, 250, 251, 252, 253} == {address[3] for address in given if address}
    assert State.QUARANTINED is lan.at(ip("192.0.2.6")).state
    assert ip("192.0.2.5") == lan.join(mac(1000))


def test_our_own_address_in_a_pool_is_not_given_even_if_it_is_asked_for() -> None:
    lan = site(pool(1, 2))
    assert ip("192.0.2.2") == yiaddr(lan.discover(options={50: ip("192.0.2.1")}).reply)
    assert MessageType4.NAK == kind_of(lan.select(ip("192.0.2.1"), mac(5)).reply)


def test_a_point_to_point_network_has_two_hosts() -> None:
    subnet = Subnet("192.0.2.2/31", ip("192.0.2.2"), 31, "lan", pools=(pool(2, 3),))
    link = LINK._replace(addresses=(Own(ip("192.0.2.2"), 31),))
    assert ip("192.0.2.3") == yiaddr(Site(replace(SETTINGS, subnets=(subnet,)), links={1: link}).discover().reply)


def test_a_class_has_its_own_pool_and_then_the_general_one() -> None:
    boot = ClientClass("boot", ((Matcher.VENDOR, b"PXE"),))
    lan = site(pool(10, 11), pool(50, 50, "boot"), classes=(boot,))
    assert ip("192.0.2.50") == lan.join(mac(1), {60: b"PXEClient:1"})
    assert 10 <= lan.join(mac(2), {60: b"PXEClient:1"})[3] <= 11
    assert 10 <= lan.join(mac(3))[3] <= 11
    assert b"" == lan.join(mac(4))
    assert MessageType4.NAK == kind_of(lan.select(ip("192.0.2.50"), mac(5)).reply)


def test_a_pool_that_moved_is_left_at_the_next_renewal() -> None:
    lan = site(pool(10, 19))
    address = lan.join()
    lan.settings = site(pool(30, 39)).settings
    assert MessageType4.NAK == kind_of(lan.renew(address).reply)
    assert 30 <= yiaddr(lan.discover().reply)[3] <= 39


def test_a_pool_that_moved_is_left_at_the_next_reboot_too() -> None:
    lan = site(pool(10, 19))
    address = lan.join()
    lan.settings = site(pool(30, 39)).settings
    assert MessageType4.NAK == kind_of(lan.reboot(address).reply)


def test_an_offer_that_is_still_probed_for_is_not_given_to_who_forgets_the_server_identifier() -> None:
    lan = site()
    first = lan.look(message(MessageType4.DISCOVER))
    lan.apply(first.changes)
    outcome = lan.look(message(MessageType4.REQUEST, {50: first.probes[0].address}))
    assert ("probe", None, first.probes) == (outcome.why, outcome.reply, outcome.probes)


# --- somebody has the address ---------------------------------------------------------------------------------------------


def test_a_new_address_is_asked_for_on_the_link_and_a_known_one_is_not() -> None:
    lan = site()
    address = lan.join()
    assert [address] == lan.probed
    lan.renew(address)
    lan.discover()
    lan.reboot(address)
    assert [address] == lan.probed


def test_an_address_that_somebody_uses_goes_into_quarantine_and_another_is_offered() -> None:
    lan = site()
    first = yiaddr(site().discover().reply)
    lan.present[first] = mac(77)
    outcome = lan.discover()
    assert outcome.why == "offered"
    assert yiaddr(outcome.reply) != first
    assert State.QUARANTINED is lan.at(first).state
    assert ["probe", "probe", "offered"] == lan.words


def test_what_the_client_itself_answers_is_no_conflict() -> None:
    lan = site()
    address = ip("192.0.2.120")
    lan.present[address] = MAC
    assert address == yiaddr(lan.discover(options={50: address}).reply)


def test_without_a_conflict_check_nothing_is_probed() -> None:
    lan = site(conflict_check=False)
    assert lan.join()
    assert [] == lan.probed


def test_while_the_link_is_asked_the_same_message_is_no_second_offer() -> None:
    lan = site()
    packet = message(MessageType4.DISCOVER)
    first = lan.look(packet)
    lan.apply(first.changes)
    again = lan.look(packet)
    assert (first.probes, "probe") == (again.probes, again.why)
    lan.apply(again.changes)
    assert 1 == len(lan.book)


# --- ghosts --------------------------------------------------------------------------------------------------------------


def times(lan: Site, chaddr: bytes, rounds: int) -> list[int]:
    """Lease times that a device gets that renews each at its half."""
    address = lan.join(chaddr)
    found = []
    for _ in range(rounds):
        found.append(lan.at(address).duration)
        lan.later(found[-1] / 2)
        lan.renew(address, chaddr)
    return found


def test_a_changing_devices_lease_is_short_and_grows_with_proven_use() -> None:
    assert [1_800, 3_600, 7_200, 14_400, 28_800, 43_200, 43_200] == times(site(), PHONE, 7)
    assert [43_200, 43_200] == times(site(), MAC, 2)


def test_asking_again_and_again_proves_nothing() -> None:
    lan = site()
    address = lan.join(PHONE)
    for _ in range(50):
        lan.later(1)
        lan.renew(address, PHONE)
    assert (1_800, 0) == (lan.at(address).duration, lan.at(address).renewals)


def test_a_changing_device_with_a_reservation_is_one_that_is_known() -> None:
    lan = site(reservations=(Reservation((PHONE,), address4=ip("192.0.2.9")),))
    lan.join(PHONE)
    assert (43_200, False) == (lan.at(ip("192.0.2.9")).duration, lan.at(ip("192.0.2.9")).changing)


def test_changing_devices_have_their_share_and_others_the_rest() -> None:
    lan = site(pool(100, 119))
    given = [lan.join(mac(n, changing=True)) for n in range(20)]
    assert 15 == sum(map(bool, given))
    assert "share-full" == lan.discover(mac(99, changing=True)).why
    assert 5 == sum(bool(lan.join(mac(n))) for n in range(200, 220))


@pytest.mark.parametrize("way", ["select", "rebind"])
def test_who_names_an_address_without_an_offer_is_in_the_share_too(way: str) -> None:
    lan = site(pool(100, 119))
    for number in range(20):
        packet = {"select": lan.select, "rebind": lan.rebind}[way]
        packet(ip(f"192.0.2.{100 + number}"), mac(number, changing=True))
    assert 15 == len(lan.bound())


def test_what_a_request_names_without_an_offer_is_an_offer_too_while_the_link_is_asked() -> None:
    lan = site(pool(100, 119))
    lan.settings = replace(lan.settings, offers=4)
    for number in range(20):
        given = {Option4.REQUESTED_ADDRESS: ip(f"192.0.2.{100 + number}"), Option4.SERVER_IDENTIFIER: OURS}
        lan.apply(lan.look(message(MessageType4.REQUEST, given, chaddr=mac(number))).changes)
    assert 4 == lan.book.offers


def test_an_address_that_we_knew_nothing_of_is_not_confirmed_while_somebody_else_answers_there() -> None:
    lan = site(pool(100, 119))
    lan.present[ip("192.0.2.105")] = mac(77)
    assert MessageType4.NAK == kind_of(lan.rebind(ip("192.0.2.105")).reply)
    lan.present[ip("192.0.2.106")] = MAC
    assert "recovered" == lan.rebind(ip("192.0.2.106")).why


def test_an_offer_that_is_still_probed_for_is_not_given_to_who_says_that_it_has_the_address() -> None:
    lan = site()
    lan.apply(lan.look(message(MessageType4.DISCOVER)).changes)
    (held,) = lan.book.leases()
    assert "probe" == lan.look(message(MessageType4.REQUEST, ciaddr=held.address)).why


@pytest.mark.parametrize(("size", "share"), [(50, 100), (67, 75)])
@pytest.mark.parametrize("pause", [12, 300])
def test_late_clients_are_served_when_ghosts_fill_the_pool(size: int, share: int, pause: int) -> None:
    """Fifty devices with random addresses come and leave; fifty others come. dnsmasq and Kea serve none of them."""
    lan = site(pool(100, 99 + size), changing_share=share)
    dice = random.Random(size)
    ghosts = [lan.join(mac(dice.randrange(1 << 20), changing=True)) for _ in range(50)]
    assert all(ghosts)
    for address in ghosts:
        lan.leave(address)
    lan.later(pause)
    newcomers = []
    for number in range(50):
        newcomers.append(lan.join(mac(2_000_000 + number, changing=True)))
        lan.later(1)
    assert sum(map(bool, newcomers)) >= 45
    assert len({*newcomers} - {b""}) == sum(map(bool, newcomers))


def test_no_address_in_live_use_is_taken() -> None:
    """Of fifty, some stay: whoever answers a probe keeps its address, and newcomers get what is left."""
    lan = site(pool(100, 149), changing_share=100)
    addresses = {number: lan.join(mac(number, changing=True)) for number in range(50)}
    stays = {number for number in addresses if number % 3 == 0}
    for number in addresses.keys() - stays:
        lan.leave(addresses[number])
    lan.later(60)
    served = 0
    for number in range(1_000, 1_050):
        served += bool(lan.join(mac(number, changing=True)))
        lan.later(1)
    assert 50 - len(stays) == served
    for number in stays:
        held = lan.at(addresses[number])
        assert (mac(number, changing=True), State.BOUND) == (lan.present[held.address], held.state)
        assert "renewed" == lan.renew(held.address, mac(number, changing=True)).why


def test_who_answers_a_probe_was_seen_and_the_next_in_line_is_asked() -> None:
    lan = site(pool(100, 102), changing_share=100)
    first, second, _ = (lan.join(mac(n, changing=True)) for n in range(3) if lan.later(20) is None)
    lan.leave(second)
    lan.later(20)
    newcomer = lan.join(mac(9, changing=True))
    assert second == newcomer
    assert lan.now == lan.at(first).seen
    assert [first, second] == lan.probed[-2:]


def test_nobody_is_taken_back_of_those_that_stay() -> None:
    """Neither a device with an address of its own, nor a reservation, nor a quarantine."""
    lan = site(pool(100, 102), changing_share=100, reservations=(Reservation((PHONE,), address4=ip("192.0.2.102")),))
    for chaddr in (mac(1), PHONE):
        lan.leave(lan.join(chaddr))
    ghost = lan.join(mac(2, changing=True))
    lan.leave(ghost)
    lan.later(60)
    assert ghost == lan.join(mac(3, changing=True))
    lan.later(60)
    assert b"" == lan.join(mac(4, changing=True))


def test_whoever_invents_hardware_addresses_of_makers_fills_no_pool_for_longer_than_to_the_first_renewal() -> None:
    """Whole exchanges, universally administered addresses; one of the devices is real and renews, another is there and silent on
    its lease."""
    lan = site(pool(100, 109))
    given = [lan.join(mac(number)) for number in range(10)]
    for address in given[2:]:
        lan.leave(address)
    assert "pool-full" == lan.discover(mac(99)).why
    lan.later(LAN.lease_time / 2)
    assert "renewed" == lan.renew(given[0], mac(0)).why
    assert "pool-full" == lan.discover(mac(99)).why, "all may still come"
    lan.later(LAN.lease_time / 7)
    lan.leave(given[0])
    served = [lan.join(mac(number)) for number in range(100, 110)]
    assert {*given[2:]} == {*served} - {b""}
    assert State.BOUND == lan.at(given[0]).state, "who renewed once keeps its lease, there or not"
    assert lan.now == lan.at(given[1]).seen, "who answers has its address"


def test_where_there_is_no_pool_a_changing_device_is_told_so_too() -> None:
    lan = site()
    lan.settings = replace(lan.settings, subnets=(replace(LAN, pools=()),))
    assert "no-pool" == lan.discover(mac(1)).why == lan.discover(mac(2, changing=True)).why


def test_when_nine_tenths_are_taken_overdue_devices_are_asked_before_the_rest_is_given() -> None:
    lan = site(pool(100, 119), changing_share=100)
    for number in range(19):
        lan.leave(lan.join(mac(number, changing=True)))
    assert 19 == len(lan.bound())
    lan.later(LAN.changing_time / 2)
    assert lan.join(mac(50))
    assert 20 == len(lan.bound()), "none is overdue yet"
    lan.later(LAN.changing_time / 7)
    before = len(lan.probed)
    assert lan.join(mac(51))
    assert 20 == len(lan.bound())
    assert 1 == len(lan.probed) - before
    few = site(pool(100, 119), changing_share=100)
    for number in range(17):
        few.leave(few.join(mac(number, changing=True)))
    few.later(LAN.changing_time * 0.9)
    few.join(mac(50))
    assert 18 == len(few.bound()), "of what is free, for there is enough"


def test_a_device_that_was_seen_just_now_is_left_alone() -> None:
    lan = site(pool(100, 100), changing_share=100)
    lan.leave(lan.join(mac(1, changing=True)))
    assert "pool-full" == lan.discover(mac(2, changing=True)).why
    lan.later(10)
    assert "offered" == lan.discover(mac(2, changing=True)).why


def test_what_cannot_be_probed_is_not_taken_back() -> None:
    lan = site(pool(100, 100), changing_share=100, conflict_check=False)
    lan.leave(lan.join(mac(1, changing=True)))
    lan.later(60)
    assert "pool-full" == lan.discover(mac(2, changing=True)).why


def test_two_newcomers_do_not_wait_for_one_ghost() -> None:
    lan = site(pool(100, 101), changing_share=100)
    for number in range(2):
        lan.leave(lan.join(mac(number, changing=True)))
    lan.later(60)
    probes = []
    for number in (8, 9):
        outcome = lan.look(message(MessageType4.DISCOVER, chaddr=mac(number, changing=True)))
        lan.apply(outcome.changes)
        assert not any(change.durable for change in outcome.changes)
        probes.append(outcome.probes[0].address)
    assert 2 == len(set(probes))
    assert 2 == len(lan.bound())  # until the link was silent nobody has lost anything


def test_a_flood_of_declines_is_over_when_it_is_over() -> None:
    """A host that takes every address and declines it; then a real one comes."""
    lan = site(pool(100, 109))
    for number in range(10):
        address = lan.join(mac(number))
        lan.leave(address)
        assert "declined" == lan.decline(address, mac(number)).why
    lan.later(10)
    assert "pool-full" == lan.discover(mac(99)).why
    lan.later(50)
    newcomer = lan.join(mac(99))
    assert (mac(99), State.BOUND) == (lan.present[newcomer], lan.at(newcomer).state)


def test_an_address_in_quarantine_that_somebody_uses_is_not_given() -> None:
    lan = site(pool(100, 101))
    for number in (100, 101):
        lan.present[ip(f"192.0.2.{number}")] = mac(77)
    assert "pool-full" == lan.discover().why
    lan.later(120)
    assert "pool-full" == lan.discover().why
    assert [State.QUARANTINED] * 2 == [lease.state for lease in lan.book.leases()]
    lan.leave(ip("192.0.2.101"))
    lan.later(120)
    assert ip("192.0.2.101") == lan.join()


def test_offers_that_nobody_came_back_for_make_room() -> None:
    """A host that asks under many names and takes nothing: neither the bound of offers nor a small pool keeps others out."""
    for pools, offers, at_once in ((pool(100, 199), 16, "offered"), (pool(100, 115), 256, "pool-full")):
        lan = site(pools, offers=offers)
        for number in range(40):
            lan.discover(mac(number))
        assert 16 == lan.book.offers
        assert at_once == lan.discover(mac(98)).why
        lan.later(2)
        assert lan.join(mac(99))
        assert 15 == lan.book.offers


def test_what_was_offered_just_now_is_left_to_its_client() -> None:
    lan = site(pool(100, 100))
    offer = yiaddr(lan.discover().reply)
    lan.later(1)
    assert "pool-full" == lan.discover(mac(99)).why
    assert "acked" == lan.select(offer).why


# --- reservations ---------------------------------------------------------------------------------------------------------


def test_a_reservation_is_found_by_hardware_identifier_duid_or_name() -> None:
    duid = bytes.fromhex("0003000100aabbccddee")
    lan = site(
        reservations=(
            Reservation((mac(1),), address4=ip("192.0.2.11")),
            Reservation(identifiers=(b"\0box",), address4=ip("192.0.2.12")),
            Reservation(duids=(duid,), address4=ip("192.0.2.13")),
            Reservation(hosts=("Kiosk",), address4=ip("192.0.2.14")),
        )
    )
    assert ip("192.0.2.11") == lan.join(mac(1))
    assert ip("192.0.2.12") == lan.join(mac(2), {61: b"\0box"})
    assert ip("192.0.2.13") == lan.join(mac(3), {61: b"\xff\0\0\0\1" + duid})
    assert ip("192.0.2.14") == lan.join(mac(4), {12: b"kiosk"})
    assert lan.join(mac(5))[3] >= 100


def test_a_device_has_a_reservation_in_each_of_two_networks() -> None:
    other = Subnet("198.51.100.0/24", ip("198.51.100.0"), 24, "lan2", pools=(Pool(*2 * (ip("198.51.100.100"),)),))
    hosts = tuple(Reservation((MAC,), address4=ip(text)) for text in ("192.0.2.20", "198.51.100.20"))
    lan = site(subnets=(LAN, other), reservations=hosts)
    lan.links[2] = Link(2, "lan2", bytes.fromhex("00005e005302"), (Own(ip("198.51.100.1"), 24),))
    for number, host in enumerate(hosts, 1):
        packet = message(MessageType4.DISCOVER)
        assert host.address4 == yiaddr(lan.send(packet, Arrival(number, ZERO, EVERYBODY, MAC, 68)).reply)


def test_of_a_reservation_for_two_interfaces_one_at_a_time_has_the_address() -> None:
    radio, cable = mac(1), mac(2)
    lan = site(reservations=(Reservation((radio, cable), address4=ip("192.0.2.11")),))
    assert ip("192.0.2.11") == lan.join(radio)
    lan.later(60)
    other = lan.join(cable)
    assert other[3] >= 100
    lan.leave(ip("192.0.2.11"))
    lan.release(other, cable)
    lan.later(60)
    assert ip("192.0.2.11") == lan.join(cable)
    assert [cable] == [who for address, who in lan.present.items() if address == ip("192.0.2.11")]


def test_a_reserved_address_that_a_stranger_uses_is_not_given() -> None:
    lan = site(reservations=(Reservation((MAC,), address4=ip("192.0.2.11")),))
    lan.present[ip("192.0.2.11")] = mac(77)
    assert lan.join(MAC)[3] >= 100
    assert "reservation-in-use" in lan.words
    assert State.QUARANTINED is lan.at(ip("192.0.2.11")).state


def test_a_client_moves_to_its_reservation_when_it_begins_anew() -> None:
    lan = site()
    address = lan.join()
    lan.settings = site(reservations=(Reservation((MAC,), address4=ip("192.0.2.11")),)).settings
    assert ip("192.0.2.11") == yiaddr(lan.discover().reply)
    assert address[3] >= 100


def test_who_is_ignored_gets_no_answer() -> None:
    lan = site(reservations=(Reservation((MAC,), ignored=True),))
    assert ("ignored", None, ()) == lan.discover()[:3]


def test_what_a_reservation_sets_is_sent() -> None:
    lan = site(
        options4=((42, ip("9.9.9.9")),),
        reservations=(Reservation((MAC,), options4=((42, ip("192.0.2.3")),), lease_time=7_200),),
    )
    reply = lan.discover(options={55: b"\x2a"}).reply
    assert (ip("192.0.2.3"), (7_200).to_bytes(4, "big")) == (option(reply, 42), option(reply, 51))


def test_offers_have_a_bound_and_holders_of_leases_none() -> None:
    lan = site(offers=2)
    mine = lan.join()
    offers = [yiaddr(lan.discover(mac(n)).reply) for n in range(4)]
    assert 2 == lan.book.offers
    assert [None, None] == [lan.at(address) for address in offers[:2]], "the oldest had to make room"
    assert "acked" == lan.select(offers[0], mac(0)).why, (
        "and its client gets the address all the same, for nobody else has"
    )
    assert "offered" == lan.discover(MAC).why
    assert mine == yiaddr(lan.discover(MAC).reply)
