"""What a process holds when its caches are full: octets of data (VmData: what RLIMIT_DATA counts) for each octet of ceiling.

    .venv/bin/python tests/faults/full_caches.py

A process for each cache, which is filled to twice its ceiling with small answers of different names: so eviction has long begun.
And one with many leases, whose count is what they take on disk.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]

from kit.desk import START, Counter53  # noqa: E402
from kit.leases import DATE, KEY, begun, folder, lease, saved, store  # noqa: E402
from kit.world import answer_to  # noqa: E402

from anchorhold import ceilings  # noqa: E402
from anchorhold.cells.heap import keep_to_heap  # noqa: E402
from anchorhold.leases.messages import build_hosts  # noqa: E402
from anchorhold.leases.publisher import Publisher  # noqa: E402
from dhcp.book import LeaseBook  # noqa: E402
from dhcp.edge.store import SqliteStore, size_of  # noqa: E402
from dhcp.settings import DhcpSettings  # noqa: E402
from resolver.cache.answers import AnswerMemory  # noqa: E402
from resolver.settings import CacheSettings  # noqa: E402
from resolver.values import Query  # noqa: E402
from wire.dns.names import read_name  # noqa: E402

MEBI = 1024 * 1024
CEILING = 8 * MEBI
LEASES = 20_000
LIMITS = CacheSettings(memory=CEILING)


class Full(NamedTuple):
    """How many there are, what they take by our own count, and the ceiling for that; octets."""

    entries: int
    octets: int
    ceiling: int


def front() -> Full:
    """The answers of `front`, each as it was asked for."""
    one = Counter53(credits=1_000_000, cache=LIMITS)
    cache, number = one.desk.cache, 0
    while cache.evicted <= len(cache):
        one.warm(f"n{number}.some-name.example")
        one.port.queries.clear()
        number += 1
    return Full(len(cache), cache.size, CEILING)


def resolver() -> Full:
    """The answers of the resolver."""
    memory, number = AnswerMemory(LIMITS), 0
    while memory.evicted <= len(memory):
        query = Query(read_name(f"n{number}.some-name.example") + b"\0\1\0\1", 0, 0, 1)
        memory.store(memory.key(query, 0), answer_to(query), START)
        number += 1
    return Full(len(memory), memory.size, CEILING)


def dhcp() -> Full:
    """Leases that are read from disk, as by a cell that begins, and all told to `front`."""
    with tempfile.TemporaryDirectory(prefix="full-") as name:
        if (pid := os.fork()) == 0:
            with store(Path(name)) as one:
                one.load()
                one.commit(begun(*(lease(n, name=f"device-{n}") for n in range(1, LEASES + 1))), saved())
            os._exit(0)
        assert os.waitpid(pid, 0) == (pid, 0)
        keep_to_heap()
        with folder(Path(name)) as files:
            counted = ceilings.OF_LEASES * size_of(files)
            own = SqliteStore(files, KEY)
            book = LeaseBook(KEY, own.load().leases)
            _kept.append((own, book, list(build_hosts(Publisher(DhcpSettings(1)).everything(book, DATE)))))
    return Full(len(book), counted, counted)


_kept: list[object] = []
"""Till it is measured."""
CACHES: dict[str, Callable[[], Full]] = {"front": front, "resolver": resolver, "dhcp": dhcp}


def data() -> int:
    """VmData of this process, octets."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmData")]
    return int(line.split()[1]) * 1024


def main() -> None:
    """One process for each, and a line."""
    if len(sys.argv) > 1:
        before = data()
        full = CACHES[sys.argv[1]]()
        grown = data() - before
        print(
            f"{sys.argv[1]:<10} {full.entries:>7} entries, {full.octets / MEBI:5.1f} MiB by our own count of"
            f" {full.ceiling / MEBI:.0f} MiB; the process grew by {grown / MEBI:5.1f} MiB:"
            f" {grown / full.ceiling:.2f} for each octet of the ceiling"
        )
        return
    for name in CACHES:
        subprocess.run([sys.executable, __file__, name], check=True)


if __name__ == "__main__":
    main()
