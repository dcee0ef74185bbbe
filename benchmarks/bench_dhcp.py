"""DHCPv4 beside dnsmasq and Kea: exchanges a second, how long they take, CPU and memory, with few leases held and with many.

`make bench-dhcp` runs it; needs root. The servers live in a network namespace of their own on one core, the clients in another
on the other core; both are joined by a veth pair. Each measurement begins with a fresh process. Ours has every lease on disk,
synced, before its ACK leaves; dnsmasq syncs its file for each new lease too, Kea never does.
"""

import argparse
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import dhcp_servers
import figures
import kit
import namespace
import page
from figures import spread

HELD = (0, 5_000, 20_000)
WARM = 50
TARGETS = (
    "≥ 2,000 exchanges a second with 16 outstanding, 99 of 100 below 5 ms, CPU ≤ 1.5 × Kea's, flat to 20,000 leases"
)


@dataclass(slots=True)
class Figures:
    """One list entry a round."""

    rate: list[float] = field(default_factory=list)
    median: list[float] = field(default_factory=list)
    slow: list[float] = field(default_factory=list)
    """The 99th of a hundred, milliseconds."""
    cpu: list[float] = field(default_factory=list)
    """Microseconds an exchange."""
    resident: list[float] = field(default_factory=list)
    """MiB of all processes after the run."""
    octets: list[float] = field(default_factory=list)
    """On disk a lease."""
    failed: int = 0
    twice: int = 0


class Clients:
    """The load's process, in its own namespace."""

    def __init__(self, folder: Path, seconds: float) -> None:
        self.seconds = seconds
        program = Path(__file__).parent / "dhcp_load.py"
        self.helper = kit.Helper(["unshare", "-n", sys.executable, str(program)], folder / program.name)
        namespace.lay_cable("10.77.0.1/16")
        namespace.hand_over(self.helper, "10.77.0.2/16")

    def go(self, first: int, count: int, outstanding: int) -> dict[str, float]:
        result = self.helper.ask({"first": first, "count": count, "outstanding": outstanding, "seconds": self.seconds})
        times = sorted(result.pop("times")) or [float("nan")]
        result["median"] = 1000 * times[len(times) // 2]
        result["slow"] = 1000 * times[min(int(len(times) * 0.99), len(times) - 1)]
        return dict(result)


def resident(pid: int) -> float:
    """MiB of a process tree."""
    pages = sum(int(Path(f"/proc/{member}/statm").read_text().split()[1]) for member in kit.tree(pid))
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@contextlib.contextmanager
def running(server: dhcp_servers.Server, folder: Path, held: int, clients: Clients) -> Iterator[int]:
    """A fresh process that has answered; its id."""
    folder.mkdir()
    folder.chmod(0o755)
    process = kit.start(server.command(folder, held), kit.SERVER_CORE, folder / "log")
    try:
        end = time.monotonic() + 20
        while clients.go(held, 1, 1)["completed"] != 1:
            if process.poll() is not None or time.monotonic() > end:
                sys.exit(f"{server.name} does not answer: {(folder / 'log').read_text()[-2_000:]}")
        clients.go(held + 1, WARM, 1)
        yield process.pid
    finally:
        kit.stop(process)


def measure(
    server: dhcp_servers.Server,
    held: int,
    outstanding: int,
    folder: Path,
    clients: Clients,
    found: Figures,
    count: int,
) -> None:
    with running(server, folder, held, clients) as pid:
        before = kit.cpu_seconds(pid)
        result = clients.go(held + 1 + WARM, count, outstanding)
        spent = kit.cpu_seconds(pid) - before
        done = max(result["completed"], 1)
        found.rate.append(result["completed"] / result["seconds"])
        found.median.append(result["median"])
        found.slow.append(result["slow"])
        found.cpu.append(1e6 * spent / done)
        found.resident.append(resident(pid))
        found.failed += int(result["lost"] + result["refused"])
        found.twice += int(result["twice"])
        kept = sum(path.stat().st_size for path in folder.glob(server.kept) if path.is_file())
        found.octets.append(kept / (held + 1 + WARM + done))
    print(
        f"{server.name:11} {held:6} held {outstanding:3} at once: {found.rate[-1]:8.0f}/s {found.median[-1]:7.2f} ms"
        f" {found.slow[-1]:7.2f} ms {found.cpu[-1]:8.1f} µs failed {found.failed}",
        flush=True,
    )


Key = tuple[int, int, str]


def table(results: dict[Key, Figures], options: argparse.Namespace) -> str:
    lines = [
        page.heading("DHCPv4 beside the peers"),
        "",
        f"Printed by `make bench-dhcp` ({options.rounds} interleaved rounds of at most {options.count} exchanges or "
        f"{options.seconds:g} s, through one relay; {page.versions()}). Median (minimum to maximum). "
        "CPU is user and kernel time of every process of the server. "
        "Ours and dnsmasq sync each new lease to disk before the ACK, Kea does not.",
        "",
        f"Target: {TARGETS}.",
    ]
    for held, outstanding in sorted({key[:2] for key in results}):
        lines += [
            "",
            f"## {held:,} leases held, {outstanding} exchanges at once",
            "",
            "| server | exchanges/s | median ms | 99 of 100, ms | CPU µs | CPU ÷ Kea's | resident MiB | octets a lease | lost |",
            "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        ]
        reference = results.get((held, outstanding, "kea-dhcp4"))
        for (_, _, name), row in [item for item in results.items() if item[0][:2] == (held, outstanding)]:
            ratio = kit.ratio(row.cpu, reference.cpu if reference else ())
            cells = [name, spread(row.rate, ",.0f"), spread(row.median, ".2f"), spread(row.slow, ".2f")]
            cells += [spread(row.cpu), ratio, spread(row.resident), spread(row.octets, ".0f")]
            lines.append("| " + " | ".join([*cells, str(row.failed)]) + " |")
    twice = sum(row.twice for row in results.values())
    lines += ["", f"Addresses given twice: {twice}."]
    return "\n".join(lines) + "\n"


def by_run(results: dict[Key, Figures]) -> dict[tuple[int, int], dict[str, Figures]]:
    found: dict[tuple[int, int], dict[str, Figures]] = {}
    for (held, outstanding, name), row in results.items():
        found.setdefault((held, outstanding), {})[name] = row
    return found


def bare_table(run: tuple[int, int], rows: dict[str, Figures]) -> figures.Table:
    held, outstanding = run
    here = figures.Table(
        f"DHCPv4 exchanges of new clients through a relay, {outstanding} at once, {held:,} leases held before",
        note="Ours and dnsmasq sync each new lease to disk before the ACK, Kea does not.",
    )
    here.missing = {one.name: "not installed" for one in dhcp_servers.SERVERS if one.name not in rows}
    for name, row in rows.items():
        for cpu, rate, median, slow, memory in zip(row.cpu, row.rate, row.median, row.slow, row.resident, strict=True):
            found = {"cpu": cpu, "exchanges": rate, "median": median, "slow": slow, "resident": memory * 2**20 / 1e6}
            here.add(name, found)
        here.rows[name]["failed"] = [row.failed]
    return here


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--count", type=int, default=2_000)
    parser.add_argument("--seconds", type=float, default=10, help="at most; who is slower has had fewer clients")
    parser.add_argument("--held", type=int, nargs="+", default=HELD)
    parser.add_argument("--outstanding", type=int, nargs="+", default=(1, 16))
    parser.add_argument("--servers", nargs="+", default=[server.name for server in dhcp_servers.SERVERS])
    parser.add_argument("--again", type=int, default=1, help="so often in each round, but for dnsmasq, which is slow")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--figures", type=Path, help="for `make bench`: write the figures there instead")
    options = parser.parse_args()
    namespace.enter()
    results: dict[Key, Figures] = {}
    with tempfile.TemporaryDirectory(prefix="anchorhold-bench-") as name:
        Path(name).chmod(0o755)
        clients = Clients(Path(name), options.seconds)
        number = 0
        for _ in range(options.rounds):
            for held, outstanding, again in product(options.held, options.outstanding, range(options.again)):
                for server in dhcp_servers.SERVERS:
                    measured = server.name in options.servers and not (again and server.slow)
                    if measured and kit.find(server.program):
                        number += 1
                        found = results.setdefault((held, outstanding, server.name), Figures())
                        measure(server, held, outstanding, Path(name) / str(number), clients, found, options.count)
        kit.stop(clients.helper.process)
    if options.figures:
        figures.write_tables(options.figures, [bare_table(*item) for item in by_run(results).items()])
        return
    kit.finish(table(results, options), "dhcp", options.record)


if __name__ == "__main__":
    main()
