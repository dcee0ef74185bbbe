"""What the long runs say of readings of memory, with made-up ones: drift comes from what there is, or is said to be unknown."""

import pytest

from benchmarks.readings import Reading, Series, TooFewReadings, second_half


def series(*taken: tuple[float, int]) -> Series:
    """Of one process: seconds, KiB resident."""
    made = Series()
    for at, resident in taken:
        made.add(at, 7, Reading(resident, descriptors=9, cpu=at / 10))
    return made


def test_drift_is_between_the_medians_of_the_ends() -> None:
    steady = series(*((second, 1_000 + 10 * second + 500 * (second == 4)) for second in range(30)))
    assert 250 == steady.drift(0, 30, 5)


def test_an_end_with_no_reading_has_that_of_the_nearest() -> None:
    few = series((0.9, 1_000), (1.9, 1_010), (2.9, 1_100))
    assert 100 == few.drift(0, 4, 0.5)
    assert few.ends(0, 4, 0.5) == ([few.readings[0]], [few.readings[2]])
    assert few.ends(0, 4, 1.5) == ([few.readings[0]], [few.readings[2]])


@pytest.mark.parametrize("at", [(0.0, 0.1), (0.0, 8.9), (4.0, 4.1), (8.8, 8.9)])
def test_two_readings_are_enough_wherever_they_are(at: tuple[float, float]) -> None:
    assert 24 == series((at[0], 1_000), (at[1], 1_024)).drift(0, 9, 0.05)


@pytest.mark.parametrize("taken", [(), ((1.0, 1_000),), ((1.0, 1_000), (9.0, 1_000), (12.0, 1_000))])
def test_one_reading_or_none_is_said_to_be_too_few(taken: tuple[tuple[float, int], ...]) -> None:
    count = min(len(taken), 1)
    with pytest.raises(TooFewReadings, match=rf"too few readings \({count} in 9\.0 s, two are needed\)"):
        series(*taken).drift(0, 9, 3)


def test_the_second_half_says_so_of_the_cells_it_knows_nothing_of() -> None:
    read, missed = (
        series(*((second, 1_000 + second) for second in range(12))),
        series((0, 1_000), (1, 1_000), (11, 2_000)),
    )
    text = second_half({"front": read, "dhcp": missed}, 0, 12, 120)
    assert text == (
        "Drift in the second half alone, KiB: front +4, dhcp too few readings (1 in 6.0 s, two are needed)."
    )
