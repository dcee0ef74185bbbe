"""A regular expression a line, in the syntax of RE2, bare or as `/…/`; it is looked for anywhere in a name."""

from collections.abc import Iterator

from privacy.lists.compile import Item
from privacy.lists.entry import Entry, Saying, Trigger
from privacy.lists.formats.records import read_types
from privacy.lists.formats.text import Unused, numbered, read_expression, read_line


def read_regex(text: bytes) -> Iterator[Item]:
    """Whether RE2 takes them, and what they cost, is seen when they are compiled."""
    for number, line in numbered(text):
        yield from read_line(number, line, _read)


def _read(number: int, line: str) -> Iterator[Item]:
    if not line or line.startswith("#"):
        return
    pattern, *options = line.split(";")
    types: tuple[int, ...] = ()
    others = False
    for option in options:
        key, _, value = option.partition("=")
        if key != "querytype":
            raise Unused("an option of Pi-hole behind a `;`: of those only querytype is known here")
        others = value.startswith("!")
        types = read_types(value.lstrip("!").split(","))
    pattern = read_expression(pattern.strip())
    yield Entry(Trigger.PATTERN, Saying.BLOCK, number, pattern=pattern, types=types, other_types=others)
