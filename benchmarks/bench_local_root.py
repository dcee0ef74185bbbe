"""What a copy of the root zone costs: reading, digest, one verdict, memory. `python benchmarks/bench_local_root.py`."""

import random
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

sys.path.pop(0)  # the tests' `kit` is meant, not the one beside this file
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from kit.rootzone import EXPIRATION, large, with_digest

from anchorhold.config.root_zone import read_root_zone
from resolver.iterate.local_root import Moment, read_local_root
from resolver.iterate.zonecopy import parse_zone
from resolver.iterate.zonemd import Hash, compute
from wire.dns.names import ROOT, read_name
from wire.units import Epoch, Instant

DOMAINS = 1_500
VERDICTS = 20_000
T = TypeVar("T")


def timed(what: str, work: Callable[[], T], per: int = 1) -> T:
    start = time.process_time()
    made = work()
    spent = (time.process_time() - start) / per
    print(f"{what:44} {spent * 1000:10.3f} ms" if per == 1 else f"{what:44} {spent * 1e6:10.2f} µs")
    return made


def main() -> None:
    text = with_digest(large(DOMAINS))
    had = Moment(Instant(0.0), Epoch(EXPIRATION - 86_400 * 20))
    data = timed("text to wire (the loader, dnspython)", lambda: read_root_zone(text))
    zone = timed("wire to records", lambda: parse_zone(data, ROOT))
    count = sum(len(records) for node in zone.nodes.values() for records in node.values())
    timed("digest SHA-384", lambda: compute(zone, Hash.SHA384))
    timed("digest SHA-512", lambda: compute(zone, Hash.SHA512))
    tracemalloc.start()
    root = read_local_root(data, had)
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    timed("all of it (read_local_root)", lambda: read_local_root(data, had))
    names = [read_name(f"www.site.tld{random.randrange(DOMAINS):05d}") for _ in range(VERDICTS)]
    timed("a referral", lambda: [root.verdict(name, 1, Instant(1.0)) for name in names], VERDICTS)
    absent = [read_name(f"x{random.randrange(10**9)}") for _ in range(VERDICTS)]
    timed("a name that is not there", lambda: [root.verdict(name, 1, Instant(1.0)) for name in absent], VERDICTS)
    print(f"{count:,} records, {len(data):,} octets in wire form, {held:,} octets held")


if __name__ == "__main__":
    main()
