"""Millions of mutated messages through every parser: `long.py --cases N --seed S [--record]`.

Every case is a valid message of a corpus made with dnspython, with one to four edits: flipped bits, cut, inserted, deleted and
repeated octets, wrong counts, compression pointers to anywhere, label types, lengths and record types. Every case goes through
every parser.

A crash is any exception but `Malformed`. A broken promise is an accepted value that is not what the parser says it is
(`tests/fuzz/parsers.py`): spans outside the message, an accepted answer that does not read back, a reply that does not
cross between cells. The time of a case is CPU time, the least of five; that work is bounded is shown by counting lines in
`tests/fuzz/test_bounds.py`.

A short run with hypothesis, and dnspython as the oracle, is in every `make test`.

The input is a pure function of the seed and the case's number, so a crash can be had again: `--only NUMBER`.
"""

import contextlib
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parents[1]))

from fuzz import corpus
from fuzz.mutate import Edit, mutate
from fuzz.parsers import HARNESSES, NEVER_RAISE
from fuzz.recording import asked_cases, finish, options

from wire.errors import Malformed

Harnesses = dict[str, Callable[[bytes], bool]]
"""As in `parsers.py`."""


@dataclass(slots=True)
class Tally:
    """What one parser did."""

    accepted: int = 0
    refused: int = 0
    crashes: int = 0
    broken: int = 0
    slowest: float = 0.0


@dataclass(slots=True)
class Run:
    """What came of all cases. `slowest` is in seconds of CPU, of one case through one parser."""

    parsers: dict[str, Tally]
    cases: int = 0
    seconds: float = 0.0
    found: list[str] = field(default_factory=list)

    def total(self, what: str) -> int:
        return sum(int(getattr(tally, what)) for tally in self.parsers.values())

    @property
    def slowest(self) -> float:
        return max(tally.slowest for tally in self.parsers.values())


def cases(seed: int, of: range, entries: list[bytes]) -> Iterator[tuple[int, bytes]]:
    """Mutations of `entries`; one in sixteen is spliced from two entries, one in 256 is not changed."""
    for number in of:
        random = Random(seed << 40 | number)
        data = entries[random.randrange(len(entries))]
        dice = random.getrandbits(8)
        if dice & 15 == 1:
            other = entries[random.randrange(len(entries))]
            data = data[: random.randrange(len(data) + 1)] + other[random.randrange(len(other) + 1) :]
        edits: list[Edit] = []
        if dice:
            for _ in range(1 + (dice >> 6)):
                bits = random.getrandbits(48)
                edits.append((bits & 0xFF, bits >> 8 & 0xFFFF, bits >> 24 & 0xFFFFF))
        yield number, mutate(data, edits)


def fuzz(of: Iterable[tuple[int, bytes]], harnesses: Harnesses) -> Run:
    """Every case through every parser."""
    run, clock = Run({name: Tally() for name in harnesses}), time.perf_counter
    parsers = [(name, feed, run.parsers[name]) for name, feed in harnesses.items()]
    began = clock()
    for number, data in of:
        run.cases += 1
        for name, feed, tally in parsers:
            start = clock()
            try:
                accepted = feed(data)
            except Malformed:
                accepted = False
                if name in NEVER_RAISE:
                    tally.crashes += 1
                    run.found.append(f"case {number}: {name}: Malformed escaped")
            except AssertionError as error:
                accepted = True
                tally.broken += 1
                run.found.append(f"case {number}: {name}: {str(error).partition(chr(10))[0] or 'broken promise'}")
            except Exception as error:
                accepted = False
                tally.crashes += 1
                run.found.append(f"case {number}: {name}: {error!r}")
            if clock() - start > tally.slowest:
                tally.slowest = max(tally.slowest, cost(feed, data))
            if accepted:
                tally.accepted += 1
            else:
                tally.refused += 1
    run.seconds = clock() - began
    return run


def cost(feed: Callable[[bytes], bool], data: bytes) -> float:
    """Seconds of CPU that the case costs, the least of five: what else the machine did meanwhile is no part of it."""
    spent = []
    for _ in range(5):
        start = time.process_time()
        with contextlib.suppress(Exception):  # was counted where it was raised first
            feed(data)
        spent.append(time.process_time() - start)
    return min(spent)


def summary(run: Run) -> str:
    """One figure a line."""
    per_second = run.cases / run.seconds if run.seconds else 0.0
    return "\n".join(
        (
            f"cases         {run.cases:,}",
            f"cases/s       {per_second:,.0f} (each through {len(run.parsers)} parsers)",
            f"accepted      {run.total('accepted'):,}",
            f"refused       {run.total('refused'):,}",
            f"crashes       {run.total('crashes'):,}",
            f"broken        {run.total('broken'):,}",
            f"slowest case  {run.slowest * 1000:.1f} ms",
        )
    )


def rows(run: Run) -> str:
    """A table of the parsers."""
    lines = (
        f"| `{name}` | {tally.accepted:,} | {tally.refused:,} | {tally.crashes} | {tally.broken} | {tally.slowest * 1000:.1f} |"
        for name, tally in run.parsers.items()
    )
    head = (
        "| parser | accepted | refused | crashes | broken promises | slowest, ms |",
        "| --- | --- | --- | --- | --- | --- |",
    )
    return "\n".join((*head, *lines))


def main(script: tuple[str, str | None, str], harnesses: Harnesses, entries: list[bytes], count: int = 100_000) -> int:
    """A whole run as the command line says; `script` as in `finish`, `count` cases if nothing is said."""
    chosen = options(script[1], count).parse_args()
    of: Iterable[tuple[int, bytes]] = cases(chosen.seed, asked_cases(chosen), entries)
    if chosen.only is not None:
        of = list(of)
        print(of[0][1].hex())
    run = fuzz(of, harnesses)
    return finish(script, chosen, run, summary(run), rows(run))


if __name__ == "__main__":
    sys.exit(main((__file__, __doc__, "Fuzzing"), HARNESSES, corpus.everything()))
