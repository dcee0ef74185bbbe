"""`anchorhold lists`: what became of each list; fetched, confirmed, compared, taken back; what they would say to a name."""

import time
from pathlib import Path

import click

from anchorhold.control_client import Answer
from anchorhold.terminal import (
    CommandFailed,
    Exit,
    control_option,
    json_option,
    print_json,
    print_table,
    printable,
    rows_of,
    service_answer,
    show,
    show_time,
)
from anchorhold.text import read_name, read_type, show_name

POLL = 0.5
"""Seconds between two looks at what is under way."""
WAIT = 1_500.0
"""Seconds for which a command waits; the cell goes on without it."""


@click.group(
    epilog="""\b
Examples:
  anchorhold lists status
  anchorhold lists update
  anchorhold lists diff ads
  anchorhold lists update --confirm ads@5f2c09b1a47d
  anchorhold lists test ads.example.com www.example.org

Exit codes: 0 done, 1 not as wanted (a list is held back or failing, a name is blocked), 2 wrong usage, 4 no service answers."""
)
def command() -> None:
    """Lists of names: fetched, compared, taken back, asked what they would say.

    Which lists there are says [lists] in the configuration. A list that changed too much at once is held back until it is
    confirmed; the former one stays in force.
    """


def ask(control: Path | None, request: Answer) -> Answer:
    """The cell's answer. Raises CommandFailed."""
    (line, *_) = service_answer(control, {"verb": "lists", "request": request})
    return line


# status


@command.command(
    epilog="""\b
Examples:
  anchorhold lists status
  anchorhold lists status --json
  anchorhold lists status --costs

Exit codes: 0 every list is in force, 1 one is held back, failing or not there yet, 4 no service answers."""
)
@click.option("--costs", is_flag=True, help="The regular expressions of each list that cost the most, instead.")
@control_option
@json_option
def status(costs: bool, control: Path | None, as_json: bool) -> None:
    """Each list: how many entries, how old, what is wrong with it, when it is asked for next."""
    if costs:
        line = ask(control, {"do": "costs"})
        print_json(line) if as_json else _print_costs(line)
        return
    line = ask(control, {"do": "status"})
    names = [str(row.get("name")) for row in rows_of(line, "lists")]
    _print(line, names, as_json)
    _complain(line, names)


def _print_costs(line: Answer) -> None:
    heads = ["list", "line", "instructions", "expression"]
    table = [[show(row.get(key)) for key in ("list", "line", "instructions", "text")] for row in rows_of(line, "dear")]
    print_table("costs", heads, table)
    _print_cost(line.get("image"))


def _print_cost(image: object) -> None:
    """Of all regular expressions, if there are any."""
    if isinstance(image, dict) and image.get("patterns"):
        cost = f"{show(image.get('instructions'))} of at most {show(image.get('most_instructions'))} instructions"
        click.echo(f"regular expressions: {show(image['patterns'])}, which cost {cost}")


def _print(line: Answer, names: list[str], as_json: bool) -> None:
    """What is to be said of these."""
    shown = {**line, "lists": [row for row in rows_of(line, "lists") if row.get("name") in names]}
    if as_json:
        print_json(shown)
    else:
        _print_status(shown)


def _print_status(line: Answer) -> None:
    rows = rows_of(line, "lists")
    table = [
        [
            show(row.get("name")),
            show(row.get("state")),
            show(row.get("format")),
            show(row.get("entries")),
            show(row.get("skipped")),
            _age(row.get("current")),
            _soon(row.get("next")),
            _back(row),
        ]
        for row in rows
    ]
    heads = ["list", "state", "format", "entries", "not used", "fetched", "next", "can go back"]
    print_table("lists", heads, table)
    for row in rows:
        for text in _remarks(row):
            click.echo(f"{show(row.get('name'))}: {text}")
    image = line.get("image")
    if isinstance(image, dict):
        click.echo(f"in force: {show(image.get('entries'))} entries, {show(image.get('octets'))} octets")
    _print_cost(image)
    if line.get("building"):
        click.echo(f"under way: {show(line['building'])}")
    if line.get("problem"):
        click.echo(f"problem: {show(line['problem'])}")


def _remarks(row: Answer) -> list[str]:
    found = []
    if row.get("error"):
        found.append(f"{show(row['error'])} (try {show(row.get('failures'))})")
    if row.get("why"):
        name, held = show(row.get("name")), row.get("held")
        digest = held.get("digest") if isinstance(held, dict) else ""
        found.append(f"held back: {show(row['why'])}; see anchorhold lists diff {name}, {_take_it(name, digest)}")
    if row.get("protected"):
        found.append(f"{show(row['protected'])} of its entries would block protected names; these are not blocked")
    current = row.get("current")
    if isinstance(current, dict) and current.get("comment"):
        found.append(f"signed: {show(current['comment'])}")
    reasons = row.get("reasons")
    if isinstance(reasons, list) and reasons:
        found += [f"line {show(where)} is not used: {show(why)}" for where, why in reasons[:3]]
    return found


def _take_it(name: str, digest: object) -> str:
    """How a text that is held back is confirmed, and no other that may have come meanwhile."""
    return f"take it: lists update --confirm {name}@{show(digest)[:12]}"


def _age(copy: object) -> str:
    return show_time(copy.get("fetched")) if isinstance(copy, dict) else "-"


def _soon(seconds: object) -> str:
    if not isinstance(seconds, int):
        return "-"
    return f"{seconds // 3_600} h" if seconds >= 7_200 else f"{seconds // 60} min" if seconds >= 120 else f"{seconds} s"


def _back(row: Answer) -> str:
    return "yes" if isinstance(row.get("former"), dict) else "no"


def _complain(line: Answer, names: list[str]) -> None:
    """Raises CommandFailed (1) if one of these is not in force as it should be."""
    bad = [
        f"{show(row.get('name'))} is {show(row.get('state'))}"
        for row in rows_of(line, "lists")
        if row.get("name") in names and row.get("state") in ("held", "failing", "waiting")
    ]
    if line.get("problem"):
        bad.append(show(line["problem"]))
    if bad:
        raise CommandFailed(Exit.NEGATIVE, "; ".join(bad))


# update


@command.command(
    epilog="""\b
Examples:
  anchorhold lists update
  anchorhold lists update ads malware
  anchorhold lists update --confirm ads@5f2c09b1a47d

Exit codes: 0 in force, 1 one is held back, could not be had, or is not what you confirm, 2 wrong usage, 4 no service answers."""
)
@click.argument("names", nargs=-1)
@click.option(
    "--confirm",
    is_flag=True,
    help="Take what is held back, however much it changes: NAME@DIGEST, as status and diff show it.",
)
@click.option("--no-wait", is_flag=True, help="Do not wait until it is done.")
@control_option
@json_option
def update(names: tuple[str, ...], confirm: bool, no_wait: bool, control: Path | None, as_json: bool) -> None:
    """Fetch lists now (all, or NAMES), or take one that is held back.

    The lists in force stay until the new ones are compiled; no query is lost. A text that is held back is taken by its
    digest, so that it is the one you looked at.
    """
    accepted = ask(control, _confirming(names) if confirm else {"do": "update", "names": list(names)}).get("accepted")
    wanted = [str(name) for name in accepted] if isinstance(accepted, list) else []
    line = ask(control, {"do": "status"}) if no_wait else _wait(control, wanted)
    _print(line, wanted, as_json)
    if not no_wait:
        _complain(line, wanted)


def _confirming(names: tuple[str, ...]) -> Answer:
    parts = [name.rpartition("@") for name in names]
    held = {name: digest for name, _, digest in parts}
    if not held or not all(map(all, parts)):
        raise CommandFailed(
            Exit.USAGE, "name what you looked at: NAME@DIGEST, as anchorhold lists status and diff show it"
        )
    return {"do": "confirm", "held": held}


def _wait(control: Path | None, names: list[str]) -> Answer:
    """Until nothing is under way with these, telling how far it is. Raises CommandFailed."""
    until, said = time.monotonic() + WAIT, ""
    while True:
        line = ask(control, {"do": "status"})
        busy = [row for row in rows_of(line, "lists") if row.get("name") in names and row.get("progress") is not None]
        text = ", ".join(_progress(row) for row in busy) or printable(str(line.get("building") or ""))
        if not text:
            return line
        if text != said:
            click.echo(text, err=True)
        said = text
        if time.monotonic() > until:
            raise CommandFailed(Exit.NEGATIVE, "it is still under way; look again: anchorhold lists status")
        time.sleep(POLL)


def _progress(row: Answer) -> str:
    progress = row.get("progress")
    counts = progress if isinstance(progress, dict) else {}
    state = show(row.get("state"))
    detail = {
        "fetching": f" {show(counts.get('octets'))} octets",
        "checking": f" {show(counts.get('entries'))} entries",
    }
    return f"{show(row.get('name'))}: {state}{detail.get(state, '')}"


# undo, diff


@command.command(
    epilog="""\b
Examples:
  anchorhold lists undo ads

Exit codes: 0 the former text is in force, 1 there is none, 4 no service answers."""
)
@click.argument("name")
@control_option
@json_option
def undo(name: str, control: Path | None, as_json: bool) -> None:
    """Take list NAME's former text back. What you took back does not come again by itself; another text does."""
    ask(control, {"do": "undo", "name": name})
    _print(_wait(control, [name]), [name], as_json)


@command.command(
    epilog="""\b
Examples:
  anchorhold lists diff ads
  anchorhold lists diff ads --json

Exit codes: 0 shown, 1 there is nothing to compare, 4 no service answers."""
)
@click.argument("name")
@control_option
@json_option
def diff(name: str, control: Path | None, as_json: bool) -> None:
    """What came and what went: between what is in force and what is held back, or the former text and this one.

    The first hundred of each are shown, by their lines.
    """
    until = time.monotonic() + WAIT
    while (line := ask(control, {"do": "diff", "name": name})).get("working"):
        if time.monotonic() > until:
            raise CommandFailed(Exit.NEGATIVE, "it takes too long")
        time.sleep(POLL)
    if as_json:
        print_json(line)
        return
    click.echo(f"between {show(line.get('between'))}: {show(line.get('came'))} came, {show(line.get('gone'))} went")
    for mark, field in (("+", "new"), ("-", "old")):
        found = line.get(field)
        for where, text in found if isinstance(found, list) else []:
            click.echo(f"{mark} {show(text)}  (line {show(where)})")
    if line.get("held"):
        click.echo(_take_it(printable(name), line["held"]))


# test, services


@command.command(
    epilog="""\b
Examples:
  anchorhold lists test ads.example.com
  anchorhold lists test example.org --type AAAA --json

Exit codes: 0 no list blocks any, 1 a list blocks one, 2 wrong usage, 4 no service answers."""
)
@click.argument("domains", nargs=-1, required=True)
@click.option("--type", "rrtype", default="A", show_default=True, help="Record type.")
@control_option
@json_option
def test(domains: tuple[str, ...], rrtype: str, control: Path | None, as_json: bool) -> None:
    """What every list says of DOMAINS, with its line. Which client groups that counts for, and rules: anchorhold explain."""
    try:
        number = read_type(rrtype)
        names = {domain: read_name(domain).hex() for domain in domains}
    except ValueError as error:
        raise CommandFailed(Exit.USAGE, str(error)) from None
    found = {domain: ask(control, {"do": "test", "name": name, "type": number}) for domain, name in names.items()}
    if as_json:
        print_json({domain: line.get("hits") for domain, line in found.items()})
    blocked = []
    for domain, line in found.items():
        hits = rows_of(line, "hits")
        if hits and not any(hit.get("says") == "allow" for hit in hits):
            blocked.append(domain)
        if not as_json:
            _print_hits(domain, hits)
    if blocked:
        raise CommandFailed(Exit.NEGATIVE, f"blocked, where these lists count: {', '.join(map(printable, blocked))}")


def _print_hits(domain: str, hits: list[Answer]) -> None:
    if not hits:
        click.echo(f"{printable(domain)}: no list says anything")
        return
    rows = [
        [
            show(hit.get("list")),
            show(hit.get("line")),
            show(hit.get("says")) + (" (important)" if hit.get("important") else ""),
            show(hit.get("matched")),
            show(hit.get("text")),
        ]
        for hit in hits
    ]
    print_table(printable(domain), ["list", "line", "says", "of", "as it is written"], rows)


@command.command(
    epilog="""\b
Examples:
  anchorhold lists services
  anchorhold lists services youtube

Exit codes: 0 shown, 1 there is no such service."""
)
@click.argument("names", nargs=-1)
@json_option
def services(names: tuple[str, ...], as_json: bool) -> None:
    """The bundles of domains that come with the program, for `services` in a rule. With NAMES: their domains."""
    from anchorhold.config import bundles

    found = {
        name: [show_name(domain).removesuffix(".") for domain in domains]
        for name, domains in bundles.services().items()
    }
    unknown = [name for name in names if name not in found]
    if unknown:
        raise CommandFailed(Exit.NEGATIVE, f"there is no service {', '.join(unknown)}; there are: {', '.join(found)}")
    chosen = {name: found[name] for name in names or found}
    if as_json:
        print_json(chosen)
        return
    for name, domains in chosen.items():
        if names:
            click.echo(f"{name}:")
            for domain in domains:
                click.echo(f"  {domain}")
    if not names:
        print_table("services", ["name", "domains"], [[name, str(len(domains))] for name, domains in chosen.items()])
