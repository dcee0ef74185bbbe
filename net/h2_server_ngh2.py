"""A server's end of HTTP/2 frames by ngh2, which is nghttp2: the same as h2 for less time."""

import contextlib
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import ngh2

from net.h2_codecs import (
    FIRST_WINDOW,
    MAX_HEADERS,
    SLACK,
    Code,
    Header,
    ServerLimits,
    Service,
    StreamGone,
    Unreadable,
    build_goaway,
    build_settings,
    build_window,
)
from net.h2_greeting import ACKNOWLEDGEMENT, is_greeting
from net.h2_guard import MAX_FRAME, PURSE
from net.h2_inflow import Inflow

_UNBOUNDED = (2**32, 2**32)
"""A burst and a rate a second that nobody reaches: the guard has weighed the frames before, and lets go on who was served."""

_CONFIGURATION = ngh2.Configuration(
    auto_window_update=False,
    # Nothing of a response is remembered, whatever table the client allows (as `net/h2_encoder.py`).
    max_deflate_dynamic_table_size=0,
    max_inbound_header_list_size=MAX_HEADERS,
    max_continuations=PURSE,
    stream_reset_rate_limit=_UNBOUNDED,
    glitch_rate_limit=_UNBOUNDED,
)
_Setting = ngh2.Setting

_SHAKEN = (16_896, 16_896, 22_016)
"""Octets that OpenSSL uses for a handshake, and gives back: a record each way, and messages. nghttp2 keeps 16 KiB for a frame of
each connection and writes little into them: that takes next to no memory, unless it is memory that was used before. So it is to
find none: what a handshake has left is kept from it for that moment, and the next handshake has it."""


@lru_cache(8)
def _greeting(limits: ServerLimits) -> bytes:
    """Our SETTINGS and the window of the connection, octet for octet as h2 says them: who does the work is not to be seen."""
    settings = (
        (_Setting.HEADER_TABLE_SIZE, 4_096),
        (_Setting.ENABLE_PUSH, 0),
        (_Setting.INITIAL_WINDOW_SIZE, limits.body + SLACK),
        (_Setting.MAX_FRAME_SIZE, MAX_FRAME),
        (_Setting.ENABLE_CONNECT_PROTOCOL, 0),
        (_Setting.MAX_CONCURRENT_STREAMS, limits.streams),
        (_Setting.MAX_HEADER_LIST_SIZE, MAX_HEADERS),
    )
    return build_settings(settings) + build_window(limits.body + SLACK - FIRST_WINDOW)


def _in_force(limits: ServerLimits) -> dict[ngh2.Setting, int]:
    """What nghttp2 holds a client to. It would end the connection of one that opens too many streams, so it is told twice as
    many: RFC 9113 §5.1.2 makes that an error of the stream, and the server above refuses it."""
    return {
        _Setting.INITIAL_WINDOW_SIZE: limits.body + SLACK,
        _Setting.MAX_CONCURRENT_STREAMS: 2 * limits.streams + 1,
        _Setting.MAX_HEADER_LIST_SIZE: MAX_HEADERS,
    }


class Ngh2ServerCodec:
    """One connection. nghttp2 has a session for it only when the client has said more than its greeting: many open a connection
    and ask later, or never."""

    __slots__ = ("_codec", "_ended", "_greeted", "_inflow", "_last", "_limits", "_out", "_over")

    def __init__(self, limits: ServerLimits) -> None:
        self._limits = limits
        self._codec: ngh2.Connection
        self._inflow: Inflow
        self._greeted: bytes | None = b""
        """What the client has said as long as it is only its greeting; None once there is a codec."""
        self._out = _greeting(limits)
        self._last = 0
        self._ended: set[int] = set()
        """Streams whose end is known already; the codec tells of it once more when it closes them."""
        self._over = False
        """Client or server said goodbye."""

    def receive(self, data: bytes, service: Service) -> None:
        """As `ServerCodec`."""
        if self._greeted is not None and (self._over or self._is_greeted(data)):
            return
        try:
            if self._greeted is not None:
                self._open(self._greeted)
            codec = self._codec
            codec.receive_data(data)
            if codec.want_write:
                self._out += codec.data_to_send()
        except (ngh2.NGH2Error, ValueError) as error:
            # It has dropped everything, what it had to say too.
            self._out += build_goaway(self._last, Code.PROTOCOL_ERROR)
            raise Unreadable(type(error).__name__, headers=isinstance(error, ngh2.DenialOfServiceError)) from None
        events = codec.events()
        while events:
            for event in events:
                handler = _HANDLERS.get(event.__class__)
                if handler is not None:
                    handler(self, event, service)
            # There are more only where a stream was reset meanwhile.
            events = codec.events() if self._ended else []
        if self._ended:
            self._ended.clear()
        if self._inflow.told:
            self._inflow.told = False
            with contextlib.suppress(ngh2.NGH2Error):
                self._out += self._codec.data_to_send()

    def _is_greeted(self, data: bytes) -> bool:
        """Whether the client has said its greeting and no more."""
        before = self._greeted or b""
        if not is_greeting(before + data):
            return False
        if not before:
            self._out += ACKNOWLEDGEMENT
        self._greeted = before + data
        return True

    def _open(self, greeted: bytes) -> None:
        """Have a codec that has heard as much. Raises NGH2Error."""
        limits, self._greeted = self._limits, None
        shaken = [bytes(octets) for octets in _SHAKEN]
        codec = self._codec = ngh2.Connection(ngh2.Role.SERVER, _CONFIGURATION)
        del shaken
        self._inflow = Inflow(codec, limits.body + SLACK)
        codec.initiate_connection(_in_force(limits))
        codec.set_local_window_size(limits.body + SLACK)
        codec.data_to_send()
        codec.receive_data(greeted)
        self._out += codec.data_to_send().removeprefix(ACKNOWLEDGEMENT)

    def outgoing(self) -> bytes:
        """As `ServerCodec`."""
        out, self._out = self._out, b""
        return out

    def respond(self, stream_id: int, headers: Sequence[Header], body: bytes) -> int:
        """As `ServerCodec`."""
        codec = self._codec
        try:
            if body:
                codec.send_response(stream_id, headers)
                codec.send_data(stream_id, body, end_stream=True)
            else:
                codec.send_response(stream_id, headers, end_stream=True)
            self._out += codec.data_to_send()
        except ngh2.NGH2Error as error:
            raise StreamGone(type(error).__name__) from None
        return codec.queued_body_size(stream_id) if codec.queued_body_size() else 0

    def waiting(self, stream_id: int) -> int:
        """As `ServerCodec`; what the windows take was sent when they grew."""
        return self._codec.queued_body_size(stream_id)

    def reset(self, stream_id: int, code: Code) -> None:
        """As `ServerCodec`."""
        self._ended.add(stream_id)
        # The client may have reset it already, in what the codec has read and we have not.
        with contextlib.suppress(ngh2.NGH2Error):
            self._codec.reset_stream(stream_id, code)
            self._out += self._codec.data_to_send()

    def goodbye(self, code: Code) -> None:
        """As `ServerCodec`."""
        self._over = True
        if self._greeted is not None:
            self._out += build_goaway(self._last, code)
            return
        with contextlib.suppress(ngh2.NGH2Error):
            self._codec.terminate_connection(code)
            self._out += self._codec.data_to_send()

    def let_go(self) -> None:
        """As `ServerCodec`: there are none."""

    def _on_request(self, event: ngh2.RequestReceived, service: Service) -> None:
        self._last = stream_id = event.stream_id
        if event.end_stream:
            service.on_whole(stream_id, event.headers)
        else:
            service.on_request(stream_id, event.headers)

    def _on_data(self, event: ngh2.DataReceived, service: Service) -> None:
        stream_id, data = event.stream_id, event.data
        self._inflow.took(stream_id, len(data), ended=event.end_stream)
        service.on_data(stream_id, data)
        if event.end_stream:
            service.on_end(stream_id)

    def _on_trailers(self, event: ngh2.TrailersReceived, service: Service) -> None:
        """They end a request, and nobody reads them."""
        service.on_end(event.stream_id)

    def _on_reset(self, event: ngh2.StreamReset, service: Service) -> None:
        self._ended.add(event.stream_id)
        service.on_reset(event.stream_id, by_client=True)

    def _on_closed(self, event: ngh2.StreamClosed, service: Service) -> None:
        if self._inflow.holds:
            self._inflow.closed(event.stream_id)
        if event.error_code and event.stream_id not in self._ended:
            service.on_reset(event.stream_id, by_client=False)

    def _on_goodbye(self, _event: ngh2.GoAwayReceived, service: Service) -> None:
        self._over = True
        service.on_goodbye()

    def _on_end_of_all(self, _event: ngh2.ConnectionClosed, _service: Service) -> None:
        if not self._over:
            raise Unreadable("nghttp2 ended it")


_HANDLERS: dict[type, Callable[[Ngh2ServerCodec, Any, Service], None]] = {
    ngh2.RequestReceived: Ngh2ServerCodec._on_request,
    ngh2.DataReceived: Ngh2ServerCodec._on_data,
    ngh2.TrailersReceived: Ngh2ServerCodec._on_trailers,
    ngh2.StreamReset: Ngh2ServerCodec._on_reset,
    ngh2.StreamClosed: Ngh2ServerCodec._on_closed,
    ngh2.GoAwayReceived: Ngh2ServerCodec._on_goodbye,
    ngh2.ConnectionClosed: Ngh2ServerCodec._on_end_of_all,
}
"""What we do about each event of ngh2; every other one has paid its price and that is all."""
