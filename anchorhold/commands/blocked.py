"""`anchorhold blocked`: what was blocked a moment ago, for a while and only because somebody wants to know."""

from pathlib import Path

import click

from anchorhold.chain_text import words
from anchorhold.control_client import Answer
from anchorhold.control_requests import MAX_WATCH
from anchorhold.spans import read_span
from anchorhold.terminal import (
    CommandFailed,
    Exit,
    control_option,
    json_option,
    print_json,
    print_table,
    resolver_answer,
    rows_of,
    show,
)
from anchorhold.text import show_type


@click.command(
    epilog="""\b
Examples:
  anchorhold blocked --for 15m
  anchorhold blocked
  anchorhold blocked --stop

Exit codes: 0 shown or done, 1 the service says no, 2 no time span, 4 no service answers.

At most one hour; it also ends when the service does."""
)
@click.option("--for", "span", default="", help="Remember what is blocked from now on, for so long: 15m, 1h.")
@click.option("--stop", is_flag=True, help="Remember nothing more, and forget what was remembered.")
@control_option
@json_option
def command(span: str, stop: bool, control: Path | None, as_json: bool) -> None:
    """Show what was blocked and why, for a site that does not work.

    Nothing is remembered unless you ask for it with --for; then names that are blocked, and the client group that asked for them,
    are kept in the memory of the resolver process until the time is over, and on no disk. Use the site, then look. `anchorhold
    status` tells everybody who may ask that it is on.
    """
    request: Answer = {"verb": "blocked"}
    try:
        if span and stop:
            raise ValueError("--for and --stop are opposites; give one of them")
        if span or stop:
            request["seconds"] = 0 if stop else read_span(span, MAX_WATCH)
    except ValueError as error:
        raise CommandFailed(Exit.USAGE, str(error)) from None
    resolver = resolver_answer(control, request)
    if as_json:
        print_json(resolver)
        return
    _print(resolver)


def _print(resolver: Answer) -> None:
    line = watched_line(resolver.get("until_s"))
    click.echo(line or "nothing is remembered; begin with: anchorhold blocked --for 15m")
    rows = [
        [
            show(row.get("name")),
            _type(row.get("type")),
            show(row.get("group")),
            _why(row),
            show(row.get("count")),
            show(row.get("last_s"), " s"),
        ]
        for row in rows_of(resolver, "blocked")
    ]
    print_table("blocked, the last first", ["name", "type", "group", "by", "times", "ago"], rows)
    if line and not rows:
        click.echo("nothing was blocked yet")


def _type(found: object) -> str:
    return show_type(found) if isinstance(found, int) and 0 <= found < 65_536 else show(found)


def _why(row: Answer) -> str:
    """The rule, or the list and its line."""
    if row.get("rule"):
        return f"rule {show(row['rule'])}"
    line = f" line {show(row['line'])}" if row.get("line") else ""
    return f"list {show(row['list'])}{line}" if row.get("list") else "-"


def watched_line(left: object) -> str:
    """That it is on, as a sentence; empty if it is not."""
    if not isinstance(left, int | float) or left <= 0:
        return ""
    return f"what is blocked is being remembered, for {words(left)} more (anchorhold blocked --stop)"
