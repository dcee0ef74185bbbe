"""Schedules: local time, the days on which clocks are set, edges."""

import math
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.rules import schedule

from resolver.policy.schedule import Calendar

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold).timestamp()


NIGHT = Calendar(schedule("night", (21 * 60, 7 * 60), zone="Europe/Berlin"))
WEEKDAYS = Calendar(schedule("school", (8 * 60, 13 * 60), zone="Europe/Berlin", days=(0, 1, 2, 3, 4)))


def test_a_window_that_ends_on_the_next_day() -> None:
    assert NIGHT.look(at("2026-06-01T20:59:59")) == (False, at("2026-06-01T21:00"))
    assert NIGHT.look(at("2026-06-01T21:00")) == (True, at("2026-06-02T07:00"))
    assert NIGHT.look(at("2026-06-02T06:59:59")) == (True, at("2026-06-02T07:00"))
    assert NIGHT.look(at("2026-06-02T07:00")) == (False, at("2026-06-02T21:00"))


def test_days_are_those_on_which_a_window_begins() -> None:
    # 5 June 2026 is a Friday.
    assert WEEKDAYS.look(at("2026-06-05T13:00")) == (False, at("2026-06-08T08:00"))
    friday = Calendar(schedule("friday", (22 * 60, 6 * 60), zone="Europe/Berlin", days=(4,)))
    assert friday.look(at("2026-06-06T05:00"))[0]
    assert not friday.look(at("2026-06-05T05:00"))[0]


def test_a_window_lasts_an_hour_less_or_more_where_clocks_are_set() -> None:
    spring, autumn = NIGHT.look(at("2026-03-28T23:00")), NIGHT.look(at("2026-10-24T23:00"))
    assert spring == (True, at("2026-03-29T07:00"))
    assert spring[1] - at("2026-03-28T21:00") == 9 * 3600
    assert autumn == (True, at("2026-10-25T07:00"))
    assert autumn[1] - at("2026-10-24T21:00") == 11 * 3600


def test_the_hour_that_comes_twice_belongs_to_the_window_as_a_whole() -> None:
    early = Calendar(schedule("early", (60, 150), zone="Europe/Berlin"))
    assert early.look(at("2026-10-25T02:29", fold=1)) == (True, at("2026-10-25T02:30", fold=1))
    late = Calendar(schedule("late", (150, 240), zone="Europe/Berlin"))
    assert late.look(at("2026-10-25T02:30", fold=0))[0]


def test_the_hour_that_is_left_out() -> None:
    gap = at("2026-03-29T03:00")
    into = Calendar(schedule("into", (60, 150), zone="Europe/Berlin"))
    assert into.look(at("2026-03-29T01:59")) == (True, gap)
    out_of = Calendar(schedule("out", (150, 240), zone="Europe/Berlin"))
    assert out_of.look(gap - 1) == (False, gap)
    assert out_of.look(gap) == (True, at("2026-03-29T04:00"))
    inside = Calendar(schedule("inside", (130, 150), zone="Europe/Berlin"))
    assert inside.look(gap) == (False, at("2026-03-30T02:10"))


def test_windows_that_touch_are_one_and_no_window_is_never() -> None:
    two = Calendar(schedule("two", (0, 600), (600, 1440), zone="UTC"))
    moment = datetime(2026, 6, 1, 5, tzinfo=UTC).timestamp()
    counts, until = two.look(moment)
    assert counts
    assert until > moment + 86_400
    assert Calendar(schedule("none")).look(moment) == (False, math.inf)


@given(
    st.integers(1_700_000_000, 1_900_000_000),
    st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    st.lists(st.tuples(st.integers(0, 1439), st.integers(0, 1440)), min_size=1, max_size=3),
    st.sets(st.integers(0, 6), min_size=1),
)
def test_nothing_changes_before_the_edge(now: int, zone: str, windows: list[tuple[int, int]], days: set[int]) -> None:
    """What `look` says holds at every moment until the edge it tells, and the edge lies ahead."""
    calendar = Calendar(schedule("x", *windows, zone=zone, days=tuple(days)))
    counts, until = calendar.look(now)
    assert until > now
    end = min(until, now + 8 * 86_400)
    for share in (0.01, 0.3, 0.7, 0.99):
        assert calendar.look(now + (end - now) * share)[0] is counts


@pytest.mark.parametrize("data", [b"", b"TZif", b"no zone at all"])
def test_what_is_no_time_zone_is_refused(data: bytes) -> None:
    from dataclasses import replace

    with pytest.raises(ValueError):
        Calendar(replace(schedule("x", (0, 1)), transitions=data))
