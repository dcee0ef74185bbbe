"""Cached answers over encrypted ways in: ours beside unbound, dnsdist and knot-resolver in one interleaved run.

`make bench-encrypted` runs it. Servers share one core, the load and the upstream the other. A figure is the median of the rounds,
with minimum and maximum, of the CPU time of the whole process tree for each completed query. Connections are warm: the handshakes
are before the measured part of a run, or a handful in it.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import kit
import page
import peers
from encrypted_servers import SERVERS, Place, Server

HOT_NAMES = 1_000
STALLED = 500
"""Answers a second below which a CPU figure would say nothing."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way in: what it is called, and how a load of so many seconds is put on a port of it."""

    title: str
    load: Callable[[int, Path, float], kit.Load]


def dnsperf(mode: str, clients: int, outstanding: int) -> Callable[[int, Path, float], kit.Load]:
    return lambda port, names, seconds: kit.dnsperf(
        port, names, seconds=seconds, mode=mode, clients=clients, outstanding=outstanding
    )


def over_quic(outstanding: int) -> Callable[[int, Path, float], kit.Load]:
    """dnsperf 2.10 speaks no QUIC, so the load is Python too; its CPU time does not count."""

    def load(port: int, names: Path, seconds: float) -> kit.Load:
        command = [*kit.pinned(kit.LOAD_CORE), sys.executable, str(Path(__file__).parent / "quic_load.py")]
        command += [str(port), str(names), str(seconds), str(outstanding)]
        said = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        return kit.Load(said["completed"], said["lost"], said["rate"], said["latency_ms"], {})

    return load


WAYS = {
    "dot": Way("DNS over TLS: 8 connections, 100 queries at once", dnsperf("dot", 8, 100)),
    # dnsperf 2.10 takes one response out of each read, and counts the others lost: so one query at once on each connection.
    "doh": Way("DNS over HTTPS (HTTP/2, GET): 32 connections, one query at once on each", dnsperf("doh", 32, 32)),
    "doq": Way("DNS over QUIC: one connection, 90 queries at once; no peer of Debian 12 serves it", over_quic(90)),
}
"""A further way is one more row here and in `Server.ways`."""


@dataclass(slots=True)
class Figures:
    cpu: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Bench:
    """What all measurements of a run share."""

    folder: Path
    upstream: peers.Upstream
    chain: Path
    key: Path
    names: Path
    seconds: float


def measure(server: Server, ways: list[str], bench: Bench) -> dict[str, tuple[float, kit.Load]]:
    """Microseconds of CPU per completed query, and dnsperf's own figures, for each way."""
    place = Place(
        bench.folder, kit.free_port(), {way: kit.free_port() for way in ways}, bench.upstream, bench.chain, bench.key
    )
    command = server.command(place)
    command[0] = kit.find(command[0]) or command[0]
    process = kit.start(command, kit.SERVER_CORE, bench.folder / f"{server.name}.log")
    found = {}
    try:
        kit.wait_for_answer(place.udp, "warm.bench.example")
        for way in ways:
            if way != "doq":
                kit.wait_for_listener(place.ports[way])
            WAYS[way].load(place.ports[way], bench.names, 2)  # fills the cache, warms the interpreter
            before = kit.cpu_seconds(process.pid)
            load = WAYS[way].load(place.ports[way], bench.names, bench.seconds)
            spent = kit.cpu_seconds(process.pid) - before
            found[way] = 1e6 * spent / max(load.completed, 1), load
    finally:
        kit.stop(process)
    return found


def run(options: argparse.Namespace) -> dict[str, dict[str, Figures]]:
    results: dict[str, dict[str, Figures]] = {way: {} for way in options.ways}
    with tempfile.TemporaryDirectory(prefix="anchorhold-bench-") as name:
        folder = Path(name)
        ca, chain, key = peers.certificates(folder)
        names = folder / "names"
        names.write_text("".join(f"host{number}.bench.example A\n" for number in range(HOT_NAMES)))
        upstream = peers.Upstream(kit.free_port(), kit.free_port(), kit.free_port(), ca)
        command = peers.upstream_command(folder, upstream, chain, key)
        command[0] = kit.find("unbound") or sys.exit("unbound is missing: make peers")
        far_end = kit.start(command, kit.LOAD_CORE, folder / "upstream.log")
        bench = Bench(folder, upstream, chain, key, names, options.seconds)
        try:
            kit.wait_for_answer(upstream.udp, "warm.bench.example")
            for number in range(options.rounds):
                for server in SERVERS:
                    ways = [way for way in options.ways if way in server.ways and server.name in options.servers]
                    if ways and (server.program == "python3" or kit.find(server.program)):
                        note(number, server, measure(server, ways, bench), results)
        finally:
            kit.stop(far_end)
    return results


def note(
    number: int, server: Server, found: dict[str, tuple[float, kit.Load]], results: dict[str, dict[str, Figures]]
) -> None:
    for way, (cpu, load) in found.items():
        figures = results[way].setdefault(server.name, Figures())
        figures.cpu.append(cpu)
        figures.rate.append(load.rate)
        figures.lost += load.lost
        line = f"round {number + 1} {way:5} {server.name:14} {cpu:7.1f} µs/query {load.rate:9.0f}/s lost {load.lost}"
        print(line, flush=True)


def table(results: dict[str, dict[str, Figures]], options: argparse.Namespace) -> str:
    lines = [
        page.heading("Encrypted ways in, beside the peers"),
        "",
        f"Printed by `make bench-encrypted` ({options.rounds} interleaved rounds of {options.seconds:g} s; {HOT_NAMES:,} names "
        f"that are cached; servers on one core, load on the other; {page.versions()}). CPU is user and kernel time of every "
        "process of the server, per completed query: median (minimum to maximum).",
        "",
    ]
    for way, rows in results.items():
        reference = rows.get("unbound")
        lines += [f"## {WAYS[way].title}", ""]
        lines += ["| server | CPU µs per query | ratio | hits per CPU second | answers/s at saturation | lost |"]
        lines += ["|---|---|---|---|---|---|"]
        lines += [row(name, figures, reference) for name, figures in rows.items()]
        lines.append("")
    return "\n".join(lines)


def row(name: str, figures: Figures, reference: Figures | None) -> str:
    rate = statistics.median(figures.rate)
    if rate < STALLED:
        return f"| {name} | stalls under this load | – | – | {rate:,.0f} | {figures.lost} |"
    ratio = kit.ratio(figures.cpu, reference.cpu if reference else ())
    each = 1e6 / statistics.median(figures.cpu)
    return f"| {name} | {kit.spread(figures.cpu)} | {ratio} | {each:,.0f} | {rate:,.0f} | {figures.lost} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=list(WAYS))
    names = [server.name for server in SERVERS]
    parser.add_argument("--servers", nargs="*", default=names, choices=names)
    parser.add_argument("--record", action="store_true", help="write benchmarks/results/DATE-encrypted.md")
    options = parser.parse_args()
    kit.finish(table(run(options), options), "encrypted", options.record)


if __name__ == "__main__":
    main()
