"""What was looked at on the way to a verdict, in order: for people who ask why (`anchorhold explain --dnssec`). Values only;
`resolver.dnssec.story` makes something to read of them."""

from typing import NamedTuple

from resolver.dnssec.anchors import NegativeAnchor, TrustAnchor
from resolver.dnssec.evidence import (
    InsecureDelegation,
    NoCut,
    NoData,
    NoName,
    NotProved,
    RightlyExpanded,
    WildcardNoData,
)
from resolver.dnssec.keys import Supported
from resolver.dnssec.memory import Cut, Keys
from resolver.dnssec.security import Bogus, Insecure
from resolver.dnssec.values import Verified
from resolver.iterate.verdict import RRset


class Began(NamedTuple):
    """Where trust begins for `name`, or that it ends there; None: there is no anchor above it."""

    name: bytes
    anchor: TrustAnchor | NegativeAnchor | None


class Delegated(NamedTuple):
    """What the parent says of `zone`; the DS RRset, or what shows that there is none, is a step before this one."""

    zone: bytes
    cut: Cut


class Keyed(NamedTuple):
    """The keys of `zone`, by which DS records they were to be vouched for, and what came when they were asked for."""

    zone: bytes
    keys: Keys
    vouching: Supported | None = None
    heard: RRset | None = None


class Looked(NamedTuple):
    """An RRset and whether its zone signed it."""

    rrset: RRset
    found: Verified | Insecure | Bogus


Shown = NoName | NoData | WildcardNoData | RightlyExpanded | InsecureDelegation | NoCut
"""What records of absence can show."""


class Denied(NamedTuple):
    """Whether it is shown that there is no such record (for DS: no such delegation that is signed), or with `RightlyExpanded`
    that a wildcard rightly stands in for the name; by which records."""

    name: bytes
    rrtype: int
    found: Shown | NotProved | Insecure | Bogus
    records: tuple[Verified, ...] = ()


Step = Began | Delegated | Keyed | Looked | Denied
