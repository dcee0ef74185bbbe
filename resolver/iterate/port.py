"""The outside as iteration sees it: one question to one server at a time. Everything else here is pure."""

import math
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import NamedTuple, Protocol, TypeVar

from wire.dns.message import Message
from wire.units import Instant, Seconds

T = TypeVar("T")

MAX_IN_FLIGHT = 50
"""Questions under way to one server that answers."""


def _any_server() -> int:
    return MAX_IN_FLIGHT


class Endpoint(NamedTuple):
    """Where a server listens: a literal address and a port."""

    address: str
    port: int = 53


class Ask(NamedTuple):
    """One question to one authoritative server of `zone` (folded).

    `question` is the folded name, type and class, two octets each. With `edns` the query has an OPT with DO set, without
    it none at all. `stream`: over TCP from the start. `timeout` is for how many seconds an answer is awaited. `crowd`
    tells, whenever it is asked, with how many questions under way to this endpoint this one waits. `probe`: TLS may be
    tried (RFC 9539). `until`: the instant at which all of it must be over, waiting for a turn and a stream after a packet
    included. `room`: how many octets an answer over a stream may have.
    """

    endpoint: Endpoint
    zone: bytes
    question: bytes
    timeout: Seconds
    edns: bool = True
    stream: bool = False
    crowd: Callable[[], int] = _any_server
    probe: bool = False
    until: float = math.inf
    room: int = 65_535


class Heard(NamedTuple):
    """A response: it came from `ask.endpoint` and repeats the question; nothing else of it is checked.

    `packets` is how many queries it took (2 if TCP had to be asked), `octets` what came in, `took` seconds.
    """

    ask: Ask
    message: Message
    packets: int
    octets: int
    took: Seconds


class Why(Enum):
    """Why there is no response."""

    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    NONSENSE = "nonsense"
    BUSY = "busy"


class Silent(NamedTuple):
    """No response. NONSENSE: something came that is no answer to this question, over UDP and over TCP."""

    ask: Ask
    why: Why
    packets: int
    took: Seconds


class Outside(Protocol):
    """The only thing iteration waits for."""

    async def ask(self, ask: Ask) -> Heard | Silent:
        """Ask one server. Raises nothing (but CancelledError when its task is cancelled)."""

    async def once(self, key: object, work: Callable[[], Awaitable[T]], until: float) -> T | None:
        """The outcome of `work`, shared with whoever wants the same `key` meanwhile. None if somebody else is at it and
        not done at the instant `until`; `work` itself must see to its end. `work` must not call `once`."""

    def now(self) -> Instant:
        """The monotonic clock."""

    def chance(self) -> int:
        """32 random bits."""
