"""Thousands of mutated lists through the readers of all formats: `lists.py --cases N --seed S [--record]`.

Every case is a list of `tests/corpus/lists/` with one to four edits as in the first run, or spliced from two, and goes through
the reader of every format, its own and the others', and the one that guesses. Whatever stands in it, each line must be an entry,
a comment, or have its reason. A broken promise is an entry that is none: a name that is not one on the wire, an address with a
prefix length it cannot have, records beyond the bounds, a line number outside of the text, or a second reading that differs from
the first.

The input is a pure function of the seed and the case's number: `--only NUMBER`.
"""

import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fuzz.long import Harnesses, main
from kit.listed import CASES, read_case

from privacy.lists.compile import Item
from privacy.lists.entry import Entry, Skipped, Trigger
from privacy.lists.formats import AUTO, FORMATS, guess, read_list
from privacy.lists.formats.text import MAX_RECORDS
from wire.dns.names import parse_name


def feed_any(data: bytes) -> bool:
    """As it came, in the format it seems to have."""
    assert guess(opened(data)) in FORMATS
    return any(not isinstance(item, Skipped) for item in read_list(data, AUTO))


def opened(data: bytes) -> bytes:
    """Without what closes the door to all formats."""
    return b"\n" + data.replace(b"\0", b" ")


def feed_list(syntax: str, data: bytes) -> bool:
    """Behind the door."""
    text = opened(data)
    items = list(FORMATS[syntax](text))
    assert items == list(FORMATS[syntax](text))
    lines = text.count(b"\n") + 1
    for item in items:
        check(item, lines)
    return any(not isinstance(item, Skipped) for item in items)


def check(item: Item, lines: int) -> None:
    if isinstance(item, tuple):
        line, name, _ = item
        assert parse_name(name, 0) == (name, len(name))
    else:
        line = item.line
    assert 1 <= line <= lines
    if isinstance(item, Skipped):
        assert 0 < len(item.why) < 160
    elif isinstance(item, Entry):
        check_entry(item)


def check_entry(entry: Entry) -> None:
    match entry.trigger:
        case Trigger.NAME | Trigger.SERVER:
            assert parse_name(entry.name, 0) == (entry.name, len(entry.name))
        case Trigger.PATTERN:
            assert entry.pattern
            assert entry.pattern.isascii()
        case _:
            assert entry.network is not None
            octets, length = entry.network
            assert len(octets) in (4, 16)
            assert 0 <= length <= 8 * len(octets)
    assert len(entry.records) <= MAX_RECORDS
    assert all(0 <= number < 65_536 for number in entry.types)
    assert all(0 <= record.rrtype < 65_536 and len(record.rdata) <= 2_048 for record in entry.records)
    assert all(-1 <= record.ttl < 2**31 for record in entry.records)


HARNESSES: Harnesses = {
    f"privacy.lists.formats.{name}.{read.__name__}": partial(feed_list, name) for name, read in FORMATS.items()
}
HARNESSES["privacy.lists.formats.read_list"] = feed_any


def entries() -> list[bytes]:
    """Lists that say something, in every format."""
    return [read_case(path).text for path in CASES]


if __name__ == "__main__":
    sys.exit(main((__file__, __doc__, "Lists"), HARNESSES, entries(), 20_000))
