"""Starting a run: for the supervisor, once an hour, and for `anchorhold certs`."""

import os
from collections.abc import Mapping

from anchorhold.certificates.settings import RenewSettings
from anchorhold.forking import Child, fork
from anchorhold.snapshot import seal


def start_renewal(settings: RenewSettings, folder: int, environment: Mapping[str, str], answer: int = -1) -> Child:
    """One run; the caller waits for its end. `folder` and `answer` (a listening socket at port 80 for http-01, -1: none) stay the
    caller's. `environment` is a cell's (`cell_environment`). Raises OSError if there can be no process."""
    request = seal(settings)

    def live() -> int:
        # Here, so that nothing of what renews certificates is ever imported into who starts it.
        from anchorhold.certificates.renew import run

        return run(folder, request, answer)

    try:
        given = (folder, request, *((answer,) if answer >= 0 else ()))
        return fork("certificates", live, given, environment)
    finally:
        os.close(request)
