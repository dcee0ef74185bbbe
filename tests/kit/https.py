"""HTTP/2 without sockets: a connection that keeps what is written, a client that speaks h2, frames made by hand."""

import struct
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events
import hpack
from kit.desk import START, Counter53

from resolver.admission import Client
from resolver.edge.listen.house import SecureHouse
from resolver.edge.listen.https import HttpsSession
from resolver.edge.listen.requests import serve_doh
from resolver.settings import SecureSettings
from wire.units import Instant

DNS_MESSAGE = "application/dns-message"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST, SETTINGS, PING, GOAWAY, WINDOW, CONTINUATION = 0, 1, 2, 3, 4, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS, PADDED = 1, 1, 4, 8
ENTIRE = END_HEADERS | END_STREAM

BASIC = [(":method", "POST"), (":scheme", "https"), (":authority", "dns.example"), (":path", "/dns-query")]


def frame(kind: int, flags: int, stream: int, body: bytes = b"") -> bytes:
    return len(body).to_bytes(3, "big") + bytes((kind, flags)) + struct.pack("!I", stream) + body


GREETING = PREFACE + frame(SETTINGS, 0, 0) + frame(SETTINGS, ACK, 0)
"""All that a client must say before it asks."""


def frames(data: bytes) -> list[tuple[int, int, int, bytes]]:
    """(kind, flags, stream, body) of each whole frame."""
    found, at = [], 0
    while at + 9 <= len(data):
        length = int.from_bytes(data[at : at + 3], "big")
        found.append((data[at + 3], data[at + 4], struct.unpack_from("!I", data, at + 5)[0], data[at + 9 :][:length]))
        at += 9 + length
    return found


def encoded(message: bytes) -> str:
    return urlsafe_b64encode(message).rstrip(b"=").decode()


class FakeConnection:
    """Stands for a TLS connection."""

    def __init__(self, client: Client, peer_name: str = "") -> None:
        self.client = client
        self.peer_name = peer_name
        self.alpn = "h2"
        self.active = START
        self.written = bytearray()
        self.closed = False

    @property
    def unsent(self) -> int:
        return 0

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.written += data

    def write_apart(self, data: bytes) -> None:
        self.write(data)

    def close(self) -> None:
        self.closed = True

    def take(self) -> bytes:
        data, self.written = bytes(self.written), bytearray()
        return data


@dataclass
class Heard:
    """One response, as far as it came."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    whole: bool = False
    reset: int | None = None


class Visit:
    """One connection to a house that serves DoH, with a desk that is played; `front` may be shared by several."""

    def __init__(
        self, front: Counter53 | None = None, address: str = "127.0.0.1", peer_name: str = "", **changes: object
    ) -> None:
        self.front = front or Counter53()
        settings = SecureSettings(self.front.settings, name="dns.example", **changes)  # type: ignore[arg-type]
        self.house = SecureHouse(settings, self.front.desk, self.front.admission)
        serve_doh(self.house)
        self.connection = FakeConnection(self.front.client(address), peer_name)
        self.session = HttpsSession(self.connection, self.house)  # type: ignore[arg-type]
        self.now = START
        self.client = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
        self.heard: dict[int, Heard] = {}
        self.goodbye: int | None = None
        self.sent = 0

    def give(self, data: bytes, *, piece: int = 16_384) -> int:
        """Octets to the server, as long as it listens; how many it took."""
        taken = 0
        for at in range(0, len(data), piece):
            if self.connection.closed:
                break
            part = data[at : at + piece]
            taken += len(part)
            self.session.received(part, self.now)
        if self.connection.closed:
            self.session.ended()
        self.sent += taken
        return taken

    def greet(self) -> "Visit":
        """The client's preface, and the server's."""
        self.client.initiate_connection()
        self.exchange()
        return self

    def exchange(self) -> None:
        """What both have to say."""
        while data := self.client.data_to_send():
            self.give(data)
        self.listen()
        if data := self.client.data_to_send():
            self.give(data)

    def listen(self) -> None:
        for event in self.client.receive_data(self.connection.take()):
            match event:
                case h2.events.ResponseReceived(stream_id=stream, headers=headers):
                    fields = {str(name): str(value) for name, value in headers or []}
                    self.heard[stream or 0] = Heard(int(fields.pop(":status")), fields)
                case h2.events.DataReceived(stream_id=stream, data=data):
                    self.heard[stream or 0].body += data or b""
                    self.client.acknowledge_received_data(event.flow_controlled_length or 0, stream or 0)
                case h2.events.StreamEnded(stream_id=stream):
                    self.heard[stream or 0].whole = True
                case h2.events.StreamReset(stream_id=stream, error_code=code):
                    self.heard.setdefault(stream or 0, Heard()).reset = int(code or 0)
                case h2.events.ConnectionTerminated(error_code=code):
                    self.goodbye = int(code or 0)

    def post(self, message: bytes, *more: tuple[str, str], path: str = "/dns-query", kind: str = DNS_MESSAGE) -> int:
        """Ask by POST; the stream."""
        stream = self.client.get_next_available_stream_id()
        headers = [*BASIC[:3], (":path", path), ("content-type", kind), ("content-length", str(len(message))), *more]
        self.client.send_headers(stream, headers)
        self.client.send_data(stream, message, end_stream=True)
        self.exchange()
        return stream

    def get(self, target: str, *more: tuple[str, str], method: str = "GET") -> int:
        """Ask by GET."""
        stream = self.client.get_next_available_stream_id()
        headers = [(":method", method), *BASIC[1:3], (":path", target), *more]
        self.client.send_headers(stream, headers, end_stream=True)
        self.exchange()
        return stream


def block(*more: tuple[str, str], method: str = "GET", path: str = "/dns-query") -> bytes:
    """A header block that uses no table of the connection."""
    headers = [(":method", method), (":scheme", "https"), (":authority", "d"), (":path", path), *more]
    return bytes(hpack.Encoder().encode(hpack.NeverIndexedHeaderTuple(name, value) for name, value in headers))


def later(visit: Visit, seconds: float) -> Instant:
    visit.now = Instant(visit.now + seconds)
    return visit.now
