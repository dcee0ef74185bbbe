"""Hostile clients of DNS over QUIC at the real listener on loopback; the large figures are `benchmarks/bench_quic.py`'s."""

import select
import time

import pytest
from kit.certificates import identity
from kit.coders import quic_codec
from kit.figures import holds
from kit.quic import query
from kit.quic_dial import Dialled, step_all
from kit.quic_flood import press, send_forged
from kit.wayin import serving

from resolver.edge.listen.quic import RETRY_ABOVE
from resolver.settings import Served

__all__ = ["quic_codec"]

pytestmark = pytest.mark.usefixtures("quic_codec")

ATTACK = "forged first packets of QUIC"


def test_forged_first_packets_cost_little_and_keep_nobody_out() -> None:
    with serving(identity("good")) as way_in:
        port = way_in.ports[Served.QUIC]
        press(port)
        send_forged(port, 100)
        before = way_in.state()
        for start in range(0, 2_000, 100):
            send_forged(port, 100, 1_000 + start)
            way_in.state()
        after = way_in.state()
        honest = Dialled(port)
        waited = honest.connect().ask(query())
        honest.close()
        retries = after.counters["quic-retries"] - before.counters["quic-retries"]
        assert after.guests <= RETRY_ABOVE
        assert retries >= 2_000
        # A tenth of what an honest handshake costs; the figure of 50 is measured where nothing else runs.
        assert holds(ATTACK, "µs of CPU each", round((after.cpu - before.cpu) * 1e6 / retries), 200)
        assert holds(ATTACK, "MB more resident", round((after.memory - before.memory) / 1e6), 8)
        assert holds(ATTACK, "ms an honest client waits", round(1000 * waited), 1_000)


def test_slow_questions_hold_no_place_for_longer_than_idle_ones() -> None:
    with serving(identity("good"), idle=2.0, connections=100) as way_in:
        port = way_in.ports[Served.QUIC]
        crowd = [Dialled(port, f"127.3.0.{1 + number // 20}") for number in range(60)]
        for one in crowd:
            # One after the other: who is slow to shake hands ends for another reason.
            one.connect().client.core.send_stream_data(0, b"\0")
        due = time.monotonic()
        end = due + 15.0
        while not all(one.client.terminated for one in crowd) and time.monotonic() < end:
            # Ten times a second, however often somebody is answered: who makes more work than that ends for another reason too.
            is_due = time.monotonic() >= due
            due += 0.1 if is_due else 0.0
            for one in crowd if is_due else ():
                if one.client.connected and not one.client.terminated:
                    one.client.core.send_ping(1)
            step_all(crowd)
            select.select([one.socket for one in crowd], [], [], 0.1)
        for one in crowd:
            one.close()
        assert way_in.state().guests == 0
        assert way_in.state().counters["quic-idle"] == 60
