"""Mutated proofs of absence: `denial.py --cases N --seed S [--record]`. None may prove what is false of its zone.

A case is a small family of zones (parent, zone, children, an older way of hashing), a question, and the honest answer's
records with one to three edits: dropped, exchanged for any other record of the family, bits flipped, cut, given another
owner, signer, number of labels, next name, iterations or flags. Signatures are ideal: a record is verified if exactly it was
signed, or a wildcard that it can be an expansion of. Real signatures are tested where they are verified. What is left goes to
every predicate, for each zone of the family, and into the ranges of `resolver.cache.ranges`; everything that is proved or
answered is held against an oracle (`tests/kit/absence.py`). Beside it, the edited records go in as if all of them were
signed: then nothing but an exception is a fault, since nobody knows what is true.

Beside this, `make test` asks every question of every subset of the records of every small zone
(`tests/unit/test_resolver_denial_exhaustive.py`).

The input is a pure function of the seed and the case's number: `--only NUMBER`.
"""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parents[1]))

from fuzz.recording import asked_cases, finish, options
from kit.absence import DNAME, DS, NS, SOA, TXT, A, Salted, Server, Verified, Zone, nsec3_chain
from kit.claims import KINDS, NO, TYPES, answers, check, zones

from resolver.cache.ranges import Denied, Ranges
from resolver.dnssec.nsec3 import Hashes
from resolver.iterate.verdict import RRset
from wire.dns.names import count_labels, is_below, parent, read_name
from wire.units import Instant

TOP, APEX = read_name("y."), read_name("z.y.")
LABELS = [b"\1a", b"\1b", b"\1*", b"\1A".lower(), b"\2a\0", b"\1c"]
HOW = [None, Salted(), Salted(3, b"\xaa\xbb"), Salted(opt_out=True), Salted(1, b"", True)]
MORE_KINDS = [*KINDS[1:], frozenset({A, TXT}), frozenset({TXT}), frozenset({A}), frozenset({DNAME, A})]


@dataclass(frozen=True)
class Wire:
    """A record and what its RRSIG says of it."""

    owner: bytes
    rrtype: int
    rdata: bytes
    signer: bytes
    labels: int


@dataclass
class Run:
    """What came of all cases."""

    cases: int = 0
    unchanged: int = 0
    verified: int = 0
    refused: int = 0
    proved: int = 0
    answered: int = 0
    believed: int = 0
    seconds: float = 0.0
    false: int = 0
    crashes: int = 0
    found: list[str] = field(default_factory=list)


class Family:
    """A zone, its parent, the children that have a DS, and all that any of them ever signed."""

    def __init__(self, random: Random) -> None:
        how = random.choice(HOW)
        self.zone = Zone(APEX, dict(some_names(random, APEX)))
        cut = frozenset({NS, DS})
        self.parent = Zone(TOP, {APEX: cut, **dict(some_names(random, TOP, 2))})
        self.children = [
            Zone(name, dict(some_names(random, name, 2))) for name, types in self.zone.owners.items() if types == cut
        ]
        self.server = Server(self.zone, how)
        others = [Server(zone, random.choice([None, how])) for zone in (self.parent, *self.children)]
        pool = [*self.server.chain, *(record for other in others for record in other.chain)]
        if how is not None and random.getrandbits(2) == 0:
            pool += nsec3_chain(self.zone, replace(how, salt=b"old"))
        self.pool = [as_sent(record) for record in pool]
        self.signed = {(w.owner, w.rrtype, w.rdata, w.signer) for w in self.pool}
        self.zones = [self.zone, self.parent, *self.children]

    def verify(self, sent: Wire) -> Verified | None:
        """With ideal signatures (RFC 4035 §5.3): the signed owner has as many labels as the RRSIG says, `*` in front."""
        owner, labels = sent.owner, count_labels(sent.owner.removeprefix(b"\1*"))
        wildcard = None
        if sent.labels > labels or not is_below(owner, sent.signer):
            return None
        if sent.labels < labels:
            wildcard = b"\1*" + ancestor(owner, sent.labels)
        if (wildcard or owner, sent.rrtype, sent.rdata, sent.signer) not in self.signed:
            return None
        return Verified(RRset(owner, sent.rrtype, 300, (sent.rdata,)), sent.signer, wildcard)


def as_sent(record: Verified) -> Wire:
    owner = record.rrset.owner
    labels = count_labels(owner.removeprefix(b"\1*"))
    return Wire(owner, record.rrset.rrtype, record.rrset.rdatas[0], record.zone, labels)


def ancestor(name: bytes, labels: int) -> bytes:
    for _ in range(count_labels(name) - labels):
        name = parent(name)
    return name


def some_name(random: Random, apex: bytes) -> bytes:
    name = apex
    for _ in range(random.choice((1, 1, 1, 2, 2, 3))):
        name = random.choice(LABELS) + name
    return name


def some_names(random: Random, apex: bytes, most: int = 6) -> Iterator[tuple[bytes, frozenset[int]]]:
    for _ in range(random.randint(1, most)):
        yield some_name(random, apex), random.choice(MORE_KINDS)


def edit(random: Random, records: list[Wire], family: Family, names: list[bytes]) -> None:
    """One edit, in place."""
    at = random.randrange(len(records))
    record, other = records[at], random.choice(family.pool)
    match random.randrange(13):
        case 0:
            del records[at]
            return
        case 1:
            records.append(other)
            return
        case 2:
            record = other
        case 3 | 4 if record.rdata:
            rdata = bytearray(record.rdata)
            bit = random.randrange(8 * len(rdata))
            rdata[bit >> 3] ^= 1 << (bit & 7)
            record = replace(record, rdata=bytes(rdata))
        case 5:
            record = replace(record, rdata=record.rdata[: random.randrange(len(record.rdata) + 1)])
        case 6:
            record = replace(record, owner=random.choice(names))
        case 7:
            # The label count stays: an expansion, if the record is a wildcard's.
            record = replace(other, owner=random.choice(names), labels=random.randrange(4))
        case 8:
            record = replace(record, labels=max(record.labels + random.choice((-1, 1)), 0))
        case 9:
            record = replace(record, signer=random.choice(family.zones).apex)
        case 10:
            record = replace(record, rdata=other.rdata)
        case 11:
            record = replace(record, owner=other.owner)
        case 12:
            record = replace(record, rdata=record.rdata[:1] + bytes((random.getrandbits(2),)) + record.rdata[2:])
    records[at] = record


def play(number: int, seed: int, run: Run) -> None:
    """One case."""
    random = Random(seed << 40 | number)
    family = Family(random)
    names = [some_name(random, family.zone.apex) for _ in range(2)]
    names += [random.choice(list(family.zone.nodes)), some_name(random, random.choice(family.zones).apex)]
    proof = [as_sent(record) for record in family.server.proof(names[0])] or [random.choice(family.pool)]
    sent = list(proof)
    for _ in range(random.choice((1, 1, 2, 3))):
        if sent:
            edit(random, sent, family, names)
    run.unchanged += sent == proof
    checked = [family.verify(record) for record in sent]
    verified = tuple(record for record in checked if record is not None)
    run.verified += len(verified)
    run.refused += len(checked) - len(verified)
    for zone in family.zones:
        for name in names:
            if is_below(name, zone.apex):
                run.proved += check(zone, name, verified, Hashes(2_000))
    run.answered += ask_ranges(random, family, names, verified)
    run.believed += believe(sent, names)


def ask_ranges(random: Random, family: Family, names: list[bytes], verified: tuple[Verified, ...]) -> int:
    """Put what is verified, and some more, into the ranges and ask; how many answers came, all of them true."""
    ranges = Ranges(1 << 20, 3600)
    kept = [*verified, *family.server.chain]
    random.shuffle(kept)
    for zone in family.zones[: random.randint(1, 3)]:
        soa = RRset(zone.apex, SOA, 300, (b"\0\0" + bytes(16) + (60).to_bytes(4, "big"),))
        ranges.store(Verified(soa, zone.apex), tuple(kept[: random.randint(1, 6)]), Instant(0.0))
    answered = 0
    for name in names:
        for rrtype in TYPES:
            found = ranges.answer(name, rrtype, Instant(1.0), Hashes(2_000))
            if isinstance(found, Denied):
                answered += 1
                zone = next(zone for zone in family.zones if zone.apex == found.soa.owner)
                assert not found.evidence.opt_out
                assert zone.is_true(found.evidence, name, rrtype), (zone.written, name, rrtype, found)
    return answered


def believe(sent: list[Wire], names: list[bytes]) -> int:
    """The edited records as if they were signed: anything but an exception will do; how many predicates said yes."""
    records = tuple(Verified(RRset(w.owner, w.rrtype, 300, (w.rdata,)), w.signer) for w in sent)
    found = [said for _, said, _, _ in answers(names[0], APEX, records, Hashes(200))]
    return sum(not isinstance(said, NO) for said in found)


def fuzz(seed: int, numbers: range) -> Run:
    """Every case."""
    run, began = Run(), time.perf_counter()
    for number in numbers:
        run.cases += 1
        try:
            play(number, seed, run)
        except AssertionError as error:
            run.false += 1
            run.found.append(f"case {number}: false: {str(error)[:2_000]}")
        except Exception as error:
            run.crashes += 1
            run.found.append(f"case {number}: {error!r}")
    run.seconds = time.perf_counter() - began
    return run


def summary(run: Run) -> str:
    """One figure a line."""
    return "\n".join(
        (
            f"cases            {run.cases:,}",
            f"cases/s          {run.cases / run.seconds:,.0f}",
            f"edited to itself {run.unchanged:,}",
            f"records verified {run.verified:,}",
            f"records refused  {run.refused:,}",
            f"claims proved    {run.proved:,} (all held against the oracle)",
            f"ranges answered  {run.answered:,} (all held against the oracle)",
            f"false            {run.false}",
            f"crashes          {run.crashes}",
            f"proved by edited records believed unverified {run.believed:,} (what the signatures are for)",
        )
    )


def exhaustive() -> int:
    """Every subset of every record of every zone with these three names, as the unit test does with two."""
    from itertools import combinations

    from kit.claims import PROBES

    proved = 0
    for how in HOW:
        for zone in zones(["a", "*", "a.a"]):
            chain = Server(zone, how).chain
            hashes = Hashes(10_000)
            for size in range(1, len(chain) + 1):
                for records in combinations(chain, size):
                    proved += sum(check(zone, name, records, hashes) for name in PROBES)
    return proved


def main() -> int:
    asked = options(__doc__, cases=10_000)
    asked.add_argument("--exhaustive", action="store_true", help="all subsets of all zones of three names")
    chosen = asked.parse_args()
    if chosen.exhaustive:
        print(f"claims proved, all true: {exhaustive():,}")
        return 0
    run = fuzz(chosen.seed, asked_cases(chosen))
    return finish((__file__, __doc__, "Proofs of absence"), chosen, run, summary(run))


if __name__ == "__main__":
    sys.exit(main())
