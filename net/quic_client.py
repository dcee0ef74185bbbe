"""How a client speaks QUIC to one peer: the codec's settings, the sessions kept, and the proof of who answers."""

import ssl
from collections import deque
from dataclasses import replace

from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import Limit, QuicConnection
from aioquic.quic.packet import QuicFrameType
from aioquic.tls import SessionTicket

from net.proof import Unproved, prove_certificate
from net.tls import TlsClient

IDLE_TIMEOUT = 15.0
"""Seconds of silence after which either side may forget the connection (RFC 9000 §10.1); owners close it before."""

STREAM_WINDOW = 72 * 1024
"""Octets a stream may bring before its window is renewed: the longest DNS message with room for its frame."""

CONNECTION_WINDOW = 1024 * 1024
"""Octets that all streams together may have on the way to us."""

MAX_TICKETS = 4
"""Sessions kept for one peer, each to be used once (RFC 8446 §C.4)."""


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


class Core(QuicConnection):
    """The codec with the spin bit off: it lets whoever is on the path measure round trips (RFC 9000 §17.4)."""

    def __init__(self, configuration: QuicConfiguration, tickets: list[SessionTicket], one_way: int) -> None:
        """`one_way` streams of one direction the server may open, and none of both directions."""
        super().__init__(configuration=configuration, session_ticket_handler=tickets.append)
        # there is no setting for these
        self._local_max_streams_bidi = FixedLimit(QuicFrameType.MAX_STREAMS_BIDI, "max_streams_bidi", 0)
        self._local_max_streams_uni = FixedLimit(QuicFrameType.MAX_STREAMS_UNI, "max_streams_uni", one_way)

    @property
    def _spin_bit(self) -> bool:
        return False

    @_spin_bit.setter
    def _spin_bit(self, value: bool) -> None:
        """What the server spins is not answered."""


class QuicClient:
    """How to speak QUIC to one peer, with the sessions it gave us."""

    def __init__(self, tls: TlsClient) -> None:
        self.tls = tls
        self._tickets: deque[SessionTicket] = deque(maxlen=MAX_TICKETS)

    def configuration(self, address: str) -> QuicConfiguration:
        """For one connection to `address`; takes the newest session with it."""
        return QuicConfiguration(
            alpn_protocols=list(self.tls.peer.alpn),
            idle_timeout=IDLE_TIMEOUT,
            max_data=CONNECTION_WINDOW,
            max_stream_data=STREAM_WINDOW,
            server_name=self.tls.server_name(address),
            session_ticket=self._tickets.pop() if self._tickets else None,
            verify_mode=ssl.CERT_NONE,  # `prove` does it, before anything of ours is sent
        )

    def remember(self, tickets: list[SessionTicket]) -> None:
        """Offer these sessions later, without early data. The peer must have been proved."""
        self._tickets.extend(replace(ticket, max_early_data_size=None) for ticket in tickets)

    def prove(self, core: QuicConnection, address: str) -> None:
        """Whether the peer of `core` is the one we mean; a resumed session was proved when it began. Raises Unproved."""
        tls = core.tls
        if tls.session_resumed:
            return
        leaf = tls._peer_certificate  # the codec shows it nowhere else
        if leaf is None:
            raise Unproved("no certificate")
        prove_certificate(self.tls, leaf, tls._peer_certificate_chain, address)
