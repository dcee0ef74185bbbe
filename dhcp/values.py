"""The nouns of DHCP: what a lease is, what handling a message leads to.

An address is its octets: 4 (IPv4) or 16 (IPv6), in network order. Nobody is known by an identifier: a client is a
`Tag`, a keyed hash of it (`dhcp/identity.py`), in memory as on disk.
"""

from collections.abc import Mapping
from enum import Enum, IntEnum
from typing import NamedTuple

from wire.dhcp.packet4 import Packet4, Shared
from wire.units import Epoch

Address = bytes
"""4 or 16 octets."""

Tag = bytes
"""16 octets of HMAC-SHA256 over a kind of identifier and the identifier itself."""


class Kind(IntEnum):
    """What is leased. The numbers are on disk."""

    ADDRESS4 = 4
    ADDRESS6 = 6
    """An IA_NA's address (RFC 8415 §21.4)."""
    PREFIX6 = 7
    """An IA_PD's prefix (RFC 8415 §21.21)."""


class State(IntEnum):
    """How firm it is. The numbers are on disk."""

    OFFERED = 0
    """Held for a client that was told of it, at most 30 seconds, in memory only."""
    BOUND = 1
    """The client has it until `Lease.until`."""
    QUARANTINED = 2
    """Nobody gets it until `Lease.until`: somebody uses it without asking, or a client declined it. `client` says who
    declined; `renewals` how often in a row, which is how long the next quarantine grows.
    """


class Lease(NamedTuple):
    """One address or prefix and who has it. Times are of the lease clock (`dhcp/clock.py`), whole seconds."""

    kind: Kind
    address: Address
    length: int
    """32, 128, or the length of the prefix."""
    client: Tag
    """Of the client identifier, else of the hardware address (IPv4; RFC 2131 §4.2); of the DUID (IPv6)."""
    hardware: Tag
    """Of the hardware address the client speaks from; empty if unknown."""
    iaid: int
    """0 for IPv4."""
    subnet: str
    """`Subnet.name`."""
    state: State
    since: Epoch
    """Since when this client has it without a break."""
    seen: Epoch
    """When the client last asked for it or proved that it is there."""
    until: Epoch
    """When it ends."""
    duration: int
    """Seconds last granted (the valid lifetime of IPv6)."""
    renewals: int = 0
    """How often it was confirmed; a device that changes its address gets longer leases as this grows."""
    changing: bool = False
    """The hardware address is locally administered: likely a random one, which will not come again."""
    name: str = ""
    """The name published for it: one label, lower case; empty: none."""
    checked: bool = False
    """Nobody answered a probe for it (an offer only)."""
    wanted: Tag = b""
    """Whom the address goes to if a probe finds that its holder has left (`Outcome.probes`); in memory only. IPv6: the tag, and
    the four octets of the identity association."""
    identifier: bytes = b""
    """The client identifier, hardware address or DUID itself: only where the user chose to store it."""


_OFFERED = State.OFFERED
"""Looking up a member of an enum costs more."""


class LeaseChange(NamedTuple):
    """One lease's end, beginning or new form. `before` is what the book holds, `after` what it is to hold."""

    before: Lease | None
    after: Lease | None

    @property
    def place(self) -> tuple[Kind, Address]:
        """See `place_of`."""
        return place_of(self)

    @property
    def durable(self) -> bool:
        """See `concerns_disk`."""
        return concerns_disk(self)


def place_of(change: LeaseChange) -> tuple[Kind, Address]:
    """What it is about. (As a property it costs more.)"""
    before, after = change
    lease = after if after is not None else before
    assert lease is not None  # noqa: S101 # a change of nothing is never made
    return lease.kind, lease.address


def concerns_disk(change: LeaseChange) -> bool:
    """True for anything but an offer held in memory, or a holder that is looked for. (As a property it costs more.)"""
    before, after = change
    if before is not None and before.state is _OFFERED:
        before = None
    if after is not None and after.state is _OFFERED:
        after = None
    if before is None or after is None:
        return before is not after
    if before.wanted != after.wanted:
        before = before._replace(wanted=after.wanted)
    return before != after


class Path(Enum):
    """How a DHCPv4 reply gets to its client (RFC 2131 §4.1)."""

    RELAY = "relay"
    """UDP to `address` (giaddr), port 67 or what the relay said (RFC 8357)."""
    UNICAST = "unicast"
    """UDP to `address`, port 68: the client has it."""
    FRAME = "frame"
    """An Ethernet frame to `hardware`, IP to `address`: the client has no address yet and hears frames for it."""
    BROADCAST = "broadcast"
    """To 255.255.255.255 and all stations."""


class Reply4(NamedTuple):
    """What goes back, and how. `interface` is its index; `source` our address there (also the IP source)."""

    packet: Packet4
    path: Path
    interface: int
    source: Address
    address: Address
    port: int
    hardware: bytes
    shared: Shared | None = None
    """What `share_options` made of the packet's options."""


class Reply6(NamedTuple):
    """A DHCPv6 message, relay headers and all, as octets; `address` may need the scope `interface`."""

    data: bytes
    interface: int
    address: Address
    port: int


class Arrival(NamedTuple):
    """Where a message came in. `source` and `destination` are the IP addresses, zeros of a client that has none."""

    interface: int
    """Index."""
    source: Address
    destination: Address
    hardware: bytes = b""
    """The frame's source, where the socket tells it."""
    port: int = 0
    """The UDP source port."""


class Link(NamedTuple):
    """One of our interfaces as it is now."""

    number: int
    """The kernel's index."""
    name: str
    hardware: bytes
    """6 octets of an Ethernet; else what there is."""
    addresses: tuple["Own", ...]
    up: bool = True


class Own(NamedTuple):
    """An address of ours on a link. Lifetimes in seconds from when it was read; None: for ever."""

    address: Address
    length: int
    preferred: int | None = None
    valid: int | None = None


Links = Mapping[int, Link]
"""Our interfaces by index."""


class Probe(NamedTuple):
    """An address that nobody should have: ask the link (ARP, RFC 5227, or neighbour solicitation) before it is given
    out.
    """

    interface: int
    address: Address
    hardware: bytes = b""
    """The client's own hardware address: if it is the one that answers, nobody else has the address."""


class Outcome(NamedTuple):
    """What handling a message leads to, in this order: changes are made in memory, what is durable goes to disk, the
    reply leaves.

    With `probes` there is no reply yet: for each, `changes` hold an offer that is not `checked`, or a lease whose holder is
    looked for because its address is `wanted`. The edge asks the link about all of them at once, applies what `silent` or
    `answered` of `dhcp/book.py` makes of the answer (the offer is checked, or in quarantine; the holder is gone and its
    address offered, or it was seen), and hands the same message in again.
    """

    why: str
    """One word of the tables in `dhcp/facts.py`: a counter's name."""
    reply: Reply4 | Reply6 | None = None
    changes: tuple[LeaseChange, ...] = ()
    probes: tuple[Probe, ...] = ()
