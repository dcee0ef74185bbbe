"""`anchorhold version`: this program's version and the running service's, and whether their code is compiled."""

from pathlib import Path

import click

from anchorhold.__about__ import __version__
from anchorhold.compiled import FORM
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
    """This program's version, and the running service's if there is one; and whether the code is compiled."""
    service, form = _service(control or default_control_path())
    if as_json:
        print_json({"program": __version__, "service": service, "form": str(FORM), "service_form": form})
        return
    click.echo(f"anchorhold {__version__}, {FORM}")
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
