"""The DHCPv4 server: a message in, an outcome out (RFC 2131 §4.3). Start here."""

from dhcp.asked4 import ZERO, Asked, read_asked
from dhcp.book import DECLINED_WITHIN, LeaseBook, conflict
from dhcp.grant4 import drop_offers, foresee, grant, needs_probe, offer, probe, room
from dhcp.ground import Ground
from dhcp.identity import Identity, identify
from dhcp.plan import Scope
from dhcp.pools import choose
from dhcp.reply4 import empty_offer, inform_reply, lease_reply, wants_no_address
from dhcp.request4 import handle_request
from dhcp.values import Address, Arrival, Kind, Lease, LeaseChange, Outcome, State
from wire.dhcp.codes4 import MessageType4, Option4
from wire.dhcp.packet4 import Packet4
from wire.units import Epoch

_ADDRESS4, _BOUND, _REQUESTED = Kind.ADDRESS4, State.BOUND, int(Option4.REQUESTED_ADDRESS)
_DISCOVER, _OFFER, _REQUEST = MessageType4.DISCOVER, MessageType4.OFFER, MessageType4.REQUEST
"""Not looked up for each message: members of an enum cost more."""


def handle4(
    request: Packet4,
    arrival: Arrival,
    book: LeaseBook,
    ground: Ground,
    now: Epoch,
    identity: Identity | None = None,
) -> Outcome:
    """What a message leads to. Reads the book and changes nothing; the same arguments give the same outcome.

    `ground` is what the settings and our interfaces, as they are now, make; `now` is the lease clock's. `identity` is what
    `identify` made of the message, if that was asked before.
    """
    known = identity if identity is not None else identify(book.key, request)
    asked = read_asked(request, arrival, known, ground)
    if isinstance(asked, str):
        return Outcome(asked)
    kind = asked.kind
    if kind is _DISCOVER:
        return _discover(asked, book, now)
    if kind is _REQUEST:
        return handle_request(asked, book, now)
    match kind:
        case MessageType4.DECLINE:
            return _decline(asked, book, now)
        case MessageType4.RELEASE:
            return _release(asked, book)
        case MessageType4.INFORM:
            return _inform(asked)
        case _:
            return Outcome("not-a-request")


def _discover(asked: Asked, book: LeaseBook, now: Epoch) -> Outcome:
    """§4.3.1. An address is held for 30 seconds, in memory; what the client has already is offered as it is."""
    if wants_no_address(asked, asked.scopes[0]):
        return Outcome("ipv6-only", empty_offer(asked, asked.scopes[0]), drop_offers(book, asked))
    choice = choose(book, asked.plan, asked.seeker(asked.option(_REQUESTED)), now)
    if choice.scope is None:
        return Outcome(choice.why)
    if choice.holder is not None:
        wanted = choice.holder._replace(wanted=asked.identity.client)
        return Outcome("reclaim", changes=(LeaseChange(choice.holder, wanted),), probes=(probe(asked, choice.address),))
    return _offer(asked, book, choice.scope, choice.address, now)


def _offer(asked: Asked, book: LeaseBook, scope: Scope, address: Address, now: Epoch) -> Outcome:
    held = book.at(_ADDRESS4, address)
    freed = room(book, asked) if held is None else ()
    # Its own are dropped anyway.
    dropped = (*freed, *drop_offers(book, asked, but=address))
    if len(dropped) > 1:
        dropped = tuple(dict.fromkeys(dropped))
    if needs_probe(asked, held):
        waiting = LeaseChange(held, offer(asked, held, scope, address, now))
        return Outcome("probe", changes=(*dropped, waiting), probes=(probe(asked, address),))
    if scope.subnet.rapid and Option4.RAPID_COMMIT in asked.packet.options:
        lease, changes = grant(book, asked, scope, address, now)
        return Outcome(
            "rapid", lease_reply(asked, MessageType4.ACK, scope, address, lease.duration, lease.name), changes
        )
    terms = foresee(book, asked, held, scope, now)
    reply = lease_reply(asked, _OFFER, scope, address, terms.duration, terms.name)
    why = "reservation-in-use" if asked.reservation is not None and _is_displaced(asked, address) else "offered"
    if held is not None and held.state is _BOUND:
        return Outcome(why, reply, drop_offers(book, asked))
    # Of what is not bound nothing was renewed, and nothing bounds it.
    made = tuple.__new__(LeaseChange, (held, offer(asked, held, scope, address, now, terms.duration)))
    # As Outcome(...) makes it, and cheaper.
    return tuple.__new__(Outcome, (why, reply, (*dropped, made) if dropped else (made,), ()))


def _is_displaced(asked: Asked, address: Address) -> bool:
    """True if the client has a reservation on this link and is given something else: somebody uses what is its own."""
    own = asked.reservation.address4 if asked.reservation is not None else b""
    return own not in (b"", address) and asked.scope_of(own) is not None


def _decline(asked: Asked, book: LeaseBook, now: Epoch) -> Outcome:
    """§4.3.3: the holder found its address in use. Nobody else can say so, nor can the holder hours later."""
    lease = _held_by(asked, book, asked.option(_REQUESTED))
    if lease is None or now - lease.seen > DECLINED_WITHIN:
        return Outcome("not-the-holder")
    return Outcome("declined", changes=(conflict(book, lease, now),))


def _release(asked: Asked, book: LeaseBook) -> Outcome:
    """§4.3.4: by unicast from the address itself, or through a relay."""
    ciaddr = asked.packet.ciaddr
    lease = _held_by(asked, book, ciaddr)
    if lease is None or (asked.relay is None and asked.arrival.source != ciaddr):
        return Outcome("not-the-holder")
    return Outcome("released", changes=(LeaseChange(lease, None),))


def _held_by(asked: Asked, book: LeaseBook, address: Address) -> Lease | None:
    """The lease of `address`, if all of this is the holder's: client identifier, hardware address, the frame's source where
    the client is on our link; and if it was said to this server."""
    lease = book.at(_ADDRESS4, address)
    identity, arrival = asked.identity, asked.arrival
    if lease is None or lease.state is not _BOUND or not asked.is_ours(asked.option(Option4.SERVER_IDENTIFIER)):
        return None
    if (lease.client, lease.hardware) != (identity.client, identity.hardware):
        return None
    if asked.direct and arrival.hardware and arrival.hardware != asked.packet.chaddr:
        return None
    return lease


def _inform(asked: Asked) -> Outcome:
    """§4.3.5: parameters for a client that has an address in one of our subnets; sent to that address and nowhere else."""
    ciaddr, source = asked.packet.ciaddr, asked.arrival.source
    if asked.relay is None and source != ZERO and ciaddr not in (ZERO, source):
        return Outcome("inform-unknown")
    address = ciaddr if ciaddr != ZERO or asked.relay is not None else source
    scope = asked.scope_of(address) if address != ZERO else asked.scopes[0]
    if scope is None or (address == ZERO and asked.relay is None):
        return Outcome("inform-unknown")
    return Outcome("informed", inform_reply(asked, scope, address))
