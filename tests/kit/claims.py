"""Every claim that can be proved of a name, and small zones to hold the claims against."""

from collections.abc import Iterable, Iterator
from itertools import product

from kit.absence import CNAME, DNAME, DS, NS, SOA, A, Evidence, Zone

from resolver.dnssec.denial import (
    Proof,
    proves_insecure_delegation,
    proves_no_data,
    proves_no_ds,
    proves_no_name,
    proves_wildcard_no_data,
    proves_wildcard_rightly_expanded,
)
from resolver.dnssec.evidence import NotProved, RightlyExpanded, Spent, TooExpensive, Unproved
from resolver.dnssec.nsec3 import Hashes
from resolver.dnssec.values import Verified
from wire.dns.names import read_name, suffixes

APEX = read_name("z.")
KINDS = [frozenset(), frozenset({A}), frozenset({CNAME}), frozenset({NS}), frozenset({NS, DS}), frozenset({DNAME})]
TYPES = [A, NS, CNAME, DS, SOA]
PROBES = [
    read_name(f"{text}z.")
    for text in ("", "a.", "*.", "b.", "a.a.", "*.a.", "b.a.", "a.b.a.", "0.b.a.", "c.a.a.", "b.*.", "a.*.", "c.b.")
]
NO = (Unproved, TooExpensive, Spent)


def zones(texts: Iterable[str]) -> Iterator[Zone]:
    """All zones in which each of these names is one of KINDS."""
    names = [read_name(f"{text}.z.") for text in texts]
    for kinds in product(KINDS, repeat=len(names)):
        yield Zone(APEX, dict(zip(names, kinds, strict=True)))


def answers(
    name: bytes, zone: bytes, records: tuple[Verified, ...], hashes: Hashes
) -> Iterator[tuple[str, Evidence | NotProved, int, bytes]]:
    """Every predicate on the name: which, what it says, type, wildcard."""
    proof = Proof(zone, records, hashes)
    yield "no name", proves_no_name(name, proof), 0, b""
    yield "no ds", proves_no_ds(name, proof), DS, b""
    yield "insecure", proves_insecure_delegation(name, proof), DS, b""
    for rrtype in TYPES:
        yield "no data", proves_no_data(name, rrtype, proof), rrtype, b""
        yield "wildcard no data", proves_wildcard_no_data(name, rrtype, proof), rrtype, b""
    for above in list(suffixes(name))[1:-1]:
        star = b"\1*" + above
        yield "expanded", proves_wildcard_rightly_expanded(name, star, proof), 0, star


def check(zone: Zone, name: bytes, records: tuple[Verified, ...], hashes: Hashes) -> int:
    """How many claims about the name the records prove; all must be true of the zone.

    That a wildcard exists is what the expanded answer, which is signed, shows: without one there is no such claim.
    """
    proved = 0
    for _, found, rrtype, star in answers(name, zone.apex, records, hashes):
        if not isinstance(found, NO) and (not isinstance(found, RightlyExpanded) or star in zone.signed_nodes):
            proved += 1
            assert zone.is_true(found, name, rrtype, star), (zone.written, name, rrtype, found, records)
    return proved
