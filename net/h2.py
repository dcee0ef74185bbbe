"""A client connection of HTTP/2 (RFC 9113) for small requests and bounded responses; the codec is one of `net/h2_codecs.py`.

Knows nothing of DNS. One `Http2Link` carries many streams; each ends as a `Response` or as a `StreamFailed`.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from net.h2_codecs import CODEC, CONNECTION_WINDOW, ClientCodec, Codec, Header, StreamGone, Unreadable
from net.stream import Link

MAX_STREAMS = 256
"""Streams at once on one connection, even if the server allows more."""

MAX_CONTROL = 512
"""Frames that bring no response further (PING, SETTINGS, WINDOW_UPDATE …) between two responses."""

SMALL_FRAME = 64
"""A DATA frame with fewer octets counts as control too."""

LAST_STREAM = 2**30
"""After this stream id the connection takes no more requests (the protocol ends at 2**31 - 1)."""

MAX_UNREAD = CONNECTION_WINDOW
"""Octets that may come without making sense as a frame; the codec alone would keep 16 MiB of them."""

_SLACK = 512
"""The stream window is larger than a body may be by this, so that a body that is too long shows itself."""


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
    headers: Sequence[Header] = ()
    chunks: list[bytes] = field(default_factory=list)
    length: int = 0


def codec_of(codec: Codec) -> Callable[[int], ClientCodec]:
    """What makes a client's end of it, given the windows of the streams. Imports it: only what is used is loaded."""
    if codec is Codec.NGH2:
        from net.h2_ngh2 import Ngh2ClientCodec

        return Ngh2ClientCodec
    from net.h2_plain import PlainClientCodec

    return PlainClientCodec


open_codec = codec_of(CODEC)
"""At once: a sealed cell opens no file any more."""


class Http2Link(Link):
    """One connection. `freed` is called when room came back.

    `retired`: takes no new request. `answered`: brought a response at least once. `idle`: we closed it, for want of use.
    """

    def __init__(self, limits: Limits, freed: Callable[[], None]) -> None:
        super().__init__()
        self._limits = limits
        self._freed = freed
        self._early: bytearray | None = bytearray()
        self._codec = open_codec(limits.body + _SLACK)
        self._streams: dict[int, _Stream] = {}
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
            and self._codec.window >= 4096
        )

    async def settle(self) -> None:
        """Until the server has said what it allows, or the connection is gone; before that there is no room."""
        await asyncio.shield(self._settled)

    def request(self, headers: Sequence[Header], body: bytes, due: float) -> "asyncio.Future[Response]":
        """Start a request; only if there is `room`. The future ends by the instant `due`, or raises StreamFailed."""
        now = self._limits.now()
        future: asyncio.Future[Response] = self._loop.create_future()
        try:
            stream_id = self._codec.request(headers, body)
        except StreamGone as error:
            self._fail_all(StreamFailed(StreamFailure.LOST, str(error)))
            raise StreamFailed(StreamFailure.LOST, str(error)) from None
        self._streams[stream_id] = _Stream(future, due, now)
        self._last_used = now
        self.retired = self.retired or stream_id >= LAST_STREAM
        self.wake_at(due, now)
        self._send_soon()
        return future

    def proved(self) -> None:
        """Send the preface and our settings (RFC 9113 §3.4); then read what came meanwhile."""
        self._codec.start()
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
            heard = self._codec.receive(data.tobytes(), self)
        except Unreadable as error:
            self._fail_all(StreamFailed(StreamFailure.PROTOCOL, error.detail))
            return
        self._unread = 0 if heard else self._unread + len(data)
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
        data = self._codec.outgoing()
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
            self._codec.reset(stream_id)
        except StreamGone as error:  # codec and we disagree on what is open: trust neither
            self._fail_all(StreamFailed(StreamFailure.PROTOCOL, str(error)))
            return
        self._send_soon()

    def _fail(self, stream_id: int, reason: StreamFailed) -> None:
        stream = self._streams.pop(stream_id, None)
        if stream is not None:
            _refuse(stream.future, reason)
            self._freed()

    # -- what the codec tells

    def on_response(self, stream_id: int, headers: Sequence[Header]) -> None:
        """As `Asker`."""
        stream = self._streams.get(stream_id)
        if stream is None:
            return
        stream.headers = headers
        for name, value in headers:
            if name == b":status":
                stream.status = int(value) if value.isdigit() and len(value) == 3 else 0
            elif name == b"content-length" and (not value.isdigit() or int(value[:10]) > self._limits.body):
                self._reset(stream_id, StreamFailed(StreamFailure.TOO_LARGE, "announced"))
                return

    def on_data(self, stream_id: int, data: bytes) -> None:
        """As `Asker`."""
        stream = self._streams.get(stream_id)
        if stream is None:
            return
        stream.chunks.append(data)
        stream.length += len(data)
        if stream.length > self._limits.body:
            self._reset(stream_id, StreamFailed(StreamFailure.TOO_LARGE, "body"))
        if len(data) < SMALL_FRAME:
            self._control += 1

    def on_end(self, stream_id: int) -> None:
        """As `Asker`."""
        stream = self._streams.pop(stream_id, None)
        if stream is None:
            return
        self.answered = True
        self._control = 0
        if not stream.future.done():
            stream.future.set_result(Response(stream.status, list(stream.headers), b"".join(stream.chunks)))
        self._freed()

    def on_reset(self, stream_id: int, code: int) -> None:
        """As `Asker`."""
        self._control += 1
        self.retired = True  # a server that refuses streams here may have room on a fresh connection
        self._fail(stream_id, StreamFailed(StreamFailure.RESET, f"code {code}"))

    def on_goaway(self, code: int) -> None:
        """As `Asker`. h2 reads nothing more after GOAWAY, so all that is open goes to another connection."""
        self._fail_all(StreamFailed(StreamFailure.GOAWAY, f"code {code}"))

    def on_settings(self, streams: int) -> None:
        """As `Asker`."""
        self._control += 1
        self._room = min(MAX_STREAMS, streams)
        if not self._settled.done():
            self._settled.set_result(None)
        self._freed()

    def on_window(self, stream_id: int) -> None:
        """As `Asker`."""
        self._control += 1
        if not stream_id:
            self._freed()

    def on_control(self) -> None:
        """As `Asker`."""
        self._control += 1


def _refuse(future: "asyncio.Future[Response]", reason: StreamFailed) -> None:
    """Fail a request, one exception for each; whoever waited may be gone already, then nobody hears of it."""
    if not future.done():
        future.set_exception(StreamFailed(reason.failure, reason.detail))
        future.exception()
