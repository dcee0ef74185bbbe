"""One connection of QUIC as a server sees it (RFC 9000), over aioquic's core: datagrams in, datagrams out, no socket, no clock.

Nothing a peer sends makes anything here raise.
"""

import os
from typing import NamedTuple

from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import END_STATES, QuicConnectionState
from aioquic.quic.events import (
    ConnectionIdRetired,
    ConnectionTerminated,
    HandshakeCompleted,
    QuicEvent,
    StopSendingReceived,
    StreamDataReceived,
    StreamReset,
)
from aioquic.quic.packet import QuicErrorCode
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificates

from net.quic_guard import STREAM_WINDOW, WINDOW, GuardedConnection, Strain, Tickets
from net.quic_packets import ID_LENGTH, VERSION, Resets

CANCELLED = 4.0
"""What a question costs that was asked and not wanted, in addition to its frames (net/quic_guard.py)."""

FAREWELL = 5.0
"""Seconds longer than a silent connection is kept that its client is told: so it hears of the end and need not find out."""

_PEER = ("peer", 0)
"""The one address of a connection as the core sees it: packets of another never reach it."""


class Began(NamedTuple):
    """The handshake is done. `protocol` is that of ALPN, `hello` the ClientHello as a handshake message (RFC 8446 §4)."""

    protocol: str
    resumed: bool
    hello: bytes


class Octets(NamedTuple):
    """Octets of a stream, in order; `ended` with the last."""

    stream: int
    data: bytes
    ended: bool


class Reset(NamedTuple):
    """The peer will send no more on a stream."""

    stream: int


class Stopped(NamedTuple):
    """The peer wants to hear no more on a stream, and it was reset."""

    stream: int


Heard = Began | Octets | Reset | Stopped


class Terms:
    """What all connections of one listener have in common; `idle`: seconds. Raises ValueError if the PEM texts are none."""

    def __init__(self, chain: bytes, key: bytes, protocols: tuple[str, ...], idle: float, streams: int) -> None:
        certificates = load_pem_x509_certificates(chain)
        self.configuration = QuicConfiguration(
            is_client=False,
            alpn_protocols=list(protocols),
            connection_id_length=ID_LENGTH,
            idle_timeout=idle + FAREWELL,
            max_data=WINDOW,
            max_stream_data=STREAM_WINDOW,
            supported_versions=[VERSION],
            certificate=certificates[0],
            certificate_chain=certificates[1:],
            private_key=load_pem_private_key(key, None),
        )
        self.streams = streams
        self.tickets = Tickets()
        self.resets = Resets(os.urandom(32))

    def use(self, idle: float, streams: int) -> None:
        """Other settings came."""
        self.configuration.idle_timeout = idle + FAREWELL
        self.streams = streams


class Conversation:
    """One connection. `fresh` and `stale` are connection ids that began and ceased to count; whoever looks after them empties
    them. `broken` names an exception of the core that ended it, "" if there was none."""

    __slots__ = ("_strain", "broken", "core", "fresh", "stale")

    def __init__(self, terms: Terms, original: bytes, retried: bytes | None, now: float) -> None:
        self._strain = Strain(now)
        self.core = GuardedConnection(
            terms.configuration, terms.streams, terms.tickets, self._strain, terms.resets.token, original, retried
        )
        self.fresh = self.core.issued
        self.stale: list[bytes] = []
        self.broken = ""

    # in

    def receive(self, datagram: bytes, now: float) -> list[Heard]:
        """Take one datagram; what came of it, in order."""
        self._strain.refill(now)
        self._strain.left -= 1.0
        if self.overstrained:
            return []
        try:
            self.core.receive_datagram(datagram, _PEER, now)
        except Exception as error:  # whatever it is, it is this peer's doing and ends with it
            self._break(error)
        return self._events()

    def expire(self, now: float) -> list[Heard]:
        """The time of `timer` has come."""
        try:
            self.core.handle_timer(now)
        except Exception as error:  # as above
            self._break(error)
        return self._events()

    def _events(self) -> list[Heard]:
        heard: list[Heard] = []
        while (event := self.core.next_event()) is not None:
            kept = self._translate(event)
            if kept is not None:
                heard.append(kept)
        return heard

    def _translate(self, event: QuicEvent) -> Heard | None:
        match event:
            case StreamDataReceived():
                return Octets(event.stream_id, event.data, event.end_stream)
            case StreamReset():
                self._settle_window(event.stream_id)
                return Reset(event.stream_id)
            case StopSendingReceived():
                return Stopped(event.stream_id)
            case HandshakeCompleted():
                began = Began(event.alpn_protocol or "", event.session_resumed, self.core.hello)
                self.core.shake_off()
                return began
            case ConnectionIdRetired():
                self.stale.append(event.connection_id)
            case ConnectionTerminated() | _:
                pass
        return None

    def _settle_window(self, stream: int) -> None:
        """What was sent on a stream that was then reset will be taken by nobody: give it back to the window."""
        known = self.core._streams.get(stream)
        if known is not None:
            self.core.taken += known.receiver.highest_offset - known.receiver.starting_offset()

    def _break(self, error: Exception) -> None:
        self.broken = type(error).__name__
        self.core.close(QuicErrorCode.INTERNAL_ERROR, 0)

    # out

    def send(self, stream: int, data: bytes, *, ended: bool) -> None:
        """Queue octets; dropped where the peer wants none any more."""
        try:
            self.core.send_stream_data(stream, data, ended)
        except (ValueError, AssertionError, RuntimeError):
            # The stream was reset or is forgotten: nobody waits.
            return

    def reset(self, stream: int, code: int) -> None:
        """Send nothing more on a stream."""
        try:
            self.core.reset_stream(stream, code)
        except (ValueError, AssertionError, RuntimeError):
            return

    def stop(self, stream: int, code: int) -> None:
        """Ask the peer to send nothing more on a stream."""
        try:
            self.core.stop_stream(stream, code)
        except (ValueError, AssertionError, RuntimeError):
            return

    def close(self, code: int) -> None:
        """End it with an error code of the application."""
        self.core.close(code, None)

    def refuse(self) -> None:
        """End it with an error code of the transport: the server will not have it (RFC 9000 §20.1)."""
        self.core.close(QuicErrorCode.CONNECTION_REFUSED, 0)

    def outgoing(self, now: float) -> list[bytes]:
        """Datagrams that are to be sent now."""
        if not self.started:
            return []
        try:
            return [datagram for datagram, _ in self.core.datagrams_to_send(now)]
        except Exception as error:  # as above
            self._break(error)
            self.core._close_end()
            return []

    def let_go(self) -> None:
        """It is over, and nobody will ask for its datagrams or timers again."""
        self.core.let_go()

    # state

    def took(self, octets: int) -> None:
        """So many octets of streams need no room any more."""
        self.core.taken += octets

    def answered(self) -> None:
        """A question was answered: the peer is worth something."""
        self._strain.reward()

    def cancelled(self) -> None:
        """A question was asked for nothing."""
        self._strain.left -= CANCELLED

    @property
    def overstrained(self) -> bool:
        """Whether the peer cost more than it may."""
        return self._strain.left < 0.0

    @property
    def timer(self) -> float | None:
        """When `expire` is due."""
        return self.core.get_timer() if self.started else None

    @property
    def started(self) -> bool:
        """Whether any packet could be read."""
        return self.core._state is not QuicConnectionState.FIRSTFLIGHT

    @property
    def closing(self) -> bool:
        """Whether one side has closed it: what comes now is of no more interest."""
        return self.core._close_event is not None

    @property
    def ended(self) -> bool:
        """Nothing more will come of it."""
        return self.core._state in END_STATES

    @property
    def validated(self) -> bool:
        """Whether the peer has proved that it is where it says (RFC 9000 §8.1)."""
        paths = self.core._network_paths
        return bool(paths) and paths[0].is_validated
