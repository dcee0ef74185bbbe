"""Zones whose servers err for every name are left alone for a while; one's own broken name is no outage of a zone of others."""

import pytest
from kit.internet import Internet
from kit.iterating import Asking

from resolver.iterate.failures import BUSY
from resolver.iterate.outages import FIRST_PAUSE, LONGEST_PAUSE, NAMES, REMEMBERED, Outages
from resolver.iterate.port import Ask, Heard, Silent, Why
from resolver.iterate.verdict import NameServer, Referral
from wire.dns.names import read_name
from wire.units import Instant, Seconds

ZONE = read_name("shop.example")
CUT = Referral(ZONE, (NameServer(read_name("ns.shop.example")),), 3600)
MOVED = Referral(ZONE, (NameServer(read_name("ns.other.example")),), 3600)
ROOT, TOP, SHOP = "198.51.100.1", "192.0.2.1", "192.0.2.2"
PAUSED = "failed: all servers of the zone erred a moment ago"


def at(seconds: float) -> Instant:
    return Instant(1_000.0 + seconds)


def erring(outages: Outages, *names: str, seconds: float = 0.0) -> Outages:
    for name in names:
        outages.erred(CUT, read_name(f"{name}.shop.example"), at(seconds))
    return outages


def test_three_names_in_a_row_make_a_pause_of_five_seconds() -> None:
    outages = erring(Outages(), "a", "b")
    assert not outages.pausing(CUT, "me", at(0))
    erring(outages, "c")
    assert [True, True, False] == [outages.pausing(CUT, "me", at(s)) for s in (0, FIRST_PAUSE - 1, FIRST_PAUSE)]


def test_names_below_one_child_are_one_name() -> None:
    outages = erring(Outages(), *(f"x{number}.evil" for number in range(100)), "evil")
    assert not outages.pausing(CUT, "me", at(0))


def test_one_success_ends_it() -> None:
    outages = erring(Outages(), "a", "b")
    outages.answered(ZONE)
    assert not erring(outages, "c", "d").pausing(CUT, "me", at(0))
    assert erring(outages, "e").pausing(CUT, "me", at(0))
    outages.answered(ZONE)
    assert (False, 0) == (outages.pausing(CUT, "me", at(0)), len(outages))


def test_one_goes_to_see_and_the_others_wait_for_it() -> None:
    outages = erring(Outages(), "a", "b", "c")
    after = FIRST_PAUSE + 1
    assert [False, True, False] == [outages.pausing(CUT, who, at(after)) for who in ("me", "you", "me")]
    assert not outages.pausing(CUT, "you", at(after + FIRST_PAUSE))  # nobody heard of me again


def test_the_pause_doubles_up_to_five_minutes() -> None:
    outages, pauses, clock = erring(Outages(), "a", "b", "c"), [], 0.0
    for _ in range(9):
        length = next(s for s in range(1, 1_000) if not outages.pausing(CUT, "me", at(clock + s)))
        pauses.append(length)
        clock += length
        erring(outages, "d", seconds=clock)
        assert outages.pausing(CUT, "me", at(clock)), "whoever went to see asks no more"
    assert [5, 10, 20, 40, 80, 160, 300, 300, 300] == pauses
    assert LONGEST_PAUSE == pauses[-1]


def test_other_servers_are_another_matter_and_another_order_is_not() -> None:
    outages = erring(Outages(), "a", "b", "c")
    assert not outages.pausing(MOVED, "me", at(0))
    outages.erred(MOVED, read_name("d.shop.example"), at(0))
    assert not outages.pausing(MOVED, "me", at(0))


def test_the_table_is_bounded() -> None:
    outages = Outages()
    for number in range(REMEMBERED + 9):
        outages.erred(Referral(read_name(f"z{number}.example"), (), 60), read_name(f"z{number}.example"), at(0))
    assert REMEMBERED == len(outages)


def internet(servers: int = 4) -> Internet:
    made = Internet()
    made.serve(".", {"a.root.": ROOT})
    made.serve("example.", {"ns.example.": TOP})
    made.serve(
        "shop.example.",
        {f"ns{number}.shop.example.": f"10.0.0.{number}" for number in range(servers)},
        "www A 203.0.113.1\n*.fine A 203.0.113.2",
    )
    return made


def everybody(made: Internet, behave: object, servers: int = 4) -> None:
    for number in range(servers):
        made.behave(f"10.0.0.{number}", behave)  # type: ignore[arg-type]


@pytest.mark.parametrize("rcode", ["SERVFAIL", "REFUSED"])
def test_new_names_in_a_zone_that_errs_cost_nothing_after_a_few(rcode: str) -> None:
    made = internet()
    everybody(made, made.refuses(rcode))
    asking = Asking(made)
    said = [asking.said(f"n{number}.shop.example.") for number in range(NAMES)]
    assert {f"failed: servers of the zone say {rcode}"} == set(said)
    assert [[]] * 20 == [asking.questions(f"m{number}.shop.example.") for number in range(20)]
    assert PAUSED == asking.said("www.shop.example.")
    everybody(made, made.honest)
    made.advance(FIRST_PAUSE + 1)
    assert ["203.0.113.1", "203.0.113.2"] == [asking.said("www.shop.example."), asking.said("a.fine.shop.example.")]


def test_a_broken_name_in_a_healthy_zone_pauses_nobody_else() -> None:
    made = internet()

    def behave(ask: Ask) -> Heard | Silent:
        return (made.refuses("SERVFAIL") if b"\4evil" in ask.question else made.honest)(ask)

    everybody(made, behave)
    asking = Asking(made)
    for number in range(20):
        assert "SERVFAIL" in asking.said(f"x{number}.evil.shop.example.")
    assert "203.0.113.1" == asking.said("www.shop.example.")


def test_top_level_domains_are_never_paused_for_it_would_be_our_network() -> None:
    made = internet()
    made.behave(TOP, made.refuses("SERVFAIL"))
    asking = Asking(made)
    for number in range(2 * NAMES):
        asking.said(f"n{number}.example.")
    made.behave(TOP, made.honest)
    assert "203.0.113.1" == asking.said("www.shop.example.")


def test_what_found_no_place_of_ours_is_no_zone_that_errs_and_is_asked_again_at_once() -> None:
    made = internet()
    everybody(made, lambda ask: Silent(ask, Why.BUSY, 0, Seconds(0.0)))
    asking = Asking(made)
    said = [asking.ask(f"{letter}.shop.example.") for letter in "abcd"]
    assert [BUSY] * 4 == said
    assert 0 == len(asking.iterator.outages)
    everybody(made, made.honest)
    assert ["shop.example.? www.shop.example."] == [q.rsplit(" ", 1)[0] for q in asking.questions("www.shop.example.")]


def test_one_that_errs_says_more_than_one_for_which_there_is_no_place() -> None:
    made = internet()
    everybody(made, lambda ask: Silent(ask, Why.BUSY, 0, Seconds(0.0)))
    made.behave("10.0.0.2", made.refuses("REFUSED"))
    assert "failed: servers of the zone say REFUSED" == Asking(made).said("a.shop.example.")


def test_who_says_nothing_is_no_zone_that_errs() -> None:
    made = internet()
    everybody(made, made.honest)
    made.zones = {place: zones for place, zones in made.zones.items() if not place.address.startswith("10.")}
    asking = Asking(made)
    assert all(asking.said(f"{letter}.shop.example.").startswith("failed") for letter in "abc")
    assert 0 == len(asking.iterator.outages)
