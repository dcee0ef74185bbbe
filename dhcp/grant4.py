"""Turning an offer into a lease, and a lease into a longer one."""

from itertools import islice
from typing import NamedTuple

from dhcp.asked4 import Asked
from dhcp.book import OFFER_SECONDS, LeaseBook
from dhcp.classes import Share
from dhcp.hostnames import Claimant, freed, published
from dhcp.plan import Scope
from dhcp.values import Address, Kind, Lease, LeaseChange, Probe, State
from wire.dhcp.codes4 import Option4
from wire.units import Epoch

_ADDRESS4, _OFFERED, _BOUND = Kind.ADDRESS4, State.OFFERED, State.BOUND
_LEASE_TIME = int(Option4.LEASE_TIME)
"""Looking up a member of an enum costs more."""
MIN_ASKED = 60
"""Seconds of the shortest lease a client can ask for."""
_PROVEN = 0.4
"""Of a lease's time: who comes back after less of it has not proved that it stays (clients renew after half)."""


def duration_of(asked: Asked, share: Share, renewals: int) -> int:
    """Seconds to grant. A client can ask for less than it would get (option 51), never for more."""
    longest = share.time_for(asked.is_changing, renewals)
    wanted = asked.option(_LEASE_TIME)
    if wanted:
        return min(longest, max(MIN_ASKED, int.from_bytes(wanted, "big")))
    return longest


def offer(
    asked: Asked, held: Lease | None, scope: Scope, address: Address, now: Epoch, duration: int | None = None
) -> Lease:
    """What is held for 30 seconds for a client that is told of `address`. `duration`: what `duration_of` says of a first lease,
    if it was asked before."""
    identity, until = asked.identity, Epoch(now + OFFER_SECONDS)
    if duration is None:
        duration = duration_of(asked, asked.share(scope), 0)
    # As Lease(...) makes it, and cheaper; below, too.
    return tuple.__new__(Lease, (
        _ADDRESS4, address, 32, identity.client, identity.hardware, 0, scope.subnet.name, _OFFERED, now, now, until,
        duration, 0, asked.is_changing, "", held is not None and held.checked, b"", b"",
    ))  # fmt: skip


def needs_probe(asked: Asked, held: Lease | None) -> bool:
    """True if the link has to be asked before the client gets this: it is on a link of ours, and nobody has checked yet."""
    return (
        asked.direct
        and asked.plan.settings.conflict_check
        and (held is None or (held.state is _OFFERED and not held.checked))
    )


def probe(asked: Asked, address: Address) -> Probe:
    """The question to the link. What the client itself answers is no conflict."""
    return Probe(asked.arrival.interface, address, asked.packet.chaddr)


class Terms(NamedTuple):
    """How a client has its lease from now on."""

    since: Epoch
    renewals: int
    duration: int
    """Seconds."""
    name: str


def foresee(book: LeaseBook, asked: Asked, held: Lease | None, scope: Scope, now: Epoch) -> Terms:
    """The lease as `grant` would make it now of what is `held` of an address: what an offer tells."""
    return _terms(book, asked, held, asked.share(scope), now)


def grant(
    book: LeaseBook, asked: Asked, scope: Scope, address: Address, now: Epoch
) -> tuple[Lease, tuple[LeaseChange, ...]]:
    """The client's lease from now on, and all that changes with it. `address` is free or the client's own."""
    held = book.at(_ADDRESS4, address)
    share, identity = asked.share(scope), asked.identity
    since, renewals, duration, name = _terms(book, asked, held, share, now)
    lease = tuple.__new__(Lease, (
        _ADDRESS4, address, 32, identity.client, identity.hardware, 0, share.subnet.name, _BOUND, since, now,
        Epoch(now + duration), duration, renewals, asked.is_changing, name, False, b"", _identifier(asked),
    ))  # fmt: skip
    taken = freed(book, name, Claimant(identity.client, identity.hardware)) if name else ()
    return lease, (*taken, *_others(book, asked, address), tuple.__new__(LeaseChange, (held, lease)))


def _terms(book: LeaseBook, asked: Asked, held: Lease | None, share: Share, now: Epoch) -> Terms:
    since, renewals = now, 0
    if held is not None and held.state is _BOUND and held.client == asked.identity.client:
        since, renewals = held.since, held.renewals
        if now - since >= _PROVEN * duration_of(asked, share, renewals):
            renewals += 1
    label = "" if asked.fqdn is not None and asked.refuses_names else asked.label
    name = ""
    if label or share.reservation is not None:
        claimant = Claimant(asked.identity.client, asked.identity.hardware)
        name = published(book, asked.plan, share, claimant, label)
    duration = asked.ground.bounded(duration_of(asked, share, renewals), held, now)
    return tuple.__new__(Terms, (since, renewals, duration, name))


def room(book: LeaseBook, asked: Asked) -> tuple[LeaseChange, ...]:
    """What has to go so that one more offer can be held: the oldest. Its client has had the time to choose it, unless there is a
    flood; and if nobody got the address meanwhile, it gets it all the same."""
    if book.offered(_ADDRESS4) < asked.plan.settings.offers:
        return ()
    return tuple(LeaseChange(old, None) for old in islice(book.oldest_offers(_ADDRESS4), 1))


def drop_offers(book: LeaseBook, asked: Asked, but: Address = b"") -> tuple[LeaseChange, ...]:
    """The end of what was offered to the client and is not chosen."""
    held = book.of_client(_ADDRESS4, asked.identity.client)
    if not held:
        return ()
    return tuple(LeaseChange(lease, None) for lease in held if lease.state is _OFFERED and lease.address != but)


def _others(book: LeaseBook, asked: Asked, address: Address) -> list[LeaseChange]:
    """A client that has a lease has no offers any more, and its name is where it was seen last."""
    changes: list[LeaseChange] = []
    for lease in book.of_client(_ADDRESS4, asked.identity.client):
        if lease.address != address and lease.state is _OFFERED:
            changes.append(LeaseChange(lease, None))
        elif lease.address != address and lease.name:
            changes.append(LeaseChange(lease, lease._replace(name="")))
    return changes


def _identifier(asked: Asked) -> bytes:
    if not asked.plan.settings.store_identifiers:
        return b""
    return asked.identity.identifier or asked.packet.chaddr
