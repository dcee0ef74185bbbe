"""Which IPv6 address or prefix a client gets: reserved, kept, named, by lot; probed for; never two clients' one."""

from dataclasses import replace

import pytest
from kit.dhcp6 import (
    LAN,
    LINK,
    PHONE,
    PREFIXES,
    SERVER,
    SETTINGS,
    TIME,
    Site6,
    code,
    duid,
    hop,
    ip6,
    message,
    na,
    pd,
    with_lan,
)  # fmt: skip
from kit.dhcp_site import KEY

from dhcp.book import LeaseBook
from dhcp.identity import Identifier
from dhcp.plan6 import make_plan6
from dhcp.pools6 import draw_address, is_host, lot
from dhcp.settings import ClientClass, Delegation, DhcpSettings, Matcher, Pool, Reservation, Subnet
from dhcp.values import Kind, Link, Own, State
from wire.dhcp.codes6 import MessageType6, Option6, Status6

OTHER = duid(2)
RAPID = ((Option6.RAPID_COMMIT, b""),)
WIDE = with_lan(pools=(Pool(ip6("2001:db8:1::"), ip6("2001:db8:1::ffff:ffff:ffff:ffff")),))
FEW = with_lan(pools=(Pool(ip6("2001:db8:1::1000"), ip6("2001:db8:1::1031")),), changing_share=100)


def reserved(*hosts: Reservation) -> DhcpSettings:
    return replace(SETTINGS, reservations=hosts)


# by lot


def test_the_same_client_gets_the_same_address_from_a_server_that_forgot_everything() -> None:
    assert Site6(WIDE).join().address == Site6(WIDE).join().address
    assert Site6().join(pd()).prefix == Site6().join(pd()).prefix


def test_no_address_says_who_has_it_or_what_the_next_one_is() -> None:
    """Spread over the whole pool, in no order of the DUIDs, another with another key."""
    found = [int.from_bytes(Site6(WIDE).join(who=duid(number)).address[8:], "big") for number in range(64)]
    assert 64 == len(set(found))
    assert 16 == len({number >> 60 for number in found}), "one of 64 in each sixteenth of the pool, with this key"
    assert sorted(found) != found
    assert lot(KEY, b"client", 1, "x") != lot(bytes(32), b"client", 1, "x")


def test_every_address_of_a_pool_is_given_and_then_none() -> None:
    site = Site6(FEW)
    found = {site.join(who=duid(number)).address for number in range(50)}
    assert 50 == len(found)
    assert Status6.NO_ADDRS_AVAIL == code(site.solicit(na(), who=duid(99)).one.status)
    site.later(TIME + 1)
    assert site.join(who=duid(99)).address in found, "leases that end are free again"


def test_identifiers_that_no_host_has_are_passed() -> None:
    for text in (
        "2001:db8:1::",
        "2001:db8:1::fdff:ffff:ffff:ff80",
        "2001:db8:1::fdff:ffff:ffff:ffff",
        "2001:db8:1::200:5eff:fe00:5213",
    ):
        assert not is_host(int.from_bytes(ip6(text), "big")), text
    assert is_host(int.from_bytes(ip6("2001:db8:1::fdff:ffff:ffff:ff7f"), "big"))
    pool = Pool(ip6("2001:db8:1::fdff:ffff:ffff:ff00"), ip6("2001:db8:1::fe00:0:0:0"))
    scope = make_plan6(with_lan(pools=(pool,))).scopes[0]
    book, found = LeaseBook(KEY), set[bytes]()
    while (address := draw_address(book, scope, scope.usable(frozenset()), (b"c", 1), frozenset(found))) is not None:
        found.add(address)
    assert 129 == len(found)


def test_the_last_address_of_a_network_is_nobodys() -> None:
    network = replace(SETTINGS.subnets[0], prefix=ip6("2001:db8:1::"), length=120)
    pool = Pool(ip6("2001:db8:1::fe"), ip6("2001:db8:1::ff"))
    site = Site6(replace(SETTINGS, subnets=(replace(network, pools=(pool,)),)))
    assert ip6("2001:db8:1::fe") == site.join().address
    assert Status6.NO_ADDRS_AVAIL == code(site.solicit(na(), who=OTHER).one.status)


def test_a_changing_devices_share_of_a_pool_is_bounded() -> None:
    site = Site6(with_lan(FEW, changing_share=50))
    served = [site.solicit(na(), who=duid(number, 0x02), options=RAPID).one.addresses for number in range(50)]
    assert 25 == sum(map(bool, served))
    assert site.join().address, "there is room for who stays"
    free = next(one for one in range(0x1000, 0x1032) if ip6(f"2001:db8:1::{one:x}") not in site.held())
    assert () == site.solicit(na(ip6(f"2001:db8:1::{free:x}")), who=duid(99, 0x02)).one.addresses


def test_a_device_that_the_configuration_knows_is_no_part_of_that_share() -> None:
    known = Reservation(duids=(duid(99, 0x02),), name="known")
    site = Site6(replace(with_lan(FEW, changing_share=0), reservations=(known,)))
    assert () == site.solicit(na(), who=duid(98, 0x02)).one.addresses
    assert site.join(who=duid(99, 0x02)).address


def test_no_client_takes_a_pool_by_counting_its_associations_up() -> None:
    for check in (True, False):
        site = Site6(replace(WIDE, conflict_check=check))
        for start in range(0, 48, 12):
            site.solicit(*(na(iaid=start + number) for number in range(12)), options=RAPID)
        assert 32 == len(site.held())
    assert 16 == len(site.solicit(*(na(iaid=number) for number in range(40))).associations)


# kept and named


def test_a_client_names_a_free_address_and_gets_it() -> None:
    wish = ip6("2001:db8:1::4444")
    assert wish == Site6().join(na(wish)).address
    site = Site6()
    site.join(na(wish), who=OTHER)
    assert wish != site.solicit(na(wish)).address


@pytest.mark.parametrize("wish", ["2001:db8:1::1", "2001:db8:1::fff", "2001:db8:2::1000", "2001:db8:1::"])
def test_a_client_names_an_address_that_it_may_not_have_and_gets_another(wish: str) -> None:
    assert ip6(wish) != Site6(with_lan(pools=(*LAN.pools,))).solicit(na(ip6(wish))).address


def test_associations_of_one_message_get_one_address_each() -> None:
    site = Site6(FEW)
    answer = site.join(*(na(iaid=number) for number in range(10)))
    assert 10 == len({one.address for some in answer.associations for one in some.addresses})
    wish = ip6("2001:db8:1::1010")
    twice = Site6(FEW).join(na(wish, iaid=1), na(wish, iaid=2))
    assert 2 == len({one.address for some in twice.associations for one in some.addresses})


def test_of_two_associations_with_one_number_the_first_counts() -> None:
    first, second = ip6("2001:db8:1::4444"), ip6("2001:db8:1::5555")
    assert first == Site6().join(na(first), na(second)).address


def test_two_clients_are_never_offered_one_address() -> None:
    site = Site6(with_lan(pools=(Pool(ip6("2001:db8:1::1000"), ip6("2001:db8:1::1001")),)))
    offers = [site.solicit(na(), who=duid(number)).one for number in range(3)]
    assert 2 == len({one.address for some in offers for one in some.addresses})
    assert Status6.NO_ADDRS_AVAIL == code(offers[2].status)
    site.later(31)
    assert site.solicit(na(), who=duid(3)).address


def test_too_many_offers_make_room_for_one_another_and_leases_go_on() -> None:
    site = Site6(replace(SETTINGS, offers=3))
    held = site.join()
    for number in range(2, 5):
        site.solicit(na(), who=duid(number))
    first = site.solicit(na(), who=duid(9))
    assert 3 == site.book.offered(Kind.ADDRESS6)
    assert 0 == len(site.book.all_of(site.book.tag(Identifier.DUID, duid(2)))), "the oldest went"
    assert first.address == site.request(*first.associations, who=duid(9)).address
    assert Status6.NO_PREFIX_AVAIL != code(site.solicit(pd(), who=duid(10)).one.status), "each kind has its own bound"
    assert held.address == site.renew(*held.associations).address


def test_each_subnet_of_a_link_gives_an_address_and_a_shared_network_one_of_all() -> None:
    local = Subnet("fd00::/64", ip6("fd00::"), 64, "lan", pools=(Pool(ip6("fd00::1000"), ip6("fd00::ffff")),))
    both = replace(SETTINGS, subnets=(LAN, local))
    assert 2 == len(Site6(both).join().one.addresses)
    shared = replace(SETTINGS, subnets=(replace(LAN, shared="home"), replace(local, shared="home")))
    assert 1 == len(Site6(shared).join().one.addresses)


def test_a_pool_of_a_class_is_for_its_members() -> None:
    own = Pool(ip6("2001:db8:1::2:0"), ip6("2001:db8:1::2:ffff"), ("phones",))
    phones = ClientClass("phones", ((Matcher.USER, b"phone"),))
    site = Site6(replace(with_lan(pools=(*LAN.pools, own)), classes=(phones,)))
    data = ((Option6.USER_CLASS, b"\0\5phone"),)
    assert own.first <= site.join(options=data).address <= own.last
    assert site.join(who=OTHER).address < own.first


# reserved


def test_a_reservation_is_its_clients_and_nobody_elses() -> None:
    mine = ip6("2001:db8:1::1234")
    host = Reservation(
        duids=(PHONE,), addresses6=(mine, ip6("2001:db8:2::7")), prefixes6=((ip6("2001:db8:ff00:10::"), 60),)
    )
    site = Site6(reserved(host))
    assert mine != site.join(na(mine), who=OTHER).address
    assert (ip6("2001:db8:ff00:10::"), 60) != site.join(pd((ip6("2001:db8:ff00:10::"), 60)), who=OTHER).prefix
    answer = site.join(na(), pd())
    assert (mine, (ip6("2001:db8:ff00:10::"), 60)) == (answer.address, answer.prefix)
    far = site.ask(message(MessageType6.SOLICIT, na(iaid=9)), hops=(hop(),))
    assert ip6("2001:db8:2::7") == far.address


def test_a_reservation_outside_every_pool_and_delegation_is_given() -> None:
    host = Reservation(duids=(PHONE,), addresses6=(ip6("2001:db8:1::7"),), prefixes6=((ip6("2001:db8:aa00::"), 48),))
    answer = Site6(reserved(host)).join(na(), pd())
    assert (ip6("2001:db8:1::7"), (ip6("2001:db8:aa00::"), 48)) == (answer.address, answer.prefix)


def test_a_hardware_address_has_a_reservation_too() -> None:
    host = Reservation(hardware=(PHONE[4:],), addresses6=(ip6("2001:db8:1::7"),))
    assert ip6("2001:db8:1::7") == Site6(reserved(host)).join().address


def test_who_gets_a_reservation_later_changes_to_it_at_the_next_renewal() -> None:
    site = Site6()
    old = site.join()
    site.settings = reserved(Reservation(duids=(PHONE,), addresses6=(ip6("2001:db8:1::7"),)))
    answer = site.renew(*old.associations)
    assert [(ip6("2001:db8:1::7"), TIME), (old.address, 0)] == [
        (one.address, one.valid) for one in answer.one.addresses
    ]
    assert {ip6("2001:db8:1::7")} == set(site.held())


def test_an_ignored_client_gets_no_answer() -> None:
    site = Site6(reserved(Reservation(duids=(PHONE,), ignored=True)))
    assert ("ignored", None) == site.send(message(MessageType6.SOLICIT, na()))[:2]


# probes


def test_a_new_address_is_probed_for_once_and_no_other() -> None:
    site = Site6()
    first = site.join(na(), pd())
    assert [first.address] == site.probed
    site.renew(*first.associations)
    site.solicit(na())
    assert [first.address] == site.probed


def test_an_address_that_somebody_uses_goes_into_quarantine_and_another_is_given() -> None:
    wish, site = ip6("2001:db8:1::4444"), Site6()
    site.present[wish] = bytes(6)
    answer = site.join(na(wish))
    assert wish != answer.address
    assert [wish] == list(site.held(State.QUARANTINED))
    assert [wish, answer.address] == site.probed


def test_what_the_client_itself_answers_is_no_conflict() -> None:
    wish, site = ip6("2001:db8:1::4444"), Site6()
    site.present[wish] = PHONE[4:]
    assert wish == site.join(na(wish)).address


def test_nothing_is_leased_while_the_link_is_asked() -> None:
    site = Site6()
    outcome = site.look(message(MessageType6.SOLICIT, na(), pd(), options=RAPID))
    assert outcome.probes
    assert [False] == [one.after.checked for one in outcome.changes if one.after and one.after.kind is Kind.ADDRESS6]
    assert {State.OFFERED} == {change.after.state for change in outcome.changes if change.after is not None}


@pytest.mark.parametrize("relayed", [False, True])
def test_nobody_is_asked_where_that_is_off_or_a_relay_is_between(relayed: bool) -> None:
    site = Site6(SETTINGS if relayed else replace(SETTINGS, conflict_check=False))
    site.ask(message(MessageType6.SOLICIT, na()), hops=(hop(),) if relayed else ())
    assert [] == site.probed


def test_several_new_addresses_of_one_message_are_asked_about_at_once() -> None:
    site = Site6()
    outcome = site.look(message(MessageType6.SOLICIT, *(na(iaid=number) for number in range(4))))
    assert 4 == len({probe.address for probe in outcome.probes})
    taken = outcome.probes[2].address
    site.present[taken] = bytes(6)
    answer = site.solicit(*(na(iaid=number) for number in range(4)))
    assert 4 == len([one for some in answer.associations for one in some.addresses])
    assert 5 == len(site.probed), "and about one in place of the one that is somebody's"


@pytest.mark.parametrize("kind", [MessageType6.RENEW, MessageType6.REBIND])
def test_what_a_client_says_it_has_is_asked_about_if_we_know_nothing_of_it(kind: MessageType6) -> None:
    """And held as an offer is meanwhile. Whose hardware address nobody knows would itself answer."""
    wish, server = ip6("2001:db8:1::4444"), SERVER if kind is MessageType6.RENEW else b""
    site = Site6(replace(SETTINGS, offers=1))
    site.present[wish] = bytes(6)
    answer = site.ask(message(kind, na(wish), server=server))
    assert [0] == [one.valid for some in answer.associations for one in some.addresses if one.address == wish]
    assert wish in site.held(State.QUARANTINED)
    site.present[wish] = PHONE[4:]
    site.later(86_400)
    assert wish == site.ask(message(kind, na(wish), server=server)).address
    nameless = b"\0\2\0\0\0\1device"
    probed = len(site.probed)
    other = ip6("2001:db8:1::5555")
    assert other == site.ask(message(kind, na(other), who=nameless, server=server)).address
    assert probed == len(site.probed)


# when nothing is free


def fill(site: Site6, hardware: int = 0x02, present: bool = False) -> list[bytes]:
    """All fifty addresses taken; what each got."""
    found = []
    for number in range(50):
        found.append(site.join(who=duid(number, hardware)).address)
        if present:
            site.present[found[-1]] = duid(number, hardware)[4:]
    return found


def test_a_full_pool_takes_back_what_nobody_answers_for() -> None:
    site = Site6(FEW)
    given = fill(site)
    assert Status6.NO_ADDRS_AVAIL == code(site.solicit(na(), who=duid(99)).one.status), "they were seen just now"
    site.later(60)
    answer = site.join(na(iaid=7), who=duid(99))
    assert answer.address in given
    (lease,) = site.book.of_client(Kind.ADDRESS6, site.book.tag(Identifier.DUID, duid(99)), 7)
    assert (answer.address, State.BOUND) == (lease.address, lease.state)
    assert "reclaim" in site.words
    served = [bool(site.join(who=duid(number)).associations[0].addresses) for number in range(100, 149)]
    assert 49 == sum(served)
    assert 50 == len(site.held())


def test_no_ipv6_address_in_live_use_is_taken_back() -> None:
    site = Site6(FEW)
    given = fill(site, present=True)
    gone = given[20]
    del site.present[gone]
    site.later(60)
    for number in range(100, 103):
        site.solicit(na(), who=duid(number), options=RAPID)
    assert {*given} == {*site.held()}
    owners = {lease.client for address, lease in site.held().items() if address != gone}
    assert owners == {site.book.tag(Identifier.DUID, duid(number, 0x02)) for number in range(50) if number != 20}


def test_who_was_never_renewed_is_taken_back_when_it_should_have_been() -> None:
    site = Site6(FEW)
    fill(site, hardware=0x00)
    site.later(TIME / 4)
    assert Status6.NO_ADDRS_AVAIL == code(site.solicit(na(), who=duid(99)).one.status)
    site.later(TIME / 2)
    assert site.join(who=duid(99)).address


def test_where_nobody_can_be_asked_nothing_is_taken_back() -> None:
    site = Site6(replace(FEW, conflict_check=False))
    fill(site)
    site.later(60)
    assert Status6.NO_ADDRS_AVAIL == code(site.solicit(na(), who=duid(99)).one.status)


# prefixes


def test_a_prefix_of_the_length_that_is_asked_for_comes_from_the_delegation_that_has_it() -> None:
    """RFC 8168 §3.2: as near as possible; rather too large than too small."""
    some = (PREFIXES, Delegation(ip6("2001:db8:fe00::"), 48, 56), Delegation(ip6("2001:db8:fd00::"), 56, 64))
    site = Site6(with_lan(delegations=some))
    for hint, length in ((60, 60), (56, 56), (64, 64), (62, 60), (57, 56), (48, 56), (0, 60)):
        assert length == site.solicit(pd((bytes(16), hint), iaid=hint)).prefix[1], hint


def test_a_free_prefix_that_is_named_is_given_and_a_taken_one_is_not() -> None:
    site, wish = Site6(), (ip6("2001:db8:ff00:a0::"), 60)
    assert wish == site.join(pd(wish)).prefix
    assert wish != site.join(pd(wish), who=OTHER).prefix
    twice = Site6().join(pd(wish, iaid=1), pd(wish, iaid=2))
    assert 2 == len({one.prefix for some in twice.associations for one in some.prefixes})
    hosts = (Reservation(duids=(OTHER,), prefixes6=((ip6("2001:db8:ff00:80::"), 57),)),)
    assert wish != Site6(reserved(*hosts)).join(pd(wish)).prefix, "it is inside of a reserved one"


def test_all_prefixes_are_given_none_overlaps_and_then_there_is_none() -> None:
    site = Site6()
    found = {site.join(pd(), who=duid(number)).prefix for number in range(16)}
    assert 16 == len(found)
    assert Status6.NO_PREFIX_AVAIL == code(site.solicit(pd(), who=duid(99)).one.status)
    two = Site6(with_lan(delegations=(Delegation(ip6("2001:db8:ff00::"), 59, 60),))).join(pd(iaid=1), pd(iaid=2))
    assert 2 == len({one.prefix for some in two.associations for one in some.prefixes})


def test_a_subnet_of_ours_is_never_delegated() -> None:
    inside = Subnet("2001:db8:ff00:5::/64", ip6("2001:db8:ff00:5::"), 64, "dmz")
    site = Site6(replace(SETTINGS, subnets=(LAN, inside)))
    found = {site.join(pd(), who=duid(number)).prefix[0] for number in range(15)}
    assert ip6("2001:db8:ff00::") not in found
    assert Status6.NO_PREFIX_AVAIL == code(site.solicit(pd(), who=duid(99)).one.status)


EXCLUDING = with_lan(delegations=(Delegation(ip6("2001:db8:ff00::"), 60, 60, ((ip6("2001:db8:ff00:3::"), 64),)),))


def test_a_prefix_with_a_part_left_out_is_for_who_understands_that() -> None:
    """RFC 6603 §6: only if the client asks for option 67, and then the answer says which part."""
    assert Status6.NO_PREFIX_AVAIL == code(Site6(EXCLUDING).solicit(pd()).one.status)
    site = Site6(EXCLUDING)
    answer = site.join(pd(), asked=(Option6.PD_EXCLUDE,))
    assert (ip6("2001:db8:ff00::"), 60) == answer.prefix
    assert (ip6("2001:db8:ff00:3::"), 64) == answer.one.prefixes[0].excluded
    again = site.renew(*answer.associations, asked=(Option6.PD_EXCLUDE,))
    assert answer.associations == again.associations
    assert 0 == site.renew(*answer.associations).one.prefixes[0].valid


@pytest.mark.parametrize("in_the_way", ["excluded", "reserved"])
def test_only_one_part_can_be_left_out(in_the_way: str) -> None:
    part, other = (ip6("2001:db8:ff00:3::"), 64), (ip6("2001:db8:ff00:8::"), 62)
    excluded = (part, other) if in_the_way == "excluded" else (part,)
    hosts = () if in_the_way == "excluded" else (Reservation(duids=(OTHER,), prefixes6=(other,)),)
    settings = with_lan(delegations=(Delegation(ip6("2001:db8:ff00::"), 60, 60, excluded),))
    site = Site6(replace(settings, reservations=hosts))
    assert Status6.NO_PREFIX_AVAIL == code(site.solicit(pd(), asked=(Option6.PD_EXCLUDE,)).one.status)


def test_a_client_that_understands_it_gets_a_whole_prefix_where_there_is_one() -> None:
    site = Site6(with_lan(delegations=(Delegation(ip6("2001:db8:ff00::"), 59, 60, ((ip6("2001:db8:ff00:3::"), 64),)),)))
    assert (ip6("2001:db8:ff00:10::"), 60) == site.join(pd(), asked=(Option6.PD_EXCLUDE,)).prefix


# lease times


def test_a_changing_devices_first_lease_is_short_and_grows_as_it_stays() -> None:
    site, who = Site6(), duid(5, 0x02)
    answer = site.join(who=who)
    times = []
    for _ in range(7):
        times.append(answer.one.addresses[0].valid)
        site.later(answer.one.t1)
        answer = site.renew(*answer.associations, who=who)
    assert [1_800, 3_600, 7_200, 14_400, 28_800, 43_200, 43_200] == times


def test_who_renews_all_the_time_does_not_prove_that_it_stays() -> None:
    site, who = Site6(), duid(5, 0x02)
    answer = site.join(who=who)
    for _ in range(9):
        site.later(1)
        answer = site.renew(*answer.associations, who=who)
    assert 1_800 == answer.one.addresses[0].valid


def test_classes_and_reservations_say_the_lease_time() -> None:
    short = ClientClass("short", ((Matcher.VENDOR, b"toaster"),), lease_time=600)
    vendor = ((Option6.VENDOR_CLASS, b"\0\0\0\x09\0\7toaster"),)
    assert 600 == Site6(replace(SETTINGS, classes=(short,))).join(options=vendor).one.addresses[0].valid
    host = Reservation(duids=(PHONE,), lease_time=900)
    assert 900 == Site6(reserved(host)).join().one.addresses[0].valid


def test_our_own_addresses_are_nobodys() -> None:
    lone = Pool(ip6("2001:db8:1::1000"), ip6("2001:db8:1::1000"))
    link = Link(1, "lan", LINK.hardware, (Own(ip6("2001:db8:1::1000"), 64),))
    for asked in (na(), na(lone.first)):
        answer = Site6(with_lan(pools=(lone,)), links={1: link}).solicit(asked)
        assert Status6.NO_ADDRS_AVAIL == code(answer.one.status)


def test_what_is_reserved_is_not_drawn() -> None:
    lone = Pool(ip6("2001:db8:1::1000"), ip6("2001:db8:1::1000"))
    hosts = (Reservation(duids=(OTHER,), addresses6=(lone.first,)),)
    site = Site6(replace(with_lan(pools=(lone,)), reservations=hosts))
    assert Status6.NO_ADDRS_AVAIL == code(site.solicit(na()).one.status)
    assert lone.first == site.join(who=OTHER).address
