"""A client's end of HTTP/2 frames by ngh2, which is nghttp2: the same as h2 for less time."""

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import ngh2

from net.h2_codecs import (
    CONNECTION_WINDOW,
    FIRST_WINDOW,
    MAX_HEADERS,
    Asker,
    Code,
    Header,
    StreamGone,
    Unreadable,
    build_settings,
    build_window,
)
from net.h2_inflow import Inflow
from net.headers import Unindexed

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_CONFIGURATION = ngh2.Configuration(auto_window_update=False, max_inbound_header_list_size=MAX_HEADERS)
_Setting = ngh2.Setting


class Ngh2ClientCodec:
    """One connection."""

    def __init__(self, window: int) -> None:
        self._codec = ngh2.Connection(ngh2.Role.CLIENT, _CONFIGURATION)
        self._window = window
        self._inflow = Inflow(self._codec, window)
        self._out = b""
        self._ended: set[int] = set()
        """Streams whose end is known already; the codec tells of it once more when it closes them."""
        self._over = False

    @property
    def window(self) -> int:
        """As `ClientCodec`."""
        return self._codec.remote_window_size - self._codec.queued_body_size()

    def start(self) -> None:
        """As `ClientCodec`; octet for octet as h2 says it: it is not to be seen from outside who does the work."""
        settings = {
            _Setting.ENABLE_PUSH: 0,
            _Setting.INITIAL_WINDOW_SIZE: self._window,
            _Setting.MAX_HEADER_LIST_SIZE: MAX_HEADERS,
        }
        self._codec.initiate_connection(settings)
        self._codec.set_local_window_size(CONNECTION_WINDOW)
        self._codec.data_to_send()
        said = build_settings(
            (
                (_Setting.HEADER_TABLE_SIZE, 4_096),
                (_Setting.ENABLE_PUSH, 0),
                (_Setting.INITIAL_WINDOW_SIZE, self._window),
                (_Setting.MAX_FRAME_SIZE, 16_384),
                (_Setting.ENABLE_CONNECT_PROTOCOL, 0),
                (_Setting.MAX_HEADER_LIST_SIZE, MAX_HEADERS),
            )
        )
        self._out = _PREFACE + said + build_window(CONNECTION_WINDOW - FIRST_WINDOW)

    def request(self, headers: Sequence[Header], body: bytes) -> int:
        """As `ClientCodec`."""
        fields = [ngh2.NeverIndexedHeader(*one) if one.__class__ is Unindexed else one for one in headers]
        try:
            stream_id = self._codec.send_request(fields, end_stream=not body)
            if body:
                self._codec.send_data(stream_id, body, end_stream=True)
            self._out += self._codec.data_to_send()
        except ngh2.NGH2Error as error:
            raise StreamGone(type(error).__name__) from None
        return stream_id

    def receive(self, data: bytes, asker: Asker) -> bool:
        """As `ClientCodec`."""
        heard = False
        try:
            self._codec.receive_data(data)
            # What it resets for a fault of the server's is told of when that is sent.
            self._out += self._codec.data_to_send()
        except (ngh2.NGH2Error, ValueError) as error:
            raise Unreadable(type(error).__name__) from None
        while events := self._codec.events():
            heard = True
            for event in events:
                handler = _HANDLERS.get(event.__class__)
                if handler is not None:
                    handler(self, event, asker)
                else:
                    asker.on_control()
        self._ended.clear()
        return heard

    def outgoing(self) -> bytes:
        """As `ClientCodec`."""
        out, self._out = self._out, b""
        with contextlib.suppress(ngh2.NGH2Error):
            out += self._codec.data_to_send()
        return out

    def reset(self, stream_id: int) -> None:
        """As `ClientCodec`."""
        self._ended.add(stream_id)
        try:
            self._codec.reset_stream(stream_id, Code.CANCEL)
            self._out += self._codec.data_to_send()
        except ngh2.NGH2Error as error:
            raise StreamGone(type(error).__name__) from None

    def _on_response(self, event: ngh2.ResponseReceived, asker: Asker) -> None:
        asker.on_response(event.stream_id, event.headers)
        if event.end_stream:
            asker.on_end(event.stream_id)

    def _on_data(self, event: ngh2.DataReceived, asker: Asker) -> None:
        stream_id, data = event.stream_id, event.data
        self._inflow.took(stream_id, len(data), ended=event.end_stream)
        asker.on_data(stream_id, data)
        if event.end_stream:
            asker.on_end(stream_id)

    def _on_trailers(self, event: ngh2.TrailersReceived, asker: Asker) -> None:
        asker.on_control()
        asker.on_end(event.stream_id)

    def _on_reset(self, event: ngh2.StreamReset, asker: Asker) -> None:
        self._ended.add(event.stream_id)
        asker.on_reset(event.stream_id, event.error_code)

    def _on_closed(self, event: ngh2.StreamClosed, _asker: Asker) -> None:
        self._inflow.closed(event.stream_id)
        if event.error_code and event.stream_id not in self._ended:
            raise Unreadable("nghttp2 reset a stream")

    def _on_goaway(self, event: ngh2.GoAwayReceived, asker: Asker) -> None:
        self._over = True
        asker.on_goaway(event.error_code)

    def _on_settings(self, _event: ngh2.SettingsReceived, asker: Asker) -> None:
        asker.on_settings(self._codec.remote_settings[_Setting.MAX_CONCURRENT_STREAMS])

    def _on_end_of_all(self, _event: ngh2.ConnectionClosed, _asker: Asker) -> None:
        if not self._over:
            raise Unreadable("nghttp2 ended it")


_HANDLERS: dict[type, Callable[[Ngh2ClientCodec, Any, Asker], None]] = {
    ngh2.ResponseReceived: Ngh2ClientCodec._on_response,
    ngh2.DataReceived: Ngh2ClientCodec._on_data,
    ngh2.TrailersReceived: Ngh2ClientCodec._on_trailers,
    ngh2.StreamReset: Ngh2ClientCodec._on_reset,
    ngh2.StreamClosed: Ngh2ClientCodec._on_closed,
    ngh2.GoAwayReceived: Ngh2ClientCodec._on_goaway,
    ngh2.SettingsReceived: Ngh2ClientCodec._on_settings,
    ngh2.WindowUpdated: lambda _, event, asker: asker.on_window(event.stream_id),
    ngh2.ConnectionClosed: Ngh2ClientCodec._on_end_of_all,
}
"""What we do about each event of ngh2; every other one only counts as control."""
