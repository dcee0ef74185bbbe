"""The desk's way to one resolver: how many questions it takes yet, and which wait until it takes more."""

from collections.abc import Iterable

from resolver.edge.flights import Flight, Port
from resolver.edge.turns import Turns
from wire.units import Instant


class Lane:
    """`port` is None while there is no such resolver."""

    __slots__ = ("credits", "port", "queue")

    def __init__(self) -> None:
        self.port: Port | None = None
        self.credits = 0
        self.queue = Turns()

    def put(self, flight: Flight, now: Instant) -> None:
        """Ask, now or when it is this one's turn."""
        if self.port is not None and self.credits > 0 and not self.queue:
            self._send(flight, self.port, now)
        else:
            self.queue.put(flight)
            self._pump(now)

    def grant(self, credits: int, now: Instant) -> None:
        """So many more may be opened."""
        self.credits += credits
        self._pump(now)

    def connect(self, port: Port | None, flights: Iterable[Flight]) -> None:
        """A new way, or none for now: what is open, `flights`, will be asked again."""
        self.port = port
        self.credits = 0
        self.queue = Turns()
        for flight in flights:
            flight.sent = False
            self.queue.put(flight)

    def answered(self, flight: Flight, cost: float) -> None:
        """What finding the answer of one that was sent has cost the resolver, in questions of the usual kind."""
        self.queue.charge(flight.household, cost - 1.0)

    def cancel(self, flight: Flight) -> None:
        """Nobody waits for it any more; it was removed already."""
        if flight.sent and self.port is not None:
            self.port.cancel(flight.handle)

    def _pump(self, now: Instant) -> None:
        """Send what is queued, as far as the credits go."""
        while self.port is not None and self.credits > 0 and (flight := self.queue.take()) is not None:
            self._send(flight, self.port, now)

    def _send(self, flight: Flight, port: Port, now: Instant) -> None:
        self.credits -= 1
        flight.sent = True
        if flight.refresh and not flight.waiters:
            port.refresh(flight)
        else:
            port.query(flight, max(flight.deadline - now, 0.001))
