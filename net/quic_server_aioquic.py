"""A server's end of QUIC by aioquic, the reference: what `net/quic_guard.py` bounds, in the words of `net/quic_codecs.py`."""

from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import END_STATES, QuicConnectionState
from aioquic.quic.events import ConnectionIdRetired, HandshakeCompleted, StreamReset
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificates

from net.quic_client_aioquic import translate
from net.quic_codecs import Began, Gone, Heard
from net.quic_guard import GuardedConnection
from net.quic_packets import ID_LENGTH, VERSION
from net.quic_strain import STREAM_WINDOW, WINDOW, House, Meeting

_PEER = ("peer", 0)
"""The one address of a connection as the core sees it: packets of another never reach it."""


class AioquicHouse:
    """What all connections of one listener have in common."""

    def __init__(self, house: House) -> None:
        certificates = load_pem_x509_certificates(house.chain)
        self.house = house
        self.configuration = QuicConfiguration(
            is_client=False,
            alpn_protocols=list(house.protocols),
            connection_id_length=ID_LENGTH,
            idle_timeout=house.idle,
            max_data=WINDOW,
            max_stream_data=STREAM_WINDOW,
            supported_versions=[VERSION],
            certificate=certificates[0],
            certificate_chain=certificates[1:],
            private_key=load_pem_private_key(house.key, None),
        )

    def meet(self, meeting: Meeting) -> "AioquicServer":
        """A connection that begins."""
        self.configuration.idle_timeout = self.house.idle
        return AioquicServer(self, meeting)


class AioquicServer(GuardedConnection):
    """One connection."""

    def __init__(self, common: AioquicHouse, meeting: Meeting) -> None:
        house = common.house
        super().__init__(
            common.configuration,
            house.streams,
            house.tickets,
            meeting.strain,
            house.resets.token,
            meeting.original,
            meeting.retried,
        )
        self.fresh = self.issued
        self.stale: list[bytes] = []

    def receive(self, datagram: bytes, now: float) -> None:
        """Read."""
        self.receive_datagram(datagram, _PEER, now)

    def expire(self, now: float) -> None:
        """The time of `due` has come."""
        self.handle_timer(now)

    def heard(self) -> list[Heard]:
        """What came since, in order."""
        found: list[Heard] = []
        while (event := self.next_event()) is not None:
            match event:
                case HandshakeCompleted():
                    found.append(Began(event.alpn_protocol or "", event.session_resumed, self.hello))
                    self.shake_off()
                    continue
                case ConnectionIdRetired():
                    self.stale.append(event.connection_id)
                case StreamReset():
                    self._settle_window(event.stream_id)
            kept = translate(event)
            if kept is not None:
                found.append(kept)
        return found

    def _settle_window(self, stream: int) -> None:
        """What was sent on a stream that was then reset will be taken by nobody: give it back to the window."""
        known = self._streams.get(stream)
        if known is not None:
            self.taken += known.receiver.highest_offset - known.receiver.starting_offset()

    def outgoing(self, now: float) -> list[bytes]:
        """Datagrams that are to be sent now."""
        return [datagram for datagram, _ in self.datagrams_to_send(now)]

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
        """Send nothing more on a stream. Raises Gone."""
        try:
            self.reset_stream(stream, code)
        except (ValueError, AssertionError, RuntimeError) as error:
            raise Gone from error

    def stop(self, stream: int, code: int) -> None:
        """Ask the peer to send nothing more on a stream. Raises Gone."""
        try:
            self.stop_stream(stream, code)
        except (ValueError, AssertionError, RuntimeError) as error:
            raise Gone from error

    def end(self, code: int, *, transport: bool = False) -> None:
        """Say that it ends."""
        self.close(code, 0 if transport else None)

    def abandon(self) -> None:
        """It cannot even say that it ends."""
        self._close_end()

    @property
    def started(self) -> bool:
        """Whether any packet could be read."""
        return self._state is not QuicConnectionState.FIRSTFLIGHT

    @property
    def closing(self) -> bool:
        """Whether one side has closed it."""
        return self._close_event is not None

    @property
    def over(self) -> bool:
        """Nothing more will come of it."""
        return self._state in END_STATES

    @property
    def validated(self) -> bool:
        """Whether the peer has proved that it is where it says."""
        return bool(self._network_paths) and self._network_paths[0].is_validated
