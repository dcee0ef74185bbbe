"""epoll(7) used by ourselves tells what `selectors` tells."""

import selectors
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from anchorhold.cells.readiness import TURN, Epoll, Plain, Readiness, open_readiness
from resolver.edge.listen.door import BEHIND

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


def test_who_is_not_behind_waits_for_a_few_of_a_crowd_that_is() -> None:
    readiness = Epoll()
    with ExitStack() as stack:
        crowd = [tuple(map(stack.enter_context, socket.socketpair())) for _ in range(3 * TURN)]
        for near, far in crowd:
            readiness.register(near, READ | BEHIND, near.fileno)
            far.send(b"x")
        asking, far = map(stack.enter_context, socket.socketpair())
        readiness.register(asking, READ, asking.fileno)
        far.send(b"x")
        turns = [[key.fd for key, _ in readiness.select(0)] for _ in range(3)]
        assert [TURN + 1] * 3 == [len(turn) for turn in turns]
        assert all(asking.fileno() in turn for turn in turns)
        assert {near.fileno() for near, _ in crowd} | {asking.fileno()} == {one for turn in turns for one in turn}


def test_one_goes_to_those_behind_and_comes_back(ends: tuple[socket.socket, socket.socket]) -> None:
    readiness, (near, far) = Epoll(), ends
    readiness.register(near, READ | BEHIND, print)
    assert told(readiness) == []
    far.send(b"x")
    assert told(readiness) == [(print, READ)]
    for events in (READ, READ | WRITE, READ | WRITE | BEHIND, WRITE | BEHIND, WRITE, READ | BEHIND):
        readiness.modify(near, events, len)
        assert told(readiness) == [(len, events & ~BEHIND)]
        assert readiness.get_key(near).events == events
    readiness.unregister(near)
    assert told(readiness) == []
    readiness.register(near, READ, print)
    assert told(readiness) == [(print, READ)]


def test_where_all_are_told_of_at_once_nobody_is_behind(ends: tuple[socket.socket, socket.socket]) -> None:
    readiness, (near, far) = Plain(), ends
    readiness.register(near, READ | BEHIND, print)
    far.send(b"x")
    assert told(readiness) == [(print, READ)]
    readiness.modify(near, WRITE | BEHIND, len)
    assert told(readiness) == [(len, WRITE)]


def test_cells_use_what_the_system_has() -> None:
    assert isinstance(open_readiness(), Epoll)
