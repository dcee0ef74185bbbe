"""Clients are in the log until the moment that the user set, whatever the clocks do."""

import pytest

from dhcp.incident import LONGEST, Incident
from dhcp.settings import DhcpSettings
from wire.units import Epoch, Instant

DATE = 1_800_000_000.0
UNTIL = DATE + 3_600


@pytest.mark.parametrize(("passed", "on"), [(0, True), (3_599.9, True), (3_600, False), (3_601, False)])
def test_until_that_moment_and_not_longer(passed: float, on: bool) -> None:
    incident = Incident(UNTIL, Instant(50.0), Epoch(DATE))
    assert on == incident.is_on(Instant(50.0 + passed), Epoch(DATE + passed))


def test_a_clock_that_is_set_back_prolongs_nothing() -> None:
    incident = Incident(UNTIL, Instant(50.0), Epoch(DATE))
    assert incident.is_on(Instant(3_649.0), Epoch(DATE - 86_400))
    assert not incident.is_on(Instant(3_650.0), Epoch(DATE - 86_400))


def test_a_clock_that_jumps_ahead_ends_it() -> None:
    assert not Incident(UNTIL, Instant(50.0), Epoch(DATE)).is_on(Instant(51.0), Epoch(DATE + 4_000))


def test_on_a_machine_that_believes_in_1970_a_week_is_the_most() -> None:
    incident = Incident(UNTIL, Instant(50.0), Epoch(100.0))
    assert incident.is_on(Instant(50.0 + LONGEST - 1), Epoch(100.0 + LONGEST - 1))
    assert not incident.is_on(Instant(50.0 + LONGEST), Epoch(100.0 + LONGEST))


def test_it_is_off_where_nobody_set_it_and_where_it_is_over() -> None:
    for until in (DhcpSettings(1).log_until, DATE):
        assert not Incident(until, Instant(50.0), Epoch(DATE)).is_on(Instant(50.0), Epoch(DATE))
