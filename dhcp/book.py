"""Who has what: offers, leases and quarantines, in memory. Read by whoever decides; changed by `apply` and `undo` only.

Every look costs the same with 10 leases or 20,000. Two leases cannot have one address: the address is the key.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import NamedTuple, TypeVar

from dhcp.agenda import Agenda
from dhcp.delegated import Delegated
from dhcp.identity import TAG_OCTETS, Identifier, tag
from dhcp.occupied import Occupied
from dhcp.values import Address, Kind, Lease, LeaseChange, State, Tag
from wire.units import Epoch

_QUARANTINED, _OFFERED, _BOUND, _PREFIX6 = State.QUARANTINED, State.OFFERED, State.BOUND, Kind.PREFIX6
"""Not looked up for each message: members of an enum cost more."""
QUARANTINE, LONGEST_QUARANTINE = 600, 86_400
"""Seconds: the first one, and what it doubles up to."""
OFFER_SECONDS = 30
"""What an offer is held for."""
DECLINED_WITHIN = 120
"""Seconds after which nobody finds out any more that what we gave is in use; who says so then wants to harm the holder."""
ABANDONED = 2
"""Seconds after which an offer that nobody came back for makes room for another, if there is none otherwise."""
_CONFLICTS = 1_024
"""Addresses whose conflicts are remembered after their quarantine."""
_LOOKS = 16
"""Leases looked at to take one back."""

_SPARSE_BLOCK = 16
"""IPv6 addresses lie far apart: small blocks, as most have one mark."""

_Key = TypeVar("_Key")
One = Lease | tuple[Lease, ...]
"""A lease, or several: most clients have one, and a tuple around each would cost 50 octets."""


class Taken(NamedTuple):
    """How many addresses or prefixes of a subnet are not free, and how many of them changing devices have."""

    total: int = 0
    changing: int = 0


_NONE_TAKEN = Taken()


class Mismatch(RuntimeError):
    """A change was applied to a book that does not hold what the change began with: a mistake of ours, never a client's."""


class LeaseBook:
    """All leases of the server.

    `key`: 32 random octets, the same for as long as leases are to be found again. `leases`: what the store had; of two with one
    address the later is kept.
    """

    def __init__(self, key: bytes, leases: Iterable[Lease] = ()) -> None:
        self.key = key
        self._offered: dict[Kind, OrderedDict[Address, None]] = {kind: OrderedDict() for kind in Kind}
        """The offers of each kind, the oldest first."""
        self._held: dict[Kind, dict[Address, Lease]] = {kind: {} for kind in Kind}
        self._clients: dict[Tag, One] = {}
        self._names: dict[str, One] = {}
        self._taken: dict[tuple[Kind, str], Taken] = {}
        self._occupied = {Kind.ADDRESS4: Occupied(), Kind.ADDRESS6: Occupied(_SPARSE_BLOCK)}
        self.delegated = Delegated()
        """The prefixes that are not free."""
        self._ends = Agenda(self._end_of)
        self._idle: dict[tuple[Kind, str, bool], Agenda] = {}
        """By kind, subnet and whether they are least likely to come again."""
        self._conflicts: OrderedDict[tuple[Kind, Address], int] = OrderedDict()
        for lease in leases:
            if (held := self.at(lease.kind, lease.address)) is not None:
                self._drop(held)
            self._put(None, lease)

    # looking

    def tag(self, what: Identifier, raw: bytes) -> Tag:
        """What stands for an identifier here."""
        return tag(self.key, what, raw)

    def at(self, kind: Kind, address: Address) -> Lease | None:
        """What is held of an address or prefix: an offer, a lease, a quarantine."""
        return self._held[kind].get(address)

    def of_client(self, kind: Kind, client: Tag, iaid: int = 0) -> tuple[Lease, ...]:
        """Offers and leases of a client (of an identity association of it), quarantines not."""
        held = self._clients.get(client)
        if held is None:
            return ()
        if isinstance(held, Lease):
            return (held,) if held.kind is kind and held.iaid == iaid else ()
        return tuple(lease for lease in held if lease.kind is kind and lease.iaid == iaid)

    def all_of(self, client: Tag) -> tuple[Lease, ...]:
        """Offers and leases of a client, whatever their kind and identity association."""
        return _several(self._clients.get(client))

    def knows(self, client: Tag) -> bool:
        """True if there is an offer or a lease of a client."""
        return client in self._clients

    def all_named(self, name: str) -> tuple[Lease, ...]:
        """Every lease with this name: of one device, IPv4 and IPv6."""
        return _several(self._names.get(name))

    def taken(self, kind: Kind, subnet: str) -> Taken:
        """How many are not free."""
        return self._taken.get((kind, subnet), _NONE_TAKEN)

    def free(self, kind: Kind, start: int, last: int) -> int | None:
        """The first IPv4 or IPv6 address from `start` to `last`, as numbers, that nobody has."""
        return self._occupied[kind].free(start, last)

    def longest_idle(self, kind: Kind, subnet: str, fits: Callable[[Lease], bool] | None = None) -> Lease | None:
        """Of changing devices' leases and of quarantines there, the one not seen for longest; if there is none, of leases that
        were never renewed. None that is probed already. Only so many are looked at as one packet may cost."""
        held = self._held[kind]
        for fleeting in (True, False):
            agenda = self._idle.get((kind, subnet, fleeting))
            for key in agenda.some(_LOOKS) if agenda is not None else ():
                if fits is None or fits(held[key[2]]):
                    return held[key[2]]
        return None

    def abandoned(self, kind: Kind, now: Epoch, fits: Callable[[Lease], bool] | None = None) -> Lease | None:
        """The oldest offer, if its client did not come back for it at once. Only so many are looked at as one packet may cost."""
        for lease in islice(self.oldest_offers(kind), _LOOKS):
            if now - lease.seen >= ABANDONED and (fits is None or fits(lease)):
                return lease
        return None

    def oldest_offers(self, kind: Kind) -> Iterator[Lease]:
        """The oldest first. Not to be changed meanwhile."""
        held = self._held[kind]
        return (held[address] for address in self._offered[kind])

    def offered(self, kind: Kind) -> int:
        """Offers held of a kind."""
        return len(self._offered[kind])

    @property
    def offers(self) -> int:
        """Offers held."""
        return sum(map(len, self._offered.values()))

    def conflicts(self, kind: Kind, address: Address) -> int:
        """How often in a row an address was put into quarantine, up to now."""
        held = self.at(kind, address)
        if held is not None and held.state is _QUARANTINED:
            return held.renewals + 1
        return self._conflicts.get((kind, address), 0)

    def leases(self) -> Iterator[Lease]:
        """All of it, offers and quarantines too. Not to be changed meanwhile."""
        for held in self._held.values():
            yield from held.values()

    def __len__(self) -> int:
        addresses4, addresses6, prefixes = self._held.values()
        return len(addresses4) + len(addresses6) + len(prefixes)

    # time

    @property
    def next_end(self) -> Epoch | None:
        """When the next of them ends."""
        entry = self._ends.first()
        return None if entry is None else Epoch(entry[0])

    def expire(self, now: Epoch) -> tuple[LeaseChange, ...]:
        """The ends that are due: to be applied, written and published like any change."""
        return tuple(LeaseChange(self._held[kind][address], None) for _, kind, address in self._ends.until(now))

    # changing

    def apply(self, changes: Iterable[LeaseChange]) -> None:
        """Make them so, one after another. Raises `Mismatch` at the first whose `before` is not what is held."""
        for before, after in changes:
            self._turn(before, after)
            if before is not None and before.state is _QUARANTINED:
                self._remember_conflict(before)
            elif after is not None and after.state is _BOUND and after.renewals:
                self._conflicts.pop((after.kind, after.address), None)

    def undo(self, changes: Iterable[LeaseChange]) -> None:
        """Take applied changes back, the last first; the book is as it was. Raises `Mismatch`."""
        for before, after in reversed(tuple(changes)):
            self._turn(after, before)

    def _turn(self, before: Lease | None, after: Lease | None) -> None:
        lease = after if after is not None else before
        if lease is None:
            return
        if before is not None and after is not None and before[:3] != after[:3]:
            raise Mismatch("a change is about one address or prefix, which keeps its kind and length")
        held = self._held[lease.kind].get(lease.address)
        if held is not before and held != before:
            raise Mismatch("the book does not hold what the change began with")
        if after is not None:
            self._put(held, after)
        elif held is not None:
            self._drop(held)

    def _put(self, before: Lease | None, after: Lease) -> None:
        kind, address = after.kind, after.address
        if before is None:
            self._mark(after)
            self._count(after, 1)
        else:
            self._unlist(before)
            if before.subnet != after.subnet or before.changing != after.changing:
                self._count(before, -1)
                self._count(after, 1)
        self._held[kind][address] = after
        self._list(after)
        if before is None or after.until < before.until:
            self._ends.put(after.until, kind, address)
            self._ends.trim(len(self))
        if _may_be_reclaimed(after) and (
            before is None
            or not _may_be_reclaimed(before)
            or after.seen < before.seen
            or _bench(after) != _bench(before)
        ):
            self._watch(after)

    def _drop(self, lease: Lease) -> None:
        self._unlist(lease)
        self._count(lease, -1)
        del self._held[lease.kind][lease.address]
        if lease.kind is _PREFIX6:
            self.delegated.clear(lease.address, lease.length)
        else:
            self._occupied[lease.kind].clear(int.from_bytes(lease.address, "big"))

    def _mark(self, lease: Lease) -> None:
        if lease.kind is _PREFIX6:
            self.delegated.mark(lease.address, lease.length)
        else:
            self._occupied[lease.kind].mark(int.from_bytes(lease.address, "big"))

    def _count(self, lease: Lease, step: int) -> None:
        """One more of its subnet is not free, or one less."""
        place = (lease.kind, lease.subnet)
        total, changing = self._taken.get(place, _NONE_TAKEN)
        if total + step:
            self._taken[place] = tuple.__new__(Taken, (total + step, changing + step * lease.changing))
        else:
            del self._taken[place]

    def _list(self, lease: Lease) -> None:
        state = lease.state
        if state is _OFFERED:
            self._offered[lease.kind][lease.address] = None
        elif state is _QUARANTINED:
            return
        _add(self._clients, lease.client, lease)
        if lease.name:
            _add(self._names, lease.name, lease)

    def _unlist(self, lease: Lease) -> None:
        state = lease.state
        if state is _OFFERED:
            del self._offered[lease.kind][lease.address]
        elif state is _QUARANTINED:
            return
        _remove(self._clients, lease.client, lease)
        if lease.name:
            _remove(self._names, lease.name, lease)

    def _watch(self, lease: Lease) -> None:
        bench = _bench(lease)
        agenda = self._idle.get(bench)
        if agenda is None:
            agenda = self._idle[bench] = Agenda(partial(self._idle_since, bench))
        agenda.put(lease.seen, lease.kind, lease.address)
        agenda.trim(self.taken(lease.kind, lease.subnet).total)

    def _remember_conflict(self, lease: Lease) -> None:
        self._conflicts[lease.kind, lease.address] = lease.renewals + 1
        self._conflicts.move_to_end((lease.kind, lease.address))
        if len(self._conflicts) > _CONFLICTS:
            self._conflicts.popitem(last=False)

    def _end_of(self, kind: Kind, address: Address) -> float | None:
        lease = self._held[kind].get(address)
        return None if lease is None else lease.until

    def _idle_since(self, bench: tuple[Kind, str, bool], kind: Kind, address: Address) -> float | None:
        lease = self._held[kind].get(address)
        return lease.seen if lease is not None and _may_be_reclaimed(lease) and _bench(lease) == bench else None


def checked(offer: Lease) -> LeaseChange:
    """Nobody answered the probe for an offer."""
    return LeaseChange(offer, offer._replace(checked=True))


def conflict(book: LeaseBook, lease: Lease, now: Epoch) -> LeaseChange:
    """What is offered or leased is used by somebody who was not given it: nobody gets it for a while, and for longer each time:
    10 minutes, 20, ... up to a day."""
    before = book.conflicts(lease.kind, lease.address)
    span = min(QUARANTINE << min(before, 16), LONGEST_QUARANTINE)
    after = lease._replace(
        state=_QUARANTINED,
        since=now,
        seen=now,
        until=Epoch(now + span),
        duration=span,
        renewals=before,
        changing=False,
        name="",
        checked=False,
        wanted=b"",
        identifier=b"",
    )
    return LeaseChange(book.at(lease.kind, lease.address), after)


def silent(book: LeaseBook, kind: Kind, address: Address, now: Epoch) -> tuple[LeaseChange, ...]:
    """Nobody answered a probe: an offer is `checked`; a lease whose holder was looked for (`wanted`) ends, or a quarantine, and
    whoever waited for it has an offer of it. Empty if the book has moved on."""
    held = book.at(kind, address)
    if held is None:
        return ()
    if held.state is _OFFERED:
        return () if held.checked else (checked(held),)
    if not held.wanted:
        return ()
    offer = held._replace(
        client=held.wanted[:TAG_OCTETS],
        hardware=b"",
        iaid=int.from_bytes(held.wanted[TAG_OCTETS:], "big"),
        state=_OFFERED,
        since=now,
        seen=now,
        until=Epoch(now + OFFER_SECONDS),
        duration=0,
        renewals=0,
        changing=True,
        name="",
        checked=True,
        wanted=b"",
        identifier=b"",
    )
    return (LeaseChange(held, offer),)


def answered(book: LeaseBook, kind: Kind, address: Address, now: Epoch) -> tuple[LeaseChange, ...]:
    """Somebody answered a probe: an offer's address goes into quarantine; who was looked for was seen now."""
    held = book.at(kind, address)
    if held is None:
        return ()
    if held.state is _OFFERED:
        return (conflict(book, held, now),)
    return (LeaseChange(held, held._replace(seen=now, wanted=b"")),) if held.wanted else ()


def _may_be_reclaimed(lease: Lease) -> bool:
    state = lease.state
    return (
        state is not _OFFERED and not lease.wanted and (state is _QUARANTINED or lease.changing or not lease.renewals)
    )


def _bench(lease: Lease) -> tuple[Kind, str, bool]:
    """Among whom it waits to be asked back."""
    return lease.kind, lease.subnet, lease.changing or lease.state is _QUARANTINED


def _several(value: One | None) -> tuple[Lease, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, Lease) else value


def _add(index: dict[_Key, One], key: _Key, lease: Lease) -> None:
    held = index.setdefault(key, lease)
    if held is not lease:
        index[key] = (*_several(held), lease)


def _remove(index: dict[_Key, One], key: _Key, lease: Lease) -> None:
    held = index[key]
    if held is lease:
        del index[key]
        return
    rest = tuple(other for other in _several(held) if other is not lease)
    if rest:
        index[key] = rest[0] if len(rest) == 1 else rest
    else:
        del index[key]
