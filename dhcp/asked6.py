"""A DHCPv6 message and what has to be known to answer it: who sent it, from which link, through whom."""

from typing import NamedTuple

from dhcp.addresses import is_link_local
from dhcp.book import LeaseBook
from dhcp.classes import Share, Traits, classes_of, reservation_of
from dhcp.duid import server_duid
from dhcp.ground import Ground
from dhcp.hostnames import read_label
from dhcp.identity import ETHERNET, Identifier, Identity, duid_hardware, hardware_octets, is_changing
from dhcp.plan import Scope
from dhcp.plan6 import Plan6, Where
from dhcp.request6 import Request6, discarded, read_request
from dhcp.settings import ClientClass, Reservation
from dhcp.values import Arrival, Link
from wire.dhcp.codes6 import Option6
from wire.dhcp.contents6 import FQDN_NO_UPDATE
from wire.dhcp.packet6 import Packet6, Relayed
from wire.errors import Malformed

SERVER_PORT, CLIENT_PORT = 547, 546

_MULTICAST = 0xFF


class Asked6(NamedTuple):
    """A request with its place."""

    plan: Plan6
    request: Request6
    arrival: Arrival
    link: Link
    """The interface it came in on, as it is now."""
    server: bytes
    """Our DUID."""
    identity: Identity
    """`client` is the tag of the DUID; of nothing, if an Information-request says none."""
    hardware: bytes
    """What the client speaks from, as its relay or the frame says; else what its DUID is made of; else empty."""
    where: Where
    label: str
    """The name the client wants."""
    reservation: Reservation | None
    classes: tuple[ClientClass, ...]
    ground: Ground

    @property
    def class_names(self) -> frozenset[str]:
        """The classes as pools name them."""
        return frozenset(one.name for one in self.classes)

    @property
    def refuses_names(self) -> bool:
        """True if the client wants nobody to publish its name (flag N of option 39, RFC 4704 §4.1)."""
        return self.request.name is not None and bool(self.request.name.flags & FQDN_NO_UPDATE)

    @property
    def is_changing(self) -> bool:
        """True if the client changes its hardware address, and no reservation says that it is known all the same."""
        return self.identity.changing and self.reservation is None

    @property
    def may_probe(self) -> bool:
        """True if the link can be asked who is there, and is to be asked."""
        return self.where.direct and self.plan.base.settings.conflict_check

    def share(self, scope: Scope) -> Share:
        """What the client is entitled to there."""
        return Share(scope.subnet, self.classes, self.reservation)


def read_asked6(message: Packet6 | Relayed, arrival: Arrival, book: LeaseBook, ground: Ground) -> Asked6 | str:
    """The request with its place, or the word for why it is not answered."""
    try:
        request = read_request(message)
    except Malformed:
        return "malformed"
    plan, server = ground.plan6, server_duid(book.key)
    refused = _refused(request, arrival, plan) or discarded(request, server, _is_unicast(request, arrival))
    if refused:
        return refused
    link = ground.links.get(arrival.interface)
    where = None if link is None else _where(request, link, ground)
    if link is None or where is None or not where.groups:
        return "no-subnet"
    identity, hardware = _identify(request, arrival, book)
    label = read_label(request.name.labels[0]) if request.name is not None and request.name.labels else ""
    reservation = reservation_of(
        plan.base, identity, hardware, label, lambda host: any(map(where.is_on_link, host.addresses6))
    )
    if reservation is not None and reservation.ignored:
        return "ignored"
    classes = classes_of(plan.base.settings, _traits(request, hardware), reservation)
    return Asked6(plan, request, arrival, link, server, identity, hardware, where, label, reservation, classes, ground)


def _refused(request: Request6, arrival: Arrival, plan: Plan6) -> str:
    """Relayed messages are taken from the relays in the list only: link, options and where to answer are their word."""
    if request.hops and not plan.base.may_relay(arrival.source):
        return "relay-refused"
    return "" if any(arrival.source) else "no-source"


def _is_unicast(request: Request6, arrival: Arrival) -> bool:
    return not request.hops and any(arrival.destination) and arrival.destination[0] != _MULTICAST


def _where(request: Request6, link: Link, ground: Ground) -> Where:
    """The client's link: what its relay says, else where the message came in (RFC 8415 §13.1)."""
    plan, told = ground.plan6, request.link
    groups = plan.links.get(link.name, ()) if told is None else plan.at_address(told)
    near = [one for one in link.addresses if len(one.address) == 16 and not is_link_local(one.address)]
    return Where(
        link.number,
        groups,
        ground.own6,
        tuple((one.address, one.length) for one in near) if told is None else (),
        direct=not request.hops,
    )


def _identify(request: Request6, arrival: Arrival, book: LeaseBook) -> tuple[Identity, bytes]:
    hardware, htype = _hardware(request, arrival)
    tagged = book.tag(Identifier.HARDWARE, hardware_octets(hardware, htype)) if hardware else b""
    client = book.tag(Identifier.DUID, request.duid)
    return Identity(client, tagged, b"", request.duid, is_changing(hardware, htype)), hardware


def _hardware(request: Request6, arrival: Arrival) -> tuple[bytes, int]:
    seen = request.hardware
    if seen is not None:
        return seen.address, seen.kind
    if arrival.hardware and not request.hops:
        return arrival.hardware, ETHERNET
    inside = duid_hardware(request.duid)
    return (inside[1:], inside[0]) if inside else (b"", ETHERNET)


def _traits(request: Request6, hardware: bytes) -> Traits:
    """As of a DHCPv4 client, so that one class is for both. Of a vendor class the first value counts, not the enterprise."""
    return Traits(
        hardware=hardware,
        vendor=request.vendors[0] if request.vendors else b"",
        users=request.users,
        circuit=request.of_relay(Option6.INTERFACE_ID),
        remote=request.of_relay(Option6.REMOTE_ID),
        architectures=request.architectures,
    )
