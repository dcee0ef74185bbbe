"""How a client speaks QUIC to one peer: what it says of itself, the sessions kept, and the proof of who answers."""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from net.proof import Unproved, prove_certificate
from net.quic_codecs import CODEC, Call, ClientCore, Codec
from net.tls import TlsClient

IDLE_TIMEOUT = 15.0
"""Seconds of silence after which either side may forget the connection (RFC 9000 §10.1); owners close it before."""

STREAM_WINDOW = 72 * 1024
"""Octets a stream may bring before its window is renewed: the longest DNS message with room for its frame."""

CONNECTION_WINDOW = 1024 * 1024
"""Octets that all streams together may have on the way to us."""

MAX_TICKETS = 4
"""Sessions kept for one peer, each to be used once (RFC 8446 §C.4)."""


def codec_of(codec: Codec) -> Callable[[Call], ClientCore]:
    """What makes a client's end of a connection. Imports it: only what is used is loaded."""
    if codec is Codec.QH3:
        from net.quic_client_qh3 import Qh3Client

        return Qh3Client
    from net.quic_client_aioquic import AioquicClient

    return AioquicClient


open_core = codec_of(CODEC)
"""At once: a sealed cell opens no file any more."""


class QuicClient:
    """How to speak QUIC to one peer, with the sessions it gave us."""

    def __init__(self, tls: TlsClient) -> None:
        self.tls = tls
        self._sessions: deque[Any] = deque(maxlen=MAX_TICKETS)

    def core(self, address: str, one_way: int) -> ClientCore:
        """For one connection to `address`, on which the server may open `one_way` streams of one direction and none of both;
        takes the newest session with it."""
        session = self._sessions.pop() if self._sessions else None
        name = self.tls.server_name(address)
        return open_core(
            Call(self.tls.peer.alpn, name, session, IDLE_TIMEOUT, CONNECTION_WINDOW, STREAM_WINDOW, one_way)
        )

    def remember(self, sessions: list[Any]) -> None:
        """Offer these sessions later, without early data. The peer must have been proved."""
        self._sessions.extend(replace(session, max_early_data_size=None) for session in sessions)

    def prove(self, core: ClientCore, address: str) -> None:
        """Whether the peer of `core` is the one we mean; a resumed session was proved when it began. Raises Unproved."""
        if core.resumed:
            return
        try:
            certificates = core.shown()
        except ValueError as error:
            raise Unproved("no certificate that can be read") from error
        if not certificates:
            raise Unproved("no certificate")
        prove_certificate(self.tls, certificates[0], certificates[1:], address)
