"""A DHCPv4 message and what has to be known to answer it: who sent it, from which subnet, through whom."""

from dataclasses import dataclass

from dhcp.classes import Share, Traits, classes_of, halves, reservation_of
from dhcp.ground import Ground, Relay, Seat
from dhcp.hostnames import read_label
from dhcp.identity import Identity
from dhcp.plan import Plan, Scope
from dhcp.pools import Seeker
from dhcp.settings import ClientClass, Reservation
from dhcp.values import Address, Arrival, Link
from wire.dhcp.codes4 import MessageType4, Option4, RelaySub
from wire.dhcp.packet4 import Packet4
from wire.dhcp.structures4 import Fqdn, FqdnFlag, parse_fqdn, parse_relay, parse_user_classes
from wire.errors import Malformed

ZERO = bytes(4)
EVERYBODY = b"\xff" * 4
SERVER_PORT, CLIENT_PORT = 67, 68

_EVERYBODY_ELSE = frozenset[str]()
"""The names of the classes of who is in none."""


_TYPE, _FQDN, _HOST_NAME, _RELAY_INFORMATION, _SUBNET_SELECTION = map(
    int,
    (
        Option4.MESSAGE_TYPE,
        Option4.FQDN,
        Option4.HOST_NAME,
        Option4.RELAY_INFORMATION,
        Option4.SUBNET_SELECTION,
    ),
)
"""As plain numbers, for what every message is asked for: looking up a member of an enum costs more."""
_SEATS = 1_024
"""Remembered at once, of one `Ground`."""


@dataclass(slots=True)
class Asked:
    """A request with its place. Never changed: not frozen, for making one costs more then."""

    plan: Plan
    packet: Packet4
    arrival: Arrival
    link: Link
    """The interface it came in on, as it is now."""
    kind: MessageType4
    identity: Identity
    relay: Relay | None
    selected: bool
    """The subnet was selected by option 118 (RFC 3011)."""
    scopes: tuple[Scope, ...]
    """The subnets on the client's link; the one that it belongs to by its giaddr, ciaddr or interface first."""
    direct: bool
    """The client is on a link of ours: it can be reached by a frame, and an address on it can be asked for."""
    source: Address
    """Our address to answer from."""
    server: Address
    """The server identifier."""
    ground: Ground
    fqdn: Fqdn | None
    """Option 81."""
    label: str
    """The name the client wants."""
    reservation: Reservation | None
    classes: tuple[ClientClass, ...]
    is_changing: bool
    """The client changes its hardware address, and no reservation says that it is known all the same."""

    def option(self, number: int, size: int = 4) -> bytes:
        """An option of just so many octets; empty if it is absent or of another length."""
        value = self.packet.options.get(number, b"")
        return value if len(value) == size else b""

    @property
    def refuses_names(self) -> bool:
        """True if the client wants nobody to publish its name (flag N of option 81, RFC 4702 §2.1)."""
        return self.fqdn is not None and FqdnFlag.N in self.fqdn.flags

    def is_ours(self, server: Address) -> bool:
        """True if a server identifier is one of this server's."""
        return server in self.ground.own or server == self.server

    def share(self, scope: Scope) -> Share:
        """What the client is entitled to there."""
        if self.classes or self.reservation is not None:
            return Share(scope.subnet, self.classes, self.reservation)
        shares, name = self.ground.shares, scope.subnet.name
        share = shares.get(name)
        if share is None:
            share = shares[name] = Share(scope.subnet, (), None)
        return share

    def seeker(self, requested: Address = b"") -> Seeker:
        """The client, as one who looks for an address."""
        classes = frozenset(one.name for one in self.classes) if self.classes else _EVERYBODY_ELSE
        may_probe = self.direct and self.plan.settings.conflict_check
        return Seeker(self.identity, self.scopes, classes, self.reservation, requested, self.ground.own, may_probe)

    def scope_of(self, address: Address) -> Scope | None:
        """Which of the subnets on the client's link has this address."""
        for scope in self.scopes:
            if scope.holds(address):
                return scope
        return None


def read_asked(packet: Packet4, arrival: Arrival, identity: Identity | None, ground: Ground) -> Asked | str:
    """The request with its place, or the word for why it is not answered."""
    options = packet.options
    kind = _KINDS.get(options.get(_TYPE, b""))
    if kind is None or packet.op != 1:
        return _unfit(packet)
    if identity is None:
        return "nobody"
    plan, link = ground.plan, ground.links.get(arrival.interface)
    if link is None:
        return "no-subnet"
    seat = _seat_of(packet, arrival, ground, link)
    if isinstance(seat, str):
        return seat
    relay, selected, scopes, direct, source = seat
    fqdn = _fqdn(packet) if _FQDN in options else None
    label = _label(packet, fqdn) if fqdn is not None or _HOST_NAME in options else ""
    reservation, settings = None, plan.settings
    if settings.reservations:
        reservation = reservation_of(
            plan, identity, packet.chaddr, label, lambda host: any(scope.fits(host.address4) for scope in scopes)
        )
        if reservation is not None and reservation.ignored:
            return "ignored"
    return Asked(
        plan, packet, arrival, link, kind, identity, relay, selected, scopes, direct, source,
        relay.override if relay is not None and relay.override else source, ground, fqdn, label, reservation,
        classes_of(settings, _traits(packet, relay), reservation) if settings.classes else (),
        identity.changing and reservation is None,
    )  # fmt: skip


_KINDS = {bytes((kind,)): kind for kind in MessageType4}


def _unfit(packet: Packet4) -> str:
    """The word for a message that is none of a client."""
    if packet.op != 1:
        return "not-a-request"
    return "unknown-type" if packet.options.get(_TYPE) else "bootp"


def _seat_of(packet: Packet4, arrival: Arrival, ground: Ground, link: Link) -> Seat | str:
    """Where it came in. That most messages say no more of it than what their headers do makes one answer good for many."""
    options = packet.options
    if packet.ciaddr != ZERO or _RELAY_INFORMATION in options or _SUBNET_SELECTION in options:
        return _find_seat(packet, arrival, ground, link)
    key = (arrival, packet.giaddr)
    seat: Seat | str | None = ground.seats.get(key)
    if seat is None:
        seat = _find_seat(packet, arrival, ground, link)
        if isinstance(seat, Seat):
            if len(ground.seats) >= _SEATS:
                ground.seats.clear()
            ground.seats[key] = seat
    return seat


def _find_seat(packet: Packet4, arrival: Arrival, ground: Ground, link: Link) -> Seat | str:
    relay = _relay(packet, arrival, ground.plan)
    if isinstance(relay, str):
        return relay
    scopes, direct = _scopes(packet, arrival, ground.plan, link, relay, ground.own)
    if not scopes:
        return "no-subnet"
    source = _source(arrival, ground.here[link.number], scopes, ground.own)
    if not source:
        return "no-address"
    return Seat(relay, _is_selected(packet, scopes), scopes, direct, source)


def _relay(packet: Packet4, arrival: Arrival, plan: Plan) -> Relay | str | None:
    """The relay, if there is one; what it says counts only if the settings know it. The reply goes to giaddr, so that has to be a
    relay's too, or an address in a subnet of ours: nobody is sent what somebody else asked for."""
    giaddr = packet.giaddr
    if giaddr == ZERO:
        return None
    if not plan.may_relay(arrival.source):
        return "relay-refused"
    if giaddr != arrival.source and not plan.may_relay(giaddr) and plan.scope_of(giaddr) is None:
        return "relay-refused"
    said = packet.options.get(Option4.RELAY_INFORMATION)
    if said is None:
        return Relay(giaddr, SERVER_PORT, b"", b"", b"", b"")
    try:
        parts = parse_relay(said)
    except Malformed:
        return "malformed"
    port = arrival.port if RelaySub.SOURCE_PORT in parts and arrival.port else SERVER_PORT
    link, override = (_address(parts.get(what, b"")) for what in (RelaySub.LINK_SELECTION, RelaySub.SERVER_OVERRIDE))
    circuit, remote = parts.get(RelaySub.CIRCUIT, b""), parts.get(RelaySub.REMOTE, b"")
    return Relay(giaddr, port, circuit, remote, link, override)


def _scopes(
    packet: Packet4, arrival: Arrival, plan: Plan, link: Link, relay: Relay | None, own: frozenset[Address]
) -> tuple[tuple[Scope, ...], bool]:
    """The subnets on the client's link (RFC 2131 §4.3.1, RFC 3527 §3, RFC 3011), and whether that is a link of ours."""
    here = plan.links.get(link.name, ())
    selection = _address(packet.options.get(Option4.SUBNET_SELECTION, b""))
    if relay is not None:
        scope = plan.scope_of(relay.link or selection or relay.address)
        return (plan.beside(scope) if scope is not None else ()), False
    if packet.ciaddr != ZERO and arrival.destination in own and arrival.source == packet.ciaddr:
        # Unicast by a client that has an address: its router brought it, whichever interface that is on.
        scope = plan.scope_of(packet.ciaddr)
        if scope is not None and scope not in here:
            return plan.beside(scope), False
    first = next((scope for scope in here if scope.holds(selection)), None) if selection else None
    return (here if first is None else (first, *(scope for scope in here if scope is not first))), True


def _is_selected(packet: Packet4, scopes: tuple[Scope, ...]) -> bool:
    selection = _address(packet.options.get(Option4.SUBNET_SELECTION, b""))
    return selection != b"" and scopes[0].holds(selection)


def _source(arrival: Arrival, here: tuple[Address, ...], scopes: tuple[Scope, ...], own: frozenset[Address]) -> Address:
    """Our address: the one that was spoken to, else the one in the client's subnet, else any on that interface (`here`)."""
    if arrival.destination in own:
        return arrival.destination
    for scope in scopes if len(here) > 1 else ():
        for address in here:
            if scope.holds(address):
                return address
    return here[0] if here else b""


def _address(octets: bytes) -> Address:
    return octets if len(octets) == 4 and any(octets) else b""


def _fqdn(packet: Packet4) -> Fqdn | None:
    """Option 81, if there is one that can be read; another is as good as none, for its sender has to be served all the same."""
    octets = packet.options.get(_FQDN)
    if octets is None:
        return None
    try:
        return parse_fqdn(octets)
    except Malformed:
        return None


def _label(packet: Packet4, fqdn: Fqdn | None) -> str:
    """The name that the client wants: of option 81 (RFC 4702), else of option 12."""
    if fqdn is not None and fqdn.name:
        # A dot inside a label is no end of it.
        return read_label(fqdn.name[1 : 1 + fqdn.name[0]].replace(b".", b"-"))
    name = packet.options.get(_HOST_NAME)
    return read_label(name) if name else ""


def _traits(packet: Packet4, relay: Relay | None) -> Traits:
    options = packet.options
    user = options.get(Option4.USER_CLASS, b"")
    return Traits(
        packet.chaddr,
        packet.htype,
        options.get(Option4.VENDOR_CLASS, b""),
        (user, *parse_user_classes(user)) if user else (),
        relay.circuit if relay is not None else b"",
        relay.remote if relay is not None else b"",
        halves(options.get(Option4.ARCHITECTURE, b"")),
    )
