"""A server's end of HTTP/2 (RFC 9113) for small requests: octets in, whole requests out, responses back.

Does no input or output of its own and knows nothing of DNS; the codec below is one of `net/h2_codecs.py`. What a client may cost
is bounded: by `net/h2_guard.py` for frames, here for streams, bodies and header lists.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from net.h2_codecs import CODEC, Code, Codec, Header, ServerCodec, ServerLimits, StreamGone, Unreadable
from net.h2_guard import BROKEN, HEADERS_FREE, HEADERS_GRAIN, RESET, Abusive, Guard

MAX_HELD = 128 * 1024
"""Octets of bodies that one connection may have kept here, not whole yet or not sent."""


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

AtOnce = Callable[[Sequence[Header], float], tuple[Sequence[Header], bytes, bool] | None]
"""Takes the headers of a request that is nothing else, and the time, and gives the headers and the body of the response, and
whether the request was worth the work (as `Http2Server.respond`); or None: then the request is told of."""


def _never(_headers: Sequence[Header], _now: float) -> None:
    """Everything is told of."""


def codec_of(codec: Codec) -> Callable[[ServerLimits], ServerCodec]:
    """What makes a server's end of it. Imports it: only what is used is loaded."""
    if codec is Codec.NGH2:
        from net.h2_server_ngh2 import Ngh2ServerCodec

        return Ngh2ServerCodec
    from net.h2_server_plain import PlainServerCodec

    return PlainServerCodec


open_codec = codec_of(CODEC)
"""At once: a sealed cell opens no file any more."""


@dataclass(slots=True)
class _Stream:
    """A request that is not done with. `whole`: all of it is there; `told`: its owner knows; `rest`: octets of the response
    that wait for the client's windows; `answered`: all of it was sent."""

    headers: Sequence[Header]
    since: float
    body: bytes | bytearray = b""
    whole: bool = False
    told: bool = False
    answered: bool = False
    rest: int = 0
    good: bool = False


class Http2Server:
    """One connection. Every call may leave octets for the client in `outgoing`. `at_once` is asked of every request without a
    body before what came behind it is looked at."""

    def __init__(self, limits: ServerLimits, at_once: AtOnce = _never) -> None:
        self._limits = limits
        self._at_once = at_once
        self._guard = Guard()
        self._codec = open_codec(limits)
        self.outgoing = self._codec.outgoing
        """What is to be sent now; taken from here once."""
        self._streams: dict[int, _Stream] = {}
        self._now = 0.0
        self._found: list[Event] = []
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
            self._codec.reset(stream_id, Code.NO_ERROR)
            self._forget(stream_id)

    def receive(self, data: bytes, now: float) -> list[Event]:
        """What these octets bring. Raises Abusive: the connection must end then, after what is in `outgoing`."""
        self._now = now
        found = self._found = []
        try:
            self._guard.weigh(data)
            self._codec.receive(data, self)
            if self.held:
                self._go_on()
        except Abusive:
            self.goodbye(Code.ENHANCE_YOUR_CALM)
            raise
        except Unreadable as error:
            self.ended = True  # the codec has said goodbye
            raise Abusive("header-list" if error.headers else BROKEN) from None
        # What was asked and called off in one go is never told.
        streams, told = self._streams, []
        for one in found:
            if one.__class__ is not Cancelled:
                stream = streams.get(one.stream)
                if stream is None:
                    continue
                stream.told = True
            told.append(one)
        return told

    def respond(self, stream_id: int, headers: Sequence[Header], body: bytes, *, good: bool) -> None:
        """Answer a request that was told of, if the client still waits. `good`: it was worth the work."""
        stream = self._streams.get(stream_id)
        if stream is None or self.ended:
            return
        if stream.body:
            self._drop_body(stream)
        stream.good = good
        try:
            self._sent(stream_id, stream, self._codec.respond(stream_id, headers, body))
        except StreamGone:
            # The codec has closed the stream already, for a fault of the client's.
            self._forget(stream_id)

    def goodbye(self, code: Code = Code.NO_ERROR) -> None:
        """Say that this is the end (GOAWAY); nothing can be sent afterwards."""
        if not self.ended:
            self.ended = True
            self._codec.goodbye(code)

    def let_go(self) -> None:
        """The connection is over."""
        self._codec.let_go()

    # -- inside

    def _sent(self, stream_id: int, stream: _Stream, rest: int) -> None:
        """All of a response but `rest` octets of its body was sent."""
        if rest or stream.rest:
            self.held += rest - stream.rest
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
            stream = self._streams[stream_id]
            try:
                self._sent(stream_id, stream, self._codec.waiting(stream_id))
            except StreamGone:
                self._forget(stream_id)

    def _forget(self, stream_id: int) -> _Stream | None:
        stream = self._streams.pop(stream_id, None)
        if stream is not None:
            self.held -= len(stream.body) + stream.rest
        return stream

    def _drop_body(self, stream: _Stream) -> None:
        self.held -= len(stream.body)
        stream.body = b""

    # -- what the codec tells

    def on_request(self, stream_id: int, headers: Sequence[Header]) -> None:
        """As `Service`."""
        if not self._may_come(stream_id, headers):
            return
        stream = self._streams[stream_id] = _Stream(headers, self._now)
        for name, value in headers:
            if name == b"content-length":
                if not value.isdigit() or len(value) > 9 or int(value) > self._limits.body:
                    self._refuse(stream_id, stream)
                break

    def on_whole(self, stream_id: int, headers: Sequence[Header]) -> None:
        """As `Service`."""
        if not self._may_come(stream_id, headers):
            return
        ready = None if self.ended else self._at_once(headers, self._now)
        if ready is None:
            self._streams[stream_id] = _Stream(headers, self._now, whole=True)
            self._found.append(Asked(stream_id, headers, b""))
            return
        fields, body, good = ready
        try:
            rest = self._codec.respond(stream_id, fields, body)
        except StreamGone:
            # Asked and called off in one go.
            return
        if rest:
            stream = self._streams[stream_id] = _Stream(headers, self._now, whole=True, told=True, good=good)
            self._sent(stream_id, stream, rest)
        elif good:
            self._guard.earn()

    def _may_come(self, stream_id: int, headers: Sequence[Header]) -> bool:
        """Whether one more stream is taken; else it is reset. It is paid for either way."""
        if len(headers) > HEADERS_FREE:
            self._guard.spend((len(headers) - HEADERS_FREE) // HEADERS_GRAIN)
        if len(self._streams) < self._limits.streams:
            return True
        self._guard.spend(RESET)
        self._codec.reset(stream_id, Code.REFUSED_STREAM)
        return False

    def _refuse(self, stream_id: int, stream: _Stream) -> None:
        self._drop_body(stream)
        stream.told = True
        self._found.append(TooLarge(stream_id, stream.headers))

    def on_data(self, stream_id: int, data: bytes) -> None:
        """As `Service`."""
        stream = self._streams.get(stream_id)
        if stream is None or stream.told:
            return
        if not stream.body:
            stream.body = bytearray()
        stream.body += data
        self.held += len(data)
        if len(stream.body) > self._limits.body or self.held > MAX_HELD:
            self._refuse(stream_id, stream)

    def on_end(self, stream_id: int) -> None:
        """As `Service`."""
        stream = self._streams.get(stream_id)
        if stream is None or stream.whole:
            return
        stream.whole = True
        if stream.answered:
            self._forget(stream_id)
        elif not stream.told:
            self._found.append(Asked(stream_id, stream.headers, bytes(stream.body)))
            if stream.body:
                self._drop_body(stream)

    def on_reset(self, stream_id: int, *, by_client: bool) -> None:
        """As `Service`."""
        if not by_client:
            self._guard.spend(RESET)
        stream = self._forget(stream_id)
        if stream is not None and stream.told:
            self._found.append(Cancelled(stream_id))

    def on_goodbye(self) -> None:
        """As `Service`."""
        self.ended = True
