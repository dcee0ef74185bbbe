"""Which sockets have something: what `selectors` tells, with as little Python for each event as may be, for a wake-up may be for
one answer."""

import select
import selectors
import socket
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from resolver.edge.listen.door import BEHIND

TURN = 16
"""Events of one wake-up: what comes next is looked at before the others. Linux tells of all in turns (epoll_wait(2))."""

_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Readiness(Protocol):
    """A selector, as far as cells that know clients use one. `data` is called with events of its socket. A socket is to be
    forgotten before it is closed. Among its events may be BEHIND."""

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
    """A `Readiness` by epoll(7): two of them, for those who are BEHIND are together one of those that have something."""

    def __init__(self) -> None:
        self._epoll, self._behind = select.epoll(), select.epoll()
        self._epoll.register(self._behind, select.EPOLLIN)
        self._keys: dict[int, selectors.SelectorKey] = {}
        self._told = tuple(_told(event) for event in range(2 * max(select.EPOLLERR, select.EPOLLHUP)))

    def _of(self, events: int) -> "select.epoll":  # a name that is not everywhere
        return self._behind if events & BEHIND else self._epoll

    def register(self, endpoint: socket.socket, events: int, data: Callable[..., object]) -> None:
        """As `Readiness`."""
        self._keep(endpoint, events, data, self._of(events).register)

    def modify(self, endpoint: socket.socket, events: int, data: Callable[..., object]) -> None:
        """As `Readiness`."""
        if (events ^ self._keys[endpoint.fileno()].events) & BEHIND:
            self.unregister(endpoint)
            self.register(endpoint, events, data)
        else:
            self._keep(endpoint, events, data, self._of(events).modify)

    def unregister(self, endpoint: socket.socket) -> None:
        """As `Readiness`."""
        number = endpoint.fileno()
        key = self._keys.pop(number)
        self._of(key.events).unregister(number)

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
            else:
                found += self._some_behind()
        return found

    def _some_behind(self) -> list[tuple[selectors.SelectorKey, int]]:
        keys, told = self._keys, self._told
        return [(keys[number], told[event] & keys[number].events) for number, event in self._behind.poll(0, TURN)]

    def _keep(
        self, endpoint: socket.socket, events: int, data: Callable[..., object], tell: Callable[[int, int], object]
    ) -> None:
        number = endpoint.fileno()
        tell(number, (select.EPOLLIN if events & _READ else 0) | (select.EPOLLOUT if events & _WRITE else 0))
        self._keys[number] = selectors.SelectorKey(endpoint, number, events, data)


class Plain(selectors.DefaultSelector):
    """What the system has where there is no epoll(7). It tells of everybody at once, so nobody is BEHIND."""

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """As `Readiness`."""
        return super().register(fileobj, events & ~BEHIND, data)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """As `Readiness`."""
        return super().modify(fileobj, events & ~BEHIND, data)


def _told(event: int) -> int:
    """What epoll_wait(2) says; an error, or that the other end is gone, is for who reads and for who writes."""
    return (_READ if event & ~select.EPOLLOUT else 0) | (_WRITE if event & ~select.EPOLLIN else 0)


def open_readiness() -> Readiness:
    """Where there is no epoll(7), what the system has."""
    return Epoll() if hasattr(select, "epoll") else Plain()
