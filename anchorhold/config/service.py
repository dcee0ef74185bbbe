"""What the supervisor itself needs of the configuration; it reads nothing else of it."""

from dataclasses import dataclass
from ipaddress import ip_address

from anchorhold.certificates.settings import RenewSettings
from anchorhold.lists.settings import ListsSettings
from anchorhold.sandbox.profile import Enforcement
from dhcp.settings import DhcpSettings
from resolver.settings import FrontSettings, KeeperSettings, ResolverSettings, SecureSettings, Served


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """A literal address (IPv6 without brackets, a zone after %) and a port (0: a free one)."""

    host: str
    port: int

    def text(self) -> str:
        """As in the configuration: 127.0.0.1:53 or [::1]:53."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def wildcard(self) -> bool:
        """Whether it means every address of the machine."""
        return ip_address(self.host).is_unspecified

    def at(self, port: int) -> "ListenAddress":
        """The same with the port that was really taken."""
        return ListenAddress(self.host, port)


@dataclass(frozen=True, slots=True)
class ServedAddress:
    """What is served where."""

    served: Served
    address: ListenAddress

    @property
    def wildcard(self) -> bool:
        """Whether it means every address of the machine."""
        return self.address.wildcard

    def text(self) -> str:
        """tls://192.168.1.1:853."""
        return f"{self.served.value}://{self.address.text()}"


@dataclass(frozen=True, slots=True)
class SecureService:
    """`[secure]`, as far as the supervisor has to do with it. `chain` and `key` are absolute paths, or empty for those in the
    state directory."""

    listen: tuple[ServedAddress, ...]
    renewal: RenewSettings
    """What the hourly run is told."""
    chain: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class ServedLink:
    """An interface on which the `dhcp` cell speaks, and what it speaks there: no socket is opened for anything else."""

    name: str
    dhcp4: bool
    dhcp6: bool
    advertise: bool


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """Where to listen, and as whom. `control` and `state` are absolute paths, or empty for the usual places. `links` is where the
    `dhcp` cell speaks; without [dhcp] there are none."""

    listen: tuple[ListenAddress, ...]
    control: str
    state: str
    user: str
    links: tuple[ServedLink, ...] = ()
    secure: SecureService | None = None
    """None: no [secure] in the file."""
    sandbox: Enforcement = Enforcement.REQUIRED
    cores: int = 1
    """So many cells of each kind that knows clients."""

    @property
    def lasting(self) -> tuple[object, ...]:
        """What a running service cannot change."""
        return self.control, self.state, self.user, self.sandbox, self.executes, self.cores

    @property
    def executes(self) -> bool:
        """Whether a program may have to be started: the hook that proves our name to an authority."""
        acme = self.secure.renewal.acme if self.secure is not None else None
        return acme is not None and bool(acme.hook)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A whole checked configuration, one value for each reader."""

    front: FrontSettings
    resolver: ResolverSettings
    keeper: KeeperSettings
    service: ServiceSettings
    dhcp: DhcpSettings | None = None
    """None: no [dhcp] in the file, so no DHCP server."""
    secure: SecureSettings | None = None
    """None: no [secure] in the file, so nothing is served over encrypted ways."""
    lists: ListsSettings | None = None
    """None: no list in the file."""


def share(most: int, cores: int) -> int:
    """What one of so many cells may have of what all clients together may."""
    return -(-most // cores)


def served_links(settings: DhcpSettings) -> tuple[ServedLink, ...]:
    """Every interface that `settings` has to do with. Where relays speak to us, they may do so in both families."""
    names = dict.fromkeys((*settings.interfaces, *(one.interface for one in settings.advertised)))
    return tuple(
        ServedLink(name, _speaks(settings, name, 4), _speaks(settings, name, 16), _advertises(settings, name))
        for name in names
    )


def _speaks(settings: DhcpSettings, name: str, octets: int) -> bool:
    """Whether a subnet with addresses of so many octets is there, or one that relays speak for."""
    there = {subnet.interface for subnet in settings.subnets if len(subnet.prefix) == octets}
    return name in there or ("" in there and name in settings.interfaces)


def _advertises(settings: DhcpSettings, name: str) -> bool:
    return any(one.interface == name for one in settings.advertised)
