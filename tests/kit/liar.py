"""An upstream that lies and fails on request: UDP, TCP, TLS, HTTP/2, and by `kit/liar_quic.py` QUIC and HTTP/3.

Written without our own wire/ and net/.

`Liar("tls", Lie.NONE, Lie.RESET)` answers the first query, resets on the second and all later ones.
"""

import asyncio
import contextlib
import os
import socket
import struct
from base64 import urlsafe_b64decode
from collections.abc import Callable
from enum import Enum, auto
from types import TracebackType

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.settings
from hyperframe.frame import HeadersFrame
from kit import oblivious
from kit.certificates import NAME, authority, identity, server_context
from kit.liar_quic import ALPN, QuicSide, serve_quic

from resolver.settings import HttpMethod, ObliviousTarget, UpstreamSpec

OVER_TLS = ("tls", "https", "odoh")
OVER_HTTP = ("https", "odoh")
ENCRYPTED = (*OVER_TLS, "quic", "h3")
PATHS = {"https": "/dns-query", "h3": "/dns-query", "odoh": "/relay"}
LINGER_RESET = struct.pack("ii", 1, 0)


class Lie(Enum):
    """What is done about one query."""

    NONE = auto()
    WRONG_ID = auto()
    WRONG_QUESTION = auto()
    OTHER_CASE = auto()
    CUT_OFF = auto()
    GARBAGE = auto()
    TRUNCATED = auto()
    NOT_A_RESPONSE = auto()
    MALFORMED_FIRST = auto()
    SHORT = auto()
    SILENCE = auto()
    LATER = auto()  # kept until `release` is called, then answered last in, first out
    HALF_CLOSE = auto()
    RESET = auto()
    WRONG_COOKIE = auto()
    COOKIE = auto()
    BAD_COOKIE = auto()
    # HTTP only
    GOAWAY = auto()
    RESET_STREAM = auto()
    HUGE = auto()
    HUGE_ANNOUNCED = auto()
    STATUS = auto()
    MEDIA_TYPE = auto()
    AGED = auto()
    REDIRECT = auto()
    PING_FLOOD = auto()
    UNAUTHORIZED = auto()
    ODD_STATUS = auto()
    INTERIM = auto()  # a 1xx, then the answer
    INTERIM_END = auto()  # a 1xx, and nothing more
    INTERIM_TRAILERS = auto()  # a 1xx, then trailers
    # UDP only
    TWICE = auto()  # the right answer, doubled by the network
    # DNS over QUIC only
    TWO = auto()
    OWN_STREAM = auto()


def question_end(query: bytes) -> int:
    at = 12
    while query[at]:
        at += 1 + query[at]
    return at + 5


def answer(query: bytes, address: bytes = b"\xc0\x00\x02\x07", options: bytes = b"", rcode: int = 0) -> bytes:
    """The honest answer: one A record with TTL 300, and an OPT with `options` if there are any."""
    end = question_end(query)
    extra = b"\0\0\x29\x04\xd0" + bytes((rcode >> 4, 0, 0, 0)) + struct.pack("!H", len(options)) + options
    header = query[:2] + bytes((0x81, 0x80 | rcode & 15)) + struct.pack("!4H", 1, 1, 0, 1 if options or rcode else 0)
    record = b"\xc0\x0c\0\1\0\1\0\0\x01\x2c\0\4" + address
    return header + query[12:end] + record + (extra if options or rcode else b"")


def cookie_in(query: bytes) -> bytes:
    """The content of the COOKIE option, which our queries hold first if at all."""
    at = question_end(query) + 11
    code, length = struct.unpack_from("!HH", query, at) if len(query) >= at + 4 else (0, 0)
    return query[at + 4 : at + 4 + length] if code == 10 else b""


def other_question(message: bytes) -> bytes:
    end = question_end(message)
    return message[: end - 4] + b"\0\x1c" + message[end - 2 :]


SERVER_COOKIE = b"server-cookie-16"


def option(content: bytes) -> bytes:
    return struct.pack("!HH", 10, len(content)) + content


def messages(lie: Lie, query: bytes) -> list[bytes]:
    """What is sent back, as DNS messages."""
    honest = answer(query)
    match lie:
        case Lie.WRONG_ID:
            return [bytes((honest[0] ^ 0x55,)) + honest[1:]]
        case Lie.WRONG_QUESTION:
            return [other_question(honest)]
        case Lie.OTHER_CASE:
            return [honest[:12] + honest[12:].swapcase()]
        case Lie.CUT_OFF:
            return [honest[:-6]]
        case Lie.TWICE:
            return [honest, honest]
        case Lie.GARBAGE:
            return [os.urandom(48)]
        case Lie.TRUNCATED:
            return [honest[:2] + b"\x83\x80" + struct.pack("!4H", 1, 0, 0, 0) + honest[12 : question_end(honest)]]
        case Lie.NOT_A_RESPONSE:
            return [query]
        case Lie.MALFORMED_FIRST:
            return [b"", b"\1", honest[:-1], honest[:2] + b"\1" + honest[3:], honest + b"more", honest]
        case Lie.SHORT:
            return [honest[:7]]
        case Lie.WRONG_COOKIE:
            return [answer(query, b"\x06\x06\x06\x06", option(b"not ours" + SERVER_COOKIE)), honest]
        case Lie.COOKIE:
            return [answer(query, options=option(cookie_in(query)[:8] + SERVER_COOKIE))]
        case Lie.BAD_COOKIE:
            return [answer(query, options=option(cookie_in(query)[:8] + SERVER_COOKIE), rcode=23)]
        case Lie.SILENCE | Lie.LATER | Lie.HALF_CLOSE | Lie.RESET:
            return []
    return [honest]


class Liar:
    """One server at 127.0.0.1, in the running loop. `script` is one lie for each query; the last one repeats.

    UDP has TCP at the same port, with `tcp_script`. `connects` counts connections that were accepted (TCP level),
    `queries` are the queries as they came, `datagrams` everything that came over UDP.
    """

    def __init__(
        self,
        scheme: str,
        *script: Lie,
        certificate: str = "good",
        tcp_script: tuple[Lie, ...] = (),
        max_streams: int = 100,
        answers: Callable[[bytes, bool], bytes] | None = None,
        retry: bool = False,
        address: str = "127.0.0.1",
    ) -> None:
        """`answers` says what is answered instead of the usual: (query, whether it came over UDP) → response. `retry`: QUIC
        clients must show first that they are where they say (RFC 9000 §8.1.2). `address`: of QUIC servers."""
        self.answers = answers
        self.scheme = scheme
        self.script = list(script) or [Lie.NONE]
        self.tcp_script = list(tcp_script) or ([Lie.NONE] if scheme == "udp" else self.script)
        self.certificate = certificate
        self.max_streams = max_streams
        self.connects = 0
        self.queries: list[bytes] = []
        self.datagrams: list[bytes] = []
        self.tcp_queries: list[bytes] = []
        self.requests: list[list[tuple[bytes, bytes]]] = []
        self.octets_sent = 0
        self.arrived = asyncio.Event()
        self.retry = retry
        self.address = address
        self.offer = b""
        self.garble: Callable[[bytes], bytes] | None = None
        self.sides: list[QuicSide] = []
        self.stopped: list[int] = []
        self.goodbyes: list[int] = []
        self.streams: list[int] = []
        self.raw: dict[int, bytes] = {}
        self.resumed: list[bool] = []
        self.transports: set[asyncio.Transport] = set()
        self.kept: list[tuple[object, bytes]] = []
        self.port = 0
        self.target = oblivious.Target()
        """For `odoh`, where this is relay and target in one."""
        self.configs = self.target.configs
        """What is shown to who asks for its keys."""
        self.bodies: list[bytes] = []
        self._udp: asyncio.DatagramTransport | None = None
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> "Liar":
        loop = asyncio.get_running_loop()
        if self.scheme in ALPN:
            self._udp, self.port = await serve_quic(self, identity(self.certificate))
            return self
        context = None
        if self.scheme in OVER_TLS:
            context = server_context(identity(self.certificate), ("h2",) if self.scheme in OVER_HTTP else ())
        make = (lambda: HttpSide(self)) if self.scheme in OVER_HTTP else (lambda: StreamSide(self))
        for _ in range(20):
            listener = socket.create_server(("127.0.0.1", 0), backlog=128)
            self.port = listener.getsockname()[1]
            with contextlib.suppress(OSError):
                self._udp, _ = await loop.create_datagram_endpoint(
                    lambda: PacketSide(self), local_addr=("127.0.0.1", self.port)
                )
                break
            listener.close()
        self._server = await loop.create_server(make, sock=listener, ssl=context)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def stop(self) -> None:
        """No more connections; all that are open are reset."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for side in self.sides:
            side.end(2)
        if self._udp is not None:
            self._udp.abort()
            self._udp = None
        for transport in list(self.transports):
            transport.abort()
        for _ in range(5):
            await asyncio.sleep(0)

    def spec(self, **changes: object) -> UpstreamSpec:
        """How to reach this server and trust it."""
        fields: dict[str, object] = {
            "scheme": self.scheme,
            "name": NAME if self.scheme in ENCRYPTED else "",
            "addresses": (self.address,),
            "port": self.port,
            "operator": "liar",
            "path": PATHS.get(self.scheme, ""),
            "authorities": authority().pem if self.scheme in ENCRYPTED else "",
            "method": HttpMethod.POST,
        }
        if self.scheme == "odoh":
            fields["target"] = ObliviousTarget("target.test", "/dns-query", self.target.configs)
        return UpstreamSpec(**(fields | changes))  # type: ignore[arg-type]

    def messages(self, lie: Lie, query: bytes, over_udp: bool = False) -> list[bytes]:
        """What is sent back."""
        return messages(lie, query) if self.answers is None else [self.answers(query, over_udp)]

    def next_lie(self, over_udp: bool = False) -> Lie:
        script = self.script if over_udp or self.scheme != "udp" else self.tcp_script
        return script.pop(0) if len(script) > 1 else script[0]

    def note(self, query: bytes) -> None:
        self.queries.append(query)
        self.arrived.set()

    async def wait_for(self, count: int) -> None:
        """Until `count` queries have come."""
        while len(self.queries) < count:
            self.arrived.clear()
            await self.arrived.wait()

    def release(self) -> None:
        """Answer what was kept, the last first."""
        while self.kept:
            side, query = self.kept.pop()
            side.reply(Lie.NONE, query)  # type: ignore[attr-defined]


class PacketSide(asyncio.DatagramProtocol):
    """UDP."""

    def __init__(self, liar: Liar) -> None:
        self.liar = liar

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.liar.datagrams.append(data)
        if self.liar.scheme != "udp":
            return
        self.liar.note(data)
        lie = self.liar.next_lie(over_udp=True)
        if lie is Lie.LATER:
            self.liar.kept.append((_Later(self, addr), data))
            return
        self.send(lie, data, addr)

    def send(self, lie: Lie, query: bytes, addr: tuple[str, int]) -> None:
        for message in self.liar.messages(lie, query, over_udp=True):
            self.transport.sendto(message, addr)


class _Later:
    def __init__(self, side: PacketSide, addr: tuple[str, int]) -> None:
        self.side, self.addr = side, addr

    def reply(self, lie: Lie, query: bytes) -> None:
        self.side.send(lie, query, self.addr)


class Side(asyncio.Protocol):
    """One accepted connection."""

    def __init__(self, liar: Liar) -> None:
        self.liar = liar
        liar.connects += 1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "abort")
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.liar.transports.add(self.transport)
        tls = transport.get_extra_info("ssl_object")
        if tls is not None:
            self.liar.resumed.append(tls.session_reused)

    def connection_lost(self, exc: Exception | None) -> None:
        self.liar.transports.discard(self.transport)

    def hear(self, query: bytes, handle: object) -> None:
        raw = handle if handle is not None else query
        self.liar.note(query)
        lie = self.liar.next_lie()
        match lie:
            case Lie.LATER:
                self.liar.kept.append((_KeptReply(self, raw), query))
            case Lie.RESET:
                self.reset()
            case Lie.HALF_CLOSE:
                self.half_close()
            case _:
                self.respond(lie, query, raw)

    def reset(self) -> None:
        bare = self.transport.get_extra_info("socket")
        bare.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)
        self.transport.abort()

    def half_close(self) -> None:
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()

    def respond(self, lie: Lie, query: bytes, handle: object) -> None:
        raise NotImplementedError


class _KeptReply:
    def __init__(self, side: Side, handle: object) -> None:
        self.side, self.handle = side, handle

    def reply(self, lie: Lie, query: bytes) -> None:
        self.side.respond(lie, query, self.handle)


class StreamSide(Side):
    """TCP and TLS."""

    buffer = b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while len(self.buffer) >= 2 and len(self.buffer) >= 2 + int.from_bytes(self.buffer[:2], "big"):
            length = int.from_bytes(self.buffer[:2], "big")
            query, self.buffer = self.buffer[2 : 2 + length], self.buffer[2 + length :]
            self.liar.tcp_queries.append(query)
            self.hear(query, None)

    def respond(self, lie: Lie, query: bytes, handle: object) -> None:
        for message in self.liar.messages(lie, query):
            self.transport.write(struct.pack("!H", len(message)) + message)


class HttpSide(Side):
    """HTTP/2."""

    def __init__(self, liar: Liar) -> None:
        super().__init__(liar)
        self.codec = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding=None))
        self.bodies: dict[int, bytes] = {}
        self.opened: dict[int, oblivious.Query] = {}
        self.huge: set[int] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        allowed = {h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: self.liar.max_streams}
        self.codec.local_settings = h2.settings.Settings(client=False, initial_values=allowed)
        self.codec.initiate_connection()
        self.flush()

    def data_received(self, data: bytes) -> None:
        for event in self.codec.receive_data(data):
            match event:
                case h2.events.RequestReceived():
                    self.liar.requests.append(list(event.headers))
                    self.bodies[event.stream_id] = query_in_path(event.headers)
                case h2.events.DataReceived():
                    self.bodies[event.stream_id] += event.data
                    self.codec.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                case h2.events.StreamEnded():
                    self.take(event.stream_id, self.bodies.pop(event.stream_id))
                case h2.events.WindowUpdated():
                    self.pour()
                case h2.events.StreamReset():
                    self.huge.discard(event.stream_id)
        self.flush()

    def take(self, stream: int, body: bytes) -> None:
        """A whole request. Keys are shown to who asks for them; a sealed query is opened, if it is for a key that is known."""
        if self.liar.scheme != "odoh":
            self.hear(body, stream)
            return
        if not body:
            self.send(stream, [(b":status", b"200"), (b"content-type", b"application/octet-stream")], self.liar.configs)
            return
        self.liar.bodies.append(body)
        if not self.liar.target.knows(body):
            self.send(stream, [(b":status", b"401")], b"")
            return
        self.opened[stream] = self.liar.target.open(body)
        self.hear(self.opened[stream].message, stream)

    def flush(self) -> None:
        data = self.codec.data_to_send()
        self.liar.octets_sent += len(data)
        if not self.transport.is_closing():
            self.transport.write(data)

    def respond(self, lie: Lie, query: bytes, handle: object) -> None:
        stream = int(str(handle))
        match lie:
            case Lie.GOAWAY:
                self.codec.close_connection(last_stream_id=0)
                self.flush()
                self.transport.close()
            case Lie.RESET_STREAM:
                self.codec.reset_stream(stream, h2.errors.ErrorCodes.REFUSED_STREAM)
            case Lie.SILENCE:
                return
            case Lie.PING_FLOOD:
                for _ in range(5_000):
                    self.codec.ping(b"12345678")
            case Lie.HUGE:
                self.codec.send_headers(stream, ok())
                self.huge.add(stream)
                self.pour()
            case Lie.HUGE_ANNOUNCED:
                self.codec.send_headers(stream, [*ok(), (b"content-length", str(2**30).encode())])
                self.huge.add(stream)
                self.pour()
            case Lie.STATUS:
                self.send(stream, [(b":status", b"500")], answer(query))
            case Lie.REDIRECT:
                self.send(stream, [(b":status", b"302"), (b"location", b"http://127.0.0.1/dns-query")], b"")
            case Lie.ODD_STATUS:
                self.send(stream, [(b":status", b"20O"), *ok()[1:]], answer(query))
            case Lie.INTERIM:
                self.codec.send_headers(stream, [(b":status", b"103")])
                self.respond(Lie.NONE, query, handle)
            case Lie.INTERIM_END:
                self.send_raw(stream, [(b":status", b"103")], end=True)
            case Lie.INTERIM_TRAILERS:
                self.send_raw(stream, [(b":status", b"103")])
                self.send_raw(stream, [(b"x", b"y")], end=True)
            case Lie.UNAUTHORIZED:
                self.send(stream, [(b":status", b"401")], b"")
            case Lie.MEDIA_TYPE:
                self.send(stream, [(b":status", b"200"), (b"content-type", b"text/html")], answer(query))
            case Lie.AGED:
                self.send(stream, [*ok(), (b"cache-control", b"private, max-age=250"), (b"age", b"60")], answer(query))
            case _:
                offer = [(b"alt-svc", self.liar.offer)] if self.liar.offer else []
                message = b"".join(self.liar.messages(lie, query))
                if stream in self.opened:
                    kind = [(b":status", b"200"), (b"content-type", oblivious.MEDIA_TYPE)]
                    self.send(stream, kind, self.opened.pop(stream).answer(message))
                else:
                    self.send(stream, ok() + offer, message)
        self.flush()

    def send(self, stream: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        self.codec.send_headers(stream, headers)
        self.codec.send_data(stream, body, end_stream=True)

    def send_raw(self, stream: int, headers: list[tuple[bytes, bytes]], end: bool = False) -> None:
        """Header blocks that the codec would not send."""
        frame = HeadersFrame(stream, self.codec.encoder.encode(headers), flags=["END_HEADERS"])
        if end:
            frame.flags.add("END_STREAM")
        self.flush()
        self.transport.write(frame.serialize())

    def pour(self) -> None:
        """As much of 1 GiB as the windows let through."""
        for stream in list(self.huge):
            while (window := min(self.codec.local_flow_control_window(stream), 16_384)) > 0:
                self.codec.send_data(stream, bytes(window))


def ok() -> list[tuple[bytes, bytes]]:
    return [(b":status", b"200"), (b"content-type", b"application/dns-message")]


def query_in_path(headers: list[tuple[bytes, bytes]]) -> bytes:
    path = dict(headers)[b":path"]
    _, found, value = path.partition(b"dns=")
    return urlsafe_b64decode(value + b"=" * (-len(value) % 4)) if found else b""
