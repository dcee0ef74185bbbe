"""Which server is asked next, for how long it is waited for, and what it takes to be left alone."""

from collections import Counter

from resolver.iterate.port import Endpoint
from resolver.iterate.servers import (
    DEAD_AFTER,
    LAME_FOR,
    LONGEST_REST,
    MAX_IN_FLIGHT_DEAD,
    MOST_TIMEOUT,
    PROBE_EVERY,
    REMEMBERED,
    UNKNOWN_TIMEOUT,
    Servers,
)
from wire.units import Instant, Seconds

FAST, SLOW, NEW = Endpoint("192.0.2.1"), Endpoint("192.0.2.2"), Endpoint("192.0.2.3")
NOW = Instant(1000.0)
ZONE = b"\7example\0"


def measured() -> Servers:
    servers = Servers()
    for endpoint, took in ((FAST, 0.01), (SLOW, 0.3)):
        for _ in range(20):
            servers.record(endpoint).answered(Seconds(took))
    return servers


def chosen(servers: Servers, *endpoints: Endpoint, now: Instant = NOW) -> Counter[Endpoint | None]:
    return Counter(
        servers.choose(endpoints, ZONE, now, chance * 2_654_435_761 & 0xFFFF_FFFF) for chance in range(4_096)
    )


def test_mostly_the_fastest_and_now_and_then_another() -> None:
    counts = chosen(measured(), FAST, SLOW)
    assert 0.9 < counts[FAST] / 4_096 < 0.99


def test_a_server_never_measured_is_tried_soon() -> None:
    assert chosen(measured(), FAST, SLOW, NEW)[NEW] > 1_000


def test_servers_as_fast_as_each_other_share_the_questions() -> None:
    servers = Servers()
    for endpoint, took in ((FAST, 0.010), (SLOW, 0.020)):
        servers.record(endpoint).answered(Seconds(took))
    counts = chosen(servers, FAST, SLOW)
    assert 0.4 < counts[FAST] / 4_096 < 0.6


def test_the_timeout_follows_the_round_trip_time_and_doubles_with_silence() -> None:
    record = Servers().record(NEW)
    waits = []
    for _ in range(6):
        waits.append(record.timeout())
        record.silent(NOW)
    assert [UNKNOWN_TIMEOUT, 2 * UNKNOWN_TIMEOUT, 4 * UNKNOWN_TIMEOUT] == waits[:3]
    assert MOST_TIMEOUT == waits[-1]
    record.answered(Seconds(0.1))
    assert record.timeout() < UNKNOWN_TIMEOUT


def test_after_silence_a_server_rests_longer_each_time_but_is_there_if_nobody_else_is() -> None:
    servers = measured()
    record = servers.record(FAST)
    for _ in range(DEAD_AFTER):
        record.silent(NOW)
    assert {SLOW} == set(chosen(servers, FAST, SLOW))
    assert {None} == set(chosen(servers, FAST))
    assert {FAST} == set(chosen(servers, FAST, now=Instant(NOW + PROBE_EVERY)))
    for _ in range(20):
        record.silent(NOW)
    assert LONGEST_REST == record.rest
    assert not record.is_dead(Instant(NOW + LONGEST_REST))


def test_a_dead_server_gets_few_questions_at_once() -> None:
    servers = measured()
    record = servers.record(FAST)
    for _ in range(DEAD_AFTER):
        record.silent(NOW)
    assert MAX_IN_FLIGHT_DEAD == record.crowd()
    record.in_flight = MAX_IN_FLIGHT_DEAD
    assert {None} == set(chosen(servers, FAST, now=Instant(NOW + PROBE_EVERY)))


def test_a_lame_server_is_not_asked_about_that_zone_for_a_while() -> None:
    servers = measured()
    servers.record(FAST).lame_for(ZONE, NOW)
    assert {SLOW} == set(chosen(servers, FAST, SLOW))
    assert FAST in chosen(servers, FAST, SLOW, now=Instant(NOW + LAME_FOR))
    assert servers.choose((FAST,), b"\3net\0", NOW, 1) == FAST


def test_the_number_of_records_is_bounded() -> None:
    many = Servers()
    for number in range(REMEMBERED + 10):
        many.record(Endpoint(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"))
    assert REMEMBERED == len(many)
