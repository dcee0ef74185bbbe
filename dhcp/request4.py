"""REQUEST in the four states a client can be in (RFC 2131 §4.3.2, table 4).

state         server id   option 50   ciaddr
SELECTING     there       there       0
INIT-REBOOT   –           there       0
RENEWING      –           –           there, by unicast
REBINDING     –           –           there, by broadcast
"""

from dhcp.asked4 import EVERYBODY, ZERO, Asked
from dhcp.book import LeaseBook
from dhcp.grant4 import drop_offers, grant, needs_probe, offer, probe, room
from dhcp.plan import Scope
from dhcp.pools import is_allowed, may_have
from dhcp.reply4 import lease_reply, refusal
from dhcp.values import Address, Kind, Lease, LeaseChange, Outcome, State
from wire.dhcp.codes4 import MessageType4, Option4
from wire.units import Epoch

_ADDRESS4, _ACK = Kind.ADDRESS4, MessageType4.ACK
_SERVER, _REQUESTED = int(Option4.SERVER_IDENTIFIER), int(Option4.REQUESTED_ADDRESS)
"""Not looked up for each message: members of an enum cost more."""


def handle_request(asked: Asked, book: LeaseBook, now: Epoch) -> Outcome:
    """What a REQUEST leads to."""
    server = asked.option(_SERVER)
    requested, ciaddr = asked.option(_REQUESTED), asked.packet.ciaddr
    if server and not asked.is_ours(server):
        # > Servers not selected by the DHCPREQUEST message use the message as notification that the client has declined (§3.1)
        return Outcome("other-server", changes=drop_offers(book, asked))
    if server and requested:
        return _selecting(asked, book, requested, now)
    if ciaddr != ZERO:
        return _extending(asked, book, ciaddr, now)
    if requested:
        return _rebooting(asked, book, requested, now)
    return Outcome("no-address-asked")


def _selecting(asked: Asked, book: LeaseBook, address: Address, now: Epoch) -> Outcome:
    """The client chose our offer. It is bound if it can be: also if the offer has run out and nobody else got the address."""
    scope = may_have(book, asked.plan, asked.seeker(), address)
    if scope is None:
        return _no(asked, book, "wrong-address" if asked.scope_of(address) else "wrong-network")
    held = book.at(_ADDRESS4, address)
    if needs_probe(asked, held):
        return _probed(asked, book, scope, address, now)
    return _yes(asked, book, "acked", scope, address, now)


def _probed(asked: Asked, book: LeaseBook, scope: Scope, address: Address, now: Epoch) -> Outcome:
    """The link is asked first, and the address held meanwhile; there are never more of these than of other offers."""
    held = book.at(_ADDRESS4, address)
    freed = room(book, asked) if held is None else ()
    waiting = offer(asked, held, scope, address, now)
    return Outcome("probe", changes=(*freed, LeaseChange(held, waiting)), probes=(probe(asked, address),))


def _rebooting(asked: Asked, book: LeaseBook, address: Address, now: Epoch) -> Outcome:
    """The client believes that it still has an address.

    > If the DHCP server has no record of this client, then it MUST remain silent
    """
    if asked.scope_of(address) is None:
        return _no_if_authoritative(asked, book, "wrong-network")
    held = _own(book, asked, address)
    if held is not None:
        scope = is_allowed(asked.plan, asked.seeker(), address)
        if scope is None:
            return _no(asked, book, "wrong-address")
        if needs_probe(asked, held):
            return Outcome("probe", changes=(LeaseChange(held, held),), probes=(probe(asked, address),))
        return _yes(asked, book, "rebooted", scope, address, now)
    if _has_another(book, asked):
        return _no(asked, book, "wrong-address")
    if may_have(book, asked.plan, asked.seeker(), address) is None:
        return _no_if_authoritative(asked, book, "wrong-address")
    return Outcome("unknown-client")


def _extending(asked: Asked, book: LeaseBook, address: Address, now: Epoch) -> Outcome:
    """The client uses its address and wants it for longer. One that nobody else has, and that we lost or let end, it keeps, if it
    is the only one on the link that answers there."""
    if asked.scope_of(address) is None:
        return _no_if_authoritative(asked, book, "wrong-network")
    held = _own(book, asked, address)
    scope = may_have(book, asked.plan, asked.seeker(), address)
    if held is not None and held.state is State.BOUND and scope is not None:
        why = "rebound" if asked.arrival.destination == EVERYBODY else "renewed"
        return _yes(asked, book, why, scope, address, now)
    if (held is not None and scope is None) or _has_another(book, asked):
        return _no(asked, book, "wrong-address")
    if scope is None or not asked.plan.settings.authoritative:
        return _no_if_authoritative(asked, book, "wrong-address")
    if needs_probe(asked, held):
        return _probed(asked, book, scope, address, now)
    return _yes(asked, book, "recovered", scope, address, now)


def _own(book: LeaseBook, asked: Asked, address: Address) -> Lease | None:
    held = book.at(_ADDRESS4, address)
    if held is None or held.state is State.QUARANTINED or held.client != asked.identity.client:
        return None
    return held


def _has_another(book: LeaseBook, asked: Asked) -> bool:
    """True if the client has a lease on this link: then we know what its address is."""
    held = book.of_client(_ADDRESS4, asked.identity.client)
    return any(lease.state is State.BOUND and asked.scope_of(lease.address) is not None for lease in held)


def _yes(asked: Asked, book: LeaseBook, why: str, scope: Scope, address: Address, now: Epoch) -> Outcome:
    lease, changes = grant(book, asked, scope, address, now)
    reply = lease_reply(asked, _ACK, scope, address, lease.duration, lease.name)
    # As Outcome(...) makes it, and cheaper.
    return tuple.__new__(Outcome, (why, reply, changes, ()))


_TEXTS = {
    "wrong-network": b"that address belongs to another network",
    "wrong-address": b"that address is not yours",
}
"""For option 56."""


def _no(asked: Asked, book: LeaseBook, why: str) -> Outcome:
    return Outcome(why, refusal(asked, _TEXTS[why]), drop_offers(book, asked))


def _no_if_authoritative(asked: Asked, book: LeaseBook, why: str) -> Outcome:
    return _no(asked, book, why) if asked.plan.settings.authoritative else Outcome("unknown-client")
