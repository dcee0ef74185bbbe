"""A server's end of QUIC by qh3, with the bounds that it has not: what a client may cost and hold, no early data, our resets.

qh3 reads frames where we do not see them. A client pays for what it makes of them, and for octets that brought no stream further.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from qh3._hazmat import Buffer, pull_quic_header
from qh3.quic.connection import QuicConnectionError
from qh3.quic.events import HandshakeCompleted
from qh3.quic.packet import QuicPacketType, QuicTransportParameters
from qh3.quic.tls_bridge import QuicTlsBridge
from qh3.tls import TLS_VERSION_1_3, AlertIllegalParameter, CipherSuite, Direction, Epoch, State

from net.quic_codecs import Began
from net.quic_packets import ID_LENGTH, LEAST_INITIAL, VERSION
from net.quic_qh3 import IDS, PEER, Allowance, Qh3Connection, configure, native
from net.quic_strain import (
    MOST_UNEXPLAINED,
    STRAIN_FRAME,
    STREAM_WINDOW,
    UNEXPLAINED_TOGETHER,
    UNIDIRECTIONAL,
    WINDOW,
    House,
    Meeting,
)

OVERHEAD = 64
"""Octets of a datagram around those of streams: headers, acknowledgements, the seal."""
FRAME = 12
"""Octets around those of one stream: a type, the stream's id, where in it they are, and how many (RFC 9000 §19.8)."""
OCTETS_PER_STRAIN = 64.0
"""Of others, which may be a frame each: what the core does for so many costs less than taking a datagram."""

MOST_SHAKING = 64 * 1024
"""Octets of datagrams of a handshake; an honest one has some four of 1,200, and as many again for each that is lost."""
_NO_ERROR, _CRYPTO_BUFFER_EXCEEDED = 0x0, 0x0D

_FIXED = 0x40
_NO_ROOM = "packet builder capacity exhausted"
"""qh3's word for: more than three times of what came would be sent to an address that is not proved (RFC 9000 §8.1)."""


class Qh3House:
    """What all connections of one listener have in common. Raises ValueError if the PEM texts are none."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.configuration = configure(is_client=False, protocols=house.protocols, idle=house.idle, session=None)
        self.configuration.connection_id_length = ID_LENGTH
        self.configuration.load_cert_chain(house.chain, house.key)
        if self.configuration.private_key is None:
            raise ValueError("no key that qh3 can use")

    def meet(self, meeting: Meeting) -> "Qh3Server":
        """A connection that begins."""
        self.configuration.idle_timeout = self.house.idle
        return Qh3Server(self, meeting)


class Qh3Server(Qh3Connection):
    """One connection."""

    def __init__(self, common: Qh3House, meeting: Meeting) -> None:
        house = common.house
        super().__init__(
            common.configuration,
            Allowance(WINDOW, STREAM_WINDOW, house.streams, UNIDIRECTIONAL),
            original_destination_connection_id=meeting.original,
            retry_source_connection_id=meeting.retried,
            session_ticket_fetcher=house.tickets.take,
            session_ticket_handler=house.tickets.keep,
        )
        self._strain = meeting.strain
        self._house = house
        self._token = house.resets.token(self.host_cid)
        self._abandoned = False
        self.hello = b""
        self.fresh = [self.host_cid]
        self.stale: list[bytes] = []
        self._shaking = self._unexplained = 0
        self.taken = self._brought = self._counted = self._frames = 0
        """Octets of streams that need no room any more, all that came, and of these what datagrams before brought; pieces of them
        that the datagram of now brought."""

    # what is said of us

    def parameters(self) -> QuicTransportParameters:
        """Ours."""
        told = super().parameters()
        told.original_destination_connection_id = self._original_destination_connection_id
        told.retry_source_connection_id = self._retry_source_connection_id
        told.stateless_reset_token = self._token
        told.disable_active_migration = True
        return told

    def _create_tls(self, remote_source_cid: bytes | None) -> QuicTlsBridge:
        bridge = super()._create_tls(remote_source_cid)
        tls = bridge.tls
        # A browser's noise is a browser's: a server that offers it agrees with some on a version that is none.
        tls._supported_versions = [TLS_VERSION_1_3]
        # Tickets that offer no early data; who sends some all the same is refused.
        tls._max_early_data = None
        tls.update_traffic_key_cb = partial(_refuse_early_data, tls.update_traffic_key_cb)
        handle = tls.handle_message

        def overhear(input_data: bytes, output_buf: dict[Epoch, Buffer], epoch: int = -1) -> None:
            if tls.state is State.SERVER_EXPECT_CLIENT_HELLO:
                self.hello += input_data
            handle(input_data, output_buf, epoch)

        tls.handle_message = overhear  # type: ignore[method-assign]
        return bridge

    def _drain_tls(self) -> None:
        told = None if self._tls is None else self._tls.remote_transport_parameters
        if told is not None:
            # As few further ids as can be: the core makes their reset tokens itself, and we would not know them again.
            told.active_connection_id_limit = IDS
        super()._drain_tls()

    # in

    def _read(self, datagram: bytes, now: float) -> None:
        if self._core is None:
            self._begin(datagram, now)
        if self._core is None:
            return
        if self._handshake_complete:
            self._core.receive_datagram(datagram, PEER, now, len(datagram))
            self._drain_core()
            self._explain(len(datagram))
            return
        self._shaking += len(datagram)
        if self._shaking > MOST_SHAKING:
            self.end(_CRYPTO_BUFFER_EXCEEDED, transport=True)
            return
        for packet in _packets(datagram):
            self._core.receive_datagram(packet, PEER, now, len(datagram))
            self._learn_remote_source_cid(packet)
            self._drain_core()

    def _explain(self, size: int) -> None:
        """Charge for what of a datagram brought no stream further. What came out of order is explained when the gap before it is
        closed. Who has too much that never is may come again: it is not thrown out."""
        brought, frames = self._brought - self._counted, self._frames
        self._counted, self._frames = self._brought, 0
        spare = max(size - OVERHEAD - brought - FRAME * frames, 0)
        most = MOST_UNEXPLAINED
        if self._may_drain:
            self._strain.left -= spare / OCTETS_PER_STRAIN
        else:
            most += WINDOW  # octets of streams wait in the core
        before = self._unexplained
        if spare or before:
            self._unexplained = max(before + spare - max(brought - size, 0), 0)
            self._house.unexplained += self._unexplained - before
            if self._unexplained > most and self._house.unexplained > UNEXPLAINED_TOGETHER:
                self.end(_NO_ERROR, transport=True)

    def _begin(self, datagram: bytes, now: float) -> None:
        """As qh3's own, for the first packet."""
        if len(datagram) < LEAST_INITIAL:
            return
        try:
            header = pull_quic_header(datagram, 0, ID_LENGTH)
        except ValueError:
            return
        if header[1] != QuicPacketType.INITIAL or header[0] != VERSION:
            return
        self._remote_addr = PEER
        self._version = VERSION
        self._create_core(PEER, header[3], now)
        self._create_tls(None)

    @property
    def _may_drain(self) -> bool:
        """The core gives a client new room for what it was asked for; what is not taken yet must not grow without end."""
        return self._brought - self.taken < WINDOW and self._strain.left >= 0.0

    def heard(self) -> list[Any]:
        """What came since, in order."""
        if self._core is not None:
            native(self._drain_core)
        return super().heard()

    def _on_octets(self, event: Sequence[Any]) -> None:
        self._brought += len(event[2])
        self._frames += 1
        self._strain.left -= STRAIN_FRAME
        super()._on_octets(event)

    def _on_reset(self, event: Sequence[Any]) -> None:
        self._strain.left -= 1.0
        super()._on_reset(event)

    def _on_stopped(self, event: Sequence[Any]) -> None:
        self._strain.left -= 1.0
        super()._on_stopped(event)

    def _on_issued(self, event: Sequence[Any]) -> None:
        self.fresh.append(event[1])

    def _on_retired(self, event: Sequence[Any]) -> None:
        self.stale.append(event[1])

    def begun(self, event: HandshakeCompleted) -> Began:
        """The handshake is done: let go of what only it needed."""
        began = Began(event.alpn_protocol or "", event.session_resumed, self.hello)
        self.hello = b""
        if self._tls is not None:
            del self._tls.tls.handle_message
        return began

    # out

    def _fill(self, found: list[bytes], now: float) -> None:
        try:
            super()._fill(found, now)
        except RuntimeError as error:
            if str(error) != _NO_ROOM:
                raise QuicConnectionError(1, None, "") from error

    def abandon(self) -> None:
        """It cannot even say that it ends."""
        self._abandoned = True

    def let_go(self) -> None:
        """It is over: break the circles in which it holds itself, for Python looks for them seldom."""
        bridge, self._tls, self._core = self._tls, None, None
        self._abandoned = True
        self._house.unexplained -= self._unexplained
        self._unexplained = 0
        if bridge is not None:
            bridge._version_change_handler = None
            for held in (bridge.tls, bridge):
                held.__dict__.clear()

    # state

    @property
    def started(self) -> bool:
        """Whether any packet could be read."""
        return self._core is not None and self._core.received_authenticated_packet

    @property
    def closing(self) -> bool:
        """Whether one side has closed it."""
        return self._close_event is not None

    @property
    def over(self) -> bool:
        """Nothing more will come of it."""
        return self._abandoned or (self._core is not None and self._core.state not in ("first_flight", "connected"))

    @property
    def validated(self) -> bool:
        """Whether the peer has proved that it is where it says."""
        return self._handshake_complete or self._retry_source_connection_id is not None


def _packets(datagram: bytes) -> list[bytes]:
    """The packets of a datagram of the handshake; keys for the next come out of each. What fills the rest up is left at the last,
    for an address may be sent three times what came from it, and that is datagrams (RFC 9000 §8.1)."""
    found: list[bytes] = []
    start = 0
    while start < len(datagram):
        try:
            end = pull_quic_header(datagram, start, ID_LENGTH)[9]
        except ValueError:
            end = len(datagram)
        if not start < end < len(datagram) or not datagram[end] & _FIXED:
            end = len(datagram)
        found.append(datagram[start:end])
        start = end
    return found


def _refuse_early_data(
    update: Callable[[Direction, Epoch, CipherSuite, bytes], None],
    direction: Direction,
    epoch: Epoch,
    suite: CipherSuite,
    secret: bytes,
) -> None:
    """> Early data … can be replayed (RFC 8446 §8). None of our tickets allows it, so who sends it broke the rules first."""
    if epoch is Epoch.ZERO_RTT:
        raise AlertIllegalParameter("early data without leave")
    update(direction, epoch, suite, secret)
