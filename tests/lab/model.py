"""What a zone of the lab is, before it becomes records: its servers, what its parent says of it, how it is signed."""

from dataclasses import dataclass, field
from enum import Enum

from lab.keys import Key, Vouch
from lab.signers import Seal


class Signing(Enum):
    """How a zone is signed. BROKEN and EXPIRED are for the validator: nothing below them can be proved."""

    NONE = "unsigned"
    NSEC = "NSEC"
    NSEC3 = "NSEC3"
    OPT_OUT = "NSEC3 with opt-out"


class Glue(Enum):
    """Which addresses the parent has for the servers of a delegation, of those that lie below the parent."""

    ALL = "all"
    OWN = "only of servers inside the child"
    NONE = "none"


class Worth(Enum):
    """What validation comes to (RFC 4033 §5)."""

    SECURE = "secure"
    INSECURE = "insecure"
    BOGUS = "bogus"


@dataclass(frozen=True, slots=True)
class Server:
    """One name server: its `name`, the `host` behind it ("" for none at all) and the address families its name has.

    A name has its addresses in the deepest zone around it. `alias`: the name is a CNAME there instead (RFC 2181 §10.3
    forbids that, the world does it).
    """

    name: str
    host: str
    families: str = "46"
    alias: str = ""


@dataclass(frozen=True, slots=True)
class Zone:
    """One zone.

    `servers` are its NS records, `parent` those its parent has (None: the same). `hosts` have its data (None: the hosts of
    `servers`). `stale_glue` is glue that differs from what the zone itself says. `records` is master file text relative to
    `origin`. `secure`: the parent has a DS. `notes` say what is special; tests match on them.

    `seal`: it is signed by a signer of another project instead, its parent has the DS records `vouched`, and after that
    `damage` (`lab/damage.py`) is done to it. `online`: Knot signs each answer anew with this key instead. `worth`: what a
    validator has to find of its address records.
    """

    origin: str
    servers: tuple[Server, ...]
    records: str = ""
    parent: tuple[Server, ...] | None = None
    hosts: tuple[str, ...] | None = None
    glue: Glue = Glue.ALL
    stale_glue: tuple[Server, ...] = ()
    signing: Signing = Signing.NONE
    secure: bool = True
    algorithm: str = "ED25519"
    expired: bool = False
    seal: Seal | None = None
    vouched: tuple[Vouch, ...] = ()
    damage: str = ""
    online: Key | None = None
    worth: Worth = Worth.INSECURE
    notes: tuple[str, ...] = field(default=())

    @property
    def parent_servers(self) -> tuple[Server, ...]:
        return self.servers if self.parent is None else self.parent

    @property
    def serving(self) -> tuple[str, ...]:
        """Names of the hosts that have the data."""
        found = (server.host for server in self.servers) if self.hosts is None else iter(self.hosts)
        return tuple(dict.fromkeys(host for host in found if host))
