"""How the caches of answers grow: octets of memory for each answer, and what finding one costs, from a thousand to a million.

    .venv/bin/python benchmarks/bench_cache.py [--most N]

One address record each, of names of 20 to 25 octets. `front` is the cache of the cells that clients speak to: answers by
question, then the same with the packet that asked for each, as after the second time; `resolver` is the resolver's memory;
`nothing but a dict` has the same questions and an answer's octets for each, to tell what is ours and what is the machine's.
Memory is what the process has more of (VmRSS), the table's growth steps and the allocator's rounding included. Each look-up is
of another name, in an order by chance: the processor's own caches are small, and that shows. Every size is a process of its
own.
"""

import argparse
import gc
import multiprocessing
import random
import resource
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from figures import Table, write_tables

from resolver.cache.answers import AnswerMemory, MemoryKey
from resolver.cache.packets import DATAGRAM, AnswerKey, PacketCache, shelf_of
from resolver.compose import Accepted
from resolver.settings import CacheSettings
from resolver.values import Origin, Reply
from wire.dns.message import ResourceRecord, build_response
from wire.dns.names import read_name
from wire.units import Instant

START = Instant(1_000.0)
CEILING = 1 << 34
LOOKS = 100_000
ROUNDS = 5
SIZES = (1_000, 10_000, 100_000, 1_000_000)
HEAD = b"id\1\0\0\1\0\0\0\0\0\0"


def question(number: int) -> bytes:
    return read_name(f"host{number}.example.net.") + b"\0\1\0\1"


def built(key: bytes) -> tuple[bytes, tuple[int, ...]]:
    made = build_response(key, 0x8180, 0, [ResourceRecord(key[:-4], 1, 1, 300, b"\xc0\0\2\1")])
    return made.message, made.ttl_offsets


def front(count: int, *, packets: bool) -> Callable[[int], object]:
    cache = PacketCache(CEILING, 1)
    for number in range(count):
        key = question(number)
        reply = Reply(*built(key), 300.0, 1, Origin.UPSTREAM)
        answer = cache.store(AnswerKey(key, 0, 0), reply, START)
        if packets:
            cache.render(HEAD + key, answer, reply.message, DATAGRAM, START)
    shelf = cache.rendered[shelf_of(0, DATAGRAM)]
    if packets:
        return lambda number: shelf[HEAD[2:] + question(number)]
    return lambda number: cache.find(AnswerKey(question(number), 0, 0), START)


def resolver(count: int) -> Callable[[int], object]:
    memory = AnswerMemory(CacheSettings(memory=CEILING))
    for number in range(count):
        key = question(number)
        memory.store(MemoryKey(key, 0, 0), Accepted(*built(key), 0, 300), START)
    return lambda number: memory.fresh(MemoryKey(question(number), 0, 0), 1, START)


def bare(count: int) -> Callable[[int], object]:
    kept = {question(number): built(question(number))[0] for number in range(count)}
    return lambda number: kept[question(number)]


WHAT: dict[str, Callable[[int], Callable[[int], object]]] = {
    "front, by question": lambda count: front(count, packets=False),
    "front, by question and by packet": lambda count: front(count, packets=True),
    "resolver": resolver,
    "nothing but a dict": bare,
}


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def measure(what: str, count: int, say: Connection) -> None:
    gc.disable()
    before = resident()
    look = WHAT[what](count)
    octets = (resident() - before) / count
    chance = random.Random(1)
    best = []
    for _ in range(ROUNDS):
        numbers = [chance.randrange(count) for _ in range(LOOKS)]
        times = []
        for doing in (look, question):
            begin = time.process_time()
            for number in numbers:
                if doing(number) is None:
                    raise SystemExit(f"{what}: an answer is missing")
            times.append(time.process_time() - begin)
        best.append((times[0] - times[1]) / LOOKS)
    say.send((octets, [1e6 * one for one in best]))


def row(what: str, count: int) -> tuple[float, list[float]]:
    """Octets an answer; microseconds to find one, in each round."""
    hear, say = multiprocessing.Pipe()
    child = multiprocessing.Process(target=measure, args=(what, count, say))
    child.start()
    say.close()
    try:
        found: tuple[float, list[float]] = hear.recv()
    except EOFError:
        raise SystemExit(f"{what}: ended") from None
    child.join()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=SIZES[-1])
    parser.add_argument("--figures", type=Path, help="for `make bench`: write the figures there too")
    options = parser.parse_args()
    note = "What nothing but a dict loses as it grows is the way to memory: each look-up is of another name, by chance."
    table = Table("Our caches from 10³ to 10⁶ answers, in process (cache: answers)", note=note)
    print("| cache | answers | octets for each | µs to find one, making its question apart |")
    print("| --- | --- | --- | --- |")
    for what in WHAT:
        for count in (size for size in SIZES if size <= options.most):
            octets, costs = row(what, count)
            print(f"| {what} | {count:,} | {octets:.0f} | {min(costs):.2f} |", flush=True)
            table.rows[f"{what}: {count:,}"] = {"octets": [octets], "find": costs}
    if options.figures:
        write_tables(options.figures, [table])


if __name__ == "__main__":
    main()
