"""What a DHCPv6 message asks, and whether a server may look at it at all (RFC 8415 §16)."""

from collections.abc import Callable
from enum import Enum, auto
from typing import NamedTuple, TypeVar

from dhcp.classes import halves
from wire.dhcp.associations6 import ASSOCIATIONS, Association, parse_association
from wire.dhcp.codes6 import MessageType6, Option6
from wire.dhcp.contents6 import (
    ClientName,
    LinkLayer,
    parse_client_name,
    parse_link_layer,
    parse_numbers,
    parse_user_class,
    parse_vendor_class,
)
from wire.dhcp.packet6 import MAX_DUID, MIN_DUID, Packet6, Relayed, RelayHop
from wire.errors import Malformed

MOST_ASSOCIATIONS = 16
"""Identity associations of one message that are read. A router with a handful of networks has a handful."""

_T = TypeVar("_T")


class Request6(NamedTuple):
    """A client's message, taken apart."""

    kind: int
    transaction: int
    duid: bytes
    """Empty: it says none."""
    server: bytes | None
    """Whom it is for; None: whoever hears it."""
    asked: frozenset[int]
    """The numbers of its option request."""
    associations: tuple[Association, ...]
    """In its order; of two with one number and IAID the first."""
    rapid: bool
    name: ClientName | None
    vendors: tuple[bytes, ...]
    users: tuple[bytes, ...]
    architectures: tuple[bytes, ...]
    hops: tuple[RelayHop, ...]
    """The relays it came through, nearest to us first."""

    @property
    def link(self) -> bytes | None:
        """The address that tells the client's link: of the relay nearest to the client that says one (RFC 8415 §13.1; those of
        RFC 6221 say none). None: no relay does."""
        return next((hop.link for hop in reversed(self.hops) if any(hop.link)), None)

    def of_relay(self, number: int) -> bytes:
        """An option of the relay nearest to the client that has it; empty: none."""
        return next((data for hop in reversed(self.hops) if (data := hop.option(number))), b"")

    @property
    def hardware(self) -> LinkLayer | None:
        """What the client's first relay saw it speak from (RFC 6939)."""
        seen = self.hops[-1].option(Option6.CLIENT_LINK_LAYER) if self.hops else None
        return None if seen is None else _lenient(parse_link_layer, seen, None)


class Need(Enum):
    """Whether an option must be there."""

    REQUIRED = auto()
    FORBIDDEN = auto()
    OPTIONAL = auto()


class Rule(NamedTuple):
    """What a message of one type must and must not have."""

    client: Need
    server: Need
    associations: Need = Need.OPTIONAL


RULES: dict[int, Rule] = {
    MessageType6.SOLICIT: Rule(Need.REQUIRED, Need.FORBIDDEN),  # RFC 8415 §16.2
    MessageType6.REQUEST: Rule(Need.REQUIRED, Need.REQUIRED),  # §16.4
    MessageType6.CONFIRM: Rule(Need.REQUIRED, Need.FORBIDDEN),  # §16.5
    MessageType6.RENEW: Rule(Need.REQUIRED, Need.REQUIRED),  # §16.6
    MessageType6.REBIND: Rule(Need.REQUIRED, Need.FORBIDDEN),  # §16.7
    MessageType6.DECLINE: Rule(Need.REQUIRED, Need.REQUIRED),  # §16.8
    MessageType6.RELEASE: Rule(Need.REQUIRED, Need.REQUIRED),  # §16.9
    MessageType6.INFORMATION_REQUEST: Rule(Need.OPTIONAL, Need.OPTIONAL, Need.FORBIDDEN),  # §16.12
}
"""The messages for servers. All others are thrown away: Advertise (§16.3), Reply (§16.10), Reconfigure (§16.11), Relay-reply
(§16.14), and types nobody knows (§16)."""


def discarded(request: Request6, ours: bytes, unicast: bool) -> str:
    """Why a message is thrown away without an answer; empty if it is not. `ours` is our DUID, `unicast` says that a client
    sent it to an address of ours.

    Before RFC 9915 a client could be allowed to do so, and the others were told to use multicast. Both is obsolete, and we never
    allowed it to anybody: no client sends such a message.
    """
    rule = RULES.get(request.kind)
    if rule is None:
        return "not-for-servers"
    if unicast:
        return "unicast"
    found = (bool(request.duid), request.server is not None, bool(request.associations))
    for need, there, what in zip(rule, found, ("client-identifier", "server-identifier", "association"), strict=True):
        if need is Need.REQUIRED and not there:
            return f"no-{what}"
        if need is Need.FORBIDDEN and there:
            return f"unexpected-{what}"
    # > … the contents of the Server Identifier option do not match the server's DUID.
    return "other-server" if request.server not in (None, ours) else ""


def read_request(message: Packet6 | Relayed) -> Request6:
    """A parsed message, taken apart. Raises Malformed at an identifier or identity association that is none."""
    packet, hops = (message, ()) if isinstance(message, Packet6) else (message.packet, message.hops)
    duid = packet.option(Option6.CLIENT_IDENTIFIER)
    if duid is not None and not MIN_DUID <= len(duid) <= MAX_DUID:
        raise Malformed("client identifier too short or too long")
    vendors = (_lenient(parse_vendor_class, data, None) for data in packet.every(Option6.VENDOR_CLASS))
    return Request6(
        packet.kind,
        packet.transaction,
        duid or b"",
        packet.option(Option6.SERVER_IDENTIFIER),
        frozenset(number for data in packet.every(Option6.OPTION_REQUEST) for number in parse_numbers(data)),
        _associations(packet),
        packet.option(Option6.RAPID_COMMIT) is not None,
        _lenient(parse_client_name, packet.option(Option6.CLIENT_FQDN) or b"", None),
        tuple(value for vendor in vendors if vendor is not None for value in vendor.values),
        _lenient(parse_user_class, packet.option(Option6.USER_CLASS) or b"", ()),
        halves(packet.option(Option6.ARCHITECTURE) or b""),
        hops,
    )


def _associations(packet: Packet6) -> tuple[Association, ...]:
    found: dict[tuple[int, int], Association] = {}
    for number, data in packet.options:
        if number in ASSOCIATIONS and len(found) < MOST_ASSOCIATIONS:
            one = parse_association(number, data)
            found.setdefault((one.kind, one.iaid), one)
    return tuple(found.values())


def _lenient(parse: Callable[[bytes], _T], data: bytes, otherwise: _T) -> _T:
    """What only describes a client (its class, its name) counts as not said if it is not well formed: it may be served."""
    try:
        return parse(data)
    except Malformed:
        return otherwise
