"""Starting a run: for the supervisor, once an hour, and for `anchorhold certs`."""

import os
import subprocess
import sys
from collections.abc import Mapping

from anchorhold.certificates.settings import RenewSettings
from anchorhold.snapshot import seal

MODULE = "anchorhold.certificates.renew"


def start_renewal(
    settings: RenewSettings, folder: int, environment: Mapping[str, str], answer: int = -1
) -> "subprocess.Popen[bytes]":
    """One run; the caller waits for its end. `folder` and `answer` (a listening socket at port 80 for http-01, -1: none) stay the
    caller's. `environment` is a cell's (`cell_environment`). Raises OSError if there can be no process."""
    request = seal(settings)
    given = (folder, request, *((answer,) if answer >= 0 else ()))
    arguments = [
        "--folder",
        str(folder),
        "--request",
        str(request),
        *(["--answer", str(answer)] if answer >= 0 else []),
    ]
    try:
        return subprocess.Popen(  # noqa: S603 # our own module
            [sys.executable, "-P", "-m", MODULE, *arguments],
            pass_fds=given,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env=dict(environment),
            process_group=0,
        )
    finally:
        os.close(request)
