"""Parts of `make bench`: cached answers over every way in, at saturation and at a constant rate; and over UDP while misses run.

Servers have one core, the load and the upstream the other. Each measurement begins with a fresh process whose cache is filled
first. Connections are warm: the handshakes are before the measured part of a run, or a handful in it.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import figures
import hit_servers
import kit
import peers
import signed_tree
import upstreams
from figures import Table
from hit_servers import SERVERS, Place, Server
from peers import PEERS

HOT_NAMES = 1_000
RATE = 5_000
MISSES = 500
QUIC_RATE = 500


class Way(NamedTuple):
    """One way in: dnsperf's name for it ("" for QUIC, which dnsperf 2.10 does not speak), connections, questions at once."""

    title: str
    mode: str
    clients: int
    outstanding: int


WAYS = {
    "udp": Way("Cached answers over UDP: 8 sockets, 100 questions at once", "udp", 8, 100),
    "tcp": Way("Cached answers over TCP: 8 connections, 100 questions at once", "tcp", 8, 100),
    "dot": Way("Cached answers over TLS: 8 connections, 100 questions at once", "dot", 8, 100),
    # dnsperf 2.10 takes one response out of each read, and counts the others lost: so one query at once on each connection.
    "doh": Way("Cached answers over HTTPS (HTTP/2, GET): 32 connections, one question at once on each", "doh", 32, 32),
    "doq": Way("Cached answers over QUIC: one connection, 90 questions at once", "", 1, 90),
}
"""A further way is one more row here and in `Server.ways`."""


@dataclass(frozen=True, slots=True)
class Run:
    """How often, for how long, and with whom; nobody named is everybody."""

    rounds: int
    seconds: float
    servers: tuple[str, ...] = ()

    def turns(self, table: Table, names: Iterable[str]) -> Iterator[tuple[int, str]]:
        """The rounds, and who has a turn in each: everybody who can, after another."""
        able = [name for name in names if name not in table.missing and (not self.servers or name in self.servers)]
        return ((number, name) for number in range(self.rounds) for name in able)


def quic(port: int, names: Path, seconds: float, outstanding: int, rate: int = 0) -> dict[str, float]:
    """The load is Python too; its CPU time does not count."""
    command = [*kit.pinned(kit.LOAD_CORE), sys.executable, str(Path(__file__).parent / "quic_load.py")]
    command += [str(port), str(names), str(seconds), str(outstanding), str(rate)]
    said: dict[str, float] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return said


def saturate(way: Way, port: int, names: Path, seconds: float) -> kit.Load:
    if way.mode:
        return kit.dnsperf(
            port, names, seconds=seconds, mode=way.mode, clients=way.clients, outstanding=way.outstanding
        )
    said = quic(port, names, seconds, way.outstanding)
    return kit.Load(int(said["completed"]), int(said["lost"]), said["rate"], 0.0, {})


def waits(way: Way, port: int, names: Path, seconds: float) -> dict[str, float]:
    """Microseconds, at a constant rate."""
    if not way.mode:
        said = quic(port, names, seconds, way.outstanding, QUIC_RATE)
        return {f"p{percent}": said[f"p{percent}"] for percent in ("50", "99", "99.9")}
    taken = kit.paced(port, names, seconds, mode=way.mode, clients=way.clients, rate=RATE)
    return spread_of(taken)


def spread_of(taken: list[float]) -> dict[str, float]:
    return {f"p{percent:g}": kit.percentile(taken, percent) for percent in (50, 99, 99.9)}


def measure(server: Server, name: str, place: Place, names: Path, run: Run) -> dict[str, float]:
    """One server, one way, one round."""
    way, port = WAYS[name], place.port(name)
    log = place.folder / f"{server.program}.log"
    with kit.serving(server.command(place), kit.SERVER_CORE, log, place.udp, "warm.bench.example") as pid:
        if name not in (*hit_servers.CLEAR, "doq"):
            kit.wait_for_listener(port)
        kit.dnsperf(place.udp, names)
        saturate(way, port, names, 0.5)  # warms connections and the interpreter
        before = kit.cpu_seconds(pid)
        load = saturate(way, port, names, run.seconds)
        spent = kit.cpu_seconds(pid) - before
        done = max(load.completed, 1)
        found = {"cpu": 1e6 * spent / done, "rate": load.rate, "lost": 1_000 * load.lost / (done + load.lost)}
        return found if load.rate < figures.STALLED else found | waits(way, port, names, run.seconds)


def write_names(path: Path, names: Iterable[str]) -> Path:
    path.write_text("".join(f"{name} A\n" for name in names))
    return path


@contextmanager
def workshop() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="anchorhold-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


def cached(way: str, run: Run) -> list[Table]:
    """The part of one way in."""
    at = f"{RATE:,} questions a second" if WAYS[way].mode else f"{QUIC_RATE:,} questions a second (the load is Python)"
    table = Table(f"{WAYS[way].title}; waits at {at}")
    table.missing = hit_servers.missing(way, SERVERS)
    encrypted = () if way in hit_servers.CLEAR else (way,)
    with workshop() as folder:
        names = write_names(folder / "names", (f"host{number}.bench.example" for number in range(HOT_NAMES)))
        with upstreams.running(folder, (), names) as upstream:
            for number, name in run.turns(table, SERVERS):
                place = hit_servers.place_in(folder, upstream, *encrypted)
                note(table, number, name, measure(SERVERS[name], way, place, names, run))
    return [table]


def note(table: Table, number: int, server: str, found: dict[str, float]) -> None:
    table.add(server, found)
    said = ", ".join(
        f"{figures.COLUMNS[name].title} {value:{figures.COLUMNS[name].form}}" for name, value in found.items()
    )
    print(f"  round {number + 1}, {server}: {said}", flush=True)


def busy(run: Run) -> list[Table]:
    """Cached answers over UDP at a constant rate, while other names are asked for that must be fetched and validated."""
    title = f"Cached answers over UDP at {RATE:,} questions a second, while {MISSES} validated misses/s run"
    table = Table(title, missing=peers.missing("udp", validating=True))
    seconds = max(run.seconds, 2.0)
    zones, each = 20, 200
    with workshop() as folder:
        tree = signed_tree.build(folder, {signed_tree.P256: zones}, each)
        names = [f"host{number:04}.{zone}" for zone in tree.zones[signed_tree.P256] for number in range(each)]
        hot = write_names(folder / "hot", names[:HOT_NAMES])
        cold = write_names(folder / "cold", names[HOT_NAMES:])
        with upstreams.running(folder, (), hot, tree) as upstream:
            for number, name in run.turns(table, PEERS):
                place = folder / f"{name}-{number}"
                place.mkdir()
                port = kit.free_port()
                command = PEERS[name].command(place, port, upstream, "udp", tree.anchor)
                with kit.serving(command, kit.SERVER_CORE, place / "log", port, names[0]):
                    note(table, number, name, beside_misses(port, hot, cold, seconds))
    return [table]


def beside_misses(port: int, hot: Path, cold: Path, seconds: float) -> dict[str, float]:
    kit.dnsperf(port, hot)
    command = kit.dnsperf_command(port, cold, seconds + 0.5, "udp", 1_000, 8, MISSES)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as misses:
        taken = kit.paced(port, hot, seconds, mode="udp", clients=8, rate=RATE)
        behind = kit.load_of(misses.communicate()[0])
    lost = 1_000 * taken.count(float("inf")) / max(len(taken), 1)
    return spread_of(taken) | {"behind": behind.codes.get("NOERROR", 0) / (seconds + 0.5), "lost": lost}
