"""Who makes room over TCP, of connections that are made up."""

from typing import NamedTuple

import pytest

from resolver.room import CROWD, NEWCOMER, RESTING, SHED, room
from wire.units import Instant

NOW = Instant(1_000.0)
PLACES = 64


class Stay(NamedTuple):
    """`active` and whether it asked, whether it is owed an answer, and whether only because it asks too fast."""

    active: Instant
    asked: bool = False
    owing: bool = False
    over: bool = False


def silent(seconds: float) -> Stay:
    return Stay(Instant(NOW - seconds))


def asked(seconds: float, *, owing: bool = False) -> Stay:
    return Stay(Instant(NOW - seconds), asked=True, owing=owing)


JUST_COME, HAD_ITS_MOMENT = silent(NEWCOMER / 2), silent(NEWCOMER + 0.001)
TOO_FAST = Stay(NOW, asked=True, owing=True, over=True)
RESTED, BUSY, OWED = asked(RESTING + 1.0), asked(RESTING / 2), asked(9.0, owing=True)


@pytest.mark.parametrize(
    ("stays", "going", "soon"),
    [
        ([], [], False),
        ([OWED] * PLACES, [], False),
        ([BUSY] * PLACES, [], False),
        ([BUSY, RESTED, asked(RESTING + 2.0)], [asked(RESTING + 2.0)], False),
        ([RESTED, JUST_COME, HAD_ITS_MOMENT], [HAD_ITS_MOMENT], False),
        ([RESTED, JUST_COME], [RESTED], False),
        ([BUSY, JUST_COME], [], False),
        ([RESTED, *[JUST_COME] * (PLACES // CROWD)], [RESTED], False),
        ([RESTED, *[JUST_COME] * (PLACES // CROWD + 1)], [], True),
        ([OWED, *[JUST_COME] * (PLACES - 1)], [], True),
        ([RESTED, OWED, TOO_FAST], [TOO_FAST], False),
        ([TOO_FAST, HAD_ITS_MOMENT], [HAD_ITS_MOMENT], False),
        ([TOO_FAST, *[JUST_COME] * (PLACES // CROWD + 1)], [], True),
    ],
)
def test_who_goes(stays: list[Stay], going: list[Stay], soon: bool) -> None:
    assert (going, soon) == room(stays, NOW, PLACES)


def test_of_those_who_never_asked_the_longest_silent_go_some_at_once() -> None:
    stays = [silent(1.0 + number) for number in range(PLACES)]
    assert [stays[-1], stays[-2]] == room(stays, NOW, PLACES).going
    assert PLACES // SHED == 2
    assert stays[2:3] == room(stays[:3], NOW, PLACES).going


def test_whoever_asked_outlasts_any_flood_of_those_who_do_not() -> None:
    """A hundred newcomers a millisecond, of whom none says anything, for a second."""
    honest = RESTED
    stays: list[Stay] = [honest, *[silent(1.0)] * (PLACES - 1)]
    for step in range(1_000):
        now = Instant(NOW + step / 1_000)
        for _ in range(100):
            if len(stays) == PLACES:
                found = room(stays, now, PLACES)
                assert found.going or found.soon
                stays = [one for one in stays if one not in found.going]
            if len(stays) < PLACES:
                stays.append(Stay(now))
    assert honest in stays
