"""Where the control socket and the state directory are, for the service and for the commands alike."""

import os
from collections.abc import Mapping
from pathlib import Path

SERVICE_RUNTIME = Path("/run/anchorhold")
SERVICE_STATE = Path("/var/lib/anchorhold")
SOCKET_NAME = "control.sock"


def default_control_path(environment: Mapping[str, str] | None = None, user: int | None = None) -> Path:
    """The control socket when neither configuration nor command line names one.

    `$ANCHORHOLD_CONTROL`, else `$RUNTIME_DIRECTORY` (systemd), else /run/anchorhold for root, else
    `$XDG_RUNTIME_DIR/anchorhold`, else /tmp/anchorhold-UID; the file is `control.sock`. `environment` and `user`
    default to this process's.
    """
    environment = os.environ if environment is None else environment
    user = os.getuid() if user is None else user
    if named := environment.get("ANCHORHOLD_CONTROL"):
        return Path(named)
    return _runtime(environment, user) / SOCKET_NAME


def _runtime(environment: Mapping[str, str], user: int) -> Path:
    if given := environment.get("RUNTIME_DIRECTORY"):
        return Path(given.split(":")[0])
    if user == 0:
        return SERVICE_RUNTIME
    if session := environment.get("XDG_RUNTIME_DIR"):
        return Path(session) / "anchorhold"
    # The supervisor makes this directory 0700 and refuses one of somebody else's; the name itself is no secret.
    return Path(f"/tmp/anchorhold-{user}")  # noqa: S108


def default_state_directory(environment: Mapping[str, str] | None = None, user: int | None = None) -> Path:
    """The directory of what must outlive a run (`spread.key`, and the folder `keeper`).

    `$STATE_DIRECTORY` (systemd), else /var/lib/anchorhold for root, else `$XDG_STATE_HOME/anchorhold`, else
    ~/.local/state/anchorhold.
    """
    environment = os.environ if environment is None else environment
    user = os.getuid() if user is None else user
    if given := environment.get("STATE_DIRECTORY"):
        return Path(given.split(":")[0])
    if user == 0:
        return SERVICE_STATE
    if home := environment.get("XDG_STATE_HOME"):
        return Path(home) / "anchorhold"
    return Path(environment.get("HOME", "/")) / ".local/state/anchorhold"
