"""`anchorhold version`: this program's version and the running service's."""

from pathlib import Path

import click

from anchorhold.__about__ import __version__
from anchorhold.control_client import ControlFailed, ask_service
from anchorhold.control_path import default_control_path
from anchorhold.terminal import by_cell, control_option, json_option, print_json, show


@click.command(
    epilog="""\b
Examples:
  anchorhold version
  anchorhold version --json

Exit code: 0, whether or not a service runs."""
)
@control_option
@json_option
def command(control: Path | None, as_json: bool) -> None:
    """This program's version, and the running service's if there is one."""
    service = _service_version(control or default_control_path())
    if as_json:
        print_json({"program": __version__, "service": service})
        return
    click.echo(f"anchorhold {__version__}")
    click.echo(f"service    {show(service) if service else 'not running'}")
    if service and service != __version__:
        click.echo("note: the service runs another version; restart it to use this one", err=True)


def _service_version(path: Path) -> str | None:
    try:
        cells = by_cell(ask_service(path, {"verb": "version"}, patience=2.0))
    except ControlFailed:
        # No service is no fault here: the command has its own version to tell.
        return None
    versions = [str(line["version"]) for line in cells.values() if "version" in line]
    return versions[0] if versions else None
