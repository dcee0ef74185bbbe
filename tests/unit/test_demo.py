"""The two commands of the README: what `make demo` runs, and that it fails when an answer is not the expected one."""

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import dns.dnssec
import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from demo.checks import Asked, check_sites, faults
from demo.doors import SCHEMES
from demo.internet import forge
from demo.lookup import Zones, answer_as_resolver, answer_as_server
from demo.questions import QUESTIONS, Question
from demo.signing import sign_zones
from demo.zone import Seen

ROOT = Path(__file__).parents[2]
FIRST = QUESTIONS[0]
DOORS = len(SCHEMES) + 1
"""Questions along the encrypted ways in, and the one by which they are found."""
PLAN = {"upstream_group": "default", "order": [{"upstream": "tls://dns.north.example:853"}]}


def run_demo(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "demo"],
        env={**os.environ, "PYTHONPATH": str(ROOT / "deploy"), "TMPDIR": str(folder), **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def short_path() -> Iterator[Path]:
    """pytest's own are too long for a socket's path."""
    with tempfile.TemporaryDirectory(prefix="demo-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


def test_the_demo_gets_every_answer_and_leaves_nothing_behind(short_path: Path) -> None:
    done = run_demo(short_path)
    assert (0, "") == (done.returncode, done.stderr), done.stdout
    assert f"All {len(QUESTIONS) + DOORS} answers were as expected." == done.stdout.splitlines()[-1]
    assert [] == list(short_path.iterdir())


@cache
def zones() -> Zones:
    return sign_zones()


def query_for(name: str, rrtype: str = "A", *, do: bool = False) -> dns.message.Message:
    return dns.message.make_query(name, rrtype, use_edns=0, want_dnssec=do)


def asked(question: Question = FIRST, *seen: Seen, flags: int = dns.flags.AD, error: int = 0, **plan: object) -> Asked:
    response = answer_as_resolver(zones(), query_for(question.name, question.rrtype, do=question.sets == "DO"))
    response.flags |= flags
    if error:
        response.use_edns(0, options=[dns.edns.EDEOption(error)])
    return Asked(question, response, "UDP", seen, PLAN | plan, 1.0)


def sighting(**changes: object) -> Seen:
    return replace(Seen("North", "DoT", FIRST.name, "A", 128, (12,), 7), **changes)  # type: ignore[arg-type]


def test_what_is_as_expected_is_no_fault() -> None:
    assert [] == faults(asked(FIRST, sighting()))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (asked(FIRST), "seen by nobody"),
        (asked(FIRST, sighting(operator="Impostor")), "seen by ['Impostor']"),
        (asked(FIRST, sighting(octets=97)), "no multiple of 128"),
        (asked(FIRST, sighting(options=(12, 8))), "EDNS options"),
        (asked(FIRST, sighting(transport="DoH")), "which the plan did not name"),
        (asked(FIRST, sighting(proofs=False)), "asked without DO and CD"),
        (asked(FIRST, sighting(), upstream_group="office"), "explained as group"),
        (asked(replace(FIRST, answer=frozenset({"203.0.113.1"})), sighting()), "expected ['203.0.113.1']"),
        (asked(replace(FIRST, rcode="NXDOMAIN"), sighting()), "response code NOERROR"),
        (asked(FIRST, sighting(), flags=0), "the answer is insecure, expected secure"),
        (asked(replace(FIRST, sets="", worth="-"), sighting()), "the answer is secure, expected -"),
        (asked(replace(FIRST, error=6), sighting(), error=7), "extended error 7, expected 6"),
        (asked(replace(FIRST, error=6), sighting()), "extended error 0, expected 6"),
        (replace(asked(replace(FIRST, sets="DO"), sighting()), question=FIRST), "1 signatures came with AD set"),
        (replace(asked(FIRST, sighting()), question=replace(FIRST, sets="DO")), "0 signatures came with DO set"),
    ],
)
def test_every_kind_of_fault_is_seen(wrong: Asked, words: str) -> None:
    assert any(words in fault for fault in faults(wrong))


def test_a_site_that_two_operators_saw_is_a_fault() -> None:
    assert ["site harbour.example. was shown to ['North', 'South']"] == check_sites(
        [asked(FIRST, sighting()), asked(FIRST, sighting(operator="South"))]
    )


def holds(zone: str, rrset: dns.rrset.RRset, signature: dns.rrset.RRset) -> bool:
    origin = dns.name.from_text(zone)
    try:
        dns.dnssec.validate(rrset, signature, {origin: zones()[origin].rrsets[origin, dns.rdatatype.DNSKEY]})
    except dns.dnssec.ValidationFailure:
        return False
    return True


def test_every_signature_of_the_small_internet_holds_but_those_that_must_not() -> None:
    wrong = {
        f"{owner} {dns.rdatatype.to_text(kind)}"
        for origin, zone in zones().items()
        for (owner, kind), signature in zone.signatures.items()
        if not holds(origin.to_text(), zone.rrsets[owner, kind], signature)
    }
    assert {text for text in wrong if "expired" not in text} == {"www.forged.example. A"}
    assert {text for text in wrong if "expired" in text} == {
        *(f"expired.example. {kind}" for kind in ("SOA", "NS", "NSEC", "DNSKEY")),
        *(f"www.expired.example. {kind}" for kind in ("A", "NSEC")),
    }
    assert {owner.to_text() for owner, zone in zones().items() if not zone.signatures} == {
        "drift.example.",
        "office.example.",
    }


def authority_of(response: dns.message.Message) -> set[tuple[str, str]]:
    return {(rrset.name.to_text(), dns.rdatatype.to_text(rrset.rdtype)) for rrset in response.authority}


def test_a_denial_comes_with_its_proof_only_if_it_is_asked_for() -> None:
    apex = "harbour.example."
    plain = answer_as_resolver(zones(), query_for(f"missing.{apex}"))
    assert (dns.rcode.NXDOMAIN, {(apex, "SOA")}) == (plain.rcode(), authority_of(plain))
    proved = answer_as_resolver(zones(), query_for(f"missing.{apex}", do=True))
    # After `long`, before `shop`; and no wildcard, for nothing is between the apex and `long`.
    between = {(f"long.{apex}", "NSEC"), (apex, "NSEC"), (f"long.{apex}", "RRSIG"), (apex, "RRSIG")}
    assert {(apex, "SOA"), *between} == authority_of(proved)


def test_the_parent_answers_for_ds_and_proves_that_there_is_none() -> None:
    there = answer_as_resolver(zones(), query_for("reef.example.", "DS", do=True))
    assert ["example."] == [rrset[0].signer.to_text() for rrset in there.answer if rrset.rdtype == dns.rdatatype.RRSIG]
    none = answer_as_resolver(zones(), query_for("drift.example.", "DS", do=True))
    assert (dns.rcode.NOERROR, []) == (none.rcode(), none.answer)
    assert 1 == sum(rrset.rdtype == dns.rdatatype.NSEC3 for rrset in none.authority)


def test_a_server_refers_with_ds_and_glue_and_refuses_what_is_not_its_own() -> None:
    root = zones()[dns.name.root]
    referral = answer_as_server(root, query_for("www.cove.island.", do=True))
    assert {("island.", "NS"), ("island.", "DS"), ("island.", "RRSIG")} == authority_of(referral)
    assert ["ns.island."] == [rrset.name.to_text() for rrset in referral.additional]
    assert not referral.flags & dns.flags.AA
    cove = zones()[dns.name.from_text("cove.island.")]
    assert dns.rcode.REFUSED == answer_as_server(cove, query_for("www.harbour.example.")).rcode()


def test_a_liar_gives_another_address_beside_the_real_signature() -> None:
    response = answer_as_resolver(zones(), query_for("www.treasure.example.", do=True))
    (real,) = (rrset for rrset in response.answer if rrset.rdtype == dns.rdatatype.A)
    forge(response)
    lie, signature = response.answer
    assert ("203.0.113.13", False) == (lie[0].address, holds("treasure.example.", lie, signature))
    assert holds("treasure.example.", real, signature)


def test_ci_calls_exactly_make_test() -> None:
    lines = [line for line in (ROOT / ".ci/run").read_text().splitlines() if line and not line.startswith("#")]
    assert ["set -euo pipefail", 'cd "$(dirname "$0")/.."', "exec make test"] == lines


def made(*arguments: str) -> list[list[str]]:
    """The commands of a verb but for the set-up, as the shell takes them apart."""
    shown = subprocess.run(["make", "-n", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [shlex.split(line)[1:] for line in shown.splitlines() if line.startswith(".venv/bin/anchorhold")]


def test_run_asks_nothing_and_starts_what_is_written(tmp_path: Path) -> None:
    """An empty --upstream: `init` then lists the choices and ends with 2, at a terminal too."""
    config = f"{tmp_path}/a.toml"
    for upstream in ("", "tls://dns.example@192.0.2.1"):
        first, second = made("run", f"CONFIG={config}", f"UPSTREAM={upstream}", "LISTEN=127.0.0.1:5300")
        written = ["init", "--if-missing", "--output", config, "--listen", "127.0.0.1:5300", "--upstream", upstream]
        assert (written, ["run", "--config", config]) == (first, second)


def test_every_verb_has_its_line_of_help() -> None:
    shown = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {"demo", "test", "check", "bench", "fuzz", "run"} <= {line.split()[1] for line in shown.splitlines()}
