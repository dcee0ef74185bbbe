"""`anchorhold`, and `python -m anchorhold`: the service, or the command line."""

import os
import sys
from pathlib import Path


def main() -> None:
    """What a service manager calls is served without the command line: its libraries take time to import, and each cell would
    have them in its memory."""
    match sys.argv[1:]:
        case ["run", "--config", path] if os.path.exists(path):  # never raises, as Path.exists does
            from anchorhold.start import run

            sys.exit(run(Path(path)))
    from anchorhold.cli import main as command_line

    command_line()


if __name__ == "__main__":
    main()
