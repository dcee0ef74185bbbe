"""A client's end of QUIC by qh3."""

from contextlib import suppress
from typing import Any

from cryptography.x509 import Certificate, load_der_x509_certificate

from net.quic_codecs import Call, Ended, Gone, ending
from net.quic_packets import is_reset
from net.quic_qh3 import PEER, Allowance, Qh3Connection, configure, native

LONGEST_TICKET = 256
"""Octets of a session that is offered: qh3 writes its ClientHello into 2,048, of which a key share against quantum computers
takes most."""


class Qh3Client(Qh3Connection):
    """qh3's ClientHello is like a browser's: a key share against quantum computers first, and words that mean nothing."""

    def __init__(self, call: Call) -> None:
        self.sessions: list[Any] = []
        configuration = configure(is_client=True, protocols=call.protocols, idle=call.idle, session=call.session)
        configuration.server_name = call.name
        allowance = Allowance(call.window, call.stream_window, 0, call.one_way)
        super().__init__(configuration, allowance, session_ticket_handler=self._keep)

    def _keep(self, session: Any) -> None:
        if len(session.ticket) <= LONGEST_TICKET:
            self.sessions.append(session)

    def connect(self, now: float) -> None:  # type: ignore[override]
        """Begin the handshake."""
        native(super().connect, PEER, now)

    def send(self, stream: int, data: bytes, *, ended: bool) -> None:
        """Queue octets; to nobody where the connection ended just now, which its owner learns next."""
        with suppress(Gone):
            super().send(stream, data, ended=ended)

    def reset(self, stream: int, code: int) -> None:
        """Send nothing more on a stream; without effect once all was sent, where qh3 would forget a `stop` for it."""
        if self.get_send_buffer_size(stream):
            super().reset(stream, code)

    @property
    def allowed(self) -> int:
        """Streams for both directions that the server has allowed in all."""
        return self.max_concurrent_bidi_streams

    @property
    def over(self) -> Ended | None:
        """How it ended, as soon as that is known."""
        return ending(self._close_event)

    def resets(self, datagram: bytes) -> bool:
        """Whether this is a stateless reset: of the one id that the server has, for it is asked for no other."""
        told = None if self._tls is None else self._tls.remote_transport_parameters
        return told is not None and is_reset(datagram, told.stateless_reset_token)

    @property
    def resumed(self) -> bool:
        """Whether a session was resumed."""
        return self._tls is not None and self._tls.tls.session_resumed

    def shown(self) -> list[Certificate]:
        """The server's certificates, read once more by who will prove them. Raises ValueError."""
        leaf = self.get_peercert()
        if leaf is None:
            return []
        return [load_der_x509_certificate(one.public_bytes()) for one in (leaf, *self.get_issuercerts())]
