"""One wake-up of `front` where more has something than that is for."""

import selectors
import socket
from collections.abc import Iterator

import pytest
from kit.desk import Counter53

from anchorhold.cells.front import FrontCell
from anchorhold.cells.readiness import TURN
from wire.units import Instant


class Ready:
    """What has something; `events` are those of everybody."""

    def __init__(self, name: str, events: list[str]) -> None:
        self.name = name
        self.events = events

    def ready(self, _events: int, _now: Instant) -> bool:
        self.events.append(self.name)
        return False


@pytest.fixture
def cell() -> Iterator[FrontCell]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        made = FrontCell(ours)
        made.desk = Counter53().desk
        made._next_look = float("inf")
        yield made


@pytest.mark.parametrize(("connections", "looked"), [(1, 0), (TURN - 1, 0), (TURN, 1)])
def test_if_there_may_be_more_datagrams_are_looked_at_all_the_same(
    cell: FrontCell, connections: int, looked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    stream, datagrams = Ready("stream", events), Ready("datagrams", events)
    key = selectors.SelectorKey(cell._link, 0, selectors.EVENT_READ, stream.ready)
    monkeypatch.setattr(cell._selector, "select", lambda timeout: [(key, selectors.EVENT_READ)] * connections)
    cell._datagrams.append(datagrams)  # type: ignore[arg-type]
    cell._turn()
    assert ["stream"] * connections + ["datagrams"] * looked == events
