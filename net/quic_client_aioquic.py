"""A client's end of QUIC by aioquic, the reference."""

import hmac
import ssl
from typing import Any

from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import Limit, QuicConnection
from aioquic.quic.events import (
    ConnectionTerminated,
    HandshakeCompleted,
    QuicEvent,
    StopSendingReceived,
    StreamDataReceived,
    StreamReset,
)
from aioquic.quic.packet import QuicFrameType
from cryptography.x509 import Certificate

from net.quic_codecs import Began, Call, Ended, Gone, Heard, Octets, Reset, Stopped

_PEER = ("", 0)
"""The one address of a connection as the core sees it: the socket is connected."""

_SHORTEST_RESET = 21
_TOKEN = 16
"""Octets of a stateless reset and of the token at its end (RFC 9000 §10.3)."""

_SILENCE = "Idle timeout"
"""aioquic's own word for it."""


class FixedLimit(Limit):
    """How many streams the server may open, for good: the codec alone would double the number again and again."""

    @property
    def value(self) -> int:
        """What was said at first."""
        return self._value

    @value.setter
    def value(self, value: int) -> None:
        if not hasattr(self, "_value"):
            self._value = value


class AioquicClient(QuicConnection):
    """The codec with the spin bit off: it lets whoever is on the path measure round trips (RFC 9000 §17.4)."""

    def __init__(self, call: Call) -> None:
        self.sessions: list[Any] = []
        configuration = QuicConfiguration(
            alpn_protocols=list(call.protocols),
            idle_timeout=call.idle,
            max_data=call.window,
            max_stream_data=call.stream_window,
            server_name=call.name,
            session_ticket=call.session,
            verify_mode=ssl.CERT_NONE,  # `net/proof.py` does it, before anything of ours is sent
        )
        super().__init__(configuration=configuration, session_ticket_handler=self.sessions.append)
        # there is no setting for these
        self._local_max_streams_bidi = FixedLimit(QuicFrameType.MAX_STREAMS_BIDI, "max_streams_bidi", 0)
        self._local_max_streams_uni = FixedLimit(QuicFrameType.MAX_STREAMS_UNI, "max_streams_uni", call.one_way)

    @property
    def _spin_bit(self) -> bool:
        return False

    @_spin_bit.setter
    def _spin_bit(self, value: bool) -> None:
        """What the server spins is not answered."""

    def connect(self, now: float) -> None:  # type: ignore[override]
        """Begin the handshake."""
        super().connect(_PEER, now)

    def receive(self, datagram: bytes, now: float) -> None:
        """Read."""
        self.receive_datagram(datagram, _PEER, now)

    def expire(self, now: float) -> None:
        """The time of `due` has come."""
        self.handle_timer(now)

    def heard(self) -> list[Heard]:
        """What came since, in order."""
        found = []
        while (event := self.next_event()) is not None:
            kept = translate(event)
            if kept is not None:
                found.append(kept)
        return found

    def outgoing(self, now: float) -> list[bytes]:
        """Datagrams that are to be sent now; not to a preferred address of the server (RFC 9000 §9.6): we stay where we are."""
        return [datagram for datagram, address in self.datagrams_to_send(now) if address == _PEER]

    def due(self) -> float | None:
        """When `expire` is to be called."""
        return self.get_timer()

    def next_stream(self, *, one_way: bool = False) -> int:
        """The id of the stream of ours that is opened next."""
        return self.get_next_available_stream_id(is_unidirectional=one_way)

    def send(self, stream: int, data: bytes, *, ended: bool) -> None:
        """Queue octets. Raises Gone."""
        try:
            self.send_stream_data(stream, data, ended)
        except (ValueError, AssertionError, RuntimeError) as error:
            raise Gone from error

    def reset(self, stream: int, code: int) -> None:
        """Send nothing more on a stream; without effect once all was acknowledged. Raises Gone."""
        try:
            self.reset_stream(stream, code)
        except (ValueError, AssertionError, RuntimeError) as error:
            raise Gone from error

    def stop(self, stream: int, code: int) -> None:
        """Ask the peer to send nothing more on a stream. Raises Gone if all of it came."""
        try:
            self.stop_stream(stream, code)
        except (ValueError, AssertionError, RuntimeError) as error:
            raise Gone from error

    def end(self, code: int, *, transport: bool = False) -> None:
        """Say that it ends."""
        self.close(code, 0 if transport else None)

    @property
    def allowed(self) -> int:
        """Streams for both directions that the server has allowed in all: there is no event for MAX_STREAMS."""
        return self._remote_max_streams_bidi

    @property
    def over(self) -> Ended | None:
        """How it ended: the codec tells of its own closing only three timeouts later."""
        return None if self._close_event is None else _ending(self._close_event)

    def resets(self, datagram: bytes) -> bool:
        """Whether this is a stateless reset."""
        token = self._peer_cid.stateless_reset_token
        return len(datagram) >= _SHORTEST_RESET and bool(token) and hmac.compare_digest(datagram[-_TOKEN:], token)

    @property
    def resumed(self) -> bool:
        """Whether a session was resumed."""
        return self.tls.session_resumed

    def shown(self) -> list[Certificate]:
        """The server's certificates; the codec shows them nowhere else."""
        leaf = self.tls._peer_certificate
        return [] if leaf is None else [leaf, *self.tls._peer_certificate_chain]


def translate(event: QuicEvent) -> Heard | None:
    """An event of the codec that says something to us; every other one is its own affair."""
    match event:
        case StreamDataReceived():
            return Octets(event.stream_id, event.data, event.end_stream)
        case StreamReset():
            return Reset(event.stream_id, event.error_code)
        case StopSendingReceived():
            return Stopped(event.stream_id, event.error_code)
        case HandshakeCompleted():
            return Began(event.alpn_protocol or "", event.session_resumed)
    return None


def _ending(event: ConnectionTerminated) -> Ended:
    return Ended(event.error_code, event.frame_type is not None, event.reason_phrase == _SILENCE)
