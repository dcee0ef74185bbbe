"""What an attack on the validator costs: CPU of one question from the responses to the verdict, parsing included, with nothing
remembered. `python benchmarks/bench_traps.py [--rounds N] [ATTACK…]`.

Each round plays every attack once, each beside a benign question, so that a busy machine shows in both. Responses are replayed:
the servers' own work is not in it. The limit is 10 ms.
"""

import argparse
import gc
import statistics
import sys
import time
from pathlib import Path

sys.path.pop(0)  # the tests' `kit` is meant, not the one beside this file
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from kit.traps import Field, Replay, Trap
from kit.trapzones import BENIGN, TRAPS

from resolver.cache.rrsets import Failed
from resolver.dnssec.budget import UNITS, Validation

LIMIT = 10.0


def replayed(trap: Trap) -> Field:
    field = Field().plant(trap)
    field.outside = Replay(field.internet)
    field.spring(trap, Validation())
    return field


def milliseconds(field: Field, trap: Trap) -> float:
    gc.collect()
    gc.disable()
    try:
        start = time.thread_time()
        field.spring(trap, Validation())
        return 1000 * (time.thread_time() - start)
    finally:
        gc.enable()


def outcome(field: Field, trap: Trap) -> str:
    budget = Validation()
    found = field.spring(trap, budget)
    verdict = "failed" if isinstance(found, Failed) else found.security.name.lower()
    spent = (UNITS - budget.units, len(field.verified), Validation().hashes.left - budget.hashes.left, len(field.asked))
    return f"{verdict:14} {spent[0]:5} {spent[1]:5} {spent[2]:5} {spent[3]:5}"


def main() -> int:
    options = argparse.ArgumentParser(description="CPU of one attack question.")
    options.add_argument("--rounds", type=int, default=15)
    options.add_argument("attacks", nargs="*", help="only those with one of these words in their name")
    chosen = options.parse_args()
    traps = [trap for trap in TRAPS if not chosen.attacks or any(word in trap.name for word in chosen.attacks)]
    benign = replayed(BENIGN)
    fields = {trap.name: replayed(trap) for trap in traps}
    spent: dict[str, list[float]] = {trap.name: [] for trap in traps}
    quiet: list[float] = []
    for _ in range(chosen.rounds):
        for trap in traps:
            quiet.append(milliseconds(benign, BENIGN))
            spent[trap.name].append(milliseconds(fields[trap.name], trap))
    heading = f"{'CPU ms for one question':44} {'median':>7} {'most':>7}  {'verdict':14} units  sigs hashes asked"
    print(heading, f"{'a benign one beside them':44} {statistics.median(quiet):7.1f} {max(quiet):7.1f}", sep="\n")
    over = 0
    for trap in traps:
        median = statistics.median(spent[trap.name])
        over += median > LIMIT
        print(f"{trap.name:44} {median:7.1f} {max(spent[trap.name]):7.1f}  {outcome(fields[trap.name], trap)}")
    print(f"over {LIMIT:g} ms in the median: {over}")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
