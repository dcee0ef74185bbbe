from dataclasses import replace

import pytest
from kit.dhcp4 import LAN, MAC, PHONE, SETTINGS, Site, ip, mac
from kit.dhcp_site import KEY, START

from anchorhold.leases.publisher import Publisher
from dhcp.book import LeaseBook
from dhcp.hostnames import Claimant, claim, is_from, read_label
from dhcp.plan import INFRASTRUCTURE, make_plan
from dhcp.settings import ClientClass, Matcher, Reservation
from dhcp.values import Kind, Lease, LeaseChange, State
from resolver.local import Host, Leases
from wire.dns.names import read_name
from wire.units import Epoch, Instant


def host(name: str, address: bytes, left: int) -> Host:
    """A name that is there for so many seconds yet."""
    return Host(read_name(name), (address,), False, left)


def gone(name: str, address: bytes) -> Host:
    return Host(read_name(name), (address,), True)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"laptop", "laptop"),
        (b"LapTop", "laptop"),
        (b"laptop.example.org", "laptop"),
        (b"laptop\0", "laptop"),
        ("Anna’s Phone".encode(), "annas-phone"),
        (b"my_nas", "my-nas"),
        (b"-x-", "x"),
        (b"_http", ""),
        (b"", ""),
        (b".", ""),
        (b"...", ""),
        (b"\xff\xfe", ""),
        (b"a\nb\x1b[0m", "ab0m"),
        (b"x" * 80, "x" * 63),
        (b"x" * 62 + b"-y", "x" * 62),
        (b"xn--bcher-kva", "xn--bcher-kva"),
    ],
)
def test_what_is_made_of_a_name_that_a_client_sent(raw: bytes, expected: str) -> None:
    assert expected == read_label(raw)


def lease(number: int, who: int, name: str = "", kind: Kind = Kind.ADDRESS4, hardware: int = 0) -> Lease:
    address = bytes(3) + bytes((number,)) if kind is Kind.ADDRESS4 else bytes(15) + bytes((number,))
    return Lease(
        kind, address, 32, who.to_bytes(16, "big"), (hardware or who + 500).to_bytes(16, "big"), 0, "lan", State.BOUND,
        START, START, Epoch(START + 60), 60, name=name,
    )  # fmt: skip


def claimant(who: int) -> Claimant:
    return Claimant(who.to_bytes(16, "big"), (who + 500).to_bytes(16, "big"))


def test_the_first_holder_keeps_its_name_and_others_get_a_number() -> None:
    book = LeaseBook(KEY, [lease(1, 1, "nas"), lease(2, 2, "nas-2")])
    assert ["nas", "nas-2", "nas-3"] == [claim(book, "nas", claimant(who), frozenset()) for who in (1, 2, 3)]


def test_a_number_that_was_given_stays_when_the_first_holder_has_gone() -> None:
    book = LeaseBook(KEY, [lease(2, 2, "nas-2")])
    assert "nas-2" == claim(book, "nas", claimant(2), frozenset())
    assert "nas" == claim(book, "nas", claimant(3), frozenset())


def test_a_device_that_changes_its_name_gets_the_new_one() -> None:
    book = LeaseBook(KEY, [lease(2, 2, "nas-2")])
    assert "tv" == claim(book, "tv", claimant(2), frozenset())


def test_the_same_device_shares_a_name_between_ipv4_and_ipv6() -> None:
    book = LeaseBook(KEY, [lease(1, 90, "laptop", Kind.ADDRESS6, hardware=501)])
    assert "laptop" == claim(book, "laptop", claimant(1), frozenset())
    assert "laptop-2" == claim(book, "laptop", claimant(2), frozenset())


def test_without_a_hardware_address_nobody_is_taken_for_another() -> None:
    held = lease(1, 1, "laptop")._replace(hardware=b"")
    assert "laptop-2" == claim(LeaseBook(KEY, [held]), "laptop", Claimant(b"x" * 16, b""), frozenset())


def test_a_name_with_a_number_fits_a_label() -> None:
    long = "x" * 63
    name = claim(LeaseBook(KEY, [lease(1, 1, long)]), long, claimant(2), frozenset())
    assert (62, True) == (len(name), is_from(name, long))


def test_a_hundred_devices_of_one_name_are_named_and_more_are_not() -> None:
    names = ["tv", *(f"tv-{n}" for n in range(2, 100))]
    book = LeaseBook(KEY, [lease(n, n, name) for n, name in enumerate(names, 1)])
    assert "" == claim(book, "tv", claimant(200), frozenset())


@pytest.mark.parametrize("name", sorted(INFRASTRUCTURE | {"anchorhold", "gate"}))
def test_what_cannot_be_claimed(name: str) -> None:
    site = Site(replace(SETTINGS, own_names=("Gate", "anchorhold")))
    assert "" == site.at(site.join(MAC, {12: name.encode()})).name


def test_a_number_does_not_lead_to_a_name_that_cannot_be_claimed() -> None:
    book = LeaseBook(KEY, [lease(1, 1, "gate")])
    assert "gate-3" == claim(book, "gate", claimant(2), frozenset({"gate-2"}))


def test_a_configured_name_is_its_owners_alone() -> None:
    settings = replace(SETTINGS, reservations=(Reservation((mac(1),), name="NAS"),))
    site = Site(settings)
    assert "" == site.at(site.join(mac(2), {12: b"nas"})).name
    assert "nas" == site.at(site.join(mac(1), {12: b"else"})).name


def test_who_had_a_name_before_it_was_configured_loses_it() -> None:
    site = Site()
    other = site.join(mac(2), {12: b"nas"})
    site.settings = replace(SETTINGS, reservations=(Reservation((mac(1),), name="nas"),))
    owner = site.join(mac(1))
    assert ("", "nas") == (site.at(other).name, site.at(owner).name)
    assert host("nas.home.arpa", owner, LAN.lease_time) == site.hosts[-1]


@pytest.mark.parametrize(
    "settings",
    [
        replace(SETTINGS, names=False),
        replace(SETTINGS, subnets=(replace(LAN, named=False),)),
        replace(SETTINGS, classes=(ClientClass("guests", ((Matcher.ANY, b""),), named=False),)),
    ],
    ids=["no names at all", "a subnet without", "a class without"],
)
def test_where_no_names_are_published_none_are_kept(settings: object) -> None:
    site = Site(settings)  # type: ignore[arg-type]
    assert "" == site.at(site.join(MAC, {12: b"laptop"})).name
    assert [] == site.hosts


def test_rfc7844_who_says_no_name_gets_none() -> None:
    site = Site()
    assert "" == site.at(site.join(PHONE)).name


def test_a_name_comes_with_the_lease_and_goes_with_it() -> None:
    site = Site()
    address = site.join(MAC, {12: b"laptop"})
    assert [host("laptop.home.arpa", address, LAN.lease_time)] == site.hosts
    site.later(60)
    site.renew(address, MAC, {12: b"laptop"})
    assert [host("laptop.home.arpa", address, LAN.lease_time)] * 2 == site.hosts, "told again, for it lasts longer"
    site.release(address, MAC, {12: b"laptop"})
    assert gone("laptop.home.arpa", address) == site.hosts[-1]


def test_an_offer_publishes_nothing() -> None:
    site = Site()
    site.discover(MAC, {12: b"laptop"})
    assert [] == site.hosts


def test_a_declined_address_loses_its_name() -> None:
    site = Site()
    address = site.join(MAC, {12: b"laptop"})
    site.decline(address, MAC, {12: b"laptop"})
    assert gone("laptop.home.arpa", address) == site.hosts[-1]


PUBLISHER = Publisher(replace(SETTINGS, subnets=(LAN, replace(LAN, name="attic", domain="attic.example"))))


def told(book: LeaseBook, *changes: LeaseChange) -> list[Host]:
    book.apply(changes)
    return PUBLISHER.news(changes, START)


def test_a_name_has_the_addresses_of_both_families_until_the_last_is_gone() -> None:
    book, four, six = LeaseBook(KEY), lease(4, 1, "laptop"), lease(6, 1, "laptop", Kind.ADDRESS6)
    front, laptop = Leases(), "laptop.home.arpa"

    def known(*changes: LeaseChange) -> set[bytes]:
        """What those who answer names know of it then."""
        for one in told(book, *changes):
            front.apply(one, Instant(0.0))
        return set(front.addresses(read_name(laptop)) or ())

    assert {four.address} == known(LeaseChange(None, four))
    assert {four.address, six.address} == known(LeaseChange(None, six))
    everything = PUBLISHER.everything(book, START)
    assert [host(laptop, four.address, 60), host(laptop, six.address, 60)] == everything
    assert {six.address} == known(LeaseChange(four, None))
    assert set() == known(LeaseChange(six, None))
    assert front.addresses(read_name(laptop)) is None
    assert [] == PUBLISHER.everything(book, START)


def test_a_new_name_takes_the_place_of_the_old() -> None:
    book, old = LeaseBook(KEY, [lease(4, 1, "laptop")]), lease(4, 1, "laptop")
    changes = told(book, LeaseChange(old, old._replace(name="desk")))
    assert [gone("laptop.home.arpa", old.address), host("desk.home.arpa", old.address, 60)] == changes


def test_a_device_that_moved_has_its_name_where_it_is_now() -> None:
    book = LeaseBook(KEY, [lease(4, 1, "laptop")])
    here, there = lease(4, 1, "laptop"), lease(5, 1, "laptop")._replace(subnet="attic")
    changes = told(book, LeaseChange(here, here._replace(name="")), LeaseChange(None, there))
    assert [gone("laptop.home.arpa", here.address), host("laptop.attic.example", there.address, 60)] == changes


def test_a_prefix_has_no_name_in_the_dns() -> None:
    book = LeaseBook(KEY)
    assert [] == told(book, LeaseChange(None, lease(4, 1, "router7", Kind.PREFIX6)))


def test_a_name_that_makes_too_long_a_domain_name_is_not_published() -> None:
    domain = ".".join(["d" * 60] * 4)[:240]
    site = Site(replace(SETTINGS, domain=domain))
    assert "" == site.at(site.join(MAC, {12: b"x" * 20})).name
    assert "xx" == site.at(site.join(mac(2), {12: b"xx", 81: b"\0\0\0xx"})).name


def test_the_domain_of_a_name_is_its_subnets() -> None:
    plan = make_plan(replace(SETTINGS, subnets=(replace(LAN, domain="attic.example"),)))
    assert ("attic.example", "home.arpa") == (plan.domain_of(LAN.name), plan.domain_of("gone"))
    assert ip("192.0.2.0") == plan.scopes[0].subnet.prefix
