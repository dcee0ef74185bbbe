"""What a proof of absence comes to: evidence, or the reason why there is none. Values only.

`opt_out` on any evidence: it rests on an NSEC3 range that may hold unsigned delegations (RFC 5155 §6). Whoever gets it may
believe it, but must treat it as insecure: no AD, and nothing else is concluded from it (RFC 5155 §9.2).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NoName:
    """The name does not exist and no wildcard stands in for it. `closest_encloser`: its deepest ancestor that exists; None
    if the zone does not tell (compact denial, RFC 9824)."""

    closest_encloser: bytes | None
    opt_out: bool = False


@dataclass(frozen=True, slots=True)
class NoData:
    """The name exists and has neither this type nor an alias. `empty`: it has no records, only names below it."""

    empty: bool = False
    opt_out: bool = False


@dataclass(frozen=True, slots=True)
class WildcardNoData:
    """The name does not exist, and `wildcard`, which stands in for it, has neither this type nor an alias."""

    wildcard: bytes
    opt_out: bool = False


@dataclass(frozen=True, slots=True)
class RightlyExpanded:
    """Nothing that exists is closer to the name than the wildcard's parent."""

    opt_out: bool = False


@dataclass(frozen=True, slots=True)
class InsecureDelegation:
    """The parent says: the name is delegated and has no DS (or, with `opt_out`, it may be, and then has none)."""

    opt_out: bool = False


@dataclass(frozen=True, slots=True)
class NoCut:
    """No zone begins at the name: it is an ordinary name of the zone, or does not exist (`absent`), and then nothing does below
    it."""

    absent: bool = False


@dataclass(frozen=True, slots=True)
class Unproved:
    """Not proved: the answer is bogus (EDE 12). `why` is for people."""

    why: str


@dataclass(frozen=True, slots=True)
class TooExpensive:
    """Hashing its names takes more iterations than a zone may ask for: the answer is insecure (EDE 27, RFC 9276 §3.2)."""

    why: str


@dataclass(frozen=True, slots=True)
class Spent:
    """This client's question has cost as many hashes as one may: SERVFAIL."""

    why: str


NotProved = Unproved | TooExpensive | Spent


@dataclass(frozen=True, slots=True)
class Encloser:
    """`closest` is the deepest ancestor that exists of a name that does not."""

    closest: bytes
    opt_out: bool = False


@dataclass(frozen=True, slots=True)
class Absent:
    """A name does not exist, neither with records nor as a parent of names."""

    opt_out: bool = False
