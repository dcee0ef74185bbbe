"""A tenth of the crowd of `encrypted_crowd.py` at a tenth of the places; the script plays it in full."""

from attacks import encrypted_crowd
from kit.figures import holds

ATTACK = "1,000 silent, 100 slow and 250 greeted connections over TLS at 200 places"


def test_a_crowd_at_the_tls_port_is_held_in_bounds_and_hurts_nobody() -> None:
    figures = encrypted_crowd.play(1_000, 100, 250, hold=2.0, extra="connections = 200\n")
    assert figures.errors == []
    limits = {"connections held at once": 200.0}
    for what, measured, limit in encrypted_crowd.rows(figures):
        assert holds(ATTACK, what, measured, limits.get(what, limit)), (what, measured)
    assert figures.most_held > 150
    assert figures.asked > 20
