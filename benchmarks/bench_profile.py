"""Where our CPU time goes: py-spy looks at the cells under the load of `make bench`, and tells which step of a question takes how
much. As root: `python benchmarks/bench_profile.py [--parts miss-udp miss-dot]`.

One cell at a time is looked at, alone on its core: where two share one, whoever wakes the other is charged with what that does.
How much CPU time a question takes in it is read from schedstat in the same run. The cells are not sealed (`unsealed.py`), for
py-spy finds nothing in a root folder that is empty; what runs compiled, and the kernel, is charged to the function that called.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import bench_validation
import figures
import hit_servers
import hits
import kit
import misses
import peers
import readings
import signed_tree
import stacks
import upstreams
from figures import Table

RATE = 400
"""Samples a second."""
SECONDS = 4.0
ZONES, EACH = 60, 300
MISSES_OVER_OURS = 40_000
"""They are in the memory of our own far end, and suffice for SECONDS."""
HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Scene:
    """A load that can be put on a service of ours: its command line, the port that answers over UDP and a name there, and what
    asks questions for so many seconds (0: until it is warm) and tells how many were answered."""

    command: list[str]
    port: int
    name: str
    load: Callable[[float], int]


@dataclass(frozen=True, slots=True)
class Part:
    """`cells`: who has a share in it."""

    title: str
    cells: tuple[str, ...]
    scene: Callable[[Path], AbstractContextManager[Scene]]


def hit(way: str) -> Callable[[Path], AbstractContextManager[Scene]]:
    @contextmanager
    def scene(folder: Path) -> Iterator[Scene]:
        names = hits.write_names(folder / "names", (f"host{n}.bench.example" for n in range(hits.HOT_NAMES)))
        encrypted = () if way in hit_servers.CLEAR else (way,)
        with upstreams.running(folder, (), names) as upstream:
            place = hit_servers.place_in(folder, upstream, *encrypted)

            def load(seconds: float) -> int:
                if not seconds:
                    if encrypted:
                        kit.wait_for_listener(place.port(way))
                    return kit.dnsperf(place.udp, names).completed
                return hits.saturate(hits.WAYS[way], place.port(way), names, seconds).completed

            yield Scene(hit_servers.anchorhold(place), place.udp, "warm.bench.example", load)

    return scene


def miss(scheme: str) -> Callable[[Path], AbstractContextManager[Scene]]:
    @contextmanager
    def scene(folder: Path) -> Iterator[Scene]:
        count = MISSES_OVER_OURS if scheme in peers.OVER_OURS else misses.MISSES
        names = hits.write_names(folder / "names", (f"m{n}.bench.example" for n in range(count)))
        warm = hits.write_names(folder / "warm", (f"w{n}.bench.example" for n in range(2_000)))
        with upstreams.running(folder, (scheme,), names) as upstream:
            port = kit.free_port()

            def load(seconds: float) -> int:
                return misses.asked_once(port, names if seconds else warm, seconds).completed

            yield Scene(peers.anchorhold(folder, port, upstream, scheme), port, "warm.bench.example", load)

    return scene


def signed(scheme: str) -> Callable[[Path], AbstractContextManager[Scene]]:
    @contextmanager
    def scene(folder: Path) -> Iterator[Scene]:
        tree = signed_tree.build(folder, {signed_tree.P256: ZONES}, EACH)
        zones = tree.zones[signed_tree.P256]
        questions = bench_validation.present(zones, EACH)
        warm, names = (
            hits.write_names(folder / name, some)
            for name, some in (("warm", questions.warm), ("names", questions.measured))
        )
        with upstreams.running(folder, (scheme,), names, tree) as upstream:
            port = kit.free_port()

            def load(seconds: float) -> int:
                # Once through: nobody may be asked twice.
                return kit.dnsperf(port, names if seconds else warm).completed

            command = peers.anchorhold(folder, port, upstream, scheme, tree.anchor)
            yield Scene(command, port, f"host0000.{zones[0]}", load)

    return scene


PARTS = {
    "udp": Part("Cached answers over UDP", ("front",), hit("udp")),
    "doh": Part("Cached answers over HTTPS (HTTP/2)", ("secure",), hit("doh")),
    "miss-udp": Part("Misses forwarded over UDP", ("front", "resolver"), miss("udp")),
    "miss-dot": Part("Misses forwarded over warm DoT", ("front", "resolver"), miss("tls")),
    "miss-doq": Part("Misses forwarded over warm DoQ", ("front", "resolver"), miss("quic")),
    "signed-dot": Part("Misses forwarded over warm DoT, validated", ("front", "resolver"), signed("tls")),
}
"""Always these: those of which a target for CPU time was missed when they were chosen."""


@contextmanager
def looked_at(pid: int, samples: Path, seconds: float) -> Iterator[None]:
    """py-spy takes samples of a process meanwhile; it has to be told for how long."""
    program = Path(sys.executable).parent / "py-spy"
    command = [*kit.pinned(kit.LOAD_CORE), str(program), "record", "--pid", str(pid), "--rate", str(RATE)]
    command += ["--duration", str(max(int(seconds), 1)), "--format", "raw", "--output", str(samples)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as spying:
        yield
        said = spying.communicate()[0]
    if not samples.exists():
        raise SystemExit(f"py-spy took no samples (it needs the rights of root): {said.strip()[-300:]}")


def place_alone(cells: dict[str, int], alone: str) -> None:
    """This cell has a core for itself."""
    if (os.cpu_count() or 1) < 2:
        return
    for name, pid in cells.items():
        for thread in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {kit.SERVER_CORE if name == alone else kit.LOAD_CORE})


def look(part: Part, cell: str, seconds: float) -> dict[str, float]:
    """Step → CPU µs of this cell for each question."""
    with hits.workshop() as folder, part.scene(folder) as scene:
        command = [sys.executable, str(HERE / "unsealed.py"), *scene.command[1:]]
        with kit.serving(command, kit.SERVER_CORE, folder / "log", scene.port, scene.name) as pid:
            scene.load(0)
            cells = readings.processes(pid)
            place_alone(cells, cell)
            samples = folder / "samples"
            before = kit.cpu_seconds(cells[cell])
            with looked_at(cells[cell], samples, seconds):
                answered = scene.load(seconds)
            spent = 1e6 * (kit.cpu_seconds(cells[cell]) - before) / max(answered, 1)
            found = stacks.shares(samples.read_text().splitlines())
            return {step: share * spent for step, share in found.items()}


def table_of(name: str, seconds: float) -> Table:
    """The steps of one part, the dearest first."""
    part = PARTS[name]
    found = {cell: look(part, cell, seconds) for cell in part.cells}
    whole = sum(sum(steps.values()) for steps in found.values())
    steps = sorted(
        {step for one in found.values() for step in one}, key=lambda s: -sum(f.get(s, 0) for f in found.values())
    )
    table = Table(
        f"{part.title}: where {whole:.0f} CPU µs go", note=f"py-spy, {RATE} samples a second, cells unsealed."
    )
    for step in steps:
        row = {f"in-{cell}": found[cell][step] for cell in part.cells if step in found[cell]}
        table.add(step, row | {"share": 100 * sum(row.values()) / whole if whole else 0.0})
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", default=list(PARTS), choices=list(PARTS))
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for which each cell is looked at")
    parser.add_argument("--figures", type=Path, help="write the tables here, for `make bench`")
    options = parser.parse_args()
    tables = []
    for name in options.parts:
        table = table_of(name, options.seconds)
        tables.append(table)
        print("\n".join([f"### {table.title}", "", *figures.lines_of(table), ""]), flush=True)
    if options.figures:
        figures.write_tables(options.figures, tables)


if __name__ == "__main__":
    main()
