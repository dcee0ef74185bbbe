"""aioquic's connection with the bounds that it has not: streams, buffers, frames that cost us more than the peer, no early data.

Its handlers are replaced by their names, so an aioquic that renames one is found by the tests of this file and not by a flood.
"""

from collections.abc import Callable
from functools import partial
from typing import ClassVar

from aioquic import tls
from aioquic._buffer import Buffer
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnectionError, QuicReceiveContext
from aioquic.quic.crypto import NoCallback
from aioquic.quic.packet import QuicErrorCode
from aioquic.quic.packet_builder import QuicPacketBuilder
from aioquic.quic.recovery import QuicPacketSpace
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate

from net.quic_aioquic import AioquicConnection
from net.quic_strain import STRAIN_FRAME, UNIDIRECTIONAL, WINDOW, Strain, Tickets

MAX_CRYPTO = 16 * 1024
"""Octets of one epoch's handshake; a ClientHello has some hundreds, or 2,000 with a key share against quantum computers."""

_NO_APPLICATION_DISABLES = bytes.fromhex("0c00")
"""disable_active_migration (RFC 9000 §18.2): id 0x0c, no content."""

_CONTROL_FRAMES = (
    0x01,  # PING
    0x04,  # RESET_STREAM
    0x05,  # STOP_SENDING
    0x07,  # NEW_TOKEN
    *range(0x10, 0x1C),  # MAX_DATA to PATH_RESPONSE
    0x30,  # DATAGRAM
    0x31,
)
_CONTENT_FRAMES = (0x06, *range(0x08, 0x10))  # CRYPTO, STREAM
_PRICES = dict.fromkeys(_CONTROL_FRAMES, 1.0) | dict.fromkeys(_CONTENT_FRAMES, STRAIN_FRAME)

_HANDLERS = "_QuicConnection__frame_handlers"
_Handle = Callable[[QuicReceiveContext, int, Buffer], None]


FLIGHT = 4 * 1024
"""Octets that the server's messages of a handshake may have, but for the certificates; a signature of RSA has 512."""

_SMALL = {epoch: Buffer(capacity=8) for epoch in (tls.Epoch.INITIAL, tls.Epoch.HANDSHAKE, tls.Epoch.ONE_RTT)}
"""For messages after the handshake, of which there are none."""


class _Charging:
    """The handlers of one connection's frames by their kinds, found as they are needed. Looking one up charges the peer."""

    __slots__ = ("_core",)
    _names: ClassVar[dict[int, tuple[str, frozenset[tls.Epoch]]]] = {}

    def __init__(self, core: "GuardedConnection", made: dict[int, tuple[_Handle, frozenset[tls.Epoch]]]) -> None:
        self._core = core
        if not self._names:
            self._names.update({kind: (handle.__name__, epochs) for kind, (handle, epochs) in made.items()})

    def __getitem__(self, kind: int) -> tuple[_Handle, frozenset[tls.Epoch]]:
        """Raises KeyError."""
        name, epochs = self._names[kind]
        self._core.strain.left -= _PRICES.get(kind, 0.0)
        if self._core.strain.left < 0.0:
            # The rest of the packet is not worth reading; the owner closes the connection.
            return _skip, epochs
        return getattr(self._core, name), epochs


def _skip(_context: QuicReceiveContext, _kind: int, buffer: Buffer) -> None:
    buffer.seek(buffer.capacity)


class GuardedConnection(AioquicConnection):
    """The server's end of one connection. `taken` counts octets that left its buffers for good; `hello` is the ClientHello.
    `token` gives the stateless reset token of a connection id."""

    def __init__(
        self,
        configuration: QuicConfiguration,
        streams: int,
        tickets: Tickets,
        strain: Strain,
        token: Callable[[bytes], bytes],
        original: bytes,
        retried: bytes | None,
    ) -> None:
        super().__init__(
            configuration=configuration,
            original_destination_connection_id=original,
            retry_source_connection_id=retried,
            session_ticket_fetcher=tickets.take,
            session_ticket_handler=tickets.keep,
        )
        self.taken = 0
        self.hello = b""
        self.strain = strain
        self._token = token
        self.issued = [self.host_cid]
        """Connection ids that began to count, for whoever looks after them: before the peer hears of them."""
        self._host_cids[0].stateless_reset_token = token(self.host_cid)
        self._local_max_streams_bidi.value = self._local_max_streams_bidi.sent = streams
        self._local_max_streams_uni.value = self._local_max_streams_uni.sent = UNIDIRECTIONAL
        # A name that only its class may spell; what it held was made for this one connection.
        setattr(self, _HANDLERS, _Charging(self, getattr(self, _HANDLERS)))

    def _serialize_transport_parameters(self) -> bytes:
        return super()._serialize_transport_parameters() + _NO_APPLICATION_DISABLES

    def _replenish_connection_ids(self) -> None:
        known = len(self._host_cids)
        super()._replenish_connection_ids()
        for label in self._host_cids[known:]:
            label.stateless_reset_token = self._token(label.cid)
            self.issued.append(label.cid)

    def _initialize(self, peer_cid: bytes) -> None:
        super()._initialize(peer_cid)
        # Tickets that offer no early data; who sends some all the same is refused in `_refuse_early_data`.
        self.tls._max_early_data = None
        update = self.tls.update_traffic_key_cb
        self.tls.update_traffic_key_cb = partial(_refuse_early_data, update)
        handle = self.tls.handle_message

        def overhear(input_data: bytes, output_buf: dict[tls.Epoch, Buffer]) -> None:
            if self.tls.state is tls.State.SERVER_EXPECT_CLIENT_HELLO:
                self.hello += input_data
            handle(input_data, output_buf)

        self.tls.handle_message = overhear  # type: ignore[method-assign]

        room = FLIGHT + sum(len(one.public_bytes(Encoding.DER)) for one in self._chain())
        self._crypto_buffers = {
            tls.Epoch.INITIAL: Buffer(capacity=FLIGHT),
            tls.Epoch.HANDSHAKE: Buffer(capacity=room),
            tls.Epoch.ONE_RTT: Buffer(capacity=FLIGHT),
        }
        for pair in (*self._cryptos.values(), *self._cryptos_initial.values()):
            for half in (pair.recv, pair.send):
                # They write logs that nobody reads, and hold the connection.
                half._setup_cb = half._teardown_cb = NoCallback

    def _chain(self) -> list[Certificate]:
        return [self._configuration.certificate, *self._configuration.certificate_chain]

    def shake_off(self) -> None:
        """The handshake is done: let go of what only it needed, most of its memory."""
        self._crypto_buffers = _SMALL
        self.hello = b""
        del self.tls.handle_message

    def let_go(self) -> None:
        """The connection is over: break the circles in which it holds itself, for Python looks for them seldom."""
        for space in self._spaces.values():
            # Packets that nobody acknowledged name their space, and the connection that wants to hear of them.
            space.sent_packets.clear()
        for name in ("tls", "_loss", "_cryptos", "_cryptos_initial", "_spaces", _HANDLERS):
            self.__dict__.pop(name, None)

    def _handle_crypto_frame(self, context: QuicReceiveContext, frame_type: int, buf: Buffer) -> None:
        start = buf.tell()
        end = buf.pull_uint_var() + buf.pull_uint_var()
        buf.seek(start)
        if end > MAX_CRYPTO:
            raise QuicConnectionError(QuicErrorCode.CRYPTO_BUFFER_EXCEEDED, frame_type, "too long a handshake")
        super()._handle_crypto_frame(context, frame_type, buf)

    def _write_connection_limits(self, builder: QuicPacketBuilder, space: QuicPacketSpace) -> None:
        """aioquic doubles the window whenever half of it was used, whether or not anybody took what came."""
        limit = self._local_max_data
        if self.taken + WINDOW >= limit.value + WINDOW // 2:
            limit.value = self.taken + WINDOW
        used, limit.used = limit.used, 0
        try:
            super()._write_connection_limits(builder, space)
        finally:
            limit.used = used


def _refuse_early_data(
    update: Callable[[tls.Direction, tls.Epoch, tls.CipherSuite, bytes], None],
    direction: tls.Direction,
    epoch: tls.Epoch,
    suite: tls.CipherSuite,
    secret: bytes,
) -> None:
    """> Early data … can be replayed (RFC 8446 §8). None of our tickets allows it, so who sends it broke the rules first."""
    if epoch is tls.Epoch.ZERO_RTT:
        raise tls.AlertIllegalParameter("early data without leave")
    update(direction, epoch, suite, secret)
