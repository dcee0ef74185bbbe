"""What iteration has learned: contents of names, delegations, failures. Time is an argument; a ceiling in octets holds.

Ranks (RFC 2181 §5.4.1) are places here. Contents come from answers of a zone's own servers only, and only they are given
to clients. Delegations and their glue are used to find servers, for the zone that they came for, and for nothing else.
"""

from dataclasses import replace
from typing import NamedTuple, TypeVar

from resolver.cache.shelf import Shelf
from resolver.iterate.verdict import (
    Alias,
    Answer,
    Chain,
    Content,
    NameServer,
    Negative,
    Positive,
    Referral,
    RRset,
    TooLong,
)
from resolver.settings import CacheSettings
from resolver.values import Explanation
from wire.dns.codes import RecordType
from wire.dns.names import MAX_NAME, ROOT, is_below, parent, suffixes
from wire.units import Instant

MAX_SERVERS = 13
"""Name servers kept of one delegation."""

MAX_DELEGATION_TTL = 86_400
"""Seconds: a delegation is asked for again at its parent at least daily."""

LEAST_DELEGATION_TTL = 300
"""Seconds: a zone may not make us ask its parent more often than that."""

NEARLY_OVER = 0.1
"""What is left of a delegation's lifetime when a refresh of an answer below it asks the parent too."""

_NS, _CNAME, _DS = int(RecordType.NS), int(RecordType.CNAME), int(RecordType.DS)
_NOTHING_BELOW, _ABSENT, _CUT, _FAILED = -70_001, -70_000, -1, -2
"""In the place of a type, and no type's number: nothing exists at or below the name; the name does not exist; its delegation;
looking it up failed."""

_OVERHEAD = 700
"""Octets of Python objects for one entry, beside its octets; measured by tests/unit/test_resolver_rrsets.py."""


class Failed(NamedTuple):
    """No answer could be had. `cycle`: it would need itself, or look-ups too deep inside each other; asking again is no
    help. `given_up`: for whoever asked could spend no more on it, which says nothing of what was asked for. `ours`: for want of
    a place of ours, so that it may be asked again at any moment."""

    explanation: Explanation
    cycle: bool = False
    given_up: bool = False
    ours: bool = False


class Cut(NamedTuple):
    """A delegation, the instant until which it holds, and for how many seconds it holds in all."""

    referral: Referral
    expires: float
    lifetime: float = MAX_DELEGATION_TTL

    def is_ending(self, now: Instant) -> bool:
        """Whether nearly all of its time is over."""
        return self.expires - now <= NEARLY_OVER * self.lifetime


class _Entry:
    __slots__ = ("expires", "size", "stored", "value", "visited")

    def __init__(self, value: Content | Referral | Failed, lifetime: float, size: int, now: Instant) -> None:
        self.value = value
        self.stored = now
        self.expires = now + lifetime
        self.size = size
        self.visited = False


_Key = tuple[bytes, int]
C = TypeVar("C", Positive, Alias, Negative)


class RRsetMemory:
    """All of one iteration's knowledge."""

    def __init__(self, settings: CacheSettings) -> None:
        self.settings = settings
        self._entries: Shelf[_Key, _Entry] = Shelf(settings.memory)
        self._cuts_off = False

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def size(self) -> int:
        """Octets kept."""
        return self._entries.size

    @property
    def evicted(self) -> int:
        """How many entries had to go for want of room."""
        return self._entries.evicted

    # -- contents

    def store(self, name: bytes, rrtype: int, content: C, now: Instant) -> C:
        """Remember what a server of its zone said of `name` (folded); gives it back with TTLs within the limits."""
        match content:
            case Positive():
                content = replace(content, rrset=self._bounded(content.rrset), dname=self._bounded_dname(content.dname))
                self._exists(name)
                size = _size(content.rrset, *content.proof, *([content.dname] if content.dname else []))
                self._put((name, rrtype), content, content.rrset.ttl, size, now)
            case Alias(dname=dname):
                # A DNAME is kept for this name only: what it would make of others is their zone's to say, as long as
                # nothing is signed (RFC 6672 §5.3.4.1).
                bounded = self._bounded_dname(dname)
                content = replace(content, rrset=self._bounded(content.rrset), dname=bounded)
                self._exists(name)
                size = _size(content.rrset, *content.proof, *([bounded] if bounded else []))
                self._put((name, _CNAME), content, content.rrset.ttl, size, now)
            case Negative():
                content = self._put_negative((name, _ABSENT if content.absent else rrtype), content, now)
            case _:
                pass
        return content

    def store_answer(self, name: bytes, rrtype: int, answer: Answer, now: Instant) -> Answer:
        """Remember every part of what was said of `name`; gives it back with TTLs within the limits."""
        match answer:
            case Positive():
                return self.store(name, rrtype, answer, now)
            case Negative():
                return self.store(name, rrtype, answer, now)
            case Chain(links=links, end=end, target=target):
                kept = tuple(self.store(link.rrset.owner, rrtype, link, now) for link in links)
                match end:
                    case Positive():
                        end = self.store(target, rrtype, end, now)
                    case Negative():
                        end = self.store(target, rrtype, end, now)
                    case None:
                        pass
                return Chain(kept, end)
            case TooLong():
                return answer

    def store_cut_off(self, name: bytes, negative: Negative, now: Instant) -> None:
        """Nothing exists at or below `name` (RFC 8020 §2): answers for names below it are made of `negative` from now on.

        Only for what was validated: `negative` says that `name` does not exist, is secure, and its proof has no opt-out, below
        which there may be delegations. Without an SOA nothing is kept. Its proof holds for the names below as it is: what is
        denied is the same name next to the closest encloser (RFC 4035 §5.4, RFC 5155 §8.4).
        Raises ValueError if `negative` denies a type only.
        """
        if not negative.absent:
            raise ValueError("a name that exists cuts nothing off")
        self._cuts_off = True
        self._put_negative((name, _NOTHING_BELOW), negative, now)

    def _cut_off(self, name: bytes, now: Instant) -> _Entry | None:
        """What says that nothing exists at or above `name`, so not here either."""
        if not self._cuts_off:
            return None
        above = (self._fresh((one, _NOTHING_BELOW), now) for one in suffixes(name))
        return next((entry for entry in above if entry is not None), None)

    def _exists(self, name: bytes) -> None:
        """Whatever said that `name` does not exist is over."""
        self._entries.drop((name, _ABSENT))
        for one in suffixes(name) if self._cuts_off else ():
            self._entries.drop((one, _NOTHING_BELOW))

    def _put_negative(self, key: _Key, negative: Negative, now: Instant) -> Negative:
        """Keep it under `key` if there is an SOA; gives it back with its TTL within the limits."""
        if negative.soa is None:
            return negative
        # > the TTL of this record is set from the minimum of the MINIMUM field of the SOA record and the TTL of the SOA
        # > itself (RFC 2308 §3)
        ttl = self.settings.bounded_negative(min(negative.soa.ttl, _minimum(negative.soa)))
        bounded = replace(negative, soa=negative.soa._replace(ttl=ttl))
        self._put(key, bounded, ttl, _size(negative.soa, *negative.proof), now)
        return bounded

    def recall(self, name: bytes, rrtype: int, now: Instant) -> Positive | Negative | Chain | None:
        """What `name` comes to for this type, with TTLs as they are left; None if that is not known."""
        entry = self._fresh((name, rrtype), now) or self._fresh((name, _ABSENT), now)
        if entry is not None and isinstance(entry.value, Positive):
            return _aged(entry.value, int(now - entry.stored))
        if entry is not None and isinstance(entry.value, Negative):
            return _aged(entry.value, int(now - entry.stored))
        # DS is the parent's side's to say; the alias may stand at the child's apex, where it should not (RFC 4035 §3.1.4.1).
        entry = None if rrtype == _DS else self._fresh((name, _CNAME), now)
        if entry is not None and isinstance(entry.value, Alias):
            alias = _aged(entry.value, int(now - entry.stored))
            # Who asks for the alias itself does not want it followed (RFC 1034 §3.6.2).
            return Positive(alias.rrset, alias.proof, dname=alias.dname) if rrtype == _CNAME else Chain((alias,))
        entry = self._cut_off(name, now)
        if entry is not None and isinstance(entry.value, Negative):
            return _aged(entry.value, int(now - entry.stored))
        return None

    def data(self, name: bytes, rrtype: int, now: Instant) -> tuple[bytes, ...]:
        """The RDATA that `name` itself is known to have of this type, aliases not looked at."""
        entry = self._fresh((name, rrtype), now)
        return entry.value.rrset.rdatas if entry is not None and isinstance(entry.value, Positive) else ()

    # -- delegations

    def store_cut(self, referral: Referral, until: float, now: Instant) -> Cut:
        """Remember a delegation as its parent gave it, at most `until` the parent's own delegation ends.

        Nothing that a child says makes it live longer, and nothing outlives what it hangs from (ghost domains).
        """
        lifetime = min(referral.ttl, MAX_DELEGATION_TTL, until - now)
        size = sum(_server_size(server) for server in referral.servers) + _size(*referral.proof)
        size += _size(referral.ds) if referral.ds is not None else 0
        self._put((referral.zone, _CUT), referral, lifetime, size, now)
        return Cut(referral, now + lifetime, lifetime)

    def add_servers(self, zone: bytes, names: tuple[bytes, ...], ttl: int, now: Instant) -> None:
        """What the zone itself says of its servers: those that its parent does not know come last.

        `ttl` makes the delegation end earlier, for who means to move says so there, and never later.
        """
        entry = self._fresh((zone, _CUT), now)
        if entry is None or not isinstance(entry.value, Referral):
            return
        entry.expires = min(entry.expires, now + max(ttl, LEAST_DELEGATION_TTL))
        referral = entry.value
        known = {server.name for server in referral.servers}
        more = tuple(NameServer(name) for name in names if name not in known)[: MAX_SERVERS - len(known)]
        if more:
            entry.value = replace(referral, servers=referral.servers + more)
            grown = sum(map(_server_size, more))
            entry.size += grown
            self._entries.grow(grown)

    def cut(self, name: bytes, now: Instant) -> Cut | None:
        """The deepest delegation known at or above `name`."""
        for zone in suffixes(name):
            entry = self._fresh((zone, _CUT), now)
            if entry is not None and isinstance(entry.value, Referral):
                return Cut(entry.value, entry.expires, entry.expires - entry.stored)
        return None

    def forget(self, name: bytes, rrtype: int) -> None:
        """What was said of this name for this type turned out forged."""
        for kind in (rrtype, _CNAME, _ABSENT, _NOTHING_BELOW):
            self._entries.drop((name, kind))

    def restore_cut(self, cut: Cut, now: Instant) -> None:
        """A delegation that was forgotten holds for the rest of its time, unless there is another by now."""
        if self._fresh((cut.referral.zone, _CUT), now) is None and cut.expires > now:
            self.store_cut(cut.referral, cut.expires, now)

    def forget_cut(self, zone: bytes) -> None:
        """This delegation is of no use."""
        self._entries.drop((zone, _CUT))

    def doubt(self, name: bytes, top: bytes, why: Failed, pause: float, now: Instant) -> list[Cut]:
        """What is said of `name` does not hold, whoever of its zone is asked: the delegation goes, so that its parent is asked
        again, and if that was in vain a moment ago, the next one above goes too, but never that of `top`. Each zone's once in
        `pause` seconds, for anybody can have a zone that is broken. Gives what has gone, to restore it if nobody knows better.
        """
        doubted: list[Cut] = []
        cut = self.cut(name, now)
        while cut is not None and cut.referral.zone not in (ROOT, top):
            zone = cut.referral.zone
            doubted.append(cut)
            if self.failed(zone, _NS, now) is None:
                self.store_failure(zone, _NS, why, pause, now)
                for each in doubted:
                    self.forget_cut(each.referral.zone)
                return doubted
            cut = self.cut(parent(zone), now)
        return []

    # -- failures

    def store_failure(self, name: bytes, rrtype: int, failed: Failed, pause: float, now: Instant) -> None:
        """Looking this up failed; not again for `pause` seconds (RFC 9520)."""
        self._put((name, _FAILED - rrtype), failed, pause, 0, now)

    def failed(self, name: bytes, rrtype: int, now: Instant) -> Failed | None:
        """Whether that failed a moment ago."""
        entry = self._fresh((name, _FAILED - rrtype), now)
        return entry.value if entry is not None and isinstance(entry.value, Failed) else None

    # -- all of it

    def flush(self, suffix: bytes) -> int:
        """Forget everything at or below `suffix`, and what says from above that nothing is there; how many entries."""
        self._exists(suffix)
        gone = [key for key in self._entries if is_below(key[0], suffix)]
        for key in gone:
            self._entries.drop(key)
        return len(gone)

    def forget_failures(self) -> None:
        """Whatever failed may be looked up again."""
        for key in [key for key, entry in self._entries.items() if isinstance(entry.value, Failed)]:
            self._entries.drop(key)

    def _bounded(self, rrset: RRset) -> RRset:
        return rrset._replace(ttl=self.settings.bounded(rrset.ttl))

    def _bounded_dname(self, dname: RRset | None) -> RRset | None:
        return None if dname is None else self._bounded(dname)

    def _fresh(self, key: _Key, now: Instant) -> _Entry | None:
        entry = self._entries.get(key)
        if entry is None or entry.expires <= now:
            return None
        entry.visited = True
        return entry

    def _put(self, key: _Key, value: Content | Referral | Failed, lifetime: float, size: int, now: Instant) -> None:
        if lifetime <= 0:
            self._entries.drop(key)
            return
        self._entries.put(key, _Entry(value, lifetime, _OVERHEAD + len(key[0]) + size, now))
        self._entries.trim()


def rename(name: bytes, dname: RRset, proof: tuple[RRset, ...] = ()) -> Alias | TooLong:
    """The alias that a DNAME above `name` makes of it (RFC 6672 §2.2, §3.1); its TTL is the DNAME's."""
    target = name[: len(name) - len(dname.owner)] + dname.rdatas[0]
    if len(target) > MAX_NAME:
        return TooLong(dname)
    return Alias(RRset(name, _CNAME, dname.ttl, (target,)), target, dname, proof)


def _minimum(soa: RRset) -> int:
    """The MINIMUM field: the last four octets."""
    return int.from_bytes(soa.rdatas[0][-4:], "big")


def _server_size(server: NameServer) -> int:
    return 150 + len(server.name) + 150 * len(server.endpoints)


def _size(*rrsets: RRset) -> int:
    return sum(sum(len(data) + 48 for data in (*r.rdatas, *r.signatures)) + len(r.owner) + 150 for r in rrsets)


def _older(rrset: RRset, age: int) -> RRset:
    return rrset._replace(ttl=max(rrset.ttl - age, 0))


def _aged(content: C, age: int) -> C:
    """The same with every TTL lowered by `age` seconds."""
    if age <= 0:
        return content
    proof = tuple(_older(rrset, age) for rrset in content.proof)
    match content:
        case Positive(rrset=rrset, dname=dname):
            return Positive(_older(rrset, age), proof, dname=None if dname is None else _older(dname, age))
        case Alias(rrset=rrset, target=target, dname=dname):
            return Alias(_older(rrset, age), target, None if dname is None else _older(dname, age), proof)
        case Negative(soa=soa, absent=absent):
            return Negative(absent, None if soa is None else _older(soa, age), proof)
