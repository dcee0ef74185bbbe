"""Parts of `make bench`: what must be forwarded, over every way to an upstream, without validation and with.

Servers have one core, the load and the upstream the other. Each measurement begins with a fresh process; no name is asked for
twice. A hundred questions are in flight.
"""

from pathlib import Path

import bench_validation
import hits
import kit
import peers
import signed_tree
import upstreams
from figures import Table
from peers import PEERS

MODES = {
    "udp": "UDP",
    "dot": "warm DoT",
    "doh": "warm DoH (HTTP/2)",
    "doq": "warm DoQ",
    "doh3": "warm DoH (HTTP/3)",
    "odoh": "ODoH, through a relay",
}
MISSES, MISSES_OVER_OURS = 300_000, 24_000
"""Names that are asked for; the latter are in the memory of our own far end, and suffice for its rate."""

ZONES, EACH = 60, 200
OUTSTANDING = 100
OWN_FAR_END = "The far end is a service of ours, on the core of the load: it may be what limits the rate."


def forwarded(way: str, run: hits.Run) -> list[Table]:
    """The part of one way, nothing validated."""
    mode = peers.SCHEMES.get(way, way)
    over_ours = mode in peers.OVER_OURS
    table = Table(f"Misses forwarded over {MODES[way]}, nothing validated", note=OWN_FAR_END if over_ours else "")
    table.missing = peers.missing(mode, validating=False)
    with hits.workshop() as folder:
        count = MISSES_OVER_OURS if over_ours else MISSES
        names = hits.write_names(folder / "names", (f"m{number}.bench.example" for number in range(count)))
        warm = hits.write_names(folder / "warm", (f"w{number}.bench.example" for number in range(2_000)))
        with upstreams.running(folder, (mode,), names) as upstream:
            for number, name in run.turns(table, PEERS):
                place = folder / f"{name}-{number}"
                place.mkdir()
                hits.note(table, number, name, measure(PEERS[name], mode, place, upstream, warm, names, run))
    return [table]


def measure(
    peer: peers.Peer, mode: str, place: Path, upstream: peers.Upstream, warm: Path, names: Path, run: hits.Run
) -> dict[str, float]:
    port = kit.free_port()
    command = peer.command(place, port, upstream, mode, "")
    with kit.serving(command, kit.SERVER_CORE, place / "log", port, "warm.bench.example") as pid:
        kit.dnsperf(port, warm)  # connections and the interpreter
        before = kit.cpu_seconds(pid)
        load = asked_once(port, names, run.seconds)
        return figures_of(kit.cpu_seconds(pid) - before, load)


def asked_once(port: int, names: Path, seconds: float) -> kit.Load:
    """Raises SystemExit if there were too few names: what is asked for again is a hit."""
    load = kit.dnsperf(port, names, seconds=seconds)
    with names.open() as lines:
        there = sum(1 for _ in lines)
    if load.completed + load.lost > there:
        raise SystemExit(f"{there} names are too few for {seconds} s")
    return load


def figures_of(spent: float, load: kit.Load) -> dict[str, float]:
    done = max(load.completed, 1)
    failed = load.lost + sum(count for code, count in load.codes.items() if code != "NOERROR")
    return {"cpu": 1e6 * spent / done, "rate": load.rate, "lost": 1_000 * failed / (done + load.lost)}


def validated(way: str, run: hits.Run) -> list[Table]:
    """The part of one way, every answer validated; the keys of every zone are known before measuring."""
    mode = peers.SCHEMES.get(way, way)
    over_ours = mode in peers.OVER_OURS
    title = f"Misses forwarded over {MODES[way]}, validated (ECDSA P-256, chain cached)"
    table = Table(title, missing=peers.missing(mode, validating=True), note=OWN_FAR_END if over_ours else "")
    with hits.workshop() as folder:
        tree = signed_tree.build(folder, {signed_tree.P256: ZONES}, EACH)
        questions = bench_validation.present(tree.zones[signed_tree.P256], EACH)
        names = hits.write_names(folder / "known", [*questions.warm, *questions.measured])
        measured = bench_validation.Mode(title, mode, bench_validation.present)
        with upstreams.running(folder, (mode,), names, tree) as upstream:
            bench = bench_validation.Bench(folder, tree, upstream, EACH, OUTSTANDING)
            for number, name in run.turns(table, PEERS):
                one = bench.measure(PEERS[name], measured)
                lost = 1_000 * one.failed / len(questions.measured)
                hits.note(table, number, name, {"cpu": one.cpu, "rate": one.rate, "lost": lost})
    return [table]
