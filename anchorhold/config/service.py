"""What the supervisor itself needs of the configuration; it reads nothing else of it."""

from dataclasses import dataclass

from resolver.settings import FrontSettings, KeeperSettings, ResolverSettings


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """A literal address (IPv6 without brackets, a zone after %) and a port (0: a free one)."""

    host: str
    port: int

    def text(self) -> str:
        """As in the configuration: 127.0.0.1:53 or [::1]:53."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """Where to listen, and as whom. `control` and `state` are absolute paths, or empty for the usual places."""

    listen: tuple[ListenAddress, ...]
    control: str
    state: str
    user: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """A whole checked configuration, one value for each reader."""

    front: FrontSettings
    resolver: ResolverSettings
    keeper: KeeperSettings
    service: ServiceSettings
