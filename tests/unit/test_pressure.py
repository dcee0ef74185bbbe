"""Fair shares while more comes than can be answered: the rule on its own, and at real sockets. Time is an argument."""

import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dns.message
import pytest
from kit.desk import START, Counter53

from anchorhold.config.service import ListenAddress
from anchorhold.listeners import open_listener
from resolver.edge.listen import datagram
from resolver.edge.listen.batched import BATCHED, open_datagrams
from resolver.edge.listen.datagram import BATCH, DatagramListener
from resolver.pressure import DEPTH, FIRST, FREE, FUTILE, LEAST, MAX_HOUSEHOLDS, STEP, TARGET, UNLIKELY, Pressure
from wire.units import Instant

LONG = 2 * TARGET
QUIET, LOUD = b"quiet", b"loud"


def pressed(steps: int = 1) -> tuple[Pressure, Instant]:
    """After so many steps in which what came had waited for long, and when that is."""
    pressure = Pressure()
    for step in range(steps):
        pressure.waited(LONG, Instant(START + step * STEP))
    return pressure, Instant(START + steps * STEP)


# -- the rule


def test_nobody_is_dropped_as_long_as_nothing_waits_for_long() -> None:
    pressure = Pressure()
    for step in range(1_000):
        pressure.waited(TARGET, Instant(START + step * STEP))
    assert not pressure.on


def test_a_clock_that_was_set_is_no_wait() -> None:
    pressure = Pressure()
    for seconds in (UNLIKELY, 3_600.0, -3_600.0):
        pressure.waited(seconds, START)
    assert not pressure.on


def test_the_share_falls_while_it_lasts_and_never_below_the_least() -> None:
    rates = [pressed(steps)[0].rate for steps in (1, 2, 3, 100)]
    assert FIRST == rates[0]
    assert rates == sorted(rates, reverse=True)
    assert LEAST == rates[-1]


def test_the_share_is_changed_once_a_step_however_often_it_is_looked_at() -> None:
    pressure, now = pressed(2)
    before = pressure.rate
    pressure.waited(LONG, now)
    once = pressure.rate
    for _ in range(100):
        pressure.waited(LONG, Instant(now + STEP / 2))
    assert before > once == pressure.rate


def test_it_ends_when_nothing_waits_any_more_and_begins_anew() -> None:
    pressure, now = pressed(100)
    pressure.admits(LOUD, now)
    steps = 0
    while pressure.on:
        steps += 1
        pressure.waited(0.0, Instant(now + steps * STEP))
    assert pressure.rate >= FREE
    # Slowly: what it was found to be for may well be there still.
    assert steps * STEP > 1.0
    pressure.waited(LONG, Instant(now + 60.0))
    assert (True, FIRST) == (pressure.on, pressure.rate)


def test_time_in_which_nobody_asked_does_not_open_it_at_once() -> None:
    pressure, now = pressed(100)
    pressure.waited(0.0, Instant(now + 3_600.0))
    assert pressure.on


def test_who_asks_more_than_others_is_dropped_and_who_asks_little_is_not() -> None:
    pressure, now = pressed(100)
    lost = {QUIET: 0, LOUD: 0}
    for moment in range(10_000):
        at = Instant(now + moment / 1_000)
        lost[LOUD] += not pressure.admits(LOUD, at)
        if moment % 1_000 == 0:
            lost[QUIET] += not pressure.admits(QUIET, at)
    assert 0 == lost[QUIET]
    assert 10_000 - lost[LOUD] == pytest.approx(10 * LEAST + DEPTH, abs=3)


def test_what_was_asked_while_shares_were_larger_is_not_held_against_anybody_for_long() -> None:
    pressure, now = pressed()
    pressure.admits(QUIET, now)
    while pressure.admits(LOUD, now):
        pass
    for step in range(1, 100):
        pressure.waited(LONG, Instant(now + step * STEP))
    assert LEAST == pressure.rate
    # A share that was used up at 256 questions a second takes minutes to come back at 2.
    later = Instant(now + 100 * STEP + 1.0 / LEAST)
    assert 0 < sum(pressure.admits(LOUD, later) for _ in range(10)) < DEPTH


def test_shares_do_not_fall_while_it_is_the_dropping_that_takes_the_time() -> None:
    pressure, now = pressed()
    taken, admitted = 4_000 * 300, 0
    for step in range(1, 301):
        at = Instant(now + step * STEP)
        admitted += sum(pressure.admits(bytes((number % 64,)), at) for number in range(4_000))
        pressure.waited(LONG, at)
    assert taken / (2 * FUTILE) < admitted < 2 * taken / FUTILE
    assert pressure.rate > 10 * LEAST


def test_a_few_at_once_are_within_the_share() -> None:
    pressure, now = pressed(100)
    pressure.admits(LOUD, now)
    assert [True] * int(DEPTH) + [False] == [pressure.admits(QUIET, now) for _ in range(int(DEPTH) + 1)]


def test_a_single_household_has_nobody_to_be_fair_to() -> None:
    pressure, now = pressed(100)
    assert all(pressure.admits(LOUD, now) for _ in range(1_000))
    assert pressure.admits(QUIET, now)
    assert [True] * int(DEPTH) + [False] == [pressure.admits(LOUD, now) for _ in range(int(DEPTH) + 1)]


def test_what_a_household_asked_while_it_was_alone_is_not_held_against_it() -> None:
    pressure, now = pressed(100)
    for _ in range(10_000):
        pressure.admits(LOUD, now)
    pressure.admits(QUIET, now)
    later = Instant(now + 10.0)
    assert pressure.admits(LOUD, later)
    assert b"" == pressure.sole


def test_what_is_remembered_is_bounded() -> None:
    pressure, now = pressed(100)
    for number in range(MAX_HOUSEHOLDS + 10):
        pressure.admits(number.to_bytes(4, "big"), now)
    assert 10 == len(pressure._asked)


# -- at a socket


@contextmanager
def service(wildcard: bool, kind: type[DatagramListener] | None) -> Iterator[tuple[Counter53, DatagramListener, int]]:
    """The port, opened as the supervisor does. `kind`: None for that of this process."""
    front = Counter53()
    front.warm()
    opened = open_listener(ListenAddress("0.0.0.0" if wildcard else "127.0.0.1", 0))  # loopback is asked
    with opened.udp as server, opened.tcp:
        server.setblocking(False)
        make = kind or open_datagrams
        yield front, make(server, wildcard, front.desk, front.admission), opened.place.port


KINDS = [DatagramListener, *([None] if BATCHED else [])]


def client(address: str, port: int) -> socket.socket:
    made = socket.socket(type=socket.SOCK_DGRAM)
    made.bind((address, 0))
    made.connect(("127.0.0.1", port))
    made.setblocking(False)
    return made


def later(seconds: float) -> Callable[[], float]:
    """A wall clock by which everything has waited for so much longer."""
    return lambda: time.time() + seconds


def heard(one: socket.socket) -> int:
    many = 0
    while True:
        try:
            one.recv(4_096)
        except BlockingIOError:
            return many
        many += 1


@pytest.mark.parametrize("wildcard", [False, True])
@pytest.mark.parametrize("kind", KINDS, ids=["plain", "batched"][: len(KINDS)])
def test_the_socket_tells_how_long_they_waited_and_the_quiet_one_is_answered(
    wildcard: bool, kind: type[DatagramListener] | None
) -> None:
    with (
        service(wildcard, kind) as (front, listener, port),
        client("127.0.1.1", port) as loud,
        client("127.0.2.1", port) as quiet,
    ):
        asked = dns.message.make_query("www.example", "A").to_wire()
        now, answered = START, 0
        for turn in range(61):
            # As if they had waited, but for the first ones.
            front.desk.date = later(LONG if turn else 0.0)
            for _ in range(8):
                loud.send(asked)
            if turn % 20 == 0:
                quiet.send(asked)
            listener.ready(1, now)
            assert heard(quiet) == (turn % 20 == 0)
            answered += heard(loud)
            now = Instant(now + STEP)
        assert listener.pressure.on
        assert listener.pressure.rate == LEAST
        assert 0 < front.desk.counters["dropped-pressure"] < 8 * 61
        # What was dropped got no answer, and nothing else was lost.
        assert 8 * 61 - front.desk.counters["dropped-pressure"] == answered


@pytest.mark.parametrize("kind", KINDS, ids=["plain", "batched"][: len(KINDS)])
def test_without_the_time_in_the_socket_nobody_is_dropped(kind: type[DatagramListener] | None) -> None:
    with service(False, kind) as (front, listener, port), client("127.0.1.1", port) as one:
        listener.socket.setsockopt(socket.SOL_SOCKET, datagram.TIMESTAMP, 0)
        front.desk.date = later(LONG)
        for _ in range(BATCH):
            one.send(dns.message.make_query("www.example", "A").to_wire())
        listener.ready(1, START)
        assert not listener.pressure.on
        assert heard(one) == BATCH


def test_only_a_whole_time_is_read() -> None:
    made = struct.pack("@ll", 1_000, 500_000_000)
    assert datagram.waited_for([(socket.SOL_SOCKET, datagram.TIMESTAMP, made)], 1_002.0) == 1.5
    for other in (
        [],
        [(socket.IPPROTO_IP, datagram.TIMESTAMP, made)],
        [(socket.SOL_SOCKET, 1, made)],
        [(socket.SOL_SOCKET, datagram.TIMESTAMP, made[:-1])],
    ):
        assert 0.0 == datagram.waited_for(other, 1_002.0)
