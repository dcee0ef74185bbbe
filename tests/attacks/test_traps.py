"""Zones that are signed so that validating them is dear (KeyTrap, NSEC3 closest encloser, HashTrap and their kin): what one
question for them costs, counted. Milliseconds are in benchmarks/bench_traps.py."""

from typing import NamedTuple

import pytest
from kit.figures import holds
from kit.traps import EVIL, GOOD, Field, Replay, Trap
from kit.trapzones import BENIGN, TRAPS
from kit.work import lines_run
from kit.world import play

from resolver.cache.rrsets import Failed
from resolver.dnssec.budget import QUESTIONS, UNITS, WRONG_UNITS, Validation
from resolver.dnssec.nsec3 import MAX_HASHES
from resolver.dnssec.security import Security
from wire.dns.names import read_name

BOGUS, INDETERMINATE, INSECURE, SECURE = Security


class Expected(NamedTuple):
    """What it comes to and why; signatures verified and what that costs in units, names hashed, RRsets asked for; at most so many
    thousand lines of Python, reading the responses included."""

    security: Security
    text: str
    verified: int
    units: int
    hashed: int
    asked: int
    kilolines: int


EXPECTED = {
    "KeyTrap, answer": Expected(BOGUS, "the signature is wrong", 21, 21, 0, 5, 52),
    "KeyTrap, algorithm 14": Expected(INDETERMINATE, "too many signatures are wrong", 10, 35, 0, 5, 20),
    "KeyTrap, algorithm 15": Expected(INDETERMINATE, "too many signatures are wrong", 18, 31, 0, 5, 21),
    "KeyTrap, algorithm 16": Expected(INDETERMINATE, "too many signatures are wrong", 14, 32, 0, 5, 21),
    "KeyTrap, long RSA": Expected(BOGUS, "the signature is wrong", 13, 13, 0, 5, 16),
    "KeyTrap, keys": Expected(BOGUS, "the signature is wrong", 12, 12, 0, 5, 37),
    "KeyTrap, keys that all have a DS": Expected(BOGUS, "the signature is wrong", 12, 12, 0, 5, 40),
    "KeyTrap, DS": Expected(BOGUS, "the signature is wrong", 21, 21, 0, 6, 50),
    "KeyTrap, keys that are none": Expected(BOGUS, "the signature is wrong", 13, 13, 0, 5, 32),
    "SigJam": Expected(BOGUS, "the signature is wrong", 13, 13, 0, 5, 42),
    "LockCram": Expected(BOGUS, "the signature is wrong", 7, 7, 0, 5, 28),
    "HashTrap": Expected(BOGUS, "no key of the zone has the digest that its parent gives", 4, 4, 0, 5, 49),
    "many DS, many keys": Expected(
        INDETERMINATE, "no DS could be had: too many records in one answer", 0, 0, 0, 1, 111
    ),
    "many DS, keys that may not sign": Expected(
        INDETERMINATE, "no DS could be had: too many records in one answer", 0, 0, 0, 1, 111
    ),
    "many DS, unknown algorithm": Expected(
        INDETERMINATE, "no DS could be had: too many records in one answer", 0, 0, 0, 1, 111
    ),
    "200 DS, 200 keys": Expected(SECURE, "", 6, 6, 0, 5, 52),
    "200 unknown DS beside a good one": Expected(SECURE, "", 6, 6, 0, 5, 32),
    "200 DS, keys that may not sign": Expected(SECURE, "", 6, 6, 0, 5, 49),
    "3,000 keys": Expected(INDETERMINATE, "the zone has no keys", 4, 4, 0, 5, 147),
    "3,500 addresses": Expected(BOGUS, "too many records to verify them", 5, 5, 0, 5, 174),
    "ANY": Expected(BOGUS, "nothing shows that there is no such record", 7, 7, 0, 6, 34),
    "aliases through signed zones": Expected(INDETERMINATE, "too many signatures are wrong", 34, 34, 0, 9, 46),
    "aliases through 8 signed zones, honest": Expected(SECURE, "", 29, 29, 0, 21, 56),
    "aliases through 11 signed zones, honest": Expected(
        INDETERMINATE, "the chain of trust needs too many questions", 30, 30, 0, 22, 63
    ),
    "aliases through zones of 180 keys": Expected(
        INDETERMINATE, "the chain of trust has too many records", 15, 15, 0, 13, 91
    ),
    "zones below zones": Expected(INDETERMINATE, "the chain of trust is too long", 0, 0, 0, 16, 79),
    "unsigned below 100 labels": Expected(
        INDETERMINATE, "too many names above it could be where signed zones end", 7, 7, 0, 19, 121
    ),
    "60 NSEC": Expected(SECURE, "", 21, 21, 0, 5, 30),
    "60 NSEC, wrong signatures first": Expected(INDETERMINATE, "too many signatures are wrong", 34, 34, 0, 5, 55),
    "NSEC with all types": Expected(BOGUS, "nothing shows that the name does not exist", 11, 11, 0, 6, 55),
    "NSEC3 encloser, no name": Expected(SECURE, "", 8, 8, 3, 5, 23),
    "NSEC3 encloser, deep": Expected(INDETERMINATE, "hashing for NSEC3 costs too much", 9, 9, 78, 5, 46),
    "NSEC3 encloser, no data": Expected(SECURE, "", 7, 7, 1, 5, 32),
    "NSEC3 encloser, all records": Expected(BOGUS, "nothing shows that the name does not exist", 22, 22, 10, 6, 67),
    "NSEC3 encloser, two salts": Expected(BOGUS, "NSEC3 records hashed in different ways", 11, 11, 0, 6, 29),
    "NSEC3 encloser, insecure referral": Expected(INSECURE, "", 9, 9, 2, 6, 15),
    "NSEC3 with 50 iterations": Expected(SECURE, "", 8, 8, 3, 5, 13),
    "NSEC3 with 51 iterations": Expected(INSECURE, "NSEC3 with 51 iterations, 50 are the most", 8, 8, 0, 5, 13),
    "NSEC3 with 150 iterations": Expected(INSECURE, "NSEC3 with 150 iterations, 50 are the most", 7, 7, 0, 5, 12),
    "NSEC3 with 500 iterations": Expected(INSECURE, "NSEC3 with 500 iterations, 50 are the most", 8, 8, 0, 5, 13),
    "NSEC3 with 2,500 iterations": Expected(INSECURE, "NSEC3 with 2500 iterations, 50 are the most", 8, 8, 0, 5, 13),
    "NSEC3 with 2,500 iterations, insecure referral": Expected(
        INSECURE, "NSEC3 with 2500 iterations, 50 are the most", 7, 7, 0, 6, 14
    ),
    "signatures over 50 kB": Expected(BOGUS, "the signature is wrong", 13, 21, 0, 5, 28),
}
LINES = 180_000
BY_NAME = {trap.name: trap for trap in TRAPS}


@pytest.mark.parametrize("name", BY_NAME)
def test_a_trap_costs_what_it_may(name: str) -> None:
    trap, expected = BY_NAME[name], EXPECTED[name]
    field = Field().plant(trap)
    field.outside = Replay(field.internet)
    budget = Validation()
    found = field.spring(trap, budget)
    text = found.explanation.text if found.explanation else ""
    assert not isinstance(found, Failed)
    assert (expected.security, expected.text) == (found.security, text)
    spent, hashed, asked = UNITS - budget.units, MAX_HASHES - budget.hashes.left, len(field.asked)
    assert expected[2:6] == (len(field.verified), spent, hashed, asked)
    lines = lines_run(lambda: field.spring(trap, Validation()))
    assert lines <= expected.kilolines * 1_000
    attack = f"{len(TRAPS)} traps for the validator"
    assert holds(attack, "units spent on signatures", spent, UNITS)
    assert holds(attack, "units spent on wrong ones", WRONG_UNITS - max(budget.wrong, 0), WRONG_UNITS)
    assert holds(attack, "names hashed", hashed, MAX_HASHES)
    assert holds(attack, "DS and DNSKEY asked for", asked, QUESTIONS)
    assert holds(attack, "lines of Python run", lines, LINES)


def test_every_trap_is_expected_and_nothing_else() -> None:
    assert EXPECTED.keys() == BY_NAME.keys()


def test_beside_a_trap_an_honest_zone_is_secure() -> None:
    field = Field().plant(BY_NAME["KeyTrap, answer"])
    assert field.spring(BENIGN, Validation()).security is SECURE  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "asked", "verified"),
    [
        ("KeyTrap, answer", 5, 5 + 100 * 16),
        ("KeyTrap, keys", 5, 12),
        ("KeyTrap, keys that all have a DS", 5, 12),
        ("HashTrap", 5, 4),
        ("many DS, many keys", 1, 0),
        ("3,000 keys", 5, 4),
    ],
)
def test_a_hundred_names_of_a_trapped_zone_lead_to_one_look_at_its_keys(name: str, asked: int, verified: int) -> None:
    trap = BY_NAME[name]
    field = Field().plant(trap)
    wire = read_name(trap.question.split()[0])
    for _ in range(100):
        found = play(field.answer(wire, 1, Validation()))
        assert not isinstance(found, Failed)
        assert found.security < INSECURE
    assert (asked, verified) == (len(field.asked), len(field.verified))
    assert holds("100 names of one trapped zone", "DS and DNSKEY asked for", len(field.asked), 6)
    assert holds("100 names of one trapped zone", "signatures verified", len(field.verified), 1_605)


def test_what_an_attack_spent_does_not_spoil_a_victim_for_others() -> None:
    """The chain of aliases ends in an honest zone just when the budget does: nothing bad is remembered of that zone."""
    trap = BY_NAME["aliases through signed zones"]
    field = Field().plant(trap)
    for units in range(30, 45):
        budget = Validation(units)
        play(field.answer(read_name(f"www.z0.{EVIL}"), 1, budget))
        play(field.answer(read_name(f"www.{GOOD}"), 1, budget))
        found = play(field.answer(read_name(f"www.{GOOD}"), 1, Validation()))
        assert not isinstance(found, Failed)
        assert found.security is SECURE
        field.prepare()


def test_a_chain_asks_no_more_than_it_may() -> None:
    """Eight zones with an alias between each."""
    trap = Trap("", f"www.z0.{EVIL} A", fill=BY_NAME["aliases through 8 signed zones, honest"].fill)
    field = Field().plant(trap)
    budget = Validation(questions=10)
    found = field.spring(trap, budget)
    assert not isinstance(found, Failed)
    assert (INDETERMINATE, 10) == (found.security, len(field.asked))
