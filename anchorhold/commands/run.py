"""`anchorhold run`: start the service."""

import os
from pathlib import Path

import click

from anchorhold.terminal import CommandFailed, Exit


@click.command(
    epilog="""\b
Examples:
  anchorhold run --config anchorhold.toml
  anchorhold run --config /etc/anchorhold/anchorhold.toml

Signals: TERM and INT stop it; HUP reads the configuration again (with errors in it, the old one stays).
Exit codes: 0 stopped, 2 an error in the configuration, 3 it cannot start (a port in use, missing rights)."""
)
@click.option(
    "--config", type=click.Path(path_type=Path), required=True, help="Configuration file; make one: anchorhold init"
)
def command(config: Path) -> None:
    """Start the service and stay in the foreground.

    Ports below 1024 need root or CAP_NET_BIND_SERVICE; the processes that speak to clients and to upstreams give every
    right up before they start.
    """
    if not os.path.exists(config):  # never raises, as Path.exists does where a directory may not be entered
        raise CommandFailed(Exit.USAGE, f"there is no {config} to read; make one: anchorhold init --output {config}")
    # Imported here: no other command needs it.
    from anchorhold.start import run

    raise SystemExit(run(config))
