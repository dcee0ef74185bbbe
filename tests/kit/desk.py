"""`front`'s desk without a socket: roads that keep what they are given, a port that keeps what was asked."""

import socket

import dns.message

from resolver.admission import Admission, Client
from resolver.edge.flights import Flight
from resolver.edge.serve import Desk
from resolver.settings import CacheSettings, ClientGroup, FrontSettings
from resolver.values import Explanation, Origin, Reply
from wire.dns.framing import Framer
from wire.dns.message import ResourceRecord, build_response
from wire.dns.names import read_name
from wire.units import Instant

SECRET = bytes(range(32))
DATE = 1_700_000_000
START = Instant(1_000.0)


def settings(**changes: object) -> FrontSettings:
    values: dict[str, object] = {
        "generation": 1,
        "client_groups": (ClientGroup("default"), ClientGroup("kids", ("127.0.0.64/26",))),
        "allow": ("127.0.0.0/8", "::1/128"),
        "cache": CacheSettings(),
        "rate": 0.0,
    }
    return FrontSettings(**(values | changes))  # type: ignore[arg-type]


def hear(client: socket.socket, count: int) -> list[dns.message.Message]:
    """So many messages of a stream, or a few more."""
    framer, found = Framer(), list[bytes]()
    while len(found) < count:
        data = client.recv(65_536)
        assert data
        found += framer.feed(data)
    return [dns.message.from_wire(one) for one in found]


class FakeRoad:
    """`sent` is every response, as bytes."""

    def __init__(self, stream: bool = False, encrypted: bool = False) -> None:
        self.stream = stream
        self.encrypted = encrypted
        self.sent: list[bytes] = []

    def send(self, response: bytes) -> None:
        self.sent.append(response)

    @property
    def messages(self) -> list[dns.message.Message]:
        return [dns.message.from_wire(response) for response in self.sent]

    @property
    def message(self) -> dns.message.Message:
        (only,) = self.messages
        return only


class FakePort:
    """What crossed to the resolver, in order."""

    def __init__(self) -> None:
        self.queries: list[Flight] = []
        self.deadlines: list[float] = []
        self.refreshes: list[Flight] = []
        self.cancelled: list[int] = []

    def query(self, flight: Flight, deadline: float) -> None:
        self.queries.append(flight)
        self.deadlines.append(deadline)

    def refresh(self, flight: Flight) -> None:
        self.refreshes.append(flight)

    def cancel(self, handle: int) -> None:
        self.cancelled.append(handle)


class Counter53:
    """A desk with its port and its admission; `ask` puts a query on it."""

    def __init__(self, credits: int = 100, resolvers: int = 1, **changes: object) -> None:
        self.settings = settings(**changes)
        self.desk = Desk(self.settings, SECRET, 41, lambda: DATE, resolvers)
        self.admission = Admission(self.settings)
        self.port = FakePort()
        self.desk.connect(self.port)
        self.desk.grant(credits, START)

    def client(self, address: str = "127.0.0.1") -> Client:
        return self.admission.client(address, START)

    def ask(
        self,
        query: dns.message.Message | bytes,
        *,
        road: FakeRoad | None = None,
        address: str = "127.0.0.1",
        now: float = START,
    ) -> FakeRoad:
        road = road or FakeRoad()
        data = query if isinstance(query, bytes) else query.to_wire()
        self.desk.receive(data, self.client(address), road, Instant(now))
        return road

    def reply(self, flight: Flight, reply: Reply, now: float = START) -> None:
        self.desk.replied(flight.handle, reply, Instant(now))

    def warm(self, name: str = "www.example", *, cacheable: float = 300.0, now: float = START) -> Flight:
        """Ask for `name` A and have it answered, so that it is cached."""
        self.ask(dns.message.make_query(name, "A"), now=now)
        flight = self.port.queries[-1]
        self.reply(flight, answer(flight.key.question, cacheable=cacheable), now)
        return flight


def question(name: str, rrtype: int = 1, rrclass: int = 1) -> bytes:
    return read_name(name) + rrtype.to_bytes(2, "big") + rrclass.to_bytes(2, "big")


def answer(
    key: bytes,
    *,
    count: int = 1,
    ttl: int = 300,
    cacheable: float = 300.0,
    generation: int = 1,
    explanation: Explanation | None = None,
    rcode: int = 0,
) -> Reply:
    """An undressed answer of `count` A records, as the resolver makes it."""
    records = [ResourceRecord(key[:-4], 1, 1, ttl, bytes((192, 0, 2, number % 256))) for number in range(count)]
    built = build_response(key, 0x0180, rcode, records)
    return Reply(built.message, built.ttl_offsets, cacheable, generation, Origin.UPSTREAM, explanation)
