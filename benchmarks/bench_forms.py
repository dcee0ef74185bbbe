"""Plain modules and compiled ones, in turn: microseconds of CPU for what each does, and the ratio.

`python benchmarks/bench_forms.py`, after `make setup` where there is a C compiler. UDP as a whole, kernel included:
`make bench ONLY=udp`.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable

import kit
from figures import spread

import anchorhold
from resolver.cache.packets import AnswerKey, PacketCache
from resolver.values import Origin, Reply
from wire.dns import message, names, peek
from wire.dns.edns import build_opt
from wire.units import Instant

TIMES = 4_000
KEY = names.read_name("www.bench.example") + b"\0\1\0\1"
QUERY = message.build_query(KEY, 0x0100, build_opt(1232, False, [(10, b"12345678")]))
SETS = [
    message.ResourceRecord(names.read_name(owner), kind, 1, 300, data)
    for owner, kind, data in (
        ("www.bench.example", 5, names.read_name("web.bench.example")),
        ("web.bench.example", 1, bytes((192, 0, 2, 1))),
        ("web.bench.example", 1, bytes((192, 0, 2, 2))),
        ("bench.example", 2, names.read_name("ns1.bench.example")),
        ("bench.example", 2, names.read_name("ns2.bench.example")),
        ("ns1.bench.example", 1, bytes((192, 0, 2, 3))),
        ("ns2.bench.example", 1, bytes((192, 0, 2, 4))),
    )
]
BUILT = message.build_response(KEY, 0x8180, 0, SETS[:3], SETS[3:])


def cache_ways() -> dict[str, Callable[[], object]]:
    cache, now = PacketCache(1 << 20, 1), Instant(1_000.0)
    key = AnswerKey(KEY, 0, 0)
    reply = Reply(BUILT.message, BUILT.ttl_offsets, 300.0, 1, Origin.UPSTREAM)
    answer = cache.store(key, reply, now)
    cache.render(QUERY, answer, BUILT.message, 0, now)
    entry = cache.rendered[0][QUERY[2:]]
    later = Instant(now + 1.5)

    return {
        "answer cache: find": lambda: cache.find(key, later),
        "answer cache: TTLs of a new second (7 records)": lambda: cache.renew(entry, later),
        "answer cache: store in place of another": lambda: cache.store(AnswerKey(KEY, 1, 0), reply, now),
    }


WAYS: dict[str, Callable[[], object]] = {
    "peek at a query": lambda: peek.peek(QUERY),
    "parse an answer (7 records)": lambda: message.parse_message(BUILT.message),
    "build an answer (7 records)": lambda: message.build_response(KEY, 0x8180, 0, SETS[:3], SETS[3:]),
    "read a name": lambda: names.parse_name(QUERY, 12),
    "is a name below another": lambda: names.is_below(KEY[:-4], b"\7example\0"),
    **cache_ways(),
}


def once(way: Callable[[], object]) -> float:
    began = time.process_time()
    for _ in range(TIMES):
        way()
    return 1e6 * (time.process_time() - began) / TIMES


def figures(form: str) -> dict[str, float]:
    """Of one process in this form."""
    environment = os.environ | {anchorhold.compiled.VARIABLE: form}
    command = [sys.executable, __file__, "--once"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.once:
        if anchorhold.compiled.FORM.refused:
            sys.exit(anchorhold.compiled.FORM.why)
        print(json.dumps({name: min(once(way) for _ in range(3)) for name, way in WAYS.items()}))
        return
    plain, compiled = [], []
    for _ in range(options.rounds):
        plain.append(figures("pure"))
        compiled.append(figures("require"))
    print("| what | plain, µs: median (minimum to maximum) | compiled | plain / compiled |\n|---|---|---|---|")
    for name in WAYS:
        here, there = [one[name] for one in plain], [one[name] for one in compiled]
        print(f"| {name} | {spread(here, '.2f')} | {spread(there, '.2f')} | {kit.ratio(here, there)} |")


if __name__ == "__main__":
    main()
