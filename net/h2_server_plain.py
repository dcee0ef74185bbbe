"""A server's end of HTTP/2 frames by h2: the reference."""

import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from functools import lru_cache
from struct import Struct
from typing import Any

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings
import h2.stream
import h2.utilities
import hpack
import hyperframe.exceptions

from net.h2_codecs import FIRST_WINDOW, MAX_HEADERS, SLACK, Code, Header, ServerLimits, Service, StreamGone, Unreadable
from net.h2_encoder import PlainEncoder
from net.h2_fields import is_ordinary

MAX_CLOSED = 1_024
"""Streams that ended and are remembered; the codec alone would keep 65,536."""

_ERRORS = (h2.exceptions.H2Error, hpack.HPACKError, hyperframe.exceptions.HyperframeError, UnicodeError)
_Setting = h2.settings.SettingCodes
_OPEN = h2.connection.ConnectionState.SERVER_OPEN
_ANSWERABLE = (h2.stream.StreamState.HALF_CLOSED_REMOTE, h2.stream.StreamState.OPEN)
_SEND_HEADERS, _SEND_END = h2.stream.StreamInputs.SEND_HEADERS, h2.stream.StreamInputs.SEND_END_STREAM

_FRAME = Struct("!BHBBI")
"""Length in three octets (the first is 0 in what we send at once), type, flags, stream (RFC 9113 §4.1)."""
_DATA, _HEADERS = 0, 1
_END_STREAM, _END_HEADERS = 1, 4


class _Connection(h2.connection.H2Connection):
    MAX_CLOSED_STREAMS = MAX_CLOSED


def _settings(limits: ServerLimits) -> dict[h2.settings.SettingCodes, int]:
    return {
        _Setting.MAX_CONCURRENT_STREAMS: limits.streams,
        _Setting.INITIAL_WINDOW_SIZE: limits.body + SLACK,
        _Setting.MAX_HEADER_LIST_SIZE: MAX_HEADERS,
    }


@lru_cache(8)
def _in_force(limits: ServerLimits) -> h2.settings.Settings:
    """What the codec holds a client to. Never changed after the start, so all connections have the same one: each would take
    5 kB."""
    return h2.settings.Settings(
        client=False, initial_values=_settings(limits) | {_Setting.MAX_CONCURRENT_STREAMS: 2 * limits.streams + 1}
    )


def _build(limits: ServerLimits) -> h2.connection.H2Connection:
    """h2 as we set it up. What we send is not validated again: it is ours."""
    config = h2.config.H2Configuration(
        client_side=False,
        header_encoding=None,
        validate_outbound_headers=False,
        normalize_outbound_headers=False,
        split_outbound_cookies=False,
        validate_inbound_headers=False,  # done here: `_check`
        normalize_inbound_headers=False,
    )
    codec = _Connection(config)
    codec.encoder = PlainEncoder()  # type: ignore[assignment]
    codec.local_settings = h2.settings.Settings(client=False, initial_values=_settings(limits))
    codec.initiate_connection()
    # > An endpoint that receives a HEADERS frame that causes its advertised concurrent stream limit to be exceeded MUST treat
    # > this as a stream error (RFC 9113 §5.1.2). The codec would end the connection, so it is told twice as many.
    codec.local_settings = _in_force(limits)
    codec.decoder.max_header_list_size = MAX_HEADERS
    codec.increment_flow_control_window(limits.body + SLACK - FIRST_WINDOW)
    return codec


class PlainServerCodec:
    """One connection."""

    def __init__(self, limits: ServerLimits) -> None:
        self._codec = _build(limits)
        self._lump = limits.body // 2
        self._consumed = 0
        self._rests: dict[int, bytes] = {}

    def receive(self, data: bytes, service: Service) -> None:
        """As `ServerCodec`."""
        try:
            for event in self._codec.receive_data(data):
                handler = _HANDLERS.get(event.__class__)
                if handler is not None:
                    handler(self, event, service)
        except _ERRORS as error:
            # It has said goodbye itself.
            detail = type(error).__name__
            raise Unreadable(detail, headers=isinstance(error, h2.exceptions.DenialOfServiceError)) from None

    def outgoing(self) -> bytes:
        """As `ServerCodec`."""
        return self._codec.data_to_send()

    def _check(self, headers: Sequence[Header], *, trailer: bool) -> None:
        """What h2 would have checked. Raises ProtocolError, after what h2 would have said then."""
        if trailer or not is_ordinary(headers):
            flags = h2.utilities.HeaderValidationFlags(
                is_client=False, is_trailer=trailer, is_response_header=False, is_push_promise=False
            )
            try:
                deque(h2.utilities.validate_headers(headers, flags), maxlen=0)
            except h2.exceptions.ProtocolError as error:
                self._codec.close_connection(error.error_code)
                raise

    def respond(self, stream_id: int, headers: Sequence[Header], body: bytes) -> int:
        """As `ServerCodec`."""
        if self._respond_at_once(stream_id, headers, body):
            return 0
        try:
            self._codec.send_headers(stream_id, headers, end_stream=not body)
        except _ERRORS as error:
            raise StreamGone(type(error).__name__) from None
        self._rests[stream_id] = body
        return self.waiting(stream_id)

    def _respond_at_once(self, stream_id: int, headers: Sequence[Header], body: bytes) -> bool:
        """A response that fits into one frame and the windows: the two frames as h2 makes them, less the way there. False for any
        other, and where h2 will have something to say."""
        codec = self._codec
        stream, length = codec.streams.get(stream_id), len(body)
        if stream is None or not 0 < length <= min(
            stream.outbound_flow_control_window, codec.outbound_flow_control_window, codec.max_outbound_frame_size
        ):
            return False
        machine = stream.state_machine
        if machine.state not in _ANSWERABLE or machine.headers_sent or codec.state_machine.state is not _OPEN:
            return False
        block = codec.encoder.encode(headers)
        machine.process_input(_SEND_HEADERS)
        machine.process_input(_SEND_END)
        stream.outbound_flow_control_window -= length
        codec.outbound_flow_control_window -= length
        codec._data_to_send += _FRAME.pack(0, len(block), _HEADERS, _END_HEADERS, stream_id) + block
        codec._data_to_send += _FRAME.pack(0, length, _DATA, _END_STREAM, stream_id) + body
        return True

    def waiting(self, stream_id: int) -> int:
        """As `ServerCodec`; sends as much of the body as the client's windows take."""
        rest = self._rests.pop(stream_id, b"")
        try:
            while rest:
                room = min(self._codec.local_flow_control_window(stream_id), self._codec.max_outbound_frame_size)
                if room <= 0:
                    self._rests[stream_id] = rest
                    break
                chunk, rest = rest[:room], rest[room:]
                self._codec.send_data(stream_id, chunk, end_stream=not rest)
        except _ERRORS as error:
            raise StreamGone(type(error).__name__) from None
        return len(rest)

    def reset(self, stream_id: int, code: Code) -> None:
        """As `ServerCodec`."""
        self._rests.pop(stream_id, None)
        # The client may have reset it already, in what the codec has read and we have not.
        with contextlib.suppress(h2.exceptions.StreamClosedError):
            self._codec.reset_stream(stream_id, h2.errors.ErrorCodes(code))

    def goodbye(self, code: Code) -> None:
        """As `ServerCodec`."""
        self._codec.close_connection(h2.errors.ErrorCodes(code))

    def let_go(self) -> None:
        """As `ServerCodec`; it holds itself, and Python looks for such circles seldom."""
        self._codec._frame_dispatch_table.clear()

    def _on_data(self, event: h2.events.DataReceived, service: Service) -> None:
        """Give the connection's window back in lumps; a stream's is never renewed, its body is bounded."""
        self._consumed += event.flow_controlled_length or 0
        if self._consumed >= self._lump:
            self._codec.increment_flow_control_window(self._consumed)
            self._consumed = 0
        service.on_data(event.stream_id or 0, event.data or b"")

    def _on_request(self, event: h2.events.RequestReceived, service: Service) -> None:
        stream_id, headers = event.stream_id or 0, event.headers or ()
        self._check(headers, trailer=False)
        if event.stream_ended is None:
            service.on_request(stream_id, headers)
            return
        stream = self._codec.streams.get(stream_id)
        if stream is not None and stream._expected_content_length:
            # h2 compares only what comes in frames of DATA (RFC 9113 §8.1.1).
            self.reset(stream_id, Code.PROTOCOL_ERROR)
            service.on_reset(stream_id, by_client=False)
        else:
            service.on_whole(stream_id, headers)

    def _on_trailers(self, event: h2.events.TrailersReceived, _service: Service) -> None:
        """Nobody reads them; the end of the request is told next."""
        self._check(event.headers or (), trailer=True)

    def _on_reset(self, event: h2.events.StreamReset, service: Service) -> None:
        self._rests.pop(event.stream_id or 0, None)
        service.on_reset(event.stream_id or 0, by_client=bool(event.remote_reset))


_HANDLERS: dict[type, Callable[[PlainServerCodec, Any, Service], None]] = {
    h2.events.RequestReceived: PlainServerCodec._on_request,
    h2.events.TrailersReceived: PlainServerCodec._on_trailers,
    h2.events.DataReceived: PlainServerCodec._on_data,
    h2.events.StreamEnded: lambda _, event, service: service.on_end(event.stream_id),
    h2.events.StreamReset: PlainServerCodec._on_reset,
    h2.events.ConnectionTerminated: lambda _codec, _event, service: service.on_goodbye(),
}
"""What we do about each event of h2; every other one has paid its price and that is all."""
