"""Choosing an IPv4 address for a client.

In this order: the one reserved for it, the one it has, the one it asks for, one by lot. The lot is a keyed hash of the
client: the same client begins at the same place each time, so it mostly gets the address it had, and nobody else learns
anything from it. When nothing is free for a client, and before that when nine tenths are taken, somebody's address is taken back
if a probe finds nobody there (`dhcp/reclaim.py`); then one that was offered to somebody who did not come back. So devices that
will not come again cannot fill a pool, and nobody who is there loses anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from dhcp.book import LeaseBook
from dhcp.identity import Identifier, Identity, tag
from dhcp.plan import Plan, Scope, Span, own_first
from dhcp.reclaim import JUST_SEEN, gone_perhaps, is_nearly_full
from dhcp.settings import Reservation
from dhcp.values import Address, Kind, Lease, State, Tag
from wire.units import Epoch

_ADDRESS4, _QUARANTINED, _BOUND = Kind.ADDRESS4, State.QUARANTINED, State.BOUND
_DRAW = Identifier.DRAW
"""Not looked up for each message: members of an enum cost more."""
_ALL = 100
"""Percent."""


@dataclass(slots=True)
class Seeker:
    """Who looks for an address, and among what. Never changed, as `Asked`."""

    identity: Identity
    scopes: tuple[Scope, ...]
    """The subnets on its link, in the order they are to be tried."""
    classes: frozenset[str]
    reservation: Reservation | None
    requested: Address
    """Option 50, or empty."""
    own: frozenset[Address]
    """Our addresses."""
    may_probe: bool
    """Whether an address can be asked for on its link."""


class Choice(NamedTuple):
    """An address, or why there is none."""

    why: str
    scope: Scope | None = None
    address: Address = b""
    holder: Lease | None = None
    """Somebody's lease: it is this client's if a probe finds that the holder has left."""


def choose(book: LeaseBook, plan: Plan, seeker: Seeker, now: Epoch) -> Choice:
    """The address for a client that has to be offered one."""
    return (
        _reserved(book, seeker, now)
        or _had(book, plan, seeker)
        or _asked(book, plan, seeker)
        or _by_lot(book, plan, seeker, now)
    )


def may_have(book: LeaseBook, plan: Plan, seeker: Seeker, address: Address) -> Scope | None:
    """The subnet of `address`, if this client may have it now: reserved for it, or in a pool for it, and nobody else's; for a
    changing device that does not have it yet, if its kind has not got its share."""
    held = book.at(_ADDRESS4, address)
    if held is not None and (held.state is _QUARANTINED or held.client != seeker.identity.client):
        return None
    scope = is_allowed(plan, seeker, address)
    return None if scope is None or (held is None and _over_share(book, scope, seeker)) else scope


def is_allowed(plan: Plan, seeker: Seeker, address: Address) -> Scope | None:
    """The subnet of `address`, if the configuration lets this client have it, whoever has it now."""
    scope = _fitting(seeker, address)
    if scope is None or address in seeker.own:
        return None
    if seeker.reservation is not None and seeker.reservation.address4 == address:
        return scope
    number = int.from_bytes(address, "big")
    if number in scope.never:
        return None
    for span in scope.usable(seeker.classes):
        if span.first <= number <= span.last:
            return scope
    return None


def _fitting(seeker: Seeker, address: Address) -> Scope | None:
    """The first of the client's subnets in which a host can have this address."""
    for scope in seeker.scopes:
        if scope.fits(address):
            return scope
    return None


def _reserved(book: LeaseBook, seeker: Seeker, now: Epoch) -> Choice | None:
    """Its reservation, if it is on this link and nobody is in it: several devices may have one reservation, one at a time."""
    address = seeker.reservation.address4 if seeker.reservation is not None else b""
    scope = _fitting(seeker, address) if address else None
    if scope is None or address in seeker.own:
        return None
    held = book.at(_ADDRESS4, address)
    if held is None or (held.client == seeker.identity.client and held.state is not _QUARANTINED):
        return Choice("reserved", scope, address)
    if held.state is _BOUND and not held.wanted and seeker.may_probe and now - held.seen >= JUST_SEEN:
        return Choice("reserved", scope, address, held)
    return None


def _had(book: LeaseBook, plan: Plan, seeker: Seeker) -> Choice | None:
    """A lease or an offer that it has, the lease first."""
    held = book.of_client(_ADDRESS4, seeker.identity.client)
    for lease in sorted(held, key=lambda lease: -lease.state) if len(held) > 1 else held:
        scope = is_allowed(plan, seeker, lease.address)
        if scope is not None:
            return Choice("known", scope, lease.address)
    return None


def _asked(book: LeaseBook, plan: Plan, seeker: Seeker) -> Choice | None:
    address = seeker.requested
    if not address or book.at(_ADDRESS4, address) is not None:
        return None
    scope = is_allowed(plan, seeker, address)
    if scope is None or _over_share(book, scope, seeker):
        return None
    return Choice("requested", scope, address)


def _by_lot(book: LeaseBook, plan: Plan, seeker: Seeker, now: Epoch) -> Choice:
    why = ""
    for scope in seeker.scopes:
        if _over_share(book, scope, seeker):
            why = "share-full" if scope.usable(seeker.classes) else why
            continue
        nearly = is_nearly_full(book, _ADDRESS4, scope)
        if nearly and (holder := _gone(book, plan, scope, seeker, now, nearly)) is not None:
            return Choice("reclaim", scope, holder.address, holder)
        address = draw(book, scope, seeker)
        if address is not None:
            # As Choice(...) makes it, and cheaper.
            return tuple.__new__(Choice, ("lot", scope, address, None))
    for scope in seeker.scopes:
        holder = _gone(book, plan, scope, seeker, now)
        if holder is not None:
            return Choice("reclaim", scope, holder.address, holder)
    if not why:
        why = "pool-full" if any(scope.usable(seeker.classes) for scope in seeker.scopes) else "no-pool"
    return _abandoned(book, plan, seeker, now) or Choice(why)


def _abandoned(book: LeaseBook, plan: Plan, seeker: Seeker, now: Epoch) -> Choice | None:
    """What was offered to somebody who does not come back for it: so nobody holds a whole pool by asking alone."""

    def fits(lease: Lease) -> bool:
        scope = is_allowed(plan, seeker, lease.address)
        return scope is not None and (lease.changing or not _over_share(book, scope, seeker))

    offer = book.abandoned(_ADDRESS4, now, fits)
    return None if offer is None else Choice("lot", is_allowed(plan, seeker, offer.address), offer.address)


def draw(book: LeaseBook, scope: Scope, seeker: Seeker) -> Address | None:
    """The first free address from the client's place on, in the pools of its classes, then in those of all."""
    lot = place(book.key, seeker.identity.client, scope.subnet.name)
    for some in (scope.spans,) if scope.for_all else own_first(scope.usable(seeker.classes)):
        if some:
            size = scope.size if scope.for_all else sum([span.size for span in some])
            found = _from(book, some, lot % size, (scope.never, seeker.own))
            if found is not None:
                return found.to_bytes(4, "big")
    return None


def place(key: bytes, client: Tag, subnet: str) -> int:
    """Where a client's search in a subnet begins: 64 bits that say nothing without the key."""
    return int.from_bytes(tag(key, _DRAW, client + subnet.encode())[:8], "big")


def _from(
    book: LeaseBook, spans: Sequence[Span], offset: int, taken: tuple[frozenset[int], frozenset[Address]]
) -> int | None:
    """The first free number at or behind `offset`, counted over all spans, and then from the beginning up to it. `taken`: numbers
    and addresses that are nobody's to have."""
    never, own = taken
    if len(spans) == 1:
        # Most pools are one, and most lots are free.
        number = book.free(_ADDRESS4, spans[0].first + offset, spans[0].last)
        if number is not None and number not in never and number.to_bytes(4, "big") not in own:
            return number
    behind: list[tuple[int, int]] = []
    before: list[tuple[int, int]] = []
    for span in spans:
        cut = span.first + max(0, min(offset, span.size))
        offset -= span.size
        behind.append((cut, span.last))
        before.append((span.first, cut - 1))
    for first, last in (*behind, *before):
        number = book.free(_ADDRESS4, first, last)
        while number is not None and (number in never or number.to_bytes(4, "big") in own):
            number = book.free(_ADDRESS4, number + 1, last)
        if number is not None:
            return number
    return None


def _over_share(book: LeaseBook, scope: Scope, seeker: Seeker) -> bool:
    """True if this is one more changing device than have a part of the pools."""
    return seeker.identity.changing and seeker.reservation is None and has_its_share(book, _ADDRESS4, scope)


def has_its_share(book: LeaseBook, kind: Kind, scope: Scope) -> bool:
    """True if changing devices have their part of the pools."""
    share = scope.subnet.changing_share
    return share < _ALL and book.taken(kind, scope.subnet.name).changing * _ALL >= share * scope.size


def _gone(book: LeaseBook, plan: Plan, scope: Scope, seeker: Seeker, now: Epoch, nearly: bool = False) -> Lease | None:
    """Whose lease or quarantine is to end, if nobody answers there. Who has its share gets no more of it in this way."""
    if not seeker.may_probe:
        return None
    over = _over_share(book, scope, seeker)

    def may_have(lease: Lease) -> bool:
        allowed = is_allowed(plan, seeker, lease.address) is not None
        return allowed and lease.address not in plan.by_address and (lease.changing or not over)

    return gone_perhaps(book, _ADDRESS4, scope, now, may_have, nearly)
