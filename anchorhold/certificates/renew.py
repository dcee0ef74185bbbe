"""One run: forked by the supervisor at the start and once an hour, and by `anchorhold certs`; it gives up its rights before
it reads anything but the files that the settings name. Exit codes: 0 there is a certificate as wanted, 1 there is none, 2 the
folder or the settings need somebody's hand. What there is to say is said on standard error.
"""

import os
import resource
import signal
import socket
from dataclasses import dataclass
from ipaddress import ip_address

from anchorhold.cells.rules import FOLDER, MEMORY, WAKE
from anchorhold.certificates.folder import CertificateFolder, CertificatesRefused
from anchorhold.certificates.renewal import Issuer, look
from anchorhold.certificates.renewal import run as renew
from anchorhold.certificates.settings import AcmeSettings, Kind, RenewSettings
from anchorhold.certificates.subjects import Address, is_lasting
from anchorhold.config.places import read_named_file
from anchorhold.facts import log
from anchorhold.sandbox import CRYPTOGRAPHY, Network, SandboxProfile, SandboxRefused, enter, preload
from anchorhold.sandbox.profile import calls
from anchorhold.snapshot import load
from dhcp.edge.folder import hand_over
from dhcp.edge.links import read_links
from net import clock
from wire.errors import Malformed

NAME = "certificates"
PROFILE = SandboxProfile(
    NAME,
    calls=(
        *FOLDER,
        *calls("close", "flock"),
        *MEMORY,
        *WAKE,
        # Keys: OpenSSL looks whether it was forked.
        *calls("getrandom", "getpid"),
        # What there is to say.
        *calls("write", "exit_group"),
    ),
    network=Network.NONE,
    folder=True,
    descriptors=64,
)
ASKING = SandboxProfile(NAME, apart=False)
"""To ask an authority names have to be found, and a hook is a program: then files stay, as the service's user sees them."""

CPU_SECONDS = 60
MOST_MEMORY = 512 * 1024 * 1024
"""Octets: the library reads an authority's answers whole, however long they are."""

PATIENCE = 900
"""Seconds after which a run is over, whatever it waits for."""

MOST_OCTETS = 1024 * 1024
"""Of a file that the settings name."""


@dataclass(frozen=True, slots=True)
class Named:
    """What was read with the rights of whoever started us."""

    tsig_key: bytes = b""
    authorities: bytes = b""
    chain: bytes = b""
    own: tuple[Address, ...] = ()
    """Private addresses that this machine has."""


def run(folder: int, request: int, answer: int) -> int:
    """Gives the exit code. `folder` is the folder `certificates/`, `request` a sealed memfd with RenewSettings, `answer` a
    listening TCP socket at port 80 for http-01, or -1."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))
    signal.alarm(PATIENCE)
    try:
        settings = load(request, RenewSettings)
        named = _read_named(settings)
        _give_up_rights(settings, folder)
        return work(folder, settings, named, answer)
    except (Malformed, CertificatesRefused, SandboxRefused) as error:
        _say(str(error))
        return 2
    except MemoryError:
        _say("the authority's answer is longer than any certificate; is it the right directory?")
        return 1
    except OSError as error:
        _say(f"{error.strerror}: the folder of the certificates cannot be written; is the disk full, or read-only?")
        return 2


def work(descriptor: int, settings: RenewSettings, named: Named, answer: int) -> int:
    """The run itself, with no right but the folder's. Raises CertificatesRefused, OSError."""
    folder = CertificateFolder(descriptor)
    now = clock.date()
    with folder.alone():
        if settings.kind is Kind.FILES:
            look(named.chain, folder, now, _say)
            return 0
        done = renew(folder, settings, lambda: _acme(folder, settings.acme, named, answer), now, _say, named.own)
        return 0 if done else 1


def _acme(folder: CertificateFolder, settings: AcmeSettings | None, named: Named, answer: int) -> Issuer:
    if settings is None:
        raise CertificatesRefused('certificate = "acme" needs [secure.acme] with a directory')
    from anchorhold.certificates.acme.issuer import AcmeIssuer
    from anchorhold.certificates.acme.proofs import presenter_for

    listener = socket.socket(fileno=answer) if answer >= 0 else None
    return AcmeIssuer(folder, settings, presenter_for(settings, named.tsig_key, listener), named.authorities, _say)


def _read_named(settings: RenewSettings) -> Named:
    acme = settings.acme
    tsig = acme.update.key_file if acme is not None and acme.update is not None else ""
    authorities = _read(acme.authorities if acme is not None else "")
    return Named(_read(tsig), authorities, _read(settings.chain), _own_addresses() if settings.machine else ())


def _own_addresses() -> tuple[Address, ...]:
    try:
        links = read_links()
    except OSError as error:
        _say(f"the addresses of this machine cannot be read ({error.strerror}); name them in [secure] listen")
        return ()
    found = (ip_address(own.address) for number in sorted(links) for own in links[number].addresses)
    return tuple(one for one in found if is_lasting(one))


def _read(path: str) -> bytes:
    if not path:
        return b""
    try:
        return read_named_file(path, MOST_OCTETS)
    except OSError as error:
        raise CertificatesRefused(f"{path}: {error.strerror}; correct the path in [secure]") from None


def _give_up_rights(settings: RenewSettings, folder: int) -> None:
    if settings.kind is Kind.ACME:
        # Imported here: the libraries for it take long to load. Whoever has become another user cannot load them any more.
        from anchorhold.certificates.acme import issuer, proofs

        preload(*CRYPTOGRAPHY, *issuer.LAZY, proofs.__name__)
    else:
        preload(*CRYPTOGRAPHY)
    if settings.kind is Kind.ACME:
        enter(ASKING, lambda: _go_into(folder))
    else:
        enter(PROFILE, lambda: _go_into(folder), folder=folder)


def _go_into(folder: int) -> None:
    try:
        os.fchdir(folder)
        if os.geteuid() == 0:
            hand_over(folder)
    except OSError as error:
        raise SandboxRefused(f"cannot go into the folder of the certificates: {error.strerror}") from None


def _say(text: str) -> None:
    log(NAME, text)
