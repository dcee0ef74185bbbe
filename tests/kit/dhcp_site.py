"""What a DHCP server of either family has in a test: no socket, a clock that is told the time, devices that answer probes."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from ipaddress import ip_address

from anchorhold.leases.publisher import Publisher
from dhcp.book import LeaseBook, answered, silent
from dhcp.ground import Ground, make_ground
from dhcp.plan6 import make_plan6
from dhcp.settings import DhcpSettings
from dhcp.values import Kind, Lease, LeaseChange, Link, Outcome, Own
from resolver.local import Host
from wire.units import Epoch

KEY = bytes(range(32))
START = Epoch(1_700_000_000.0)


def ip(text: str) -> bytes:
    """Of either family."""
    return ip_address(text).packed


def own(text: str, preferred: int | None = None, valid: int | None = None) -> Own:
    """One of our addresses, with the length of its prefix: `192.0.2.1/24`."""
    address, _, length = text.partition("/")
    return Own(ip(address), int(length), preferred, valid)


@dataclass
class Server:
    """A server and the links it is on. `present`: who answers a probe, by address: its hardware address."""

    settings: DhcpSettings
    leases: Iterable[Lease] = ()
    links: dict[int, Link] = field(default_factory=dict)
    now: Epoch = START
    present: dict[bytes, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.book = LeaseBook(KEY, self.leases)
        self.words: list[str] = []
        self.probed: list[bytes] = []
        self._settings: DhcpSettings = self.settings
        self._ground: Ground | None = None
        self.hosts: list[Host] = []
        """What those who answer names were told."""

    def later(self, seconds: float) -> None:
        """Time passes, and what ends, ends."""
        self.now = Epoch(self.now + seconds)
        self.apply(self.book.expire(self.now))

    def apply(self, changes: Iterable[LeaseChange]) -> None:
        changes = tuple(changes)
        self.book.apply(changes)
        self.hosts += Publisher(self.settings).news(changes, self.now)

    def ground(self) -> Ground:
        """Of the settings and links as they are now; made anew only if they are others."""
        if self._ground is None or self._settings is not self.settings:
            self._settings, self._ground = self.settings, make_ground(make_plan6(self.settings), dict(self.links))
        if self._ground.links != self.links:
            self._ground = make_ground(self._ground.plan6, dict(self.links))
        return self._ground

    def settle(self, look: Callable[[], Outcome], kind: Kind) -> Outcome:
        """As the edge does it: changes, probes for an address of this kind, and the same message again."""
        for _ in range(100):
            outcome = look()
            self.words.append(outcome.why)
            self.apply(outcome.changes)
            if not outcome.probes:
                return outcome
            assert outcome.reply is None
            for probe in outcome.probes:
                self.probed.append(probe.address)
                who = self.present.get(probe.address)
                result = silent if who in (None, probe.hardware) else answered
                self.apply(result(self.book, kind, probe.address, self.now))
        raise AssertionError("a message is probed for without end")
