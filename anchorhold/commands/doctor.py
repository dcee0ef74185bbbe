"""`anchorhold doctor`: is all well, as the service says and as its clients see it?"""

from dataclasses import asdict
from pathlib import Path

import click

from anchorhold.config.service import Loaded
from anchorhold.control_client import ControlFailed, ask_service
from anchorhold.control_path import default_control_path
from anchorhold.doctor.findings import Family, Finding, Level, families, of_discovery, of_endpoints, of_status
from anchorhold.doctor.probes import MOST_OCTETS, addresses_of, ask_clear, own_authority, see_all, told_addresses
from anchorhold.settings_file import SettingsRefused, read_settings
from anchorhold.terminal import (
    CommandFailed,
    Exit,
    by_cell,
    control_option,
    json_option,
    print_json,
    print_table,
    printable,
    read_file,
)
from net.clock import date


@click.command(
    epilog="""\b
Examples:
  anchorhold doctor
  sudo anchorhold doctor --config /etc/anchorhold.toml
  anchorhold doctor --config anchorhold.toml --ca-file authority.pem --json

Exit codes: 0 all is well (warnings do not count), 1 something is not, 2 the configuration or a file cannot be used."""
)
@click.option(
    "--config", type=click.Path(path_type=Path), help="Configuration of the service: also what is served encrypted."
)
@click.option(
    "--ca-file", type=click.Path(path_type=Path), help="Your private authority (PEM).  [default: the service's own]"
)
@control_option
@json_option
def command(config: Path | None, ca_file: Path | None, control: Path | None, as_json: bool) -> None:
    """Look at everything that can be wrong, and say what to do.

    The running service is asked how it is. With --config each encrypted way in is also tried as a device would, from this
    machine: connection, certificate, names, one question; whether discovery (DDR) tells what is there; and which kinds of
    devices will come by themselves. A firewall between this machine and the devices is not seen from here. Nothing is asked of
    anybody else.
    """
    loaded = None if config is None else _read(config)
    findings = [*_of_service(control, loaded)]
    rows: tuple[Family, ...] = ()
    if loaded is not None and loaded.secure is not None:
        more, rows = _of_secure(loaded, _authorities(ca_file, loaded))
        findings += more
    if as_json:
        print_json(
            {
                "findings": [asdict(one) | {"level": one.level.value} for one in findings],
                "devices": [asdict(row) for row in rows],
            }
        )
    else:
        _print(findings, rows)
    bad = sum(one.level is Level.BAD for one in findings)
    if bad:
        raise CommandFailed(Exit.NEGATIVE, f"{bad} of {len(findings)} are not well")


def _read(config: Path) -> Loaded:
    try:
        return read_settings(config)
    except SettingsRefused as refused:
        raise CommandFailed(Exit.USAGE, str(refused)) from None


def _authorities(given: Path | None, loaded: Loaded) -> str:
    return own_authority(loaded.service) if given is None else read_file(given, MOST_OCTETS).decode("ascii", "replace")


def _of_service(control: Path | None, loaded: Loaded | None) -> list[Finding]:
    place = Path(loaded.service.control) if loaded is not None and loaded.service.control else default_control_path()
    try:
        cells = by_cell(ask_service(control or place, {"verb": "status"}))
    except ControlFailed as error:
        return [Finding(Level.BAD, "service", str(error), "anchorhold run --config FILE")]
    secure = loaded.secure is not None if loaded is not None else "secure" in cells
    return [Finding(Level.GOOD, "service", "answers"), *of_status(cells, secure)]


def _of_secure(loaded: Loaded, authorities: str) -> tuple[list[Finding], tuple[Family, ...]]:
    assert loaded.secure is not None  # noqa: S101 # the caller looked
    assert loaded.service.secure is not None  # noqa: S101 # they come together
    try:
        every = see_all(loaded.service.secure.listen, loaded.secure, authorities)
    except ValueError as error:
        raise CommandFailed(Exit.USAGE, f"the authority cannot be used: {error}") from None
    reached = told_addresses(loaded.secure)
    answers = tuple(
        ask_clear(address, place.port) for place in loaded.service.listen for address in addresses_of(place, reached)
    )
    findings = [*of_endpoints(loaded.secure.name, every, date()), *of_discovery(answers, every)]
    dnr = loaded.dhcp is not None and bool(loaded.dhcp.resolver.encrypted)
    return findings, families(answers, every, dnr)


def _print(findings: list[Finding], rows: tuple[Family, ...]) -> None:
    for one in findings:
        to_do = f". To do: {one.to_do}" if one.to_do else ""
        click.echo(printable(f"{one.level.value:8}{one.subject}: {one.text}{to_do}"))
    if rows:
        click.echo()
        shown = [[row.devices, "yes" if row.upgrades else "no", row.why] for row in rows]
        print_table("devices that come by an encrypted way by themselves", ["devices", "come", "how"], shown)
