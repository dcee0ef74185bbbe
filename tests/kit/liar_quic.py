"""The liar over QUIC: DoQ and HTTP/3 on aioquic's own asyncio server, whatever ours is."""

import asyncio
import struct
from contextlib import suppress
from typing import Any

from aioquic.asyncio import QuicConnectionProtocol
from aioquic.asyncio.server import QuicServer
from aioquic.h3.connection import ErrorCode, FrameType, H3Connection, encode_frame
from aioquic.h3.events import DataReceived, H3Event, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import (
    ConnectionTerminated,
    HandshakeCompleted,
    QuicEvent,
    StopSendingReceived,
    StreamDataReceived,
    StreamReset,
)
from aioquic.tls import Epoch, SessionTicket, load_pem_private_key, load_pem_x509_certificates
from kit.certificates import Identity

ALPN = {"quic": "doq", "h3": "h3"}


def configuration(shown: Identity, scheme: str) -> QuicConfiguration:
    made = QuicConfiguration(alpn_protocols=[ALPN[scheme]], is_client=False)
    made.certificate, *made.certificate_chain = load_pem_x509_certificates(shown.certificate)
    made.private_key = load_pem_private_key(shown.key)
    return made


class QuicSide(QuicConnectionProtocol):
    """One accepted connection."""

    def __init__(self, quic: QuicConnection, liar: Any) -> None:
        super().__init__(quic)
        self.liar = liar
        self.codes: list[int] = []
        limit = quic._local_max_streams_bidi
        limit.value = limit.sent = min(limit.value, liar.max_streams)
        liar.connects += 1
        liar.sides.append(self)

    def quic_event_received(self, event: QuicEvent) -> None:
        match event:
            case HandshakeCompleted():
                self.liar.resumed.append(event.session_resumed)
                self.garble_packets()
                self.greet()
            case StreamDataReceived():
                self.data(event)
            case StopSendingReceived() | StreamReset():
                self.liar.stopped.append(event.error_code)
            case ConnectionTerminated():
                self.liar.goodbyes.append(event.error_code)

    def greet(self) -> None:
        """The handshake is over."""

    def garble_packets(self) -> None:
        """From now on `liar.garble` may change what packets hold, before they are encrypted."""
        pair = self._quic._cryptos[Epoch.ONE_RTT]
        honest = pair.encrypt_packet

        def encrypt(header: bytes, payload: bytes, number: int) -> bytes:
            return honest(header, payload if self.liar.garble is None else self.liar.garble(payload), number)

        pair.encrypt_packet = encrypt  # type: ignore[method-assign]

    def data(self, event: StreamDataReceived) -> None:
        raise NotImplementedError

    def hear(self, query: bytes, handle: int) -> None:
        from kit.liar import Lie, _KeptReply

        self.liar.note(query)
        lie = self.liar.next_lie()
        match lie:
            case Lie.LATER:
                self.liar.kept.append((_KeptReply(self, handle), query))  # type: ignore[arg-type]
            case Lie.RESET:
                self.end(1)
            case Lie.HALF_CLOSE:
                self.end(0)
            case _:
                self.respond(lie, query, handle)
        self.transmit()

    def end(self, code: int) -> None:
        self._quic.close(error_code=code)
        self.transmit()

    def respond(self, lie: Any, query: bytes, handle: int) -> None:
        raise NotImplementedError

    def send(self, stream: int, data: bytes, end: bool = True) -> None:
        self.liar.octets_sent += len(data)
        with suppress(RuntimeError):  # who asked wants no answer any more
            self._quic.send_stream_data(stream, data, end)
        self.transmit()


class DoqSide(QuicSide):
    def __init__(self, quic: QuicConnection, liar: Any) -> None:
        super().__init__(quic, liar)
        self.buffers: dict[int, bytes] = {}

    def data(self, event: StreamDataReceived) -> None:
        octets = self.buffers.pop(event.stream_id, b"") + event.data
        if not event.end_stream:
            self.buffers[event.stream_id] = octets
            return
        assert len(octets) == 2 + int.from_bytes(octets[:2], "big")
        self.liar.tcp_queries.append(octets[2:])
        self.liar.streams.append(event.stream_id)
        self.hear(octets[2:], event.stream_id)

    def respond(self, lie: Any, query: bytes, handle: int) -> None:
        from kit.liar import Lie, answer

        match lie:
            case Lie.SILENCE:
                return
            case Lie.RESET_STREAM:
                self._quic.reset_stream(handle, 1)
            case Lie.GOAWAY:
                self.end(0)
            case Lie.HUGE:
                self.send(handle, bytes(2**20), end=False)
            case Lie.TWO:
                one = answer(query)
                self.send(handle, (struct.pack("!H", len(one)) + one) * 2)
            case Lie.OWN_STREAM:
                self._quic._remote_max_streams_bidi = 1  # it was told that it may open none
                self.send(self._quic.get_next_available_stream_id(), b"\0\1x")
            case _:
                framed = (struct.pack("!H", len(one)) + one for one in self.liar.messages(lie, query))
                self.send(handle, b"".join(framed))
        self.transmit()


class Http3Side(QuicSide):
    def __init__(self, quic: QuicConnection, liar: Any) -> None:
        super().__init__(quic, liar)
        self.codec: H3Connection | None = None
        self.bodies: dict[int, bytes] = {}

    def greet(self) -> None:
        self.codec = H3Connection(self._quic)

    def data(self, event: StreamDataReceived) -> None:
        self.liar.raw[event.stream_id] = self.liar.raw.get(event.stream_id, b"") + event.data
        assert self.codec is not None
        for heard in self.codec.handle_event(event):
            self.understand(heard)

    def understand(self, event: H3Event) -> None:
        from kit.liar import query_in_path

        match event:
            case HeadersReceived():
                self.liar.requests.append(event.headers)
                self.bodies[event.stream_id] = query_in_path(event.headers)
            case DataReceived():
                self.bodies[event.stream_id] += event.data
        if event.stream_ended:  # type: ignore[attr-defined]
            self.hear(self.bodies.pop(event.stream_id), event.stream_id)  # type: ignore[attr-defined]

    def respond(self, lie: Any, query: bytes, handle: int) -> None:
        from kit.liar import Lie, answer, ok

        assert self.codec is not None
        control = self.codec._local_control_stream_id
        assert control is not None
        match lie:
            case Lie.SILENCE:
                return
            case Lie.GOAWAY:
                self._quic.send_stream_data(control, encode_frame(FrameType.GOAWAY, b"\0"))
            case Lie.RESET_STREAM:
                self._quic.reset_stream(handle, ErrorCode.H3_REQUEST_REJECTED)
            case Lie.PING_FLOOD:
                for _ in range(5_000):
                    self._quic.send_stream_data(control, encode_frame(0x21, b"12345678"))
            case Lie.HUGE:
                self.codec.send_headers(handle, ok())
                self.liar.octets_sent += 2**20
                self.codec.send_data(handle, bytes(2**20), False)
            case Lie.HUGE_ANNOUNCED:
                self.codec.send_headers(handle, [*ok(), (b"content-length", str(2**30).encode())])
            case Lie.STATUS:
                self.answer(handle, [(b":status", b"500")], answer(query))
            case Lie.ODD_STATUS:
                self.answer(handle, [(b":status", b"20O"), *ok()[1:]], answer(query))
            case Lie.INTERIM_END:
                self.send_raw(handle, [(b":status", b"103")], end=True)
            case Lie.INTERIM_TRAILERS:
                self.send_raw(handle, [(b":status", b"103")])
                self.send_raw(handle, [(b"x", b"y")], end=True)
            case Lie.REDIRECT:
                self.answer(handle, [(b":status", b"302"), (b"location", b"http://127.0.0.1/dns-query")], b"")
            case Lie.MEDIA_TYPE:
                self.answer(handle, [(b":status", b"200"), (b"content-type", b"text/html")], answer(query))
            case Lie.AGED:
                aged = [*ok(), (b"cache-control", b"private, max-age=250"), (b"age", b"60")]
                self.answer(handle, aged, answer(query))
            case _:
                self.answer(handle, ok(), b"".join(self.liar.messages(lie, query)))
        self.transmit()

    def send_raw(self, stream: int, headers: list[tuple[bytes, bytes]], end: bool = False) -> None:
        """Header blocks that the codec would not send."""
        assert self.codec is not None
        block = self.codec._encode_headers(stream, headers)
        self._quic.send_stream_data(stream, encode_frame(FrameType.HEADERS, block), end)

    def answer(self, stream: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        assert self.codec is not None
        with suppress(RuntimeError):  # as in `send`
            self.codec.send_headers(stream, headers)
            self.codec.send_data(stream, body, True)


SIDES: dict[str, type[QuicSide]] = {"quic": DoqSide, "h3": Http3Side}


async def serve_quic(liar: Any, shown: Identity) -> tuple[asyncio.DatagramTransport, int]:
    """A server in the running loop, and its port."""
    tickets: dict[bytes, SessionTicket] = {}

    def make() -> QuicServer:
        return QuicServer(
            configuration=configuration(shown, liar.scheme),
            create_protocol=lambda quic, stream_handler=None: SIDES[liar.scheme](quic, liar),  # type: ignore[arg-type, misc]
            session_ticket_fetcher=lambda label: tickets.pop(label, None),
            session_ticket_handler=lambda ticket: tickets.__setitem__(ticket.ticket, ticket),
            retry=liar.retry,
        )

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(make, local_addr=(liar.address, 0))
    return transport, transport.get_extra_info("sockname")[1]
