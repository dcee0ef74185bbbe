"""A name a line: that name alone. `*.name` and `.name`: that name and all below it."""

from collections.abc import Iterator

from privacy.lists.compile import Item
from privacy.lists.entry import Scope
from privacy.lists.formats.text import numbered, quick_name, read_domain, read_line, strip_comment


def read_domains(text: bytes) -> Iterator[Item]:
    """A plain name is itself only, for that is how those lists are made: what is below has lines of its own."""
    return read_names(text, Scope.EXACT)


def read_names(text: bytes, scope: Scope) -> Iterator[Item]:
    """A name a line, plain ones of this `scope`."""

    def read(number: int, line: str) -> Iterator[Item]:
        if not (name := strip_comment(line)):
            return
        if name.startswith(("*.", ".")) and name != ".":
            yield number, read_domain(name.lstrip("*")[1:]), Scope.TREE
        else:
            yield number, read_domain(name), scope

    for number, line in numbered(text):
        if (name := quick_name(line)) is not None:
            yield number, name, scope
        elif line.startswith("*.") and (name := quick_name(line[2:])) is not None:
            yield number, name, Scope.TREE
        else:
            yield from read_line(number, line, read)
