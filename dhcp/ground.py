"""What is the same for all messages for as long as settings and interfaces are: made once, looked up by each of them."""

from dataclasses import dataclass
from typing import NamedTuple

from dhcp.classes import Share
from dhcp.plan import Plan, Scope
from dhcp.plan6 import Plan6
from dhcp.values import Address, Arrival, Lease, Links, State
from wire.dhcp.packet4 import Shared
from wire.units import Epoch


class Relay(NamedTuple):
    """A relay that is trusted, and what it said (RFC 3046)."""

    address: Address
    """giaddr."""
    port: int
    """To answer to: 67, or where it spoke from if it asked for that (RFC 8357)."""
    circuit: bytes
    remote: bytes
    link: Address
    """An address of the client's link (RFC 3527), or empty."""
    override: Address
    """The server identifier to use (RFC 5107), or empty."""


class Seat(NamedTuple):
    """Where a DHCPv4 message came in, and from where it is answered; as in `Asked`."""

    relay: Relay | None
    selected: bool
    scopes: tuple[Scope, ...]
    direct: bool
    source: Address


@dataclass(frozen=True, slots=True)
class Prepared:
    """Of a reply, what is the same for clients that are alike (`dhcp/reply4.py`)."""

    options: dict[int, bytes]
    """Never changed."""
    shared: Shared
    """The same as octets."""
    boot: tuple[Address, bytes]
    """siaddr and `file`."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What `handle4` and `handle6` stand on. Nothing of it changes; `seats`, `prepared` and `shares` only save work."""

    plan: Plan
    plan6: Plan6
    links: Links
    own: frozenset[Address]
    """All our IPv4 addresses."""
    own6: frozenset[Address]
    """All our IPv6 addresses."""
    here: dict[int, tuple[Address, ...]]
    """Our IPv4 addresses of each interface, in the order the kernel tells them."""
    seats: dict[tuple[Arrival, Address], Seat]
    """By giaddr too, of messages that say no more of where they come from."""
    prepared: dict[object, Prepared]
    """What was put together before, for clients that are alike."""
    shares: dict[str, Share]
    """By subnet: what clients without a class or a reservation are entitled to."""
    longest: int = 0
    """While the disk takes nothing: seconds that a renewed lease may reach, if it did not reach further before
    (`dhcp/owed.py`). 0: it takes what it is given."""

    def bounded(self, duration: int, held: Lease | None, now: Epoch) -> int:
        """Seconds to grant of `duration` to the holder of `held`."""
        if not self.longest or held is None or held.state is not State.BOUND:
            return duration
        return min(duration, max(self.longest, int(held.until - now)))


def make_ground(plan6: Plan6, links: Links) -> Ground:
    """What these settings and interfaces make."""
    here = {
        link.number: tuple(own.address for own in link.addresses if len(own.address) == 4) for link in links.values()
    }
    return Ground(
        plan6.base,
        plan6,
        links,
        frozenset(address for some in here.values() for address in some),
        frozenset(own.address for link in links.values() for own in link.addresses if len(own.address) == 16),
        here,
        {},
        {},
        {},
    )
