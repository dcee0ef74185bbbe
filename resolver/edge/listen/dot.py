"""DNS over TLS (RFC 7858): the framing of TCP, pipelined and answered out of order (RFC 7766), above a TLS connection."""

from resolver.edge.listen.house import Asked, SecureHouse
from resolver.edge.listen.tls import TlsConnection
from wire.dns.framing import Framer, frame
from wire.units import Instant


class DotSession:
    """One client over TLS; also the road back to it."""

    __slots__ = ("_connection", "_framer", "_house", "_open", "_stalled")
    stream = True
    encrypted = True

    def __init__(self, connection: TlsConnection, house: SecureHouse) -> None:
        self._connection = connection
        self._house = house
        self._framer = Framer()
        self._open = 0
        self._stalled = False

    def send(self, response: bytes) -> None:
        """Queue one response."""
        self._open -= 1
        self._connection.write(frame(response))

    @property
    def owing(self) -> bool:
        """Whether an answer is still to be made."""
        return self._open > 0 or self._stalled

    def received(self, data: bytes, now: Instant) -> None:
        """Ask what is whole, as far as the pipeline goes; the rest waits in the framer."""
        self._stalled = False
        client = self._house.named(self._connection.client, self._connection.peer_name)
        for message in self._framer.feed(data):
            # A piece of a message is no sign of life: an octet a second would hold a place for ever.
            self._connection.active = now
            self._open += 1
            if self._house.ask(message, client, self, now) is not Asked.TAKEN:
                self._connection.close()
                return
            if self._open >= self._house.settings.front.tcp_pipeline:
                self._stalled = True
                break
        self._connection.pause(self._stalled)

    def sent(self, now: Instant) -> None:
        """Go on where the pipeline was full."""
        if self._stalled and self._open < self._house.settings.front.tcp_pipeline:
            self.received(b"", now)

    def expired(self, now: Instant) -> bool:
        """Idle for how full the house is, or owed an answer for longer than one takes."""
        silent = now - self._connection.active
        if self._open <= 0 and not self._connection.unsent:
            return silent > self._house.patience
        return silent > self._house.settings.idle + self._house.settings.front.deadline

    def leave(self) -> None:
        """DoT has no word for it but close_notify."""

    def ended(self) -> None:
        """Nobody waits any more."""
        if self._open > 0:
            self._house.desk.forget(self)
