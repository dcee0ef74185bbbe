"""What a household wants of names, as the resolver gets it: part of `ResolverSettings`. Made by the loader, never changed."""

from dataclasses import dataclass
from enum import Enum

from privacy.lists.entry import Scope


class Action(Enum):
    """What a rule does with the names it matches."""

    ALLOW = "allow"
    """No list and no block rule counts, for the name, its aliases and its addresses."""
    BLOCK = "block"
    REWRITE = "rewrite"
    """Answered with `to`: addresses, or another name's records."""
    ROUTE = "route"
    """Resolved by another upstream group."""


class Refusing(Enum):
    """How a blocked name is answered."""

    NULL = "null"
    """0.0.0.0 and `::`; no data for other types."""
    NXDOMAIN = "nxdomain"
    NODATA = "nodata"
    REFUSED = "refused"
    ADDRESS = "address"
    """The addresses beside it."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """How a blocked name is answered; `addresses` (4 or 16 octets each) with ADDRESS."""

    form: Refusing = Refusing.NULL
    addresses: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Domain:
    """A name (folded wire form) and which names it stands for."""

    name: bytes
    scope: Scope = Scope.TREE


@dataclass(frozen=True, slots=True)
class Window:
    """On these days (0 is Monday), from `start` to `end` (minutes of local time; an `end` not after `start` is the next
    day's)."""

    days: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a rule counts. `zone` is the name in the time zone database, `transitions` its TZif file (RFC 9636)."""

    name: str
    zone: str
    transitions: bytes
    windows: tuple[Window, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """One `[[rule]]`, or what the loader made of one (a service, safe search).

    `name` is what `explain` and the extended error call it; `groups` are client groups (empty: all); `patterns` are regular
    expressions over the name's text; `types` record types (empty: all); `schedule` a place in `Policy.schedules` (-1: always).
    `refusal` is BLOCK's; `addresses` or `target` (folded name) REWRITE's; `upstream_group` and `private` (as in `Route`) ROUTE's.
    """

    name: str
    action: Action
    groups: tuple[int, ...] = ()
    domains: tuple[Domain, ...] = ()
    patterns: tuple[str, ...] = ()
    types: tuple[int, ...] = ()
    schedule: int = -1
    refusal: Refusal = Refusal()
    addresses: tuple[bytes, ...] = ()
    target: bytes = b""
    upstream_group: int = -1
    private: bool = False


@dataclass(frozen=True, slots=True)
class ListUse:
    """What a list of the image is used for; found there by its `name`. `allow`: what it names is allowed, whatever it says.
    `redirect`: records of its own are given out; else its lines with records only block. `source`: where it comes
    from, for people. The rest as in `Rule`."""

    name: str
    groups: tuple[int, ...] = ()
    allow: bool = False
    schedule: int = -1
    refusal: Refusal = Refusal()
    redirect: bool = False
    source: str = ""


@dataclass(frozen=True, slots=True)
class LocalRecord:
    """`name` folded (the label `*` first: RFC 4592), `rdata` uncompressed."""

    name: bytes
    rrtype: int
    ttl: int
    rdata: bytes


@dataclass(frozen=True, slots=True)
class LocalZone:
    """Names that are answered here. At or below `apex` there is nothing else, unless `transparent`: then a name that has no
    record here is resolved like any other. `groups`: who sees it (empty: all). Two zones with one apex and different groups are a
    split horizon."""

    apex: bytes
    records: tuple[LocalRecord, ...]
    transparent: bool = False
    groups: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Rebinding:
    """Addresses of the inside that come from outside are no answer (docs/threats.md). At or below `allow` (folded) they are; so
    they are where a local zone or a private route is."""

    protect: bool = True
    allow: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything of the above. `protected` (folded): no list may block these or what is below; the user's own rules may."""

    rules: tuple[Rule, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    lists: tuple[ListUse, ...] = ()
    local: tuple[LocalZone, ...] = ()
    rebinding: Rebinding = Rebinding(protect=False)
    protected: tuple[bytes, ...] = ()
