"""One thing altered or left out anywhere in what validation sees, and nothing forged is ever secure or insecure.

A case is a question, and one change of one RRset in one of the responses on the way: the answer, a DS, a DNSKEY, a proof.
`python tests/unit/test_dnssec_mutation.py CASES [SEED]` plays as many as one wants.
"""

import random
import sys
from dataclasses import dataclass, replace
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent), str(Path(__file__).parents[2])]

import dns.rdatatype
import pytest
from kit.signed import Hashed
from kit.signing import DATE
from kit.toytree import Tree
from kit.world import play

from resolver.cache.rrsets import Failed
from resolver.dnssec.budget import Validation
from resolver.dnssec.memory import TrustMemory
from resolver.dnssec.security import Checked, Security
from resolver.dnssec.validate import Validator
from resolver.iterate.resolve import Resolved
from resolver.iterate.verdict import Alias, Negative, Positive, RRset, TooLong
from wire.dns.names import read_name, show_name
from wire.units import Epoch, Instant

QUESTIONS = [
    "www.shop.example. A",
    "www.bank.org. A",
    "away.shop.example. A",
    "x.old.shop.example. A",
    "any.wild.shop.example. A",
    "missing.shop.example. A",
    "www.shop.example. AAAA",
    "lost.shop.example. A",
    "any.wild.shop.example. AAAA",
]
TREES = [Tree().build(), Tree().build(tld=None), Tree().build(shop_hashed=Hashed())]


@dataclass
class Transcript:
    """What was asked and answered; `ask` says it again, one response altered."""

    answers: dict[tuple[bytes, int], Resolved | Failed]

    async def ask(self, name: bytes, rrtype: int) -> Resolved | Failed:
        return self.answers[name, rrtype] if (name, rrtype) in self.answers else self.answers[b"", 0]

    def now(self) -> Instant:
        return Instant(1.0)

    def date(self) -> Epoch:
        return DATE


def key_of(question: str) -> tuple[bytes, int]:
    name, kind = question.split()
    return read_name(name), int(dns.rdatatype.from_text(kind))


def transcript(tree: Tree, question: str) -> Transcript:
    tree.memory, tree.asked = TrustMemory(), []
    tree.check(*question.split())
    questions = [question, *tree.asked]
    return Transcript({key_of(q): play(tree.resolve(*key_of(q), "")) for q in questions})


def judge(said: Transcript, tree: Tree, question: str) -> Checked:
    answer = said.answers[key_of(question)]
    assert isinstance(answer, Resolved)
    validator = Validator(tree.anchors(), TrustMemory())
    return play(validator.check(*key_of(question), answer, said, Validation()))


def rrsets_of(resolved: Resolved) -> list[RRset]:
    found: list[RRset] = []
    for part in (*resolved.links, resolved.end):
        match part:
            case Alias():
                found += [part.rrset] if part.dname is None else [part.dname]
                found += part.proof
            case Positive():
                found += [part.rrset, *part.proof]
            case Negative():
                found += ([part.soa] if part.soa else []) + list(part.proof)
            case TooLong():
                found.append(part.dname)
            case None:
                pass
    return found


def swap(resolved: Resolved, old: RRset, new: RRset | None) -> Resolved:
    """`new` in the place of `old`; None: it is left out where that is possible."""

    def one(rrset: RRset) -> RRset:
        return new if rrset is old and new is not None else rrset

    def many(rrsets: tuple[RRset, ...]) -> tuple[RRset, ...]:
        return tuple(one(r) for r in rrsets if r is not old or new is not None)

    def part(value: Alias) -> Alias:
        dname = None if value.dname is None else one(value.dname)
        return Alias(one(value.rrset), value.target, dname, many(value.proof))

    end = resolved.end
    match end:
        case Positive():
            end = Positive(one(end.rrset), many(end.proof))
        case Negative():
            end = Negative(
                end.absent, None if end.soa is None or (end.soa is old and not new) else one(end.soa), many(end.proof)
            )
        case _:
            pass
    return replace(resolved, links=tuple(map(part, resolved.links)), end=end)


def flipped(data: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(data))
    return data[:place] + bytes((data[place] ^ 1 << chance.randrange(8),)) + data[place + 1 :]


def altered(rrset: RRset, chance: random.Random) -> RRset | None:
    place = chance.randrange(len(rrset.rdatas))
    match chance.randrange(7):
        case 0:
            return None
        case 1:
            return rrset._replace(signatures=())
        case 2:
            rest = rrset.rdatas[:place] + rrset.rdatas[place + 1 :]
            return rrset._replace(rdatas=rest) if rest else None
        case 3 | 4:
            data = flipped(rrset.rdatas[place], chance)
            return rrset._replace(rdatas=(*rrset.rdatas[:place], data, *rrset.rdatas[place + 1 :]))
        case 5:
            owner = bytearray(rrset.owner)
            if len(owner) > 1:
                owner[1] ^= 1 << chance.randrange(5)
            return rrset._replace(owner=bytes(owner).lower())
        case _:
            signature = flipped(rrset.signatures[0], chance) if rrset.signatures else b"junk"
            return rrset._replace(signatures=(signature,))


def meaning(resolved: Resolved) -> tuple[object, ...]:
    """What a client learns: names, types and data in canonical case, not proofs, TTLs or signatures."""
    found: list[object] = []
    for part in (*resolved.links, resolved.end):
        match part:
            case Alias():
                found.append((part.rrset.owner, part.target))
            case Positive():
                found.append((part.rrset.owner, part.rrset.rrtype, frozenset(part.rrset.rdatas)))
            case Negative():
                found.append(part.absent)
            case _:
                found.append(part)
    return tuple(found)


def play_case(said: Transcript, tree: Tree, question: str, chance: random.Random) -> Security:
    key = chance.choice([k for k, value in said.answers.items() if isinstance(value, Resolved)])
    response = said.answers[key]
    assert isinstance(response, Resolved)
    old = chance.choice(rrsets_of(response))
    changed = swap(response, old, altered(old, chance))
    checked = judge(
        Transcript({**said.answers, key: changed, (b"", 0): Resolved((), Negative(False, None))}), tree, question
    )
    honest = said.answers[key_of(question)]
    assert isinstance(honest, Resolved)
    assert checked.security is not Security.INSECURE, (question, show_name(key[0]), key[1], old)
    if checked.security is Security.SECURE:
        assert meaning(honest) == meaning(checked.resolved), (question, show_name(key[0]), key[1], old)
    return checked.security


def run(cases: int, seed: int) -> dict[Security, int]:
    chance = random.Random(seed)
    subjects = [(transcript(tree, question), tree, question) for tree in TREES for question in QUESTIONS]
    for subject in subjects:
        assert judge(*subject).security is Security.SECURE, subject[2]
    counts = dict.fromkeys(Security, 0)
    for _ in range(cases):
        counts[play_case(*chance.choice(subjects), chance)] += 1
    return counts


@pytest.mark.parametrize("seed", range(5))
def test_no_single_change_makes_anything_forged_secure_or_insecure(seed: int) -> None:
    counts = run(150, seed)
    # Most changes are found; those that are not were of a record or a bit that nothing depends on.
    assert counts[Security.BOGUS] > 75


if __name__ == "__main__":
    print(run(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0))
