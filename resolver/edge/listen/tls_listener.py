"""A listening TCP socket whose connections speak TLS, whatever is spoken above it."""

import socket
from collections.abc import Callable

from net.tls_server import ServerContexts
from resolver.admission import Client
from resolver.edge.listen.acceptor import Acceptor, idle_time
from resolver.edge.listen.door import Watch
from resolver.edge.listen.house import SecureHouse
from resolver.edge.listen.tls import Session, TlsConnection
from resolver.settings import Served
from wire.units import Instant

HANDSHAKE_PATIENCE = 10.0
"""Seconds a handshake may take while there is room."""
LEAST_PATIENCE = 2.0
"""The same when the house is full; a far or lossy network needs some."""

Speak = Callable[[TlsConnection, SecureHouse], Session]
"""Makes what speaks above a connection, when its handshake is done."""


class TlsListener(Acceptor[TlsConnection]):
    """Connections that speak TLS. `speak` makes their sessions."""

    batch = 64
    prefix = "tls"

    def __init__(
        self,
        endpoint: socket.socket,
        served: Served,
        contexts: ServerContexts,
        house: SecureHouse,
        watch: Watch,
        speak: Speak,
    ) -> None:
        super().__init__(endpoint, watch)
        self.served = served
        self.contexts = contexts
        self.house = house
        self.speak = speak
        self._put_off: list[TlsConnection] = []

    @property
    def owing(self) -> bool:
        """Whether an answer to anybody, or the end of a handshake, is still to be made: who is on the way in when the cell ends
        would take a bare end for a fault."""
        return super().owing or any(not connection.proved for connection in self.connections)

    def use(self, now: Instant) -> None:
        """The house has other settings."""
        self.use_admission(now)

    def count(self, what: str) -> None:
        """Bump a counter."""
        self.house.count(what)

    def client_at(self, address: str, now: Instant) -> Client:
        """As the house's admission knows it."""
        return self.house.admission.client(address, now)

    def may_enter(self, client: Client, now: Instant) -> bool:
        """As far as the house lets in."""
        return self.house.may_enter(client, now)

    def enter(self, endpoint: socket.socket, client: Client, now: Instant) -> TlsConnection:
        """Take a place in the house."""
        connection = TlsConnection(self, endpoint, client, now)
        self.house.enter(connection)
        return connection

    def put_off(self, connection: TlsConnection) -> None:
        """It goes on with the next wake-up, which comes at once."""
        self._put_off.append(connection)

    def flush(self, now: Instant) -> None:
        """As that of all; before, those whose turn comes again go on."""
        if self._put_off:
            put_off, self._put_off = self._put_off, []
            for connection in put_off:
                connection.go_on(now)
        super().flush(now)

    @property
    def reopens(self) -> Instant:
        """As that of all; or now, while anybody's turn is to come again."""
        return Instant(0.0) if self._put_off else super().reopens

    def left(self, connection: TlsConnection) -> None:
        """Give it back."""
        self.house.leave(connection)

    def make_room(self, now: Instant) -> bool:
        """As the house does it, of whatever kind of connection."""
        return self.house.make_room(now)

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

    def leave(self) -> None:
        """The cell ends: tell everybody, and end all connections."""
        for connection in list(self.connections):
            if connection.session is not None:
                connection.session.leave()
            connection.close()
