"""Leases as operators see them, and leases as they come from elsewhere. JSON both.

A row, out:

    kind       "address4", "address6" or "prefix6"
    address    text; length: 32, 128 or that of the prefix
    subnet, state ("bound", "offered", "quarantined"), name (or null), changing, renewals, iaid, duration (seconds)
    since, seen, until     seconds since 1970, as the wall clock counts now
    client, hardware       tags, in hexadecimal: keyed hashes, of use with this server's key only
    identifier             {"kind": "hardware", "client" or "duid", "octets": hexadecimal}, or null if it is not stored
"""

import ipaddress
from typing import NamedTuple

import msgspec

from dhcp.addresses import is_inside
from dhcp.book import LeaseBook
from dhcp.clock import LeaseClock, Reading
from dhcp.identity import Identifier, hardware_octets
from dhcp.settings import DhcpSettings
from dhcp.values import Kind, Lease, LeaseChange
from wire.units import Epoch

Row = dict[str, object]

KINDS = {Kind.ADDRESS4: "address4", Kind.ADDRESS6: "address6", Kind.PREFIX6: "prefix6"}
_BY_NAME = {name: kind for kind, name in KINDS.items()}
_WORDS = {Identifier.CLIENT: "client", Identifier.HARDWARE: "hardware", Identifier.DUID: "duid"}


class Times(NamedTuple):
    """The lease clock at this moment."""

    clock: LeaseClock
    reading: Reading

    @property
    def now(self) -> Epoch:
        """Lease time."""
        return self.clock.at(self.reading.boottime)

    def date(self, time: Epoch) -> int:
        """A lease time as a date, in seconds since 1970."""
        return round(self.clock.wall(time, self.reading))

    def time(self, date: float) -> Epoch:
        """A date as lease time, in whole seconds."""
        return Epoch(round(self.clock.from_wall(Epoch(date), self.reading)))


class Foreign(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A lease that comes from elsewhere. Octets in hexadecimal; `until` is a date in seconds since 1970, 0 for
    never.
    """

    kind: str
    address: str
    until: int
    length: int = 0
    """Of a prefix."""
    hardware: str = ""
    htype: int = 1
    client_id: str = ""
    duid: str = ""
    iaid: int = 0
    name: str = ""
    duration: int = 0
    """Seconds; 0: the subnet's."""
    client_tag: str = ""
    hardware_tag: str = ""
    """Tags out of our own export, good with the same key only."""
    key: str = ""
    """Which key those are made with."""
    where: str = ""
    """File and line, for what is said of it."""


def row_of(lease: Lease, book: LeaseBook, times: Times) -> Row:
    """What is told of a lease."""
    return {
        "kind": KINDS[lease.kind],
        "address": address_text(lease.address),
        "length": lease.length,
        "subnet": lease.subnet,
        "state": lease.state.name.lower(),
        "name": lease.name or None,
        "since": times.date(lease.since),
        "seen": times.date(lease.seen),
        "until": times.date(lease.until),
        "duration": lease.duration,
        "renewals": lease.renewals,
        "changing": lease.changing,
        "iaid": lease.iaid,
        "client": lease.client.hex(),
        "hardware": lease.hardware.hex(),
        "identifier": _identifier(lease, book),
    }


def _identifier(lease: Lease, book: LeaseBook) -> Row | None:
    """Which kind it is shows by its tag, so nobody has to keep that."""
    raw = lease.identifier
    if not raw:
        return None
    for kind, octets in ((Identifier.CLIENT, raw), (Identifier.DUID, raw), (Identifier.HARDWARE, hardware_octets(raw))):
        if book.tag(kind, octets) == lease.client:
            return {"kind": _WORDS[kind], "octets": raw.hex()}
    # A hardware address with its type octet before it, as the tag is made of it.
    return {"kind": _WORDS[Identifier.HARDWARE], "octets": raw[1:].hex() if len(raw) > 6 else raw.hex()}


def address_text(address: bytes) -> str:
    """4 or 16 octets as text."""
    return str(ipaddress.ip_address(address))


def kind_of(name: str) -> Kind:
    """Raises ValueError."""
    if name not in _BY_NAME:
        raise ValueError(f"no such kind of lease: {name!r}")
    return _BY_NAME[name]


def subnet_of(settings: DhcpSettings, kind: Kind, address: bytes) -> str:
    """The subnet an address or prefix belongs to; empty if it is in none that is configured."""
    for subnet in settings.subnets:
        if kind is Kind.PREFIX6:
            ranges = [(one.prefix, one.prefix_length) for one in subnet.delegations]
        else:
            ranges = [(subnet.prefix, subnet.length)]
        if any(is_inside(address, prefix, length) for prefix, length in ranges):
            return subnet.name
    return ""


def moved(book: LeaseBook, settings: DhcpSettings) -> tuple[LeaseChange, ...]:
    """What makes the leases of a running book those of new settings."""
    leases = tuple(book.leases())
    pairs = zip(leases, rehomed(leases, settings), strict=True)
    return tuple(LeaseChange(was, now) for was, now in pairs if was.subnet != now.subnet)


def rehomed(leases: tuple[Lease, ...], settings: DhcpSettings) -> tuple[Lease, ...]:
    """Leases with the subnet they belong to by the settings of now: to be called with what the store loaded, for the
    configuration may have changed and an import before the first start knows no subnets. Who is in none keeps its name.
    """
    return tuple(
        lease._replace(subnet=subnet_of(settings, lease.kind, lease.address) or lease.subnet) for lease in leases
    )
