"""Small zones, what is true of their names, and the NSEC or NSEC3 records that say so. The oracle of the denial tests:
written from RFC 1034 §4.3.2, RFC 4592 and RFC 5155 §7.1, sharing nothing with the predicates but names and evidence."""

from base64 import b32hexencode
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha1

from resolver.dnssec.evidence import (
    InsecureDelegation,
    NoCut,
    NoData,
    NoName,
    RightlyExpanded,
    WildcardNoData,
)
from resolver.dnssec.values import Verified
from resolver.iterate.verdict import RRset
from wire.dns.names import canonical_order, parent, suffixes

A, NS, CNAME, SOA, MX, TXT, DNAME, DS, RRSIG, NSEC, DNSKEY, NSEC3 = 1, 2, 5, 6, 15, 16, 39, 43, 46, 47, 48, 50
Names = dict[bytes, frozenset[int]]
Evidence = NoName | NoData | WildcardNoData | RightlyExpanded | InsecureDelegation | NoCut


@dataclass(frozen=True)
class Below:
    """Another zone, or none because of a DNAME, says what is there."""

    owner: bytes


@dataclass(frozen=True)
class Node:
    """The name exists."""

    types: frozenset[int]

    @property
    def delegated(self) -> bool:
        return NS in self.types and SOA not in self.types


@dataclass(frozen=True)
class Nothing:
    """The name does not exist."""

    closest: bytes


class Zone:
    """A zone's names and their types as its owner wrote them; the apex has SOA and NS."""

    def __init__(self, apex: bytes, names: Names) -> None:
        self.apex = apex
        self.written = {**names, apex: names.get(apex, frozenset()) | {SOA, NS, DNSKEY}}

    def _hidden(self, name: bytes) -> bytes | None:
        """The delegation or DNAME above the name."""
        for above in within(name, self.apex)[:-1]:
            types = self.written.get(above, frozenset())
            if DNAME in types or (NS in types and above != self.apex):
                return above
        return None

    @cached_property
    def owners(self) -> Names:
        """Names with records that are the zone's own; of a delegation only NS and DS are."""
        found = {}
        for name, types in self.written.items():
            if types and self._hidden(name) is None:
                cut = NS in types and name != self.apex
                found[name] = types & {NS, DS} if cut else types - {DS}
        return found

    @cached_property
    def nodes(self) -> Names:
        """Owners and the names between them and the apex."""
        found = dict(self.owners)
        for name in self.owners:
            for above in within(name, self.apex):
                found.setdefault(above, frozenset())
        return found

    @cached_property
    def signed_nodes(self) -> Names:
        """Those that an NSEC3 chain with opt-out speaks of: not unsigned delegations and what only leads to them."""
        found: Names = {}
        for name, types in self.owners.items():
            if NS not in types or SOA in types or DS in types:
                for above in within(name, self.apex):
                    found[above] = self.nodes[above]
        return found

    def look(self, name: bytes, nodes: Names | None = None) -> Below | Node | Nothing:
        nodes = self.nodes if nodes is None else nodes
        if name in nodes:
            return Node(nodes[name])
        closest = next(above for above in suffixes(name) if above in nodes)
        types = nodes[closest]
        if DNAME in types or (NS in types and closest != self.apex):
            return Below(closest)
        return Nothing(closest)

    def is_true(self, said: Evidence, name: bytes, rrtype: int, wildcard: bytes = b"") -> bool:
        """Whether the evidence says the truth about the name. With opt-out it speaks of what is signed only."""
        opt_out = not isinstance(said, NoCut) and said.opt_out
        nodes = self.signed_nodes if opt_out else self.nodes
        found = self.look(name, nodes)
        match said:
            case NoCut(absent=True):
                return isinstance(found, Nothing)
            case NoCut():
                return not (isinstance(found, Node) and found.delegated) and not isinstance(found, Below)
            case InsecureDelegation():
                if opt_out:
                    return isinstance(found, Nothing)
                return isinstance(found, Node) and found.delegated and DS not in found.types
            case NoData():
                if opt_out:
                    return isinstance(found, Nothing)
                return isinstance(found, Node) and lacks(found, rrtype) and said.empty == (not found.types)
            case NoName(closest_encloser=closest):
                return isinstance(found, Nothing) and found.closest == closest and b"\1*" + closest not in nodes
            case WildcardNoData(wildcard=star):
                if not isinstance(found, Nothing) or b"\1*" + found.closest != star or star not in nodes:
                    return False
                return lacks(Node(nodes[star]), rrtype) and not Node(nodes[star]).delegated
            case RightlyExpanded():
                return isinstance(found, Nothing) and b"\1*" + found.closest == wildcard


def lacks(node: Node, rrtype: int) -> bool:
    """Whether the node has neither the type nor an alias, by the word of a zone that may say so."""
    if rrtype in node.types or CNAME in node.types:
        return False
    if rrtype == DS:
        return SOA not in node.types
    return not node.delegated


def within(name: bytes, apex: bytes) -> list[bytes]:
    """The apex, ..., the name."""
    found = []
    for suffix in suffixes(name):
        found.append(suffix)
        if suffix == apex:
            break
    return found[::-1]


# -- records


def bitmap(types: set[int] | frozenset[int]) -> bytes:
    """RFC 4034 §4.1.2."""
    out = b""
    for window in sorted({rrtype >> 8 for rrtype in types}):
        low = [rrtype & 0xFF for rrtype in types if rrtype >> 8 == window]
        bits = bytearray((max(low) >> 3) + 1)
        for rrtype in low:
            bits[rrtype >> 3] |= 0x80 >> (rrtype & 7)
        out += bytes((window, len(bits))) + bits
    return out


def nsec(owner: bytes, following: bytes, types: set[int] | frozenset[int], zone: bytes, ttl: int = 300) -> Verified:
    return Verified(RRset(owner, NSEC, ttl, (following + bitmap(types | {RRSIG, NSEC}),)), zone)


def nsec_chain(zone: Zone) -> list[Verified]:
    order = sorted(zone.owners, key=canonical_order)
    return [
        nsec(owner, following, zone.owners[owner], zone.apex)
        for owner, following in zip(order, order[1:] + order[:1], strict=True)
    ]


@dataclass(frozen=True)
class Salted:
    """How a test zone hashes."""

    iterations: int = 0
    salt: bytes = b""
    opt_out: bool = False

    def digest(self, name: bytes) -> bytes:
        made = name
        for _ in range(self.iterations + 1):
            made = sha1(made + self.salt).digest()
        return made


def nsec3(zone: bytes, digest: bytes, following: bytes, types: frozenset[int], how: Salted, flags: int = 0) -> Verified:
    rdata = bytes((1, flags)) + how.iterations.to_bytes(2, "big") + bytes((len(how.salt),)) + how.salt
    rdata += bytes((len(following),)) + following + bitmap(types)
    owner = b"\x20" + b32hexencode(digest).lower() + zone
    return Verified(RRset(owner, NSEC3, 300, (rdata,)), zone)


def nsec3_chain(zone: Zone, how: Salted) -> list[Verified]:
    """RFC 5155 §7.1. With opt-out, the flag is set where something was left out, and at every second other range."""
    nodes = zone.signed_nodes if how.opt_out else zone.nodes
    by_hash = {how.digest(name): types for name, types in nodes.items()}
    left_out = [how.digest(name) for name in zone.nodes if name not in nodes]
    order = sorted(by_hash)
    made = []
    for at, digest in enumerate(order):
        following = order[(at + 1) % len(order)]
        types = by_hash[digest]
        if types and types != {NS}:
            types |= {RRSIG}
        skips = any(_between(digest, other, following) for other in left_out)
        made.append(nsec3(zone.apex, digest, following, types, how, int(skips or (how.opt_out and at % 2 == 0))))
    return made


def _between(start: bytes, digest: bytes, end: bytes) -> bool:
    return start < digest < end if start < end else digest > start or digest < end


# -- what an honest server sends


class Server:
    """The records that a server sends for a question about a name that has no such record (RFC 4035 §3.1.3, 5155 §7.2)."""

    def __init__(self, zone: Zone, how: Salted | None) -> None:
        self.zone = zone
        self.how = how
        self.chain = nsec_chain(zone) if how is None else nsec3_chain(zone, how)
        self.nodes = zone.signed_nodes if how is not None and how.opt_out else zone.nodes

    def proof(self, name: bytes) -> tuple[Verified, ...]:
        """All that is needed to deny the name, or a type at it, or anything closer to it than its wildcard."""
        found = self.zone.look(name, self.nodes)
        if isinstance(found, Below):
            return ()
        if isinstance(found, Node):
            return self._unique(self._about(name))
        star = b"\1*" + found.closest
        parts = [self._about(star), self._about(self._next_closer(name, found.closest))]
        if self.how is None:
            parts.append(self._about(name))
        else:
            parts.append(self._about(found.closest))
        return self._unique(*parts)

    def _about(self, name: bytes) -> Verified:
        """The record at the name or the one that covers it."""
        if self.how is None:
            place = canonical_order(name)
            return [v for v in self.chain if canonical_order(v.rrset.owner) <= place][-1]
        digest = b32hexencode(self.how.digest(name)).lower()
        before = [v for v in self.chain if v.rrset.owner[1:33] <= digest]
        return before[-1] if before else self.chain[-1]

    def _next_closer(self, name: bytes, closest: bytes) -> bytes:
        return next(suffix for suffix in suffixes(name) if parent(suffix) == closest)

    def _unique(self, *parts: Verified) -> tuple[Verified, ...]:
        return tuple(dict.fromkeys(parts))
