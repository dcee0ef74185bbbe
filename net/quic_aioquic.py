"""One end of a connection of QUIC by aioquic, the reference, in the words of `net/quic_codecs.py`."""

from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import HandshakeCompleted, QuicEvent, StopSendingReceived, StreamDataReceived, StreamReset

from net.quic_codecs import Began, Gone, Heard, Octets, Reset, Stopped

PEER = ("peer", 0)
"""The one address of a connection as the core sees it: packets of another never reach it."""

_GONE = (ValueError, AssertionError, RuntimeError)


class AioquicConnection(QuicConnection):
    """What both ends have in common."""

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
        except _GONE as error:
            raise Gone from error

    def reset(self, stream: int, code: int) -> None:
        """Send nothing more on a stream; without effect once all was acknowledged. Raises Gone."""
        try:
            self.reset_stream(stream, code)
        except _GONE as error:
            raise Gone from error

    def stop(self, stream: int, code: int) -> None:
        """Ask the peer to send nothing more on a stream. Raises Gone if all of it came."""
        try:
            self.stop_stream(stream, code)
        except _GONE as error:
            raise Gone from error

    def end(self, code: int, *, transport: bool = False) -> None:
        """Say that it ends."""
        self.close(code, 0 if transport else None)
