from dhcp.limits import BURST, Accusers, Limits
from wire.units import Instant


def client(number: int) -> bytes:
    return number.to_bytes(16, "big")


def at(seconds: float) -> Instant:
    return Instant(100.0 + seconds)


def test_a_client_may_send_twenty_at_once_and_then_its_rate() -> None:
    limits = Limits(5.0, 1_000.0)
    assert BURST == sum(limits.admits(client(1), 1, True, at(0)) for _ in range(100))
    assert 10 == sum(limits.admits(client(1), 1, True, at(2)) for _ in range(100))
    assert limits.admits(client(2), 1, True, at(2))


def test_a_flood_leaves_no_debt() -> None:
    limits = Limits(5.0, 1_000.0)
    for _ in range(10_000):
        limits.admits(client(1), 1, True, at(0))
    assert limits.admits(client(1), 1, True, at(0.2))


def test_newcomers_share_the_interface_and_holders_never_starve() -> None:
    limits = Limits(5.0, 50.0)
    passed = sum(limits.admits(client(n), 1, False, at(0)) for n in range(10_000))
    assert 50 == passed
    assert all(limits.admits(client(n), 1, True, at(0)) for n in range(20_000, 21_000))
    assert limits.admits(client(1), 2, False, at(0))


def test_invented_clients_do_not_push_out_what_is_remembered_of_one_over_its_rate() -> None:
    limits = Limits(5.0, 50.0)
    while limits.admits(client(1), 1, True, at(0)):
        pass
    for number in range(2, 20_000):
        limits.admits(client(number), 1, False, at(0))
    assert not limits.admits(client(1), 1, True, at(0))


def test_what_is_remembered_is_bounded() -> None:
    limits = Limits(5.0, 1e9)
    for number in range(20_000):
        limits.admits(client(number), number, False, at(0))
    assert (4_096, 256) >= (len(limits._clients), len(limits._interfaces))


def test_a_clock_that_stands_still_or_goes_back_gives_nothing() -> None:
    limits = Limits(5.0, 50.0)
    for _ in range(20):
        limits.admits(client(1), 1, True, at(10))
    assert not limits.admits(client(1), 1, True, at(5))


def test_one_host_is_believed_for_a_number_of_conflicts_an_hour() -> None:
    accusers = Accusers()
    liar, other = b"\2\0\x5e\x10\0\1", b"\2\0\x5e\x10\0\2"
    assert 16 == sum(accusers.believes(liar, Instant(100.0)) for _ in range(300))
    assert accusers.believes(other, Instant(100.0))
    assert 4 == sum(accusers.believes(liar, Instant(100.0 + 900.0)) for _ in range(300))


def test_who_answers_probes_is_remembered_within_a_bound() -> None:
    accusers = Accusers()
    assert all(accusers.believes(number.to_bytes(6, "big"), Instant(1.0)) for number in range(1_000))
    assert 256 == len(accusers._buckets)
