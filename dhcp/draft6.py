"""What answering one DHCPv6 message is going to change: the book as it will be, before it is."""

from collections import Counter
from collections.abc import Iterable

from dhcp.asked6 import Asked6
from dhcp.book import OFFER_SECONDS, LeaseBook
from dhcp.delegated import Delegated
from dhcp.hostnames import Claimant, freed, published
from dhcp.plan import Scope
from dhcp.values import Address, Kind, Lease, LeaseChange, Probe, State
from wire.units import Epoch

MOST_LEASES = 32
"""Leases and offers of one client, of all its identity associations: no client fills a pool by counting IAIDs up."""

_PREFERRED = (5, 8)
"""The part of a valid lifetime that is preferred: after it the client keeps its connections and begins no new ones."""
_PROVEN = 0.3
"""Of a lease's time: who comes back after less of it has not proved that it stays (clients renew after 5/16 of it)."""


class Draft:
    """Changes that follow from one message, each about another address, and what has to be asked of the link first."""

    def __init__(self, book: LeaseBook, asked: Asked6, now: Epoch) -> None:
        self.book = book
        self.asked = asked
        self.now = now
        self.changes: list[LeaseChange] = []
        self.probes: list[Probe] = []
        self.why = "probe"
        """What the link is asked for."""
        self.full = False
        """An address was not offered because too many offers are held."""
        self.delegated = Delegated()
        """The prefixes chosen for this message, beside those in the book."""
        self.chosen: set[Address] = set()
        """The addresses and prefixes chosen or ended."""
        self._new: Counter[Kind] = Counter()
        self._dropped: Counter[Kind] = Counter()

    def held(self, kind: Kind, iaid: int) -> tuple[Lease, ...]:
        """What this identity association has, leases before offers."""
        found = self.book.of_client(kind, self.asked.identity.client, iaid)
        return tuple(sorted(found, key=lambda one: -one.state))

    def is_free(self, kind: Kind, address: Address) -> bool:
        """True if nobody has it, in the book or since."""
        return address not in self.chosen and self.book.at(kind, address) is None

    @property
    def may_have_more(self) -> bool:
        """True if this client can be given one more; no client fills a pool."""
        return len(self.book.all_of(self.asked.identity.client)) + self._new.total() < MOST_LEASES

    def offer(self, scope: Scope, kind: Kind, place: tuple[Address, int], iaid: int) -> Lease | None:
        """The lease the client would have; the address is held for it for 30 seconds, if it has no lease of it. None: not now."""
        held = self.book.at(kind, place[0])
        lease = self._lease(scope, kind, place, iaid, held)
        if held is not None and held.state is State.BOUND:
            self._choose(lease)
            return lease
        if held is None and not self._make_room(kind):
            self.full = True
            return None
        needed = kind is Kind.ADDRESS6 and self.asked.may_probe and not (held is not None and held.checked)
        if needed:
            self._probe(place[0])
        waiting = lease._replace(
            state=State.OFFERED,
            until=Epoch(self.now + OFFER_SECONDS),
            renewals=0,
            name="",
            checked=not needed,
            identifier=b"",
        )
        self._choose(lease)
        self._new[kind] += held is None
        self.changes.append(LeaseChange(held, waiting))
        return lease

    def look_for(self, holder: Lease, iaid: int) -> None:
        """If the holder of this address does not answer, it is for the association `iaid`."""
        wanted = self.asked.identity.client + iaid.to_bytes(4, "big")
        self._choose(holder)
        self.changes.append(LeaseChange(holder, holder._replace(wanted=wanted)))
        self._probe(holder.address)
        self.why = "reclaim"

    def _probe(self, address: Address) -> None:
        self.probes.append(Probe(self.asked.where.interface, address, self.asked.hardware))

    def _make_room(self, kind: Kind) -> bool:
        """One more offer can be held; if there are too many, the oldest of its kind goes."""
        if self.book.offered(kind) + self._new[kind] - self._dropped[kind] < self.asked.plan.base.settings.offers:
            return True
        mine = self.asked.identity.client
        for old in self.book.oldest_offers(kind):
            if old.client != mine and old.address not in self.chosen:
                self.end((old,))
                self._dropped[kind] += 1
                return True
        return False

    def bind(self, scope: Scope, kind: Kind, place: tuple[Address, int], iaid: int) -> Lease:
        """The client has it from now on. It is free, or the client's."""
        held = self.book.at(kind, place[0])
        lease = self._lease(scope, kind, place, iaid, held)
        self._choose(lease)
        self._new[kind] += held is None
        self._name(lease.name)
        self.changes.append(LeaseChange(held, lease))
        return lease

    def end(self, leases: Iterable[Lease]) -> None:
        """These are over."""
        for lease in leases:
            if lease.address not in self.chosen:
                self.chosen.add(lease.address)
                self.changes.append(LeaseChange(lease, None))

    def _choose(self, lease: Lease) -> None:
        self.chosen.add(lease.address)
        if lease.kind is Kind.PREFIX6 and self.book.at(lease.kind, lease.address) is None:
            self.delegated.mark(lease.address, lease.length)

    def _lease(self, scope: Scope, kind: Kind, place: tuple[Address, int], iaid: int, held: Lease | None) -> Lease:
        asked, now = self.asked, self.now
        since, renewals = now, 0
        if held is not None and held.state is State.BOUND:
            since, renewals = held.since, held.renewals
            # What is granted from memory is too short to prove anything.
            renewals += not asked.ground.longest and now - held.seen >= _PROVEN * held.duration
        duration = asked.ground.bounded(asked.share(scope).time_for(asked.is_changing, renewals), held, now)
        return Lease(
            kind=kind,
            address=place[0],
            length=place[1],
            client=asked.identity.client,
            hardware=asked.identity.hardware,
            iaid=iaid,
            subnet=scope.subnet.name,
            state=State.BOUND,
            since=since,
            seen=now,
            until=Epoch(now + duration),
            duration=duration,
            renewals=renewals,
            changing=asked.is_changing,
            name=self.name_for(scope) if kind is Kind.ADDRESS6 else "",
            identifier=asked.request.duid if asked.plan.base.settings.store_identifiers else b"",
        )

    def name_for(self, scope: Scope) -> str:
        """The name that is published for the client in a subnet; empty: none."""
        asked = self.asked
        label = "" if asked.refuses_names else asked.label
        return published(self.book, asked.plan.base, asked.share(scope), self._claimant, label)

    def _name(self, name: str) -> None:
        """A reserved name is taken from whoever has it."""
        for change in freed(self.book, name, self._claimant):
            if change.place[1] not in self.chosen:
                self.chosen.add(change.place[1])
                self.changes.append(change)

    @property
    def _claimant(self) -> Claimant:
        return Claimant(self.asked.identity.client, self.asked.identity.hardware)


def preferred_of(valid: int) -> int:
    """The preferred lifetime beside a valid one, seconds."""
    return valid * _PREFERRED[0] // _PREFERRED[1]
