"""`anchorhold leases`: who has which address; leases of other servers in, ours out; devices forgotten."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import click

from anchorhold.chain_text import words
from anchorhold.control_client import Answer
from anchorhold.control_path import default_control_path, default_state_directory
from anchorhold.leases import dnsmasq, kea, own
from anchorhold.leases.absence import search
from anchorhold.leases.asking import AskFailed, NobodyThere, Service, Side, all_rows, own_folder, take_over
from anchorhold.leases.device import MIN_NEEDLE, Needle
from anchorhold.leases.formats import MAX_FILE, READERS, read
from anchorhold.leases.logs import pieces
from anchorhold.leases.reading import Found
from anchorhold.leases.rows import Row
from anchorhold.state import LEASES_NAME
from anchorhold.terminal import (
    CommandFailed,
    Exit,
    control_option,
    json_option,
    print_json,
    print_table,
    read_file,
    rows_of,
    show,
    show_time,
)
from net.clock import date

Command = TypeVar("Command", bound=Callable[..., object])

DEVICE = "a hardware address, client identifier or DUID in hexadecimal, an IP address, or a name"
WHERE = """The running service is asked; where none runs, the files in the state directory are opened by the command itself."""


def places(command: Command) -> Command:
    """`--control`, `--state` and `--json`."""
    state = click.option(
        "--state",
        type=click.Path(path_type=Path, file_okay=False),
        help="State directory, where no service runs.  [default: $STATE_DIRECTORY, else the place the service uses]",
    )
    return control_option(state(json_option(command)))


@click.group(
    epilog="""\b
Examples:
  anchorhold leases list
  anchorhold leases show laptop --json
  anchorhold leases import /var/lib/misc/dnsmasq.leases
  anchorhold leases export --format kea4 --output kea-leases4.csv
  anchorhold leases forget 02:00:5e:10:00:01 --log /var/log/syslog

Exit codes: 0 done, 1 nothing found, or not all could be done, 2 wrong usage or a file that is no use, 4 neither a service nor
leases on disk."""
)
def command() -> None:
    """Who has which address; leases of other servers in, ours out; devices forgotten.

    Devices are kept as keyed hashes (tags) alone, unless [dhcp] store_identifiers says otherwise; names are sealed on
    disk.
    """


@contextmanager
def side(control: Path | None, state: Path | None, make: bool = False) -> Iterator[Side]:
    """The service, or the folder where there is none. Raises CommandFailed."""
    service = Service(control or default_control_path())
    directory = state or default_state_directory()
    try:
        try:
            service.ask({"do": "list", "after": "9 "})  # a page behind the last
        except NobodyThere as nobody:
            if not make and not (directory / LEASES_NAME).is_dir():
                raise CommandFailed(Exit.UNREACHABLE, f"{nobody}; and there are no leases in {directory}") from None
            click.echo(f"no service runs; opening {directory / LEASES_NAME}", err=True)
            with own_folder(directory, make) as folder:
                for problem in folder.problems:
                    click.echo(f"warning: {problem}", err=True)
                yield folder
            return
        yield service
    except AskFailed as failed:
        raise CommandFailed(Exit.NEGATIVE, str(failed)) from None


@command.command(name="list", epilog="Example: anchorhold leases list --json")
@places
def list_leases(control: Path | None, state: Path | None, as_json: bool) -> None:
    """Every lease, with its end. Offers and addresses in quarantine too."""
    with side(control, state) as asked:
        rows, _ = all_rows(asked)
    if as_json:
        print_json({"leases": rows})
        return
    print_table(
        "leases",
        ["address", "name", "state", "until", "device", "subnet"],
        [
            [_address(row), show(row["name"]), show(row["state"]), _until(row), _device(row), show(row["subnet"])]
            for row in rows
        ],
    )
    if not rows:
        click.echo("no leases", err=True)


def _address(row: Row) -> str:
    prefix = f"/{row['length']}" if row["kind"] == "prefix6" else ""
    return f"{show(row['address'])}{prefix}"


def _until(row: Row) -> str:
    until = row["until"]
    if not isinstance(until, int):
        return "-"
    left = until - date()
    return f"{show_time(until)}, {words(left)} left" if left > 0 else show_time(until)


def _device(row: Row) -> str:
    """Eight letters of the tag tell devices apart for people."""
    known = row["identifier"]
    if isinstance(known, dict):
        return f"{show(known.get('kind'))} {bytes.fromhex(str(known.get('octets'))).hex(':')}"
    return f"tag {str(row['client'])[:8]}"


@command.command(
    name="show", epilog="Examples: anchorhold leases show 192.168.1.20; anchorhold leases show 02:00:5e:10:00:01"
)
@click.argument("device")
@places
def show_lease(device: str, control: Path | None, state: Path | None, as_json: bool) -> None:
    """All that is known of DEVICE's leases.

    DEVICE is a hardware address, client identifier or DUID in hexadecimal, an IP address, or a name without its domain.
    """
    with side(control, state) as asked:
        rows = rows_of(asked.ask({"do": "show", "device": device}), "leases")
    if as_json:
        print_json({"leases": rows})
    for row in [] if as_json else rows:
        dates = {key: show_time(row[key]) for key in ("since", "seen", "until")}
        shown = {**row, **dates, "identifier": _device(row) if row["identifier"] else None}
        print_table(_address(row), ["what", "value"], [[key, show(value)] for key, value in shown.items()])
    _need(rows, device)


def _need(rows: list[Row], device: str) -> None:
    if not rows:
        raise CommandFailed(Exit.NEGATIVE, f"{device} has no lease")


@command.command(epilog="Example: anchorhold leases release 192.168.1.20")
@click.argument("device")
@places
def release(device: str, control: Path | None, state: Path | None, as_json: bool) -> None:
    """End DEVICE's leases now; its addresses are free, its name is gone.

    The device does not learn of it and uses its address until it renews: for devices that have left.
    """
    with side(control, state) as asked:
        rows = rows_of(asked.ask({"do": "release", "device": device}), "leases")
    if as_json:
        print_json({"leases": rows})
    else:
        print_table("ended", ["address", "name", "device"], [[_address(r), show(r["name"]), _device(r)] for r in rows])
    _need(rows, device)


@command.command(
    name="import",
    epilog="""\b
Examples:
  anchorhold leases import /var/lib/misc/dnsmasq.leases --dry-run
  anchorhold leases import /var/lib/kea/kea-leases4.csv
  anchorhold leases import leases.json

Exit codes: 0 all taken, 1 some were not (each is told, with its line), 2 the file is no use.

Do it before the first start, with the other server stopped: then every device keeps its address.""",
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--format", "form", type=click.Choice(list(READERS)), help="What it is.  [default: as it looks]")
@click.option("--dry-run", is_flag=True, help="Read the file and say what is in it; change nothing.")
@places
def import_leases(
    file: Path, form: str | None, dry_run: bool, control: Path | None, state: Path | None, as_json: bool
) -> None:
    """Take over the leases in FILE: of dnsmasq, of Kea (memfile, CSV), of AdGuard Home (leases.json), or of our own export."""
    found = read(read_file(file, MAX_FILE), str(file), form or "")
    if not found.leases and found.wrong:
        raise CommandFailed(Exit.USAGE, "\n".join(found.wrong[:10]))
    taken, refused = 0, list[Row]()
    if not dry_run:
        with side(control, state, make=True) as asked:
            taken, refused = take_over(asked, found.leases)
    _tell_import(found, taken, refused, dry_run, as_json)
    lost = [row for row in refused if not row.get("harmless")]
    if found.wrong or lost:
        raise CommandFailed(Exit.NEGATIVE, f"{len(found.wrong) + len(lost)} could not be taken")


def _tell_import(found: Found, taken: int, refused: list[Row], dry_run: bool, as_json: bool) -> None:
    if as_json:
        result = {"leases": len(found.leases), "taken": taken, "refused": refused, "unreadable": found.wrong}
        print_json({**result, "ended_in_the_file": found.ended, "dry_run": dry_run})
        return
    ended = f", {found.ended} entries that are over" if found.ended else ""
    click.echo(
        f"{found.name}: {len(found.leases)} leases{ended}; {'nothing was changed' if dry_run else f'{taken} taken'}"
    )
    for line in found.wrong:
        click.echo(f"not taken: {line}", err=True)
    for row in refused:
        click.echo(f"not taken: {row.get('where')}: {row.get('address')}: {row.get('why')}", err=True)


@command.command(
    epilog="""\b
Examples:
  anchorhold leases export > leases.json
  anchorhold leases export --format dnsmasq --output /var/lib/misc/dnsmasq.leases
  anchorhold leases export --format kea4 --kea-subnet 192.168.1.0/24=1

Exit codes: 0 done, 1 some or all leases cannot be in such a file (each is told), 2 it cannot be written."""
)
@click.option(
    "--format", "form", type=click.Choice(["json", "dnsmasq", "kea4", "kea6"]), default="json", show_default=True
)
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="File (mode 0600).  [default: standard output]"
)
@click.option(
    "--kea-subnet", "subnets", multiple=True, metavar="PREFIX=ID", help="Kea's number of a subnet. May be repeated."
)
@control_option
@click.option(
    "--state", type=click.Path(path_type=Path, file_okay=False), help="State directory, where no service runs."
)
def export(form: str, output: Path | None, subnets: tuple[str, ...], control: Path | None, state: Path | None) -> None:
    """Write all leases for another server, or as JSON for this one.

    Other servers know devices by their identifiers. Those are here only if [dhcp] store_identifiers was on when the
    lease was made; JSON has the tags too, which are good for a server with the same identifiers.key.
    """
    with side(control, state) as asked:
        rows, key = all_rows(asked)
    bound = [row for row in rows if row["state"] == "bound"]
    text, left = _exported(form, bound, key, _numbers(subnets))
    if bound and len(left) == len(bound):
        raise CommandFailed(Exit.NEGATIVE, f"nothing was written, for no lease can be in such a file. {left[0]}")
    _write(output, text)
    for line in left:
        click.echo(f"not in the file: {line}", err=True)
    if left:
        raise CommandFailed(Exit.NEGATIVE, f"{len(left)} of {len(bound)} leases are not in the file")


def _exported(form: str, rows: list[Row], key: str, numbers: dict[str, int]) -> tuple[str, list[str]]:
    match form:
        case "dnsmasq":
            return dnsmasq.write(rows)
        case "kea4" | "kea6":
            four = form == "kea4"
            written = kea.write([row for row in rows if (row["kind"] == "address4") is four], numbers)
            for subnet, number in written.subnets.items():
                if subnet not in numbers:
                    click.echo(
                        f"subnet {subnet} is number {number} in the file; is it in Kea's configuration?", err=True
                    )
            return written.four if four else written.six, written.left
        case _:
            return own.write(rows, key), []


def _numbers(subnets: tuple[str, ...]) -> dict[str, int]:
    found = {}
    for text in subnets:
        prefix, _, number = text.rpartition("=")
        if not prefix or not number.isdigit():
            raise CommandFailed(Exit.USAGE, f"--kea-subnet {text}: give PREFIX=ID, such as 192.168.1.0/24=1")
        found[prefix] = int(number)
    return found


def _write(output: Path | None, text: str) -> None:
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        # Who has which address is nobody else's business.
        opened = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(opened, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise CommandFailed(Exit.USAGE, f"cannot write {output}: {error.strerror}") from None


@command.command(
    epilog="""\b
Examples:
  anchorhold leases forget 02:00:5e:10:00:01
  anchorhold leases forget 02:00:5e:10:00:01 --log /var/log/syslog --log /var/log/syslog.2.gz --yes
  journalctl -o cat -u anchorhold | anchorhold leases forget laptop --yes --log -

Exit codes: 0 forgotten and no trace found, 1 a trace was found (where is told), or not confirmed."""
)
@click.argument("device")
@click.option(
    "--log", "logs", multiple=True, help="A log file to look through too (.gz as well; - for standard input)."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@places
def forget(
    device: str, logs: tuple[str, ...], yes: bool, control: Path | None, state: Path | None, as_json: bool
) -> None:
    """End DEVICE's leases, remove every trace of it from the disk, and prove it by looking through every file.

    Looked for are the identifier you give, in the usual spellings, its tags, and the names it had. A device that comes
    again is a new one. Copies made elsewhere (backups, snapshots, the old blocks of a disk) are beyond our reach.
    """
    if not yes and not click.confirm(f"Forget {device}? Its leases end now.", err=True):
        raise CommandFailed(Exit.NEGATIVE, "nothing was changed")
    with side(control, state) as asked:
        line = asked.ask({"do": "forget", "device": device, "names": _names_in(state or default_state_directory())})
    wanted = [_needle(row) for row in rows_of(line, "looked_for")]
    scanned, found = search(logs, pieces, wanted)
    line["scanned"] = [*rows_of(line, "scanned"), *scanned]
    earlier = line.get("found")
    line["found"] = [*(earlier if isinstance(earlier, list) else []), *found]
    _tell_forgotten(line, wanted, as_json)


def _names_in(state: Path) -> list[str]:
    """What is in the lease folder: the service knows what was there at its start and what it made since."""
    try:
        names = os.listdir(state / LEASES_NAME)
    except OSError as error:
        click.echo(
            f"{state / LEASES_NAME}: {error.strerror}; files that others put there since the service's start are not looked"
            " through: run it as root, or give --state",
            err=True,
        )
        return []
    return [os.fsencode(name).decode(errors="replace") for name in names]


def _needle(row: Row) -> Needle:
    return Needle(str(row["what"]), bytes.fromhex(str(row["octets"])), bool(row["folded"]))


def _tell_forgotten(line: Answer, wanted: list[Needle], as_json: bool) -> None:
    found, ended = line["found"], rows_of(line, "leases")
    kinds = sorted({needle.what for needle in wanted})
    if as_json:
        print_json({key: line[key] for key in ("leases", "scanned", "found")} | {"looked_for": kinds})
    else:
        print_table("ended", ["address", "name", "device"], [[_address(r), show(r["name"]), _device(r)] for r in ended])
        files = [[show(row["file"]), show(row["octets"])] for row in rows_of(line, "scanned")]
        print_table("looked through", ["file", "octets"], files)
        click.echo(
            f"looked for: {', '.join(kinds) or f'nothing: all it was called is shorter than {MIN_NEEDLE} octets'}"
        )
    if not any(kind.startswith(("identifier", "hardware")) for kind in kinds):
        click.echo("its hardware address is not known here; give it, to have it looked for in files too", err=True)
    if isinstance(found, list) and found:
        raise CommandFailed(Exit.NEGATIVE, "found: " + "; ".join(map(str, found)))
    if not as_json:
        click.echo("no trace of it was found")
