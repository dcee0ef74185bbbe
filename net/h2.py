"""A client connection of HTTP/2 (RFC 9113) for small requests and bounded responses; the codec is h2.

Knows nothing of DNS. One `Http2Link` carries many streams; each ends as a `Response` or as a `StreamFailed`.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings
import hpack
import hyperframe.exceptions

from net.stream import Link

MAX_HEADERS = 16 * 1024
"""Octets of one response's headers, counted as RFC 9113 §6.5.2 does."""

MAX_STREAMS = 256
"""Streams at once on one connection, even if the server allows more."""

MAX_CONTROL = 512
"""Frames that bring no response further (PING, SETTINGS, WINDOW_UPDATE …) between two responses."""

SMALL_FRAME = 64
"""A DATA frame with fewer octets counts as control too."""

LAST_STREAM = 2**30
"""After this stream id the connection takes no more requests (the protocol ends at 2**31 - 1)."""

CONNECTION_WINDOW = 1024 * 1024
"""Octets that all streams together may have on the way to us."""

MAX_UNREAD = CONNECTION_WINDOW
"""Octets that may come without making sense as a frame; the codec alone would keep 16 MiB of them."""

_SLACK = 512
"""The stream window is larger than a body may be by this, so that a body that is too long shows itself."""

_CODEC_ERRORS = (h2.exceptions.H2Error, hpack.HPACKError, hyperframe.exceptions.HyperframeError, UnicodeError)

Header = tuple[bytes, bytes]


class StreamFailure(Enum):
    """Why a request got no response."""

    TIMEOUT = "timeout"
    LOST = "lost"
    RESET = "reset"
    GOAWAY = "goaway"
    TOO_LARGE = "too-large"
    PROTOCOL = "protocol"


class StreamFailed(Exception):
    """One request failed; LOST, RESET and GOAWAY may go better on another connection."""

    def __init__(self, failure: StreamFailure, detail: str = "") -> None:
        super().__init__(f"{failure.value}: {detail}")
        self.failure = failure
        self.detail = detail


class Response(NamedTuple):
    """A whole response; header names are lower-case."""

    status: int
    headers: list[Header]
    body: bytes


class Limits(NamedTuple):
    """`body` in octets; `idle` in seconds without a request before the connection is closed; `now` reads the clock."""

    body: int
    idle: float
    now: Callable[[], float]


@dataclass(slots=True)
class _Stream:
    """A request under way. `future` may be cancelled: the stream then runs out unheard."""

    future: "asyncio.Future[Response]"
    due: float
    sent: float
    status: int = 0
    headers: list[Header] | None = None
    chunks: list[bytes] = field(default_factory=list)
    length: int = 0


def unindexed(name: bytes, value: bytes) -> Header:
    """A header that no table on the way may keep (RFC 7541 §7.1.3)."""
    return hpack.NeverIndexedHeaderTuple(name, value)


def build_codec(limits: Limits) -> h2.connection.H2Connection:
    """The codec as we set it up. What we send is not validated again: it is ours, and a golden test holds it."""
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
            h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: limits.body + _SLACK,
            h2.settings.SettingCodes.MAX_HEADER_LIST_SIZE: MAX_HEADERS,
        },
    )
    codec.decoder.max_header_list_size = MAX_HEADERS
    return codec


class Http2Link(Link):
    """One connection. `freed` is called when room came back.

    `retired`: takes no new request. `answered`: brought a response at least once. `idle`: we closed it, for want of use.
    """

    def __init__(self, limits: Limits, freed: Callable[[], None]) -> None:
        super().__init__()
        self._limits = limits
        self._freed = freed
        self._early: bytearray | None = bytearray()
        self._codec = build_codec(limits)
        self._streams: dict[int, _Stream] = {}
        self._next = 1
        self._consumed = 0
        self._control = self._unread = 0
        self._last_used = self._last_heard = limits.now()
        self._scheduled = False
        self._room = 0
        self._settled: asyncio.Future[None] = self._loop.create_future()
        self.retired = False
        self.answered = False
        self.idle = False

    @property
    def load(self) -> int:
        """Streams under way."""
        return len(self._streams)

    @property
    def room(self) -> bool:
        """Whether another request may start now."""
        return (
            len(self._streams) < self._room
            and not self.retired
            and not self.closed
            and not self.paused
            and self._codec.outbound_flow_control_window >= 4096
        )

    async def settle(self) -> None:
        """Until the server has said what it allows, or the connection is gone; before that there is no room."""
        await asyncio.shield(self._settled)

    def request(self, headers: Sequence[Header], body: bytes, due: float) -> "asyncio.Future[Response]":
        """Start a request; only if there is `room`. The future ends by the instant `due`, or raises StreamFailed."""
        now = self._limits.now()
        stream_id = self._next
        self._next += 2
        future: asyncio.Future[Response] = self._loop.create_future()
        try:
            self._codec.send_headers(stream_id, headers, end_stream=not body)
            if body:
                self._codec.send_data(stream_id, body, end_stream=True)
        except h2.exceptions.H2Error as error:
            self._fail_all(StreamFailed(StreamFailure.LOST, type(error).__name__))
            raise StreamFailed(StreamFailure.LOST, type(error).__name__) from None
        self._streams[stream_id] = _Stream(future, due, now)
        self._last_used = now
        self.retired = self.retired or stream_id >= LAST_STREAM
        self.wake_at(due, now)
        self._send_soon()
        return future

    def proved(self) -> None:
        """Send the preface and our settings (RFC 9113 §3.4); then read what came meanwhile."""
        self._codec.initiate_connection()
        self._codec.increment_flow_control_window(CONNECTION_WINDOW - 65_535)
        self.wake_at(self._last_used + self._limits.idle, self._last_used)
        self._send_soon()
        early, self._early = self._early, None
        if early:
            self.received(memoryview(early))

    def received(self, data: memoryview) -> None:
        """Frames came; those of a peer that is not proved yet wait, with the first of them only one buffer long."""
        if self._early is not None:
            self._early += data
            return
        try:
            events = self._codec.receive_data(data.tobytes())
            self._unread = 0 if events else self._unread + len(data)
            for event in events:
                handler = _HANDLERS.get(event.__class__)
                if handler is not None:
                    handler(self, event)
                else:
                    self._on_control(event)
        except _CODEC_ERRORS as error:
            self._fail_all(StreamFailed(StreamFailure.PROTOCOL, type(error).__name__))
            return
        self._last_heard = self._limits.now()
        if self._control > MAX_CONTROL or self._unread > MAX_UNREAD:
            self._fail_all(StreamFailed(StreamFailure.PROTOCOL, "too much that is no response"))
            return
        self._send_soon()
        if self.retired and not self._streams:
            self.close()

    def timed(self) -> None:
        """End what is due; close what is idle."""
        now = self._limits.now()
        for stream_id in [key for key, stream in self._streams.items() if stream.due <= now]:
            stream = self._streams.get(stream_id)
            if stream is None:
                continue
            # nothing was heard since it was sent: the peer is dead to us, later requests go elsewhere
            self.retired = self.retired or self._last_heard <= stream.sent
            self._reset(stream_id, StreamFailed(StreamFailure.TIMEOUT, "no response in time"))
        idle = self._last_used + self._limits.idle
        if not self._streams and (self.retired or now >= idle):
            self.idle = not self.retired
            self.retired = True
            self.close()
            return
        self.wake_at(min((stream.due for stream in self._streams.values()), default=idle), now)

    def resume_writing(self) -> None:
        """The server reads again: there is room again."""
        super().resume_writing()
        self._freed()

    def lost(self, error: Exception | None) -> None:
        """Every stream fails."""
        self._fail_streams(StreamFailed(StreamFailure.LOST, "the connection ended"))
        if not self._settled.done():
            self._settled.set_result(None)
        self.ended()

    def ended(self) -> None:
        """The connection is gone; for the owner to override."""

    def _send_soon(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._send)

    def _send(self) -> None:
        """All frames of this turn in one write."""
        self._scheduled = False
        data = self._codec.data_to_send()
        if data:
            self.write(data)
            self._flush()

    def _fail_all(self, reason: StreamFailed) -> None:
        """Nothing more can be done with this connection."""
        self.retired = True
        self._send()
        self._fail_streams(reason)
        if reason.failure is StreamFailure.PROTOCOL:
            self.abort()
        else:
            self.close()

    def _fail_streams(self, reason: StreamFailed) -> None:
        streams, self._streams = self._streams, {}
        for stream in streams.values():
            _refuse(stream.future, reason)

    def _reset(self, stream_id: int, reason: StreamFailed) -> None:
        """Tell the server to stop (RFC 9113 §5.4.2) and the asker why."""
        self._fail(stream_id, reason)
        try:
            self._codec.reset_stream(stream_id, h2.errors.ErrorCodes.CANCEL)
        except h2.exceptions.H2Error as error:  # codec and we disagree on what is open: trust neither
            self._fail_all(StreamFailed(StreamFailure.PROTOCOL, type(error).__name__))
            return
        self._send_soon()

    def _fail(self, stream_id: int, reason: StreamFailed) -> None:
        stream = self._streams.pop(stream_id, None)
        if stream is not None:
            _refuse(stream.future, reason)
            self._freed()

    def _on_response(self, event: h2.events.ResponseReceived) -> None:
        stream = self._streams.get(event.stream_id or 0)
        if stream is None:
            return
        stream.headers = headers = event.headers or []
        for name, value in headers:
            if name == b":status":
                stream.status = int(value) if value.isdigit() and len(value) == 3 else 0
            elif name == b"content-length" and (not value.isdigit() or int(value[:10]) > self._limits.body):
                self._reset(event.stream_id or 0, StreamFailed(StreamFailure.TOO_LARGE, "announced"))
                return

    def _on_data(self, event: h2.events.DataReceived) -> None:
        self._take_in(event.flow_controlled_length or 0)
        stream = self._streams.get(event.stream_id or 0)
        if stream is None:
            return
        data = event.data or b""
        stream.chunks.append(data)
        stream.length += len(data)
        if stream.length > self._limits.body:
            self._reset(event.stream_id or 0, StreamFailed(StreamFailure.TOO_LARGE, "body"))
        if len(data) < SMALL_FRAME:
            self._control += 1

    def _take_in(self, octets: int) -> None:
        """Give the connection's window back in lumps; a stream's window is never renewed, its body is bounded."""
        self._consumed += octets
        if self._consumed >= CONNECTION_WINDOW // 2:
            self._codec.increment_flow_control_window(self._consumed)
            self._consumed = 0

    def _on_end(self, event: h2.events.StreamEnded) -> None:
        stream = self._streams.pop(event.stream_id or 0, None)
        if stream is None:
            return
        self.answered = True
        self._control = 0
        if not stream.future.done():
            stream.future.set_result(Response(stream.status, stream.headers or [], b"".join(stream.chunks)))
        self._freed()

    def _on_reset(self, event: h2.events.StreamReset) -> None:
        self._control += 1
        self.retired = True  # a server that refuses streams here may have room on a fresh connection
        self._fail(event.stream_id or 0, StreamFailed(StreamFailure.RESET, f"code {int(event.error_code or 0)}"))

    def _on_goaway(self, event: h2.events.ConnectionTerminated) -> None:
        """The codec reads nothing more after GOAWAY, so all that is open goes to another connection."""
        self._fail_all(StreamFailed(StreamFailure.GOAWAY, f"code {int(event.error_code or 0)}"))

    def _on_settings(self, event: h2.events.RemoteSettingsChanged) -> None:
        self._control += 1
        self._room = min(MAX_STREAMS, self._codec.remote_settings.max_concurrent_streams)
        if not self._settled.done():
            self._settled.set_result(None)
        self._freed()

    def _on_window(self, event: h2.events.WindowUpdated) -> None:
        self._control += 1
        if not event.stream_id:
            self._freed()

    def _on_control(self, event: h2.events.Event) -> None:
        self._control += 1


def _refuse(future: "asyncio.Future[Response]", reason: StreamFailed) -> None:
    """Fail a request, one exception for each; whoever waited may be gone already, then nobody hears of it."""
    if not future.done():
        future.set_exception(StreamFailed(reason.failure, reason.detail))
        future.exception()


_HANDLERS: dict[type, Callable[..., None]] = {
    h2.events.ResponseReceived: Http2Link._on_response,
    h2.events.DataReceived: Http2Link._on_data,
    h2.events.StreamEnded: Http2Link._on_end,
    h2.events.StreamReset: Http2Link._on_reset,
    h2.events.ConnectionTerminated: Http2Link._on_goaway,
    h2.events.RemoteSettingsChanged: Http2Link._on_settings,
    h2.events.WindowUpdated: Http2Link._on_window,
}
"""What we do about each event of the codec; every other one only counts as control."""
