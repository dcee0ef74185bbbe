"""What one run of `anchorhold.certificates.renew` is told; it travels in a sealed memfd, as settings do."""

from dataclasses import dataclass
from enum import Enum

FOLDER_NAME = "certificates"
"""In the state directory."""

CHAIN, KEY = "chain.pem", "key.pem"
"""What the `secure` cell reads: the leaf and what leads to its authority, and the leaf's key."""

AUTHORITY, AUTHORITY_KEY = "authority.pem", "authority-key.pem"
"""The private authority."""

ACCOUNT_KEY, PROGRESS = "account-key.pem", "renewal.json"
"""The key of the ACME account, and how the last runs ended."""

DEFAULT_NAME = "dns.home.arpa"
"""What `certs init` calls the resolver where the configuration does not (RFC 8375)."""

LEAF_DAYS = 30
"""For which a certificate of the private authority is good."""


class Kind(Enum):
    """Where the certificate comes from."""

    PRIVATE = "private"
    FILES = "files"
    ACME = "acme"


class Challenge(Enum):
    """How we show an ACME authority that a name is ours (RFC 8555 §8)."""

    DNS = "dns-01"
    HTTP = "http-01"


class Action(Enum):
    """What a run is to do."""

    DUE = "due"
    """What is due, and only that: the hourly run."""
    NOW = "now"
    """Renew, due or not."""
    NEW_KEY = "new-key"
    """Renew with a new key; pins of the old one no longer hold."""
    INIT = "init"
    """Make the private authority and the first certificate; refuse if there is one."""
    REPLACE = "replace"
    """Make a new private authority; every device has to be given it again."""


@dataclass(frozen=True, slots=True)
class UpdateServer:
    """Where TXT records are put by dynamic update (RFC 2136), signed with TSIG (RFC 8945)."""

    address: str
    zone: str
    key_file: str
    """Path; read with the rights that the process starts with."""
    port: int = 53


@dataclass(frozen=True, slots=True)
class AcmeSettings:
    """`[secure.acme]`, checked. Exactly one of `update` and `hook` for dns-01, neither for http-01."""

    directory: str
    contact: tuple[str, ...] = ()
    terms_agreed: bool = False
    challenge: Challenge = Challenge.HTTP
    authorities: str = ""
    """Path of the PEM file with the authorities that the directory's own certificate is checked by; "": the system's."""
    update: UpdateServer | None = None
    hook: tuple[str, ...] = ()
    wait: float = 30.0
    """Seconds between a TXT record and the word that it is there."""


@dataclass(frozen=True, slots=True)
class RenewSettings:
    """One run. `names` are host names in lower case, the first one the resolver's own, `*.` before one is a wildcard;
    `addresses` are literal ones without zones; both become entries of the certificate, addresses only of a private one."""

    kind: Kind
    names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    action: Action = Action.DUE
    acme: AcmeSettings | None = None
    chain: str = ""
    """Path of the chain, for FILES: it is only looked at."""
    machine: bool = False
    """Whether private addresses that this machine has count as well, as far as the authority permits them: for who listens at
    every address."""
