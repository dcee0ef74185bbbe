"""What sealing costs: the same service with its sandbox and without (`unsealed.py`), one after the other in each round.

`make bench-sandbox` runs it; needs root. The service is on one core, the load and the Internet that it asks are on the other. A
figure is the time on a CPU of every process of the service for each completed question or exchange. The order within a round
changes from round to round, and the cost is the median of what each round says, so that a machine that becomes slower counts
for neither.
"""

import argparse
import itertools
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import kit
import namespace
import page
import readings
import world
from figures import spread

LIMIT = 3.0
"""Percent."""

UNSEALED = (sys.executable, str(Path(__file__).parent / "unsealed.py"))
NAMES, MISSES = 1_000, 4_000
EXCHANGES, LONG = 300, 4.0
"""Exchanges of DHCP a second, and seconds of them."""


class Load:
    """What is measured; each gives how many were completed."""

    def __init__(self, folder: Path, devices: world.Helper, seconds: float) -> None:
        self._folder, self._devices, self._seconds = folder, devices, seconds
        self._fresh = itertools.count(10_000_000)
        self._known = folder / "known"
        self._known.write_text("".join(f"n{n:08}.w{n % 16:02}.plain.example A\n" for n in range(NAMES)))

    def cached(self, mode: str, port: int) -> int:
        return self.completed(kit.dnsperf(port, self._known, seconds=self._seconds, mode=mode))

    def missed(self) -> int:
        """Names that nobody asked for before, forwarded over TLS and validated."""
        file = self._folder / "fresh"
        file.write_text("".join(f"n{next(self._fresh):08}.w{n % 16:02}.far.example A\n" for n in range(MISSES)))
        return self.completed(kit.dnsperf(world.PORTS["udp"], file, outstanding=50))

    @staticmethod
    def completed(load: kit.Load) -> int:
        assert load.codes.get("NOERROR", 0) == load.completed > 0, load
        return load.completed

    def leased(self) -> int:
        done: int = self._devices.ask({})["done"]
        self._devices.say({"rate": EXCHANGES, "devices": 50_000})
        time.sleep(LONG)
        self._devices.say({"rate": 0, "devices": 50_000})
        time.sleep(0.3)
        return int(self._devices.ask({})["done"]) - done

    def all(self) -> Iterator[tuple[str, Callable[[], int]]]:
        yield "UDP, cached", lambda: self.cached("udp", world.PORTS["udp"])
        yield "TCP, cached", lambda: self.cached("tcp", world.PORTS["udp"])
        yield "DNS over TLS, cached", lambda: self.cached("dot", world.PORTS["tls"])
        yield "miss, forwarded over TLS", self.missed
        yield "DHCP exchange", self.leased


@dataclass(slots=True)
class Figures:
    """Microseconds, one entry a round."""

    sealed: list[float] = field(default_factory=list)
    unsealed: list[float] = field(default_factory=list)

    def cost(self) -> list[float]:
        """Percent, by rounds."""
        return [100 * (mine / other - 1) for mine, other in zip(self.sealed, self.unsealed, strict=True)]


def measure(around: world.Surroundings, load: Load, sealed: bool, results: dict[str, Figures]) -> None:
    with around.serving(*(() if sealed else UNSEALED)) as made:
        if not sealed and (found := filtered(made.pid)):
            sys.exit(
                f"{', '.join(found)} have a filter of system calls all the same: it would be measured against itself"
            )
        load.cached("udp", world.PORTS["udp"])  # fills the caches
        load.cached("dot", world.PORTS["tls"])
        for what, run in load.all():
            before = kit.cpu_seconds(made.pid)
            completed = run()
            each = 1e6 * (kit.cpu_seconds(made.pid) - before) / completed
            figures = results.setdefault(what, Figures())
            (figures.sealed if sealed else figures.unsealed).append(each)
            print(f"{'sealed' if sealed else 'not sealed':10} {what:25} {each:8.2f} µs ({completed:,})", flush=True)


def table(results: dict[str, Figures], filters: str, head: str) -> tuple[str, bool]:
    """The page, and whether everything is within the limit. `head`: how it was run."""
    lines = [
        page.heading("The cost of the sandbox"),
        "",
        f"{head}. CPU is user and kernel time of every process of the service for each completed question or exchange: median "
        "(minimum to maximum). Cost is the median of the rounds' own.",
        "",
        f"Sealed: {filters}.",
        "",
        "| what | sealed, µs | not sealed, µs | cost | limit |",
        "| --- | --- | --- | --- | --- |",
    ]
    good = True
    for what, figures in results.items():
        cost = statistics.median(figures.cost())
        good = good and cost <= LIMIT
        lines.append(
            f"| {what} | {spread(figures.sealed, '.2f')} | {spread(figures.unsealed, '.2f')} | "
            f"{cost:+.1f} % ({min(figures.cost()):+.1f} to {max(figures.cost()):+.1f}) | ≤ {LIMIT:g} % |"
        )
    return "\n".join([*lines, "", page.verdict(good), ""]), good


def seals(around: world.Surroundings) -> str:
    """What the kernel says of the sealed cells; refuses to go on if there is nothing."""
    with around.serving() as made:
        found = filtered(made.pid)
    if not found:
        sys.exit("no cell has a filter of system calls: there is nothing to measure")
    return f"{', '.join(found)} have a filter of system calls"


def filtered(supervisor: int) -> list[str]:
    """Who of a service is behind a filter of system calls (proc_pid_status(5))."""
    found = {name: Path(f"/proc/{pid}/status").read_text() for name, pid in readings.processes(supervisor).items()}
    return [name for name, text in found.items() if "\nSeccomp:\t2\n" in text]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--record", action="store_true", help="write benchmarks/results/DATE-sandbox.md")
    options = parser.parse_args()
    namespace.enter()
    conditions = page.Conditions()
    results: dict[str, Figures] = {}
    with world.surroundings(cache="32 MiB", more="[limits]\nrate = 0\n") as around:
        filters = seals(around)
        load = Load(around.folder, around.devices(), options.seconds)
        for number in range(options.rounds):
            for sealed in (number % 2 == 0, number % 2 == 1):
                measure(around, load, sealed, results)
    how = f"{options.rounds} rounds of {options.seconds:g} s"
    text, good = table(results, filters, conditions.printed_by("bench-sandbox", how, world.CORES))
    kit.finish(text, "sandbox", options.record)
    sys.exit(not good)


if __name__ == "__main__":
    main()
