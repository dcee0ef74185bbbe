"""A tenth of each crowd of `slow_crowd.py` at a tenth of the places; the script plays them in full."""

import pytest
from attacks import slow_crowd
from kit.descriptors import all_descriptors
from kit.figures import holds

IDLE = 10
"""Seconds; less patience than usual, so that the test has an end."""
PLACES = 200
COMING_SLOWLY = {"quic": (64, 20)}
"""Places and IDLE over QUIC: the crowd comes no faster than its side, in Python too, can shake hands, and most places must be
taken while the first are still there."""


@pytest.mark.parametrize("way", slow_crowd.WAYS)
def test_a_crowd_of_slow_connections_is_held_in_bounds_and_hurts_nobody(way: str) -> None:
    places, idle = COMING_SLOWLY.get(way, (PLACES, IDLE))
    how = {"extra": f"connections = {places}\nidle = {idle}\n", "more": f"[limits]\ntcp_clients = {places}\n"}
    with all_descriptors():
        figures = slow_crowd.play(way, 1_000, 100, 250, hold=2.0, **how)
    attack = f"1,000 silent, 100 slow and 250 greeted connections over {slow_crowd.WAYS[way].title} at {places} places"
    # Who had to wait for a place would wait for ten seconds; the figure of one is not to be had where other things run too.
    slowest = f"slowest answer to an honest client over {figures.over}, ms"
    limits = {"connections held at once": float(places), slowest: 5_000.0}
    for what, measured, limit in slow_crowd.rows(figures):
        assert holds(attack, what, measured, limits.get(what, limit)), (what, measured, figures.honest.errors)
    assert figures.most_held > places / 2
    assert len(figures.honest.waits) > 10
    assert len(figures.over_udp.waits) > 10
