"""`anchorhold pause`: rules that block, and lists, do nothing for a while."""

from pathlib import Path

import click

from anchorhold.chain_text import words
from anchorhold.control_client import Answer
from anchorhold.control_requests import MAX_PAUSE
from anchorhold.spans import read_span
from anchorhold.terminal import (
    CommandFailed,
    Exit,
    control_option,
    json_option,
    print_json,
    printable,
    resolver_answer,
    rows_of,
    show,
)


@click.command(
    epilog="""\b
Examples:
  anchorhold pause 10m
  anchorhold pause kids 1h
  anchorhold pause kids --end
  anchorhold pause --end

Exit codes: 0 done, 1 the service says no (no such group), 2 no time span, 4 no service answers.

At most one day; a pause also ends when the service does."""
)
@click.argument("words_given", nargs=-1, metavar="[GROUP] SPAN")
@click.option("--end", is_flag=True, help="Block again now, without SPAN: for GROUP, or for all.")
@control_option
@json_option
def command(words_given: tuple[str, ...], end: bool, control: Path | None, as_json: bool) -> None:
    """Let nothing be blocked for a while: for the client group GROUP, or for everybody.

    Rules that allow, rewrite or route go on, and so does protection against rebinding. When the time is over, blocking goes on by
    itself. `anchorhold status` tells of a pause.
    """
    request = _request(words_given, end)
    resolver = resolver_answer(control, request)
    if as_json:
        print_json(resolver)
        return
    for line in paused_lines(resolver):
        click.echo(line)
    if not rows_of(resolver, "paused"):
        click.echo("nothing is paused: rules and lists block")


def _request(given: tuple[str, ...], end: bool) -> Answer:
    """Raises CommandFailed."""
    groups = given if end else given[:-1]
    try:
        if len(groups) > 1 or (not end and not given):
            raise ValueError("one GROUP or none, then for how long, such as: anchorhold pause kids 10m")
        seconds = 0 if end else read_span(given[-1], MAX_PAUSE)
    except ValueError as error:
        raise CommandFailed(Exit.USAGE, str(error)) from None
    return {"verb": "pause", "seconds": seconds} | ({"group": groups[0]} if groups else {})


def paused_lines(line: Answer) -> list[str]:
    """A sentence for each pause."""
    return [_paused(row) for row in rows_of(line, "paused")]


def _paused(row: Answer) -> str:
    group, left = row.get("group"), row.get("left")
    who = f"group {printable(str(group))}" if group else "every group"
    more = f"for {words(left)} more" if isinstance(left, int | float) else show(left)
    return f"paused: nothing is blocked for {who}, {more} (anchorhold pause --end)"
