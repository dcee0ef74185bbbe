"""Whole answers over a signed toy tree: what is secure, what is insecure, and that everything else is bogus."""

from dataclasses import replace

import dns.message
import dns.name
import dns.rdata
import dns.rdatatype
import pytest
from kit.authority import DS, IN, NSEC, RRSIG, Zone
from kit.signed import DNSKEY, Hashed, add, sign_all
from kit.signing import DATE, DAY, EXPIRATION, Signer
from kit.toytree import SHOP, Tree
from kit.world import play

from resolver.cache.rrsets import Failed
from resolver.dnssec.anchors import Anchors, NegativeAnchor, TrustAnchor, anchors_of
from resolver.dnssec.budget import Validation
from resolver.dnssec.keys import WITHOUT_SHA1
from resolver.dnssec.memory import TrustMemory
from resolver.dnssec.security import Security
from resolver.dnssec.validate import Validator
from resolver.iterate.resolve import Resolved
from resolver.iterate.verdict import Negative, Positive, RRset
from resolver.values import Explanation
from wire.dns.codes import ExtendedError as Ede
from wire.dns.names import read_name
from wire.dns.signing import parse_ds
from wire.units import Epoch

TREES: dict[str, dict[str, object]] = {
    "nsec3 above nsec": {},
    "nsec": {"tld": None},
    "opt-out": {"tld": Hashed(opt_out=True)},
    "nsec3": {"shop_hashed": Hashed()},
}


@pytest.fixture(params=TREES)
def tree(request: pytest.FixtureRequest) -> Tree:
    return Tree().build(**TREES[request.param])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "question",
    [
        "www.shop.example. A",
        "alias.shop.example. A",
        "away.shop.example. A",
        "x.old.shop.example. A",
        "x.old.shop.example. CNAME",
        "alias.shop.example. CNAME",
        "y.old.shop.example. A",
        "lost.shop.example. A",
        "any.wild.shop.example. A",
        "a.b.wild.shop.example. A",
        "real.wild.shop.example. A",
        "any.star.shop.example. A",
        "missing.shop.example. A",
        "www.shop.example. AAAA",
        "any.wild.shop.example. AAAA",
        "b.deep.shop.example. A",
        "x.b.deep.shop.example. A",
        "shop.example. SOA",
        "shop.example. DNSKEY",
        "shop.example. DS",
        "example. DNSKEY",
        "direct.example. A",
        ". DNSKEY",
        ". NS",
        "missing. A",
        "www.bank.org. A",
        "a.wild.bank.org. A",
        "bank.org. AAAA",
    ],
)
def test_what_is_signed_is_secure(tree: Tree, question: str) -> None:
    name, kind = question.split()
    checked = tree.check(name, kind)
    assert (checked.security, checked.explanation) == (Security.SECURE, None), checked.steps


@pytest.mark.parametrize(
    "question",
    ["www.plain.example. A", "missing.plain.example. A", "www.plain.example. AAAA", "back.plain.example. A",
     "cheap.shop.example. A", "plain.example. SOA"],
)  # fmt: skip
def test_what_is_below_a_delegation_without_ds_is_insecure(tree: Tree, question: str) -> None:
    name, kind = question.split()
    checked = tree.check(name, kind)
    assert (checked.security, checked.explanation) == (Security.INSECURE, None), checked.steps


def test_that_there_is_no_ds_is_secure_unless_the_range_opts_out() -> None:
    assert Tree().build().check("plain.example.", "DS").security is Security.SECURE
    assert Tree().build(tld=Hashed(opt_out=True)).check("plain.example.", "DS").security is Security.INSECURE


def test_absence_in_a_range_that_opts_out_is_insecure() -> None:
    """RFC 5155 §9.2."""
    assert Tree().build(tld=Hashed(opt_out=True)).check("missing.example.").security is Security.INSECURE


def test_each_zone_is_asked_for_its_ds_and_its_keys_once_and_names_in_between_for_nothing() -> None:
    tree = Tree().build()
    tree.check("a.b.deep.shop.example.", "TXT")
    expected = ["shop.example. DS", "example. DS", ". DNSKEY", "example. DNSKEY", "shop.example. DNSKEY"]
    assert sorted(expected) == sorted(tree.asked)
    tree.check("www.shop.example.")
    assert sorted(expected) == sorted(tree.asked)


def test_trust_is_looked_for_again_when_its_time_is_over() -> None:
    tree = Tree().build()
    tree.check("www.shop.example.")
    tree.internet.advance(3601)
    tree.asked.clear()
    assert tree.check("www.shop.example.").security is Security.SECURE
    assert len(tree.asked) == 5


# -- what is wrong makes it bogus


def bogus(tree: Tree, code: Ede, name: str = "www.shop.example.", kind: str = "A") -> None:
    checked = tree.check(name, kind)
    assert checked.explanation is not None
    assert (checked.security, checked.explanation.code) == (Security.BOGUS, code), checked


def strip(zone: Zone, name: str, kind: str) -> None:
    covers = dns.rdatatype.from_text(kind)
    zone.nodes[dns.name.from_text(name, zone.origin)].delete_rdataset(IN, RRSIG, covers)


def test_expired_signatures() -> None:
    tree = Tree().build()
    shop = tree.signed["shop.example."]
    sign_all(shop.zone, replace(shop.signer, inception=int(DATE) - 20 * DAY, expiration=int(DATE) - 10 * DAY))
    bogus(tree, Ede.SIGNATURE_EXPIRED)


def test_signatures_that_are_not_valid_yet() -> None:
    tree = Tree().build()
    shop = tree.signed["shop.example."]
    sign_all(shop.zone, replace(shop.signer, inception=int(DATE) + 10 * DAY, expiration=int(DATE) + 20 * DAY))
    bogus(tree, Ede.SIGNATURE_NOT_YET_VALID)


def test_a_date_long_after() -> None:
    tree = Tree().build()
    tree.date = Epoch(EXPIRATION + DAY)
    bogus(tree, Ede.SIGNATURE_EXPIRED)


@pytest.mark.parametrize("kind", ["A", "DNSKEY"])
def test_a_signature_that_is_not_there(kind: str) -> None:
    tree = Tree().build()
    strip(tree.zone("shop.example."), "www" if kind == "A" else "@", kind)
    bogus(tree, Ede.RRSIGS_MISSING)


def test_all_signatures_stripped() -> None:
    tree = Tree().build()
    for node in tree.zone("shop.example.").nodes.values():
        node.rdatasets = [r for r in node.rdatasets if r.rdtype not in (RRSIG, NSEC, DNSKEY)]
    bogus(tree, Ede.RRSIGS_MISSING)
    bogus(tree, Ede.RRSIGS_MISSING, kind="AAAA")
    bogus(tree, Ede.RRSIGS_MISSING, "missing.shop.example.")


def test_forged_data_under_an_honest_signature() -> None:
    tree = Tree().build()
    tree.zone("shop.example.").add("www A 203.0.113.66")
    bogus(tree, Ede.DNSSEC_BOGUS)


def test_a_zone_signed_by_a_key_that_the_parent_does_not_know() -> None:
    tree = Tree().build()
    zone, forger = tree.zone("shop.example."), Signer("shop.example.", 13, 66)
    add(zone, zone.origin, DNSKEY, forger.dnskey)
    sign_all(zone, forger)
    bogus(tree, Ede.DNSKEY_MISSING)


def test_a_wrong_ds() -> None:
    tree = Tree().build()
    example = tree.signed["example."]
    wrong = tree.signed["shop.example."].signer.ds().replace(digest=bytes(32))
    add(example.zone, dns.name.from_text("shop.example."), DS, wrong)
    sign_all(example.zone, example.signer)
    bogus(tree, Ede.DNSKEY_MISSING)


def test_no_dnskey_at_all() -> None:
    tree = Tree().build()
    tree.zone("shop.example.").remove("@", "DNSKEY")
    bogus(tree, Ede.DNSKEY_MISSING)


def test_a_key_without_the_zone_flag() -> None:
    tree = Tree().build(shop=Signer("shop.example.", flags=1))
    bogus(tree, Ede.NO_ZONE_KEY_BIT)


def test_a_question_for_keys_that_fails_is_indeterminate() -> None:
    tree = Tree().build()
    tree.edits["shop.example. DNSKEY"] = lambda _: Failed(Explanation(Ede.NO_REACHABLE_AUTHORITY, "silence"))
    checked = tree.check("www.shop.example.")
    assert checked.security is Security.INDETERMINATE
    assert checked.explanation is not None
    assert checked.explanation.code is Ede.DNSKEY_MISSING


def without_proof(resolved: Resolved) -> Resolved:
    assert isinstance(resolved.end, Negative | Positive)
    links = tuple(replace(link, proof=()) for link in resolved.links)
    return replace(resolved, links=links, end=replace(resolved.end, proof=()))


@pytest.mark.parametrize(
    "question",
    ["missing.shop.example. A", "www.shop.example. AAAA", "any.wild.shop.example. A", "lost.shop.example. A"],
)
def test_proofs_that_are_left_out(tree: Tree, question: str) -> None:
    tree.edits[question] = without_proof
    bogus(tree, Ede.NSEC_MISSING, *question.split())


def test_an_empty_ds_answer_without_proof_does_not_make_a_zone_insecure() -> None:
    tree = Tree().build()
    tree.edits["shop.example. DS"] = lambda _: Resolved((), Negative(False, None))
    for node in tree.zone("shop.example.").nodes.values():
        node.rdatasets = [r for r in node.rdatasets if r.rdtype not in (RRSIG, NSEC, DNSKEY)]
    bogus(tree, Ede.NSEC_MISSING)


def test_the_proof_of_another_insecure_delegation_does_not_make_a_zone_insecure() -> None:
    tree = Tree().build(tld=None)
    other = play(tree.resolve(read_name("plain.example."), int(DS), ""))
    assert isinstance(other, Resolved)
    tree.edits["shop.example. DS"] = lambda _: other
    bogus(tree, Ede.NSEC_MISSING)


def test_no_name_said_of_a_name_that_exists() -> None:
    tree = Tree().build()
    missing = play(tree.resolve(read_name("missing.shop.example."), 1, ""))
    assert isinstance(missing, Resolved)
    tree.edits["www.shop.example. A"] = lambda _: missing
    bogus(tree, Ede.NSEC_MISSING)


def test_a_wildcard_in_place_of_a_name_that_exists() -> None:
    tree = Tree().build()
    wild = play(tree.resolve(read_name("any.wild.shop.example."), 1, ""))
    assert isinstance(wild, Resolved)
    assert isinstance(wild.end, Positive)
    replayed = wild.end.rrset._replace(owner=read_name("real.wild.shop.example."))
    tree.edits["real.wild.shop.example. A"] = lambda _: replace(wild, end=replace(wild.end, rrset=replayed))  # type: ignore[arg-type]
    bogus(tree, Ede.NSEC_MISSING, "real.wild.shop.example.")


def test_an_insecure_part_does_not_excuse_a_bogus_one() -> None:
    tree = Tree().build()
    tree.zone("shop.example.").add("www A 203.0.113.66")
    bogus(tree, Ede.DNSSEC_BOGUS, "back.plain.example.")


def test_signatures_by_a_name_that_is_no_zone_are_looked_through() -> None:
    """An attacker's signer, deeper than the real one, is tried, found to be no zone, and the real one counts."""
    tree = Tree().build()
    forged = Signer("www.shop.example.").signed("www.shop.example. 300 A 192.0.2.80").signatures

    def add_forged(resolved: Resolved) -> Resolved:
        assert isinstance(resolved.end, Positive)
        rrset = resolved.end.rrset
        return replace(resolved, end=replace(resolved.end, rrset=rrset._replace(signatures=forged + rrset.signatures)))

    tree.edits["www.shop.example. A"] = add_forged
    assert tree.check("www.shop.example.").security is Security.SECURE


def test_an_altered_alias_of_a_dname() -> None:
    tree = Tree().build()

    def elsewhere(resolved: Resolved) -> Resolved:
        link = resolved.links[0]
        target = read_name("www.shop.example.")
        link = replace(link, target=target, rrset=link.rrset._replace(rdatas=(target,)))
        return replace(resolved, links=(link,))

    tree.edits["x.old.shop.example. A"] = elsewhere
    bogus(tree, Ede.DNSSEC_BOGUS, "x.old.shop.example.")


def test_the_alias_that_a_dname_makes_may_be_asked_for() -> None:
    """It is not signed, and follows from what is; before and after the name itself was asked for."""
    tree = Tree().build()
    found = []
    for kind in ("CNAME", "A", "CNAME"):
        checked = tree.check("x.old.shop.example.", kind)
        assert checked.security is Security.SECURE
        found.append(checked.resolved)
    assert found[0].links == found[2].links == ()
    ends = [resolved.end for resolved in (found[0], found[2])]
    targets = [(read_name("x.new.shop.example."),)] * 2
    assert targets == [end.rrset.rdatas for end in ends if isinstance(end, Positive) and end.dname is not None]


def test_another_alias_than_the_dname_makes_is_bogus_when_it_was_asked_for() -> None:
    tree = Tree().build()

    def elsewhere(resolved: Resolved) -> Resolved:
        assert isinstance(resolved.end, Positive)
        rrset = resolved.end.rrset._replace(rdatas=(read_name("www.shop.example."),))
        return replace(resolved, end=replace(resolved.end, rrset=rrset))

    tree.edits["x.old.shop.example. CNAME"] = elsewhere
    bogus(tree, Ede.DNSSEC_BOGUS, "x.old.shop.example.", "CNAME")


def test_a_denial_behind_a_dname_that_proves_too_little_is_asked_for_itself() -> None:
    """NSD 4.6 proves that no wildcard stands in for the target, and not that the target is absent."""
    tree = Tree().build()

    def without_proofs(response: dns.message.Message) -> None:
        if response.answer:
            response.authority = [r for r in response.authority if NSEC not in (r.rdtype, r.covers)]

    tree.internet.behave(SHOP, tree.internet.altered(without_proofs))
    checked = tree.check("y.old.shop.example.")
    assert checked.security is Security.SECURE


@pytest.mark.parametrize("question", ["any.wild.shop.example. A", "www.shop.example. A", "any.star.shop.example. A"])
def test_an_answer_to_another_question_is_bogus_though_it_is_signed(question: str) -> None:
    """What a wildcard made for one name is proved for its neighbours too."""
    tree = Tree().build()
    name, kind = question.split()
    other = play(
        tree.resolve(read_name("anz" + name[3:] if name.startswith("any") else "real.wild.shop.example."), 1, "")
    )
    assert isinstance(other, Resolved)
    tree.edits[question] = lambda _: other
    bogus(tree, Ede.DNSSEC_BOGUS, name, kind)


def test_an_alias_leads_where_its_record_says() -> None:
    tree = Tree().build()
    other = play(tree.resolve(read_name("real.wild.shop.example."), 1, ""))
    assert isinstance(other, Resolved)

    def elsewhere(resolved: Resolved) -> Resolved:
        link = replace(resolved.links[0], target=read_name("real.wild.shop.example."))
        return replace(resolved, links=(link,), end=other.end)

    tree.edits["alias.shop.example. A"] = elsewhere
    bogus(tree, Ede.DNSSEC_BOGUS, "alias.shop.example.")


# -- what makes a zone insecure, and what does not


def test_a_zone_whose_every_ds_is_unknown_is_insecure() -> None:
    tree = Tree().build()
    example = tree.signed["example."]
    good = tree.signed["shop.example."].signer.ds()
    shop = dns.name.from_text("shop.example.")
    for records, security, code in [
        ([good.replace(algorithm=200)], Security.INSECURE, Ede.UNSUPPORTED_DNSKEY_ALGORITHM),
        ([good.replace(digest_type=9)], Security.INSECURE, Ede.UNSUPPORTED_DS_DIGEST),
        ([good.replace(algorithm=200), good], Security.SECURE, None),
    ]:
        add(example.zone, shop, DS, *records)
        sign_all(example.zone, example.signer)
        tree.memory = TrustMemory()
        tree.start()
        checked = tree.check("www.shop.example.")
        assert (security, code) == (checked.security, checked.explanation and checked.explanation.code)


def test_too_many_iterations_make_absence_insecure() -> None:
    tree = Tree().build(shop_hashed=Hashed(iterations=51))
    checked = tree.check("missing.shop.example.")
    assert checked.security is Security.INSECURE
    assert checked.explanation is not None
    assert checked.explanation.code is Ede.UNSUPPORTED_NSEC3_ITERATIONS
    assert tree.check("www.shop.example.").security is Security.SECURE


def test_too_many_iterations_count_only_if_their_signature_is_valid() -> None:
    """RFC 9276 §3.2."""
    tree = Tree().build(shop_hashed=Hashed(iterations=51))
    sign_all(tree.zone("shop.example."), Signer("shop.example.", 13, 66))
    bogus(tree, Ede.DNSKEY_MISSING, "missing.shop.example.")


def test_a_negative_anchor_ends_validation_below_it_with_its_reason() -> None:
    tree = Tree(negative=(NegativeAnchor(read_name("shop.example."), "its keys are lost"),)).build()
    tree.zone("shop.example.").add("www A 203.0.113.66")
    checked = tree.check("www.shop.example.")
    assert checked.security is Security.INSECURE
    assert checked.explanation is not None
    assert "its keys are lost" in checked.explanation.text
    assert tree.asked == []
    assert tree.check("direct.example.").security is Security.SECURE


def test_without_an_anchor_above_it_nothing_is_known() -> None:
    tree = Tree().build()
    tree.anchors = lambda: Anchors()  # type: ignore[method-assign]
    checked = tree.check("www.shop.example.")
    assert checked.security is Security.INDETERMINATE


def test_an_anchor_below_an_insecure_delegation_counts() -> None:
    tree = Tree().build(ds=False)
    assert tree.check("www.shop.example.").security is Security.INSECURE
    root = tree.anchors().trusted[b"\0"]
    island = TrustAnchor(read_name("shop.example."), (parse_ds(tree.signed["shop.example."].signer.ds().to_wire()),))
    tree.anchors = lambda: anchors_of((root, island))  # type: ignore[method-assign]
    tree.memory = TrustMemory()
    assert tree.check("www.shop.example.").security is Security.SECURE


def test_an_answer_for_signatures_themselves_is_never_more_than_insecure() -> None:
    tree = Tree().build()
    signatures = RRset(read_name("www.shop.example."), int(RRSIG), 60, (b"whatever",))
    tree.edits["www.shop.example. RRSIG"] = lambda _: Resolved((), Positive(signatures))
    assert tree.check("www.shop.example.", "RRSIG").security is Security.INSECURE


# -- what is given out


def test_ttls_are_bounded_by_the_signatures() -> None:
    tree = Tree().build()
    tree.date = Epoch(EXPIRATION - 100)
    checked = tree.check("away.shop.example.")
    assert isinstance(checked.resolved.end, Positive)
    assert [100, 100] == [checked.resolved.links[0].rrset.ttl, checked.resolved.end.rrset.ttl]


def test_proofs_that_prove_nothing_are_dropped() -> None:
    tree = Tree().build()

    def with_extra(resolved: Resolved) -> Resolved:
        assert isinstance(resolved.end, Positive)
        return replace(resolved, end=replace(resolved.end, proof=(resolved.end.rrset,)))

    tree.edits["www.shop.example. A"] = with_extra
    checked = tree.check("www.shop.example.")
    assert isinstance(checked.resolved.end, Positive)
    assert checked.resolved.end.proof == ()


# -- what it may cost


def test_a_spent_budget_ends_it_and_stays_spent() -> None:
    tree = Tree().build()
    budget = Validation(units=3)
    for _ in range(2):
        checked = tree.check("www.shop.example.", budget=budget)
        assert checked.security is Security.INDETERMINATE
        assert checked.explanation is not None
        assert checked.explanation.code is Ede.DNSSEC_INDETERMINATE


def test_only_so_many_questions_are_asked() -> None:
    tree = Tree().build()
    assert tree.check("www.shop.example.", budget=Validation(questions=2)).security is Security.INDETERMINATE
    assert len(tree.asked) == 2


def test_what_is_bogus_is_not_looked_into_again_for_a_while() -> None:
    tree = Tree().build()
    tree.zone("shop.example.").remove("@", "DNSKEY")
    for _ in range(10):
        bogus(tree, Ede.DNSKEY_MISSING)
    assert len(tree.asked) == 5


def test_a_forgetful_validator_has_the_same_policy_and_another_memory() -> None:
    tree = Tree().build()
    validator = Validator(tree.anchors(), TrustMemory(), WITHOUT_SHA1)
    other = validator.forgetful()
    assert (validator.anchors, validator.policy) == (other.anchors, other.policy)
    assert validator.memory is not other.memory
