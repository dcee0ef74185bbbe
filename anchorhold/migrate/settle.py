"""The draft, until our own loader takes it: what it refuses goes out again, and its lines are told as dropped."""

import re
from pathlib import Path

from anchorhold.config.errors import SettingsError
from anchorhold.config.load import load
from anchorhold.config.master import MAX_RECORDS
from anchorhold.migrate import Migration
from anchorhold.migrate.draft import Item, Table, places_of
from anchorhold.migrate.reading import Unreadable
from anchorhold.migrate.write import config_text

ROUNDS = 40
MISSING = "it is missing"
"""How our check calls a key that must be there."""
TOO_MANY = (
    f"more than {MAX_RECORDS:,} records of names, which is the most that a configuration holds: leave some out or, if they are "
    'to be blocked, write a list: [lists.NAME], format = "hosts"'
)
_ALL_RECORDS = "local"
"""Where our check tells that there are too many."""
_PART = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def settled(migration: Migration, output: Path, heading: str) -> str:
    """The text of a configuration that the loader accepts. Raises SettingsError if none can be had, Unreadable if it would be
    too large.
    """
    for left in reversed(range(ROUNDS)):
        text = config_text(migration.draft, migration.report, heading)
        try:
            load(text, str(output))
        except SettingsError as error:
            if any(problem.path == _ALL_RECORDS for problem in error.problems):
                raise Unreadable(str(output), 0, TOO_MANY) from None
            if not left or not _take_out(migration, error):
                raise
            continue
        return text
    raise AssertionError("the last round returns or raises")


def _take_out(migration: Migration, error: SettingsError) -> bool:
    """Remove what the problems name. Items of a list are looked up first and removed together, for numbers move."""
    doomed: list[Item] = []
    for problem in error.problems:
        # What is missing is what was taken out before, and that is told already.
        gone = problem.what == MISSING
        reason = "" if gone else f"refused by our own check: {problem.what}; {problem.hint}"
        way = _way(migration.draft, problem.path)
        if not way:
            continue
        doomed.append(way[-1])
        own = list(dict.fromkeys(places_of(way[-1])))
        for place in own:
            migration.report.lost(place, reason)
        if not own:
            # A value without lines of its own: those of what it is in learn of it, for that may yet stay.
            around = next((item.places for item in reversed(way) if item.places), [])
            for place in around:
                migration.report.changed(place, reason)
    for item in doomed:
        _remove(migration.draft, item)
    return bool(doomed)


def _way(draft: Table, path: str) -> list[Item]:
    """The items on the way to `path`, as far as there are such."""
    here: object = draft
    way: list[Item] = []
    for name, number in _PART.findall(path):
        item: Item | None = None
        if isinstance(here, Table) and name:
            item = here.items.get(name)
        elif isinstance(here, list) and number and int(number) < len(here):
            item = here[int(number)]
        if item is None:
            break
        way.append(item)
        here = item.value
    return way


def _remove(table: Table, doomed: Item) -> None:
    for key, item in list(table.items.items()):
        if item is doomed:
            del table.items[key]
            return
        if isinstance(item.value, Table):
            _remove(item.value, doomed)
        elif isinstance(item.value, list):
            item.value[:] = [one for one in item.value if one is not doomed]
            for one in item.value:
                if isinstance(one.value, Table):
                    _remove(one.value, doomed)
            if not item.value:
                del table.items[key]
