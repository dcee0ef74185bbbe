"""A client's end of QUIC by aioquic, the reference."""

import ssl
from typing import Any

from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import Limit
from aioquic.quic.packet import QuicFrameType
from cryptography.x509 import Certificate

from net.quic_aioquic import PEER, AioquicConnection
from net.quic_codecs import Call, Ended, ending
from net.quic_packets import is_reset


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


class AioquicClient(AioquicConnection):
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
        super().connect(PEER, now)

    @property
    def allowed(self) -> int:
        """Streams for both directions that the server has allowed in all: there is no event for MAX_STREAMS."""
        return self._remote_max_streams_bidi

    @property
    def over(self) -> Ended | None:
        """How it ended: the codec tells of its own closing only three timeouts later."""
        return ending(self._close_event)

    def resets(self, datagram: bytes) -> bool:
        """Whether this is a stateless reset."""
        return is_reset(datagram, self._peer_cid.stateless_reset_token)

    @property
    def resumed(self) -> bool:
        """Whether a session was resumed."""
        return self.tls.session_resumed

    def shown(self) -> list[Certificate]:
        """The server's certificates; the codec shows them nowhere else."""
        leaf = self.tls._peer_certificate
        return [] if leaf is None else [leaf, *self.tls._peer_certificate_chain]
