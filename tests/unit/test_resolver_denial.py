"""One test for each way in which proofs of absence were fooled elsewhere (field notes: NSEC and NSEC3 pitfalls)."""

import dns.dnssec
import dns.rdataset
import dns.rdatatype
import dns.zone
import pytest
from fuzz.denial import fuzz
from hypothesis import given, settings
from hypothesis import strategies as st
from kit.absence import (
    CNAME,
    DNAME,
    DS,
    NS,
    SOA,
    TXT,
    A,
    Salted,
    Server,
    Zone,
    nsec,
    nsec3,
    nsec3_chain,
    nsec_chain,
)

from resolver.dnssec.denial import (
    Proof,
    proves_insecure_delegation,
    proves_no_data,
    proves_no_ds,
    proves_no_name,
    proves_wildcard_no_data,
    proves_wildcard_rightly_expanded,
)
from resolver.dnssec.evidence import (
    InsecureDelegation,
    NoCut,
    NoData,
    NoName,
    RightlyExpanded,
    Spent,
    TooExpensive,
    Unproved,
    WildcardNoData,
)
from resolver.dnssec.nsec3 import MAX_HASHES, Hashes, Hashing
from resolver.dnssec.values import Verified
from resolver.iterate.verdict import RRset
from wire.dns.names import ROOT, read_name, show_name

Z = read_name("z.")
NXNAME, ANY = 128, 255


def n(text: str) -> bytes:
    return read_name(text)


def proof(*records: Verified, zone: bytes = Z, hashes: Hashes | None = None) -> Proof:
    return Proof(zone, records, hashes or Hashes())


def zone_of(**names: set[int]) -> Zone:
    return Zone(Z, {n(f"{name.replace('_', '.').replace('star', '*')}.z."): frozenset(t) for name, t in names.items()})


# -- whose word it is


def test_a_proof_from_another_zone_proves_nothing() -> None:
    records = nsec_chain(zone_of(a={A}))
    for signer in (ROOT, n("b.z."), n("y.")):
        moved = tuple(Verified(record.rrset, signer) for record in records)
        assert isinstance(proves_no_name(n("b.z."), proof(*moved)), Unproved)
    assert Unproved("the name is not in the zone") == proves_no_name(n("b.y."), proof(*records))


def test_an_nsec_expanded_from_a_wildcard_proves_nothing() -> None:
    """CVE-2017-15105: the wildcard's own NSEC, given the name asked as its owner."""
    rrset = nsec(n("b.z."), Z, {TXT}, Z).rrset
    assert NoData() == proves_no_data(n("b.z."), A, proof(Verified(rrset, Z)))
    assert isinstance(proves_no_data(n("b.z."), A, proof(Verified(rrset, Z, n("*.z.")))), Unproved)
    assert isinstance(proves_no_name(n("c.z."), proof(Verified(rrset, Z, n("*.z.")))), Unproved)


def test_an_nsec3_expanded_from_a_wildcard_proves_nothing() -> None:
    how = Salted()
    record = nsec3(Z, how.digest(n("a.z.")), how.digest(n("b.z.")), frozenset({TXT}), how)
    assert NoData() == proves_no_data(n("a.z."), A, proof(record))
    expanded = Verified(record.rrset, Z, n("*.z."))
    assert isinstance(proves_no_data(n("a.z."), A, proof(expanded)), Unproved)


@pytest.mark.parametrize("following", ["y.", "zz.", "."])
def test_a_next_name_outside_the_zone_proves_nothing(following: str) -> None:
    record = nsec(n("a.z."), n(following), {A}, Z)
    assert isinstance(proves_no_data(n("a.z."), TXT, proof(record)), Unproved)
    assert isinstance(proves_no_ds(n("b.z."), proof(record)), Unproved)


def test_an_owner_outside_the_zone_proves_nothing() -> None:
    record = nsec(n("a."), n("c.z."), {A}, Z)
    assert isinstance(proves_no_ds(n("b.z."), proof(record)), Unproved)


def test_a_range_that_goes_back_but_not_to_the_apex_covers_nothing() -> None:
    """NSEC overreach: from c on, all the way round to b."""
    record = nsec(n("c.z."), n("b.z."), {A}, Z)
    assert isinstance(proves_no_ds(n("d.z."), proof(record)), Unproved)
    assert isinstance(proves_no_ds(n("a.z."), proof(record)), Unproved)
    assert isinstance(proves_no_data(n("c.z."), TXT, proof(record)), Unproved)


def test_an_nsec3_below_another_name_than_its_signer_proves_nothing() -> None:
    """BIND CVE-2026-10723: the hash's parent must be the signer."""
    how = Salted()
    digest = how.digest(n("a.z."))
    good = nsec3(Z, digest, how.digest(n("b.z.")), frozenset({TXT}), how)
    owner = good.rrset.owner[:33] + b"\1s" + Z
    moved = Verified(good.rrset._replace(owner=owner), Z)
    assert isinstance(proves_no_data(n("a.z."), A, proof(moved)), Unproved)
    other = Verified(good.rrset._replace(owner=good.rrset.owner[:33] + n("y.")), Z)
    for wrong in (other, Verified(good.rrset, ROOT), Verified(good.rrset, n("y."))):
        assert isinstance(proves_no_data(n("a.z."), A, proof(wrong)), Unproved)
    for odd in (b"\x1f" + good.rrset.owner[1:32] + Z, b"\x20" + b"w" * 32 + Z, b"\x20" + b"=" * 32 + Z):
        assert isinstance(proves_no_data(n("a.z."), A, proof(Verified(good.rrset._replace(owner=odd), Z))), Unproved)


def test_several_records_at_one_owner_prove_nothing() -> None:
    """Each says something else of the next name: the zone contradicts itself."""
    first, second = nsec(n("a.z."), n("b.z."), {A}, Z), nsec(n("a.z."), Z, {TXT}, Z)
    both = first.rrset._replace(rdatas=first.rrset.rdatas + second.rrset.rdatas)
    assert isinstance(proves_no_data(n("a.z."), DS, proof(Verified(both, Z))), Unproved)


def test_what_is_malformed_is_as_if_it_were_not_there() -> None:
    for rrtype in (47, 50):
        broken = Verified(RRset(n("a.z."), rrtype, 300, (b"\x05cut",)), Z)
        assert isinstance(proves_no_data(n("a.z."), A, proof(broken)), Unproved)
    digest = Salted().digest(n("a.z."))
    owner = nsec3(Z, digest, digest, frozenset(), Salted()).rrset.owner
    assert isinstance(proves_no_data(n("a.z."), A, proof(Verified(RRset(owner, 50, 300, (b"\1",)), Z))), Unproved)


# -- cuts


@pytest.mark.parametrize("types", [{NS}, {NS, DS}, {DNAME}, {DNAME, A}])
def test_nothing_is_denied_below_a_cut_by_the_ancestors_record(types: set[int]) -> None:
    """RFC 6840 §4.1: the NSEC of a delegation or DNAME covers everything below it, and says nothing of it."""
    zone = zone_of(a=types, x={A})
    for how in (None, Salted()):
        records = Server(zone, how).chain
        for name in (n("www.a.z."), n("a.b.a.z.")):
            every = proof(*records)
            assert isinstance(proves_no_name(name, every), Unproved)
            assert isinstance(proves_no_data(name, A, every), Unproved)
            assert isinstance(proves_no_ds(name, every), Unproved)
            assert isinstance(proves_wildcard_rightly_expanded(name, n("*.a.z."), every), Unproved)


def test_the_parents_record_at_a_cut_denies_ds_only() -> None:
    records = nsec_chain(zone_of(a={NS}))
    assert isinstance(proves_no_data(n("a.z."), A, proof(*records)), Unproved)
    assert NoData() == proves_no_data(n("a.z."), DS, proof(*records))


def test_the_childs_record_says_nothing_of_its_ds() -> None:
    """Also when it comes under the parent's name, which only a broken parent signs."""
    child = nsec(n("a.z."), n("b.a.z."), {NS, SOA}, n("a.z."))
    assert isinstance(proves_no_ds(n("a.z."), proof(child, zone=n("a.z."))), Unproved)
    forged = Verified(child.rrset, Z)
    assert isinstance(proves_no_ds(n("a.z."), proof(forged)), Unproved)
    assert isinstance(proves_no_data(n("a.z."), DS, proof(forged)), Unproved)


def test_the_root_has_no_parent_and_says_itself_that_it_has_no_ds() -> None:
    record = nsec(ROOT, n("a."), {NS, SOA}, ROOT)
    assert NoData() == proves_no_data(ROOT, DS, proof(record, zone=ROOT))


def test_an_insecure_delegation_needs_ns_and_neither_ds_nor_soa() -> None:
    for types, expected in [
        ({NS}, InsecureDelegation()),
        ({NS, DS}, Unproved("there is a DS")),
        ({A}, Unproved("it is shown not to be a delegation")),
        ({NS, SOA}, Unproved("the child's word, not the parent's")),
    ]:
        record = nsec(n("a.z."), Z, types, Z)
        assert expected == proves_insecure_delegation(n("a.z."), proof(record))


def test_an_ordinary_name_begins_no_zone() -> None:
    records = nsec_chain(zone_of(a={A}, c_b={A}))
    for name, absent in (("a.z.", False), ("b.z.", False), ("x.z.", True), ("x.a.z.", True)):
        assert NoCut(absent) == proves_no_ds(n(name), proof(*records))


def test_an_nsec3_of_an_ancestor_zone_denies_nothing_below_the_cut() -> None:
    """nsec_grandparent: z. says that a.b.z. is not there, but b.z. is delegated."""
    how = Salted()
    chain = nsec3_chain(zone_of(b={NS, DS}), how)
    assert isinstance(proves_no_name(n("a.b.z."), proof(*chain)), Unproved)


# -- aliases and types


def test_an_alias_is_no_absence_of_data() -> None:
    record = nsec(n("a.z."), Z, {CNAME}, Z)
    assert Unproved("the name is an alias") == proves_no_data(n("a.z."), A, proof(record))


def test_nobody_can_deny_any() -> None:
    assert Unproved("the type exists") == proves_no_data(n("a.z."), ANY, proof(nsec(n("a.z."), Z, {A}, Z)))


def test_an_empty_non_terminal_exists() -> None:
    records = nsec_chain(zone_of(b_a={A}))
    assert NoData(empty=True) == proves_no_data(n("a.z."), A, proof(*records))
    assert isinstance(proves_no_name(n("a.z."), proof(*records)), Unproved)


def test_a_wildcard_that_only_has_names_below_it_still_stands_in() -> None:
    """RFC 4592 §2.2.2."""
    records = nsec_chain(zone_of(a_star={A}))
    assert isinstance(proves_no_name(n("b.z."), proof(*records)), Unproved)
    assert WildcardNoData(n("*.z.")) == proves_wildcard_no_data(n("b.z."), A, proof(*records))


# -- wildcards


def test_a_wildcard_replayed_for_a_name_that_exists_is_found_out() -> None:
    for how in (None, Salted()):
        server = Server(zone_of(star={A}, a={A}, b_c={A}), how)
        every = proof(*server.chain)
        assert RightlyExpanded() == proves_wildcard_rightly_expanded(n("b.z."), n("*.z."), every)
        for exists in ("a.z.", "c.z.", "x.a.z.", "x.c.z.", "b.c.z."):
            assert isinstance(proves_wildcard_rightly_expanded(n(exists), n("*.z."), every), Unproved)


@pytest.mark.parametrize("star", ["a.z.", "*.", "*.y.", "*.b.z."])
def test_what_is_no_wildcard_for_the_name_was_not_rightly_expanded(star: str) -> None:
    records = nsec_chain(zone_of(star={A}))
    assert isinstance(proves_wildcard_rightly_expanded(n("b.z."), n(star), proof(*records)), Unproved)


def test_a_delegation_at_a_wildcard_is_no_absence_of_data() -> None:
    records = nsec_chain(zone_of(star={NS}))
    assert isinstance(proves_wildcard_no_data(n("b.z."), A, proof(*records)), Unproved)


# -- NSEC3 parameters and cost


def test_nsec3_records_hashed_in_different_ways_prove_nothing_together() -> None:
    zone = zone_of(a={A})
    old, new = nsec3_chain(zone, Salted()), nsec3_chain(zone, Salted(salt=b"new"))
    assert isinstance(proves_no_name(n("b.z."), proof(*new)), NoName)
    assert Unproved("NSEC3 records hashed in different ways") == proves_no_name(n("b.z."), proof(*new, old[0]))


@pytest.mark.parametrize(("at", "octet"), [(0, 2), (0, 0), (1, 2), (1, 3), (1, 0x81)])
def test_unknown_hash_algorithms_and_flags_are_ignored(at: int, octet: int) -> None:
    records = []
    for record in nsec3_chain(zone_of(a={A}), Salted()):
        rdata = bytearray(record.rrset.rdatas[0])
        rdata[at] = octet
        records.append(Verified(record.rrset._replace(rdatas=(bytes(rdata),)), Z))
    assert isinstance(proves_no_name(n("b.z."), proof(*records)), Unproved)


def test_a_next_hash_of_another_length_is_ignored() -> None:
    how = Salted()
    record = nsec3(Z, how.digest(n("a.z.")), b"\xff" * 19, frozenset(), how)
    assert isinstance(proves_no_data(n("a.z."), A, proof(record)), Unproved)


@pytest.mark.parametrize("iterations", [51, 150, 500, 2_500, 65_535])
def test_more_than_fifty_iterations_are_too_expensive_and_nothing_is_hashed(iterations: int) -> None:
    how = Salted()
    for name in (n("b.z."), n("a.z."), b"\1x" * 120 + Z):
        record = nsec3(Z, how.digest(n("a.z.")), how.digest(Z), frozenset({NS}), Salted(iterations, b"\xff" * 255))
        hashes = Hashes()
        every = proof(record, hashes=hashes)
        for found in (
            proves_no_name(name, every),
            proves_no_data(name, A, every),
            proves_no_ds(name, every),
            proves_insecure_delegation(name, every),
            proves_wildcard_no_data(name, A, every),
        ):
            assert isinstance(found, TooExpensive)
        assert MAX_HASHES == hashes.left


def test_fifty_iterations_are_not() -> None:
    chain = nsec3_chain(zone_of(a={A}), Salted(50, b"\xff" * 255))
    assert NoName(Z) == proves_no_name(n("b.z."), proof(*chain))


def test_what_is_not_verified_cannot_make_a_zone_insecure() -> None:
    """RFC 9276 §3.2: another zone's NSEC3 with many iterations changes nothing."""
    chain = nsec3_chain(zone_of(a={A}), Salted())
    dear = nsec3(n("y."), bytes(20), bytes(20), frozenset(), Salted(500))
    assert NoName(Z) == proves_no_name(n("b.z."), proof(*chain, dear))


def test_a_name_of_many_labels_costs_few_hashes() -> None:
    hashes = Hashes()
    chain = nsec3_chain(zone_of(a={A}), Salted())
    assert NoName(Z) == proves_no_name(b"\1x" * 125 + Z, proof(*chain, hashes=hashes))
    assert MAX_HASHES - 3 == hashes.left


def test_hashes_are_counted_over_all_proofs_of_a_question_and_none_is_made_twice() -> None:
    """The encloser attack: nothing matches, so every label is hashed. The second name spends the rest."""
    how, hashes = Salted(), Hashes()
    stray = nsec3(Z, b"\0" * 20, b"\1" * 20, frozenset({A}), how)
    every = proof(stray, hashes=hashes)
    assert isinstance(proves_no_name(b"\1x" * 125 + Z, every), Unproved)
    assert isinstance(proves_no_data(b"\1x" * 125 + Z, A, every), Unproved)
    assert MAX_HASHES - 126 == hashes.left
    assert isinstance(proves_no_name(b"\1y" * 125 + Z, every), Spent)
    assert isinstance(proves_insecure_delegation(b"\1y" * 125 + Z, every), Spent)
    assert 0 == hashes.left


def test_a_hash_is_the_same_whoever_asks() -> None:
    hashes = Hashes(1)
    assert hashes.digest(Z, Hashing(0, b"")) == hashes.digest(Z, Hashing(0, b"")) == Salted().digest(Z)


# -- opt-out


def test_where_unsigned_delegations_may_be_evidence_is_marked() -> None:
    server = Server(zone_of(a={A}, b={NS}, star={TXT}), Salted(opt_out=True))
    every = proof(*server.proof(n("b.z.")))
    assert InsecureDelegation(opt_out=True) == proves_insecure_delegation(n("b.z."), every)
    assert NoData(opt_out=True) == proves_no_data(n("b.z."), A, every)
    assert WildcardNoData(n("*.z."), opt_out=True) == proves_wildcard_no_data(n("b.z."), A, every)
    assert RightlyExpanded(opt_out=True) == proves_wildcard_rightly_expanded(n("b.z."), n("*.z."), every)


def test_a_secure_delegation_is_never_covered_by_opt_out() -> None:
    server = Server(zone_of(a={A}, b={NS, DS}), Salted(opt_out=True))
    assert isinstance(proves_no_ds(n("b.z."), proof(*server.chain)), Unproved)
    assert isinstance(proves_no_ds(n("x.b.z."), proof(*server.chain)), Unproved)


def test_a_name_that_does_not_exist_is_no_insecure_absence_of_data_without_opt_out() -> None:
    for how in (None, Salted()):
        server = Server(zone_of(a={A}), how)
        assert isinstance(proves_no_data(n("b.z."), A, proof(*server.proof(n("b.z.")))), Unproved)


def test_of_records_that_contradict_each_other_the_one_that_says_it_exists_counts() -> None:
    """An old range over a name that came later, say: both are signed."""
    how = Salted()
    old = nsec3_chain(zone_of(a={A}), how)
    new = nsec3(Z, how.digest(n("b.z.")), how.digest(Z), frozenset({A}), how)
    assert isinstance(proves_no_name(n("b.z."), proof(*old, new)), Unproved)
    assert isinstance(proves_wildcard_rightly_expanded(n("b.z."), n("*.z."), proof(*old, new)), Unproved)


# -- compact denial


def test_a_name_that_says_of_itself_that_it_does_not_exist_does_not() -> None:
    """RFC 9824: the bitmap holds NXNAME, and what proves it."""
    record = nsec(n("a.z."), n("\\000.a.z."), {NXNAME}, Z)
    assert NoName(None) == proves_no_name(n("a.z."), proof(record))
    assert NoData() == proves_no_data(n("a.z."), A, proof(record))
    assert isinstance(proves_no_name(n("b.a.z."), proof(record)), Unproved)


def test_nxname_beside_other_types_or_at_the_apex_is_no_denial() -> None:
    assert isinstance(proves_no_name(n("a.z."), proof(nsec(n("a.z."), n("\\000.a.z."), {NXNAME, A}, Z))), Unproved)
    assert isinstance(proves_no_name(Z, proof(nsec(Z, n("\\000.z."), {NXNAME}, Z))), Unproved)


def test_a_name_that_does_not_exist_says_nothing_of_others() -> None:
    record = nsec(n("a.z."), n("c.z."), {NXNAME}, Z)
    assert isinstance(proves_no_ds(n("b.z."), proof(record)), Unproved)
    how = Salted()
    ring = nsec3(Z, how.digest(n("a.z.")), how.digest(n("a.z.")), frozenset({NXNAME}), how)
    assert NoName(None) == proves_no_name(n("a.z."), proof(ring))
    assert isinstance(proves_no_ds(n("b.a.z."), proof(ring)), Unproved)


# -- against a signer that is not ours


KINDS = st.sampled_from([(A,), (TXT,), (A, TXT), (NS,), (CNAME,)])
TEXT = {A: "192.0.2.1", TXT: "x", NS: "ns.elsewhere.", CNAME: "elsewhere."}
NAMES = st.lists(st.sampled_from(["a", "b", "*", "\\000", "ab", "-"]), min_size=1, max_size=3).map(".".join)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.dictionaries(NAMES, KINDS, max_size=6))
def test_dnspython_signs_the_same_chain(names: dict[str, tuple[int, ...]]) -> None:
    """So the oracle's zones are not only ours; DNAME and DS are left to it."""
    ours = Zone(Z, {n(f"{name}.z."): frozenset(types) for name, types in names.items()})
    text = "@ 300 SOA ns. host. 1 2 3 4 300\n@ 300 NS ns.\n@ 300 DNSKEY 256 3 13 AAAA\n"
    for name, types in names.items():
        text += "".join(f"{name} 300 {dns.rdatatype.to_text(t)} {TEXT[t]}\n" for t in types)
    theirs = dns.zone.from_text(text, "z.", relativize=False)
    with theirs.writer() as txn:
        dns.dnssec.sign_zone(theirs, txn, rrset_signer=lambda txn, rrset: None, add_dnskey=False, lifetime=1)
    found = {}
    for owner, rdataset in theirs.iterate_rdatasets("NSEC"):
        found[n(owner.to_text())] = rdataset[0].to_wire()
    assert {show_name(v.rrset.owner): v.rrset.rdatas[0] for v in nsec_chain(ours)} == {
        show_name(owner): rdata for owner, rdata in found.items()
    }


def test_a_thousand_mutated_proofs_prove_nothing_false() -> None:
    """The long run is in docs/fuzz.md."""
    run = fuzz(seed=2, numbers=range(1_000))
    assert [] == run.found
    assert run.proved >= 1_000
    assert run.refused >= 500
    assert run.answered >= 1_000
