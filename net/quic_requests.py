"""Requests over QUIC, one stream each: what DNS over QUIC and HTTP/3 have in common."""

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial
from typing import Generic, NamedTuple, TypeVar

from net.h2 import StreamFailed, StreamFailure
from net.quic import QuicLink
from net.quic_client import QuicClient
from net.quic_codecs import Gone, Reset

MAX_STREAMS = 256
"""Requests at once on one connection, even if the server allows more."""

R = TypeVar("R")
P = TypeVar("P")

Ended = Callable[[R | StreamFailed], None]
"""Told what came of a request, once, unless it is taken back. What it raises is a mistake of ours, and costs no other request
anything."""


class RequestLimits(NamedTuple):
    """`body` in octets; `idle` in seconds without a request before the connection is closed; `now` reads the clock."""

    body: int
    idle: float
    now: Callable[[], float]


class _Request(NamedTuple, Generic[R, P]):
    """A request under way. `partly`: what came of its answer so far, as the link's own kind wants it."""

    ended: Ended[R]
    due: float
    sent: float
    partly: P


class RequestLink(QuicLink, Generic[R, P]):
    """One connection. `freed` is called when room came back; `cancelled` is the application's code for "not wanted any more".

    That the far end acknowledges datagrams says nothing of whoever answers there: only octets of streams count as heard.
    """

    cancelled = 0

    def __init__(self, client: QuicClient, limits: RequestLimits, freed: Callable[[], None]) -> None:
        super().__init__(client)
        self._limits = limits
        self._freed = freed
        self._requests: dict[int, _Request[R, P]] = {}
        self._last_used = self._last_heard = limits.now()
        self.retired = False
        self.answered = False
        self.idle = False

    @property
    def load(self) -> int:
        """Requests under way."""
        return len(self._requests)

    @property
    def room(self) -> bool:
        """Whether one more may start."""
        return len(self._requests) < MAX_STREAMS and not (self.retired or self.closed) and self.streams_left() > 0

    def ended(self) -> None:
        """The connection is gone; for the owner to override."""

    def begin(self, due: float, partly: P, ended: Ended[R]) -> int:
        """The stream of a new request, which ends by the instant `due`; only if there is `room`. `ended` is not told before this
        returns."""
        now = self._limits.now()
        stream_id = self.core.next_stream()
        self._requests[stream_id] = _Request(ended, due, now, partly)
        self._last_used = now
        self.wake_at(due, now)
        self.send_soon()
        return stream_id

    def partly(self, stream_id: int) -> P | None:
        """What came so far on a stream that somebody waits for."""
        request = self._requests.get(stream_id)
        return None if request is None else request.partly

    def under_way(self) -> list[int]:
        """The streams that somebody waits for."""
        return list(self._requests)

    def finish(self, stream_id: int, result: R) -> None:
        """A request was answered."""
        request = self._requests.pop(stream_id)
        self.answered = True
        self._tell(request, result)
        self._served()

    def fail(self, stream_id: int, reason: StreamFailed) -> None:
        """A request was not answered."""
        request = self._requests.pop(stream_id, None)
        if request is not None:
            self._tell(request, StreamFailed(reason.failure, reason.detail))
            self._served()

    def take_back(self, stream_id: int) -> None:
        """Nobody wants the answer any more, nor to be told that there is none: it would be asked for elsewhere."""
        if self._requests.pop(stream_id, None) is not None:
            self._stop(stream_id)
            self._served()

    def give_up(self, stream_id: int, reason: StreamFailed) -> None:
        """Tell the asker why, and the server to stop."""
        self._stop(stream_id)
        self.fail(stream_id, reason)

    def _stop(self, stream_id: int) -> None:
        """RFC 9000 §3.5."""
        if not self.closed:
            with contextlib.suppress(Gone):  # all of it was acknowledged
                self.core.reset(stream_id, self.cancelled)
            with contextlib.suppress(Gone):  # all of it came
                self.core.stop(stream_id, self.cancelled)
            self.send_soon()

    def fail_all(self, reason: StreamFailed, code: int) -> None:
        """Nothing more can be done with this connection; `code` tells the server why."""
        self.retired = True
        self.close(code)
        for stream_id in list(self._requests):
            self.fail(stream_id, reason)

    def ready(self) -> None:
        """Start the clock for an idle end."""
        self._last_used = self._limits.now()
        self.wake_at(self._last_used + self._limits.idle, self._last_used)

    def note_heard(self) -> None:
        """Octets of a stream came."""
        self._last_heard = self._limits.now()

    def was_reset(self, event: Reset) -> None:
        """A server that refuses streams here may have room on a fresh connection."""
        if event.stream in self._requests:
            self.retired = True
            self.fail(event.stream, StreamFailed(StreamFailure.RESET, f"code {event.code:#x}"))

    def allowed_more(self) -> None:
        """There is room again."""
        self._freed()

    def timed(self) -> None:
        """End what is due; close what is idle."""
        now = self._limits.now()
        for stream_id in [key for key, request in self._requests.items() if request.due <= now]:
            request = self._requests.get(stream_id)
            if request is None:
                continue
            # nothing was heard since it was sent: the peer is dead to us, later requests go elsewhere
            self.retired = self.retired or self._last_heard <= request.sent
            self.give_up(stream_id, StreamFailed(StreamFailure.TIMEOUT, "no response in time"))
        if self.closed:
            return
        idle = self._last_used + self._limits.idle
        if not self._requests and (self.retired or now >= idle):
            self.idle = not self.retired
            self.retired = True
            self.close()
            return
        self.wake_at(min((request.due for request in self._requests.values()), default=idle), now)

    def lost(self, detail: str) -> None:
        """Every request fails."""
        self.idle = self.idle or not (self._requests or self.retired)  # the server's own idle end
        self.retired = True
        requests, self._requests = self._requests, {}
        for request in requests.values():
            self._tell(request, StreamFailed(StreamFailure.LOST, detail))
        self.ended()

    def _tell(self, request: _Request[R, P], outcome: R | StreamFailed) -> None:
        try:
            request.ended(outcome)
        except Exception as error:
            self._loop.call_exception_handler({"message": "whoever made a request failed", "exception": error})

    def _served(self) -> None:
        if self.retired and not self._requests:
            self.close()
        self._freed()


async def outcome(link: RequestLink[R, P], start: Callable[[Ended[R]], int]) -> R:
    """What comes of the request that `start` begins on `link`; it gives the stream. Raises StreamFailed; a task that is cancelled
    takes the request back."""
    future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
    stream_id = start(partial(_settle, future))
    try:
        return await future
    except asyncio.CancelledError:
        link.take_back(stream_id)
        raise


def _settle(future: "asyncio.Future[R]", outcome: R | StreamFailed) -> None:
    """Whoever waited may be gone already, then nobody hears of it."""
    if future.done():
        return
    if isinstance(outcome, StreamFailed):
        future.set_exception(outcome)
        future.exception()
    else:
        future.set_result(outcome)
