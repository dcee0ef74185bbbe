"""One end of a connection of QUIC by qh3: its core in Rust reads and writes packets, its TLS is Python around Rust's ciphers.

What qh3 says of itself is replaced by what is meant here, and what its own facade does between its two halves is done here where
that was needed to bound a peer. The tests of both directions fail where a new version is otherwise.
"""

import ssl
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import qh3.tls
from qh3._hazmat import Buffer, QuicConnectionCore, X25519KeyExchange
from qh3.quic.configuration import QuicConfiguration
from qh3.quic.connection import QuicConnection, QuicConnectionError
from qh3.quic.events import ConnectionTerminated, HandshakeCompleted
from qh3.quic.packet import QuicTransportParameters, push_quic_transport_parameters
from qh3.quic.tls_bridge import QuicTlsBridge, QuicTlsBridgeError
from qh3.tls import Epoch, ExtensionType, SessionTicket

from net.quic_codecs import Alike, Began, Heard, Octets, Reset, Stopped
from net.quic_packets import VERSION

qh3.tls._brotli = None  # type: ignore[attr-defined]  # certificates that swell are not asked for, and not read (RFC 8879)

X25519KeyExchange()
"""Its source of randomness looks once, at its first use, whether this machine may be a copy of another (/dev/sysgenid). Now: a
sealed cell looks at no file any more."""

PEER = ("192.0.2.1", 1)
"""The one address of a connection as the core sees it: it wants some, and packets of another never reach it."""
_OURS = ("192.0.2.2", 1)

LARGEST = 1_200
"""Octets of a datagram: no path is probed for more (RFC 9000 §14)."""

ACK_EXPONENT, ACK_DELAY = 3, 25
"""RFC 9000 §18.2; milliseconds."""
IDS = 2
"""Connection ids of the peer's that are kept: no fewer are allowed."""
FIRST_ROUND = 0.333
"""Seconds (RFC 9002 §6.2.2)."""
PARAMETERS = 1_024
"""Octets in which transport parameters have room."""

_STREAM_GONE = "reserved stream is missing"
"""qh3's word for: a stream ended while something of it was to be sent once more. It has crossed it out then, and goes on when it
is called again."""


class Allowance(NamedTuple):
    """What the peer may do: octets ahead on the connection and on each stream, streams of both kinds."""

    window: int
    stream_window: int
    two_way: int
    one_way: int


class NativePanic(Exception):
    """The Rust core gave up: what the interpreter is told of that is no Exception."""


class Qh3Connection(Alike, QuicConnection):
    """What both ends have in common."""

    gone = (QuicConnectionError, ValueError, AssertionError)

    def __init__(self, configuration: QuicConfiguration, allowance: Allowance, **what: Any) -> None:
        super().__init__(configuration=configuration, **what)
        self._allowance = allowance
        self._found: list[Heard] = []

    # what is said of us, and what the peer may

    def parameters(self) -> QuicTransportParameters:
        """Ours, but for what only one side says (RFC 9000 §18.2)."""
        window, stream_window, two_way, one_way = self._allowance
        return QuicTransportParameters(
            max_idle_timeout=int(self._configuration.idle_timeout * 1_000),
            initial_max_data=window,
            initial_max_stream_data_bidi_local=stream_window,
            initial_max_stream_data_bidi_remote=stream_window,
            initial_max_stream_data_uni=stream_window,
            initial_max_streams_bidi=two_way,
            initial_max_streams_uni=one_way,
            ack_delay_exponent=ACK_EXPONENT,
            max_ack_delay=ACK_DELAY,
            active_connection_id_limit=IDS,
            initial_source_connection_id=self.host_cid,
        )

    def _create_tls(self, remote_source_cid: bytes | None) -> QuicTlsBridge:
        bridge = super()._create_tls(remote_source_cid)
        buffer = Buffer(capacity=PARAMETERS)
        push_quic_transport_parameters(buffer, self.parameters())
        bridge.tls.handshake_extensions = [(ExtensionType.QUIC_TRANSPORT_PARAMETERS, buffer.data)]
        return bridge

    def _create_core(self, remote_addr: object, initial_dcid: bytes, now: float) -> None:
        """As qh3's own, with our limits, and with nothing remembered of an earlier connection: there is no early data."""
        window, stream_window, two_way, one_way = self._allowance
        proved = self._is_client or self._retry_source_connection_id is not None
        limits: Any = (
            *(IDS, LARGEST, False, self._configuration.idle_timeout, ACK_EXPONENT, None, None),
            *(window, 0, stream_window, 0, 0, 0, stream_window),
            *(two_way, one_way, 0, 0, FIRST_ROUND, ACK_DELAY / 1_000, now),
        )
        version = self._version or VERSION
        self._core = QuicConnectionCore(
            self._is_client, version, _OURS, PEER, self.host_cid, initial_dcid, proved, *limits
        )
        self._applied_transport_parameters = None
        self._pre_handshake_state_replayed = False

    # in

    def receive(self, datagram: bytes, now: float) -> None:
        """Read. Raises NativePanic too."""
        native(self._read, datagram, now)

    def _read(self, datagram: bytes, now: float) -> None:
        if not self._handshake_complete or self._core is None:
            self.receive_datagram(datagram, PEER, now)
            return
        # Nothing stands between two packets any more: the core reads all of them, without qh3's look at each.
        self._core.receive_datagram(datagram, PEER, now, len(datagram))
        self._drain_core()

    def expire(self, now: float) -> None:
        """The time of `due` has come. Raises NativePanic too."""
        native(self.handle_timer, now)

    @property
    def _may_drain(self) -> bool:
        """Whether more of what came is to be looked at now."""
        return True

    def _drain_core(self) -> None:
        """As qh3's own, but it stops where enough was taken: only then does the core give the peer no new room."""
        core = self._require_core()
        while self._may_drain and (event := core.next_event()) is not None:
            handle = _HANDLERS.get(event[0])
            if handle is not None:
                handle(self, event)

    def _on_octets(self, event: Sequence[Any]) -> None:
        self._found.append(Octets(event[1], event[2], event[3]))

    def _on_crypto(self, event: Sequence[Any]) -> None:
        if self._tls is None:
            return
        try:
            self._tls.receive_crypto(Epoch(event[1]), event[3], event[2], version=self._require_core().version)
            self._drain_tls()
        except QuicTlsBridgeError as error:
            self.close(error.error_code, int(error.frame_type))

    def _on_reset(self, event: Sequence[Any]) -> None:
        self._found.append(Reset(event[1], event[2]))

    def _on_stopped(self, event: Sequence[Any]) -> None:
        self._found.append(Stopped(event[1], event[2]))

    def _on_finished(self, event: Sequence[Any]) -> None:
        self._created_local_stream_ids.discard(event[1])

    def _on_confirmed(self, _event: Sequence[Any]) -> None:
        self._handshake_confirmed = True
        self._require_core().handshake_confirmed()

    def _on_issued(self, event: Sequence[Any]) -> None:
        """An id of ours that the peer may use."""

    def _on_retired(self, event: Sequence[Any]) -> None:
        """An id of ours that the peer will not use again."""

    def _on_peer_closed(self, event: Sequence[Any]) -> None:
        self._close_event = ConnectionTerminated(event[2], event[3], "")

    def _on_error(self, event: Sequence[Any]) -> None:
        self._close_event = ConnectionTerminated(event[1], event[2], "")

    def _on_terminated(self, event: Sequence[Any]) -> None:
        self._close_event = ConnectionTerminated(event[1], event[2], event[3].decode("utf8", "replace"))

    def heard(self) -> list[Heard]:
        """What came since, in order."""
        while (event := self.next_event()) is not None:
            if isinstance(event, HandshakeCompleted):
                self._found.insert(0, self.begun(event))  # what came with the handshake's last packet is of a stream
        found, self._found = self._found, []
        return found

    def begun(self, event: HandshakeCompleted) -> Began:
        """The handshake is done."""
        return Began(event.alpn_protocol or "", event.session_resumed)

    # out

    def outgoing(self, now: float) -> list[bytes]:
        """Datagrams that are to be sent now. Raises NativePanic too."""
        found: list[bytes] = native(self._write, now)
        return found

    def _write(self, now: float) -> list[bytes]:
        found: list[bytes] = []
        try:
            self._fill(found, now)
        except ValueError as error:
            if str(error) != _STREAM_GONE:
                raise
            self._fill(found, now)
        return found

    def _fill(self, found: list[bytes], now: float) -> None:
        """Add what is to be sent."""
        if self._core is None:
            return
        transmit = self._core.poll_transmit
        while (packet := transmit(now)) is not None:
            found.append(packet[0])

    def next_stream(self, *, one_way: bool = False) -> int:
        """The id of the stream of ours that is opened next."""
        return self.get_next_available_stream_id(one_way)


_HANDLERS: dict[str, Callable[[Any, Sequence[Any]], None]] = {
    "stream_data": lambda end, event: end._on_octets(event),
    "crypto_data": lambda end, event: end._on_crypto(event),
    "stream_reset": lambda end, event: end._on_reset(event),
    "stop_sending": lambda end, event: end._on_stopped(event),
    "stream_finished": lambda end, event: end._on_finished(event),
    "handshake_done": lambda end, event: end._on_confirmed(event),
    "connection_id_issued": lambda end, event: end._on_issued(event),
    "connection_id_retired": lambda end, event: end._on_retired(event),
    "peer_closed": lambda end, event: end._on_peer_closed(event),
    "protocol_error": lambda end, event: end._on_error(event),
    "connection_terminated": lambda end, event: end._on_terminated(event),
}
"""What we do about each event of the core; every other one is its own affair."""


def native(call: Callable[..., Any], *given: object) -> Any:
    """`call`, where a panic of the core is an exception like any other."""
    try:
        return call(*given)
    except Exception:
        raise
    except BaseException as error:
        if type(error).__module__ != "pyo3_runtime":
            raise
        raise NativePanic from None


def configure(
    *, is_client: bool, protocols: Sequence[str], idle: float, session: SessionTicket | None
) -> QuicConfiguration:
    """For either end: it proves nobody, writes no log and probes no path."""
    return QuicConfiguration(
        is_client=is_client,
        alpn_protocols=list(protocols),
        idle_timeout=idle,
        session_ticket=session,
        verify_mode=ssl.CERT_NONE,
        max_datagram_size=LARGEST,
        probe_datagram_size=False,
    )
