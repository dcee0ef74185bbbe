"""`anchorhold ask`: a small dig that speaks every transport we have."""

from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic

import click

from anchorhold import text
from anchorhold.control_client import Answer
from anchorhold.terminal import (
    CommandFailed,
    Exit,
    control_option,
    json_option,
    print_json,
    printable,
    service_answer,
    show,
)
from wire.dns.codes import QueryFlag


@dataclass(frozen=True, slots=True)
class Asked:
    """The command line, as given."""

    name: str
    rrtype: str
    via: str | None
    ca_file: Path | None
    pins: tuple[str, ...]
    tcp: bool
    dnssec: bool
    cd: bool
    short: bool
    timed: bool
    control: Path | None
    as_json: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """An answer and how it came: `road` names the transport and the server, `origin` is the service's own account."""

    message: bytes
    road: str
    origin: str
    seconds: float


@click.command(
    epilog="""\b
Examples:
  anchorhold ask example.net
  anchorhold ask example.net AAAA --short
  anchorhold ask example.net HTTPS --via tls://dns.quad9.net@9.9.9.9
  anchorhold ask example.net --via udp://127.0.0.1:5300 --tcp --json

Exit codes: 0 records, 1 none or an error code, 2 no such name, type or URL, 4 no service or server answers."""
)
@click.argument("name")
@click.argument("rrtype", metavar="[TYPE]", default="A")
@click.option("--via", metavar="URL", help="Ask this server directly, not the running service.")
@click.option(
    "--ca-file",
    type=click.Path(path_type=Path),
    help="PEM file of the authorities to trust (with --via tls, https, quic, h3).",
)
@click.option(
    "--pin", "pins", multiple=True, metavar="BASE64", help="SHA-256 of the server's key; proves it without a name."
)
@click.option("--tcp", is_flag=True, help="TCP instead of UDP (with --via udp://…).")
@click.option("--dnssec", is_flag=True, help="Ask for signatures too (DO).")
@click.option("--cd", is_flag=True, help="Ask for unvalidated data (CD).")
@click.option("--short", is_flag=True, help="Print the records' data only.")
@click.option("--time", "timed", is_flag=True, help="With --short: print the transport, size and time as well.")
@control_option
@json_option
def command(**options: object) -> None:
    """Ask one question and print the answer.

    Without --via the running service is asked through its control socket. With --via this command itself connects to
    the server: it is contacted because you named it, must prove its name (tls, https, quic, h3), and gets the full name.
    Nothing else is sent anywhere.
    """
    asked = Asked(**options)  # type: ignore[arg-type] # click gives each option the type declared above
    try:
        key = text.question_key(text.read_name(asked.name), text.read_type(asked.rrtype))
    except ValueError as error:
        raise CommandFailed(Exit.USAGE, str(error)) from None
    flags = QueryFlag.RD | (QueryFlag.DO if asked.dnssec else 0) | (QueryFlag.CD if asked.cd else 0)
    outcome = _ask_server(asked, key, flags) if asked.via else _ask_service(asked, key, flags)
    try:
        shown = text.show_message(outcome.message)
    except ValueError as error:
        raise CommandFailed(Exit.UNREACHABLE, str(error)) from None
    _print(shown, outcome, asked)
    raise SystemExit(int(Exit.OK if shown.positive else Exit.NEGATIVE))


def _ask_service(asked: Asked, key: bytes, flags: QueryFlag) -> Outcome:
    if asked.ca_file or asked.pins:
        raise CommandFailed(Exit.USAGE, "--ca-file and --pin are for a server of your own choice: add --via URL")
    if asked.tcp:
        raise CommandFailed(
            Exit.USAGE, "--tcp needs a server: --via udp://ADDRESS (the service is asked over its socket)"
        )
    start = monotonic()
    request: Answer = {"verb": "ask", "message": text.build_question(key, flags).hex()}
    line = service_answer(asked.control, request)[0]
    try:
        message = bytes.fromhex(str(line["message"]))
    except (KeyError, ValueError):
        raise CommandFailed(Exit.UNREACHABLE, "the service sent no message back") from None
    origin = show(line.get("origin"))
    return Outcome(message, f"service (group {show(line.get('group'))})", origin, monotonic() - start)


def _ask_server(asked: Asked, key: bytes, flags: QueryFlag) -> Outcome:
    # Imported here: asyncio, ssl and h2 are of no use to a question through the control socket.
    from anchorhold.direct import DirectFailed, Trust, ask_directly, read_url

    try:
        authorities = "" if asked.ca_file is None else asked.ca_file.read_text("ascii")
        spec = read_url(str(asked.via), Trust(authorities, asked.pins), tcp=asked.tcp)
    except OSError as error:
        raise CommandFailed(Exit.USAGE, f"{asked.ca_file}: {error.strerror}") from None
    except ValueError as error:
        raise CommandFailed(Exit.USAGE, str(error)) from None
    start = monotonic()
    try:
        message = ask_directly(spec, key, flags)
    except DirectFailed as error:
        raise CommandFailed(Exit.UNREACHABLE, str(error)) from None
    return Outcome(message, spec.label, "", monotonic() - start)


def _print(shown: text.ShownMessage, outcome: Outcome, asked: Asked) -> None:
    if asked.as_json:
        came = {"via": outcome.road, "origin": outcome.origin or None, "ms": round(outcome.seconds * 1000, 1)}
        print_json(asdict(shown) | came)
        return
    lines = _short_lines(shown, outcome, asked) if asked.short else _long_lines(shown, outcome)
    for line in lines:
        click.echo(line)


def _short_lines(shown: text.ShownMessage, outcome: Outcome, asked: Asked) -> list[str]:
    lines = [record.data for record in shown.answer]
    return [*lines, *_trailer(shown, outcome)] if asked.timed else lines


def _long_lines(shown: text.ShownMessage, outcome: Outcome) -> list[str]:
    """In the manner of dig: what a person used to DNS tools can read at a glance."""
    lines = [f";; {shown.rcode}, flags: {' '.join(shown.flags)}", f";; question: {shown.question}"]
    lines += [f";; extended error {explanation}" for explanation in shown.explanations]
    for title in ("answer", "authority", "additional"):
        records: tuple[text.ShownRecord, ...] = getattr(shown, title)
        if records:
            lines += ["", f";; {title}", *(record.line() for record in records)]
    return [*lines, "", *_trailer(shown, outcome)]


def _trailer(shown: text.ShownMessage, outcome: Outcome) -> list[str]:
    origin = f", {outcome.origin}" if outcome.origin else ""
    road = printable(outcome.road)
    return [f";; via {road}{origin}; {outcome.seconds * 1000:.1f} ms; {shown.size} octets"]
