"""A listening TCP socket whose connections speak TLS, whatever is spoken above it."""

import errno
import selectors
import socket
import ssl
from collections.abc import Callable

from resolver.edge.listen.house import SecureHouse
from resolver.edge.listen.stream import MINIMUM_IDLE, Watch, idle_time
from resolver.edge.listen.tls import Session, TlsConnection
from resolver.settings import Served
from wire.units import Instant

ACCEPT_BATCH = 64

HANDSHAKE_PATIENCE = 10.0
"""Seconds a handshake may take while there is room."""
LEAST_PATIENCE = 2.0
"""The same when the house is full; a far or lossy network needs some."""

Speak = Callable[[TlsConnection, SecureHouse], Session]
"""Makes what speaks above a connection, when its handshake is done."""


class TlsListener:
    """One listening TCP socket and its connections. `speak` makes their sessions."""

    def __init__(
        self,
        endpoint: socket.socket,
        served: Served,
        context: ssl.SSLContext,
        house: SecureHouse,
        watch: Watch,
        speak: Speak,
    ) -> None:
        endpoint.setblocking(False)
        self.socket = endpoint
        self.served = served
        self.context = context
        self.house = house
        self.watch = watch
        self.speak = speak
        self.dirty: list[TlsConnection] = []
        self.connections: set[TlsConnection] = set()
        self._due = Instant(0.0)

    @property
    def owing(self) -> bool:
        """Whether an answer to anybody is still to be made or written."""
        return any(connection.owing for connection in self.connections)

    def ready(self, _events: int, now: Instant) -> None:
        """Accept who is waiting, as far as the house lets in."""
        for _ in range(ACCEPT_BATCH):
            try:
                endpoint, address = self.socket.accept()
            except BlockingIOError:
                return
            except OSError as error:
                self.house.count(f"tls-accept-{error.errno}")
                if error.errno in (errno.EMFILE, errno.ENFILE):
                    # Else the one who waits would wake us for ever.
                    self.house.make_room(now)
                return
            self._admit(endpoint, address[0], now)

    def _admit(self, endpoint: socket.socket, address: str, now: Instant) -> None:
        client = self.house.admission.client(address, now)
        if not self.house.may_enter(client, now):
            endpoint.close()
            return
        endpoint.setblocking(False)
        endpoint.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = TlsConnection(self, endpoint, client, now)
        self.connections.add(connection)
        self.house.enter(connection)
        self.watch(endpoint, selectors.EVENT_READ, connection)

    def use(self, now: Instant) -> None:
        """The house has other settings: who may not ask any more goes."""
        for connection in list(self.connections):
            try:
                client = self.house.admission.client(connection.socket.getpeername()[0], now)
            except OSError:
                connection.close()
                continue
            self.house.reassign(connection, client)
            if not client.allowed:
                self.house.count("dropped-access")
                connection.close()

    def flush(self, now: Instant) -> None:
        """Write the answers of this wake-up, one send for each connection."""
        while self.dirty:
            # A session that may go on answers at once, and its connection is dirty again.
            waiting, self.dirty = self.dirty, []
            for connection in waiting:
                connection.flush(now)

    def expire_sometimes(self, now: Instant) -> None:
        """`expire`, at most once a fifth of a second: it looks at every connection."""
        if self.connections and now >= self._due:
            self._due = Instant(now + MINIMUM_IDLE)
            self.expire(now)

    def expire(self, now: Instant) -> None:
        """End handshakes that take too long, and sessions that say so."""
        places = self.house.settings.connections
        patience = max(LEAST_PATIENCE, idle_time(HANDSHAKE_PATIENCE, len(self.house.guests), places))
        for connection in list(self.connections):
            if connection.session is None:
                if now - connection.since > patience:
                    self.house.count("tls-handshake-slow")
                    connection.close()
            elif connection.session.expired(now):
                self.house.count("tls-idle")
                connection.close()

    def gone(self, connection: TlsConnection) -> None:
        """Give the place back."""
        self.watch(connection.socket, 0, connection)
        connection.socket.close()
        self.connections.discard(connection)
        self.house.leave(connection)

    def close(self) -> None:
        """Stop accepting; connections that are open go on until they end."""
        if self.socket.fileno() >= 0:
            self.watch(self.socket, 0, self)
            self.socket.close()

    def leave(self) -> None:
        """The cell ends: tell everybody, and end all connections."""
        for connection in list(self.connections):
            if connection.session is not None:
                connection.session.leave()
            connection.close()

    @property
    def ended(self) -> bool:
        """Closed, and nobody is left."""
        return self.socket.fileno() < 0 and not self.connections
