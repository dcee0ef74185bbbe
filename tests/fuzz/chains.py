"""Mutated chains of trust: `chains.py --cases N --seed S [--record]`. None may be secure that should not be.

A case is a question to one of six signed trees (algorithms 8, 13, 14 and 15; NSEC, NSEC3, opt-out), everything that validation
asked for it, signatures and all, and one to three edits in what came: an RRset, a record or a signature dropped, exchanged for
another that was heard anywhere, given another owner, signer or TTL; a bit flipped, data cut; a field of an RRSIG set; the rcode
changed, a proof added, the end of an answer exchanged. Signatures are real. What is secure afterwards must say what the unedited
answer says, in records that were signed, for no longer than they allow; and nothing that was secure may become insecure. Answers
from the unsigned zone may be anything, but not secure.

Secure are those edits that change nothing that matters: a record that no proof needs, one of two proofs of the same, a TTL that
is bounded anyway. A shorter run is in every `make test` (`tests/unit/test_dnssec_mutation.py`).

The input is a pure function of the seed and the case's number: `--only NUMBER`.
"""

import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parents[1]))

from fuzz.recording import asked_cases, finish, options
from kit.chains import Remembering, Subject, fault, judge, mutated, subjects

from resolver.dnssec.security import Security


@dataclass
class Run:
    """What came of all cases."""

    cases: int = 0
    verdicts: Counter[Security] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    false: int = 0
    crashes: int = 0
    found: list[str] = field(default_factory=list)


def play(number: int, seed: int, run: Run, of: list[Subject], verifier: Remembering) -> None:
    """One case."""
    chance = Random(seed << 40 | number)
    subject = chance.choice(of)
    said, notes = mutated(subject, chance)
    checked = judge(subject, said, verifier)
    run.verdicts[checked.security] += 1
    if checked.explanation is not None and checked.security < Security.INSECURE:
        run.reasons[checked.explanation.code.name] += 1
    wrong = fault(subject, checked)
    if wrong:
        run.false += 1
        run.found.append(f"case {number}: {subject.text} is {wrong}: {'; '.join(notes)}")


def fuzz(seed: int, numbers: range) -> Run:
    """Every case."""
    verifier = Remembering()
    of = subjects(verifier)
    run, began = Run(), time.perf_counter()
    for number in numbers:
        run.cases += 1
        try:
            play(number, seed, run, of, verifier)
        except Exception as error:
            run.crashes += 1
            run.found.append(f"case {number}: {error!r}")
    run.seconds = time.perf_counter() - began
    return run


def summary(run: Run) -> str:
    """One figure a line."""
    verdicts = [f"{security.name.lower():16} {run.verdicts[security]:,}" for security in Security]
    reasons = [f"  {reason.lower():30} {count:,}" for reason, count in run.reasons.most_common()]
    return "\n".join(
        (
            f"cases            {run.cases:,}",
            f"cases/s          {run.cases / run.seconds:,.0f}",
            *verdicts,
            f"false            {run.false}",
            f"crashes          {run.crashes}",
            "why they were refused:",
            *reasons,
        )
    )


def main() -> int:
    chosen = options(__doc__, cases=10_000).parse_args()
    run = fuzz(chosen.seed, asked_cases(chosen))
    return finish((__file__, __doc__, "Chains of trust"), chosen, run, summary(run))


if __name__ == "__main__":
    sys.exit(main())
