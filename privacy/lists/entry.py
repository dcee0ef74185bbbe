"""What one line of a list says, whatever its format. Each format of `privacy/lists/formats/` makes these, `compile.py` reads
them."""

from dataclasses import dataclass
from enum import IntEnum

SPARED = ""
"""The name, among those of lists in an image, of what is no list: names that no list may block, whatever it says."""


class Scope(IntEnum):
    """Which names a name in a list or a rule stands for."""

    TREE = 0
    """Itself and everything below."""
    EXACT = 1
    """Itself alone."""
    BELOW = 2
    """Everything below, not itself."""


class Trigger(IntEnum):
    """What an entry looks at (RPZ draft §4; all formats but RPZ have the first two only)."""

    NAME = 0
    """The name asked for, and those that its aliases lead to. `name` and `scope`."""
    PATTERN = 1
    """The same, by a regular expression over the text of the name without its last dot. `pattern`."""
    ADDRESS = 2
    """An address in the answer. `network`."""
    SERVER = 3
    """The name of an authoritative server (RPZ NSDNAME). `name` and `scope`."""
    SERVER_ADDRESS = 4
    """The address of an authoritative server (RPZ NSIP). `network`."""
    CLIENT = 5
    """The client's address (RPZ); read so that it can be reported, and never compiled: the resolver knows no client."""


class Saying(IntEnum):
    """What an entry says of what it matches. The form of a refusal that is only BLOCK is the user's choice."""

    BLOCK = 0
    ALLOW = 1
    """`@@`, RPZ PASSTHRU: no entry of less weight counts."""
    NXDOMAIN = 2
    NODATA = 3
    DROP = 4
    """RPZ: no answer at all."""
    TRUNCATE = 5
    """RPZ: over UDP only "ask again over TCP"."""
    RECORDS = 6
    """Records of its own: RPZ local data, `$dnsrewrite`, `address=/…/1.2.3.4`, hosts with a real address. `records`."""
    REFUSED = 7


@dataclass(frozen=True, slots=True)
class Record:
    """`rrtype` and uncompressed `rdata` of a record at the name that was asked for; `ttl` seconds, -1 if the list gives none. The
    label `*` first in a CNAME's target stands for the name asked for (RPZ draft §3.6)."""

    rrtype: int
    rdata: bytes
    ttl: int = -1


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing a list says, and where.

    `name` is folded wire form, `pattern` the text of a regular expression, `network` (4 or 16 octets, prefix length).
    `types` are the record types that it is about (empty: all), with `other_types` all but these. `excepted` are names (folded)
    that it is not about, nor what is below them (`$denyallow`). `important` beats what is not (`$important`). `line` counts
    from 1.
    """

    trigger: Trigger
    saying: Saying
    line: int
    name: bytes = b""
    scope: Scope = Scope.TREE
    pattern: str = ""
    network: tuple[bytes, int] | None = None
    important: bool = False
    types: tuple[int, ...] = ()
    other_types: bool = False
    excepted: tuple[bytes, ...] = ()
    records: tuple[Record, ...] = ()


@dataclass(frozen=True, slots=True)
class Skipped:
    """A line of a list that is not used: `why`, in words for the user; `text` is not kept. A comment or empty line is none."""

    line: int
    why: str
