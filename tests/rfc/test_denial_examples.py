"""The examples of RFC 4035 appendix B and RFC 5155 appendix B, proofs only: vectors/denial.json, signatures left out."""

import json
from pathlib import Path
from typing import Any

import dns.rdata
import pytest

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
    NoData,
    NoName,
    RightlyExpanded,
    Unproved,
    WildcardNoData,
)
from resolver.dnssec.nsec3 import Hashes, Hashing, hash_name
from resolver.dnssec.values import Verified
from resolver.iterate.verdict import RRset
from wire.dns.names import read_name

VECTORS = json.loads((Path(__file__).parents[1] / "vectors/denial.json").read_text())
ZONE = read_name("example.")
MX, AAAA, DS, A = 15, 28, 43, 1
EXPECTED = {
    "4035 B.2": NoName(ZONE),
    "4035 B.3": NoData(),
    "4035 B.5": InsecureDelegation(),
    "4035 B.6": RightlyExpanded(),
    "4035 B.7": WildcardNoData(read_name("*.w.example.")),
    "5155 B.1": NoName(read_name("x.w.example."), opt_out=True),
    "5155 B.2": NoData(),
    "5155 B.2.1": NoData(empty=True),
    "5155 B.3": InsecureDelegation(opt_out=True),
    "5155 B.4": RightlyExpanded(opt_out=True),
    "5155 B.5": WildcardNoData(read_name("*.w.example."), opt_out=True),
}


def record(line: str) -> Verified:
    owner, kind, text = line.split(" ", 2)
    rdata = dns.rdata.from_text("IN", kind, text).to_wire()
    return Verified(RRset(read_name(owner), {"NSEC": 47, "NSEC3": 50}[kind], 3600, (rdata,)), ZONE)


def ask(example: dict[str, Any], lines: list[str]) -> object:
    name, proof = read_name(example["name"]), Proof(ZONE, tuple(map(record, lines)), Hashes())
    match example["shows"]:
        case "no name":
            return proves_no_name(name, proof)
        case "no data":
            return proves_no_data(name, example["type"], proof)
        case "insecure":
            return proves_insecure_delegation(name, proof)
        case "expanded":
            return proves_wildcard_rightly_expanded(name, read_name(example["wildcard"]), proof)
        case "wildcard no data":
            return proves_wildcard_no_data(name, example["type"], proof)
    raise AssertionError(example["shows"])


@pytest.mark.parametrize("section", EXPECTED)
def test_the_example_proves_what_the_rfc_says(section: str) -> None:
    example = VECTORS["examples"][section]
    assert EXPECTED[section] == ask(example, example["records"])


@pytest.mark.parametrize("section", EXPECTED)
def test_without_any_one_of_its_records_it_proves_nothing(section: str) -> None:
    example = VECTORS["examples"][section]
    for left_out in range(len(example["records"])):
        rest = example["records"][:left_out] + example["records"][left_out + 1 :]
        assert isinstance(ask(example, rest), Unproved), rest


@pytest.mark.parametrize("section", ["4035 B.8", "5155 B.6"])
def test_the_childs_own_record_does_not_show_that_there_is_no_ds(section: str) -> None:
    example = VECTORS["examples"][section]
    proof = Proof(ZONE, tuple(map(record, example["records"])), Hashes())
    assert Unproved("the child's word, not the parent's") == proves_no_data(ZONE, DS, proof)
    assert Unproved("only the parent knows whether there is a DS") == proves_no_ds(ZONE, proof)


@pytest.mark.parametrize("name", VECTORS["hashes"])
def test_names_hash_as_in_rfc_5155_appendix_a(name: str) -> None:
    owner = record(f"{VECTORS['hashes'][name]}.example. NSEC3 1 0 12 aabbccdd {VECTORS['hashes'][name]}").rrset
    assert owner.rdatas[0][10:30] == hash_name(read_name(name), Hashing(12, bytes.fromhex("aabbccdd")))
