"""Whether this machine came into another network: the steps, and the eye of the cell on a clock of its own."""

import asyncio
import socket
from collections.abc import Callable, Sequence

from kit.virtual import run_virtually, virtual_now
from kit.world import settings

from anchorhold.cells.whereabouts import ANYWHERE, Means, Whereabouts, destinations
from net.clock import slept
from resolver.edge.network import Network
from resolver.surroundings import NAP, SETTLE, Outlook, Surroundings, Turn, Way
from wire.units import Instant, Seconds

HOME: Outlook = (Way(2, b"\xc0\0\2\1", b"\xc0\0\2\2", 1), None)
CAFE: Outlook = (Way(2, b"\xc6\x33\x64\1", b"\xc6\x33\x64\2", 3), None)
NONE: Outlook = (None, None)
AWAKE = Seconds(50.0)


def at(moment: float) -> Instant:
    return Instant(moment)


def test_news_that_changes_no_way_is_no_change() -> None:
    one = Surroundings(HOME, AWAKE)
    one.noticed(at(10))
    assert at(10) == one.due
    assert (Turn.NOTHING, None) == (one.look(HOME, AWAKE, at(10)), one.due)


def test_news_without_end_is_looked_at_once_a_while() -> None:
    one = Surroundings(HOME, AWAKE)
    looks = 0
    for step in range(1_000):
        moment = at(10 + step / 100)
        one.noticed(moment)
        if one.due is not None and one.due <= moment:
            looks += one.look(HOME, AWAKE, moment) is Turn.NOTHING
    assert looks == 10 / SETTLE


def test_another_network_is_left_at_once_and_settled_a_while_later() -> None:
    one = Surroundings(HOME, AWAKE)
    one.noticed(at(10))
    assert Turn.LEFT is one.look(CAFE, AWAKE, at(10))
    assert at(10 + SETTLE) == one.due
    one.noticed(at(10.5))
    assert at(10 + SETTLE) == one.due, "what comes meanwhile waits"
    assert Turn.SETTLED is one.look(CAFE, AWAKE, at(10 + SETTLE))
    assert one.due is None


def test_a_network_that_comes_bit_by_bit_is_settled_with_the_last() -> None:
    one = Surroundings(HOME, AWAKE)
    one.noticed(at(10))
    assert [Turn.LEFT, Turn.LEFT, Turn.SETTLED] == [
        one.look(outlook, AWAKE, at(moment)) for outlook, moment in ((NONE, 10), (CAFE, 11), (CAFE, 12))
    ]


def test_a_cable_that_was_out_and_is_in_again_leads_elsewhere_perhaps() -> None:
    one = Surroundings(HOME, AWAKE)
    again = (Way(2, b"\xc0\0\2\1", b"\xc0\0\2\2", 3), None)
    assert Turn.LEFT is one.look(again, AWAKE, at(10))


def test_sleep_is_a_change_and_what_the_clocks_differ_by_is_not() -> None:
    one = Surroundings(HOME, AWAKE)
    assert not one.has_slept(Seconds(AWAKE + NAP / 2))
    assert one.has_slept(Seconds(AWAKE + 2 * NAP))
    assert Turn.LEFT is one.look(HOME, Seconds(AWAKE + 2 * NAP), at(10))
    assert not one.has_slept(Seconds(AWAKE + 2 * NAP))


def test_other_destinations_are_no_other_network() -> None:
    one = Surroundings(HOME, AWAKE)
    one.aim_elsewhere((*HOME, None))
    assert Turn.NOTHING is one.look((*HOME, None), AWAKE, at(10))


def test_the_clock_of_sleep_stands_while_the_machine_is_awake() -> None:
    first = slept()
    assert abs(slept() - first) < NAP


class Told(Network):
    """A kernel that says what the test wants."""

    def __init__(self) -> None:
        self.news, self.far = socket.socketpair()
        self.news.setblocking(False)
        self.here = HOME

    def outlook(self, destinations: Sequence[bytes]) -> Outlook:
        return self.here

    def close(self) -> None:
        self.news.close()


class Stage:
    """One eye, on a clock that jumps. Its `events` are what it called, with the time."""

    def __init__(self, network: Told | None) -> None:
        self.network = network
        self.asleep = 50.0
        self.events: list[tuple[str, float]] = []
        means = Means(network, lambda: Instant(virtual_now()), lambda: Seconds(self.asleep))
        self.eye = Whereabouts(means, self._note("left"), self._note("settled"))
        self.eye.use(settings("one.example"))
        self.eye.start()

    def _note(self, what: str) -> Callable[[], None]:
        return lambda: self.events.append((what, round(virtual_now() - 1_000, 1)))

    async def tell(self) -> None:
        """Heard in this very moment."""
        assert self.network is not None
        self.network.far.send(b"news")
        for _ in range(3):
            await asyncio.sleep(0)


def test_the_cell_leaves_at_once_and_settles_when_nothing_changes_any_more() -> None:
    async def conversation() -> None:
        network = Told()
        stage = Stage(network)
        await stage.tell()
        await asyncio.sleep(5)
        assert [] == stage.events, "a container came and went"
        network.here = CAFE
        await stage.tell()
        await asyncio.sleep(0.5)
        assert [("left", 5.0)] == stage.events
        network.here = HOME
        await stage.tell()
        await asyncio.sleep(5)
        assert [("left", 5.0), ("left", 6.0), ("settled", 7.0)] == stage.events
        assert (2, 4.5) == (stage.eye.status()["changes"], stage.eye.status()["last_change"])
        stage.eye.close()
        network.far.close()

    run_virtually(conversation())


def test_sleep_is_noticed_without_any_news() -> None:
    async def conversation() -> None:
        stage = Stage(None)
        await asyncio.sleep(3.5)
        stage.asleep += 3_600
        await asyncio.sleep(5)
        assert [("left", 4.0), ("settled", 5.0)] == stage.events
        assert "routes" not in str(stage.eye.status()["watched"])

    run_virtually(conversation())


def test_whom_to_look_for_are_the_upstreams_and_somebody_far_away() -> None:
    assert [4, 16, 4] == [len(address) for address in destinations(settings("one.example", "two.example"))]
    assert len(ANYWHERE) == 2


def test_the_real_kernel_tells_the_way_to_loopback() -> None:
    network = Network()
    try:
        network.drain()
        assert (Way(1, b"", b"\x7f\0\0\1", 0), None) == network.outlook((b"\x7f\0\0\1", b"no address"))
    finally:
        network.close()
