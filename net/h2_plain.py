"""A client's end of HTTP/2 frames by h2: the reference."""

from collections.abc import Callable, Sequence
from typing import Any

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings
import hpack
import hyperframe.exceptions

from net.h2_codecs import CONNECTION_WINDOW, FIRST_WINDOW, MAX_HEADERS, Asker, Code, Header, StreamGone, Unreadable
from net.headers import Unindexed

_ERRORS = (h2.exceptions.H2Error, hpack.HPACKError, hyperframe.exceptions.HyperframeError, UnicodeError)


def _build(window: int) -> h2.connection.H2Connection:
    """h2 as we set it up. What we send is not validated again: it is ours, and a golden test holds it."""
    config = h2.config.H2Configuration(
        client_side=True,
        header_encoding=None,
        validate_outbound_headers=False,
        normalize_outbound_headers=False,
        split_outbound_cookies=False,
    )
    codec = h2.connection.H2Connection(config)
    codec.local_settings = h2.settings.Settings(
        client=True,
        initial_values={
            h2.settings.SettingCodes.ENABLE_PUSH: 0,
            h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: window,
            h2.settings.SettingCodes.MAX_HEADER_LIST_SIZE: MAX_HEADERS,
        },
    )
    codec.decoder.max_header_list_size = MAX_HEADERS
    return codec


class PlainClientCodec:
    """One connection."""

    def __init__(self, window: int) -> None:
        self._codec = _build(window)
        self._next = 1
        self._consumed = 0

    @property
    def window(self) -> int:
        """As `ClientCodec`."""
        return self._codec.outbound_flow_control_window

    def start(self) -> None:
        """As `ClientCodec`."""
        self._codec.initiate_connection()
        self._codec.increment_flow_control_window(CONNECTION_WINDOW - FIRST_WINDOW)

    def request(self, headers: Sequence[Header], body: bytes) -> int:
        """As `ClientCodec`."""
        stream_id = self._next
        self._next += 2
        try:
            fields = [hpack.NeverIndexedHeaderTuple(*one) if one.__class__ is Unindexed else one for one in headers]
            self._codec.send_headers(stream_id, fields, end_stream=not body)
            if body:
                self._codec.send_data(stream_id, body, end_stream=True)
        except h2.exceptions.H2Error as error:
            raise StreamGone(type(error).__name__) from None
        return stream_id

    def receive(self, data: bytes, asker: Asker) -> bool:
        """As `ClientCodec`."""
        try:
            events = self._codec.receive_data(data)
            for event in events:
                handler = _HANDLERS.get(event.__class__)
                if handler is not None:
                    handler(self, event, asker)
                else:
                    asker.on_control()
        except _ERRORS as error:
            raise Unreadable(type(error).__name__) from None
        return bool(events)

    def outgoing(self) -> bytes:
        """As `ClientCodec`."""
        return self._codec.data_to_send()

    def reset(self, stream_id: int) -> None:
        """As `ClientCodec`."""
        try:
            self._codec.reset_stream(stream_id, h2.errors.ErrorCodes(Code.CANCEL))
        except h2.exceptions.StreamClosedError:
            return  # by the server, in what the codec has read and we have not
        except h2.exceptions.H2Error as error:
            raise StreamGone(type(error).__name__) from None

    def _on_data(self, event: h2.events.DataReceived, asker: Asker) -> None:
        """Give the connection's window back in lumps; a stream's window is never renewed, its body is bounded."""
        self._consumed += event.flow_controlled_length or 0
        if self._consumed >= CONNECTION_WINDOW // 2:
            self._codec.increment_flow_control_window(self._consumed)
            self._consumed = 0
        asker.on_data(event.stream_id or 0, event.data or b"")

    def _on_settings(self, _event: h2.events.RemoteSettingsChanged, asker: Asker) -> None:
        asker.on_settings(self._codec.remote_settings.max_concurrent_streams)


_HANDLERS: dict[type, Callable[[PlainClientCodec, Any, Asker], None]] = {
    h2.events.ResponseReceived: lambda _, event, asker: asker.on_response(event.stream_id, event.headers or ()),
    h2.events.DataReceived: PlainClientCodec._on_data,
    h2.events.StreamEnded: lambda _, event, asker: asker.on_end(event.stream_id),
    h2.events.StreamReset: lambda _, event, asker: asker.on_reset(event.stream_id, int(event.error_code or 0)),
    h2.events.ConnectionTerminated: lambda _, event, asker: asker.on_goaway(int(event.error_code or 0)),
    h2.events.RemoteSettingsChanged: PlainClientCodec._on_settings,
    h2.events.WindowUpdated: lambda _, event, asker: asker.on_window(event.stream_id or 0),
}
"""What we do about each event of h2; every other one only counts as control."""
