"""Ours beside the peers when every question needs a new zone: CPU and packets per answer, latency at 20 ms a round trip.

`make bench-iteration` runs it. The tree, the servers and the load live in a network namespace of their own; the server has
one core, the load and the authorities the other. Each measurement begins with a fresh process and empty caches.
"""

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import figures
import iterators
import kit
import latency
import namespace
import page
import tree
from figures import spread

RTT_MS = 20
REFERENCE = "unbound"
NO_NAME = 3


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement: right answers, questions without one, CPU µs and upstream packets per question, answers a second.

    `latencies` are in milliseconds; `reached` says how many packets each level of the tree got.
    """

    right: int
    failed: int
    cpu: float
    packets: float
    rate: float
    latencies: list[float]
    reached: dict[str, int]


class Authorities:
    """The responder's process."""

    def __init__(self, zones: int) -> None:
        program = Path(__file__).parent / "authorities.py"
        command = [*kit.pinned(kit.LOAD_CORE), sys.executable, str(program), "--zones", str(zones)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.count(0)

    def count(self, delay_ms: float) -> dict[str, int]:
        """What was counted since the last time; from now on answers are delayed."""
        if not self.process.stdin or not self.process.stdout:
            raise AssertionError
        self.process.stdin.write(f"{delay_ms}\n")
        self.process.stdin.flush()
        counts: dict[str, int] = json.loads(self.process.stdout.readline())
        return counts


@dataclass(slots=True)
class Bench:
    folder: Path
    tree: tree.Tree
    authorities: Authorities
    options: argparse.Namespace
    number: int = 0

    @contextlib.contextmanager
    def running(self, server: iterators.Iterator) -> Iterator[tuple[int, int]]:
        """A fresh process that has primed the root and found one top-level domain: its port and process id."""
        self.number += 1
        folder = self.folder / f"{self.number}-{server.name}"
        folder.mkdir()
        port = kit.free_port()
        command = server.command(folder, port, self.folder / "hints")
        command[0] = kit.find(command[0]) or command[0]
        process = kit.start(command, kit.SERVER_CORE, folder / "log")
        try:
            kit.wait_for_answer(port, tree.WARM)
            yield port, process.pid
        finally:
            kit.stop(process)

    def saturate(self, server: iterators.Iterator, _round: int) -> Sample:
        """All questions once, a hundred at a time, answered by the authorities without delay."""
        names = self.folder / "names"
        names.write_text("".join(f"{question.name} {question.rrtype}\n" for question in self.tree.questions))
        absent = sum(question.rcode == NO_NAME for question in self.tree.questions)
        with self.running(server) as (port, pid):
            self.authorities.count(0)
            before = kit.cpu_seconds(pid)
            load = kit.dnsperf(port, names, clients=self.options.clients, outstanding=self.options.outstanding)
            spent = kit.cpu_seconds(pid) - before
            counts = self.authorities.count(0)
        asked = len(self.tree.questions)
        right = load.codes.get("NOERROR", 0) + min(load.codes.get("NXDOMAIN", 0), absent)
        return sample(asked, right, spent, load.rate, [], counts)

    def pace(self, server: iterators.Iterator, number: int) -> Sample:
        """The round's own part of the questions at a constant rate, each packet answered after 20 ms."""
        each = int(self.options.rate * self.options.seconds)
        first = number * each % len(self.tree.questions)
        questions = (self.tree.questions * 2)[first : first + each]
        with self.running(server) as (port, pid):
            self.authorities.count(RTT_MS)
            before = kit.cpu_seconds(pid)
            answered = latency.ask(port, questions, self.options.rate)
            spent = kit.cpu_seconds(pid) - before
            counts = self.authorities.count(0)
        latencies = [1000 * seconds for seconds in answered.latencies]
        return sample(len(questions), len(latencies), spent, self.options.rate, latencies, counts)


def sample(asked: int, right: int, spent: float, rate: float, latencies: list[float], counts: dict[str, int]) -> Sample:
    packets = sum(count for level, count in counts.items() if level != "repeated")
    return Sample(right, asked - right, 1e6 * spent / asked, packets / asked, rate, latencies, counts)


Results = dict[str, dict[str, list[Sample]]]


def run(options: argparse.Namespace) -> Results:
    """Samples by measurement and server."""
    results: Results = {"saturate": {}, "pace": {}}
    with tempfile.TemporaryDirectory(prefix="anchorhold-bench-") as name:
        folder, made = Path(name), tree.build(options.zones)
        servers = made.zones[b"\0"].servers
        (folder / "hints").write_text("".join(hint(server) for server in servers))
        bench = Bench(folder, made, Authorities(options.zones), options)
        try:
            for number in range(options.rounds):
                for mode in options.modes:
                    measure: Callable[[iterators.Iterator, int], Sample] = getattr(bench, mode)
                    for server in chosen(options.servers):
                        one = measure(server, number)
                        results[mode].setdefault(server.name, []).append(one)
                        report(number, mode, server.name, one)
        finally:
            bench.authorities.process.terminate()
            bench.authorities.process.wait()
    return results


def chosen(names: list[str]) -> list[iterators.Iterator]:
    """Those named, as far as they are installed."""
    return [
        server
        for server in iterators.ITERATORS
        if server.name in names and (server.program == "python3" or kit.find(server.program))
    ]


def hint(server: tree.Server) -> str:
    labels, at = [], 0
    while length := server.name[at]:
        labels.append(server.name[at + 1 : at + 1 + length].decode())
        at += 1 + length
    name = ".".join(labels) + "."
    return f". 3600000 IN NS {name}\n{name} 3600000 IN A {IPv4Address(server.address)}\n"


def report(number: int, mode: str, name: str, one: Sample) -> None:
    line = f"round {number + 1} {mode:8} {name:13} {one.cpu:7.1f} µs {one.packets:5.2f} packets a question"
    line += f" {one.rate:7.0f}/s failed {one.failed}"
    if one.latencies:
        line += " ms " + " ".join(f"{part:.0f}" for part in percentiles(one.latencies))
    print(line, one.reached, flush=True)


def percentiles(latencies: list[float]) -> tuple[float, float, float]:
    cuts = statistics.quantiles(latencies, n=100)
    return cuts[49], cuts[89], cuts[98]


def saturated_table(rows: dict[str, list[Sample]]) -> list[str]:
    lines = [
        "| server | CPU µs per answer | ratio | packets per answer | ratio | answers/s | failed |",
        "|---|---|---|---|---|---|---|",
    ]
    reference = rows.get(REFERENCE, [])
    for name, samples in rows.items():
        cpu, packets = [one.cpu for one in samples], [one.packets for one in samples]
        rate, failed = statistics.median(one.rate for one in samples), sum(one.failed for one in samples)
        lines.append(
            f"| {name} | {spread(cpu, '.0f')} | {kit.ratio(cpu, [one.cpu for one in reference])} "
            f"| {spread(packets, '.2f')} | {kit.ratio(packets, [one.packets for one in reference])} "
            f"| {rate:,.0f} | {failed} |"
        )
    return lines


def paced_table(rows: dict[str, list[Sample]]) -> list[str]:
    lines = [
        "| server | p50 ms | p90 ms | p99 ms | packets per answer | ratio | CPU µs per answer | failed |",
        "|---|---|---|---|---|---|---|---|",
    ]
    reference = [one.packets for one in rows.get(REFERENCE, [])]
    for name, samples in rows.items():
        middle, most, nearly = percentiles([latency for one in samples for latency in one.latencies])
        packets, cpu = [one.packets for one in samples], statistics.median(one.cpu for one in samples)
        lines.append(
            f"| {name} | {middle:.0f} | {most:.0f} | {nearly:.0f} | {spread(packets, '.2f')} "
            f"| {kit.ratio(packets, reference)} | {cpu:.0f} | {sum(one.failed for one in samples)} |"
        )
    return lines


def table(results: Results, options: argparse.Namespace) -> str:
    lines = [
        page.heading("Cold iteration"),
        "",
        f"Printed by `make bench-iteration` ({options.rounds} interleaved rounds; servers on one core, load and authorities "
        f"on the other; {page.versions()}). The tree has {options.zones:,} second-level "
        "zones of customers, besides those of hosters and content networks, and third-level zones; every question needs a "
        "zone that no other needs. All servers minimise names (RFC 9156), none validates, all use IPv4 only; each "
        "measurement begins with empty caches. CPU is user and kernel time of every process of the server. Packets are "
        "counted at the authorities. Median of the rounds (minimum to maximum); ratios are to unbound. Failed: no answer, "
        "or not the right one.",
        "",
        f"## All questions once, {options.outstanding} at a time, authorities answer at once",
        "",
        *saturated_table(results["saturate"]),
        "",
        f"## {options.rate:g} questions a second, every round trip takes {RTT_MS} ms",
        "",
        *paced_table(results["pace"]),
        "",
    ]
    return "\n".join(lines)


def bare_table(rows: dict[str, list[Sample]], options: argparse.Namespace) -> figures.Table:
    title = f"Cold iteration: every question needs a zone of its own ({options.zones:,} and more); {options.outstanding} at once"
    here = figures.Table(
        title, note="Names are minimised by all, nothing is validated; packets are counted at the authorities."
    )
    here.missing = {one.name: "not installed" for one in iterators.ITERATORS if one.name not in rows}
    here.missing |= {"dnsmasq": "does not iterate", "dnsdist": "does not iterate"}
    for server, samples in rows.items():
        for one in samples:
            lost = 1_000 * one.failed / (one.right + one.failed)
            here.add(server, {"cpu": one.cpu, "packets": one.packets, "rate": one.rate, "lost": lost})
    return here


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--zones", type=int, default=10_000, help="of customers, in the second level")
    parser.add_argument("--outstanding", type=int, default=100, help="questions at a time, all at once")
    parser.add_argument("--clients", type=int, default=8, help="sockets they come from")
    parser.add_argument("--rate", type=float, default=100, help="questions a second, with delay")
    parser.add_argument("--seconds", type=float, default=20, help="for which they are asked")
    parser.add_argument("--modes", nargs="*", default=["saturate", "pace"], choices=["saturate", "pace"])
    names = [server.name for server in iterators.ITERATORS]
    parser.add_argument("--servers", nargs="*", default=names, choices=names)
    parser.add_argument("--record", action="store_true", help="write benchmarks/results/DATE-iteration.md")
    parser.add_argument("--figures", type=Path, help="for `make bench`: write the figures there instead")
    options = parser.parse_args()
    namespace.enter()
    if options.figures:
        figures.write_tables(options.figures, [bare_table(run(options)["saturate"], options)])
        return
    kit.finish(table(run(options), options), "iteration", options.record)


if __name__ == "__main__":
    main()
