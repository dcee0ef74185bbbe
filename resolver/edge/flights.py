"""The desk's questions on their way to the resolver, and who waits for each."""

from collections import OrderedDict
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from privacy.reply import Outer
from resolver.admission import Places
from resolver.cache.packets import AnswerKey
from wire.units import Instant


class Road(Protocol):
    """The way back to one client."""

    stream: bool
    """No message is too long for it."""
    encrypted: bool
    """Answers are padded (RFC 8467), and cookies mean nothing: nobody can forge an address here."""

    def send(self, response: bytes) -> None:
        """Give the response to the socket, or drop it and count; never raises."""


class Port(Protocol):
    """The way to the resolver."""

    def query(self, flight: "Flight", deadline: float) -> None:
        """Ask; `deadline` is seconds from now."""

    def refresh(self, flight: "Flight") -> None:
        """Ask for the cache only."""

    def cancel(self, handle: int) -> None:
        """Nobody waits any more."""


class Waiter(NamedTuple):
    """A client that waits, and how its answer must look. `packet` is empty if its response must not be remembered."""

    road: Road
    outer: Outer
    packet: bytes


class Flight:
    """One question on its way. The group in `key` is an index in the settings of `generation`; `household` asked first;
    `place` is which of several resolvers has it."""

    __slots__ = ("deadline", "generation", "handle", "household", "key", "place", "refresh", "sent", "waiters")

    def __init__(
        self,
        handle: int,
        key: AnswerKey,
        household: bytes,
        generation: int,
        deadline: Instant,
        *,
        refresh: bool,
        place: int = 0,
    ) -> None:
        self.handle = handle
        self.key = key
        self.household = household
        self.generation = generation
        self.deadline = deadline
        self.refresh = refresh
        self.place = place
        self.sent = False
        self.waiters: list[Waiter] = []


class Flights:
    """All of them, in the order in which they began; by handle, by key, and by the streams that wait: those can be gone."""

    def __init__(self) -> None:
        self.places = Places()
        self._by_handle: OrderedDict[int, Flight] = OrderedDict()
        self._by_key: dict[AnswerKey, Flight] = {}
        self._by_road: dict[Road, dict[Flight, None]] = {}

    def __len__(self) -> int:
        return len(self._by_handle)

    def __iter__(self) -> Iterator[Flight]:
        return iter(self._by_handle.values())

    def __contains__(self, flight: Flight) -> bool:
        return flight.handle in self._by_handle

    def first(self) -> Flight | None:
        """The one that began before all others."""
        return next(iter(self._by_handle.values()), None)

    def get(self, handle: int) -> Flight | None:
        """The one with this handle, if it has not ended."""
        return self._by_handle.get(handle)

    def joinable(self, key: AnswerKey) -> Flight | None:
        """The one that asks this already."""
        return self._by_key.get(key)

    def close(self) -> None:
        """Nobody joins those that are here."""
        self._by_key.clear()

    def add(self, flight: Flight) -> None:
        """One more; others may join it."""
        self._by_handle[flight.handle] = self._by_key[flight.key] = flight
        self.places.take(flight.household)

    def join(self, flight: Flight, waiter: Waiter) -> None:
        """One more who waits for it."""
        flight.waiters.append(waiter)
        if waiter.road.stream:
            self._by_road.setdefault(waiter.road, {})[flight] = None

    def remove(self, flight: Flight) -> None:
        """It ended; a flight of the next generation may have its key by now."""
        del self._by_handle[flight.handle]
        self.places.give_back(flight.household)
        if self._by_key.get(flight.key) is flight:
            del self._by_key[flight.key]
        for waiter in flight.waiters:
            if waiter.road.stream:
                self._part(waiter.road, flight)

    def _part(self, road: Road, flight: Flight) -> None:
        flights = self._by_road.get(road)
        if flights is not None:
            flights.pop(flight, None)
            if not flights:
                del self._by_road[road]

    def forget(self, road: Road) -> list[Flight]:
        """A stream is gone. Those that nobody waits for any more, of those it waited for; costs what it waited for."""
        flights = self._by_road.pop(road, {})
        for flight in flights:
            flight.waiters = [waiter for waiter in flight.waiters if waiter.road is not road]
        return [flight for flight in flights if not flight.waiters]
