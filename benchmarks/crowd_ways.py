"""The ways in which the clients of `crowd.py` ask: UDP, TCP, TLS, HTTP/2, QUIC. Nothing blocks; one loop drives all.

Connections stay open for some questions, are left, and another one is opened; one that ends under a question is opened again at
once, as stub resolvers do.
"""

import contextlib
import errno
import itertools
import random
import selectors
import socket
import ssl
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

# The kit of the tests, not the one beside this file.
HERE = Path(__file__).parent
if str(HERE) in sys.path:
    sys.path.remove(str(HERE))
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "tests")]

import h2.config  # noqa: E402
import h2.connection  # noqa: E402
import h2.events  # noqa: E402
from kit.quic_dial import Dialled  # noqa: E402

if TYPE_CHECKING:
    from crowd import Asked, Crowd

SERVER = "127.0.0.1"


class Way(Protocol):
    """One kind of client. Tells the crowd `came(asked, message)` and `broke(asked)`."""

    def ask(self, asked: "Asked") -> None:
        """Send it."""

    def forget(self, asked: "Asked") -> None:
        """It took too long: the answer counts no more, and the connection is not trusted any more."""

    def turn(self, now: float) -> None:
        """Timers."""


class Datagrams:
    """Over UDP, from so many addresses, each with two sockets."""

    def __init__(self, crowd: "Crowd", port: int, addresses: list[str]) -> None:
        self.crowd = crowd
        self._open: dict[tuple[int, int], Asked] = {}
        self._sockets: list[socket.socket] = []
        for address in addresses * 2:
            one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            one.bind((address, 0))
            one.connect((SERVER, port))
            one.setblocking(False)
            self._sockets.append(one)
            crowd.selector.register(one, selectors.EVENT_READ, self._reader(one))

    def _reader(self, one: socket.socket) -> Callable[[int], None]:
        place = one.fileno()

        def ready(_mask: int) -> None:
            while True:
                try:
                    data = one.recv(4096)
                except BlockingIOError:
                    return
                except OSError:
                    continue  # an ICMP error of something sent before
                asked = self._open.pop((place, int.from_bytes(data[:2], "big")), None)
                if asked is None:
                    self.crowd.tally.late += 1
                else:
                    self.crowd.came(asked, data)

        return ready

    def ask(self, asked: "Asked") -> None:
        one = random.choice(self._sockets)
        while (key := (one.fileno(), random.getrandbits(16))) in self._open:
            pass
        asked.key = key
        self._open[key] = asked
        with contextlib.suppress(OSError):  # the server's socket is full, or gone: as if it were lost
            one.send(key[1].to_bytes(2, "big") + asked.message[2:])

    def forget(self, asked: "Asked") -> None:
        self._open.pop(asked.key, None)

    def turn(self, now: float) -> None:
        pass


class Pipe:
    """A TCP connection, with TLS if there is a context; `talk` gets what comes. Opened in the background."""

    def __init__(self, way: "Connected", context: ssl.SSLContext | None) -> None:
        self.way = way
        self.dead = False
        self.left = random.randint(1, 2 * way.crowd.order.lasts)
        self._out = bytearray()
        self._plain: list[bytes] = []
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context and context.wrap_bio(self._incoming, self._outgoing, server_hostname=way.name)
        self._shaken = self._tls is None
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.bind((random.choice(way.addresses), 0))
        with contextlib.suppress(BlockingIOError):
            self.socket.connect((SERVER, way.port))
        self._events = selectors.EVENT_WRITE | selectors.EVENT_READ
        way.crowd.selector.register(self.socket, self._events, self.ready)

    def write(self, data: bytes) -> None:
        if self._shaken:
            self._seal(data)
            self._flush()
        else:
            self._plain.append(data)

    def _seal(self, data: bytes) -> None:
        if self._tls is None:
            self._out += data
        else:
            self._tls.write(data)
            self._out += self._outgoing.read()

    def ready(self, mask: int) -> None:
        try:
            if mask & selectors.EVENT_READ:
                self._read()
            if self.dead:
                return
            if not self._shaken:
                self._shake()
            self._flush()
        except (OSError, ssl.SSLError):
            self.end()

    def _read(self) -> None:
        try:
            data = self.socket.recv(65_536)
        except BlockingIOError:
            return
        if not data:
            self.end()
            return
        if self._tls is None:
            self.way.talk(self, data)
            return
        self._incoming.write(data)
        if not self._shaken:
            self._shake()
        while self._shaken and not self.dead:
            try:
                plain = self._tls.read(65_536)
            except ssl.SSLWantReadError:
                break
            if not plain:
                self.end()
                return
            self.way.talk(self, plain)

    def _shake(self) -> None:
        assert self._tls is not None
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._out += self._outgoing.read()
            return
        self._shaken = True
        self._out += self._outgoing.read()
        waiting, self._plain = self._plain, []
        for data in waiting:
            self._seal(data)

    def _flush(self) -> None:
        if self._out and not self.dead:
            try:
                sent = self.socket.send(self._out)
            except (BlockingIOError, InterruptedError):
                sent = 0
            except OSError as error:
                if error.errno != errno.ENOTCONN:  # not yet there
                    self.end()
                    return
                sent = 0
            del self._out[:sent]
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._out or not self._shaken else 0)
        if wanted != self._events and not self.dead:
            self._events = wanted
            self.way.crowd.selector.modify(self.socket, wanted, self.ready)

    def end(self) -> None:
        if not self.dead:
            self.dead = True
            self.way.crowd.selector.unregister(self.socket)
            self.socket.close()
            self.way.ended(self)


class Connected:
    """So many connections; each question goes to one of them by chance."""

    def __init__(
        self, crowd: "Crowd", port: int, addresses: list[str], count: int, context: ssl.SSLContext | None, name: str
    ) -> None:
        self.crowd, self.port, self.addresses, self.context, self.name = crowd, port, addresses, context, name
        self.pipes: list[Pipe | None] = [None] * count
        self.open: dict[Pipe, dict[int, Asked]] = {}

    def ask(self, asked: "Asked") -> None:
        place = random.randrange(len(self.pipes))
        pipe = self.pipes[place]
        if pipe is None or pipe.dead or pipe.left <= 0:
            if pipe is not None and not pipe.dead and not self.open[pipe]:
                pipe.end()
            pipe = self.pipes[place] = Pipe(self, self.context)
            self.open[pipe] = {}
            self.begin(pipe)
        pipe.left -= 1
        asked.key = pipe
        self.send(pipe, asked)

    def begin(self, pipe: Pipe) -> None:
        pass

    def send(self, pipe: Pipe, asked: "Asked") -> None:
        raise NotImplementedError

    def talk(self, pipe: Pipe, data: bytes) -> None:
        raise NotImplementedError

    def answered(self, pipe: Pipe, key: int, message: bytes) -> None:
        asked = self.open[pipe].pop(key, None)
        if asked is None:
            self.crowd.tally.late += 1
        else:
            self.crowd.came(asked, message)
        if pipe.left <= 0 and not self.open.get(pipe, True):
            pipe.end()

    def ended(self, pipe: Pipe) -> None:
        for asked in self.open.pop(pipe, {}).values():
            self.crowd.broke(asked)

    def forget(self, asked: "Asked") -> None:
        pipe = asked.key
        if isinstance(pipe, Pipe) and pipe in self.open:
            self.open[pipe] = {key: one for key, one in self.open[pipe].items() if one is not asked}
            pipe.end()

    def turn(self, now: float) -> None:
        pass


class Framed(Connected):
    """DNS over TCP and TLS, pipelined."""

    def begin(self, pipe: Pipe) -> None:
        pipe.buffer = bytearray()  # type: ignore[attr-defined]

    def send(self, pipe: Pipe, asked: "Asked") -> None:
        while (key := random.getrandbits(16)) in self.open[pipe]:
            pass
        self.open[pipe][key] = asked
        message = key.to_bytes(2, "big") + asked.message[2:]
        pipe.write(len(message).to_bytes(2, "big") + message)

    def talk(self, pipe: Pipe, data: bytes) -> None:
        buffer = pipe.buffer  # type: ignore[attr-defined]
        buffer += data
        while len(buffer) >= 2 and len(buffer) >= 2 + (length := int.from_bytes(buffer[:2], "big")):
            message = bytes(buffer[2 : 2 + length])
            del buffer[: 2 + length]
            self.answered(pipe, int.from_bytes(message[:2], "big"), message)


class Http(Connected):
    """DNS over HTTPS by POST. Whoever has as many requests open as the server takes keeps the next ones until some are answered,
    as browsers do: they are open, under numbers that no stream has."""

    waiting = itertools.count(-1, -1)

    def begin(self, pipe: Pipe) -> None:
        pipe.http = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))  # type: ignore[attr-defined]
        pipe.bodies = {}  # type: ignore[attr-defined]
        pipe.http.initiate_connection()  # type: ignore[attr-defined]
        pipe.write(pipe.http.data_to_send())  # type: ignore[attr-defined]

    def send(self, pipe: Pipe, asked: "Asked") -> None:
        self.open[pipe][next(self.waiting)] = asked
        self.send_waiting(pipe)

    def send_waiting(self, pipe: Pipe) -> None:
        """As many as the server takes, in their order."""
        http, opened = pipe.http, self.open[pipe]  # type: ignore[attr-defined]
        for number in [number for number in opened if number < 0]:
            if http.open_outbound_streams >= http.remote_settings.max_concurrent_streams:
                break
            self.send_now(pipe, opened.pop(number))

    def send_now(self, pipe: Pipe, asked: "Asked") -> None:
        http = pipe.http  # type: ignore[attr-defined]
        stream = http.get_next_available_stream_id()
        fields = [(":method", "POST"), (":scheme", "https"), (":authority", self.name), (":path", "/dns-query")]
        fields += [("content-type", "application/dns-message"), ("content-length", str(len(asked.message)))]
        http.send_headers(stream, fields)
        http.send_data(stream, asked.message, end_stream=True)
        self.open[pipe][stream] = asked
        pipe.write(http.data_to_send())

    def talk(self, pipe: Pipe, data: bytes) -> None:
        http, bodies = pipe.http, pipe.bodies  # type: ignore[attr-defined]
        for event in http.receive_data(data):
            match event:
                case h2.events.DataReceived():
                    bodies[event.stream_id] = bodies.get(event.stream_id, b"") + event.data
                    http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                case h2.events.StreamEnded():
                    self.answered(pipe, event.stream_id, bodies.pop(event.stream_id, b""))
                case h2.events.StreamReset():
                    asked = self.open.get(pipe, {}).pop(event.stream_id, None)
                    if asked is not None:
                        self.crowd.broke(asked)
                case h2.events.ConnectionTerminated():
                    pipe.left, opened = 0, self.open.get(pipe, {})
                    for number in [number for number in opened if number < 0]:
                        self.crowd.broke(opened.pop(number))
            if pipe.dead:
                return
        if pipe in self.open:
            self.send_waiting(pipe)
        if not pipe.dead:
            pipe.write(http.data_to_send())


class Quic:
    """DNS over QUIC; one connection after another, each from some address."""

    def __init__(self, crowd: "Crowd", port: int, addresses: list[str]) -> None:
        self.crowd, self.port, self.addresses = crowd, port, addresses
        self._dialled: Dialled | None = None
        self._left = 0
        self._open: dict[int, Asked] = {}

    def _dial(self) -> Dialled:
        if self._dialled is not None:
            self.crowd.selector.unregister(self._dialled.socket)
            self._dialled.close()
        waiting, self._open = list(self._open.values()), {}
        # The tests' authority is none of this world's: the name is proved over TLS, not here.
        dialled = self._dialled = Dialled(self.port, random.choice(self.addresses), name="", verify=False)
        self._left = random.randint(1, 2 * self.crowd.order.lasts)
        self.crowd.selector.register(dialled.socket, selectors.EVENT_READ, lambda _mask: self._ready())
        dialled.step()
        for asked in waiting:
            self.crowd.broke(asked)
        return dialled

    def ask(self, asked: "Asked") -> None:
        dialled = self._dialled
        if dialled is None or dialled.client.terminated or (self._left <= 0 and not self._open) or self._left < -50:
            dialled = self._dial()
        self._left -= 1
        self._open[dialled.client.ask(b"\0\0" + asked.message[2:])] = asked
        asked.key = dialled
        dialled.step()

    def _ready(self) -> None:
        dialled = self._dialled
        if dialled is None:
            return
        dialled.step()
        answers = dialled.client.answers
        for stream in [stream for stream in answers if stream in self._open]:
            body = answers[stream]
            if len(body) >= 2 and len(body) >= 2 + int.from_bytes(body[:2], "big"):
                del answers[stream]
                self.crowd.came(self._open.pop(stream), body[2:])
        dialled.client.heard = [event for event in dialled.client.heard if "StreamData" not in type(event).__name__]
        if dialled.client.terminated and self._open:
            self._dial()

    def forget(self, asked: "Asked") -> None:
        self._open = {stream: one for stream, one in self._open.items() if one is not asked}
        if asked.key is self._dialled:
            self._dial()

    def turn(self, now: float) -> None:
        dialled = self._dialled
        if dialled is not None:
            timer = dialled.client.core.get_timer()
            if timer is not None and timer <= time.monotonic():
                self._ready()
