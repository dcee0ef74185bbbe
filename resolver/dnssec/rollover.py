"""Trust anchors that follow their zone's key changes by themselves: RFC 5011 as a table. Start reading at `TABLE`.

A trust point is a frozen value; time is an argument. What was seen is made by `resolver/dnssec/sighting.py`, which alone looks
at signatures. Keys are known by a DS record (SHA-256 for those learned), so nothing here grows with the size of a key.

The clock may be wrong. Hold-down times are added up from look to look: a clock that goes back adds nothing, time that has
counted does not count twice, and a leap counts as the longest time that may pass between two looks. So a wrong clock makes
waiting longer, never shorter.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from resolver.dnssec.sighting import OnlyRevoked, Seen, is_digest_of, record_of
from wire.dns.signing import DelegationSigner, Key
from wire.units import Epoch

HOUR, DAY = 3_600, 86_400
"""Seconds."""

HOLD_DOWN = 30 * DAY
"""RFC 5011 §2.4.1 and §2.4.2: before a new key is believed, and before a revoked one is forgotten."""

LONGEST_PAUSE = 15 * DAY
"""RFC 5011 §2.3: between two looks."""

MOST_KEYS = 16
"""Kept of one trust point; RFC 5011 §2.4.3 asks for five. Further new keys are ignored until there is room."""


NEVER = Epoch(0.0)


class KeyState(Enum):
    """RFC 5011 §4.2. A key at START is not kept."""

    START = "start"
    ADD_PENDING = "add-pending"
    VALID = "valid"
    MISSING = "missing"
    REVOKED = "revoked"
    REMOVED = "removed"


class Event(Enum):
    """RFC 5011 §4.1."""

    NEW_KEY = "new key"
    PRESENT = "present"
    ABSENT = "absent"
    ADD_TIME = "add hold-down over"
    REMOVE_TIME = "remove hold-down over"
    REVOKED = "revoked by itself"


_S, _E = KeyState, Event
TABLE: Mapping[tuple[KeyState, Event], KeyState] = {
    (_S.START, _E.NEW_KEY): _S.ADD_PENDING,
    (_S.ADD_PENDING, _E.ABSENT): _S.START,
    (_S.ADD_PENDING, _E.ADD_TIME): _S.VALID,
    (_S.VALID, _E.ABSENT): _S.MISSING,
    (_S.VALID, _E.REVOKED): _S.REVOKED,
    (_S.MISSING, _E.PRESENT): _S.VALID,
    (_S.MISSING, _E.REVOKED): _S.REVOKED,
    (_S.REVOKED, _E.REMOVE_TIME): _S.REMOVED,
}
"""RFC 5011 §4.1; where there is no row nothing changes. A key that is pending and seen only with its REVOKE bit is not there
as itself: ABSENT."""

IN_FORCE = frozenset({KeyState.VALID, KeyState.MISSING})
"""A key that is missing is still believed (RFC 5011 §4.2)."""


class Source(Enum):
    """Where a key is from."""

    GIVEN = "given"
    LEARNED = "rfc5011"


@dataclass(frozen=True, slots=True)
class TrackedKey:
    """A key. `since`: when it came to this state. `held` seconds of its hold-down count so far, of `hold` needed."""

    record: DelegationSigner
    state: KeyState
    since: Epoch
    source: Source = Source.GIVEN
    held: float = 0.0
    hold: float = HOLD_DOWN


@dataclass(frozen=True, slots=True)
class TrustPoint:
    """A zone (folded) whose keys are followed. `looked`: the latest date of a look that verified, 0 for none; `due`: when to
    look next; `ttl` and `span`: original TTL, and seconds that the signature had left, at the last look."""

    zone: bytes
    keys: tuple[TrackedKey, ...]
    looked: Epoch = NEVER
    due: Epoch = NEVER
    ttl: float = 0.0
    span: float = 0.0

    @property
    def records(self) -> tuple[DelegationSigner, ...]:
        """The anchors in force. None: all were revoked, and the zone is no trust point any more (RFC 5011 §5)."""
        return tuple(key.record for key in self.keys if key.state in IN_FORCE)


@dataclass(frozen=True, slots=True)
class Change:
    """A key went from one state to another."""

    record: DelegationSigner
    before: KeyState
    after: KeyState


def plant(zone: bytes, records: tuple[DelegationSigner, ...], date: Epoch) -> TrustPoint:
    """A trust point at its beginning: what was given is believed, and it is to be looked at at once."""
    return TrustPoint(zone, tuple(TrackedKey(record, KeyState.VALID, date) for record in records), due=date)


def replant(point: TrustPoint, records: tuple[DelegationSigner, ...], date: Epoch) -> TrustPoint:
    """The same when other anchors are given than before: what was given and is no more goes, what was learned stays, and
    nothing brings a revoked key back (RFC 5011 §2.1: permanent)."""
    known = {key.record: key for key in point.keys}
    final = (KeyState.REVOKED, KeyState.REMOVED)
    kept = [key for key in point.keys if key.source is Source.LEARNED or key.state in final or key.record in records]
    kept = [_given(key, date) if key.record in records and key.state not in final else key for key in kept]
    fresh = [TrackedKey(record, KeyState.VALID, date) for record in records if record not in known]
    return replace(point, keys=(*kept, *fresh))


def _given(key: TrackedKey, date: Epoch) -> TrackedKey:
    """A key that the administrator now gives is believed at once, whatever was waited for."""
    if key.state in IN_FORCE:
        return replace(key, source=Source.GIVEN)
    return TrackedKey(key.record, KeyState.VALID, date)


def advance(point: TrustPoint, sighting: Seen | OnlyRevoked, date: Epoch) -> TrustPoint:
    """The trust point after its keys were seen at `date`."""
    if isinstance(sighting, OnlyRevoked):
        keys = tuple(_next(key, _revoked(key, sighting.revoked), date) for key in point.keys)
        return failed(replace(point, keys=keys), date)
    elapsed = min(max(0.0, date - point.looked), LONGEST_PAUSE) if point.looked else 0.0
    stepped = (_step(point.zone, key, sighting, date, elapsed) for key in point.keys)
    keys = (*(key for key in stepped if key.state is not KeyState.START), *_new(point, sighting, date))
    due = Epoch(date + refresh_time(sighting.ttl, sighting.span))
    return TrustPoint(point.zone, _within(keys), max(point.looked, date), due, sighting.ttl, sighting.span)


def failed(point: TrustPoint, date: Epoch) -> TrustPoint:
    """The trust point after a look that showed nothing: it is tried again sooner."""
    return replace(point, due=Epoch(date + retry_time(point.ttl, point.span)))


def refresh_time(ttl: float, span: float) -> float:
    """Seconds to the next look. `ttl`: the original TTL; `span`: seconds that the signature has left.

    > queryInterval = MAX(1 hr, MIN (15 days, 1/2*OrigTTL, 1/2*RRSigExpirationInterval)) (RFC 5011 §2.3)
    """
    return max(HOUR, min(LONGEST_PAUSE, ttl / 2, span / 2))


def retry_time(ttl: float, span: float) -> float:
    """Seconds to the next look after one that failed.

    > retryTime = MAX (1 hour, MIN (1 day, .1 * origTTL, .1 * expireInterval)) (RFC 5011 §2.3)
    """
    return max(HOUR, min(DAY, ttl / 10, span / 10))


def changes(before: TrustPoint, after: TrustPoint) -> tuple[Change, ...]:
    """Every key whose state is another one now."""
    old = {key.record: key.state for key in before.keys}
    new = {key.record: key.state for key in after.keys}
    start = KeyState.START
    pairs = [(record, old.get(record, start), new.get(record, start)) for record in {**old, **new}]
    return tuple(Change(*pair) for pair in pairs if pair[1] is not pair[2])


def _step(zone: bytes, key: TrackedKey, seen: Seen, date: Epoch, elapsed: float) -> TrackedKey:
    there = any(is_digest_of(zone, found, key.record) for found in seen.keys)
    as_revoked = any(is_digest_of(zone, found, key.record) for found in seen.with_revoke_bit)
    # Either hold-down counts only while the key is where it should be: there, or gone.
    waits = there if key.state is KeyState.ADD_PENDING else not there and not as_revoked
    held = key.held + elapsed if waits else 0.0
    key = replace(key, held=held) if key.state in (KeyState.ADD_PENDING, KeyState.REVOKED) else key
    events = (*_revoked(key, seen.revoked), Event.PRESENT if there else Event.ABSENT)
    if key.held >= key.hold:
        events = (*events, Event.ADD_TIME, Event.REMOVE_TIME)
    return _next(key, events, date)


def _revoked(key: TrackedKey, revoked: tuple[DelegationSigner, ...]) -> tuple[Event, ...]:
    return (Event.REVOKED,) if key.record in revoked else ()


def _next(key: TrackedKey, events: tuple[Event, ...], date: Epoch) -> TrackedKey:
    for event in events:
        state = TABLE.get((key.state, event), key.state)
        if state is not key.state:
            return replace(key, state=state, since=date, held=0.0, hold=HOLD_DOWN)
    return key


def _new(point: TrustPoint, seen: Seen, date: Epoch) -> list[TrackedKey]:
    """Keys with the SEP bit that are none of those followed.

    > 30 days or the expiration time of the original TTL of the first trust point DNSKEY RRSet that
    > contained the new key, whichever is greater (RFC 5011 §2.4.1)
    """
    state = TABLE[KeyState.START, Event.NEW_KEY]
    hold = max(HOLD_DOWN, seen.ttl)

    def is_new(found: Key) -> bool:
        return not any(is_digest_of(point.zone, found, key.record) for key in point.keys)

    found = [record_of(point.zone, key) for key in seen.entry_keys if is_new(key)]
    return [TrackedKey(record, state, date, Source.LEARNED, 0.0, hold) for record in found]


def _within(keys: tuple[TrackedKey, ...]) -> tuple[TrackedKey, ...]:
    """At most MOST_KEYS: removed keys are forgotten first, the oldest before the others, then the newest are not taken."""
    surplus = len(keys) - MOST_KEYS
    removed = sorted((key for key in keys if key.state is KeyState.REMOVED), key=lambda key: key.since)
    forgotten = removed[: max(0, surplus)]
    return tuple(key for key in keys if key not in forgotten)[:MOST_KEYS]
