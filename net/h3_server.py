"""HTTP/3 as a server speaks it (RFC 9114), by aioquic's codec: octets of streams in, parts of requests out.

QPACK without a dynamic table (RFC 9204 §3.2.3), so no stream waits for another and a short block of headers stays short.
"""

from typing import NamedTuple

from aioquic.buffer import encode_uint_var
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.events import StopSendingReceived, StreamDataReceived, StreamReset

from net.h3_codec import (
    ErrorCode,
    FrameType,
    H3Connection,
    H3Stream,
    ProtocolError,
    Setting,
    encode_frame,
    encode_settings,
    parse_settings,
)
from net.h3_streams import Streams
from net.quic_server import Conversation, Heard, Octets, Reset, Stopped

MAX_HEADERS = 8 * 1024
"""Octets of a block of headers, and of what it decodes to."""
MAX_CONTROL = 4 * 1024
"""Octets of a frame on a control stream that are kept until the rest of it comes."""

NO_ERROR = int(ErrorCode.H3_NO_ERROR)
INTERNAL_ERROR = int(ErrorCode.H3_INTERNAL_ERROR)
EXCESSIVE_LOAD = int(ErrorCode.H3_EXCESSIVE_LOAD)
REQUEST_CANCELLED = int(ErrorCode.H3_REQUEST_CANCELLED)

_FIELD_OVERHEAD = 32
"""RFC 9114 §4.2.2: what a field counts for besides its octets."""

Fields = list[tuple[bytes, bytes]]


class Headers(NamedTuple):
    """The head of a request, or its trailer."""

    stream: int
    fields: Fields
    ended: bool


class Body(NamedTuple):
    """Octets of a request's body."""

    stream: int
    data: bytes
    ended: bool


class _ExcessiveLoad(ProtocolError):
    error_code = ErrorCode.H3_EXCESSIVE_LOAD


class _BoundedHttp(H3Connection):
    def _get_local_settings(self) -> dict[int, int]:
        # Called once, before anything is sent or read.
        self._max_table_capacity = self._blocked_streams = 0
        self._decoder = type(self._decoder)(0, 0)
        return {
            Setting.QPACK_MAX_TABLE_CAPACITY: 0,
            Setting.QPACK_BLOCKED_STREAMS: 0,
            Setting.MAX_FIELD_SECTION_SIZE: MAX_HEADERS,
        }

    def _check_request_or_push_frame_type(self, frame_type: int, stream: H3Stream) -> None:
        super()._check_request_or_push_frame_type(frame_type, stream)
        if frame_type == FrameType.HEADERS and (stream.frame_size or 0) > MAX_HEADERS:
            raise _ExcessiveLoad("too many headers")
        if frame_type == FrameType.WEBTRANSPORT_STREAM:
            raise ProtocolError("not spoken here")

    def _handle_control_frame(self, frame_type: int, frame_data: bytes) -> None:
        if frame_type == FrameType.SETTINGS:
            settings = parse_settings(frame_data)
            # Ours to use or not: a table at the client's wish would be memory at its wish.
            for kind in (Setting.QPACK_MAX_TABLE_CAPACITY, Setting.QPACK_BLOCKED_STREAMS):
                settings.pop(kind, None)
            frame_data = encode_settings(settings)
        super()._handle_control_frame(frame_type, frame_data)


class HttpServer:
    """HTTP/3 on one connection."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._http = _BoundedHttp(Streams(conversation.core, is_client=False))  # type: ignore[arg-type]  # what the codec uses

    def heard(self, event: Heard) -> list[Headers | Body]:
        """What came of an event of a stream. A broken rule closes the connection."""
        match event:
            case Octets():
                given = StreamDataReceived(data=event.data, end_stream=event.ended, stream_id=event.stream)
                return self._take(given)
            case Reset():
                self._take(StreamReset(error_code=REQUEST_CANCELLED, stream_id=event.stream))
            case Stopped():
                self._take(StopSendingReceived(error_code=REQUEST_CANCELLED, stream_id=event.stream))
        return []

    def _take(self, event: StreamDataReceived | StreamReset | StopSendingReceived) -> list[Headers | Body]:
        try:
            parts = [
                Headers(part.stream_id, part.headers, part.stream_ended)
                if isinstance(part, HeadersReceived)
                else Body(part.stream_id, part.data, part.stream_ended)
                for part in self._http.handle_event(event)
                if isinstance(part, HeadersReceived | DataReceived)
            ]
        except Exception:  # whatever it is, it is this peer's doing and ends with it
            self._conversation.close(INTERNAL_ERROR)
            return []
        if self._is_hoarding(event.stream_id) or any(_size(part) > MAX_HEADERS for part in parts):
            self._conversation.close(EXCESSIVE_LOAD)
            return []
        return parts

    def _is_hoarding(self, stream: int) -> bool:
        """Whether a control stream keeps too much of an unfinished frame; requests are bounded by their windows."""
        known = self._http._stream.get(stream)
        return known is not None and bool(stream & 2) and len(known.buffer) > MAX_CONTROL

    def respond(self, stream: int, fields: Fields, body: bytes) -> None:
        """Queue a whole response; dropped where nobody waits for it."""
        try:
            self._http.send_headers(stream, fields, end_stream=not body)
            if body:
                self._http.send_data(stream, body, end_stream=True)
        except (ProtocolError, ValueError, AssertionError, RuntimeError):
            self.forget(stream)

    def goodbye(self, stream: int) -> None:
        """Say that requests from this stream on are not looked at, and that no more are (RFC 9114 §5.2)."""
        control = self._http._local_control_stream_id
        if control is not None:
            frame = encode_frame(FrameType.GOAWAY, encode_uint_var(stream))
            self._conversation.send(control, frame, ended=False)

    def forget(self, stream: int) -> None:
        """No response will come: nothing of this stream is kept."""
        self._conversation.reset(stream, REQUEST_CANCELLED)
        self._http._stream.pop(stream, None)


def _size(part: Headers | Body) -> int:
    if isinstance(part, Body):
        return 0
    return sum(len(name) + len(value) + _FIELD_OVERHEAD for name, value in part.fields)
