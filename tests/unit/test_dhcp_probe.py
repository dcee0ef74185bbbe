"""Is an address free: who asks when, whose answer counts, and that nobody waits for another."""

from dhcp.edge.probe import ASK_AT, MAX_PROBES, PATIENCE, Ended, Prober
from dhcp.values import Arrival, Probe
from wire.dhcp.packet4 import Packet4
from wire.units import Instant

ADDRESS = b"\xc0\0\2\x64"
CLIENT = b"\2\0\x5e\x10\0\1"
PROBE = Probe(3, ADDRESS, CLIENT)
ARRIVAL = Arrival(3, bytes(4), b"\xff" * 4)


def packet(number: int) -> Packet4:
    return Packet4(1, 1, 0, number, 0, 0, *(bytes(4),) * 4, CLIENT, b"", b"", {})


class Link:
    """Notes when it was asked."""

    def __init__(self, up: bool = True) -> None:
        self.asked: list[Probe] = []
        self.up = up

    def ask(self, probe: Probe) -> bool:
        self.asked.append(probe)
        return self.up


def at(seconds: float) -> Instant:
    return Instant(1_000.0 + seconds)


def test_three_questions_and_silence_after_300_ms() -> None:
    link = Link()
    prober = Prober(link.ask)
    assert prober.begin(PROBE, (packet(1), ARRIVAL), at(0))
    for number, moment in enumerate(ASK_AT, 1):
        assert [] == prober.turn(at(moment + 0.001))
        assert number == len(link.asked)
    assert 0.0 < (prober.due(at(0.29)) or 0.0) <= 0.011
    assert [Ended(PROBE, False, (packet(1), ARRIVAL))] == prober.turn(at(PATIENCE))
    assert (0, None) == (len(prober), prober.due(at(PATIENCE)))


def test_an_answer_ends_it_at_once() -> None:
    prober = Prober(Link().ask)
    prober.begin(PROBE, (packet(1), ARRIVAL), at(0))
    prober.turn(at(0))
    prober.seen(3, ADDRESS, b"\2\0\x5e\x10\0\2")
    assert 0.0 == prober.due(at(0.01))
    assert [Ended(PROBE, True, (packet(1), ARRIVAL))] == prober.turn(at(0.01))


def test_the_client_itself_may_have_the_address() -> None:
    prober = Prober(Link().ask)
    prober.begin(PROBE, (packet(1), ARRIVAL), at(0))
    prober.seen(3, ADDRESS, CLIENT)
    assert [] == prober.turn(at(0.1))


def test_answers_about_other_addresses_and_links_are_nobodys() -> None:
    prober = Prober(Link().ask)
    prober.begin(PROBE, (packet(1), ARRIVAL), at(0))
    prober.seen(4, ADDRESS, b"")
    prober.seen(3, b"\xc0\0\2\x65", b"")
    assert [] == prober.turn(at(0.1))


def test_a_client_that_asks_again_does_not_make_it_longer() -> None:
    prober = Prober(Link().ask)
    prober.begin(PROBE, (packet(1), ARRIVAL), at(0))
    prober.begin(PROBE, (packet(2), ARRIVAL), at(0.2))
    assert [Ended(PROBE, False, (packet(2), ARRIVAL))] == prober.turn(at(PATIENCE))


def test_where_nothing_can_be_sent_nobody_can_answer() -> None:
    prober = Prober(Link(up=False).ask)
    prober.begin(PROBE, (packet(1), ARRIVAL), at(0))
    assert [Ended(PROBE, False, (packet(1), ARRIVAL))] == prober.turn(at(0))


def test_a_hundred_clients_wait_as_long_as_one() -> None:
    prober = Prober(Link().ask)
    probes = [Probe(3, bytes((192, 0, 2, number))) for number in range(100)]
    for probe in probes:
        prober.begin(probe, (packet(1), ARRIVAL), at(0))
    prober.turn(at(0))
    assert probes == [ended.probe for ended in prober.turn(at(PATIENCE))]


def test_there_is_a_bound() -> None:
    prober = Prober(Link().ask)
    begun = [prober.begin(Probe(3, number.to_bytes(4, "big")), (packet(1), ARRIVAL), at(0)) for number in range(1_025)]
    assert (MAX_PROBES, False) == (sum(begun), begun[-1])
