"""Router advertisements as sockets carry them; what they say and when is decided in `dhcp/advertise.py`."""

from collections import Counter

from dhcp.edge.interfaces import Interface, Interfaces
from dhcp.edge.links import Links
from dhcp.edge.rogues import Rogues
from dhcp.settings import DhcpSettings
from dhcp.values import Arrival
from wire.units import Instant


class Advertising:
    def __init__(
        self, settings: DhcpSettings, interfaces: Interfaces, links: Links, rogues: Rogues, counters: Counter[str]
    ) -> None:
        self._settings = settings

    def use(self, settings: DhcpSettings, now: Instant) -> None:
        """A new configuration."""

    def look(self, now: Instant) -> None:
        """Interfaces have changed."""

    def turn(self, now: Instant) -> None:
        """Send what is due."""

    def due(self, now: Instant) -> float | None:
        """Seconds until `turn` has something to do."""
        return None

    def hear(self, interface: Interface, data: bytes, arrival: Arrival, hops: int) -> None:
        """A solicitation, or another router's advertisement."""

    def cease(self) -> None:
        """The last ones."""
