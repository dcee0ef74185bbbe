"""The steps of the validator as something to read: complete, in order, bounded."""

from functools import cache

import pytest
from kit.signed import Hashed
from kit.signing import DATE, DAY, Signer
from kit.toytree import Tree

from anchorhold.chain_text import chain_lines, words
from resolver.dnssec.anchors import By, NegativeAnchor, anchors_of
from resolver.dnssec.evidence import Unproved
from resolver.dnssec.memory import TrustMemory
from resolver.dnssec.security import Checked
from resolver.dnssec.steps import Denied, Keyed, Looked
from resolver.dnssec.story import KEYS, LINES, OWNERS, SIGNATURES, Line, tell
from resolver.dnssec.values import Verified
from resolver.iterate.verdict import RRset
from wire.dns.names import read_name
from wire.units import Epoch


@cache
def tree(opt_out: bool = False, iterations: int = 0) -> Tree:
    return Tree().build(Hashed(iterations=iterations, opt_out=opt_out))


def told(found: Tree, name: str, kind: str = "A") -> list[Line]:
    found.memory = TrustMemory()
    return tell(found.check(name, kind).steps, found.date)


def links(lines: list[Line]) -> list[tuple[object, object, object]]:
    return [(line["step"], line.get("zone") or line.get("name"), line["outcome"]) for line in lines]


CHAIN = [
    ("anchor", ".", "trusted"),
    ("DNSKEY", ".", "trusted"),
    ("DS", "example.", "signed"),
    ("DNSKEY", "example.", "trusted"),
    ("DS", "shop.example.", "signed"),
    ("DNSKEY", "shop.example.", "trusted"),
]


def test_every_link_is_told_from_the_anchor_down() -> None:
    lines = told(tree(), "www.shop.example.")
    assert [*CHAIN, ("records", "www.shop.example.", "secure")] == links(lines)
    anchor, _, ds, dnskey, *_ = lines
    (trusted,), (vouching,), (key,) = anchor["records"], ds["records"], dnskey["keys"]  # type: ignore[misc]
    assert (13, "SHA-256") == (trusted["algorithm"], trusted["digest_name"])
    assert (vouching["tag"], "RSASHA256", True, "entry") == (
        key["tag"],
        key["algorithm_name"],
        key["vouched_for"],
        key["role"],
    )
    signature = lines[-1]["signature"]
    assert isinstance(signature, dict)
    assert ("shop.example.", "in its time", DATE - DAY, DATE + 10 * DAY) == tuple(
        signature[field] for field in ("signer", "state", "inception", "expiration")
    )


@pytest.mark.parametrize(
    ("name", "outcome", "shows"),
    [
        ("no.shop.example.", "proved", "there is no such name, and no wildcard for it"),
        ("x.star.shop.example.", "proved", "no name closer than the wildcard exists"),
        ("deep.shop.example.", "proved", "the name has no such record"),
    ],
)
def test_what_shows_that_something_is_not_there_is_told(name: str, outcome: str, shows: str) -> None:
    denial = next(line for line in told(tree(), name) if line["step"] == "denial")
    assert (outcome, shows, "NSEC") == (denial["outcome"], denial["shows"], denial["proof"])
    assert isinstance(denial["signature"], dict)


@pytest.mark.parametrize(
    ("opt_out", "iterations", "proof"),
    [(False, 0, "NSEC3, 0 iterations"), (True, 0, "NSEC3, 0 iterations, opt-out"), (False, 7, "NSEC3, 7 iterations")],
)
def test_the_proof_of_an_unsigned_delegation_is_told_with_its_kind(opt_out: bool, iterations: int, proof: str) -> None:
    lines = told(tree(opt_out, iterations), "www.plain.example.")
    ds = next(line for line in lines if line.get("zone") == "plain.example.")
    assert ("DS", "insecure", proof) == (ds["step"], ds["outcome"], ds["proof"])
    assert ("records", "insecure", []) == (lines[-1]["step"], lines[-1]["outcome"], lines[-1]["signatures"])


def test_signatures_that_are_over_are_told_with_their_time() -> None:
    late = Tree(date=Epoch(DATE + 12 * DAY)).build()
    lines = told(late, "www.shop.example.")
    (dnskey,) = [line for line in lines if line["step"] == "DNSKEY" and line["zone"] == "."]
    (signature,) = dnskey["signatures"]  # type: ignore[misc]
    assert ("bogus", 7, "the signature has expired") == (dnskey["outcome"], dnskey["ede"], signature["state"])
    text = "\n".join(chain_lines({"date": late.date, "asked": 1, "parts": [{"steps": lines}], "verdict": {}}))
    assert "First failure: DNSKEY of .: the signature has expired (EDE 7, signature expired)" in text
    assert "since 13 days, expired 2 days ago, the signature has expired" in text


def test_of_keys_it_is_told_which_are_vouched_for() -> None:
    found = Tree().build(shop=Signer("shop.example.", seed=1))
    stranger = Signer("shop.example.", seed=2, flags=256).dnskey.to_wire()
    steps = found.check("www.shop.example.", "A").steps
    (keyed,) = [step for step in steps if isinstance(step, Keyed) and step.zone == read_name("shop.example.")]
    assert keyed.heard is not None
    more = Keyed(keyed.zone, keyed.keys, keyed.vouching, keyed.heard._replace(rdatas=(*keyed.heard.rdatas, stranger)))
    (line,) = tell([more], DATE)
    assert [("entry", True), ("zone", False)] == [(key["role"], key["vouched_for"]) for key in line["keys"]]  # type: ignore[attr-defined]


def test_an_exception_is_told_with_reason_end_and_author() -> None:
    anchor = NegativeAnchor(read_name("shop.example."), "lost keys", Epoch(DATE + 7_200), By.COMMAND)
    found = Tree(negative=(anchor,)).build()
    lines = told(found, "www.shop.example.")
    assert ["exception", "records"] == [line["step"] for line in lines]
    assert ("lost keys", "command", 7_200) == (lines[0]["why"], lines[0]["by"], lines[0]["left"])
    text = "\n".join(chain_lines({"date": DATE, "parts": [{"steps": lines}]}))
    assert "shop.example. is not validated: lost keys (by command, for 2 hours more)" in text


def test_that_there_is_no_anchor_is_told() -> None:
    found = Tree().build()
    checked = _check_without_anchor(found)
    assert [("anchor", None, "none"), ("records", "www.shop.example.", "indeterminate")] == [
        (line["step"], line.get("zone") or line.get("name"), line["outcome"]) for line in tell(checked.steps, DATE)
    ]


def _check_without_anchor(found: Tree) -> Checked:
    found.anchors = lambda: anchors_of(())  # type: ignore[method-assign]
    return found.check("www.shop.example.")


def test_what_is_told_is_bounded_whatever_a_zone_holds() -> None:
    owner, junk = read_name("many.example."), tuple(bytes((1, 0, 3, 13, number)) for number in range(100))
    key_set = RRset(owner, 48, 1, junk, junk)
    record = Verified(RRset(owner, 47, 1, (b"",)), owner)
    bogus = next(step for step in _check_without_anchor(Tree().build()).steps if isinstance(step, Looked)).found
    keyed = Keyed(owner, bogus, None, key_set)  # type: ignore[arg-type]
    steps = [keyed, Looked(key_set, bogus), Denied(owner, 1, Unproved("no"), (record,) * 100)]
    dnskey, records, denial, *rest = tell(steps * 100, DATE)
    assert (KEYS, SIGNATURES) == (len(dnskey["keys"]), len(dnskey["signatures"]))  # type: ignore[arg-type]
    assert (SIGNATURES, OWNERS) == (len(records["signatures"]), len(denial["by"]))  # type: ignore[arg-type]
    assert LINES + 1 == len(rest) + 3
    assert {"step": "more", "left_out": 300 - LINES} == rest[-1]


def test_a_validator_with_all_it_needs_in_memory_notes_what_it_looks_at_only() -> None:
    found = tree()
    found.memory = TrustMemory()
    first = found.check("www.shop.example.").steps
    again = found.check("www.shop.example.").steps
    assert (True, 2) == (len(first) > 6, len(again))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (59, "59 seconds"),
        (90, "1.5 minutes"),
        (7_200, "2 hours"),
        (864_000, "10 days"),
    ],
)
def test_time_spans_in_words(seconds: int, text: str) -> None:
    assert text == words(seconds)
