"""A listening TCP socket and the connections that it accepted, whatever is spoken on them."""

import selectors
import socket
from abc import ABC, abstractmethod
from typing import ClassVar, Generic, Protocol, TypeVar

from net import sockets
from net.shortage import is_shortage
from resolver.admission import Client
from resolver.edge.listen.door import BEHIND, OF_ONE, Door, Watch
from resolver.room import NEWCOMER
from wire.units import Instant

MINIMUM_IDLE = 0.2
"""Seconds; the shortest idle time under full load."""

REFUSED = 16
"""Connections refused, and none let in between, after which the next ones wait for a moment: a flood of them is cheaper many at a
time than one at a time."""

IDLE_SHARES = ((0.5, 1.0), (0.35, 0.1), (0.2, 0.02), (0.0, 0.0))
"""(at least so many places free, share of the idle time): the fuller, the shorter."""


class Accepted(Protocol):
    """One connection, as its acceptor sees it."""

    socket: socket.socket
    client: Client
    address: str
    """The client's."""

    @property
    def owing(self) -> bool:
        """Whether an answer is still to be made or written."""

    def flush(self, now: Instant) -> None:
        """Write what is queued."""

    def close(self) -> None:
        """End it now; it tells `gone`."""


C = TypeVar("C", bound=Accepted)


class Acceptor(ABC, Generic[C]):
    """One listening TCP socket, non-blocking, and its connections; subclasses say who may enter, and what a connection is.

    An accepted connection has the options of the listening socket (TCP_NODELAY); nothing of its own is set.
    """

    batch: ClassVar[int]
    """Connections accepted in one wake-up."""
    prefix: ClassVar[str]
    """How the names of its counters begin."""

    def __init__(self, endpoint: socket.socket, watch: Watch) -> None:
        self.socket = endpoint
        self.watch = watch
        self.closed = False
        self.dirty: list[C] = []
        """Those with something to write; `flush` is called for each at the end of a wake-up."""
        self.connections: set[C] = set()
        self._door = Door(endpoint, watch, self)
        self._due = Instant(0.0)
        self._refused = 0

    @abstractmethod
    def count(self, what: str) -> None:
        """Bump a counter."""

    @abstractmethod
    def client_at(self, address: str, now: Instant) -> Client:
        """Whom admission knows there."""

    def may_accept(self, now: Instant) -> bool:
        """Whether the next one who knocks is looked at now; if not, it waits for a moment in the kernel's queue."""
        return True

    @abstractmethod
    def may_enter(self, client: Client, now: Instant) -> bool:
        """Whether one more connection of `client` is let in; if not, it was counted."""

    @abstractmethod
    def enter(self, endpoint: socket.socket, client: Client, now: Instant) -> C:
        """Make a connection and take its place."""

    @abstractmethod
    def left(self, connection: C) -> None:
        """Give its place back."""

    @abstractmethod
    def expire(self, now: Instant) -> None:
        """End those who are here for too long."""

    @abstractmethod
    def make_room(self, now: Instant) -> bool:
        """End a connection that waits for nothing, so that another one may be had; False if there is none."""

    @property
    def reopens(self) -> Instant:
        """When somebody can be let in again, and is to be looked after for that; infinite if now."""
        return self._door.reopens

    @property
    def owing(self) -> bool:
        """Whether an answer to anybody is still to be made or written."""
        return any(connection.owing for connection in self.connections)

    def ready(self, _events: int, now: Instant) -> None:
        """Accept who is waiting, as far as they may enter."""
        may_make_room = True
        for _ in range(0 if self.closed else self.batch):
            if not self.may_accept(now):
                self._door.close(now, NEWCOMER)
                return
            try:
                endpoint, address = sockets.accept(self.socket)
            except BlockingIOError:
                if self._refused >= REFUSED:
                    self._refused = 0
                    self._door.close(now)
                return
            except OSError as error:
                self.count(f"{self.prefix}-accept-{error.errno}")
                if error.errno in OF_ONE:
                    continue
                if is_shortage(error) and may_make_room and self.make_room(now):
                    # Once a wake-up: where others take what is given up, nobody here would be left.
                    may_make_room = False
                    continue
                self._door.close(now)
                return
            self._admit(endpoint, address, now)

    def _admit(self, endpoint: socket.socket, address: str, now: Instant) -> None:
        client = self.client_at(address, now)
        if not self.may_enter(client, now):
            self._refused += 1
            sockets.close(endpoint)
            return
        self._refused = 0
        connection = self.enter(endpoint, client, now)
        connection.address = address
        self.connections.add(connection)
        # As a connection has it at first: nobody knows yet what it will say.
        self.watch(endpoint, selectors.EVENT_READ | BEHIND, connection)

    def use_admission(self, now: Instant) -> None:
        """There is another: everybody is who it says, and who may not ask any more goes."""
        for connection in list(self.connections):
            connection.client = self.client_at(connection.address, now)
            if not connection.client.allowed:
                self.count("dropped-access")
                connection.close()

    def flush(self, now: Instant) -> None:
        """Write the answers of this wake-up, one send for each connection."""
        while self.dirty:
            # A connection that may go on with its pipeline answers from the cache at once, and is dirty again.
            waiting, self.dirty = self.dirty, []
            for connection in waiting:
                connection.flush(now)

    def expire_sometimes(self, now: Instant) -> None:
        """`expire`, at most once a fifth of a second: it looks at every connection."""
        self._door.tend(now)
        if self.connections and now >= self._due:
            self._due = Instant(now + MINIMUM_IDLE)
            self.expire(now)

    def gone(self, connection: C) -> None:
        """A connection has ended."""
        self.watch(connection.socket, 0, connection)
        sockets.close(connection.socket)
        self.connections.discard(connection)
        self.left(connection)
        self._door.open()

    def close(self) -> None:
        """Stop accepting; connections that are open go on until they end."""
        if not self.closed:
            self.closed = self._door.ended = True
            self.watch(self.socket, 0, self)
            sockets.close(self.socket)

    @property
    def ended(self) -> bool:
        """Closed, and nobody is left."""
        return self.closed and not self.connections


def idle_time(full: float, taken: int, places: int) -> float:
    """Seconds a connection may idle when `taken` of `places` are in use (RFC 7766 §6.2.3 leaves it to us)."""
    free = 1 - taken / max(places, 1)
    share = next(share for least, share in IDLE_SHARES if free >= least)
    return max(full * share, MINIMUM_IDLE)
