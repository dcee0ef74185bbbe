"""The text of the files that are kept. Each begins with what it is and the SHA-256 digest of the rest, so that damage is seen.

`anchors`: the trust points with the state of every key. `given`: the root's anchors that `anchorhold anchors update` has taken
over. `clock`: the latest time that was believable. `exceptions`: zones that an operator excepts from validation. Bytes to values
and back; all that is wrong is `Damaged`.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from anchorhold.keeper.exceptions import MOST, Excepted
from resolver.dnssec.anchors import MAX_REASON, read_anchors
from resolver.dnssec.rollover import HOLD_DOWN, MOST_KEYS, NEVER, KeyState, Source, TrackedKey, TrustPoint
from wire.dns.names import ROOT, read_name, show_name
from wire.dns.signing import DelegationSigner
from wire.errors import Malformed
from wire.units import Epoch

T = TypeVar("T")

ANCHORS, GIVEN, CLOCK, EXCEPTIONS = "anchors", "given", "clock", "exceptions"
"""Names of the files."""


class Damaged(ValueError):
    """The file is not as it was written; the text says why."""


@dataclass(frozen=True, slots=True)
class SavedKey:
    """A key: the data of a DS record, and its state."""

    ds: str
    state: KeyState
    since: datetime
    source: Source
    held: float
    hold: float


@dataclass(frozen=True, slots=True)
class SavedPoint:
    """A trust point."""

    zone: str
    keys: tuple[SavedKey, ...]
    looked: datetime | None
    due: datetime
    ttl: float
    span: float


@dataclass(frozen=True, slots=True)
class SavedException:
    """A zone that is not validated for a while."""

    zone: str
    reason: str
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class GivenKey:
    """An anchor of the root that IANA has published: the data of a DS record, and its time."""

    ds: str
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class GivenAnchors:
    """What was taken over of a document: `source` says which, `taken` when."""

    source: str
    taken: datetime
    keys: tuple[GivenKey, ...]

    def valid_at(self, date: Epoch) -> tuple[DelegationSigner, ...]:
        """The root's anchors for this date."""
        now = as_time(date)
        valid = [key for key in self.keys if key.since <= now and (key.until is None or now < key.until)]
        return tuple(_record(".", key.ds) for key in valid)


def write_points(points: tuple[TrustPoint, ...]) -> bytes:
    """The file `anchors`."""
    return _written(ANCHORS, tuple(map(_saved, points)))


def read_points(data: bytes) -> tuple[TrustPoint, ...]:
    """The trust points in the file `anchors`. Raises Damaged."""
    points = tuple(map(_point, _read(ANCHORS, data, tuple[SavedPoint, ...])))
    if len({point.zone for point in points}) != len(points):
        raise Damaged("a zone is there twice")
    return points


def write_given(given: GivenAnchors) -> bytes:
    """The file `given`."""
    return _written(GIVEN, given)


def read_given(data: bytes) -> GivenAnchors:
    """The root's anchors in the file `given`. Raises Damaged."""
    given = _read(GIVEN, data, GivenAnchors)
    if not given.keys:
        raise Damaged("no key is in it")
    for key in given.keys:
        _record(".", key.ds)
        _aware(key.since, *([key.until] if key.until else []))
    return given


def write_clock(date: Epoch) -> bytes:
    """The file `clock`."""
    return _written(CLOCK, as_time(date))


def read_clock(data: bytes) -> Epoch:
    """The time in the file `clock`. Raises Damaged."""
    return _epoch(_read(CLOCK, data, datetime))


def write_exceptions(exceptions: tuple[Excepted, ...]) -> bytes:
    """The file `exceptions`."""
    saved = (
        SavedException(show_name(one.zone), one.reason, as_time(one.since), as_time(one.until)) for one in exceptions
    )
    return _written(EXCEPTIONS, tuple(saved))


def read_exceptions(data: bytes) -> tuple[Excepted, ...]:
    """The exceptions in the file `exceptions`. Raises Damaged."""
    found = _read(EXCEPTIONS, data, tuple[SavedException, ...])
    if len(found) > MOST:
        raise Damaged(f"{len(found)} exceptions")
    return tuple(
        Excepted(_zone(one.zone), one.reason[:MAX_REASON], _epoch(one.since), _epoch(one.until)) for one in found
    )


def as_time(date: Epoch) -> datetime:
    """As a value that shows itself to people, in whole seconds."""
    return datetime.fromtimestamp(int(date), UTC)


def show_record(record: DelegationSigner) -> str:
    """The data of a DS record as in a master file."""
    return f"{record.tag} {record.algorithm} {record.digest_type} {record.digest.hex().upper()}"


def _written(kind: str, value: object) -> bytes:
    body = msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"
    return f"anchorhold {kind} 1 sha256 {hashlib.sha256(body).hexdigest()}\n".encode() + body


def _read(kind: str, data: bytes, shape: type[T]) -> T:
    head, _, body = data.partition(b"\n")
    if head.split(b" ")[:3] != [b"anchorhold", kind.encode(), b"1"]:
        raise Damaged(f"it is no file {kind!r} of this version")
    if head != f"anchorhold {kind} 1 sha256 {hashlib.sha256(body).hexdigest()}".encode():
        raise Damaged("its digest is another one: it was cut off or changed")
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Damaged(str(error)) from None


def _saved(point: TrustPoint) -> SavedPoint:
    keys = tuple(
        SavedKey(show_record(key.record), key.state, as_time(key.since), key.source, key.held, key.hold)
        for key in point.keys
    )
    looked = None if point.looked == NEVER else as_time(point.looked)
    return SavedPoint(show_name(point.zone), keys, looked, as_time(point.due), point.ttl, point.span)


def _point(saved: SavedPoint) -> TrustPoint:
    if len(saved.keys) > MOST_KEYS:
        raise Damaged(f"{len(saved.keys)} keys of one zone")
    zone = _zone(saved.zone)
    if not all(0 <= number < 2**32 for number in (saved.ttl, saved.span)):
        raise Damaged("a number that cannot be")
    looked = NEVER if saved.looked is None else _epoch(saved.looked)
    keys = tuple(_key(saved.zone, key) for key in saved.keys)
    return TrustPoint(zone, keys, looked, _epoch(saved.due), saved.ttl, saved.span)


def _zone(text: str) -> bytes:
    try:
        return ROOT if text == "." else read_name(text)
    except (ValueError, Malformed):
        raise Damaged(f"{text!r} is no name of a zone") from None


def _key(zone: str, saved: SavedKey) -> TrackedKey:
    if not (0 <= saved.held < 2**32 and HOLD_DOWN <= saved.hold < 2**32) or saved.state is KeyState.START:
        raise Damaged("a number or a state that cannot be")
    return TrackedKey(_record(zone, saved.ds), saved.state, _epoch(saved.since), saved.source, saved.held, saved.hold)


def _record(zone: str, ds: str) -> DelegationSigner:
    try:
        (anchor,) = read_anchors(f"{zone} DS {ds}")
    except ValueError as error:
        raise Damaged(f"{ds!r}: {error}") from None
    return anchor.records[0]


def _epoch(time: datetime) -> Epoch:
    _aware(time)
    return Epoch(time.timestamp())


def _aware(*times: datetime) -> None:
    if any(time.tzinfo is None for time in times):
        raise Damaged("a time without its zone of time")
