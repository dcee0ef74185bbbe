"""DNS messages over one stream, many at once, answered in any order (RFC 7766 §6.2.1.1, §7)."""

import asyncio
import struct
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from resolver.edge.upstream.pool import PoolLimits
from resolver.edge.upstream.pooled import IDLE, Pooled, PooledLink
from resolver.edge.upstream.port import LARGEST, Ended, Tools, UpstreamFailed, Why
from resolver.edge.upstream.questions import same_question, spelled_question
from wire.dns.framing import Framer
from wire.units import Instant

MAX_OPEN = 512
"""Exchanges at once on one connection."""

MAX_GHOSTS = 64
"""Exchanges given up on one connection before it is given up too."""

TLS_LIMITS = PoolLimits(connections=4, crowded=64)
TCP_LIMITS = PoolLimits(connections=1, crowded=MAX_OPEN)

_PREFIX = struct.Struct("!HH")
_HEADER = 12
_QR = 0x80
_TOO_LARGE = "more octets than may still come"


class _Ask(NamedTuple):
    """An exchange under way. `question` is what must come back, or empty where the channel is authenticated; `most` is how
    many octets it may have."""

    ended: Ended
    due: float
    sent: float
    question: bytes
    most: int


class FramedLink(PooledLink):
    """One connection. Ids are random and unique among all that may still be answered."""

    def __init__(self, upstream: "Framed", tools: Tools, compare: bool) -> None:
        super().__init__()
        self._upstream = upstream
        self._now = tools.now
        self._entropy = tools.entropy
        self._compare = compare
        self._framer = Framer()
        self._asks: dict[int, _Ask] = {}
        self._ghosts: set[int] = set()
        self._random = b""
        self._last_used = self._last_heard = tools.now()
        self.retired = False
        self.answered = False
        self.idle = False

    @property
    def load(self) -> int:
        """Exchanges under way."""
        return len(self._asks)

    @property
    def room(self) -> bool:
        """Whether one more may start."""
        return len(self._asks) < MAX_OPEN and not (self.retired or self.paused or self.closed)

    def ask(self, query: bytes, due: Instant, most: int = LARGEST) -> "asyncio.Future[bytes]":
        """Send a query under an id of our own. The future ends by `due`, or raises UpstreamFailed."""
        future: asyncio.Future[bytes] = self._loop.create_future()
        self.begin(query, due, partial(_settle, future), most)
        return future

    def begin(self, query: bytes, due: Instant, ended: Ended, most: int = LARGEST) -> None:
        """The same; `ended` is told by `due`, and not before this returns."""
        now = self._now()
        identifier = self._fresh_id()
        question = spelled_question(query) if self._compare else b""
        self._asks[identifier] = _Ask(ended, due, now, question, most)
        self._last_used = now
        self.wake_at(due, now)
        self.write(_PREFIX.pack(len(query), identifier) + query[2:])

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the clock for an idle end."""
        super().connection_made(transport)
        self.wake_at(self._last_used + IDLE, self._last_used)

    def received(self, data: memoryview) -> None:
        """Octets of messages came."""
        self._last_heard = self._now()
        for message in self._framer.feed(data.tobytes()):
            self._heard(message)
            if self.retired and self.closed:
                return
        self._refuse_too_large()
        if self.retired and not self._asks:
            self.close()

    def timed(self) -> None:
        """End what is due; close what is idle."""
        now = self._now()
        for identifier in [key for key, ask in self._asks.items() if ask.due <= now]:
            ask = self._asks.pop(identifier)
            self._ghosts.add(identifier)
            # nothing was heard since it was sent: the peer is dead to us, later exchanges go elsewhere
            self.retired = self.retired or self._last_heard <= ask.sent or len(self._ghosts) > MAX_GHOSTS
            ask.ended(UpstreamFailed(Why.TIMEOUT, "no response in time"))
            self._upstream.freed()
        idle = self._last_used + IDLE
        if not self._asks and (self.retired or now >= idle):
            self.idle = not self.retired
            self.retired = True
            self.close()
            return
        self.wake_at(min((ask.due for ask in self._asks.values()), default=idle), now)

    def resume_writing(self) -> None:
        """The server reads again: there is room again."""
        super().resume_writing()
        self._upstream.freed()

    def lost(self, error: Exception | None) -> None:
        """Every exchange fails."""
        self._fail_all(Why.RESET, "the connection ended")
        self._upstream.ended(self)

    def _fresh_id(self) -> int:
        while True:
            if not self._random:
                self._random = self._entropy(256)
            identifier = self._random[0] << 8 | self._random[1]
            self._random = self._random[2:]
            if identifier not in self._asks and identifier not in self._ghosts:
                return identifier

    def _heard(self, message: bytes) -> None:
        if len(message) < _HEADER:
            self._break(Why.MALFORMED, "shorter than a header")
            return
        identifier = message[0] << 8 | message[1]
        ask = self._asks.pop(identifier, None)
        if ask is None:
            if identifier in self._ghosts:
                self._ghosts.discard(identifier)
            else:
                self._break(Why.MISMATCH, "an id that was never asked")
            return
        if not message[2] & _QR:
            ask.ended(UpstreamFailed(Why.MALFORMED, "not a response"))
        elif len(message) > ask.most:
            ask.ended(UpstreamFailed(Why.TOO_LARGE, _TOO_LARGE))
        elif ask.question and not same_question(message, ask.question):
            ask.ended(UpstreamFailed(Why.MISMATCH, "another question"))
        else:
            self.answered = True
            ask.ended(message)
        self._upstream.freed()

    def _refuse_too_large(self) -> None:
        """The length stands before the message: what is too long is not waited for, and if nobody else uses the
        connection, not read either."""
        length, identifier = self._framer.announced or (0, 0)
        ask = self._asks.get(identifier)
        if ask is None or length <= ask.most:
            return
        del self._asks[identifier]
        self._ghosts.add(identifier)
        ask.ended(UpstreamFailed(Why.TOO_LARGE, _TOO_LARGE))
        self._upstream.freed()
        if not self._asks:
            self.retired = True
            self.abort()

    def _break(self, why: Why, detail: str) -> None:
        """The peer breaks the rules: nothing it says later counts."""
        self.retired = True
        self._fail_all(why, detail)
        self.abort()

    def _fail_all(self, why: Why, detail: str) -> None:
        asks, self._asks = self._asks, {}
        for ask in asks.values():
            ask.ended(UpstreamFailed(why, detail))


class Framed(Pooled[FramedLink]):
    """DNS over TCP or TLS. Over clear TCP the question is compared too: there, nobody has proved anything."""

    def limits(self) -> PoolLimits:
        """Several connections over TLS, one in clear text."""
        return TLS_LIMITS if self._channel.encrypted else TCP_LIMITS

    def make_link(self) -> FramedLink:
        """A link of this upstream."""
        return FramedLink(self, self._tools, compare=not self._channel.encrypted)

    async def ask(self, link: FramedLink, query: bytes, deadline: Instant, most: int) -> bytes:
        """One message there, one back."""
        return await link.ask(query, deadline, most)

    def begin(self, query: bytes, deadline: Instant, ended: Ended) -> Callable[[], object] | None:
        """As resolver.edge.upstream.port.Prompt, over a connection that stands."""
        link = self.ready()
        if link is None:
            return None
        link.begin(query, deadline, partial(self.settled, query, deadline, ended))
        return _never_mind


def _never_mind() -> None:
    """Nobody hears of the response any more. Its id is taken until it comes or is due."""


def _settle(future: "asyncio.Future[bytes]", outcome: bytes | UpstreamFailed) -> None:
    """End an exchange; whoever waited may be gone already, then nobody hears of it."""
    if future.done():
        return
    if isinstance(outcome, UpstreamFailed):
        future.set_exception(outcome)
        future.exception()
    else:
        future.set_result(outcome)
