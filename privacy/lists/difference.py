"""What a list says now that it did not say before, by its texts: an image has nothing left of a name but its hash."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from privacy.lists.compile import Item
from privacy.lists.entry import Entry, Saying, Skipped, Trigger

MAX_SHOWN = 1_000


@dataclass(frozen=True, slots=True)
class Difference:
    """How many statements came and went, and the lines of the first `MAX_SHOWN` of each: `added` in the new text, `removed` in
    the old one. A statement that is only on another line now is neither."""

    count_added: int
    count_removed: int
    added: tuple[int, ...]
    removed: tuple[int, ...]


def compare(old: Iterable[Item], new: Iterable[Item]) -> Difference:
    """Between two readings of one list. Costs 50 to 100 octets of memory for each statement while it runs."""
    before, after = dict(_statements(old)), dict(_statements(new))
    added = sorted(line for said, line in after.items() if said not in before)
    removed = sorted(line for said, line in before.items() if said not in after)
    return Difference(len(added), len(removed), tuple(added[:MAX_SHOWN]), tuple(removed[:MAX_SHOWN]))


def _statements(items: Iterable[Item]) -> Iterable[tuple[int, int]]:
    """The hash of each statement without its line, and the line. It is Python's own, keyed by this process alone."""
    for item in items:
        if isinstance(item, tuple):
            yield hash(item[1:]), item[0]
        elif not isinstance(item, Skipped):
            yield _hash(item), item.line


def _hash(entry: Entry) -> int:
    plain = Entry(Trigger.NAME, Saying.BLOCK, entry.line, entry.name, entry.scope)
    return hash((entry.name, entry.scope) if entry == plain else replace(entry, line=0))
