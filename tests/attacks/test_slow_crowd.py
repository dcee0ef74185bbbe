"""A tenth of each crowd of `slow_crowd.py` at a tenth of the places; the script plays them in full."""

import pytest
from attacks import slow_crowd
from kit.descriptors import all_descriptors
from kit.figures import holds

# Less patience than usual, so that the test has an end.
TENTH = {"extra": "connections = 200\nidle = 10\n", "more": "[limits]\ntcp_clients = 200\n"}
# Over QUIC they come no faster than their side, in Python too, can shake hands: the first must still be there with the last.
COMING_SLOWLY = {"quic": {**TENTH, "extra": "connections = 200\nidle = 20\n"}}


@pytest.mark.parametrize("way", slow_crowd.WAYS)
def test_a_crowd_of_slow_connections_is_held_in_bounds_and_hurts_nobody(way: str) -> None:
    with all_descriptors():
        figures = slow_crowd.play(way, 1_000, 100, 250, hold=2.0, **COMING_SLOWLY.get(way, TENTH))
    attack = f"1,000 silent, 100 slow and 250 greeted connections over {slow_crowd.WAYS[way].title} at 200 places"
    # A handshake of QUIC is Python on both sides: where other tests run too, the figure of a second is not to be had.
    limits = {"connections held at once": 200.0, "slowest answer to an honest client over QUIC, ms": 5_000.0}
    for what, measured, limit in slow_crowd.rows(figures):
        assert holds(attack, what, measured, limits.get(what, limit)), (what, measured, figures.honest.errors)
    assert figures.most_held > 100
    assert len(figures.honest.waits) > 10
    assert len(figures.over_udp.waits) > 10
