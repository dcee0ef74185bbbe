"""Operators with DoT and DoH servers on loopback, written with ssl, h2 and dnspython; each records what it sees. Beside them the
authoritative servers of `authorities.py`. All have the zones of `zone.py`, signed."""

import asyncio
import base64
import contextlib
import ssl
import threading
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from urllib.parse import parse_qs, urlsplit

import dns.exception
import dns.message
import dns.rdatatype
import dns.rrset
import h2.config
import h2.connection
import h2.events
import trustme

from demo.authorities import listen, write_hints
from demo.lookup import answer_as_resolver
from demo.signing import sign_zones
from demo.zone import Seen, is_own, seen

PATH = "/dns-query"


@dataclass(frozen=True, slots=True)
class Operator:
    """Whom one can ask: a name for the certificates, and an address of its own on loopback."""

    title: str
    host: str
    address: str
    honest_certificate: bool = True
    liar: bool = False


NORTH = Operator("North", "dns.north.example", "127.0.0.2")
SOUTH = Operator("South", "dns.south.example", "127.0.0.3")
IMPOSTOR = Operator("Impostor", "dns.north.example", "127.0.0.4", honest_certificate=False)
PIRATE = Operator("Pirate", "dns.pirate.example", "127.0.0.10", liar=True)
"""It gives another address than the owner of the name did."""
TREASURE = "203.0.113.13"


@dataclass
class Internet:
    """All servers, in a thread of their own. A context manager; `log` grows while it runs."""

    folder: Path
    log: list[Seen] = field(default_factory=list)
    own: list[Seen] = field(default_factory=list)
    """What the service asked for itself; not in `log`."""
    ports: dict[tuple[str, str], int] = field(default_factory=dict)

    def __enter__(self) -> "Internet":
        self.zones = sign_zones()
        self._authority = trustme.CA()
        self._authority.cert_pem.write_to_path(self.folder / "ca.pem")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @property
    def authorities(self) -> Path:
        """The private CA's certificate."""
        return self.folder / "ca.pem"

    async def _start(self) -> None:
        self.hints = write_hints(self.folder)
        self._authoritative, self.authorities_port = await listen(self.zones, self.log)
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()
        for operator in (NORTH, SOUTH, IMPOSTOR, PIRATE):
            for transport, alpn, serve in (("DoT", "dot", self._dot), ("DoH", "h2", self._doh)):
                context = self._context(operator, alpn)
                handler = self._handler(operator, serve)
                server = await asyncio.start_server(handler, operator.address, 0, ssl=context)
                self._servers.append(server)
                self.ports[operator.title, transport] = server.sockets[0].getsockname()[1]

    def _handler(self, operator: Operator, serve):  # type: ignore[no-untyped-def] # asyncio's own callback type
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            if task is not None:
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            with contextlib.suppress(
                ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError
            ):
                await serve(operator, reader, writer)
            writer.close()

        return handle

    async def _stop(self) -> None:
        for transport in self._authoritative:
            transport.close()
        for server in self._servers:
            server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _context(self, operator: Operator, alpn: str) -> ssl.SSLContext:
        name = operator.host if operator.honest_certificate else "somebody.else.example"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert(name).configure_cert(context)
        context.set_alpn_protocols([alpn])
        return context

    def _respond(self, operator: Operator, transport: str, data: bytes) -> bytes:
        query = dns.message.from_wire(data)
        one = seen(operator.title, transport, data, query)
        (self.own if is_own(one) else self.log).append(one)
        # The office's own server is South's as well, on a road of its own; nobody else has that zone.
        known = {o: z for o, z in self.zones.items() if operator is SOUTH or not z.contents.private}
        response = answer_as_resolver(known, query)
        if operator.liar:
            forge(response)
        return response.to_wire(max_size=65_535)

    async def _dot(self, operator: Operator, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """RFC 7858: two octets of length, then the message."""
        while True:
            length = int.from_bytes(await reader.readexactly(2), "big")
            response = self._respond(operator, "DoT", await reader.readexactly(length))
            writer.write(len(response).to_bytes(2, "big") + response)
            await writer.drain()

    async def _doh(self, operator: Operator, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """RFC 8484 over HTTP/2."""
        http = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        http.initiate_connection()
        writer.write(http.data_to_send())
        headers: dict[int, dict[str, str]] = {}
        bodies: dict[int, bytes] = {}
        while data := await reader.read(65_536):
            for event in http.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    headers[event.stream_id] = dict(event.headers)
                    bodies[event.stream_id] = b""
                elif isinstance(event, h2.events.DataReceived):
                    bodies[event.stream_id] += event.data
                    http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, h2.events.StreamEnded):
                    number = event.stream_id
                    self._serve_request(operator, http, number, headers.pop(number), bodies.pop(number))
            writer.write(http.data_to_send())
            await writer.drain()

    def _serve_request(
        self, operator: Operator, http: h2.connection.H2Connection, number: int, headers: dict[str, str], body: bytes
    ) -> None:
        target = urlsplit(headers[":path"])
        if headers[":method"] == "GET":
            text = parse_qs(target.query)["dns"][0]
            body = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        try:
            if target.path != PATH:
                raise dns.exception.FormError
            response = self._respond(operator, "DoH", body)
        except dns.exception.DNSException:
            http.send_headers(number, [(":status", "400")], end_stream=True)
            return
        reply = [
            (":status", "200"),
            ("content-type", "application/dns-message"),
            ("content-length", str(len(response))),
        ]
        http.send_headers(number, reply)
        http.send_data(number, response, end_stream=True)


def forge(response: dns.message.Message) -> None:
    """Another address in the place of each, beside the signature over the real one."""
    response.answer = [
        dns.rrset.from_text(r.name, r.ttl, "IN", "A", TREASURE) if r.rdtype == dns.rdatatype.A else r
        for r in response.answer
    ]
