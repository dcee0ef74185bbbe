"""One run that says whether a certificate and its key can be used: `python -m anchorhold.secure_check --chain FD --key FD`, both
sealed memfds. Exit code 0: they can; else 1, and the log says why. So a running `secure` cell is not ended for a file that is
half written."""

import argparse
import sys

from anchorhold.facts import log
from anchorhold.snapshot import read_sealed
from net.tls_server import Credentials, CredentialsRefused, build_server_context
from wire.errors import Malformed


def main() -> int:
    """Gives the exit code."""
    parser = argparse.ArgumentParser(prog="anchorhold.secure_check")
    for name in ("chain", "key"):
        parser.add_argument(f"--{name}", type=int, required=True)
    given = parser.parse_args()
    try:
        build_server_context(Credentials(read_sealed(given.chain), read_sealed(given.key)), "dot")
    except (CredentialsRefused, Malformed) as error:
        log("secure", f"the certificate cannot be used: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
