"""`anchorhold migrate`: the configuration of another program to one of ours, and a report of every line."""

import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path

import click

from anchorhold.config.errors import SettingsError
from anchorhold.leases import formats
from anchorhold.migrate import MIGRATORS, Migration, migrator
from anchorhold.migrate.leases import check_leases
from anchorhold.migrate.reading import Reader, Unreadable
from anchorhold.migrate.settle import settled
from anchorhold.migrate.write import write_file
from anchorhold.terminal import CommandFailed, Exit, json_option, print_json, printable, read_file
from dhcp.edge.links import read_links

SHOWN = 60
"""Lines of the report on the terminal; --report has all."""


@dataclass(frozen=True, slots=True)
class Flags:
    """The command line, as given."""

    program: str
    paths: tuple[Path, ...]
    output: Path
    leases: Path | None
    report: Path | None
    root: Path | None
    force: bool
    as_json: bool


@click.command(
    epilog="""\b
Examples:
  anchorhold migrate dnsmasq /etc/dnsmasq.conf -o anchorhold.toml --leases /var/lib/misc/dnsmasq.leases
  anchorhold migrate dnsmasq router/etc/dnsmasq.conf --root router -o anchorhold.toml --report report.txt
  anchorhold migrate pihole /etc/pihole -o anchorhold.toml --json

Programs:
"""
    + "\n".join(f"  {name:<12} {what}" for name, what in MIGRATORS.items())
    + """

Exit codes: 0 every line is kept, perhaps changed as the report says, 1 some are dropped (the report says which and why), 2 a file
cannot be read, or OUTPUT exists."""
)
@click.argument("program", type=click.Choice(list(MIGRATORS)))
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default="anchorhold.toml",
    show_default=True,
    help="Configuration to write (mode 0600).",
)
@click.option("--leases", type=click.Path(path_type=Path, dir_okay=False), help="Lease file to look through as well.")
@click.option(
    "--report", type=click.Path(path_type=Path, dir_okay=False), help="Write the whole report there (mode 0600)."
)
@click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder before absolute paths in the files: a copy of the other machine's disk.",
)
@click.option("--force", is_flag=True, help="Overwrite OUTPUT and the report.")
@json_option
def command(**options: object) -> None:
    """Read another program's configuration, write ours, and tell what became of every line.

    Nothing of the other program is run, asked or changed, and nothing is sent to anybody.
    """
    flags = Flags(**options)  # type: ignore[arg-type] # click gives each option the type declared above
    for path in (flags.output, flags.report):
        if path is not None and os.path.lexists(path) and not flags.force:
            raise CommandFailed(Exit.USAGE, f"{path} exists; --force overwrites it")
    try:
        migration = migrator(flags.program)(flags.paths, Reader(flags.root, own=_own))
        text = _settled(flags, migration)
    except Unreadable as error:
        raise CommandFailed(Exit.USAGE, printable(str(error))) from None
    if flags.leases is not None:
        check_leases(formats.read(read_file(flags.leases, formats.MAX_FILE), str(flags.leases)), migration)
    for file in dict.fromkeys((*([str(flags.leases)] if flags.leases else []), *migration.leases)):
        migration.report.advise(
            "stop the other server, then before the first start: anchorhold leases import "
            f"{file} (so no device's address changes)"
        )
    _write(flags, text, migration)
    _tell(flags, migration)
    if migration.report.counts()["dropped"]:
        raise click.exceptions.Exit(int(Exit.NEGATIVE))


def _own() -> list[tuple[str, ipaddress.IPv4Address | ipaddress.IPv6Address]]:
    """This machine's interfaces with their addresses."""
    try:
        links = read_links().values()
    except OSError:
        return []
    return [(link.name, ipaddress.ip_address(own.address)) for link in links for own in link.addresses]


def _settled(flags: Flags, migration: Migration) -> str:
    files = ", ".join(map(str, flags.paths))
    heading = (
        f"Made by: anchorhold migrate {flags.program} {printable(files)}\n"
        "Behind each thing stands the line that it came from. After a change: anchorhold check FILE.\n"
        "Every setting: docs/reference.md."
    )
    try:
        return settled(migration, flags.output, heading)
    except SettingsError as error:
        said = f"what was made of it is no configuration (please report that):\n{error}\nnothing was written"
        raise CommandFailed(Exit.USAGE, said) from None


def _write(flags: Flags, text: str, migration: Migration) -> None:
    for path, content in ((flags.output, text), (flags.report, migration.report.text())):
        try:
            if path is not None:
                write_file(path, content, flags.force)
        except OSError as error:
            raise CommandFailed(Exit.USAGE, f"cannot write {path}: {error.strerror}") from None


def _tell(flags: Flags, migration: Migration) -> None:
    report = migration.report
    if flags.as_json:
        print_json({"file": str(flags.output), **report.data()})
        return
    lines = report.text().splitlines()
    cut = lines if flags.report is None and len(lines) <= SHOWN else _worth_telling(migration)
    click.echo("\n".join(map(printable, cut)))
    click.echo(f"wrote {flags.output}" + (f" and {flags.report}" if flags.report else ""))
    click.echo(f"next: anchorhold check {flags.output}")


def _worth_telling(migration: Migration) -> list[str]:
    """The sum, the advice, and the lines that are not as they were."""
    report = migration.report
    head = report.text().partition("\n\n")[0].splitlines()
    told = [line.shown() for line in report.lines if line.verdict and line.verdict.value != "kept"]
    shown = [part for text in told for part in text.splitlines()]
    if len(shown) > SHOWN:
        shown = [*shown[:SHOWN], "… more: --report FILE writes everything"]
    return [*head, "", *shown]
