"""Every small zone, every subset of its records, every question: what is proved is true, and what is true is proved."""

from itertools import combinations

import pytest
from kit.absence import DS, Below, Node, Nothing, Salted, Server, Zone, lacks
from kit.claims import NO, PROBES, answers, check, zones

from resolver.dnssec.nsec3 import Hashes

HOW = [None, Salted(), Salted(opt_out=True)]
every = pytest.mark.parametrize("how", HOW, ids=["NSEC", "NSEC3", "NSEC3 with opt-out"])
UNIVERSES = [["a", "*"], ["a", "a.a"], ["*", "a.*"], ["b.a", "*.a"]]
"""With all of ["a", "*", "a.a"] it takes half a minute: `tests/fuzz/denial.py`."""


@every
@pytest.mark.parametrize("names", UNIVERSES, ids=str)
def test_no_subset_of_a_zones_records_proves_what_is_false(how: Salted | None, names: list[str]) -> None:
    for zone in zones(names):
        chain = Server(zone, how).chain
        hashes = Hashes(10_000)
        for size in range(1, len(chain) + 1):
            for records in combinations(chain, size):
                for name in PROBES:
                    check(zone, name, records, hashes)


@every
@pytest.mark.parametrize("names", UNIVERSES, ids=str)
def test_an_honest_proof_proves_exactly_what_is_true(how: Salted | None, names: list[str]) -> None:
    for zone in zones(names):
        server = Server(zone, how)
        for name in PROBES:
            records = server.proof(name)
            for which, found, rrtype, star in answers(name, zone.apex, records, Hashes()):
                if which == "expanded" and star not in zone.signed_nodes:
                    continue  # No answer can have been made from it.
                true = is_the_case(zone, server, which, name, rrtype, star)
                # Where unsigned delegations may be, less is said with less certainty: that must be true, no more.
                if true or not (how and how.opt_out):
                    assert true == (not isinstance(found, NO)), (zone.written, name, which, rrtype, star, found)


def is_the_case(zone: Zone, server: Server, which: str, name: bytes, rrtype: int, star: bytes) -> bool:
    """Whether the server can show it: by the definitions of RFC 1034 and RFC 4592."""
    found = zone.look(name, server.nodes)
    if isinstance(found, Below):
        return False
    if isinstance(found, Node):
        delegated = found.delegated and DS not in found.types
        shown = {"no data": lacks(found, rrtype), "insecure": delegated}
        shown["no ds"] = name != zone.apex and (delegated or not found.delegated)
        return shown.get(which, False)
    assert isinstance(found, Nothing)
    there = b"\1*" + found.closest
    if which == "wildcard no data":
        types = server.nodes.get(there)
        return types is not None and lacks(Node(types), rrtype) and not Node(types).delegated
    if which == "expanded":
        return star == there
    return {"no name": there not in server.nodes, "no ds": True}.get(which, False)
