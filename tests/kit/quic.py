"""QUIC without a network and without time: a listener on a socket that is none, aioquic's clients, a wire between them."""

import random
import ssl
from collections.abc import Iterator
from heapq import heappop, heappush

import dns.message
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import ConnectionTerminated, HandshakeCompleted, QuicEvent, StreamDataReceived, StreamReset
from aioquic.quic.packet import QuicPacketType
from aioquic.quic.packet_builder import QuicPacketBuilder
from aioquic.tls import Epoch, SessionTicket
from kit.certificates import NAME, authority, identity
from kit.desk import Counter53, answer

from net.quic_server import Terms
from resolver.edge.listen.doq import DoqSession
from resolver.edge.listen.h3 import H3Session
from resolver.edge.listen.house import SecureHouse
from resolver.edge.listen.quic import QuicListener
from resolver.settings import SecureSettings, Served
from wire.dns.framing import frame
from wire.units import Instant

SERVER = ("192.0.2.1", 853)
TALKS = {"doq": DoqSession, "h3": H3Session}


class NoSocket:
    """What a listener asks of its socket; `sent` is (datagram, address, source)."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, tuple[str, int], object]] = []
        self.waiting: list[tuple[bytes, tuple[str, int]]] = []
        self.open = True

    def setblocking(self, _flag: bool) -> None:
        pass

    def setsockopt(self, *_: int) -> None:
        pass

    def fileno(self) -> int:
        return 3 if self.open else -1

    def close(self) -> None:
        self.open = False

    def recvmsg(self, _size: int, _ancillary: int) -> tuple[bytes, list[object], int, tuple[str, int]]:
        if not self.waiting:
            raise BlockingIOError
        data, address = self.waiting.pop(0)
        return data, [], 0, address

    def sendto(self, data: bytes, address: tuple[str, int]) -> int:
        self.sent.append((data, address, None))
        return len(data)

    def sendmsg(self, data: list[bytes], source: object, _flags: int, address: tuple[str, int]) -> int:
        self.sent.append((data[0], address, source))
        return len(data[0])


class QuicClient:
    """aioquic as a client at `address`; `heard` is every event, `answers` what each stream brought, whole or not."""

    def __init__(
        self,
        now: float,
        *,
        address: tuple[str, int] = ("127.0.0.1", 40_000),
        alpn: str = "doq",
        name: str = NAME,
        ticket: SessionTicket | None = None,
        verify: bool = True,
    ) -> None:
        self.address = address
        self.tickets: list[SessionTicket] = []
        configuration = QuicConfiguration(
            is_client=True,
            alpn_protocols=[alpn],
            server_name=name,
            cadata=authority().pem.encode(),
            session_ticket=ticket,
            verify_mode=None if verify else ssl.CERT_NONE,
        )
        self.core = QuicConnection(configuration=configuration, session_ticket_handler=self.tickets.append)
        self.core.connect(SERVER, now)
        self.heard: list[QuicEvent] = []
        self.answers: dict[int, bytes] = {}

    def ask(self, message: bytes, *, framed: bool = True, ended: bool = True) -> int:
        """A question on a new stream; its id."""
        stream = self.core.get_next_available_stream_id()
        self.core.send_stream_data(stream, frame(message) if framed else message, ended)
        return stream

    def inject(self, frames: bytes) -> bytes:
        """A datagram of one packet with these frames, as no honest client would send them."""
        core = self.core
        builder = QuicPacketBuilder(
            host_cid=core.host_cid,
            is_client=True,
            max_datagram_size=1_200,
            packet_number=core._packet_number,
            peer_cid=core._peer_cid.cid,
            peer_token=b"",
            quic_logger=None,
            spin_bit=False,
            version=core._version or 1,
        )
        builder.start_packet(QuicPacketType.ONE_RTT, core._cryptos[Epoch.ONE_RTT])
        builder.start_frame(frames[0], capacity=len(frames)).push_bytes(frames[1:])
        (datagram,), _ = builder.flush()
        core._packet_number = builder.packet_number
        return datagram

    def receive(self, data: bytes, now: float) -> None:
        self.core.receive_datagram(data, SERVER, now)
        self.collect()

    def collect(self) -> None:
        while (event := self.core.next_event()) is not None:
            self.heard.append(event)
            if isinstance(event, StreamDataReceived):
                self.answers[event.stream_id] = self.answers.get(event.stream_id, b"") + event.data

    @property
    def connected(self) -> HandshakeCompleted | None:
        return next((event for event in self.heard if isinstance(event, HandshakeCompleted)), None)

    @property
    def terminated(self) -> ConnectionTerminated | None:
        ended = [event for event in self.heard if isinstance(event, ConnectionTerminated)]
        return ended[0] if ended else self.core._close_event

    @property
    def resets(self) -> dict[int, int]:
        return {event.stream_id: event.error_code for event in self.heard if isinstance(event, StreamReset)}


class Wire:
    """Carries datagrams both ways in virtual time. `loss`, `twice`: shares; `jitter`: seconds, more than `delay` reorders."""

    def __init__(
        self, *, seed: int = 1, loss: float = 0.0, twice: float = 0.0, jitter: float = 0.0, delay: float = 0.01
    ) -> None:
        self.now = 1_000.0
        self._random = random.Random(seed)
        self._loss, self._twice, self._jitter, self._delay = loss, twice, jitter, delay
        self._due: list[tuple[float, int, bytes, tuple[str, int], bool]] = []
        self._number = 0

    def carry(self, data: bytes, address: tuple[str, int], *, up: bool) -> None:
        for _ in range(2 if self._random.random() < self._twice else 1):
            if self._random.random() >= self._loss:
                self._number += 1
                arrival = self.now + self._delay + self._random.random() * self._jitter
                heappush(self._due, (arrival, self._number, data, address, up))

    @property
    def next(self) -> float | None:
        return self._due[0][0] if self._due else None

    def arrived(self) -> Iterator[tuple[bytes, tuple[str, int], bool]]:
        while self._due and self._due[0][0] <= self.now:
            _, _, data, address, up = heappop(self._due)
            yield data, address, up


class QuicHouse:
    """A listener with its desk, and clients that reach it over a wire."""

    def __init__(
        self, wire: Wire | None = None, *, who: str = "good", certificates: int = 1, **changes: object
    ) -> None:
        front = {key: changes.pop(key) for key in ("rate", "burst", "allow") if key in changes}
        self.counter = Counter53(credits=1_000, **front)
        self.desk = self.counter.desk
        settings = SecureSettings(front=self.counter.settings, **changes)  # type: ignore[arg-type]
        self.house = SecureHouse(settings, self.desk, self.counter.admission)
        mine = identity(who)
        self.terms = Terms(mine.certificate * certificates, mine.key, ("doq", "h3"), settings.idle, settings.streams)
        self.socket = NoSocket()
        self.listener = QuicListener(
            self.socket,  # type: ignore[arg-type]
            Served.QUIC,
            self.house,
            self.terms,
            lambda guest, house: TALKS[guest.protocol](guest, house),  # type: ignore[abstract,arg-type,return-value]
            lambda *_: None,
            random.Random(7).randbytes,
        )
        self.wire = wire or Wire()
        self.clients: dict[tuple[str, int], QuicClient] = {}
        self.answering = True
        self.up: dict[tuple[str, int], int] = {}
        self.down: dict[tuple[str, int], int] = {}

    @property
    def now(self) -> Instant:
        return Instant(self.wire.now)

    def connect(self, **how: object) -> QuicClient:
        """A client on its way in; one address each."""
        how.setdefault("address", ("127.0.0.1", 40_000 + len(self.clients)))
        client = QuicClient(self.wire.now, **how)  # type: ignore[arg-type]
        self.clients[client.address] = client
        return client

    def turn(self) -> None:
        """One wake-up of everybody at this time."""
        for data, address, up in list(self.wire.arrived()):
            if up:
                self.listener.take(data, address, [], self.now)
            elif address in self.clients:
                self.clients[address].receive(data, self.wire.now)
        self.desk.expire(self.now)
        if self.answering:
            for flight in self.counter.port.queries:
                self.counter.reply(flight, answer(flight.key.question), self.now)
            self.counter.port.queries.clear()
        self.listener.flush(self.now)
        self.listener.expire_sometimes(self.now)
        for data, address, _ in self.socket.sent:
            self.down[address] = self.down.get(address, 0) + len(data)
            self.wire.carry(data, address, up=False)
        self.socket.sent.clear()
        for client in self.clients.values():
            timer = client.core.get_timer()
            if timer is not None and timer <= self.wire.now:
                client.core.handle_timer(self.wire.now)
                client.collect()
            for data, _ in client.core.datagrams_to_send(self.wire.now):
                self.up[client.address] = self.up.get(client.address, 0) + len(data)
                self.wire.carry(data, client.address, up=True)

    def run(self, seconds: float = 2.0) -> None:
        """Let time pass, from event to event."""
        end = self.wire.now + seconds
        while self.wire.now < end:
            self.turn()
            timers = [client.core.get_timer() for client in self.clients.values()]
            due = self.listener.due(self.now)
            times = [self.wire.next, None if due is None else self.wire.now + due, *timers]
            later = min((time for time in times if time is not None), default=end)
            self.wire.now = min(max(later, self.wire.now + 0.0005), self.wire.now + 0.2, end)
        self.turn()

    @property
    def counters(self) -> dict[str, int]:
        return dict(self.desk.counters)


def query(name: str = "www.example", **changes: object) -> bytes:
    message = dns.message.make_query(name, "A", use_edns=0, **changes)  # type: ignore[arg-type]
    message.id = 0
    return message.to_wire(max_size=65_535)


def connected(house: QuicHouse, **how: object) -> QuicClient:
    client = house.connect(**how)
    house.run(0.2)
    assert client.connected
    return client
