"""`anchorhold key`: the secret that spreads sites over operators."""

import os
import secrets
import tempfile
from pathlib import Path

import click

from anchorhold.control_path import default_state_directory
from anchorhold.secret import LENGTH
from anchorhold.state import KEY_NAME, StateRefused, open_state
from anchorhold.terminal import CommandFailed, Exit

WARNING = """\
Rotating the key assigns every site anew. With N operators, about (N-1)/N of the sites you visit are from then on
shown to an operator that had not seen them before; after a few rotations every operator has seen nearly all of them.
Rotate only if somebody else may know the key."""


@click.group(epilog="Example: anchorhold key rotate --yes")
def command() -> None:
    """The secret that decides which operator sees which site (strategy "spread").

    It is made by the first run, kept in spread.key (mode 0600) in the state directory, and never changed by itself:
    a key that changes shows, in the end, every site to everybody.
    """


@command.command(
    epilog="""\b
Examples:
  anchorhold key rotate
  anchorhold key rotate --yes --state /var/lib/anchorhold

Exit codes: 0 done, 1 not confirmed, 2 the file cannot be written."""
)
@click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    help="State directory.  [default: $STATE_DIRECTORY, else the place the service uses]",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
def rotate(state: Path | None, yes: bool) -> None:
    """Write a new key. Sites move between operators: read the warning first."""
    path = (state or default_state_directory()) / KEY_NAME
    click.echo(WARNING, err=True)
    if not yes and not click.confirm(f"Write a new {path}?", err=True):
        raise CommandFailed(Exit.NEGATIVE, "nothing was changed")
    try:
        owner = prepare_state(path.parent)
        write_secret(path, secrets.token_bytes(LENGTH), owner)
    except StateRefused as refused:
        raise CommandFailed(Exit.USAGE, str(refused)) from None
    except OSError as error:
        raise CommandFailed(Exit.USAGE, f"cannot write {path}: {error.strerror}") from None
    click.echo(f"new key in {path}; it is used after a restart, or now: kill -HUP PID-OF-anchorhold-run")


def prepare_state(directory: Path) -> tuple[int, int] | None:
    """Make the directory if need be. Gives whose a file in it must become (uid, gid), None if it stays ours.

    Root may change files of a service that runs as somebody else (systemd's DynamicUser); they must then be theirs. Raises
    StateRefused.
    """
    if os.geteuid() == 0 and os.path.exists(directory):
        found = directory.stat()
        if found.st_uid != 0 and not found.st_mode & 0o022:
            return found.st_uid, found.st_gid
    open_state(directory)
    return None


def write_secret(path: Path, data: bytes, owner: tuple[int, int] | None = None) -> None:
    """Replace `path` at once, mode 0600; a crash leaves the old file or the new one, whole. Raises OSError."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp's mode is 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            if owner is not None:
                os.fchown(descriptor, *owner)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
