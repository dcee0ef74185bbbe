"""Turning an offer into a lease, and a lease into a longer one."""

from dhcp.asked4 import Asked
from dhcp.book import OFFER_SECONDS, LeaseBook
from dhcp.classes import Share
from dhcp.hostnames import Claimant, claim, freed
from dhcp.plan import Scope
from dhcp.values import Address, Kind, Lease, LeaseChange, Probe, State
from wire.dhcp.codes4 import Option4
from wire.units import Epoch

MIN_ASKED = 60
"""Seconds of the shortest lease a client can ask for."""
_PROVEN = 0.4
"""Of a lease's time: who comes back after less of it has not proved that it stays (clients renew after half)."""
_DOUBLINGS = 24
_LONGEST_NAME = 251
"""Letters of a label and a domain without dots at their end that make a name of 255 octets (RFC 1035 §2.3.4)."""


def duration_of(asked: Asked, share: Share, renewals: int) -> int:
    """Seconds to grant. A changing device without a reservation begins with `changing_time`, doubled for each renewal; a
    client can ask for less than it would get (option 51), never for more."""
    longest = share.lease_time
    if asked.is_changing:
        longest = min(longest, share.subnet.changing_time << min(renewals, _DOUBLINGS))
    wanted = asked.option(Option4.LEASE_TIME)
    if wanted:
        return min(longest, max(MIN_ASKED, int.from_bytes(wanted, "big")))
    return longest


def offer(asked: Asked, held: Lease | None, scope: Scope, address: Address, now: Epoch) -> Lease:
    """What is held for 30 seconds for a client that is told of `address`."""
    share = asked.share(scope)
    return _lease(asked, share, address, now)._replace(
        until=Epoch(now + OFFER_SECONDS),
        duration=duration_of(asked, share, 0),
        checked=held is not None and held.checked,
    )


def _lease(asked: Asked, share: Share, address: Address, now: Epoch) -> Lease:
    """The part of a lease that offers have too."""
    identity = asked.identity
    return Lease(
        Kind.ADDRESS4, address, 32, identity.client, identity.hardware, 0, share.subnet.name, State.OFFERED, now, now, now, 0,
        changing=asked.is_changing,
    )  # fmt: skip


def needs_probe(asked: Asked, held: Lease | None) -> bool:
    """True if the link has to be asked before the client gets this: it is on a link of ours, and nobody has checked yet."""
    return (
        asked.direct
        and asked.plan.settings.conflict_check
        and (held is None or (held.state is State.OFFERED and not held.checked))
    )


def probe(asked: Asked, address: Address) -> Probe:
    """The question to the link. What the client itself answers is no conflict."""
    return Probe(asked.arrival.interface, address, asked.packet.chaddr)


def foresee(book: LeaseBook, asked: Asked, scope: Scope, address: Address, now: Epoch) -> Lease:
    """The lease as `grant` would make it now: what an offer tells."""
    return _granted(book, asked, book.at(Kind.ADDRESS4, address), asked.share(scope), (address, now))[0]


def grant(
    book: LeaseBook, asked: Asked, scope: Scope, address: Address, now: Epoch
) -> tuple[Lease, tuple[LeaseChange, ...]]:
    """The client's lease from now on, and all that changes with it. `address` is free or the client's own."""
    held = book.at(Kind.ADDRESS4, address)
    lease, taken = _granted(book, asked, held, asked.share(scope), (address, now))
    return lease, (*taken, *_others(book, asked, address), LeaseChange(held, lease))


def _granted(
    book: LeaseBook, asked: Asked, held: Lease | None, share: Share, given: tuple[Address, Epoch]
) -> tuple[Lease, tuple[LeaseChange, ...]]:
    address, now = given
    since, renewals = now, 0
    if held is not None and held.state is State.BOUND and held.client == asked.identity.client:
        since, renewals = held.since, held.renewals
        if now - since >= _PROVEN * duration_of(asked, share, renewals):
            renewals += 1
    name, taken = _name(book, asked, share)
    duration = duration_of(asked, share, renewals)
    lease = _lease(asked, share, address, now)._replace(
        state=State.BOUND,
        since=since,
        until=Epoch(now + duration),
        duration=duration,
        renewals=renewals,
        name=name,
        identifier=_identifier(asked),
    )
    return lease, taken


def drop_offers(book: LeaseBook, asked: Asked, but: Address = b"") -> tuple[LeaseChange, ...]:
    """The end of what was offered to the client and is not chosen."""
    return tuple(
        LeaseChange(lease, None)
        for lease in book.of_client(Kind.ADDRESS4, asked.identity.client)
        if lease.state is State.OFFERED and lease.address != but
    )


def _others(book: LeaseBook, asked: Asked, address: Address) -> list[LeaseChange]:
    """A client that has a lease has no offers any more, and its name is where it was seen last."""
    held = book.of_client(Kind.ADDRESS4, asked.identity.client)
    changes: list[LeaseChange] = []
    for lease in held:
        if lease.address != address and lease.state is State.OFFERED:
            changes.append(LeaseChange(lease, None))
        elif lease.address != address and lease.name:
            changes.append(LeaseChange(lease, lease._replace(name="")))
    return changes


def _name(book: LeaseBook, asked: Asked, share: Share) -> tuple[str, tuple[LeaseChange, ...]]:
    """The name that is published for the client, and what takes it from others if it is the client's by configuration."""
    if not asked.plan.settings.names or not share.named:
        return "", ()
    claimant = Claimant(asked.identity.client, asked.identity.hardware)
    if asked.reservation is not None and asked.reservation.name:
        name = asked.reservation.name.lower()
        return name, freed(book, name, claimant)
    if asked.refuses_names:
        return "", ()
    name = claim(book, asked.label, claimant, asked.plan.unclaimable)
    return name if len(name) + len(asked.plan.domain_of(share.subnet.name)) <= _LONGEST_NAME else "", ()


def _identifier(asked: Asked) -> bytes:
    if not asked.plan.settings.store_identifiers:
        return b""
    return asked.identity.identifier or asked.packet.chaddr
