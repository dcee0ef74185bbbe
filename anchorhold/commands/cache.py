"""`anchorhold cache`: look into the caches, or empty them."""

from pathlib import Path

import click

from anchorhold import text
from anchorhold.control_client import Answer
from anchorhold.terminal import (
    CommandFailed,
    Exit,
    by_cell,
    complain,
    control_option,
    json_option,
    print_json,
    print_table,
    printable,
    service_answer,
    show,
)


@click.group(
    epilog="""\b
Examples:
  anchorhold cache stats
  anchorhold cache flush example.net
  anchorhold cache dump --json

Exit codes: 0 done, 1 the service says no, 2 no such name, 4 no service answers."""
)
def command() -> None:
    """Look into the caches, or empty them.

    There are two: dressed answers beside the clients (front), and checked answers beside the upstreams (resolver).
    """


@command.command(epilog="Example: anchorhold cache stats --json")
@control_option
@json_option
def stats(control: Path | None, as_json: bool) -> None:
    """How full the caches are, and how often they helped."""
    cells = by_cell(service_answer(control, {"verb": "cache-stats"}))
    if as_json:
        print_json(cells)
    else:
        for name, line in cells.items():
            print_table(f"{name} cache", ["what", "number"], [[show(k), show(v)] for k, v in _flat(line)])
    complain(cells)


def _flat(line: Answer) -> list[tuple[str, object]]:
    """The numbers of a line, those of an inner object (`cache`) too."""
    found: list[tuple[str, object]] = []
    for key, value in line.items():
        if isinstance(value, dict):
            found += value.items()
        else:
            found.append((key, value))
    return sorted(found, key=lambda pair: pair[0])


@command.command(epilog="Examples: anchorhold cache flush example.net; all of it: anchorhold cache flush .")
@click.argument("name")
@control_option
@json_option
def flush(name: str, control: Path | None, as_json: bool) -> None:
    """Forget NAME and everything below it, in both caches."""
    try:
        folded = text.read_name(name)
    except ValueError as error:
        raise CommandFailed(Exit.USAGE, str(error)) from None
    cells = by_cell(service_answer(control, {"verb": "cache-flush", "name": folded.hex()}))
    if as_json:
        print_json(cells)
    else:
        for cell, line in cells.items():
            said = ", ".join(f"{show(key)} {show(value)}" for key, value in line.items()) or "done"
            click.echo(f"{cell}: {said}")
    complain(cells)


@command.command(epilog="Example: anchorhold cache dump | less")
@control_option
@json_option
def dump(control: Path | None, as_json: bool) -> None:
    """Print every entry. This shows the names that were asked for; it is printed here and kept nowhere."""
    lines = service_answer(control, {"verb": "cache-dump"})
    if as_json:
        print_json(lines)
        return
    for line in lines:
        for entry in _entries(line):
            click.echo(f"{show(line.get('cell'))}\t{entry}")


def _entries(line: Answer) -> list[str]:
    """A line's entries as text: a list under `entries`, or the line itself."""
    found = line.get("entries")
    if isinstance(found, list):
        return [_entry(row) for row in found]
    rest = {key: value for key, value in line.items() if key != "cell"}
    return [_entry(rest)] if rest else []


def _value(key: object, value: object) -> str:
    return text.show_type(value) if key == "type" and isinstance(value, int) and 0 <= value < 65_536 else show(value)


def _entry(row: object) -> str:
    if isinstance(row, dict):
        return "\t".join(f"{show(key)}={_value(key, value)}" for key, value in row.items())
    return printable(str(row))
