"""The codecs of HTTP/2 that can be at work below `net/h2.py` and `net/h2_server.py`, and which of them is.

h2 is the reference and always there; ngh2 (nghttp2) does the same for less time and is used where it is installed.
What a peer may cost us is bounded above either: by `net/h2_guard.py` for a server, by the link itself for a client.
"""

import os
import struct
from collections.abc import Sequence
from enum import Enum, IntEnum
from typing import NamedTuple, Protocol

from net.installed import Choice

MAX_HEADERS = 16 * 1024
"""Octets of the headers of one request or response, counted as RFC 9113 §6.5.2 does."""

SLACK = 1_024
"""A server's windows are larger than a body may be by this, so that a body that is too long shows itself."""

FIRST_WINDOW = 65_535
"""Octets of a connection's window until it is changed (RFC 9113 §6.9.2)."""

CONNECTION_WINDOW = 1024 * 1024
"""Octets that all streams together may have on the way to us as a client."""

_SETTINGS, _GOAWAY, _WINDOW_UPDATE = 4, 7, 8

Header = tuple[bytes, bytes]


class Codec(Enum):
    """Who reads and writes the frames."""

    H2 = "h2"
    NGH2 = "ngh2"


CHOICE = Choice("ANCHORHOLD_HTTP2", Codec.H2, Codec.NGH2, "0.3.", "fast")
"""ngh2 is young, and its interface may change."""


class Code(IntEnum):
    """Why a stream or a connection ends (RFC 9113 §7)."""

    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    REFUSED_STREAM = 7
    CANCEL = 8
    ENHANCE_YOUR_CALM = 11


class Unreadable(Exception):
    """What came breaks the protocol, or a bound of the codec; nothing can be said after what is in `outgoing`."""

    def __init__(self, detail: str, *, headers: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.headers = headers
        """A list of headers was too long."""


class StreamGone(Exception):
    """The codec has closed that stream, or the connection, already."""


class ServerLimits(NamedTuple):
    """`body`: octets of one request's; `streams`: requests that may be open at once."""

    body: int
    streams: int


class Service(Protocol):
    """Who hears what a client sends, in its order."""

    def on_request(self, stream_id: int, headers: Sequence[Header]) -> None:
        """The headers of a request came."""

    def on_data(self, stream_id: int, data: bytes) -> None:
        """A piece of its body came."""

    def on_end(self, stream_id: int) -> None:
        """A request is whole."""

    def on_whole(self, stream_id: int, headers: Sequence[Header]) -> None:
        """A request came that is its headers and nothing else: instead of `on_request`; `on_end` may follow and means nothing.
        That a `content-length` in it says 0, if anything, the codec has seen to (RFC 9113 §8.1.1)."""

    def on_reset(self, stream_id: int, *, by_client: bool) -> None:
        """A stream ended before its time: by the client, or by the codec for a fault of the client's."""

    def on_goodbye(self) -> None:
        """The client sends no more requests."""


class ServerCodec(Protocol):
    """A server's end of one connection: octets and frames, nothing of what they are good for."""

    def receive(self, data: bytes, service: Service) -> None:
        """Read. Raises Unreadable, and what `service` raises."""

    def outgoing(self) -> bytes:
        """What is to be sent now; taken from here once."""

    def respond(self, stream_id: int, headers: Sequence[Header], body: bytes) -> int:
        """A whole response; how many octets of its body wait for the client's windows. Raises StreamGone."""

    def waiting(self, stream_id: int) -> int:
        """How many still wait, after the windows may have grown. Raises StreamGone."""

    def reset(self, stream_id: int, code: Code) -> None:
        """End a stream, if it is not ended yet."""

    def goodbye(self, code: Code) -> None:
        """Say that this is the end (GOAWAY)."""

    def let_go(self) -> None:
        """The connection is over: break circles of references."""


class Asker(Protocol):
    """Who hears what a server sends, in its order."""

    def on_response(self, stream_id: int, headers: Sequence[Header]) -> None:
        """The headers of a response came."""

    def on_data(self, stream_id: int, data: bytes) -> None:
        """A piece of its body came."""

    def on_end(self, stream_id: int) -> None:
        """A response is whole."""

    def on_reset(self, stream_id: int, code: int) -> None:
        """The server ended a stream."""

    def on_goaway(self, code: int) -> None:
        """The server takes no more requests."""

    def on_settings(self, streams: int) -> None:
        """The server's SETTINGS came; it allows so many streams."""

    def on_window(self, stream_id: int) -> None:
        """More may be sent on a stream, or (0) on the connection."""

    def on_control(self) -> None:
        """A frame came that brings no response further."""


class ClientCodec(Protocol):
    """A client's end of one connection: octets and frames, nothing of what they are good for."""

    @property
    def window(self) -> int:
        """Octets of bodies that the server takes now on all streams together."""

    def start(self) -> None:
        """Say the preface and our settings."""

    def request(self, headers: Sequence[Header], body: bytes) -> int:
        """A whole request; its stream. Raises StreamGone."""

    def receive(self, data: bytes, asker: Asker) -> bool:
        """Read; whether any of it made sense yet. Raises Unreadable, and what `asker` raises."""

    def outgoing(self) -> bytes:
        """What is to be sent now; taken from here once."""

    def reset(self, stream_id: int) -> None:
        """Call a request off (CANCEL), if it is not over yet. Raises StreamGone if that cannot be."""


def _frame(kind: int, body: bytes) -> bytes:
    """A frame of the connection, without flags (RFC 9113 §4.1)."""
    return len(body).to_bytes(3, "big") + bytes((kind, 0, 0, 0, 0, 0)) + body


def build_settings(settings: Sequence[tuple[int, int]]) -> bytes:
    """A SETTINGS frame (RFC 9113 §6.5)."""
    return _frame(_SETTINGS, b"".join(struct.pack("!HI", number, value) for number, value in settings))


def build_window(increment: int) -> bytes:
    """A WINDOW_UPDATE frame for the connection (RFC 9113 §6.9)."""
    return _frame(_WINDOW_UPDATE, struct.pack("!I", increment))


def build_goaway(last: int, code: Code) -> bytes:
    """A GOAWAY frame; `last` is the newest stream that was looked at (RFC 9113 §6.8)."""
    return _frame(_GOAWAY, struct.pack("!II", last, code))


CODEC, REFUSED = CHOICE.choose_gently(os.environ)
"""The codec of this process, and why it was not to start."""
