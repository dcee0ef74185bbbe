"""The lease clock: whatever the wall clock says, nobody's lease ends early and nobody's address is given twice."""

import pytest
from kit.leases import DATE, DAY, HOUR, YEAR, lease, saved

from dhcp.clock import LeaseClock, Reading, Saved, start_clock
from dhcp.edge.clock import boottime, read_boot, read_clocks
from dhcp.values import Lease, State
from wire.units import Epoch, Instant

JUMPS = [HOUR, -HOUR, 10 * YEAR, -10 * YEAR, -DATE]
OTHER = "99999999-2222-3333-4444-555555555555"
HOUSEHOLD = tuple(lease(number, until=Epoch(DATE + 60 * number)) for number in range(1, 721))
"""Leases with one minute to twelve hours left."""


def alive(leases: tuple[Lease, ...], now: Epoch) -> set[bytes]:
    return {one.address for one in leases if one.until > now}


def test_the_first_clock_of_all_shows_the_wall_clock_s_date() -> None:
    reading = Reading(Instant(77.0), "x", DATE)
    clock = start_clock(None, (), reading)
    assert (DATE, DATE + 10) == (clock.at(Instant(77.0)), clock.at(Instant(87.0)))


@pytest.mark.parametrize("jump", JUMPS)
def test_a_jump_while_we_run_is_not_seen(jump: int) -> None:
    """The wall clock is not even asked: suspend counts, setting the clock does not."""
    clock = start_clock(None, (), Reading(Instant(1_000), "x", DATE))
    assert DATE + 30 == clock.at(Instant(1_030))
    shown = Reading(Instant(1_030), "x", Epoch(DATE + 30 + jump))
    assert DATE + 90 + jump == clock.wall(Epoch(DATE + 90), shown)


@pytest.mark.parametrize("jump", JUMPS)
def test_a_restart_of_the_process_after_a_jump_counts_the_seconds_that_passed(jump: int) -> None:
    reading = Reading(Instant(1_000 + 300), saved().boot, Epoch(DATE + 300 + jump))
    clock = start_clock(saved(), HOUSEHOLD, reading)
    assert DATE + 300 == clock.at(reading.boottime)
    assert alive(HOUSEHOLD, Epoch(DATE + 300)) == alive(HOUSEHOLD, clock.at(reading.boottime))


@pytest.mark.parametrize("jump", JUMPS)
@pytest.mark.parametrize("off", [20, 8 * HOUR])
def test_after_a_new_start_of_the_machine_nobody_ends_before_its_client_says_so(jump: int, off: int) -> None:
    """It was off for `off` seconds and then up for 40: only the 40 surely passed."""
    reading = Reading(Instant(40), OTHER, Epoch(DATE + off + 40 + jump))
    clock = start_clock(saved(), HOUSEHOLD, reading)
    kept = alive(HOUSEHOLD, clock.at(reading.boottime))
    in_use = alive(HOUSEHOLD, Epoch(DATE + off + 40))
    assert in_use <= kept
    assert len(HOUSEHOLD) == len(kept)


def test_suspend_counts_for_leases_went_on_meanwhile() -> None:
    clock = start_clock(saved(), HOUSEHOLD, Reading(Instant(1_000), saved().boot, DATE))
    assert DATE + 6 * HOUR == clock.at(Instant(1_000 + 6 * HOUR))


def test_a_clock_is_taken_up_where_it_was_saved_last_over_many_starts() -> None:
    kept, uptime = saved(), 500.0
    for start in range(1, 11):
        clock = start_clock(kept, (), Reading(Instant(5), f"boot {start}", Epoch(0)))
        kept = clock.saved(Instant(uptime))
    assert DATE + 10 * uptime == kept.now


def test_a_lost_clock_begins_where_the_last_lease_was_seen() -> None:
    seen = tuple(lease(number, seen=Epoch(DATE + number)) for number in range(1, 4))
    offered = lease(9, seen=Epoch(DATE + DAY), state=State.OFFERED)
    clock = start_clock(None, (*seen, offered), Reading(Instant(7), "x", Epoch(0)))
    assert DATE + 3 == clock.at(Instant(7))


def test_what_was_seen_after_the_clock_was_saved_counts() -> None:
    clock = start_clock(saved(), (lease(seen=Epoch(DATE + 60)),), Reading(Instant(2), OTHER, Epoch(0)))
    assert DATE + 60 == clock.at(Instant(2))


@pytest.mark.parametrize(
    ("boot", "uptime", "passed"),
    [
        ("", 1_300, 300),  # the kernel does not tell which start it is
        ("", 200, 0),
        (saved().boot, 200, 0),  # another time namespace
        (OTHER, 1_300, 1_300),
    ],
)
def test_only_what_surely_passed_is_counted(boot: str, uptime: int, passed: int) -> None:
    clock = start_clock(saved(), (), Reading(Instant(uptime), boot, Epoch(0)))
    assert DATE + passed == clock.at(Instant(uptime))


def test_dates_of_other_servers_are_turned_into_lease_time_and_back() -> None:
    clock, reading = LeaseClock(5_000.0, "x"), Reading(Instant(100), "x", DATE)
    assert 5_100 + HOUR == clock.from_wall(Epoch(DATE + HOUR), reading)
    assert DATE + HOUR == clock.wall(clock.from_wall(Epoch(DATE + HOUR), reading), reading)


def test_the_machine_s_own_clocks_can_be_read() -> None:
    first, again = read_clocks(read_boot()), read_clocks(read_boot())
    assert first.boot == again.boot != ""
    assert 0 < first.boottime <= again.boottime <= boottime()
    assert Saved(first.wall, first.boottime, first.boot) == start_clock(None, (), first).saved(first.boottime)
