"""One RRset and its signatures against the keys of one zone (RFC 4035 §5.3). Start reading at `prove`.

What comes out is evidence (`Verified`) or the reason for there being none (`Unsigned`), never a yes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import NamedTuple

from resolver.dnssec.algorithms import Algorithm, Wrong
from resolver.dnssec.budget import (
    COLLIDING_KEYS,
    OCTETS_A_UNIT,
    RECORDS_OF_A_SET,
    SIGNATURES,
    SIGNATURES_READ,
    Validation,
)
from resolver.dnssec.canonical import canonical_data, canonical_records
from resolver.dnssec.values import Verified
from resolver.iterate.verdict import RRset, with_ttl
from resolver.values import Explanation
from wire.dns.codes import ExtendedError, RecordType
from wire.dns.names import WILDCARD, count_labels, is_below, suffixes
from wire.dns.signing import REVOKED, ZONE_KEY, Key, Signature, parse_rrsig
from wire.errors import Malformed
from wire.units import Epoch

UNDATED = 5
"""Seconds for which something is proved while the date is not known; whoever asks again has it proved anew."""

SKEW, SKEW_SHARE = 3600, 10
"""How wrong a clock may be: seconds, and one part in so many of the time that the signature is valid; the less counts."""

_DS = int(RecordType.DS)
_new = tuple.__new__
"""See `wire/dns/message.py`."""


class Stage(IntEnum):
    """How far a signature came; of several failures, the one that came farthest is told."""

    ABSENT = 0
    UNREADABLE = 1
    MISPLACED = 2
    UNSUPPORTED = 3
    KEYLESS = 4
    UNTIMELY = 5
    WRONG = 6


class Dates(Enum):
    """Whether the times in signatures count."""

    CHECKED = "checked"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Unsigned:
    """No signature of the zone's proves the RRset."""

    stage: Stage
    explanation: Explanation


@dataclass(frozen=True, slots=True)
class Signing:
    """The keys of `zone` that may have signed, and the algorithms that count."""

    zone: bytes
    keys: tuple[Key, ...]
    algorithms: Mapping[int, Algorithm]
    _named: dict[tuple[int, int], list[Key]] = field(init=False, repr=False, compare=False)
    _fit: dict[tuple[int, int], tuple[Key, ...]] = field(init=False, repr=False, compare=False)
    labels: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        named: dict[tuple[int, int], list[Key]] = {}
        for key in self.keys:
            named.setdefault((key.tag, key.algorithm), []).append(key)
        object.__setattr__(self, "_named", named)
        fit = {name: tuple(key for key in same if may_sign(key)) for name, same in named.items()}
        object.__setattr__(self, "_fit", fit)
        object.__setattr__(self, "labels", count_labels(self.zone))

    def named(self, tag: int, algorithm: int) -> list[Key]:
        """The keys that a signature or a DS with these means. Looked up, not searched: a message has room for hundreds of
        both."""
        return self._named.get((tag, algorithm), [])

    def fit(self, tag: int, algorithm: int) -> tuple[Key, ...]:
        """Those of them that may sign."""
        return self._fit.get((tag, algorithm), ())


Verifier = Callable[[Algorithm, Key, bytes, bytes], None]
"""(algorithm, key, signature, data) → nothing, or raises Wrong."""


Prover = Callable[[RRset, "Signing", Epoch | None, Validation, Verifier], Verified | Unsigned]
"""As `prove`."""


def verify_now(algorithm: Algorithm, key: Key, signature: bytes, data: bytes) -> None:
    """Verify in this thread. Raises Wrong."""
    algorithm.verify(key.public, signature, data)


def _unsigned(stage: Stage, code: ExtendedError, text: str) -> Unsigned:
    return Unsigned(stage, Explanation(code, text))


ABSENT = _unsigned(Stage.ABSENT, ExtendedError.RRSIGS_MISSING, "the records are not signed")
UNREADABLE = _unsigned(Stage.UNREADABLE, ExtendedError.DNSSEC_BOGUS, "a signature or what it signs cannot be read")
OTHER_TYPE = _unsigned(Stage.MISPLACED, ExtendedError.RRSIGS_MISSING, "the signature is one of another type")
OTHER_ZONE = _unsigned(Stage.MISPLACED, ExtendedError.RRSIGS_MISSING, "the signer is another zone than expected")
BAD_LABELS = _unsigned(
    Stage.MISPLACED, ExtendedError.DNSSEC_BOGUS, "the signature's labels do not fit the owner's name"
)
UNSUPPORTED = _unsigned(
    Stage.UNSUPPORTED, ExtendedError.UNSUPPORTED_DNSKEY_ALGORITHM, "signed with unsupported algorithms only"
)
KEYLESS = _unsigned(Stage.KEYLESS, ExtendedError.DNSKEY_MISSING, "no key of the zone fits the signature")
NO_ZONE_KEY = _unsigned(Stage.KEYLESS, ExtendedError.NO_ZONE_KEY_BIT, "the key that signed is not a zone key")
REVOKED_KEY = _unsigned(Stage.KEYLESS, ExtendedError.DNSKEY_MISSING, "the key that signed is revoked")
EXPIRED = _unsigned(Stage.UNTIMELY, ExtendedError.SIGNATURE_EXPIRED, "the signature has expired")
NOT_YET = _unsigned(Stage.UNTIMELY, ExtendedError.SIGNATURE_NOT_YET_VALID, "the signature is not valid yet")
BACKWARDS = _unsigned(
    Stage.UNTIMELY, ExtendedError.SIGNATURE_EXPIRED_BEFORE_VALID, "the signature ends before it begins"
)
TOO_LARGE = _unsigned(Stage.WRONG, ExtendedError.DNSSEC_INDETERMINATE, "too many records to verify them")
WRONG = _unsigned(Stage.WRONG, ExtendedError.DNSSEC_BOGUS, "the signature is wrong")


def prove(
    rrset: RRset, signing: Signing, date: Epoch | None, budget: Validation, verifier: Verifier = verify_now
) -> Verified | Unsigned:
    """`rrset` with its TTL bounded, if one of its first signatures is valid and by a key of the zone. Where the date is not
    known (None), the times in signatures do not count, and it is proved for `UNDATED` seconds. Raises Spent."""
    if len(rrset.rdatas) > RECORDS_OF_A_SET:
        return TOO_LARGE
    farthest, tried = ABSENT, 0
    ordered: list[bytes] | None = None
    for rdata in rrset.signatures[:SIGNATURES_READ]:
        candidate = _candidate(rrset, rdata, signing, date)
        if isinstance(candidate, Unsigned):
            farthest = max(farthest, candidate, key=_stage)
            continue
        if tried == SIGNATURES:
            break
        tried += 1
        try:
            ordered = ordered or canonical_data(rrset.rrtype, rrset.rdatas)
        except Malformed:
            return UNREADABLE
        outcome = _try(rrset, ordered, candidate, signing.zone, date, budget, verifier)
        if isinstance(outcome, Verified):
            return outcome
        farthest = max(farthest, outcome, key=_stage)
    return farthest


def _stage(failure: Unsigned) -> Stage:
    return failure.stage


class Candidate(NamedTuple):
    """A signature that may be valid, as far as can be told without verifying it."""

    signature: Signature
    algorithm: Algorithm
    keys: tuple[Key, ...]
    rdata: bytes


def _candidate(rrset: RRset, rdata: bytes, signing: Signing, date: Epoch | None) -> Candidate | Unsigned:
    """Everything of RFC 4035 §5.3.1 that costs nothing."""
    try:
        signature = parse_rrsig(rdata)
    except Malformed:
        return UNREADABLE
    misplaced = _misplaced(rrset, signature, signing)
    if misplaced is not None:
        return misplaced
    algorithm = signing.algorithms.get(signature.algorithm)
    if algorithm is None:
        return UNSUPPORTED
    keys = signing.fit(signature.tag, signature.algorithm)
    if not keys:
        return why_unfit(signing.named(signature.tag, signature.algorithm))
    return untimely(signature, date) or _new(Candidate, (signature, algorithm, keys, rdata))


def may_sign(key: Key) -> bool:
    """Whether a key may sign a zone's records: zone key, protocol 3 (RFC 4034 §2.1), not revoked (RFC 5011 §2.1)."""
    return key.flags & (ZONE_KEY | REVOKED) == ZONE_KEY and key.protocol == 3


def why_unfit(same: list[Key]) -> Unsigned:
    """Why none of these keys may sign; that there are none, if that is it."""
    if any(not key.flags & ZONE_KEY for key in same):
        return NO_ZONE_KEY
    return REVOKED_KEY if any(key.flags & REVOKED for key in same) else KEYLESS


def _misplaced(rrset: RRset, signature: Signature, signing: Signing) -> Unsigned | None:
    zone = signing.zone
    if signature.covered != rrset.rrtype:
        return OTHER_TYPE
    # > The RRSIG RR's Signer's Name field MUST be the name of the zone that contains the RRset (RFC 4035 §5.3.1)
    # A DS is the parent's (RFC 4035 §2.4).
    if signature.signer != zone or not is_below(rrset.owner, zone) or (rrset.rrtype == _DS and rrset.owner == zone):
        return OTHER_ZONE
    # > The number of labels in the RRset owner name MUST be greater than or equal to the value in the RRSIG RR's Labels
    # > field (RFC 4035 §5.3.1)
    # And a wildcard is a name of the zone, so there are more labels than the signer's own.
    if not signing.labels <= signature.labels <= labels_of(rrset.owner):
        return BAD_LABELS
    return None


def labels_of(owner: bytes) -> int:
    """Labels as RRSIGs count them: neither the root nor a leading asterisk (RFC 4034 §3.1.3)."""
    return count_labels(owner) - owner.startswith(WILDCARD)


def serial(left: int, right: int) -> int:
    """How far `left` is after `right` on a circle of 32 bits, negative if before (RFC 1982 §3.2)."""
    return ((left - right + 0x80000000) & 0xFFFFFFFF) - 0x80000000


def untimely(signature: Signature, date: Epoch | None) -> Unsigned | None:
    """Whether the date is outside the signature's time (RFC 4034 §3.1.5)."""
    inception, expiration = signature.inception, signature.expiration
    now = 0 if date is None else int(date) & 0xFFFFFFFF
    # Nearly always, and then without going round the circle.
    if inception <= now <= expiration < inception + 0x80000000:
        return None
    span = serial(expiration, inception)
    if span < 0:
        return BACKWARDS
    if date is None:
        return None
    skew = min(SKEW, span // SKEW_SHARE)
    if serial(now, expiration) > skew:
        return EXPIRED
    return NOT_YET if serial(inception, now) > skew else None


class Window(NamedTuple):
    """Whole seconds since 1970: from `since` to `until` a signature is neither too early nor too late (the skew is in it); it
    `ends` before."""

    since: int
    until: int
    ends: int


def window_of(signature: Signature, date: Epoch) -> Window:
    """When a signature that is timely at `date` is: what `untimely` would find at other dates, at hand."""
    now = int(date)
    skew = min(SKEW, serial(signature.expiration, signature.inception) // SKEW_SHARE)
    begins = now - serial(now & 0xFFFFFFFF, signature.inception)
    ends = now + serial(signature.expiration, now & 0xFFFFFFFF)
    return Window(begins - skew, ends + skew, ends)


def _try(
    rrset: RRset,
    ordered: list[bytes],
    candidate: Candidate,
    zone: bytes,
    date: Epoch | None,
    budget: Validation,
    verifier: Verifier,
) -> Verified | Unsigned:
    """Verify with each key that has the tag; there may be two (RFC 4034 appendix B), hardly more."""
    signature = candidate.signature
    owner, wildcard = _signed_owner(rrset.owner, signature)
    data = signature.head + canonical_records(owner, rrset.rrtype, signature.original_ttl, ordered)
    cost = candidate.algorithm.cost + len(data) // OCTETS_A_UNIT
    for key in candidate.keys[:COLLIDING_KEYS]:
        budget.verify(cost)
        try:
            verifier(candidate.algorithm, key, signature.signature, data)
        except Wrong:
            budget.fail(cost)
            continue
        left = UNDATED if date is None else max(serial(signature.expiration, int(date) & 0xFFFFFFFF), 0)
        return verified(rrset, zone, wildcard, candidate.rdata, min(signature.original_ttl, left), left)
    return WRONG


def verified(rrset: RRset, zone: bytes, wildcard: bytes | None, rdata: bytes, most: int, left: int) -> Verified:
    """What a valid signature makes of the RRset (RFC 4035 §5.3.3): its TTL is `most` at most. That of the RRSIG itself is in
    `rrset.ttl` already."""
    ttl = min(rrset.ttl, most)
    return _new(Verified, (with_ttl(rrset, ttl), zone, wildcard, left, rdata))


def _signed_owner(owner: bytes, signature: Signature) -> tuple[bytes, bytes | None]:
    """The name that was signed, and the same if it is a wildcard that this owner was made from (RFC 4035 §5.3.2)."""
    above = labels_of(owner) - signature.labels
    if not above:
        return owner, None
    names = list(suffixes(owner))
    encloser = names[above + owner.startswith(WILDCARD)]
    wildcard = WILDCARD + encloser
    return wildcard, wildcard
