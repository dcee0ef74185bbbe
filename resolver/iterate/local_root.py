"""The root zone kept here (RFC 8806): it says what a root server would say, and nothing leaves.

A copy is used only if its content has the digest it claims (RFC 8976), and not after the time its SOA allows. Whenever
there is no answer to be had here, the real root servers are asked.

The digest shows damage, not forgery: that the ZONEMD records are the root's own is shown by their signature, which whoever
fetches a copy has checked against the root's trust anchor if there is one (`resolver.dnssec.wholezone`). Without an anchor,
whoever the copy is had from is believed like a root server over clear text.
"""

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from enum import Enum

from resolver.iterate.classify import MAX_ENDPOINTS, MAX_SERVERS, show_address
from resolver.iterate.port import Endpoint
from resolver.iterate.verdict import NameServer, Negative, Positive, Referral, RRset
from resolver.iterate.zonecopy import Node, Timers, ZoneCopy, is_newer, parse_zone
from resolver.iterate.zonemd import Digested, Unverified, verify
from wire.dns.canonical import canonical_key
from wire.dns.codes import RecordType
from wire.dns.names import ROOT, WILDCARD, suffixes
from wire.errors import Malformed
from wire.units import Epoch, Instant

MAX_EXPIRE = 14 * 86_400
"""Seconds without news after which a copy is too old whatever its SOA says; the root's SOA says 7 days."""


_A, _NS, _CNAME, _SOA, _AAAA, _DNAME = (int(RecordType[t]) for t in ("A", "NS", "CNAME", "SOA", "AAAA", "DNAME"))
_DS, _RRSIG, _NSEC, _ANY = (int(RecordType[t]) for t in ("DS", "RRSIG", "NSEC", "ANY"))
_NOT_TOLD = frozenset({_RRSIG, _ANY})
_UNKNOWN_HERE = {int(RecordType.NSEC3PARAM): "it is signed with NSEC3, which the root never was"}

RootVerdict = Positive | Negative | Referral


class RootRefused(Exception):
    """This is no root zone that may be used. The text says why, without names."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The same moment by both clocks."""

    now: Instant
    date: Epoch


class LocalRoot:
    """One copy, verified: `evidence` is that its content is whole, `proved` whether its signature was checked. Valid until
    `expires` (monotonic)."""

    def __init__(self, zone: ZoneCopy, evidence: Digested, expires: Instant, port: int = 53) -> None:
        self.zone = zone
        self.proved = False
        self.timers = zone.timers
        self.evidence = evidence
        self.expires = expires
        self._nodes = zone.nodes
        self._port = port
        self._names = {name for owner in zone.nodes for name in suffixes(owner)}
        secured = sorted((canonical_key(owner), owner) for owner, node in zone.nodes.items() if _NSEC in node)
        self._keys = [key for key, _ in secured]
        self._secured = [owner for _, owner in secured]

    def verdict(self, name: bytes, rrtype: int, now: Instant) -> RootVerdict | None:
        """What a root server would say of `name` (folded) and `rrtype`; None if it must be asked after all."""
        # A copy that could not be refreshed before the expire time must not be used: there, SERVFAIL is to be said until a
        # new one is there, here the real root is asked instead (RFC 8806 §2).
        if now >= self.expires or rrtype in _NOT_TOLD:
            return None
        for zone in self._ancestors(name):
            node = self._nodes.get(zone, {})
            if zone != ROOT and _NS in node and not (zone == name and rrtype == _DS):
                return self._referral(zone, node)
            if _DNAME in node or (zone == name and _CNAME in node):
                return None
        return self._own(name, rrtype)

    def renew(self, had: Moment) -> None:
        """Its source says at `had` that there is no newer one."""
        left = seconds_left(self._nodes[ROOT], self.timers.expire, had.date)
        self.expires = Instant(had.now + left)

    def _ancestors(self, name: bytes) -> list[bytes]:
        """From the root down to `name`."""
        return list(suffixes(name))[::-1]

    def _own(self, name: bytes, rrtype: int) -> RootVerdict | None:
        """What the root itself has of a name above every cut."""
        found = self._rrset(name, rrtype)
        if found is not None:
            return Positive(found)
        if name in self._names:
            return Negative(False, self._negative_soa(), self._proof(name))
        encloser = next(above for above in suffixes(name) if above in self._names)
        wildcard = WILDCARD + encloser
        if wildcard in self._names:
            return None
        return Negative(True, self._negative_soa(), self._proof(name, wildcard))

    def _referral(self, zone: bytes, node: Node) -> Referral:
        names = list(node[_NS])[:MAX_SERVERS]
        servers = tuple(NameServer(name, self._endpoints(name)) for name in names)
        ds = self._rrset(zone, _DS)
        return Referral(zone, servers, min(node[_NS].values()), ds, () if ds else self._proof(zone))

    def _endpoints(self, name: bytes) -> tuple[Endpoint, ...]:
        node = self._nodes.get(name, {})
        found = [show_address(rdata) for rrtype in (_A, _AAAA) for rdata in list(node.get(rrtype, ()))[:MAX_ENDPOINTS]]
        return tuple(Endpoint(address, self._port) for address in found if address)

    def _rrset(self, owner: bytes, rrtype: int) -> RRset | None:
        node = self._nodes.get(owner, {})
        records = node.get(rrtype)
        if not records:
            return None
        covered = rrtype.to_bytes(2, "big")
        signatures = tuple(rdata for rdata in node.get(_RRSIG, ()) if rdata.startswith(covered))
        return RRset(owner, rrtype, min(records.values()), tuple(records), signatures)

    def _negative_soa(self) -> RRset | None:
        """The SOA with the TTL of what is not there (RFC 2308 §3)."""
        soa = self._rrset(ROOT, _SOA)
        return soa and soa._replace(ttl=min(soa.ttl, self.timers.minimum))

    def _proof(self, *names: bytes) -> tuple[RRset, ...]:
        """The NSEC at each of `names`, or before it in canonical order (RFC 4035 §3.1.3); nothing in an unsigned zone."""
        owners = dict.fromkeys(self._before(name) for name in names) if self._secured else {}
        found = (self._rrset(owner, _NSEC) for owner in owners)
        return tuple(rrset for rrset in found if rrset is not None)

    def _before(self, name: bytes) -> bytes:
        return self._secured[bisect_right(self._keys, canonical_key(name)) - 1]


def read_local_root(data: bytes, had: Moment, port: int = 53) -> LocalRoot:
    """The root zone whose records `data` are (uncompressed, one after the other), had at `had` from wherever.

    Glue becomes endpoints at `port`. Raises RootRefused. Takes 70 ms of CPU for 25,000 records: a
    task for a thread, not for an event loop.
    """
    try:
        zone = parse_zone(data, ROOT)
        evidence = verify(zone)
    except Malformed as error:
        raise RootRefused(f"it does not read: {error}") from None
    except Unverified as error:
        raise RootRefused(str(error)) from None
    top = zone.nodes[ROOT]
    if _NS not in top:
        raise RootRefused("it has no name servers at its top")
    for rrtype, why in _UNKNOWN_HERE.items():
        if rrtype in top:
            raise RootRefused(why)
    left = seconds_left(top, zone.timers.expire, had.date)
    if left <= 0:
        raise RootRefused("it is too old: the signature of its SOA has expired")
    return LocalRoot(zone, evidence, Instant(had.now + left), port)


def seconds_left(top: Node, expire: int, date: Epoch) -> float:
    """For how many seconds from `date` on a zone may be used: EXPIRE (RFC 1035 §3.3.13), and no longer than its SOA is
    signed for, which holds for a file that was old when it was read, too."""
    left = float(min(expire, MAX_EXPIRE))
    for signature in top.get(_RRSIG, ()):
        if int.from_bytes(signature[:2], "big") == _SOA:
            # Expiration is in octets 8 to 11, seconds since 1970 modulo 2**32 (RFC 4034 §3.1.5).
            ahead = (int.from_bytes(signature[8:12], "big") - int(date) + 2**31) % 2**32 - 2**31
            left = min(left, float(ahead))
    return left


class Offered(Enum):
    """What became of a copy that was offered."""

    TAKEN = "local-root-taken"
    SAME = "local-root-same"
    OLDER = "local-root-older"


@dataclass(frozen=True, slots=True)
class RootStatus:
    """For the operator. `left`: seconds for which the copy is good (0: there is none to use); `refused`: why the last
    copy was not taken, "" if it was; `proved`: whether the signature of the copy in use was checked."""

    serial: int | None
    left: float
    refused: str
    proved: bool = False


class RootHolder:
    """The copy in use, if there is one: replaced by whoever fetches copies, consulted by iteration."""

    def __init__(self) -> None:
        self.copy: LocalRoot | None = None
        self.refused = ""
        self.counters: Counter[str] = Counter()

    def verdict(self, name: bytes, rrtype: int, now: Instant) -> RootVerdict | None:
        """As `LocalRoot.verdict`; None also without any copy."""
        verdict = None if self.copy is None else self.copy.verdict(name, rrtype, now)
        self.counters["local-root-asked-out" if verdict is None else "local-root-answered"] += 1
        return verdict

    def usable(self, now: Instant) -> LocalRoot | None:
        """The copy, if it has not expired."""
        return self.copy if self.copy is not None and now < self.copy.expires else None

    def timers(self, now: Instant) -> Timers | None:
        """Those of the copy, if it has not expired."""
        copy = self.usable(now)
        return None if copy is None else copy.timers

    def offer(self, copy: LocalRoot, now: Instant) -> Offered:
        """Use `copy` from now on, if it is strictly newer than the one in use or that one has expired."""
        self.refused = ""
        current = self.usable(now)
        if current is None or is_newer(copy.timers.serial, current.timers.serial):
            self.copy, outcome = copy, Offered.TAKEN
        elif copy.timers.serial == current.timers.serial:
            outcome = Offered.SAME
        else:
            self.refused, outcome = "it is older than the copy in use", Offered.OLDER
        self.counters[outcome.value] += 1
        return outcome

    def refuse(self, why: str) -> None:
        """A copy may not be used; the one in use stays."""
        self.refused = why
        self.counters["local-root-refused"] += 1

    def disprove(self, why: str) -> None:
        """A copy is whole and not the root's own: its signature does not hold."""
        self.counters["local-root-disproved"] += 1
        self.refuse(f"its signature does not hold: {why}")

    def fail(self, why: str) -> None:
        """A copy could not be had; the one in use stays."""
        self.refused = why
        self.counters["local-root-failed"] += 1

    def confirm(self, had: Moment) -> None:
        """The copy in use is still the newest: its EXPIRE begins anew (RFC 1034 §4.3.5)."""
        copy = self.usable(had.now)
        if copy is not None:
            copy.renew(had)
            self.counters["local-root-confirmed"] += 1

    def status(self, now: Instant) -> RootStatus:
        """What there is to tell."""
        current = self.usable(now)
        if current is None:
            return RootStatus(None, 0.0, self.refused)
        return RootStatus(current.timers.serial, current.expires - now, self.refused, current.proved)
