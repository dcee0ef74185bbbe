"""A server's end of HTTP/2 (RFC 9113) for small requests: octets in, whole requests out, responses back; the codec is h2.

Does no input or output of its own and knows nothing of DNS. What a client may cost is bounded: by `net/h2_guard.py` for frames,
here for streams, bodies and header lists.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings
import hpack
import hyperframe.exceptions

from net.h2_encoder import PlainEncoder
from net.h2_guard import BROKEN, HEADERS_FREE, HEADERS_GRAIN, RESET, Abusive, Guard

MAX_HEADERS = 16 * 1024
"""Octets of one request's headers, counted as RFC 9113 §6.5.2 does."""

MAX_HELD = 128 * 1024
"""Octets of bodies that one connection may have kept here, not whole yet or not sent."""

SLACK = 1_024
"""The windows are larger than a body may be by this, so that a body that is too long shows itself."""

MAX_CLOSED = 1_024
"""Streams that ended and are remembered; the codec alone would keep 65,536."""

_FIRST_WINDOW = 65_535
_CODEC_ERRORS = (h2.exceptions.H2Error, hpack.HPACKError, hyperframe.exceptions.HyperframeError, UnicodeError)
_Code = h2.errors.ErrorCodes
_Setting = h2.settings.SettingCodes

Header = tuple[bytes, bytes]


class ServerLimits(NamedTuple):
    """`body`: octets of one request's; `streams`: requests that may be open at once."""

    body: int
    streams: int


class Asked(NamedTuple):
    """A whole request came."""

    stream: int
    headers: Sequence[Header]
    body: bytes


class TooLarge(NamedTuple):
    """The body is too long, or will be: the rest of it is not taken in."""

    stream: int
    headers: Sequence[Header]


class Cancelled(NamedTuple):
    """Nobody waits for the response to a request that was told of."""

    stream: int


Event = Asked | TooLarge | Cancelled


class _Connection(h2.connection.H2Connection):
    MAX_CLOSED_STREAMS = MAX_CLOSED


@dataclass(slots=True)
class _Stream:
    """A request that is not done with. `whole`: all of it is there; `told`: its owner knows; `rest` still has to be sent;
    `answered`: all of the response was sent."""

    headers: Sequence[Header]
    since: float
    body: bytearray = field(default_factory=bytearray)
    whole: bool = False
    told: bool = False
    answered: bool = False
    rest: bytes = b""
    good: bool = False


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


def _build_codec(limits: ServerLimits) -> h2.connection.H2Connection:
    """The codec as we set it up. What we send is not validated again: it is ours."""
    config = h2.config.H2Configuration(
        client_side=False,
        header_encoding=None,
        validate_outbound_headers=False,
        normalize_outbound_headers=False,
        split_outbound_cookies=False,
    )
    codec = _Connection(config)
    codec.encoder = PlainEncoder()  # type: ignore[assignment]
    codec.local_settings = h2.settings.Settings(client=False, initial_values=_settings(limits))
    codec.initiate_connection()
    # > An endpoint that receives a HEADERS frame that causes its advertised concurrent stream limit to be exceeded MUST treat
    # > this as a stream error (RFC 9113 §5.1.2). The codec would end the connection, so it is told twice as many.
    codec.local_settings = _in_force(limits)
    codec.decoder.max_header_list_size = MAX_HEADERS
    codec.increment_flow_control_window(limits.body + SLACK - _FIRST_WINDOW)
    return codec


class Http2Server:
    """One connection. Every call may leave octets for the client in `outgoing`."""

    def __init__(self, limits: ServerLimits) -> None:
        self._limits = limits
        self._guard = Guard()
        self._codec = _build_codec(limits)
        self._streams: dict[int, _Stream] = {}
        self._now = 0.0
        self._consumed = 0
        self.held = 0
        """Octets that are kept for requests and responses."""
        self.ended = False
        """The client said goodbye; nothing can be sent any more."""

    @property
    def open(self) -> int:
        """Requests that are not done with: not whole yet, not answered, or not sent."""
        return len(self._streams)

    @property
    def owing(self) -> bool:
        """Whether a response to a whole request is still to be made or sent."""
        return any(stream.told and not stream.answered for stream in self._streams.values())

    @property
    def oldest(self) -> float:
        """When the oldest of the requests that are not answered began; infinite if there is none."""
        # They are in the order in which they came.
        return next((stream.since for stream in self._streams.values() if not stream.answered), float("inf"))

    def tidy(self, before: float) -> None:
        """Wait no longer for the rest of requests that were answered early and began `before` this time.

        > A server can send a complete response prior to the client sending an entire request … request that the client abort
        > transmission … by sending a RST_STREAM with an error code of NO_ERROR (RFC 9113 §8.1)

        Done at once it would keep common clients from reading the response.
        """
        for stream_id in [key for key, one in self._streams.items() if one.answered and one.since < before]:
            self._reset(stream_id, _Code.NO_ERROR)
            self._forget(stream_id)

    def outgoing(self) -> bytes:
        """What is to be sent now; taken from here once."""
        return self._codec.data_to_send()

    def receive(self, data: bytes, now: float) -> list[Event]:
        """What these octets bring. Raises Abusive: the connection must end then, after what is in `outgoing`."""
        self._now = now
        found: list[Event] = []
        try:
            self._guard.weigh(data)
            for event in self._codec.receive_data(data):
                handler = _HANDLERS.get(event.__class__)
                if handler is not None:
                    handler(self, event, found)
            self._go_on()
        except Abusive:
            self.goodbye(_Code.ENHANCE_YOUR_CALM)
            raise
        except h2.exceptions.DenialOfServiceError:
            self.ended = True
            raise Abusive("header-list") from None
        except _CODEC_ERRORS:
            self.ended = True  # the codec has said goodbye
            raise Abusive(BROKEN) from None
        # What was asked and called off in one go is never told.
        return [one for one in found if isinstance(one, Cancelled) or self._tell(one.stream)]

    def respond(self, stream_id: int, headers: Sequence[Header], body: bytes, *, good: bool) -> None:
        """Answer a request that was told of, if the client still waits. `good`: it was worth the work."""
        stream = self._streams.get(stream_id)
        if stream is None or self.ended:
            return
        try:
            self._codec.send_headers(stream_id, headers, end_stream=not body)
            self._drop_body(stream)
            self.held += len(body)
            stream.rest, stream.good = body, good
            self._send(stream_id, stream)
        except _CODEC_ERRORS:
            # The codec has closed the stream already, for a fault of the client's.
            self._forget(stream_id)

    def goodbye(self, code: _Code = _Code.NO_ERROR) -> None:
        """Say that this is the end (GOAWAY); nothing can be sent afterwards."""
        if not self.ended:
            self.ended = True
            self._codec.close_connection(code)

    def let_go(self) -> None:
        """The connection is over: break the circle in which the codec holds itself, for Python looks for them seldom."""
        self._codec._frame_dispatch_table.clear()

    # -- inside

    def _tell(self, stream_id: int) -> bool:
        stream = self._streams.get(stream_id)
        if stream is None:
            return False
        stream.told = True
        return True

    def _send(self, stream_id: int, stream: _Stream) -> None:
        """As much of the body as the client's windows take."""
        rest = stream.rest
        while rest:
            room = min(self._codec.local_flow_control_window(stream_id), self._codec.max_outbound_frame_size)
            if room <= 0:
                break
            chunk, rest = rest[:room], rest[room:]
            self._codec.send_data(stream_id, chunk, end_stream=not rest)
        self.held -= len(stream.rest) - len(rest)
        stream.rest = rest
        if not rest:
            self._done(stream_id, stream)

    def _done(self, stream_id: int, stream: _Stream) -> None:
        stream.answered = True
        if stream.good:
            self._guard.earn()
        if stream.whole:
            self._forget(stream_id)

    def _go_on(self) -> None:
        """Windows may have grown."""
        for stream_id in [key for key, stream in self._streams.items() if stream.rest]:
            self._send(stream_id, self._streams[stream_id])

    def _reset(self, stream_id: int, code: _Code) -> None:
        # The client may have reset it already, in what the codec has read and we have not.
        with contextlib.suppress(h2.exceptions.StreamClosedError):
            self._codec.reset_stream(stream_id, code)

    def _forget(self, stream_id: int) -> _Stream | None:
        stream = self._streams.pop(stream_id, None)
        if stream is not None:
            self.held -= len(stream.body) + len(stream.rest)
        return stream

    def _drop_body(self, stream: _Stream) -> None:
        self.held -= len(stream.body)
        stream.body = bytearray()

    def _take_in(self, octets: int) -> None:
        """Give the connection's window back in lumps; a stream's is never renewed, its body is bounded."""
        self._consumed += octets
        if self._consumed >= self._limits.body // 2:
            self._codec.increment_flow_control_window(self._consumed)
            self._consumed = 0

    def _on_request(self, event: h2.events.RequestReceived, found: list[Event]) -> None:
        stream_id, headers = event.stream_id or 0, event.headers or []
        self._guard.spend(max(0, len(headers) - HEADERS_FREE) // HEADERS_GRAIN)
        if len(self._streams) >= self._limits.streams:
            self._guard.spend(RESET)
            self._reset(stream_id, _Code.REFUSED_STREAM)
            return
        stream = self._streams[stream_id] = _Stream(headers, self._now)
        length = next((value for name, value in headers if name == b"content-length"), b"0")
        if not length.isdigit() or len(length) > 9 or int(length) > self._limits.body:
            self._refuse(stream_id, stream, found)

    def _refuse(self, stream_id: int, stream: _Stream, found: list[Event]) -> None:
        self._drop_body(stream)
        stream.told = True
        found.append(TooLarge(stream_id, stream.headers))

    def _on_data(self, event: h2.events.DataReceived, found: list[Event]) -> None:
        self._take_in(event.flow_controlled_length or 0)
        stream_id, data = event.stream_id or 0, event.data or b""
        stream = self._streams.get(stream_id)
        if stream is None or stream.told:
            return
        stream.body += data
        self.held += len(data)
        if len(stream.body) > self._limits.body or self.held > MAX_HELD:
            self._refuse(stream_id, stream, found)

    def _on_end(self, event: h2.events.StreamEnded, found: list[Event]) -> None:
        stream = self._streams.get(event.stream_id or 0)
        if stream is None:
            return
        stream.whole = True
        if stream.answered:
            self._forget(event.stream_id or 0)
        elif not stream.told:
            found.append(Asked(event.stream_id or 0, stream.headers, bytes(stream.body)))
            self._drop_body(stream)

    def _on_reset(self, event: h2.events.StreamReset, found: list[Event]) -> None:
        """By the client, or by the codec for a fault of the client's."""
        if not event.remote_reset:
            self._guard.spend(RESET)
        stream = self._forget(event.stream_id or 0)
        if stream is not None and stream.told:
            found.append(Cancelled(event.stream_id or 0))

    def _on_goodbye(self, _event: h2.events.ConnectionTerminated, _found: list[Event]) -> None:
        self.ended = True


_HANDLERS: dict[type, Callable[[Http2Server, Any, list[Event]], None]] = {
    h2.events.RequestReceived: Http2Server._on_request,
    h2.events.DataReceived: Http2Server._on_data,
    h2.events.StreamEnded: Http2Server._on_end,
    h2.events.StreamReset: Http2Server._on_reset,
    h2.events.ConnectionTerminated: Http2Server._on_goodbye,
}
"""What we do about each event of the codec; every other one has paid its price and that is all."""
