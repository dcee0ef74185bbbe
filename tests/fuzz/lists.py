"""Thousands of mutated lists through the readers of all formats: `lists.py --cases N --seed S [--record]`.

Every case is a list of `tests/corpus/lists/` with one to four edits as in the first run, or spliced from two, and goes through
the reader of every format, its own and the others'. Whatever stands in it, each line must be an entry, a comment, or have its
reason. A broken promise is an entry that is none: a name that is not one on the wire, an address with a prefix length it cannot
have, records beyond the bounds, a line number outside of the text, or a second reading that differs from the first.

The input is a pure function of the seed and the case's number: `--only NUMBER`.
"""

import sys
from contextlib import suppress
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fuzz.long import Harnesses, main
from kit.listed import CASES, read_case

from privacy.lists.compile import Item
from privacy.lists.entry import Entry, Skipped, Trigger
from privacy.lists.formats import FORMATS, guess, read_list
from privacy.lists.formats.text import MAX_RECORDS
from wire.dns.names import parse_name
from wire.errors import Malformed

PARSERS = {f"privacy.lists.formats.{name}.{read.__name__}": name for name, read in FORMATS.items()}
"""Dotted name of each reader → its format."""


def feed_list(syntax: str, data: bytes) -> bool:
    """As it came (mostly refused at the door), and with what closes that door taken out."""
    opened = b"\n" + data.replace(b"\0", b" ")
    items = list(FORMATS[syntax](opened))
    assert items == list(FORMATS[syntax](opened))
    assert guess(opened) in FORMATS
    lines = opened.count(b"\n") + 1
    for item in items:
        check(item, lines)
    with suppress(Malformed):
        list(read_list(data, "auto"))
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


HARNESSES: Harnesses = {parser: partial(feed_list, syntax) for parser, syntax in PARSERS.items()}


def entries() -> list[bytes]:
    """Lists that say something, in every format."""
    return [read_case(path).text for path in CASES]


if __name__ == "__main__":
    sys.exit(main((__file__, __doc__, "Lists"), HARNESSES, entries(), 20_000))
