"""`anchorhold version`: this program's version and the running service's, and the forms their code runs in."""

from pathlib import Path

import click

from anchorhold.__about__ import __version__
from anchorhold.control_client import ControlFailed, ask_service
from anchorhold.control_path import default_control_path
from anchorhold.forms import describe
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
    """This program's version, and the running service's if there is one; and the forms the code runs in."""
    service, form = _service(control or default_control_path())
    if as_json:
        print_json({"program": __version__, "service": service, "form": describe(), "service_form": form})
        return
    click.echo(f"anchorhold {__version__}, {describe()}")
    click.echo(f"service    {f'{show(service)}, {show(form)}' if service else 'not running'}")
    if service and service != __version__:
        click.echo("note: the service runs another version; restart it to use this one", err=True)


def _service(path: Path) -> tuple[str | None, str | None]:
    """The running service's version, and the form of its code."""
    try:
        cells = by_cell(ask_service(path, {"verb": "version"}, patience=2.0))
    except ControlFailed:
        # No service is no fault here: the command has its own version to tell.
        return None, None
    for line in cells.values():
        if "version" in line:
            return str(line["version"]), str(line.get("form", "plain Python"))
    return None, None
