"""Router advertisements in virtual time (RFC 4861 §6.2, 8106, 8781, 9096, 9463)."""

from dataclasses import replace
from typing import Any

import pytest
from kit.dhcp_site import ip, own

from dhcp.advertise import LARGEST, MAX_INITIAL_INTERVAL, Advertising, Step, advertise, farewell, hear_solicitation
from dhcp.offer import Offer
from dhcp.settings import Advertised, AdvertisedPrefix
from dhcp.values import Link, Own
from wire.dhcp.dnr import Resolver, service_parameters
from wire.dhcp.ra import (
    Encrypted,
    Prefix64,
    PrefixInformation,
    Route,
    RouterAdvertisement,
    Search,
    Servers,
    parse_router_advertisement,
)
from wire.units import Instant

ROUTER = ip("fe80::1")
HARDWARE = b"\2\0\x5e\x10\0\1"
OLD, NEW = ip("2001:db8:1::"), ip("2001:db8:2::")
RESOLVER = Resolver(1, b"\3dns\4home\4arpa\0", (ip("fd00::53"),), service_parameters(("dot",)))
OFFER = Offer(servers6=(ip("fd00::53"),), search=(b"\4home\4arpa\0",), resolvers6=(RESOLVER,))
NOTHING = Offer()


def link(*addresses: Own, up: bool = True) -> Link:
    return Link(2, "lan", HARDWARE, (own("fe80::1/64"), *addresses), up)


HOME = link(own("2001:db8:1::1/64"))
SETTINGS = Advertised("lan")


class Watch:
    """An edge that wakes up when it is told to, and what it sent."""

    def __init__(self, settings: Advertised | None = SETTINGS, at: Link = HOME, offer: Offer = OFFER) -> None:
        self.settings, self.at, self.offer = settings, at, offer
        self.now, self.chance = 1_000.0, 0.5
        self.state = Advertising()
        self.due: float | None = None
        self.sent: list[tuple[float, RouterAdvertisement]] = []
        self.left_out = 0

    def look(self) -> "Watch":
        """What happens now."""
        return self.take(advertise(self.settings, self.at, self.offer, self.state, Instant(self.now), self.chance))

    def take(self, step: Step) -> "Watch":
        self.state, self.due, self.left_out = step.state, step.due, step.left_out
        if step.data is not None:
            assert len(step.data) <= LARGEST
            self.sent.append((self.now, parse_router_advertisement(step.data, 255, ROUTER)))
        return self

    def run(self, count: int) -> list[RouterAdvertisement]:
        """The next advertisements."""
        enough = len(self.sent) + count
        self.look()
        while len(self.sent) < enough:
            assert self.due is not None
            assert self.due > self.now or not self.sent
            self.now = self.due
            self.look()
        return [said for _, said in self.sent[enough - count :]]

    def pass_time(self, seconds: float) -> None:
        """What happens in so many seconds."""
        end = self.now + seconds
        self.look()
        while self.due is not None and self.due <= end:
            self.now = self.due
            self.look()
        self.now = end

    def leave(self) -> "Watch":
        assert self.settings is not None
        return self.take(farewell(self.settings, self.at, self.state, Instant(self.now)))

    @property
    def times(self) -> list[float]:
        return [at for at, _ in self.sent]

    @property
    def last(self) -> RouterAdvertisement:
        return self.sent[-1][1]


# --- where anything is said ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "watch",
    [
        Watch(None),
        Watch(Advertised("other")),
        Watch(at=link(own("2001:db8:1::1/64"), up=False)),
        Watch(at=Link(2, "lan", HARDWARE, (own("2001:db8:1::1/64"),))),
        Watch(at=Link(2, "lan", HARDWARE, (Own(b"\xa9\xfe\1\1", 16),))),
    ],
    ids=["not asked for", "another interface", "down", "no link-local address", "link-local of IPv4"],
)
def test_nothing_is_said_where_it_is_not_asked_for_or_cannot_be(watch: Watch) -> None:
    watch.look()
    assert ([], None) == (watch.sent, watch.due)
    watch.state = hear_solicitation(watch.state, Instant(watch.now), 0.5)
    assert ([], None) == (watch.look().sent, watch.due)
    assert [] == Watch().leave().sent


def test_what_is_said_is_what_the_settings_ask_for() -> None:
    settings = Advertised(
        "lan", 1_200, (200, 600), True, True,
        routes=((NEW, 48, 600, 1),), preference=-1, mtu=1_480, hop_limit=32, reachable=1, retransmit=2,
        nat64=((ip("64:ff9b::"), 96),), captive_portal="https://portal.example/",
    )  # fmt: skip
    expected = RouterAdvertisement(
        32, True, True, -1, 1_200, 1, 2, HARDWARE, 1_480,
        (PrefixInformation(OLD, 64, 86_400, 14_400),),
        (Servers(1_800, OFFER.servers6),),
        (Search(1_800, OFFER.search),),
        (Encrypted(1_800, RESOLVER),),
        (Prefix64(ip("64:ff9b::"), 96, 1_800),),
        (Route(NEW, 48, 600, 1),),
        "https://portal.example/",
    )  # fmt: skip
    assert [expected] == Watch(settings).run(1)


def test_the_resolver_is_not_said_where_it_is_not_to_be_or_is_none() -> None:
    for watch in (Watch(replace(SETTINGS, dns=False)), Watch(offer=NOTHING)):
        said = watch.run(1)[0]
        assert ((), (), ()) == (said.servers, said.search, said.encrypted)


def test_resolvers_live_at_least_as_long_as_the_next_advertisement_may_take() -> None:
    """RFC 8106 §5.1, §5.2; RFC 9463 §6.1; RFC 8781 §4.1: three times that, to a multiple of eight."""
    said = Watch(replace(SETTINGS, interval=(3, 4), nat64=((ip("64:ff9b::"), 96),))).run(1)[0]
    assert (12, 12, 12, 16) == (
        said.servers[0].lifetime, said.search[0].lifetime, said.encrypted[0].lifetime, said.nat64[0].lifetime,
    )  # fmt: skip


def test_a_hardware_address_of_another_kind_is_not_said() -> None:
    assert b"" == Watch(at=HOME._replace(hardware=b"\xc0\0\2\1")).run(1)[0].link_layer


def test_what_does_not_fit_is_counted() -> None:
    """RFC 6980: fragments would not be read."""
    routes = tuple((ip(f"fd00:{n:x}::"), 128, 600, 0) for n in range(1, 60))
    watch = Watch(replace(SETTINGS, routes=routes))
    watch.run(1)
    assert 59 == watch.left_out + len(watch.last.routes)
    assert 0 < watch.left_out < 59
    assert (OFFER.servers6,) == tuple(one.addresses for one in watch.last.servers)


# --- timing -------------------------------------------------------------------------------------------------------------


def test_the_first_three_follow_quickly_and_the_others_at_random_times() -> None:
    """RFC 4861 §6.2.4."""
    watch = Watch()
    watch.run(3)
    assert [1_000.0, 1_000.0 + MAX_INITIAL_INTERVAL, 1_000.0 + 2 * MAX_INITIAL_INTERVAL] == watch.times
    for chance, pause in ((0.0, 200.0), (0.25, 300.0), (0.999_999, 599.999_6)):
        watch = Watch()
        watch.chance = chance
        watch.run(3)
        assert watch.due == pytest.approx(watch.now + pause)


def test_short_intervals_are_not_made_longer_at_the_beginning() -> None:
    watch = Watch(replace(SETTINGS, interval=(3, 5)))
    watch.run(4)
    assert [1_000.0, 1_004.0, 1_008.0, 1_012.0] == watch.times


def solicited(watch: Watch, chance: float) -> float | None:
    watch.state = hear_solicitation(watch.state, Instant(watch.now), chance)
    watch.look()
    return watch.due


def settled() -> Watch:
    watch = Watch()
    watch.run(4)
    return watch


def test_a_solicitation_is_answered_within_half_a_second() -> None:
    """RFC 4861 §6.2.6."""
    watch = settled()
    watch.now += 10.0
    assert watch.now + 0.2 == pytest.approx(solicited(watch, 0.4))
    assert 4 == len(watch.sent)
    assert 1 == len(watch.run(1))
    assert watch.now + 400.0 == watch.due


def test_solicitations_are_answered_once_in_three_seconds() -> None:
    """RFC 4861 §6.2.6: MIN_DELAY_BETWEEN_RAS and the delay, after the last one."""
    watch = settled()
    last = watch.now
    watch.now += 1.0
    assert last + 3.25 == pytest.approx(solicited(watch, 0.5))
    watch.now += 0.5
    assert last + 3.0 == pytest.approx(solicited(watch, 0.0))
    watch.run(1)
    assert last + 3.0 == pytest.approx(watch.now)


def test_a_flood_of_solicitations_makes_no_flood_of_advertisements() -> None:
    watch = settled()
    watch.sent.clear()
    start = watch.now
    for n in range(3_000):
        watch.now = start + n / 100
        watch.state = hear_solicitation(watch.state, Instant(watch.now), (n * 7 % 10) / 10)
        watch.look()
    assert 8 <= len(watch.sent) <= 10
    assert all(later - sooner >= 3.0 for sooner, later in zip(watch.times, watch.times[1:], strict=False))


def test_a_solicitation_does_not_delay_what_is_due_anyway() -> None:
    watch = settled()
    assert watch.due is not None
    watch.now = watch.due - 0.1
    assert watch.due == solicited(watch, 0.9)


def test_a_change_is_said_at_once_three_times_quickly() -> None:
    watch = settled()
    watch.now += 100.0
    changed = watch.now
    watch.settings = replace(SETTINGS, managed=True)
    before = len(watch.sent)
    assert all(said.managed for said in watch.run(3))
    start = watch.times[before]
    assert changed == start
    assert [start, start + 16.0, start + 32.0] == watch.times[before:]
    assert start + 32.0 + 400.0 == watch.due


def test_even_a_change_waits_three_seconds_after_the_last_one() -> None:
    watch = settled()
    last = watch.now
    watch.now += 1.0
    watch.settings = replace(SETTINGS, managed=True)
    assert last + 3.0 == watch.look().due


def test_lifetimes_that_count_down_are_no_change() -> None:
    watch = Watch(at=link(own("2001:db8:1::1/64", 9_000, 9_900)))
    watch.run(4)
    due = watch.due
    watch.now += 50.0
    watch.at = link(own("2001:db8:1::1/64", 8_950, 9_850))
    assert due == watch.look().due


def test_an_interface_that_comes_back_begins_anew() -> None:
    watch = settled()
    watch.at = link(own("2001:db8:1::1/64"), up=False)
    watch.now += 10.0
    assert watch.look().due is None
    watch.at = HOME
    watch.now += 10.0
    before = len(watch.sent)
    watch.run(3)
    assert [0.0, 16.0, 32.0] == [at - watch.times[before] for at in watch.times[before:]]


# --- prefixes -----------------------------------------------------------------------------------------------------------


def prefixes(watch: Watch) -> list[tuple[bytes, int, int]]:
    return [(one.prefix, one.preferred, one.valid) for one in watch.last.prefixes]


def test_without_settings_every_64_of_ours_is_said_and_nothing_else() -> None:
    addresses = (own("2001:db8:1::1/64"), own("2001:db8:1::2/64"), own("fd00:1::1/64"), own("2001:db8:9::1/56"),
                 own("::1/128"), own("2001:db8:8::1/64", 0, 0), Own(b"\xc0\0\2\1", 24))  # fmt: skip
    watch = Watch(at=link(*addresses))
    watch.run(1)
    assert [(OLD, 14_400, 86_400), (ip("fd00:1::"), 14_400, 86_400)] == prefixes(watch)


def test_a_prefix_never_outlives_our_own_address_in_it() -> None:
    """RFC 9096 §3.3; of several addresses the longest lasting counts."""
    watch = Watch(at=link(own("2001:db8:1::1/64", 100, 200), own("2001:db8:1::2/64", 300, 900)))
    watch.run(1)
    assert [(OLD, 300, 900)] == prefixes(watch)
    asked = AdvertisedPrefix(ip("2001:db8:1::5"), 64, True, False, 500, 600)
    watch = Watch(replace(SETTINGS, prefixes=(asked,)), link(own("2001:db8:1::1/64", 100, 5_000)))
    watch.run(1)
    assert (PrefixInformation(OLD, 64, 600, 100, True, False),) == watch.last.prefixes
    watch = Watch(replace(SETTINGS, prefixes=(asked,)), link())
    watch.run(1)
    assert [(OLD, 500, 600)] == prefixes(watch)


def test_a_prefix_that_may_be_another_tomorrow_lives_shortly_with_hosts() -> None:
    """RFC 9096 §3.4: our own address in it has an end, as after a delegation."""
    watch = Watch(at=link(own("2001:db8:1::1/64", 40_000, 80_000)))
    watch.run(1)
    assert [(OLD, 2_700, 5_400)] == prefixes(watch)


def test_a_deprecated_address_of_ours_deprecates_its_prefix() -> None:
    watch = Watch(at=link(own("2001:db8:1::1/64", 0, 500)))
    watch.run(1)
    assert [(OLD, 0, 500)] == prefixes(watch)


def renumbered() -> Watch:
    watch = settled()
    watch.now += 10.0
    watch.at = link(own("2001:db8:2::1/64"))
    watch.run(1)
    return watch


def test_a_prefix_that_went_away_is_deprecated_and_may_live_for_two_hours() -> None:
    """RFC 9096 §3.5, RFC 7084 L-13, RFC 4862 §5.5.3 e."""
    watch = renumbered()
    assert [(NEW, 14_400, 86_400), (OLD, 0, 7_200)] == prefixes(watch)
    start = watch.now
    watch.pass_time(3_600.0)
    spent = int(watch.times[-1] - start)
    assert (OLD, 0, 7_200 - spent) in prefixes(watch)
    watch.pass_time(3_600.0 + 600.0)
    assert [NEW] == [one[0] for one in prefixes(watch)]


def test_a_prefix_with_less_than_two_hours_left_keeps_what_it_has() -> None:
    watch = Watch(at=link(own("2001:db8:1::1/64", 600, 1_000)))
    watch.run(1)
    watch.now += 100.0
    watch.at = link()
    watch.run(1)
    assert [(OLD, 0, 900)] == prefixes(watch)


def test_a_prefix_that_comes_back_is_not_deprecated_any_more() -> None:
    watch = renumbered()
    watch.now += 10.0
    watch.at = HOME
    watch.run(1)
    assert [(OLD, 14_400, 86_400), (NEW, 0, 7_200)] == prefixes(watch)


def test_two_changes_one_after_the_other_deprecate_both() -> None:
    watch = renumbered()
    watch.now += 10.0
    watch.at = link(own("2001:db8:3::1/64"))
    watch.run(1)
    assert [(OLD, 0, 7_190), (NEW, 0, 7_200)] == prefixes(watch)[1:]


def test_a_prefix_that_changes_while_the_interface_is_down_is_deprecated_all_the_same() -> None:
    watch = settled()
    watch.at = link(up=False)
    watch.look()
    watch.now += 60.0
    watch.at = link(own("2001:db8:2::1/64"))
    watch.run(1)
    assert [(NEW, 14_400, 86_400), (OLD, 0, 7_200)] == prefixes(watch)


def test_the_prefixes_that_are_remembered_are_bounded() -> None:
    watch = settled()
    for n in range(40):
        watch.now += 5.0
        watch.at = link(own(f"2001:db8:{n + 100:x}::1/64"))
        watch.run(1)
    assert 17 == len(watch.last.prefixes)


# --- taking back --------------------------------------------------------------------------------------------------------


def test_a_resolver_that_went_away_is_taken_back_before_what_is_there() -> None:
    """RFC 8106 §5.1, RFC 9463 §6.1: a lifetime of 0."""
    watch = settled()
    watch.now += 10.0
    other = RESOLVER._replace(parameters=service_parameters(("doq",)))
    watch.offer = Offer(servers6=(ip("fd00::54"),), search=(b"\3lan\0",), resolvers6=(other,))
    for said in watch.run(3):
        assert (Servers(0, (ip("fd00::53"),)), Servers(1_800, (ip("fd00::54"),))) == said.servers
        assert (Search(0, (b"\4home\4arpa\0",)), Search(1_800, (b"\3lan\0",))) == said.search
        assert (Encrypted(0, RESOLVER), Encrypted(1_800, other)) == said.encrypted
    said = watch.run(1)[0]
    assert (1, 1, 1) == (len(said.servers), len(said.search), len(said.encrypted))


def test_a_resolver_that_comes_back_is_not_taken_back_any_more() -> None:
    watch = settled()
    watch.offer = NOTHING
    watch.now += 10.0
    assert (Servers(0, OFFER.servers6),) == watch.run(1)[0].servers
    watch.offer = OFFER
    watch.now += 10.0
    assert (Servers(1_800, OFFER.servers6),) == watch.run(1)[0].servers


def test_routes_and_pref64_that_went_away_are_taken_back() -> None:
    settings = replace(SETTINGS, routes=((NEW, 48, 600, 1), (OLD, 48, 600, 0)), nat64=((ip("64:ff9b::"), 96),))
    watch = Watch(settings)
    watch.run(1)
    watch.settings = replace(SETTINGS, routes=((NEW, 48, 300, -1),))
    watch.now += 10.0
    said = watch.run(1)[0]
    assert (Route(OLD, 48, 0), Route(NEW, 48, 300, -1)) == said.routes
    assert (Prefix64(ip("64:ff9b::"), 96, 0),) == said.nat64


def test_what_was_lost_while_the_interface_was_down_is_taken_back() -> None:
    watch = settled()
    watch.at = link(up=False)
    watch.look()
    watch.look()
    watch.at, watch.offer = HOME, NOTHING
    watch.now += 60.0
    said = watch.run(1)[0]
    assert (Servers(0, OFFER.servers6),) == said.servers
    assert (Encrypted(0, RESOLVER),) == said.encrypted


# --- the end ------------------------------------------------------------------------------------------------------------


def gone(**others: Any) -> RouterAdvertisement:
    return RouterAdvertisement(
        64,
        link_layer=HARDWARE,
        servers=(Servers(0, OFFER.servers6),),
        search=(Search(0, OFFER.search),),
        encrypted=(Encrypted(0, RESOLVER),),
        **others,
    )


def test_at_the_end_all_is_taken_back_three_times() -> None:
    """RFC 4861 §6.2.5. Prefixes stay: hosts keep their addresses."""
    watch = settled()
    watch.now += 10.0
    watch.sent.clear()
    start = watch.now
    watch.leave()
    while watch.due is not None:
        watch.now = watch.due
        watch.leave()
    assert [start, start + 3.0, start + 6.0] == watch.times
    assert [gone()] * 3 == [said for _, said in watch.sent]
    assert 3 == len(watch.leave().sent)


def test_at_the_end_routes_and_pref64_are_taken_back_too() -> None:
    watch = Watch(replace(SETTINGS, routes=((NEW, 48, 600, 1),), nat64=((ip("64:ff9b::"), 96),)))
    watch.run(1)
    watch.now += 10.0
    expected = gone(nat64=(Prefix64(ip("64:ff9b::"), 96, 0),), routes=(Route(NEW, 48, 0),))
    assert expected == watch.leave().last


def test_the_end_waits_three_seconds_after_the_last_one() -> None:
    watch = settled()
    last, before = watch.now, len(watch.sent)
    watch.now += 1.0
    watch.leave()
    assert (before, last + 3.0) == (len(watch.sent), watch.due)


def test_nothing_is_taken_back_where_nothing_was_said() -> None:
    assert ([], None) == (Watch().leave().sent, Watch().leave().due)


def test_who_stopped_may_begin_again() -> None:
    watch = settled()
    watch.now += 10.0
    watch.leave()
    watch.state = hear_solicitation(watch.state, Instant(watch.now), 0.0)
    watch.now += 60.0
    said = watch.run(1)[0]
    assert (1_800, (Servers(1_800, OFFER.servers6),)) == (said.lifetime, said.servers)
    assert 0 == watch.state.finals
