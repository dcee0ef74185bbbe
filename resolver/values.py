"""The nouns on the path of a query; each stage consumes one and makes the next. All frozen."""

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from wire.dns.codes import ExtendedError
from wire.dns.codes import QueryFlag as QueryFlag  # part of a Query, defined where privacy/ can see it too


class Query(NamedTuple):
    """A client's question as the resolver sees it: no address, no id, no option.

    `key` is the folded (lower-case, uncompressed) name, then type and class, two octets each: the layout of
    RFC 1035 §4.1.2, so it is also the question section to send. `flags` are QueryFlag bits as a plain
    number. `group` is the index of the client group in the
    snapshot of `generation`.
    """

    key: bytes
    flags: int
    group: int
    generation: int

    @property
    def name(self) -> bytes:
        """The folded name, in wire form."""
        return self.key[:-4]

    @property
    def rrtype(self) -> int:
        """The type asked for."""
        return int.from_bytes(self.key[-4:-2], "big")

    @property
    def rrclass(self) -> int:
        """The class asked for."""
        return int.from_bytes(self.key[-2:], "big")


@dataclass(frozen=True, slots=True)
class Explanation:
    """An extended error with its text (RFC 8914); the text is ASCII, at most 120 octets, and holds no name. `also`: one more
    code that it is, told with the same text."""

    code: ExtendedError
    text: str
    also: ExtendedError | None = None


class Origin(Enum):
    """Where a reply came from; travels in the reply's header for counters and `explain`."""

    UPSTREAM = 0
    CACHE = 1
    STALE = 2
    LOCAL = 3
    FAILURE = 4
    DROPPED = 5
    """A list wants no answer: over UDP none is given. On a stream, where silence holds the next question up, it is what is in
    it."""
    STREAM_ONLY = 6
    """A list wants that it is given over TCP (or what is encrypted) only; over UDP it is told to ask again there."""

    __hash__ = object.__hash__
    """Each is itself only. Enum's own is a function in Python, and each reply is looked up by it several times."""


class Reply(NamedTuple):
    """An undressed answer: what the resolver hands to `front`.

    `message` is a whole DNS message: id 0, QR and RA set, RD as asked, AA and TC clear, AD if all of it is secure, the folded
    question, answer and authority sections, no additional section, no OPT. `ttl_offsets` are the offsets in `message` of
    every TTL field. `cacheable` is for how many seconds from now it may be given out again (0: this client only). `cost` is what
    finding it took, in `resolver.iterate.budget.Budget.cost`.
    """

    message: bytes
    ttl_offsets: tuple[int, ...]
    cacheable: float
    generation: int
    origin: Origin
    explanation: Explanation | None = None
    cost: float = 0.0
