"""A draft as TOML for people: sections in the usual order, and above each thing the line that it came from."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from anchorhold.migrate.draft import Item, Table
from anchorhold.migrate.report import Report
from anchorhold.toml_text import key_text, value_text

ORDER = (
    "service",
    "listen",
    "access",
    "clients",
    "resolve",
    "upstreams",
    "route",
    "local",
    "hosts",
    "schedules",
    "rule",
    "lists",
    "protect",
    "rebinding",
    "dns64",
    "dnssec",
    "dhcp",
    "secure",
    "cache",
    "limits",
    "privacy",
)
SHOWN_ORIGINS = 4
"""Of more lines than that only the number is told."""
WIDTH = 110


def config_text(draft: Table, report: Report, heading: str) -> str:
    """The whole file; `heading` (lines) comes first, as a comment."""
    lines = [f"# {line}".rstrip() for line in heading.splitlines()]
    known = [key for key in ORDER if key in draft]
    for key in (*known, *(key for key in draft.items if key not in ORDER)):
        lines += _section((key,), draft.items[key], report)
    return "\n".join(lines) + "\n"


def _section(path: tuple[str, ...], item: Item, report: Report) -> Iterator[str]:
    """A `[table]`, or each `[[table]]` of a list."""
    value = item.value
    if isinstance(value, Table):
        yield from _table(path, f"[{_dotted(path)}]", item, report)
    elif isinstance(value, list):
        for one in value:
            yield from _table(path, f"[[{_dotted(path)}]]", one, report)


def _is_sections(value: object) -> bool:
    return isinstance(value, list) and any(isinstance(one.value, Table) for one in value)


def _table(path: tuple[str, ...], head: str, item: Item, report: Report) -> Iterator[str]:
    table = item.value
    assert isinstance(table, Table)  # noqa: S101 # only such are sections
    own = {key: one for key, one in table.items.items() if not isinstance(one.value, Table | list)}
    listed = {
        key: one for key, one in table.items.items() if isinstance(one.value, list) and not _is_sections(one.value)
    }
    inner = {key: one for key, one in table.items.items() if key not in own and key not in listed}
    # A section that holds sections alone needs no head of its own, unless it is one of several.
    if own or listed or head.startswith("[[") or not inner or item.comments or item.places:
        yield ""
        yield from _remarks(item, report)
        yield head
    for key, one in (*own.items(), *listed.items()):
        yield from _pair(key, one, report)
    for key, one in inner.items():
        yield from _section((*path, key), one, report)


def _pair(key: str, item: Item, report: Report) -> Iterator[str]:
    yield from _remarks(item, report)
    value = item.value
    if not isinstance(value, list):
        yield f"{key_text(key)} = {value_text(value)}"
        return
    texts = [value_text(one.value) for one in value]
    told = [one for one in value if not one.quiet and (one.places or one.comments)]
    short = f"{key_text(key)} = [{', '.join(texts)}]"
    if len(short) <= WIDTH and (not told or len(value) == 1):
        for one in told:
            yield from _remarks(one, report)
        yield short
        return
    yield f"{key_text(key)} = ["
    for one, text in zip(value, texts, strict=True):
        yield from (f"    {line}" for line in _remarks(one, report))
        yield f"    {text},"
    yield "]"


def _remarks(item: Item, report: Report) -> Iterator[str]:
    for comment in item.comments:
        yield from (f"# {line}".rstrip() for line in comment.splitlines())
    if item.places and not item.quiet:
        told = [report.origin(place) for place in item.places[:SHOWN_ORIGINS]]
        more = len(item.places) - len(told)
        yield f"# {_plain(', '.join(told))}" + (f" and {more} more" if more else "")


def _plain(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _dotted(path: tuple[str, ...]) -> str:
    return ".".join(map(key_text, path))


def write_file(path: Path, text: str, force: bool) -> None:
    """Whole or not at all, mode 0600; over an existing file only with `force`. Raises OSError."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp's mode is 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        if force:
            os.replace(name, path)
        else:
            os.link(name, path)  # fails where the name is taken, as a rename would not
    finally:
        Path(name).unlink(missing_ok=True)
