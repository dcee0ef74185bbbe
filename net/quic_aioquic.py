"""One end of a connection of QUIC by aioquic, the reference, in the words of `net/quic_codecs.py`."""

from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import HandshakeCompleted, QuicEvent, StopSendingReceived, StreamDataReceived, StreamReset

from net.quic_codecs import Alike, Began, Heard, Octets, Reset, Stopped

PEER = ("peer", 0)
"""The one address of a connection as the core sees it: packets of another never reach it."""


class AioquicConnection(Alike, QuicConnection):
    """What both ends have in common."""

    gone = (ValueError, AssertionError, RuntimeError)

    def receive(self, datagram: bytes, now: float) -> None:
        """Read."""
        self.receive_datagram(datagram, PEER, now)

    def expire(self, now: float) -> None:
        """The time of `due` has come."""
        self.handle_timer(now)

    def heard(self) -> list[Heard]:
        """What came since, in order."""
        found = []
        while (event := self.next_event()) is not None:
            kept = self.translate(event)
            if kept is not None:
                found.append(kept)
        return found

    def translate(self, event: QuicEvent) -> Heard | None:
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

    def outgoing(self, now: float) -> list[bytes]:
        """Datagrams that are to be sent now; not to a preferred address of the server (RFC 9000 §9.6): we stay where we are."""
        return [datagram for datagram, address in self.datagrams_to_send(now) if address == PEER]

    def next_stream(self, *, one_way: bool = False) -> int:
        """The id of the stream of ours that is opened next."""
        return self.get_next_available_stream_id(is_unidirectional=one_way)
