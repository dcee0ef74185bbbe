"""What a rule may say, and what it may look at."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from resolver.routes import Routes
from resolver.settings import Route
from resolver.values import Explanation, Origin, Query, Reply
from wire.dns.codes import HeaderFlag, QueryFlag, RecordClass, RecordType
from wire.dns.message import Built, ResourceRecord, build_response
from wire.dns.names import read_name

if TYPE_CHECKING:
    from resolver.policy.book import Book
    from resolver.policy.local_data import LocalData
    from resolver.policy.rebinding import Inside

_SOA_NAME = read_name("nobody.invalid")
_SOA_TIMES = b"".join(n.to_bytes(4, "big") for n in (1, 3_600, 1_200, 604_800))
"""Serial, refresh, retry, expire as in RFC 6303 §3; then comes the minimum."""

# Plain numbers: enum arithmetic costs a microsecond each time.
_CD, _SOA, _IN = int(QueryFlag.CD), int(RecordType.SOA), int(RecordClass.IN)
_FLAGS, _FLAGS_CD = int(HeaderFlag.RD | HeaderFlag.RA), int(HeaderFlag.RD | HeaderFlag.RA | HeaderFlag.CD)

TTL = 10_800
"""Seconds (RFC 6303 §3)."""


class Ground(Protocol):
    """One generation of settings with its tables built (`resolver.snapshot.Snapshot`)."""

    routes: Routes
    book: "Book"
    judges: "tuple[Judge, ...]"
    """Those of `resolver.policy.RULES` that have anything to say here, in order."""
    local: "LocalData"
    guard: "Inside"

    def route(self, query: Query) -> Route | None:
        """Where `query` goes."""


Judge = Callable[[Query, Ground], "Say | None"]


class Cause(NamedTuple):
    """Who said it: a `rule` by its name, or a `list` and its `line`. `blocks`: nothing of what was asked for is given out.
    `own`: it is said for some client groups, not for everybody."""

    rule: str = ""
    list: str = ""
    line: int = 0
    blocks: bool = True
    own: bool = False

    @property
    def text(self) -> str:
        """For people; it holds no name that was asked for."""
        return f"list {self.list} line {self.line}" if self.list else f"rule {self.rule}"


@dataclass(frozen=True, slots=True)
class Say:
    """An answer made here. `rule` names who said it, `zone` the suffix that matched. `keep`: seconds for which it may be
    given out again. With `onward` (a folded name), `answer` ends with an alias to it: what it comes to is asked for like any
    question, and joined (`resolver/pipeline.py`). `final`: nobody makes anything else of it, DNS64 included.
    `silent`: over UDP it is not said at all."""

    rule: str
    zone: bytes
    rcode: int
    answer: Sequence[ResourceRecord]
    authority: Sequence[ResourceRecord]
    explanation: Explanation | None
    onward: bytes = b""
    keep: int = TTL
    final: bool = False
    cause: Cause | None = None
    silent: bool = False

    def reply(self, query: Query, generation: int) -> Reply:
        """The undressed answer."""
        message, ttl_offsets = build_local(query.key, query.flags, self.rcode, self.answer, self.authority)
        if self.silent:
            return Reply(message, ttl_offsets, 0.0, generation, Origin.DROPPED, self.explanation)
        return Reply(message, ttl_offsets, float(self.keep), generation, Origin.LOCAL, self.explanation)


def build_local(
    question: bytes, flags: int, rcode: int, answer: Sequence[ResourceRecord], authority: Sequence[ResourceRecord]
) -> Built:
    """An answer made here to a question key, undressed; flags as in `QueryFlag`."""
    return build_response(question, _FLAGS_CD if flags & _CD else _FLAGS, rcode, answer, authority)


def soa(zone: bytes, ttl: int = TTL, minimum: int = TTL) -> ResourceRecord:
    """The SOA of a zone that is served here and nowhere else (RFC 6303 §3)."""
    return ResourceRecord(zone, _SOA, _IN, ttl, zone + _SOA_NAME + _SOA_TIMES + minimum.to_bytes(4, "big"))
