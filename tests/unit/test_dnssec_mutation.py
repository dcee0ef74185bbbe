"""Anything altered or left out anywhere in what validation sees, and nothing forged is ever secure or insecure. The long run is
`tests/fuzz/chains.py`."""

import random
from functools import cache

import pytest
from kit.chains import QUESTIONS, UNSIGNED, Remembering, Subject, fault, judge, mutated, subjects

from resolver.dnssec.security import Security

VERIFIER = Remembering()


@cache
def every() -> list[Subject]:
    return subjects(VERIFIER)


def test_unaltered_each_answer_is_what_it_should_be() -> None:
    found = {(subject.text, subject.security) for subject in every()}
    assert {text for text, security in found if security is Security.SECURE} == set(QUESTIONS)
    assert {text for text, security in found if security is Security.INSECURE} >= set(UNSIGNED)


@pytest.mark.parametrize("seed", range(5))
def test_no_change_makes_anything_forged_secure_or_insecure(seed: int) -> None:
    chance = random.Random(seed)
    verdicts = dict.fromkeys(Security, 0)
    for _ in range(200):
        subject = chance.choice(every())
        said, notes = mutated(subject, chance)
        checked = judge(subject, said, VERIFIER)
        assert fault(subject, checked) == "", (subject.text, notes)
        verdicts[checked.security] += 1
    # Most changes are found; those that are not were of a record or a bit that nothing depends on.
    assert verdicts[Security.BOGUS] > 100
