"""A client connection of HTTP/3 (RFC 9114) for small requests and bounded responses; the codec is aioquic's, over whichever
codec of QUIC.

Knows nothing of DNS. Requests, responses and failures are those of HTTP/2 (`net/h2.py`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from aioquic.h3.events import DataReceived, H3Event, HeadersReceived, PushPromiseReceived
from aioquic.quic.events import StopSendingReceived, StreamDataReceived, StreamReset

from net.h2 import Response, StreamFailed, StreamFailure
from net.h2_codecs import MAX_HEADERS, Header
from net.h3_codec import FrameType, H3Connection, Setting, StreamType
from net.h3_streams import Streams
from net.qpack import StaticEncoder
from net.quic_client import QuicClient
from net.quic_codecs import Octets, Reset, Stopped
from net.quic_requests import Ended, RequestLimits, RequestLink, outcome

NO_ERROR, EXCESSIVE_LOAD, CANCELLED = 0x100, 0x107, 0x10C
"""Error codes (RFC 9114 §8.1)."""

MAX_ONE_WAY = 16
"""Streams of its own that a server may open: three have a meaning, others must be let be (RFC 9114 §6.2)."""

MAX_CONTROL = 16 * 1024
"""Octets that bring no response further (SETTINGS, GOAWAY, unknown frames …) between two responses."""

ONE_WAY = 0x2
"""The bit of a stream's id that says so (RFC 9000 §2.1)."""


@dataclass(slots=True)
class _Incoming:
    """A response under way; `octets` counts all of its stream, frames and headers included."""

    status: int = 0
    headers: list[Header] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)
    length: int = 0
    octets: int = 0


class _Codec(H3Connection):
    """aioquic's codec with our settings: no dynamic table in either direction, no server push."""

    def __init__(self, streams: Streams) -> None:
        super().__init__(streams)  # type: ignore[arg-type]  # it has what the codec uses
        self._encoder = StaticEncoder()  # type: ignore[assignment]  # it has what the codec calls

    def _init_connection(self) -> None:
        self._max_push_id = None
        super()._init_connection()

    def _get_local_settings(self) -> dict[int, int]:
        return {
            Setting.QPACK_MAX_TABLE_CAPACITY: 0,
            Setting.MAX_FIELD_SECTION_SIZE: MAX_HEADERS,
            Setting.QPACK_BLOCKED_STREAMS: 0,
        }


class GoawayReader:
    """Finds GOAWAY on the server's control stream, for the codec skips it (RFC 9114 §5.2, §6.2, §7.1)."""

    def __init__(self) -> None:
        self._streams: dict[int, bytearray | None] = {}

    def feed(self, stream_id: int, data: bytes) -> list[int]:
        """The identifiers in what was heard now on a one-way stream of the server. Malformed frames are the codec's matter."""
        if stream_id not in self._streams and data:
            self._streams[stream_id] = bytearray() if data[0] == StreamType.CONTROL else None
            data = data[1:]
        pending = self._streams.get(stream_id)
        if pending is None:
            return []
        pending += data
        found = []
        while (frame := self._frame(pending)) is not None:
            if frame[0] == FrameType.GOAWAY and (last := _variable(frame[1], 0)) is not None:
                found.append(last[0])
        return found

    def _frame(self, pending: bytearray) -> tuple[int, bytes] | None:
        kind = _variable(pending, 0)
        size = None if kind is None else _variable(pending, kind[1])
        if kind is None or size is None or len(pending) < size[1] + size[0]:
            return None
        payload = bytes(pending[size[1] : size[1] + size[0]])
        del pending[: size[1] + size[0]]
        return kind[0], payload


def _variable(data: bytes | bytearray, at: int) -> tuple[int, int] | None:
    """A variable-length integer (RFC 9000 §16) and where it ends; None if it is not whole."""
    if at >= len(data):
        return None
    end = at + (1 << (data[at] >> 6))
    if end > len(data):
        return None
    return int.from_bytes(data[at:end], "big") & ((1 << ((end - at) * 8 - 2)) - 1), end


class Http3Link(RequestLink[Response, _Incoming]):
    """One connection."""

    code = NO_ERROR
    cancelled = CANCELLED
    one_way = MAX_ONE_WAY

    def __init__(self, client: QuicClient, limits: RequestLimits, freed: Callable[[], None]) -> None:
        super().__init__(client, limits, freed)
        self._control = 0
        self._goaways = GoawayReader()
        self._codec: _Codec

    async def request(self, headers: Sequence[Header], body: bytes, due: float) -> Response:
        """One request; only if there is `room`. Ends by the instant `due`. Raises StreamFailed."""
        return await outcome(self, partial(self.ask, headers, body, due))

    def ask(self, headers: Sequence[Header], body: bytes, due: float, ended: Ended[Response]) -> int:
        """The same; gives the stream, and `ended` is told later."""
        stream_id = self.begin(due, _Incoming(), ended)
        self._codec.send_headers(stream_id, list(headers), end_stream=not body)
        if body:
            self._codec.send_data(stream_id, body, end_stream=True)
        return stream_id

    def ready(self) -> None:
        """Open the control streams (RFC 9114 §6.2)."""
        super().ready()
        self._codec = _Codec(Streams(self.core, is_client=True))

    def heard(self, event: Octets) -> None:
        """Octets of a response, or of a control stream."""
        self.note_heard()
        stream_id, data = event.stream, event.data
        incoming = self.partly(stream_id)
        if stream_id & ONE_WAY:
            self._control += len(data)
        elif incoming is not None and self._counts_too_much(incoming, len(data)):
            self.give_up(stream_id, StreamFailed(StreamFailure.TOO_LARGE, "response"))
            return
        if self._control > MAX_CONTROL or (stream_id & ONE_WAY and stream_id >> 2 >= MAX_ONE_WAY):
            self.fail_all(StreamFailed(StreamFailure.PROTOCOL, "too much that is no response"), EXCESSIVE_LOAD)
            return
        for heard in self._codec.handle_event(StreamDataReceived(data, event.ended, stream_id)):
            self._on_event(heard)
        if self._codec._is_done:  # the codec has closed the connection, and says so nowhere else
            self.fail_all(StreamFailed(StreamFailure.PROTOCOL, "not HTTP/3"), NO_ERROR)
        elif stream_id & ONE_WAY:
            for last in self._goaways.feed(stream_id, data):
                self._on_goaway(last)

    def was_reset(self, event: Reset) -> None:
        """As the base, and the codec forgets it."""
        self._codec.handle_event(StreamReset(event.code, event.stream))
        super().was_reset(event)

    def was_stopped(self, event: Stopped) -> None:
        """The codec ends the connection if it was one of the streams that must not end."""
        self._codec.handle_event(StopSendingReceived(event.code, event.stream))

    def _counts_too_much(self, incoming: _Incoming, octets: int) -> bool:
        incoming.octets += octets
        return incoming.octets > self._limits.body + MAX_HEADERS

    def _on_event(self, event: H3Event) -> None:
        match event:
            case HeadersReceived(push_id=None):
                self._on_headers(event)
            case DataReceived(push_id=None):
                self._on_data(event)
            case PushPromiseReceived():
                return  # the codec has ended the connection: no push was allowed

    def _on_headers(self, event: HeadersReceived) -> None:
        incoming = self.partly(event.stream_id)
        if incoming is None:
            return
        if incoming.status < 200:  # what comes after the final headers is trailers
            incoming.headers = event.headers
            incoming.status = int(dict(event.headers)[b":status"])
            length = dict(event.headers).get(b"content-length", b"0")
            if not length.isdigit() or int(length[:10]) > self._limits.body:
                self.give_up(event.stream_id, StreamFailed(StreamFailure.TOO_LARGE, "announced"))
                return
        self._end_of(event.stream_id, incoming, event.stream_ended)

    def _on_data(self, event: DataReceived) -> None:
        incoming = self.partly(event.stream_id)
        if incoming is None:
            return
        data = event.data or b""
        incoming.chunks.append(data)
        incoming.length += len(data)
        if incoming.length > self._limits.body:
            self.give_up(event.stream_id, StreamFailed(StreamFailure.TOO_LARGE, "body"))
            return
        self._end_of(event.stream_id, incoming, event.stream_ended)

    def _end_of(self, stream_id: int, incoming: _Incoming, ended: bool) -> None:
        if ended:
            self._control = 0
            self.finish(stream_id, Response(incoming.status, incoming.headers, b"".join(incoming.chunks)))

    def _on_goaway(self, last: int) -> None:
        """Requests from `last` on were not looked at (RFC 9114 §5.2); earlier ones are still answered."""
        self.retired = True
        for stream_id in [key for key in self.under_way() if key >= last]:
            self.fail(stream_id, StreamFailed(StreamFailure.GOAWAY, "not processed"))
        if not self.load:
            self.close()
