"""Ours beside unbound when every answer is forwarded and validated: CPU of whole process trees for each.

`make bench-validation` runs it. Both have the same trust anchor and the same upstream; the server has one core, the load and
the upstream the other. Each measurement begins with a fresh process; a tenth of the names are asked for first, so that the
keys of every zone are known. What is measured then has not been asked for before.
"""

import argparse
import contextlib
import random
import statistics
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import hits
import kit
import page
import peers
import signed_tree
import upstreams
from figures import spread
from signed_tree import P256, RSA

REFERENCE = "unbound"
VALIDATORS = [peers.PEERS["anchorhold"], peers.PEERS[REFERENCE]]
TARGET = 2.5
WARM_SHARE = 10


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement: CPU µs for each question, answers a second, questions without the right answer."""

    cpu: float
    rate: float
    failed: int


@dataclass(frozen=True, slots=True)
class Questions:
    """What is asked to get warm, what is measured, and the code that is right for it."""

    warm: list[str]
    measured: list[str]
    rcode: str = "NOERROR"


@dataclass(frozen=True, slots=True)
class Mode:
    title: str
    transport: str
    questions: Callable[[list[str], int], Questions]
    algorithm: str = P256


def split(names: list[str], rcode: str = "NOERROR") -> Questions:
    """In an order by chance, but always the same one."""
    random.Random(8).shuffle(names)
    warm = len(names) // WARM_SHARE
    return Questions(names[:warm], names[warm:], rcode)


def present(zones: list[str], count: int) -> Questions:
    """Every name that exists, once."""
    return split([f"host{number:04}.{zone}" for zone in zones for number in range(count)])


def absent(zones: list[str], count: int) -> Questions:
    """One name that does not exist in each range between two that do: nothing that was proved before helps."""
    return split([f"host{number:04}x.{zone}" for zone in zones for number in range(count)], "NXDOMAIN")


def denied(zones: list[str], count: int) -> Questions:
    """Other names in ranges that are known already (RFC 8198): the upstream sees none of them. A tenth of the zones will do:
    everybody has memory for that many ranges."""
    few = zones[: max(len(zones) // 10, 1)]
    warm = [f"host{number:04}x.{zone}" for zone in few for number in range(count)]
    measured = [f"host{number:04}y{again}.{zone}" for zone in few for number in range(count) for again in range(8)]
    random.Random(8).shuffle(measured)
    return Questions(warm, measured, "NXDOMAIN")


MODES = {
    "udp": Mode("answer, ECDSA P-256, upstream over UDP", "udp", present),
    "tls": Mode("answer, ECDSA P-256, upstream over warm DoT", "tls", present),
    "rsa": Mode("answer, RSASHA256 (2,048 bits), upstream over UDP", "udp", present, RSA),
    "rsa-tls": Mode("answer, RSASHA256 (2,048 bits), upstream over warm DoT", "tls", present, RSA),
    "absent": Mode("NXDOMAIN in a range not known yet, ECDSA P-256, upstream over UDP", "udp", absent),
    "denied": Mode("NXDOMAIN in a range that is known (RFC 8198): nothing is forwarded", "udp", denied),
}


@dataclass(slots=True)
class Bench:
    folder: Path
    tree: signed_tree.SignedTree
    upstream: peers.Upstream
    names: int
    outstanding: int
    number: int = 0

    @contextlib.contextmanager
    def running(self, server: peers.Peer, mode: Mode, first: str) -> Iterator[tuple[int, int]]:
        """A fresh process that has validated the answer for `first`: its port and process id."""
        self.number += 1
        folder = self.folder / f"{self.number}-{server.name}"
        folder.mkdir()
        port = kit.free_port()
        command = server.command(folder, port, self.upstream, mode.transport, self.tree.anchor)
        with kit.serving(command, kit.SERVER_CORE, folder / "log", port, first) as pid:
            if not kit.is_authentic(port, first):
                sys.exit(f"{server.name} does not validate")
            yield port, pid

    def measure(self, server: peers.Peer, mode: Mode) -> Sample:
        zones = self.tree.zones[mode.algorithm]
        questions, names = mode.questions(zones, self.names), self.folder / "names"
        load = {"outstanding": self.outstanding}
        with self.running(server, mode, f"host0000.{zones[0]}") as (port, pid):
            hits.write_names(names, questions.warm)
            kit.dnsperf(port, names, **load)
            hits.write_names(names, questions.measured)
            before = kit.cpu_seconds(pid)
            result = kit.dnsperf(port, names, **load)
            spent = kit.cpu_seconds(pid) - before
        asked = len(questions.measured)
        return Sample(1e6 * spent / asked, result.rate, asked - result.codes.get(questions.rcode, 0))


Results = dict[str, dict[str, list[Sample]]]


def run(options: argparse.Namespace) -> Results:
    """Samples by mode and server."""
    results: Results = {mode: {} for mode in options.modes}
    with hits.workshop() as folder:
        made = signed_tree.build(folder, {P256: options.zones, RSA: options.zones // 2}, options.names)
        with upstreams.running(folder, (), folder / "names", made) as upstream:
            bench = Bench(folder, made, upstream, options.names, options.outstanding)
            for number in range(options.rounds):
                for mode in options.modes:
                    for server in VALIDATORS:
                        if server.name in options.servers:
                            one = bench.measure(server, MODES[mode])
                            results[mode].setdefault(server.name, []).append(one)
                            report(number, mode, server.name, one)
    return results


def report(number: int, mode: str, name: str, one: Sample) -> None:
    line = f"round {number + 1} {mode:8} {name:11} {one.cpu:7.1f} µs/answer {one.rate:8.0f}/s failed {one.failed}"
    print(line, flush=True)


def table(results: Results, options: argparse.Namespace) -> str:
    lines = [
        page.heading("Validated answers"),
        "",
        f"Printed by `make bench-validation` ({options.rounds} interleaved rounds; servers on one core, load and upstream on the "
        f"other; {page.versions()}). Both forward to the same upstream and validate with the "
        f"same trust anchor: the root, `{signed_tree.TOP}.`, and below it {options.zones} zones with ECDSA P-256 and "
        f"{options.zones // 2} with RSASHA256, each with {options.names} names and NSEC. The keys of every zone are known before "
        "measuring; no name is asked for twice. CPU is user and kernel time of every process of the server, per question: "
        "median of the rounds (minimum to maximum). Failed: no answer, or not the right one.",
        "",
    ]
    for mode, rows in results.items():
        reference = [one.cpu for one in rows.get(REFERENCE, ())]
        lines += [f"## {MODES[mode].title}", ""]
        if mode != "denied":
            lines += [f"Target for anchorhold: ≤ {TARGET} × {REFERENCE}.", ""]
        head = "| server | CPU µs per answer | ratio | answers per CPU second | answers/s | failed |"
        lines += [head, "|---|---|---|---|---|---|"]
        for name, samples in rows.items():
            cpu = [one.cpu for one in samples]
            middle, rate = statistics.median(cpu), statistics.median(one.rate for one in samples)
            failed = sum(one.failed for one in samples)
            lines.append(
                f"| {name} | {spread(cpu)} | {kit.ratio(cpu, reference)} | {1e6 / middle:,.0f} | {rate:,.0f} | {failed} |"
            )
        lines.append("")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--zones", type=int, default=100, help="with ECDSA P-256; half as many with RSASHA256")
    parser.add_argument("--names", type=int, default=200, help="in each zone")
    parser.add_argument("--outstanding", type=int, default=100, help="questions at a time")
    parser.add_argument("--modes", nargs="*", default=list(MODES), choices=list(MODES))
    names = [server.name for server in VALIDATORS]
    parser.add_argument("--servers", nargs="*", default=names, choices=names)
    parser.add_argument("--record", action="store_true", help="write benchmarks/results/DATE-validation.md")
    options = parser.parse_args()
    kit.finish(table(run(options), options), "validation", options.record)


if __name__ == "__main__":
    main()
