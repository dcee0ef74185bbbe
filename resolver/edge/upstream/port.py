"""The port behind which every transport stands, and how a transport fails."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, runtime_checkable

from net.clock import date
from net.tls import TlsFactory
from privacy.channel import Channel
from resolver.settings import Profile, UpstreamSpec
from wire.units import Epoch, Instant


class Why(Enum):
    """Why an upstream gave no usable answer; a counter each."""

    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    RESET = "reset"
    CERTIFICATE = "certificate"
    TLS = "tls"
    MALFORMED = "malformed"
    MISMATCH = "mismatch"
    TOO_LARGE = "too-large"
    HTTP = "http"
    GOAWAY = "goaway"
    BUSY = "busy"
    NO_ADDRESS = "no-address"
    KEYS = "keys"


LARGEST = 65_535
"""Octets of the largest DNS message over a stream."""


class UpstreamFailed(Exception):
    """This exchange brought no answer. `why` goes into the counters, `detail` (no name, no address) into the log."""

    def __init__(self, why: Why, detail: str = "") -> None:
        super().__init__(f"{why.value}: {detail}" if detail else why.value)
        self.why = why
        self.detail = detail


class Upstream(Protocol):
    """One server over one transport. Safe for any number of concurrent exchanges."""

    def channel(self) -> Channel:
        """The road as it is now: `conceal` needs it before the query is built."""

    async def exchange(self, query: bytes, deadline: Instant) -> bytes:
        """Send one DNS message, return the response to it.

        `query` has id 0; the transport stamps and checks its own id. The response's id is meaningless. Ends by
        `deadline` (monotonic) at the latest. Raises UpstreamFailed and, when the task is cancelled, CancelledError;
        nothing else. A cancelled exchange leaves the connection usable.
        """

    async def close(self) -> None:
        """End every connection; later exchanges raise UpstreamFailed."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What a transport may use besides its spec.

    `now` reads the monotonic clock and `date` the wall clock, `entropy(n)` gives n random octets, `lookup(name)` gives literal
    addresses of a server's name through its bootstrap group (raises UpstreamFailed), `count(what)` bumps a counter.
    """

    now: Callable[[], Instant]
    entropy: Callable[[int], bytes]
    lookup: Callable[[str], Awaitable[tuple[str, ...]]]
    count: Callable[[str], None]
    tls: TlsFactory
    date: Callable[[], Epoch] = date


Ended = Callable[[bytes | UpstreamFailed], None]
"""Told how an exchange ended, once: the response, or why there is none. Raises nothing."""


@runtime_checkable
class Prompt(Upstream, Protocol):
    """One that can mostly be asked at once, so that nobody needs a task to wait for it."""

    def begin(self, query: bytes, deadline: Instant, ended: Ended) -> Callable[[], object] | None:
        """As `exchange`, but tells `ended`, perhaps before this returns. Gives what ends it early, after which nobody cares for
        what `ended` is told. None: it takes waiting to send this one, and nothing was done."""


Open = Callable[[UpstreamSpec, Profile, Tools], Upstream]
"""How a transport is opened: cheap, connects nothing; connections are made by the first exchange."""
