"""Ours beside the peers in one interleaved run: cached answers and forwarded misses, CPU of whole process trees.

`make bench` runs it. Servers share one core, the load and the upstream the other. A figure is the median of the
rounds, with minimum and maximum; the ratio is to unbound where unbound has the mode, else to dnsdist.
"""

import argparse
import os
import random
import statistics
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import kit
import page
import peers

MODES = {
    "cached-udp": "cached answer over UDP",
    "cached-tcp": "cached answer over TCP",
    "udp": "miss forwarded over UDP",
    "tls": "miss forwarded over warm DoT",
    "https": "miss forwarded over warm DoH",
    "quic": "miss forwarded over warm DoQ",
    "h3": "miss forwarded over warm DoH, HTTP/3",
}
TARGETS = {"cached-udp": "≤ 1.3 × unbound", "tls": "≤ 120 µs", "https": "≤ 250 µs"}
OVER_QUIC = {"quic", "h3"}
HOT_NAMES = 1_000
STALLED = 500
"""Answers a second below which a CPU figure would say nothing."""


@dataclass(slots=True)
class Figures:
    cpu: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)
    lost: int = 0


def write_names(path: Path, mode: str, count: int) -> None:
    """Hot names are the same for every server; a miss file is never used twice."""
    if mode.startswith("cached"):
        lines = [f"host{number}.bench.example A" for number in range(HOT_NAMES)]
    else:
        tag = random.randrange(1 << 48)
        lines = [f"m{tag:x}-{number}.bench.example A" for number in range(count)]
    path.write_text("\n".join(lines) + "\n")


def measure(
    peer: peers.Peer, mode: str, upstream: peers.Upstream, folder: Path, options: argparse.Namespace
) -> tuple[float, kit.Load]:
    """CPU microseconds per completed query, and dnsperf's own figures."""
    port, names = kit.free_port(), folder / "names"
    transport = "udp" if mode.startswith("cached") else mode
    command = peer.command(folder, port, upstream, transport)
    command[0] = kit.find(command[0]) or command[0]
    process = kit.start(command, kit.SERVER_CORE, folder / f"{peer.name}-{mode}.log")
    try:
        kit.wait_for_answer(port, "warm.bench.example")
        write_names(names, mode, options.misses)
        load = "tcp" if mode == "cached-tcp" else "udp"
        kit.dnsperf(port, names, seconds=1)
        kit.dnsperf(port, names, seconds=1, mode=load)  # warms caches, connections and the interpreter
        write_names(names, mode, options.misses)
        before = kit.cpu_seconds(process.pid)
        result = kit.dnsperf(port, names, seconds=options.seconds, mode=load)
        spent = kit.cpu_seconds(process.pid) - before
    finally:
        kit.stop(process)
    return 1e6 * spent / max(result.completed, 1), result


def report(number: int, mode: str, name: str, cpu: float, load: kit.Load) -> None:
    line = f"round {number + 1} {mode:10} {name:14} {cpu:7.1f} µs/query {load.rate:9.0f}/s lost {load.lost}"
    print(line, flush=True)


def run(options: argparse.Namespace) -> dict[str, dict[str, Figures]]:
    results: dict[str, dict[str, Figures]] = {mode: {} for mode in options.modes}
    with tempfile.TemporaryDirectory(prefix="anchorhold-bench-") as name:
        folder = Path(name)
        ca, chain, key = peers.certificates(folder)
        upstream = peers.Upstream(*(kit.free_port() for _ in range(3)), ca, kit.free_port(), kit.free_port())
        command = peers.upstream_command(folder, upstream, chain, key)
        command[0] = kit.find("unbound") or sys.exit("unbound is missing: apt-get install unbound")
        far_ends = [kit.start(command, kit.LOAD_CORE, folder / "upstream.log")]
        if OVER_QUIC.intersection(options.modes):
            os.environ["QUICPEER_QUIET"] = "1"
            commands = peers.quic_commands(upstream, chain, key)
            far_ends += [kit.start(command, kit.LOAD_CORE, folder / "quic.log") for command in commands]
        try:
            kit.wait_for_answer(upstream.udp, "warm.bench.example")
            for number in range(options.rounds):
                for mode in options.modes:
                    for peer in peers.PEERS:
                        if (
                            peer.name not in options.servers
                            or mode not in peer.modes
                            or (peer.program != "python3" and not kit.find(peer.program))
                        ):
                            continue
                        cpu, load = measure(peer, mode, upstream, folder, options)
                        figures = results[mode].setdefault(peer.name, Figures())
                        figures.cpu.append(cpu)
                        figures.rate.append(load.rate)
                        figures.lost += load.lost
                        report(number, mode, peer.name, cpu, load)
        finally:
            for far_end in far_ends:
                kit.stop(far_end)
    return results


def table(results: dict[str, dict[str, Figures]], options: argparse.Namespace) -> str:
    lines = [
        page.heading("Ours beside the peers"),
        "",
        f"Printed by `make bench` ({options.rounds} interleaved rounds of {options.seconds:g} s; servers on one core, "
        f"load and upstream on the other; {page.versions()}). CPU is user and kernel "
        "time of every process of the server, per completed query: median (minimum to maximum). A peer without the "
        "mode is named below.",
        "",
    ]
    for mode, rows in results.items():
        reference = rows.get("unbound") or rows.get("dnsdist")
        lines += [f"## {MODES[mode]}", ""]
        if mode in TARGETS:
            lines += [f"Target for anchorhold: {TARGETS[mode]}.", ""]
        lines += ["| server | CPU µs per query | ratio | answers/s at saturation | lost |", "|---|---|---|---|---|"]
        for name, figures in rows.items():
            ratio = kit.ratio(figures.cpu, reference.cpu if reference else ())
            spread = kit.spread(figures.cpu)
            if statistics.median(figures.rate) < STALLED:
                spread, ratio = "stalls under this load", "–"
            lines.append(f"| {name} | {spread} | {ratio} | {statistics.median(figures.rate):,.0f} | {figures.lost} |")
        absent = [peer.name for peer in peers.PEERS if mode not in peer.modes]
        lines += ["", f"Not in this mode: {', '.join(absent)}." if absent else "", ""]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--misses", type=int, default=400_000, help="names in a miss file; more than a run can ask")
    parser.add_argument("--modes", nargs="*", default=list(MODES), choices=list(MODES))
    names = [peer.name for peer in peers.PEERS]
    parser.add_argument("--servers", nargs="*", default=names, choices=names)
    parser.add_argument("--record", action="store_true", help="write benchmarks/results/DATE.md")
    options = parser.parse_args()
    if not peers.QUIC_SERVER.exists():
        print("no figures over QUIC: `make interop` builds the server for them", file=sys.stderr)
        options.modes = [mode for mode in options.modes if mode not in OVER_QUIC]
    # a part of the modes is another page than the whole
    part = "" if options.modes == list(MODES) else "-".join(options.modes)
    kit.finish(table(run(options), options), part, options.record)


if __name__ == "__main__":
    main()
