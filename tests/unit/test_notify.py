"""What a service manager is told, over a real datagram socket; the time is an argument."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from anchorhold.notify import ServiceManager


@dataclass
class Cell:
    name: str
    ready: int = 1
    silent: bool = False


@dataclass
class Heard:
    socket: socket.socket
    place: str
    stack: ExitStack

    def manager(self, **more: str) -> ServiceManager:
        environment = {"NOTIFY_SOCKET": self.place, **more}
        return self.stack.enter_context(closing(ServiceManager(environment, 0.0, 77)))

    def all(self) -> list[str]:
        found = []
        while True:
            try:
                found.append(self.socket.recv(4_096).decode())
            except BlockingIOError:
                return found


@pytest.fixture(params=["path", "abstract"])
def heard(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Heard]:
    place = str(tmp_path / "notify") if request.param == "path" else f"@anchorhold-test-{tmp_path.name}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as endpoint, ExitStack() as stack:
        endpoint.bind(place.replace("@", "\0", 1))
        endpoint.setblocking(False)
        yield Heard(endpoint, place, stack)


def test_words_of_one_message_are_lines(heard: Heard) -> None:
    heard.manager().say("READY=1", "STATUS=serving")
    assert heard.all() == ["READY=1\nSTATUS=serving"]


def test_nothing_is_said_to_nobody_and_nothing_fails_when_they_are_gone(tmp_path: Path) -> None:
    ServiceManager({}, 0.0, 77).say("READY=1")
    ServiceManager({"NOTIFY_SOCKET": "vsock:2:1"}, 0.0, 77).say("READY=1")
    with closing(ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "gone")}, 0.0, 77)) as manager:
        manager.say("READY=1")


def test_a_manager_that_does_not_read_stops_nobody(heard: Heard) -> None:
    manager = heard.manager()
    for _ in range(1_000):
        manager.say("STATUS=again")
    assert 0 < len(heard.all()) < 1_000


def signs(manager: ServiceManager, heard: Heard, cells: tuple[Cell, ...], until: int) -> list[int]:
    """The seconds at which a sign of life came; the first of `cells` is vital."""
    found = []
    for second in range(until):
        manager.look(float(second), cells[:1], cells)
        found += [second for word in heard.all() if word == "WATCHDOG=1"]
    return found


def test_signs_of_life_come_four_times_as_often_as_they_are_missed(heard: Heard) -> None:
    manager = heard.manager(WATCHDOG_USEC="20000000", WATCHDOG_PID="77")
    assert signs(manager, heard, (Cell("front"), Cell("keeper")), 20) == [0, 5, 10, 15]


@pytest.mark.parametrize(
    "environment",
    [{}, {"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "78"}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "0"}],
)
def test_nobody_is_told_who_does_not_wait_for_it(heard: Heard, environment: dict[str, str]) -> None:
    assert signs(heard.manager(**environment), heard, (Cell("front"),), 20) == []


@pytest.mark.parametrize("ill", [Cell("front", silent=True), Cell("front", ready=0)])
def test_they_end_when_a_vital_cell_is_silent_or_away_for_half_of_the_time(
    heard: Heard, ill: Cell, capfd: pytest.CaptureFixture[str]
) -> None:
    manager = heard.manager(WATCHDOG_USEC="20000000")
    assert signs(manager, heard, (ill, Cell("keeper")), 40) == [0, 5, 10]
    assert capfd.readouterr().err.count("no sign of life from front") == 1


def test_another_cell_may_be_away_but_not_silent(heard: Heard) -> None:
    manager = heard.manager(WATCHDOG_USEC="20000000")
    assert signs(manager, heard, (Cell("front"), Cell("keeper", ready=0)), 20) == [0, 5, 10, 15]
    silent = heard.manager(WATCHDOG_USEC="20000000")
    assert signs(silent, heard, (Cell("front"), Cell("keeper", silent=True)), 40) == [0, 5, 10]


def test_they_go_on_when_the_cell_is_well_again(heard: Heard) -> None:
    manager, cell = heard.manager(WATCHDOG_USEC="20000000"), Cell("front", silent=True)
    assert signs(manager, heard, (cell,), 13) == [0, 5, 10]
    cell.silent = False
    manager.look(13.0, (cell,), (cell,))
    assert heard.all() == []
    manager.look(15.0, (cell,), (cell,))
    assert heard.all() == ["WATCHDOG=1"]
