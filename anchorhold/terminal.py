"""What all commands share: exit codes, errors, options, and data as a table or as JSON."""

import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path
from typing import TypeVar

import click

from anchorhold.control_client import Answer, ControlFailed, Unreachable, ask_service
from anchorhold.control_path import default_control_path
from anchorhold.together import resolvers_in, together

Command = TypeVar("Command", bound=Callable[..., object])


class Exit(IntEnum):
    """Exit codes; docs/guide/commands.md and `anchorhold --help` list them."""

    OK = 0
    NEGATIVE = 1
    USAGE = 2
    CANNOT_START = 3
    UNREACHABLE = 4


class CommandFailed(click.ClickException):
    """Ends a command with a text on standard error and an exit code; never a traceback."""

    def __init__(self, code: Exit, text: str) -> None:
        super().__init__(text)
        self.exit_code = int(code)  # type: ignore[misc] # click reads it from the instance


def control_option(command: Command) -> Command:
    """`--control PATH`: where the service's control socket is."""
    return click.option(
        "--control",
        type=click.Path(path_type=Path),
        help="Control socket of the service.  [default: $ANCHORHOLD_CONTROL, else the place the service uses]",
    )(command)


def json_option(command: Command) -> Command:
    """`--json`: data for programs instead of text for people."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def service_answer(control: Path | None, request: Answer) -> list[Answer]:
    """Ask the running service; raises CommandFailed if it cannot be asked (4) or says no (1)."""
    try:
        return ask_service(control or default_control_path(), request)
    except Unreachable as error:
        raise CommandFailed(Exit.UNREACHABLE, str(error)) from None
    except ControlFailed as error:
        raise CommandFailed(Exit.NEGATIVE, str(error)) from None


def read_file(path: Path, most: int) -> bytes:
    """The content of a file that the user named, of at most so many octets. Raises CommandFailed."""
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise CommandFailed(Exit.USAGE, f"{path}: {error.strerror}") from None
    if len(data) > most:
        raise CommandFailed(Exit.USAGE, f"{path} is larger than {most} octets; is it the right file?")
    return data


def by_cell(answer: list[Answer]) -> dict[str, Answer]:
    """The answer's lines under their cell's name, the name itself taken out.

    An error without a name is front's word that it could not ask the resolver.
    """
    cells: dict[str, Answer] = {}
    for line in answer:
        cell = str(line.get("cell", "resolver"))
        cells.setdefault(cell, {}).update({key: value for key, value in line.items() if key != "cell"})
    return cells


def complain(cells: dict[str, Answer]) -> None:
    """Raises CommandFailed (1) if a cell answered with an error; call it after its answer is printed."""
    errors = [f"{cell}: {show(line['error'])}" for cell, line in cells.items() if "error" in line]
    if errors:
        raise CommandFailed(Exit.NEGATIVE, "; ".join(errors))


def resolver_answer(control: Path | None, request: Answer) -> Answer:
    """What the resolver says to a request that is for it alone, or all of them together. Raises CommandFailed, also if that is an
    error."""
    cells = resolvers_in(by_cell(service_answer(control, request)))
    complain(cells)
    return together(cells)


def print_json(value: object) -> None:
    """One JSON document, readable, keys in the order given."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table: drawn on a terminal, plain aligned columns elsewhere, nothing if there are no rows."""
    if not rows:
        return
    if sys.stdout.isatty():
        _draw(title, heads, rows)
        return
    click.echo(f"{title}:")
    widths = [max(len(row[at]) for row in (heads, *rows)) for at in range(len(heads))]
    for row in (heads, *rows):
        click.echo("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _draw(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    # Imported here: rich takes longer to load than most commands to run.
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(*heads, title=title, title_justify="left")
    for row in rows:
        table.add_row(*(escape(printable(cell)) for cell in row))
    Console().print(table)


def printable(text: str) -> str:
    """`text` without control characters: what a name or a stranger's text may do to a terminal is nothing."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def show(value: object, unit: str = "") -> str:
    """A value of an answer as a table's cell; "-" if there is none."""
    match value:
        case None | "":
            return "-"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.1f}{unit}"
        case _:
            return f"{printable(str(value))}{unit}"


def show_time(found: object) -> str:
    """Whole seconds since 1970 as a date and time in UTC; "-" if there are none."""
    return f"{datetime.fromtimestamp(found, UTC):%Y-%m-%dT%H:%M:%SZ}" if isinstance(found, int) else "-"


def percent(value: object) -> str:
    """A share between 0 and 1 as a percentage; "-" if there is none."""
    return f"{value:.1%}" if isinstance(value, int | float) else "-"


def rows_of(line: Answer, field: str) -> list[Answer]:
    """The list of objects in `field` of an answer's line; what is no object is left out."""
    found = line.get(field)
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []
