"""Parts of `make bench`: from start to first answer and memory, idle and with many cached answers; what a hit costs among many
answers, and from many clients."""

import math
import random
import time
from pathlib import Path

import hit_servers
import hits
import kit
import readings
import upstreams
from figures import FLOOR, PLAIN, STALLED, Table
from hit_servers import SERVERS, Place, Server, place_in

MANY = 100_000
CLIENTS = (1, 30, 1_000)
KIB_A_MIB = 1024
EVERYBODY = [name for name in SERVERS if name not in (PLAIN, FLOOR)]
"""The memory and the start of those two would say nothing new."""


def memory_of(pid: int) -> tuple[float, float]:
    """MiB resident and of proportional share, of a whole tree."""
    tree = kit.tree(pid)
    resident = sum(one.resident for member in tree if (one := readings.read(member)))
    return resident / KIB_A_MIB, sum(readings.share(member) for member in tree) / KIB_A_MIB


def hit_cost(pid: int, port: int, names: Path, seconds: float) -> float:
    before = kit.cpu_seconds(pid)
    load = kit.dnsperf(port, names, seconds=seconds)
    return 1e6 * (kit.cpu_seconds(pid) - before) / max(load.completed, 1)


def memory(run: hits.Run) -> list[Table]:
    """Start, memory, and hits among few and many answers; each server is asked for 10⁵ names once a round."""
    table = Table(
        f"Start to first answer over UDP (one core for all processes), memory of all processes, hits among {MANY:,} answers",
        note="dnsmasq and dnsdist set room for their caches aside at the start.",
    )
    table.missing = hit_servers.missing("udp", EVERYBODY)
    with hits.workshop() as folder:
        every = [f"host{number}.bench.example" for number in range(MANY)]
        random.Random(4).shuffle(every)
        many, few = hits.write_names(folder / "many", every), hits.write_names(folder / "few", every[: hits.HOT_NAMES])
        with upstreams.running(folder, (), few) as upstream:
            for number, name in run.turns(table, EVERYBODY):
                place = place_in(folder, upstream)
                hits.note(table, number, name, grow(SERVERS[name], place, few, many, run.seconds))
    return [table]


def grow(server: Server, place: Place, few: Path, many: Path, seconds: float) -> dict[str, float]:
    command = server.command(place)
    start = time.monotonic()
    with kit.serving(command, kit.SERVER_CORE, place.folder / "log", place.udp, "warm.bench.example") as pid:
        found = {"first": time.monotonic() - start}
        time.sleep(0.5)
        found["rss-idle"], found["pss-idle"] = memory_of(pid)
        kit.dnsperf(place.udp, few)
        found["hit-few"] = hit_cost(pid, place.udp, few, seconds / 2)
        for _ in range(3):  # asked, kept, and found in the form in which it is found quickest
            kit.dnsperf(place.udp, many)
        found["hit-many"] = hit_cost(pid, place.udp, many, seconds / 2)
        found["rss-full"], found["pss-full"] = memory_of(pid)
        found["octets"] = (found["pss-full"] - found["pss-idle"]) * 2**20 / MANY
    return found


def clients(run: hits.Run) -> list[Table]:
    """What a hit costs from one client, and from as many as a large household has; over UDP and over TCP."""
    table = Table(
        "Cached answers to few and many clients, each with a socket or a connection of its own",
        missing=hit_servers.missing("udp", EVERYBODY),
        note="A hundred questions at once, and one of each client where they are more.",
    )
    with hits.workshop() as folder:
        names = hits.write_names(folder / "names", (f"host{number}.bench.example" for number in range(hits.HOT_NAMES)))
        with upstreams.running(folder, (), names) as upstream:
            for number, name in run.turns(table, EVERYBODY):
                found = crowds(SERVERS[name], place_in(folder, upstream), names, run.seconds / 3)
                hits.note(table, number, name, found)
    return [table]


def crowds(server: Server, place: Place, names: Path, seconds: float) -> dict[str, float]:
    """CPU microseconds by way and number of clients; not a number where nearly nothing is answered."""
    found = {}
    log = place.folder / "log"
    with kit.serving(server.command(place), kit.SERVER_CORE, log, place.udp, "warm.bench.example") as pid:
        kit.dnsperf(place.udp, names)
        for way in hit_servers.CLEAR:
            for count in CLIENTS:
                outstanding = max(100, count)
                kit.dnsperf(place.udp, names, seconds=0.3, mode=way, clients=count, outstanding=outstanding)
                before = kit.cpu_seconds(pid)
                load = kit.dnsperf(place.udp, names, seconds=seconds, mode=way, clients=count, outstanding=outstanding)
                cost = 1e6 * (kit.cpu_seconds(pid) - before) / max(load.completed, 1)
                found[f"{way}-{count}"] = cost if load.rate >= STALLED else math.nan
    return found
