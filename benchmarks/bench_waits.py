"""What a cached answer waits for: `make bench ONLY=waits`, or `python benchmarks/bench_waits.py [--rounds 3] [--seconds 4]`.

One question at a time, due every 200 µs over UDP. Before each and after its answer the kernel is asked (schedstat) how long the
thread that answers has run and how long it has been ready and had no core, how long the busiest other thread of the same server
has run, and how long the load itself had none. So of a slow answer it can be told who was late: the server had no core, the
server was at work, or the load had no core; what is left is the kernel, a core that wakes up, and the machine below it. Alone,
and while other names are asked for that must be fetched and validated. For ours it says besides how long Python looked for
cycles, and how long a wake-up of the cell that answers took at most (`pauses.py`).
"""

import argparse
import os
import select
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent))

import figures
import hit_servers
import hits
import kit
import pauses
import peers
import readings
import signed_tree
import upstreams
from figures import FLOOR, OURS, PLAIN, Table

EVERY = 1 / hits.RATE
SLOWEST = 1_000
"""One of so many is looked at more closely."""
WARM_UP = 300
"""Questions by which it is found out who answers them."""
PATIENCE = 2.0
ZONES, EACH = 20, 200
HERE = Path(__file__).parent


class Account(NamedTuple):
    """A thread's schedstat: time on a core, and ready without one; nanoseconds."""

    ran: int
    held: int


class Thread:
    """One whose account is read again and again."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDONLY)

    def account(self) -> Account:
        ran, held, _ = os.pread(self._file, 96, 0).split()
        return Account(int(ran), int(held))

    def close(self) -> None:
        os.close(self._file)


@dataclass(frozen=True, slots=True)
class Answer:
    """Microseconds of one question, and of them those in which the server's thread had no core or ran, another thread of the
    server ran, and the load had no core."""

    took: float
    held: float
    ran: float
    other: float
    load: float

    @property
    def left(self) -> float:
        return max(0.0, self.took - self.held - self.ran - self.load)


def threads(pid: int) -> dict[Path, int]:
    """The accounts of a server, and how long each has run."""
    found = {}
    for member in kit.tree(pid):
        for path in Path(f"/proc/{member}/task").glob("*/schedstat"):
            found[path] = int(path.read_text().split()[0])
    return found


def busiest(before: dict[Path, int], after: dict[Path, int], but: Path | None = None) -> Path:
    """Whose account grew most."""
    return max((path for path in after if path != but), key=lambda path: after[path] - before.get(path, 0))


class Asker:
    """One client."""

    def __init__(self, port: int, names: Sequence[str]) -> None:
        self._questions = [header_and(name) for name in names]
        self._socket = socket.socket(type=socket.SOCK_DGRAM)
        self._socket.connect(("127.0.0.1", port))
        self._number = 0

    def ask(self) -> float:
        """Microseconds until the answer; infinite if there is none."""
        self._number += 1
        label = (self._number & 0xFFFF).to_bytes(2, "big")
        question = label + self._questions[self._number % len(self._questions)]
        begun = time.perf_counter()
        self._socket.send(question)
        while select.select([self._socket], [], [], PATIENCE)[0]:
            if self._socket.recv(4096)[:2] == label:
                return 1e6 * (time.perf_counter() - begun)
        return float("inf")

    def close(self) -> None:
        self._socket.close()


def header_and(name: str) -> bytes:
    """A question but for its id."""
    return b"\x01\x00\x00\x01" + bytes(6) + kit.encode(name) + b"\0\1\0\1"


def ask(asker: Asker, server: Thread, other: Thread | None, seconds: float) -> list[Answer]:
    """One question after the other, each not before it is due."""
    own = Thread(Path("/proc/thread-self/schedstat"))
    found = []
    due = end = time.perf_counter()
    end += seconds
    while due < end:
        while (left := due - time.perf_counter()) > 0:
            time.sleep(left)
        load, ours, theirs = own.account(), server.account(), other and other.account()
        took = asker.ask()
        ours_now, theirs_now, load_now = server.account(), other and other.account(), own.account()
        found.append(
            Answer(
                took,
                (ours_now.held - ours.held) / 1e3,
                (ours_now.ran - ours.ran) / 1e3,
                (theirs_now.ran - theirs.ran) / 1e3 if theirs and theirs_now else 0.0,
                (load_now.held - load.held) / 1e3,
            )
        )
        # Who was late does not catch up: one question at a time is what is looked at.
        due = max(due + EVERY, time.perf_counter())
    own.close()
    return found


def summary(answers: list[Answer]) -> dict[str, float]:
    """Of all, and of the slowest of SLOWEST."""
    ordered = sorted(answers, key=lambda one: one.took)
    whole = [one.took for one in ordered]
    slow = ordered[-max(1, len(ordered) // SLOWEST) :]
    found = {f"p{percent:g}": kit.percentile(whole, percent) for percent in (50, 99, 99.9)}
    found["slowest"] = statistics.fmean(one.took for one in slow)
    for name in ("held", "ran", "load", "left"):
        found[f"slow-{name}"] = statistics.fmean(getattr(one, name) for one in slow)
    found["slow-other"] = statistics.fmean(one.other for one in slow)
    # What is the server's own: the percentile if neither the load nor what is below had kept anybody waiting.
    own = sorted(one.held + one.ran for one in answers)
    return found | {"own-99.9": kit.percentile(own, 99.9)}


def measure(pid: int, port: int, hot: list[str], cold: Path | None, seconds: float) -> dict[str, float]:
    """The figures of one server that has `hot` in its cache; `cold`: names that are asked for meanwhile."""
    asker = Asker(port, hot)
    before = threads(pid)
    for _ in range(WARM_UP):
        asker.ask()
    answering = busiest(before, threads(pid))
    server, other, misses = Thread(answering), None, None
    try:
        if cold is not None:
            command = kit.dnsperf_command(port, cold, seconds + 1, "udp", 1_000, 8, hits.MISSES)
            before = threads(pid)
            misses = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            time.sleep(0.3)
            after = threads(pid)
            if len(after) > 1:
                other = Thread(busiest(before, after, but=answering))
        found = summary(ask(asker, server, other, seconds))
        if misses is not None:
            found["behind"] = kit.load_of(misses.communicate()[0]).codes.get("NOERROR", 0) / (seconds + 1)
        return found
    finally:
        asker.close()
        for thread in (server, other):
            if thread is not None:
                thread.close()
        if misses is not None:
            kit.stop(misses)


@dataclass(slots=True)
class Tables:
    """What is found."""

    alone: Table
    beside: Table
    pauses: Table

    def all(self) -> list[Table]:
        return [self.alone, self.beside, self.pauses]


def new_tables() -> Tables:
    note = (
        "One question at a time, so nobody waits for another one. `of the slowest` is what the slowest one of "
        f"{SLOWEST:,} had in the mean: of it the thread that answers had no core, ran, the load had no core; the rest is the "
        "kernel, a core that wakes up, the machine below. `its own` is the 99.9th percentile of what it ran and had no core."
    )
    missing = peers.missing("udp", validating=True) | {PLAIN: "as ours"}
    return Tables(
        Table(f"What hits wait for, one every {1e6 * EVERY:.0f} µs", missing=missing, note=note),
        Table(f"The same while {hits.MISSES} validated misses/s run", missing=dict(missing), note=note),
        Table(
            "Pauses of our cells while both were measured",
            note="How often Python looked for cycles, for how long at once at most and in all; the longest wake-up of the "
            "loop of `front`, from when it was woken until it waits again, waits for the core included.",
        ),
    )


def command_of(name: str, command: list[str], notes: Path) -> list[str]:
    """Ours writes its pauses down."""
    if name != OURS:
        return command
    pauses.make(notes)
    return [sys.executable, str(HERE / "pauses.py"), str(notes), *command[1:]]


def one_round(tables: Tables, folder: Path, servers: Sequence[str], seconds: float) -> None:
    tree = signed_tree.build(folder, {signed_tree.P256: ZONES}, EACH)
    names = [f"host{number:04}.{zone}" for zone in tree.zones[signed_tree.P256] for number in range(EACH)]
    hot = hits.write_names(folder / "hot", names[: hits.HOT_NAMES])
    cold = hits.write_names(folder / "cold", names[hits.HOT_NAMES :])
    with upstreams.running(folder, (), hot, tree) as upstream:
        for name in servers:
            place = folder / name
            place.mkdir()
            port = kit.free_port()
            notes = place / "pauses"
            command = command_of(name, peers.PEERS[name].command(place, port, upstream, "udp", tree.anchor), notes)
            with kit.serving(command, kit.SERVER_CORE, place / "log", port, names[0]) as pid:
                kit.dnsperf(port, hot)
                cells = readings.processes(pid) if name == OURS else {}
                if cells:
                    pauses.clear(notes)
                hits.note(tables.alone, 0, name, measure(pid, port, names[: hits.HOT_NAMES], None, seconds))
                hits.note(tables.beside, 0, name, measure(pid, port, names[: hits.HOT_NAMES], cold, seconds))
                if cells:
                    note_pauses(tables.pauses, cells, pauses.read(notes))


def note_pauses(table: Table, cells: dict[str, int], found: dict[int, pauses.Pauses]) -> None:
    for cell in ("front", "resolver"):
        one = found.get(cells.get(cell, 0))
        if one is not None:
            row = {"young": one.often[0] + one.often[1], "old": one.often[2], "longest": 1e3 * one.longest}
            row["looked"] = 1e3 * sum(one.long)
            table.add(cell, row | ({"wake-up": 1e3 * one.wake_up} if one.wake_up else {}))


def floor(tables: Tables, folder: Path, seconds: float) -> None:
    """What the machine does with who does next to nothing."""
    if not kit.find("cc"):
        return
    port = kit.free_port()
    place = hit_servers.Place(folder, port, {}, peers.Upstream(0, 0, 0, folder), folder, folder)
    with kit.serving(hit_servers.floor(place), kit.SERVER_CORE, folder / "floor.log", port, "a.example") as pid:
        hits.note(tables.alone, 0, FLOOR, measure(pid, port, ["a.example"], None, seconds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    parser.add_argument("--servers", nargs="+", help="these alone")
    parser.add_argument("--figures", type=Path, help="write the tables here, for `make bench`")
    options = parser.parse_args()
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {kit.LOAD_CORE})
    tables = new_tables()
    able = [name for name in peers.PEERS if name not in tables.alone.missing]
    able = [name for name in able if not options.servers or name in options.servers]
    for _ in range(options.rounds):
        with hits.workshop() as folder:
            one_round(tables, folder, able, options.seconds)
            floor(tables, folder, options.seconds)
    for table in tables.all():
        print("\n".join([f"### {table.title}", "", *figures.lines_of(table), ""]), flush=True)
    if options.figures:
        figures.write_tables(options.figures, tables.all())


if __name__ == "__main__":
    main()
