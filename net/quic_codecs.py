"""The codecs of QUIC (RFC 9000) that can be at work below `net/quic.py` and `net/quic_server.py`, and which of them is.

aioquic is the reference and always there; qh3 does the same for less time and is used where it is installed. A codec takes
datagrams and gives datagrams, without sockets and clocks. Who is proved, what is asked, what a peer may cost and what is held is
decided above it.
"""

import logging
import os
from collections.abc import Sequence
from enum import Enum
from typing import Any, NamedTuple, Protocol

from net.certificates import x509
from net.installed import Choice, stand_ins


class Codec(Enum):
    """Who reads and writes the packets."""

    AIOQUIC = "aioquic"
    QH3 = "qh3"


CHOICE = Choice("ANCHORHOLD_QUIC", Codec.AIOQUIC, Codec.QH3, "2.1.", "fast-quic")
"""qh3 had a core of its own in Rust, of which much is known here, no earlier than 2.0, and promises nothing of its inside."""

INSTEAD: dict[str, dict[str, object]] = {
    "qh3.asyncio": dict.fromkeys(("QuicConnectionProtocol", "connect", "serve")),
    "qh3.h3.connection": dict.fromkeys(("H3Connection", "ProtocolError")),
}
"""What qh3 brings along and is not used: its sockets and its HTTP/3."""

with stand_ins(INSTEAD):
    CODEC, REFUSED = CHOICE.choose_gently(os.environ)
"""The codec of this process, and why it was not to start."""

ALERTS = range(0x100, 0x200)
"""Error codes that are alerts of TLS (RFC 9001 §4.8)."""
BAD_CERTIFICATE = ALERTS[42]
INTERNAL_ERROR, CONNECTION_REFUSED = 0x1, 0x2
"""Error codes of the transport (RFC 9000 §20.1)."""

for _name in ("quic", "http3"):  # what either codec logs names connections and says what peers sent; we count instead
    logging.getLogger(_name).disabled = True


class Began(NamedTuple):
    """The handshake is done. `protocol` is that of ALPN, `hello` (a server's) the ClientHello as a handshake message (RFC 8446
    §4)."""

    protocol: str
    resumed: bool
    hello: bytes = b""


class Octets(NamedTuple):
    """Octets of a stream, in order; `ended` with the last."""

    stream: int
    data: bytes
    ended: bool


class Reset(NamedTuple):
    """The peer will send no more on a stream."""

    stream: int
    code: int = 0


class Stopped(NamedTuple):
    """The peer wants to hear no more on a stream, and it was reset."""

    stream: int
    code: int = 0


Heard = Began | Octets | Reset | Stopped


class Ended(NamedTuple):
    """A connection is over, whoever ended it. `transport`: the code is one of RFC 9000 and not of the application; `silent`:
    nothing was heard for too long."""

    code: int
    transport: bool
    silent: bool = False


class Termination(Protocol):
    """How either codec says it. `frame_type`: of the transport, if there is one."""

    error_code: int
    frame_type: int | None
    reason_phrase: str


_SILENCE = "Idle timeout"
"""What both call the end of who was not heard."""


def ending(event: Termination | None) -> Ended | None:
    """The same, if there is one."""
    if event is None:
        return None
    return Ended(event.error_code, event.frame_type is not None, event.reason_phrase == _SILENCE)


class Gone(Exception):
    """The stream is over, or the connection: nobody waits."""


class Alike:
    """What either codec has by the same names, types aside. `gone`: what it raises where a stream or the connection is over."""

    def due(self: Any) -> float | None:
        """As `Core`."""
        when: float | None = self.get_timer()
        return when

    def send(self: Any, stream: int, data: bytes, *, ended: bool) -> None:
        """As `Core`."""
        try:
            self.send_stream_data(stream, data, ended)
        except self.gone as error:
            raise Gone from error

    def reset(self: Any, stream: int, code: int) -> None:
        """As `Core`; without effect once all was acknowledged."""
        try:
            self.reset_stream(stream, code)
        except self.gone as error:
            raise Gone from error

    def stop(self: Any, stream: int, code: int) -> None:
        """As `Core`."""
        try:
            self.stop_stream(stream, code)
        except self.gone as error:
            raise Gone from error

    def end(self: Any, code: int, *, transport: bool = False) -> None:
        """As `Core`."""
        self.close(code, 0 if transport else None)


class Core(Protocol):
    """One end of one connection."""

    def receive(self, datagram: bytes, now: float) -> None:
        """Read. May raise anything that comes of what a peer sent; the connection is then of no more use."""

    def expire(self, now: float) -> None:
        """The time of `due` has come. May raise as `receive`."""

    def heard(self) -> list[Heard]:
        """What came since, in order. May raise as `receive`."""

    def outgoing(self, now: float) -> list[bytes]:
        """Datagrams that are to be sent now. May raise as `receive`."""

    def due(self) -> float | None:
        """When `expire` is to be called."""

    def next_stream(self, *, one_way: bool = False) -> int:
        """The id of the stream of ours that is opened next."""

    def send(self, stream: int, data: bytes, *, ended: bool) -> None:
        """Queue octets. Raises Gone."""

    def reset(self, stream: int, code: int) -> None:
        """Send nothing more on a stream. Raises Gone."""

    def stop(self, stream: int, code: int) -> None:
        """Ask the peer to send nothing more on one. Raises Gone."""

    def end(self, code: int, *, transport: bool = False) -> None:
        """Say that it ends, by an error code of the application or of the transport."""


class Call(NamedTuple):
    """What a client says of itself: protocols (ALPN), the server's name (SNI), a session to resume, idle seconds, windows in
    octets for the connection and for each stream, and how many streams of one direction the server may open."""

    protocols: Sequence[str]
    name: str
    session: Any
    idle: float
    window: int
    stream_window: int
    one_way: int


class ClientCore(Core, Protocol):
    """A client's end. It proves nobody and offers no early data. `sessions` are those that the server gave, for a later Call."""

    sessions: list[Any]

    def connect(self, now: float) -> None:
        """Begin the handshake."""

    @property
    def allowed(self) -> int:
        """Streams for both directions that the server has allowed in all (RFC 9000 §4.6)."""

    @property
    def over(self) -> Ended | None:
        """How it ended, as soon as that is known."""

    def resets(self, datagram: bytes) -> bool:
        """Whether this is the server's word that it knows nothing of the connection any more (RFC 9000 §10.3)."""

    @property
    def resumed(self) -> bool:
        """Whether a session was resumed: then there are no certificates."""

    def shown(self) -> list[x509.Certificate]:
        """The server's certificates as it sent them, its own first. Raises ValueError."""


class ServerCore(Core, Protocol):
    """A server's end. `fresh` and `stale` are connection ids that began and ceased to count; whoever looks after them empties
    them. `taken` counts octets of streams that need no room any more."""

    fresh: list[bytes]
    stale: list[bytes]
    taken: int

    @property
    def started(self) -> bool:
        """Whether any packet could be read."""

    @property
    def closing(self) -> bool:
        """Whether one side has closed it."""

    @property
    def over(self) -> bool:
        """Nothing more will come of it."""

    @property
    def validated(self) -> bool:
        """Whether the peer has proved that it is where it says (RFC 9000 §8.1)."""

    def abandon(self) -> None:
        """It cannot even say that it ends."""

    def let_go(self) -> None:
        """It is over, and nobody will ask for its datagrams or timers again."""
