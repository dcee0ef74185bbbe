"""A listener of `secure` on loopback without its process, and a TLS client that does one step at a time: nothing waits, nothing
sleeps, time is an argument."""

import contextlib
import selectors
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import dns.message
from kit.certificates import authority, identity
from kit.desk import START, Counter53

from net.tls_server import Credentials, ServerContexts
from resolver.edge.listen.dot import DotSession
from resolver.edge.listen.house import SecureHouse
from resolver.edge.listen.tls import PROTOCOLS, TlsConnection
from resolver.edge.listen.tls_listener import Speak, TlsListener
from resolver.settings import SecureSettings, Served
from wire.dns.framing import Framer, frame
from wire.units import Instant

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
PATIENCE = 60.0
NAME = "dns.example"


class SteppedClient:
    """TLS in memory above a real socket."""

    def __init__(
        self, endpoint: socket.socket, alpn: tuple[str, ...] = ("dot",), context: ssl.SSLContext | None = None
    ) -> None:
        self.socket = endpoint
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.framer = Framer()
        if context is None:
            context = ssl.create_default_context(cadata=authority().pem)
            if alpn:
                context.set_alpn_protocols(list(alpn))
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=NAME)

    def hello(self) -> bytes:
        """The first flight, not sent yet."""
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.do_handshake()
        return self.outgoing.read()

    def send(self, data: bytes) -> None:
        self.tls.write(data)
        self.socket.sendall(self.outgoing.read())

    def hear(self) -> bytes:
        """What is there by now; raises SSLError for an alert, ConnectionError or EOFError at the end."""
        self.socket.settimeout(PATIENCE)
        data = self.socket.recv(65_536)
        if not data:
            raise EOFError
        self.incoming.write(data)
        return data

    def messages(self, count: int) -> list[dns.message.Message]:
        found: list[bytes] = []
        while len(found) < count:
            self.hear()
            with contextlib.suppress(ssl.SSLWantReadError):
                while data := self.tls.read(65_536):
                    found += self.framer.feed(data)
        return [dns.message.from_wire(one) for one in found]


class Encrypted:
    """One listener, and which events it asked for of whom."""

    def __init__(self, front: Counter53, stack: ExitStack, served: Served, speak: Speak, **changes: object) -> None:
        server = stack.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(256)
        server.setblocking(False)
        self.front = front
        self.watched: dict[object, int] = {}
        self.place = server.getsockname()
        settings = SecureSettings(front.settings, **changes)  # type: ignore[arg-type]
        self.house = SecureHouse(settings, front.desk, front.admission)
        good = identity("good")
        contexts = ServerContexts(Credentials(good.certificate, good.key), PROTOCOLS[served], START)
        self.listener = TlsListener(server, served, contexts, self.house, self.watch, speak)
        self._stack = stack

    def watch(self, _endpoint: socket.socket, events: int, owner: object) -> None:
        self.watched[owner] = events

    def connect(self, now: float = START, source: str = "127.0.0.1") -> tuple[socket.socket, TlsConnection | None]:
        before = set(self.listener.connections)
        client = self._stack.enter_context(socket.create_connection(self.place, PATIENCE, (source, 0)))
        self.wait(self.listener.socket)
        self.listener.ready(READ, Instant(now))
        return client, next(iter(self.listener.connections - before), None)

    def greet(
        self, now: float = START, source: str = "127.0.0.1", **how: object
    ) -> tuple[SteppedClient, TlsConnection]:
        """Connect and shake hands."""
        endpoint, connection = self.connect(now, source)
        assert connection is not None
        client = SteppedClient(endpoint, **how)  # type: ignore[arg-type]
        endpoint.sendall(client.hello())
        self.read(connection, now)
        client.hear()
        endpoint.sendall(client.hello())
        self.read(connection, now)
        return client, connection

    def read(self, connection: TlsConnection, now: float = START) -> None:
        """One wake-up in which this connection can be read."""
        self.wait(connection.socket)
        connection.ready(READ, Instant(now))
        self.listener.flush(Instant(now))

    def ask(self, client: SteppedClient, connection: TlsConnection, *queries: dns.message.Message) -> None:
        client.send(b"".join(frame(one.to_wire()) for one in queries))
        self.read(connection)

    @staticmethod
    def wait(endpoint: socket.socket) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(endpoint, READ)
            assert selector.select(PATIENCE)


@contextmanager
def encrypted(
    front: Counter53, served: Served = Served.TLS, speak: Speak = DotSession, **changes: object
) -> Iterator[Encrypted]:
    with ExitStack() as stack:
        service = Encrypted(front, stack, served, speak, **changes)
        yield service
        for connection in list(service.listener.connections):
            connection.close()
