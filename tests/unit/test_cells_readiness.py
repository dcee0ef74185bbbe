"""epoll(7) used by ourselves tells what `selectors` tells."""

import selectors
import socket
from collections.abc import Callable, Iterator

import pytest

from anchorhold.cells.readiness import TURN, Epoll, Readiness, open_readiness

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


@pytest.fixture(params=[Epoll, selectors.EpollSelector, selectors.PollSelector], ids=lambda make: make.__name__)
def readiness(request: pytest.FixtureRequest) -> Readiness:
    make: Callable[[], Readiness] = request.param
    return make()


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    near, far = socket.socketpair()
    with near, far:
        yield near, far


def told(readiness: Readiness) -> list[tuple[object, int]]:
    return [(key.data, mask) for key, mask in readiness.select(0)]


def test_only_what_is_watched_is_told(readiness: Readiness, ends: tuple[socket.socket, socket.socket]) -> None:
    near, far = ends
    readiness.register(near, READ, print)
    assert told(readiness) == []
    far.send(b"x")
    assert told(readiness) == [(print, READ)]
    readiness.modify(near, READ | WRITE, len)
    assert told(readiness) == [(len, READ | WRITE)]
    readiness.modify(near, WRITE, len)
    assert told(readiness) == [(len, WRITE)]
    assert readiness.get_key(near).events == WRITE
    readiness.unregister(near)
    assert told(readiness) == []
    with pytest.raises(KeyError):
        readiness.get_key(near)


@pytest.mark.parametrize("events", [READ, WRITE, READ | WRITE])
def test_whoever_hung_up_is_told_to_who_waits_for_anything(
    events: int, readiness: Readiness, ends: tuple[socket.socket, socket.socket]
) -> None:
    near, far = ends
    readiness.register(near, events, print)
    far.send(b"x")
    far.close()
    assert told(readiness) == [(print, events)]


def test_all_that_are_ready_are_told_in_turns(readiness: Readiness) -> None:
    """Whoever is told of and still has something comes after the others."""
    pairs = [socket.socketpair() for _ in range(3 * TURN)]
    for near, far in pairs:
        readiness.register(near, READ, near.fileno)
        far.send(b"x")
    everybody = {near.fileno() for near, _ in pairs}
    if isinstance(readiness, Epoll):
        turns = [{key.fd for key, _ in readiness.select(0)} for _ in range(6)]
        assert [TURN] * 6 == [len(turn) for turn in turns]
        assert everybody == set.union(*turns[:3]) == set.union(*turns[3:])
    else:
        assert {key.fd for key, _ in readiness.select(0)} == everybody
    for near, far in pairs:
        readiness.unregister(near)
        near.close()
        far.close()


def test_cells_use_what_the_system_has() -> None:
    assert isinstance(open_readiness(), Epoll)
