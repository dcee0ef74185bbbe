"""One run that says whether a certificate and its key can be used: both in sealed memfds. It is forked by the supervisor, and
gives up its rights before it looks into them. So a running `secure` cell is not ended for a file that is half written. Exit
codes: 0 they can, 72 they cannot, and the log says why; anything else says nothing of them."""

from cryptography.exceptions import UnsupportedAlgorithm

from anchorhold.cells.start import EXIT_CREDENTIALS
from anchorhold.certificates.subjects import subjects_of
from anchorhold.facts import log
from anchorhold.sandbox import CRYPTOGRAPHY, Network, SandboxProfile, SandboxRefused, enter, preload
from anchorhold.snapshot import read_sealed
from net.quic_server import Terms
from net.tls_server import Credentials, CredentialsRefused, build_server_context, leaf_of

NAME = "secure"
PROFILE = SandboxProfile("secure-check", network=Network.NONE)
EXIT_UNDECIDED = 2


def run(chain: int, key: int) -> int:
    """Gives the exit code."""
    preload(*CRYPTOGRAPHY)
    try:
        # Files of a process without a root of its own are its descriptors.
        enter(PROFILE, settle=lambda: judge(Credentials(read_sealed(chain), read_sealed(key))))
    except CredentialsRefused as error:
        log(NAME, f"the certificate cannot be used: {error}")
        return EXIT_CREDENTIALS
    except (SandboxRefused, OSError) as error:
        log(NAME, f"the certificate cannot be judged: {error}")
        return EXIT_UNDECIDED
    return 0


def judge(credentials: Credentials) -> None:
    """Read them in all the ways in which the cell will. Raises CredentialsRefused; OSError if it cannot be tried."""
    build_server_context(credentials, "dot")
    try:
        Terms(credentials.chain, credentials.key, ("doq",), 1.0, 1)
        subjects_of(leaf_of(credentials.chain))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # What OpenSSL takes and the stricter reader does not.
        raise CredentialsRefused("chain or key are not as RFC 5280 has them; ask for a certificate anew") from None
