"""`[schedules.NAME]`: windows of local time, and the time zone that it is local to."""

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path as FilePath

from anchorhold.config.errors import Path, Wrong
from anchorhold.config.notes import Notes
from anchorhold.config.places import Places
from anchorhold.config.schema_policy import ScheduleTable
from resolver.policy.schedule import Calendar
from resolver.policy_settings import Schedule, Window

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAILY = "daily"
_WINDOW = re.compile(r"([a-z,-]+) +(\d\d?):(\d\d) *- *(\d\d?):(\d\d)")
_ZONE = re.compile(r"[A-Za-z0-9_+-]{1,40}(/[A-Za-z0-9_+-]{1,40}){0,2}")
_EXAMPLE = "mon-fri 21:00-07:00, sat,sun 22:30-08:00 or daily 12:00-13:00"

SYSTEM = "/usr/share/zoneinfo"
"""Where systems keep the time zone database; theirs is newer than the one that came with us."""


@cache
def packaged() -> str:
    """The folder of the one that came with us. Looked up while our own files can still be read."""
    return str(files("tzdata").joinpath("zoneinfo"))


def read_schedule(name: str, table: ScheduleTable, notes: Notes, places: Places) -> Schedule:
    """One schedule; what is wrong goes to `notes`, and what is right is there all the same."""
    path: Path = ("schedules", name)
    notes.word(path, name, "schedule")
    windows = notes.each((*path, "windows"), table.windows, read_window)
    if not table.windows:
        notes.note(path, "no window, so never", f'write windows = ["{_EXAMPLE.split(",")[0]}"]')
    transitions = notes.one((*path, "zone"), table.zone, lambda zone: _read_zone(zone, places), b"")
    return Schedule(name, table.zone, transitions, tuple(window for _, window in windows))


def read_window(text: str) -> Window:
    """`DAYS HH:MM-HH:MM`. Raises Wrong."""
    match = _WINDOW.fullmatch(text.strip().lower())
    if match is None:
        raise Wrong(f"{text!r} is no window of time", f"write {_EXAMPLE}")
    hours, minutes = [int(match[2]), int(match[4])], [int(match[3]), int(match[5])]
    start, end = (60 * hour + minute for hour, minute in zip(hours, minutes, strict=True))
    if max(minutes) > 59 or start > 1_439 or end > 1_440:
        raise Wrong(f"{text!r} has no time of day", "from 00:00 to 23:59, or to 24:00 at the end")
    return Window(_days(match[1], text), start, end)


def _days(text: str, window: str) -> tuple[int, ...]:
    if text == DAILY:
        return tuple(range(7))
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if first not in DAYS or (dash and last not in DAYS):
            raise Wrong(f"{part!r} in {window!r} is no day", f"{', '.join(DAYS)}, mon-fri, or daily")
        start, end = DAYS.index(first), DAYS.index(last or first)
        found |= {day % 7 for day in range(start, end + 1 if end >= start else end + 8)}
    return tuple(sorted(found))


def _read_zone(zone: str, places: Places) -> bytes:
    """The file of a time zone. Raises Wrong."""
    hint = "a name such as Europe/Berlin or UTC"
    if not _ZONE.fullmatch(zone) or zone.startswith(("posix/", "right/")):
        raise Wrong(f"{zone!r} is no name of a time zone", hint)
    for place in _places_of(zone):
        try:
            data = places.read_file(place)
            Calendar(Schedule("", zone, data, ()))
        except (OSError, ValueError):
            continue
        return data
    raise Wrong(f"there is no time zone {zone!r}", hint)


def _places_of(zone: str) -> Iterator[str]:
    yield f"{SYSTEM}/{zone}"
    yield str(FilePath(packaged()) / zone)
