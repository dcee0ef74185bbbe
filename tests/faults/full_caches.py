"""What a process holds when its caches are full: octets of data (VmData: what RLIMIT_DATA counts) for each octet of ceiling.

    .venv/bin/python tests/faults/full_caches.py

A process for each cache, which is filled to twice its ceiling with small answers of different names: so eviction has long begun.
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]

from kit.desk import START, Counter53  # noqa: E402
from kit.world import answer_to  # noqa: E402

from resolver.cache.answers import AnswerMemory  # noqa: E402
from resolver.settings import CacheSettings  # noqa: E402
from resolver.values import Query  # noqa: E402
from wire.dns.names import read_name  # noqa: E402

MEBI = 1024 * 1024
CEILING = 8 * MEBI
LIMITS = CacheSettings(memory=CEILING)


def front() -> tuple[int, int]:
    """The answers of `front`, each as it was asked for."""
    one = Counter53(credits=1_000_000, cache=LIMITS)
    cache, number = one.desk.cache, 0
    while cache.evicted <= len(cache):
        one.warm(f"n{number}.some-name.example")
        one.port.queries.clear()
        number += 1
    return cache.size, len(cache)


def resolver() -> tuple[int, int]:
    """The answers of the resolver."""
    memory, number = AnswerMemory(LIMITS), 0
    while memory.evicted <= len(memory):
        query = Query(read_name(f"n{number}.some-name.example") + b"\0\1\0\1", 0, 0, 1)
        memory.store(memory.key(query, 0), answer_to(query), START)
        number += 1
    return memory.size, len(memory)


CACHES: dict[str, Callable[[], tuple[int, int]]] = {"front": front, "resolver": resolver}


def data() -> int:
    """VmData of this process, octets."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmData")]
    return int(line.split()[1]) * 1024


def main() -> None:
    """One process for each, and a line."""
    if len(sys.argv) > 1:
        before = data()
        octets, answers = CACHES[sys.argv[1]]()
        grown = data() - before
        print(
            f"{sys.argv[1]:<10} {answers:>7} answers, {octets / MEBI:5.1f} MiB by our own count of {CEILING / MEBI:.0f} MiB;"
            f" the process grew by {grown / MEBI:5.1f} MiB: {grown / CEILING:.2f} for each octet of the ceiling"
        )
        return
    for name in CACHES:
        subprocess.run([sys.executable, __file__, name], check=True)


if __name__ == "__main__":
    main()
