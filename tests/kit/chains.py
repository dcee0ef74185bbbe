"""Whole answers with their chains of trust, really signed, as they were heard once; and edits of them.

A case is a question and everything that was asked for it, one to three edits in it, and what the validator then makes of it. The
oracle is the unedited answer: whatever is secure afterwards must say the same, be signed, and live no longer.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import dns.rdatatype
from kit.signed import Hashed
from kit.signing import DATE, DAY, Signer
from kit.toytree import Tree
from kit.world import play

from resolver.cache.rrsets import Failed
from resolver.dnssec.algorithms import Algorithm, Wrong
from resolver.dnssec.budget import Validation
from resolver.dnssec.canonical import canonical_rdata
from resolver.dnssec.memory import TrustMemory
from resolver.dnssec.security import Checked, Security
from resolver.dnssec.signature import verify_now
from resolver.dnssec.validate import Claim, Validator
from resolver.iterate.resolve import Resolved
from resolver.iterate.verdict import Alias, Negative, Positive, RRset, TooLong
from wire.dns.names import parent, read_name, show_name
from wire.dns.signing import Key
from wire.errors import Malformed
from wire.units import Epoch, Instant

Question = tuple[bytes, int]

QUESTIONS = [
    "www.shop.example. A",
    "www.bank.org. A",
    "away.shop.example. A",
    "x.old.shop.example. A",
    "any.wild.shop.example. A",
    "any.star.shop.example. A",
    "real.wild.shop.example. A",
    "missing.shop.example. A",
    "www.shop.example. AAAA",
    "lost.shop.example. A",
    "any.wild.shop.example. AAAA",
    "b.deep.shop.example. A",
    "shop.example. DS",
    "direct.example. A",
]
UNSIGNED = ["www.plain.example. A", "cheap.shop.example. A", "missing.plain.example. A"]
TREES: list[dict[str, object]] = [
    {},
    {"tld": None},
    {"shop_hashed": Hashed()},
    {"tld": Hashed(opt_out=True)},
    {"tld": None, "shop": Signer("shop.example.", 15)},
    {"shop_hashed": Hashed(3, "", opt_out=True), "shop": Signer("shop.example.", 14)},
]


class Remembering:
    """Verifies each signature once: cases have most of them in common."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, bytes, bytes, bytes], bool] = {}

    def __call__(self, algorithm: Algorithm, key: Key, signature: bytes, data: bytes) -> None:
        place = (algorithm.number, key.rdata, signature, data)
        good = self._known.get(place)
        if good is None:
            try:
                verify_now(algorithm, key, signature, data)
                good = True
            except Wrong:
                good = False
            if len(self._known) < 100_000:
                self._known[place] = good
        if not good:
            raise Wrong("as before")


@dataclass
class Transcript:
    """What was asked and answered; `ask` says it again."""

    answers: dict[Question, Resolved | Failed]

    async def ask(self, name: bytes, rrtype: int) -> Resolved | Failed:
        return self.answers.get((name, rrtype)) or Resolved((), Negative(False, None))

    def now(self) -> Instant:
        return Instant(1.0)

    def date(self) -> Epoch:
        return DATE


@dataclass
class Subject:
    """A question of a tree: what honest servers say, and what is worth what."""

    tree: Tree
    question: Question
    said: Transcript
    security: Security
    text: str
    pool: list[tuple[Question, RRset]] = field(default_factory=list)
    signed: set[tuple[bytes, int, frozenset[bytes]]] = field(default_factory=set)
    heard: list[tuple[Question, Resolved]] = field(default_factory=list)

    @property
    def honest(self) -> Resolved:
        found = self.said.answers[self.question]
        assert isinstance(found, Resolved)
        return found


def key_of(question: str) -> Question:
    name, kind = question.split()
    return read_name(name), int(dns.rdatatype.from_text(kind))


def subjects(verifier: Remembering) -> list[Subject]:
    """All questions of all trees."""
    found = []
    for how in TREES:
        tree = Tree().build(**how)  # type: ignore[arg-type]
        mine = [_subject(tree, question, verifier) for question in (*QUESTIONS, *UNSIGNED)]
        pool = [(q, r) for s in mine for q, said in s.said.answers.items() for r in rrsets_of(said)]
        signed = {content(rrset) for _, rrset in pool if rrset.signatures}
        heard = [(q, said) for s in mine for q, said in s.said.answers.items() if isinstance(said, Resolved)]
        found += [replace(subject, pool=pool, signed=signed, heard=heard) for subject in mine]
    return found


def _subject(tree: Tree, text: str, verifier: Remembering) -> Subject:
    tree.memory, tree.asked = TrustMemory(), []
    tree.check(*text.split())
    questions = [text, *tree.asked]
    said = Transcript({key_of(q): play(tree.resolve(*key_of(q), "")) for q in questions})
    subject = Subject(tree, key_of(text), said, Security.BOGUS, text)
    subject.security = judge(subject, said, verifier).security
    return subject


def judge(subject: Subject, said: Transcript, verifier: Remembering) -> Checked:
    answer = said.answers[subject.question]
    assert isinstance(answer, Resolved)
    validator = Validator(subject.tree.anchors(), TrustMemory(), verifier=verifier)
    return play(validator.check(Claim(*subject.question, answer, said, Validation())))


def rrsets_of(resolved: Resolved | Failed) -> Iterator[RRset]:
    if isinstance(resolved, Failed):
        return
    for part in (*resolved.links, resolved.end):
        match part:
            case Alias():
                yield part.rrset if part.dname is None else part.dname
                yield from part.proof
            case Positive():
                yield part.rrset
                yield from part.proof
            case Negative():
                yield from () if part.soa is None else (part.soa,)
                yield from part.proof
            case TooLong():
                yield part.dname
            case None:
                pass


def content(rrset: RRset) -> tuple[bytes, int, frozenset[bytes]]:
    """Name, type and data in canonical form."""
    return rrset.owner, rrset.rrtype, frozenset(_canonical(rrset.rrtype, rdata) for rdata in rrset.rdatas)


def _canonical(rrtype: int, rdata: bytes) -> bytes:
    try:
        return canonical_rdata(rrtype, rdata)
    except Malformed:
        return rdata


def meaning(resolved: Resolved) -> tuple[object, ...]:
    """What a client learns: not proofs, TTLs or signatures."""
    found: list[object] = []
    for part in (*resolved.links, resolved.end):
        match part:
            case Alias():
                found.append((part.rrset.owner, part.target.lower()))
            case Positive():
                found.append(content(part.rrset))
            case Negative():
                found.append(part.absent)
            case TooLong():
                found.append(content(part.dname))
            case None:
                pass
    return tuple(found)


# -- edits


def swapped(resolved: Resolved, old: RRset, new: RRset | None) -> Resolved:
    """`new` in the place of `old`; None: it is left out where that is possible."""

    def one(rrset: RRset) -> RRset:
        return new if rrset is old and new is not None else rrset

    def many(rrsets: tuple[RRset, ...]) -> tuple[RRset, ...]:
        return tuple(one(r) for r in rrsets if r is not old or new is not None)

    def alias(value: Alias) -> Alias:
        rrset = one(value.rrset)
        target = value.target if value.dname is not None else rrset.rdatas[0]
        return Alias(rrset, target, None if value.dname is None else one(value.dname), many(value.proof))

    end = resolved.end
    match end:
        case Positive():
            end = Positive(one(end.rrset), many(end.proof))
        case Negative():
            soa = None if end.soa is None or (end.soa is old and new is None) else one(end.soa)
            end = Negative(end.absent, soa, many(end.proof))
        case _:
            pass
    return replace(resolved, links=tuple(map(alias, resolved.links)), end=end)


def flipped(data: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(data))
    return data[:place] + bytes((data[place] ^ 1 << chance.randrange(8),)) + data[place + 1 :]


FIELDS = ((0, 2), (2, 1), (3, 1), (4, 4), (8, 4), (12, 4), (16, 2))
"""Offset and octets of an RRSIG's fields: type, algorithm, labels, TTL, expiration, inception, tag (RFC 4034 §3.1)."""


def refielded(signature: bytes, chance: random.Random) -> bytes:
    """One field of an RRSIG set to what might be of use to a liar."""
    at, size = chance.choice(FIELDS)
    old = int.from_bytes(signature[at : at + size], "big")
    new = chance.choice((0, 1, old - 1, old + 1, int(DATE) + DAY, int(DATE) - DAY, 13, 8, 46, 47, 50))
    return signature[:at] + (new % 256**size).to_bytes(size, "big") + signature[at + size :]


def resigned(signature: bytes, chance: random.Random) -> bytes:
    """Another signer's name."""
    end = 18
    while end < len(signature) and signature[end]:
        end += 1 + signature[end]
    signer = signature[18 : end + 1]
    other = chance.choice(
        (parent(signer) if signer != b"\0" else signer, b"\1a" + signer, read_name("bank.org."), b"\0")
    )
    return signature[:18] + other + signature[end + 1 :]


EDITS = 18


def edited(rrset: RRset, other: RRset, names: list[bytes], chance: random.Random) -> RRset | None:
    """One edit of an RRset; `other` is any that was heard anywhere."""
    place = chance.randrange(len(rrset.rdatas))
    signature = rrset.signatures[0] if rrset.signatures else bytes(19) + b"junk"

    def with_rdata(rdata: bytes) -> RRset:
        return rrset._replace(rdatas=(*rrset.rdatas[:place], rdata, *rrset.rdatas[place + 1 :]))

    match chance.randrange(EDITS):
        case 0:
            return None
        case 1:
            return rrset._replace(signatures=())
        case 2:
            rest = rrset.rdatas[:place] + rrset.rdatas[place + 1 :]
            return rrset._replace(rdatas=rest) if rest else None
        case 3 | 4 | 5:
            return with_rdata(flipped(rrset.rdatas[place], chance))
        case 6:
            return with_rdata(rrset.rdatas[place][: chance.randrange(1, len(rrset.rdatas[place]) + 1)])
        case 7:
            return with_rdata(chance.choice(other.rdatas))
        case 8:
            return rrset._replace(rdatas=(*rrset.rdatas, chance.choice(other.rdatas)))
        case 9:
            return rrset._replace(owner=chance.choice(names))
        case 10:
            return other
        case 11:
            return other._replace(owner=rrset.owner)
        case 12:
            return rrset._replace(signatures=other.signatures)
        case 13 | 14:
            return rrset._replace(signatures=(refielded(signature, chance),))
        case 15:
            return rrset._replace(signatures=(resigned(signature, chance),))
        case 16:
            return rrset._replace(ttl=2**31 - 1)
        case _:
            return rrset._replace(signatures=(flipped(signature, chance),))


def replayed(question: Question, subject: Subject, chance: random.Random) -> Resolved:
    """The answer to another question, and half of the time as if it were one to this."""
    (name, _), other = chance.choice(subject.heard)
    if chance.getrandbits(1):
        return other

    def named(rrset: RRset) -> RRset:
        return rrset._replace(owner=question[0]) if rrset.owner == name else rrset

    end = other.end
    if isinstance(end, Positive):
        end = replace(end, rrset=named(end.rrset))
    return replace(other, links=tuple(replace(link, rrset=named(link.rrset)) for link in other.links), end=end)


def reshaped(resolved: Resolved, subject: Subject, chance: random.Random) -> Resolved:
    """An edit of the response as a whole: its rcode, a proof more, a proof from anywhere, the end of another answer."""
    end, (_, other) = resolved.end, chance.choice(subject.pool)
    if isinstance(end, Negative):
        match chance.randrange(3):
            case 0:
                return replace(resolved, end=replace(end, absent=not end.absent))
            case 1:
                return replace(resolved, end=replace(end, proof=(*end.proof, other)))
            case _:
                return replace(resolved, end=Positive(other, end.proof))
    if isinstance(end, Positive):
        match chance.randrange(3):
            case 0:
                return replace(resolved, end=Negative(bool(chance.getrandbits(1)), None, (*end.proof, other)))
            case 1:
                return replace(resolved, end=replace(end, proof=(*end.proof, other)))
            case _:
                return replace(resolved, end=replace(end, rrset=other, proof=end.proof))
    return replace(resolved, end=Positive(other))


def mutated(subject: Subject, chance: random.Random) -> tuple[Transcript, list[str]]:
    """What was heard, with one to three edits, and what was edited."""
    answers = dict(subject.said.answers)
    notes = []
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        # Half of the edits are in the answer itself: there are most ways to lie, and only there proofs of absence.
        rest = [k for k, value in answers.items() if isinstance(value, Resolved)]
        key = subject.question if chance.getrandbits(1) else chance.choice(rest)
        response = answers[key]
        assert isinstance(response, Resolved)
        parts = list(rrsets_of(response))
        if not parts or (way := chance.randrange(12)) < 2:
            answers[key] = reshaped(response, subject, chance)
            notes.append(f"{show_name(key[0])} {key[1]}: reshaped")
            continue
        if way < 4:
            answers[key] = replayed(key, subject, chance)
            notes.append(f"{show_name(key[0])} {key[1]}: replayed")
            continue
        old, (where, other) = chance.choice(parts), chance.choice(subject.pool)
        alike = [(place, rrset) for place, rrset in subject.pool if rrset.rrtype == old.rrtype]
        if chance.getrandbits(1):
            where, other = chance.choice(alike or subject.pool)
        names = [subject.question[0], where[0], other.owner, b"\1*" + parent(subject.question[0])]
        answers[key] = swapped(response, old, edited(old, other, names, chance))
        notes.append(f"{show_name(key[0])} {key[1]}: {show_name(old.owner)} {old.rrtype}")
    return Transcript(answers), notes


def fault(subject: Subject, checked: Checked) -> str:
    """What is wrong with a verdict over edited responses; empty if nothing is."""
    if checked.security is Security.INSECURE and subject.security is Security.SECURE:
        return "insecure"
    if checked.security is not Security.SECURE:
        return ""
    if subject.security is not Security.SECURE:
        # Unsigned data may be anything, but are never secure. What is signed of it still may be.
        return "secure" if meaning(checked.resolved) != meaning(subject.honest) else ""
    if meaning(checked.resolved) != meaning(subject.honest):
        return "secure, and another answer"
    for rrset in rrsets_of(checked.resolved):
        made = any(link.dname is not None and link.rrset is rrset for link in checked.resolved.links)
        if not made and content(rrset) not in subject.signed:
            return "secure, and a record that nobody signed"
        if rrset.ttl > 3_600:
            return "secure, and it lives too long"
    return ""
