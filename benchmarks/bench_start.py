"""The service with every cell: from its start to its first answer, the memory of all processes together, how soon a killed cell
is back.

    .venv/bin/python benchmarks/bench_start.py [--runs N] [--record]

Root: it plays in a network namespace of its own. `first answer` is that to a question over UDP which only the resolver can
answer; `every cell` when each has said that it serves. Memory is PSS (proc_pid_smaps_rollup(5)): a page counts in parts, so
that the sum is what the machine spends. It is read when nothing was asked for a minute and the cell of lists rests: there is
nothing to do for it then. A cell is back when another process of it has said that it serves.
"""

import argparse
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import memory_map
import namespace
import page
from figures import OURS, Table, write_tables
from kit import find, finish, stop, tree

from anchorhold.accounts import CELLS
from anchorhold.control_client import Unreachable, ask_service
from anchorhold.trial import Trial, TrialLost

PATIENCE = 20.0
LEISURE = 150.0
"""Seconds until the cell of lists must have gone to rest."""
CONFIG = """\
[service]
state = "{folder}/state"
[listen]
addresses = ["127.0.0.1:53"]
control = "{folder}/control.sock"
[resolve]
mode = "iterate"
[secure]
listen = ["tls://127.0.0.1:853", "https://127.0.0.1:443", "quic://127.0.0.1:853"]
name = "dns.home.arpa"
[lists]
ads = {{ file = "ads.txt" }}
[[dhcp.subnet]]
prefix = "192.0.2.0/24"
interface = "s0"
pools = ["192.0.2.100-192.0.2.199"]
[[dhcp.advertise]]
interface = "s0"
"""


def until(what: Callable[[], object], start: float, patience: float = PATIENCE) -> float:
    while not what():
        if time.monotonic() - start > patience:
            sys.exit(f"nothing within {patience:.0f} s")
        # The processors are for the service.
        time.sleep(0.002)
    return time.monotonic() - start


def is_answered() -> bool:
    """The name is new each time, so that no memory answers it; below `localhost.` nobody else has to be asked."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.005)
        number = time.monotonic_ns() % 100_000_000
        label = b"a%d" % number
        question = bytes((len(label),)) + label + b"\x09localhost\0\0\1\0\1"
        client.connect(("127.0.0.1", 53))
        try:
            client.send(b"\1\2\1\0\0\1\0\0\0\0\0\0" + question)
            return client.recv(4_096)[6:8] == b"\0\1"
        except OSError:
            return False


class Service:
    last: "Service | None" = None

    def __init__(self, folder: Path) -> None:
        Service.last = self
        self.control = folder / "control.sock"
        self.start = time.monotonic()
        program = Path(sys.executable).parent / "anchorhold"
        with (folder / "log").open("ab") as log:
            command = [program, "run", "--config", folder / "anchorhold.toml"]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def cells(self) -> dict[str, tuple[int, int]]:
        """Name → process, generation in force there."""
        try:
            with closing(Trial(self.control)) as trial:
                rows = json.loads(trial.cells())["cells"]
        except (Unreachable, TrialLost):
            return {}
        return {row["cell"]: (row["pid"], row["generation"]) for row in rows}

    def rests(self) -> bool:
        """Whether there is nothing to do for the cell of lists."""
        time.sleep(0.5)
        return not self.cells().get("lists", (1, 0))[0]

    def serves(self, *names: str) -> bool:
        cells = self.cells()
        return all(cells.get(name, (0, 0))[1] for name in names)

    def back(self, name: str) -> float:
        """Seconds from the end of a cell to its next READY."""
        until(partial(self.serves, name), time.monotonic())
        former = self.process_of(name)
        start = time.monotonic()
        os.kill(former, signal.SIGKILL)
        return until(lambda: self.process_of(name) not in (0, former) and self.serves(name), start)

    def process_of(self, name: str) -> int:
        return self.cells().get(name, (0, 0))[0]


def memory(pid: int) -> dict[str, int]:
    """Of one process, in KiB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return {name: int(value.split()[0]) for name, _, value in (line.partition(":") for line in lines)}


def starts(folder: Path, runs: int) -> tuple[Service, list[float], list[float]]:
    """The last one, running; seconds to the first answer and to every cell."""
    first: list[float] = []
    every: list[float] = []
    service = None
    for turn in range(runs + 1):  # the first one makes the certificate and the keys
        if service is not None:
            stop(service.process)
        service = Service(folder)
        answered = until(is_answered, service.start)
        whole = until(partial(service.serves, *CELLS), service.start)
        if turn:
            first.append(answered)
            every.append(whole)
    assert service is not None
    return service, first, every


def measure(folder: Path, runs: int) -> list[str]:
    service, first, every = starts(folder, runs)
    lines = [
        "| | median | best | worst |",
        "| --- | --- | --- | --- |",
        row("start to first answer", first),
        row("start to every cell", every),
    ]
    rested = until(service.rests, time.monotonic(), LEISURE)
    lines += ["", f"Memory after {rested:.0f} s in which nothing was asked; the cell of lists has ended by then."]
    lines += ["", "| process | PSS, KiB | of it private | RSS |", "| --- | --- | --- | --- |"]
    found = {"supervisor": service.process.pid} | {name: pid for name, (pid, _) in service.cells().items() if pid}
    sums = [0, 0]
    for name, pid in found.items():
        kib = memory(pid)
        private = kib["Private_Clean"] + kib["Private_Dirty"]
        sums = [sums[0] + kib["Pss"], sums[1] + private]
        lines.append(f"| {name} | {kib['Pss']:,} | {private:,} | {kib['Rss']:,} |")
    lines.append(f"| **together** | **{sums[0]:,}** | {sums[1]:,} | |")
    lines += ["", "PSS by kinds of memory, and of it private, KiB:", ""]
    lines += memory_map.by_kind((name, memory_map.costs(pid)) for name, pid in found.items())
    lines += ["", "| killed | back after, median | worst of 5 |", "| --- | --- | --- |"]
    ask_service(service.control, {"verb": "lists", "request": {"do": "status"}})
    for name in CELLS:
        times = []
        for _ in range(5):
            time.sleep(1.2)
            times.append(service.back(name))
        lines.append(f"| {name} | {statistics.median(times) * 1e3:.0f} ms | {max(times) * 1e3:.0f} ms |")
    lines += calls(service, folder)
    stop(service.process)
    return lines


def bare_table(folder: Path, runs: int) -> Table:
    service, first, every = starts(folder, runs)
    until(service.rests, time.monotonic(), LEISURE)
    found = [memory(pid) for pid in tree(service.process.pid)]
    sums = {name: [sum(one[kind] for one in found) / 1024] for name, kind in (("rss-idle", "Rss"), ("pss-idle", "Pss"))}
    note = (
        "All cells: DNS over every way in, block lists, DHCP and router advertisements; on both cores. Memory is that of a "
        "service that has had nothing to do for a minute; the cell of lists rests then."
    )
    return Table("The whole service from cold, all cells", {OURS: {"first": first, "every": every, **sums}}, note=note)


def calls(service: Service, folder: Path) -> list[str]:
    """The supervisor's system calls while every cell is pinged and then ends and is started again."""
    strace = find("strace")
    if strace is None:
        return ["", "The supervisor's system calls are not counted: strace is missing (apt-get install strace)"]
    said = folder / "calls"
    pids = [pid for pid, _ in service.cells().values() if pid]
    time.sleep(1)
    with subprocess.Popen(
        [strace, "-qq", "-o", said, "-p", str(service.process.pid)], stderr=subprocess.DEVNULL
    ) as tracing:
        time.sleep(4)
        idle = distinct(said)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            time.sleep(1.2)
        tracing.send_signal(signal.SIGINT)
    return [
        "",
        f"The supervisor's system calls while nothing happens but pings: {len(idle)} ({', '.join(idle)}); while every cell ends "
        f"and is started again: {len(found := distinct(said))} ({', '.join(found)}).",
    ]


def distinct(said: Path) -> list[str]:
    words = (line.partition("(") for line in said.read_text().splitlines())
    return sorted({name for name, found, _ in words if found and name.isidentifier()})


def row(what: str, seconds: list[float]) -> str:
    return f"| {what} | {statistics.median(seconds):.2f} s | {min(seconds):.2f} s | {max(seconds):.2f} s |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--record", action="store_true", help="write benchmarks/results/DATE-start.md")
    parser.add_argument("--figures", type=Path, help="for `make bench`: write the figures there instead")
    options = parser.parse_args()
    namespace.enter()
    namespace.lay_cable("192.0.2.1/24")
    namespace.ip("link set c0 up")
    conditions = page.Conditions()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        folder.chmod(0o755)
        (folder / "ads.txt").write_text("".join(f"0.0.0.0 ad{number}.example\n" for number in range(1_000)))
        (folder / "anchorhold.toml").write_text(CONFIG.format(folder=folder))
        try:
            if options.figures:
                write_tables(options.figures, [bare_table(folder, options.runs)])
                return
            lines = measure(folder, options.runs)
        finally:
            if Service.last is not None:
                stop(Service.last.process)
    head = conditions.printed_by("bench-start", f"{options.runs} runs")
    text = [page.heading("Start, memory and restart with every cell"), "", f"{head}.", "", *lines, ""]
    finish("\n".join(text), "start", options.record)


if __name__ == "__main__":
    main()
