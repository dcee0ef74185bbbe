"""When a rule or a list counts: windows of local time, by the rules of a time zone (RFC 9636). Pure: the time is an argument.

A window begins when the clock on the wall first shows its start or later, and ends when it last shows its end: where clocks are
set back, the hour that comes twice belongs to it as a whole; where they are set forward, what is left out is not missed.
"""

import io
import math
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from resolver.policy_settings import Schedule, Window

_BACK, _AHEAD = 2, 9
"""Days looked at: a window may have begun yesterday, and one of next week is the next that there is."""


class Calendar:
    """One schedule with its time zone read. Raises ValueError if there is no time zone in it."""

    __slots__ = ("_windows", "_zone")

    def __init__(self, schedule: Schedule) -> None:
        self._zone = ZoneInfo.from_file(io.BytesIO(schedule.transitions), key=schedule.zone)
        self._windows = schedule.windows

    def look(self, at: float) -> tuple[bool, float]:
        """Whether it counts `at` a moment (seconds since 1970), and until when that is so at least (infinite: for good)."""
        if not self._windows:
            return False, math.inf
        counts, until = False, math.inf
        for start, end in self._spans(at):
            if start <= at < end:
                counts, until = True, end
            elif start > at and not counts:
                until = min(until, start)
        return counts, until

    def _spans(self, at: float) -> list[tuple[float, float]]:
        """All windows around `at`, those that touch each other as one, ascending."""
        today = datetime.fromtimestamp(at, self._zone).date()
        days = (today + timedelta(days) for days in range(-_BACK, _AHEAD))
        spans: list[tuple[float, float]] = []
        for start, end in sorted(span for day in days for span in self._spans_of(day)):
            if spans and start <= spans[-1][1]:
                spans[-1] = spans[-1][0], max(end, spans[-1][1])
            else:
                spans.append((start, end))
        return spans

    def _spans_of(self, day: date) -> Iterator[tuple[float, float]]:
        for window in self._windows:
            if day.weekday() in window.days:
                start, end = self._moment(day, window.start, last=False), self._moment(*_end(day, window), last=True)
                if start < end:
                    yield start, end

    def _moment(self, day: date, minutes: int, *, last: bool) -> float:
        """When the clock on the wall first (or `last`) shows so many minutes of `day`, or more."""
        local = datetime.combine(day, time()) + timedelta(minutes=minutes)
        first, second = (local.replace(tzinfo=self._zone, fold=fold).timestamp() for fold in (0, 1))
        if first <= second:
            return second if last else first
        # It never shows that: clocks are set forward meanwhile, between `second` and `first`.
        early, late = second, first
        while late - early > 1:
            middle = (early + late) // 2
            if datetime.fromtimestamp(middle, self._zone).replace(tzinfo=None) >= local:
                late = middle
            else:
                early = middle
        return late


def _end(day: date, window: Window) -> tuple[date, int]:
    return (day, window.end) if window.end > window.start else (day + timedelta(1), window.end)
