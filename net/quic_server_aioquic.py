"""A server's end of QUIC by aioquic, the reference: what `net/quic_guard.py` bounds, in the words of `net/quic_codecs.py`."""

from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import END_STATES, QuicConnectionState
from aioquic.quic.events import ConnectionIdRetired, HandshakeCompleted, QuicEvent, StreamReset
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificates

from net.quic_codecs import Began, Heard
from net.quic_guard import GuardedConnection
from net.quic_packets import ID_LENGTH, VERSION
from net.quic_strain import STREAM_WINDOW, WINDOW, House, Meeting


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

    def translate(self, event: QuicEvent) -> Heard | None:
        """An event that says something to us; what else it means for a server is done."""
        match event:
            case HandshakeCompleted():
                began = Began(event.alpn_protocol or "", event.session_resumed, self.hello)
                self.shake_off()
                return began
            case ConnectionIdRetired():
                self.stale.append(event.connection_id)
            case StreamReset():
                self._settle_window(event.stream_id)
        return super().translate(event)

    def _settle_window(self, stream: int) -> None:
        """What was sent on a stream that was then reset will be taken by nobody: give it back to the window."""
        known = self._streams.get(stream)
        if known is not None:
            self.taken += known.receiver.highest_offset - known.receiver.starting_offset()

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
