"""The keeper's mind: trust points, the files they are kept in, and the time. No socket, no clock: dates are arguments.

Every zone with an anchor in the configuration is followed, so the root always is. What was seen is believed only after it was
verified here (`resolver/dnssec/sighting.py`). Without a folder, or with one that cannot be used, everything works and nothing is
kept.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from anchorhold.keeper.exceptions import Exceptions, Refused, Wanted
from anchorhold.keeper.files import (
    ANCHORS,
    CLOCK,
    EXCEPTIONS,
    GIVEN,
    Damaged,
    GivenAnchors,
    read_clock,
    read_exceptions,
    read_given,
    read_points,
    write_clock,
    write_exceptions,
    write_points,
)
from anchorhold.keeper.folder import Folder, Unreadable
from anchorhold.keeper.messages import InForce, Told
from resolver.dnssec.anchors import TrustAnchor, anchors_of
from resolver.dnssec.rollover import HOUR, LONGEST_PAUSE, TrustPoint, advance, changes, failed, plant, replant
from resolver.dnssec.sighting import OnlyRevoked, Seen, look
from resolver.iterate.verdict import RRset
from wire.dns.names import ROOT, show_name
from wire.dns.signing import DelegationSigner
from wire.units import Epoch

T = TypeVar("T")

SAVE_TIME_EVERY = float(HOUR)
"""Seconds between two savings of the time."""

NO_FOLDER = "there is no state directory that can be used"
MOST_RESTING = 100
"""Zones that are not followed any more whose keys are remembered."""

UNANSWERED = "the keys could not be had"

Report = Callable[[str, str], None]
"""(text, name of a zone that is not the root or "")"""


class Keeper:
    """`packaged`: the root's anchors that come with the program; `built`: its date, before which it cannot be."""

    def __init__(
        self, folder: Folder | None, packaged: tuple[DelegationSigner, ...], built: Epoch, report: Report
    ) -> None:
        self.floor = built
        self.storage = "" if folder is not None else NO_FOLDER
        self._folder = folder
        self._packaged = packaged
        self._report = report
        self._given: GivenAnchors | None = None
        self._points: dict[bytes, TrustPoint] = {}
        self._resting: dict[bytes, TrustPoint] = {}
        """Zones that were followed and may be again, say once a negative anchor is gone: what was revoked stays revoked."""
        self._problems: dict[bytes, str] = {}
        self._configured: tuple[TrustAnchor, ...] = ()
        self._saved: dict[bytes, TrustPoint] = {}
        self.exceptions = Exceptions(lambda all_: self._write(EXCEPTIONS, write_exceptions(all_)), report)
        self._unwritten: dict[str, bytes] = {}
        """What the disk has not taken, by file."""
        self._witnessed = Epoch(0.0)
        """Until when a signature of the root was valid that was verified in this run: as far the clock may be saved."""

    def open(self, clock: Epoch) -> None:
        """Read what was kept."""
        kept = self._read(CLOCK, read_clock, clock)
        self.floor = max(self.floor, kept or self.floor)
        points = self._read(ANCHORS, read_points, clock) or ()
        self._points = {point.zone: point for point in points}
        self._saved = dict(self._points)
        self.exceptions.open(self._read(EXCEPTIONS, read_exceptions, clock) or (), self.date(clock))

    def follow(self, configured: tuple[TrustAnchor, ...], clock: Epoch) -> None:
        """Take what the configuration gives (the packaged anchors of the root included), and read again what `anchorhold anchors
        update` has taken over. Zones that are not there are not followed any more, and are not forgotten."""
        self._configured = configured
        self._given = self._read(GIVEN, read_given, clock)
        date = self.date(clock)
        wanted = self._wanted(date)
        former = self._resting | self._points
        resting = [(zone, point) for zone, point in former.items() if zone not in wanted]
        self._resting = dict(resting[-MOST_RESTING:])
        self._points = {
            zone: replant(former[zone], records, date) if zone in former else plant(zone, records, date)
            for zone, records in wanted.items()
        }
        for zone, point in self._points.items():
            self._tell_changes(former.get(zone, TrustPoint(zone, point.keys)), point)
        self._save()

    def _wanted(self, date: Epoch) -> dict[bytes, tuple[DelegationSigner, ...]]:
        """The anchors that are given, by zone. For the root, what was taken over stands in the place of what is packaged, and
        what is configured in the place of both."""
        wanted = {zone: anchor.records for zone, anchor in anchors_of(self._configured).trusted.items()}
        if self._given is not None and set(wanted.get(ROOT, ())) == set(self._packaged):
            wanted[ROOT] = self._given.valid_at(date)
        return wanted

    def date(self, clock: Epoch) -> Epoch:
        """The time as far as it can be believed: never before what was saved."""
        return max(clock, self.floor)

    # looking

    def due(self, clock: Epoch) -> list[bytes]:
        """Zones whose keys are to be looked at now."""
        date = self.date(clock)
        return [zone for zone, point in self._points.items() if self._left(point, date) <= 0]

    def pause(self, clock: Epoch) -> float:
        """Seconds until the next is due."""
        date = self.date(clock)
        return max(0.0, min((self._left(point, date) for point in self._points.values()), default=LONGEST_PAUSE))

    @staticmethod
    def _left(point: TrustPoint, date: Epoch) -> float:
        # A clock that was ahead has set a date too late; no pause is that long.
        return 0.0 if point.due - date > LONGEST_PAUSE else point.due - date

    def heard(self, zone: bytes, rrset: RRset | None, clock: Epoch) -> None:
        """The keys of a zone, or that they could not be had. What is not followed is of no interest."""
        before = self._points.get(zone)
        if before is None:
            return
        date = self.date(clock)
        # What is given may have come to its end.
        point = replant(before, self._wanted(date).get(zone, ()), date)
        sighting = None if rrset is None else look(zone, rrset, point.records, date)
        match sighting:
            case Seen() | OnlyRevoked():
                after, problem = advance(point, sighting, date), ""
            case None:
                after, problem = failed(point, date), UNANSWERED
            case _:
                after, problem = failed(point, date), sighting.explanation.text
        if isinstance(sighting, Seen) and zone == ROOT:
            self._witnessed = max(self._witnessed, Epoch(date + sighting.span))
        if problem and problem != self._problems.get(zone):
            self._report(f"looking at the keys {_of(zone)} showed nothing: {problem}", _name(zone))
        self._problems[zone] = problem
        self._points[zone] = after
        self._tell_changes(before, after)
        self._save()

    def _tell_changes(self, before: TrustPoint, after: TrustPoint) -> None:
        for change in changes(before, after):
            what = (
                f"key {change.record.tag} {_of(after.zone)} is {change.after.value} now; it was {change.before.value}"
            )
            self._report(what, _name(after.zone))
        if before.records and not after.records:
            self._report(f"every key {_of(after.zone)} is revoked: it is no trust anchor any more", _name(after.zone))

    def told(self) -> tuple[Told, ...]:
        """Everything, for the resolver."""
        return tuple(
            Told(point, self.floor, self.storage, self._problems.get(zone, "")) for zone, point in self._points.items()
        )

    # exceptions

    def change_exception(self, wanted: Wanted, clock: Epoch) -> InForce:
        """What an operator asks for, done or refused."""
        try:
            self.exceptions.change(wanted, self.date(clock))
        except Refused as refused:
            return replace(self.in_force(), refused=str(refused))
        return self.in_force()

    def in_force(self) -> InForce:
        """All exceptions, for the resolver."""
        return InForce(self.exceptions.all(), kept=not self.storage)

    # keeping

    def keep_time(self, clock: Epoch) -> None:
        """Save the time, as far as it is believable: not beyond the end of a signature of the root's. A clock that is ahead is
        never saved for long, and one that is behind not at all. What could not be written before is tried again."""
        for name, data in list(self._unwritten.items()):
            self._write(name, data)
        date = min(clock, self._witnessed)
        if date <= self.floor:
            return
        if self._write(CLOCK, write_clock(date)):
            self.floor = date

    def _save(self) -> None:
        kept = self._resting | self._points
        if kept != self._saved and self._write(ANCHORS, write_points(tuple(kept.values()))):
            self._saved = kept

    def _write(self, name: str, data: bytes) -> bool:
        if self._folder is None:
            return False
        try:
            self._folder.write(name, data)
        except OSError as error:
            self._unwritten[name] = data
            self._cannot_keep(f"{name}: {error.strerror}")
            return False
        self._unwritten.pop(name, None)
        if not self._unwritten:
            self.storage = ""
        return True

    def _cannot_keep(self, why: str) -> None:
        if why != self.storage:
            self._report(f"nothing can be kept: {why}", "")
        self.storage = why

    def _read(self, name: str, reader: Callable[[bytes], T], clock: Epoch) -> T | None:
        """What is in a file; None if there is none, or if it is of no use: then it is set aside and reported, not lost."""
        if self._folder is None:
            return None
        try:
            data = self._folder.read(name)
            return None if data is None else reader(data)
        except Unreadable as error:
            # Nothing is written over what may only be unreadable for us.
            self._folder = None
            self._cannot_keep(str(error))
        except Damaged as error:
            self._set_aside(name, str(error), clock)
        return None

    def _set_aside(self, name: str, why: str, clock: Epoch) -> None:
        assert self._folder is not None  # noqa: S101 # it was read from
        try:
            other = self._folder.set_aside(name, clock)
        except OSError as error:
            self._folder = None
            self._cannot_keep(f"{name}: damaged, and cannot be set aside: {error.strerror}")
            return
        self._report(f"the file {name} is damaged ({why}); it is called {other} now, and what was given is used", "")


def _of(zone: bytes) -> str:
    return "of the root" if zone == ROOT else "of a zone"


def _name(zone: bytes) -> str:
    return "" if zone == ROOT else show_name(zone)
