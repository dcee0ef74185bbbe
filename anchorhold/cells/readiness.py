"""Which sockets have something: what `selectors` tells, with as little Python for each event as may be, for a wake-up may be for
one answer."""

import select
import selectors
import socket
from collections.abc import Callable, Sequence
from typing import Protocol

TURN = 16
"""Events of one wake-up: what comes next is looked at before the others. Linux tells of all in turns (epoll_wait(2))."""

_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Readiness(Protocol):
    """A selector, as far as cells that know clients use one. `data` is called with events of its socket. A socket is to be
    forgotten before it is closed."""

    def register(self, endpoint: socket.socket, events: int, data: Callable[..., object], /) -> object:
        """Watch a socket that is not watched."""

    def modify(self, endpoint: socket.socket, events: int, data: Callable[..., object], /) -> object:
        """Watch it for something else."""

    def unregister(self, endpoint: socket.socket, /) -> object:
        """Watch it no more."""

    def get_key(self, endpoint: socket.socket, /) -> selectors.SelectorKey:
        """What a socket is watched for. Raises KeyError."""

    def select(self, timeout: float, /) -> Sequence[tuple[selectors.SelectorKey, int]]:
        """What has something, and which of the events that it is watched for; waits for `timeout` seconds at most. Where it is
        TURN of them, there may be more."""


class Epoll:
    """A `Readiness` by epoll(7)."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._keys: dict[int, selectors.SelectorKey] = {}
        self._told = tuple(_told(event) for event in range(2 * max(select.EPOLLERR, select.EPOLLHUP)))

    def register(self, endpoint: socket.socket, events: int, data: Callable[..., object]) -> None:
        """As `Readiness`."""
        self._keep(endpoint, events, data, self._epoll.register)

    def modify(self, endpoint: socket.socket, events: int, data: Callable[..., object]) -> None:
        """As `Readiness`."""
        self._keep(endpoint, events, data, self._epoll.modify)

    def unregister(self, endpoint: socket.socket) -> None:
        """As `Readiness`."""
        number = endpoint.fileno()
        del self._keys[number]
        self._epoll.unregister(number)

    def get_key(self, endpoint: socket.socket) -> selectors.SelectorKey:
        """As `Readiness`."""
        return self._keys[endpoint.fileno()]

    def select(self, timeout: float) -> list[tuple[selectors.SelectorKey, int]]:
        """As `Readiness`."""
        find, told, found = self._keys.get, self._told, []
        for number, event in self._epoll.poll(timeout, TURN):
            key = find(number)
            if key is not None:
                found.append((key, told[event] & key.events))
        return found

    def _keep(
        self, endpoint: socket.socket, events: int, data: Callable[..., object], tell: Callable[[int, int], object]
    ) -> None:
        number = endpoint.fileno()
        tell(number, (select.EPOLLIN if events & _READ else 0) | (select.EPOLLOUT if events & _WRITE else 0))
        self._keys[number] = selectors.SelectorKey(endpoint, number, events, data)


def _told(event: int) -> int:
    """What epoll_wait(2) says; an error, or that the other end is gone, is for who reads and for who writes."""
    return (_READ if event & ~select.EPOLLOUT else 0) | (_WRITE if event & ~select.EPOLLIN else 0)


def open_readiness() -> Readiness:
    """Where there is no epoll(7), what the system has."""
    return Epoll() if hasattr(select, "epoll") else selectors.DefaultSelector()
