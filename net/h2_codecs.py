"""The codecs of HTTP/2 that can be at work below `net/h2.py` and `net/h2_server.py`, and which of them is.

h2 is the reference and always there; ngh2 (nghttp2) does the same for a twentieth of the time and is used where it is installed.
What a peer may cost us is bounded above either: by `net/h2_guard.py` for a server, by the link itself for a client.
"""

import importlib.util
import os
from collections.abc import Mapping, Sequence
from enum import Enum, IntEnum
from typing import NamedTuple, Protocol

VARIABLE = "ANCHORHOLD_HTTP2"
"""In the environment: the codec that is to be used, one of `Codec`; nothing is ngh2 where it is installed, else h2."""

MAX_HEADERS = 16 * 1024
"""Octets of the headers of one request or response, counted as RFC 9113 §6.5.2 does."""

SLACK = 1_024
"""A server's windows are larger than a body may be by this, so that a body that is too long shows itself."""

FIRST_WINDOW = 65_535
"""Octets of a connection's window until it is changed (RFC 9113 §6.9.2)."""

Header = tuple[bytes, bytes]


class Codec(Enum):
    """Who reads and writes the frames."""

    H2 = "h2"
    NGH2 = "ngh2"


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


def choose(environment: Mapping[str, str]) -> Codec:
    """The codec that is wanted and there. Raises ValueError with what to do."""
    there = importlib.util.find_spec("ngh2") is not None
    wanted = environment.get(VARIABLE, "")
    if not wanted:
        return Codec.NGH2 if there else Codec.H2
    if wanted not in {codec.value for codec in Codec}:
        raise ValueError(f"{VARIABLE} is {wanted!r}: it must be h2 or ngh2")
    if wanted == Codec.NGH2.value and not there:
        raise ValueError(f"{VARIABLE} is ngh2, but ngh2 is not installed: pip install anchorhold[fast]")
    return Codec(wanted)


CODEC = choose(os.environ)
"""That of this process."""


def open_server_codec(limits: ServerLimits) -> ServerCodec:
    """A server's end, before its first octets."""
    if CODEC is Codec.NGH2:
        from net.h2_server_ngh2 import Ngh2ServerCodec

        return Ngh2ServerCodec(limits)
    from net.h2_server_plain import PlainServerCodec

    return PlainServerCodec(limits)
