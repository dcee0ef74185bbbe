"""What validation comes to (RFC 4033 §5, RFC 4035 §4.3)."""

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from resolver.dnssec.values import Learned
from resolver.iterate.resolve import Resolved
from resolver.values import Explanation
from wire.dns.codes import ExtendedError

if TYPE_CHECKING:
    from resolver.dnssec.steps import Step


class Security(IntEnum):
    """The lower counts when parts of an answer differ. For a client INDETERMINATE is BOGUS: nothing is served unproved."""

    BOGUS = 0
    INDETERMINATE = 1
    INSECURE = 2
    SECURE = 3


@dataclass(frozen=True, slots=True)
class Insecure:
    """It is proved that nothing here is signed, or nothing that we could verify; for `ttl` seconds. `explanation`: why, if
    it is more than a delegation without DS."""

    explanation: Explanation | None
    ttl: int


@dataclass(frozen=True, slots=True)
class Bogus:
    """It should be signed and cannot be proved; INDETERMINATE if what would prove it could not be had."""

    explanation: Explanation
    security: Security = Security.BOGUS


class Checked(NamedTuple):
    """A validated answer. `resolved` is what may be given out: TTLs bounded by the signatures, no proof that was not
    itself proved. Nothing of it may be given out if `security` is BOGUS or INDETERMINATE, but for CD=1. `steps`: what was looked
    at for it, in order, without what was remembered; `learned`: of use for other questions; `server`: the place in its group of
    the one that gave it, -1 for several; `valid`: for how many seconds the signatures of a secure answer hold, whatever the TTLs;
    `spent`: to prove it would have cost too much; `undated`: proved without the date, so for this one client and not to be
    kept."""

    resolved: Resolved
    security: Security
    explanation: Explanation | None
    steps: "tuple[Step, ...]" = ()
    learned: tuple[Learned, ...] = ()
    server: int = -1
    valid: int = 0
    spent: bool = False
    undated: bool = False


def nothing_shows(why: str) -> Bogus:
    """A proof that something is not there is missing."""
    return Bogus(Explanation(ExtendedError.NSEC_MISSING, why))
