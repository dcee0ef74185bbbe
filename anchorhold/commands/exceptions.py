"""`anchorhold anchors except`: a zone that is not validated for a while, by the operator's will (RFC 7646)."""

from pathlib import Path

import click

from anchorhold import text
from anchorhold.chain_text import words
from anchorhold.control_client import Answer
from anchorhold.keeper.exceptions import LONGEST
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
from resolver.dnssec.anchors import MAX_REASON
from wire.dns.names import ROOT

_DAYS = LONGEST // 86_400


@click.command(
    name="except",
    epilog=f"""\b
Examples:
  anchorhold anchors except broken.example --for 2h --reason "their keys expired, they know"
  anchorhold anchors except --remove broken.example
  anchorhold anchors

Exit codes: 0 done, 1 the service says no, 2 no such zone or time span, 4 no service answers.

At most {_DAYS} days; then it is over by itself. For good: [[dnssec.negative]] in the configuration.""",
)
@click.argument("zone")
@click.option("--for", "span", default="", help="For how long: 30m, 2h or 7d.")
@click.option("--reason", default="", help=f"Why, in up to {MAX_REASON} letters: for whoever wonders later.")
@click.option("--remove", is_flag=True, help="Take back the exception for ZONE.")
@control_option
@json_option
def command(zone: str, span: str, reason: str, remove: bool, control: Path | None, as_json: bool) -> None:
    """Do not validate ZONE and what is below it for a while, at once and over restarts.

    For a zone whose owner has broken it: `anchorhold explain --dnssec NAME` says which zone that is. Whatever comes for its names
    is then believed, forged or not, so name no more than the zone that is broken and mend it soon.
    """
    request = _request(zone, span, reason, remove)
    resolver = resolver_answer(control, request)
    if as_json:
        print_json(resolver)
    else:
        print_exceptions(resolver)
    warn_if_not_kept(resolver)


def _request(zone: str, span: str, reason: str, remove: bool) -> Answer:
    """Raises CommandFailed."""
    try:
        name = text.read_name(zone)
        if remove and (span or reason):
            raise ValueError("--remove takes neither --for nor --reason")
        seconds = 0 if remove else _read_span(span)
        if not remove and name == ROOT:
            raise ValueError(
                "an exception for the root would end validation of everything; name the zone that is broken"
            )
        if not remove and (not reason.strip() or len(reason) > MAX_REASON or not reason.isprintable()):
            raise ValueError(f"--reason is needed, up to {MAX_REASON} letters on one line, for whoever wonders later")
    except ValueError as error:
        raise CommandFailed(Exit.USAGE, str(error)) from None
    return {"verb": "except", "zone": name.hex(), "seconds": seconds, "reason": reason}


def _read_span(span: str) -> int:
    """Raises ValueError."""
    try:
        return read_span(span, LONGEST)
    except ValueError as error:
        raise ValueError(f"--for is needed, up to {_DAYS} days (for good: [[dnssec.negative]]): {error}") from None


def print_exceptions(resolver: Answer) -> None:
    """A table of what is not validated; nothing if everything is."""
    rows = [
        [show(row.get("zone")), show(row.get("by")), _left(row.get("left")), show(row.get("why"))]
        for row in rows_of(resolver, "exceptions")
    ]
    print_table("not validated", ["zone", "by", "for", "reason"], rows)


def _left(left: object) -> str:
    return f"{words(left)} more" if isinstance(left, int | float) else "good"


def warn_if_not_kept(resolver: Answer) -> None:
    """An exception that a restart would forget is told."""
    if resolver.get("kept") is False and any(row.get("by") == "command" for row in rows_of(resolver, "exceptions")):
        click.echo("warning: nothing can be kept: the exception ends with the next restart", err=True)
