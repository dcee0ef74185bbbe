"""What is not cached, with one resolver and with several: forwarded over UDP, nothing validated and everything validated.

Part of `bench_cores.py`. Names of 60 sites, each asked for once, by a client of each front, a hundred at the same time for each.
Service, upstream and load share all cores there are, so where those are used up more resolvers cannot answer more: what tells is
the CPU time for each answer, and how busy the resolvers were.
"""

import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import hits
import kit
import peers
import signed_tree
import upstreams

from anchorhold.control_client import ask_service
from anchorhold.spreading import cell_of

SITES = 60
EACH, EACH_PLAIN = 200, 500
OUTSTANDING = 100
NETWORK = 7


@dataclass(frozen=True, slots=True)
class Sample:
    """Answers a second; CPU microseconds for each of all our cells, and of resolvers; cores that resolvers kept busy; what each
    resolver asked of the upstream; questions without an answer."""

    rate: float
    cpu: float
    resolving: float
    busy: float
    each: list[int]
    failed: int


@dataclass(frozen=True, slots=True)
class Scene:
    """The upstream, what is asked to get warm and what is measured, and the trust anchor, if it is validated."""

    folder: Path
    upstream: peers.Upstream
    warm: list[str]
    names: list[str]
    anchor: str = ""


@contextmanager
def plain() -> Iterator[Scene]:
    """Nothing is signed."""
    names = [f"m{number}.s{site}.bench" for number in range(EACH_PLAIN) for site in range(SITES)]
    with hits.workshop() as folder, upstreams.running(folder, ("udp",), folder / "unused") as upstream:
        yield Scene(folder, upstream, [f"warm.s{site}.bench" for site in range(SITES)], names)


@contextmanager
def validated() -> Iterator[Scene]:
    """Every zone is signed; its keys are known before measuring."""
    with hits.workshop() as folder:
        tree = signed_tree.build(folder, {signed_tree.P256: SITES}, EACH)
        zones = tree.zones[signed_tree.P256]
        names = [f"host{number:04}.{zone}" for number in range(1, EACH) for zone in zones]
        with upstreams.running(folder, ("udp",), folder / "unused", tree) as upstream:
            yield Scene(folder, upstream, [f"host0000.{zone}" for zone in zones], names, tree.anchor)


SCENES = {"nothing validated": plain, "validated (ECDSA P-256, keys of the zones known)": validated}


def measured(scene: Scene, cores: int) -> Sample:
    """By a fresh service."""
    port = kit.free_port()
    place = scene.folder / f"{cores}-{port}"
    place.mkdir(mode=0o755)
    command = peers.anchorhold(place, port, scene.upstream, "udp", scene.anchor)
    config = Path(command[-1])
    config.write_text(config.read_text().replace("[service]\n", f"[service]\ncores = {cores}\n"))
    with (place / "log").open("wb") as log:
        service = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        kit.wait_for_answer(port, scene.warm[0])
        if scene.anchor and not kit.is_authentic(port, scene.warm[0]):
            sys.exit("nothing is validated")
        load(place, port, cores, scene.warm)
        # What came while the service started had waited for long: for a while who asks most is cut short (docs/decisions/0039).
        for _ in range(10):
            kit.wait_for_answer(port, scene.warm[0])
            time.sleep(0.1)
        return difference(place, port, cores, scene)
    finally:
        kit.stop(service)


def difference(place: Path, port: int, cores: int, scene: Scene) -> Sample:
    control = place / f"control-{port}.sock"
    pids = {str(line["cell"]): int(str(line["pid"])) for line in ask_service(control, {"verb": "status"})}
    resolvers = [pid for cell, pid in pids.items() if cell.startswith("resolver")]
    before, spent, solving, began = asked(control), seconds_of(pids.values()), seconds_of(resolvers), time.monotonic()
    answered = load(place, port, cores, scene.names)
    took = time.monotonic() - began
    spent, solving = seconds_of(pids.values()) - spent, seconds_of(resolvers) - solving
    each = [now - then for now, then in zip(asked(control), before, strict=True)]
    figures = answered / took, 1e6 * spent / answered, 1e6 * solving / answered, solving / took
    return Sample(*figures, each, len(scene.names) - answered)


def seconds_of(pids: Iterable[int]) -> float:
    return sum(map(kit.cpu_seconds, pids))


def asked(control: Path) -> list[int]:
    """Questions that each resolver had no answer to."""
    lines = {str(line["cell"]): line for line in ask_service(control, {"verb": "status"})}
    return [line["counters"].get("asked", 0) for name, line in lines.items() if name.startswith("resolver")]  # type: ignore[attr-defined]


def load(place: Path, port: int, cores: int, names: list[str]) -> int:
    """Ask for each name once, a part of them from a client of each front; how many were answered."""
    askers = []
    for cell in range(cores):
        address = next(
            a for a in (kit.client(NETWORK, n) for n in range(99)) if cell_of(ip_address(a).packed, cores) == cell
        )
        part = hits.write_names(place / f"names-{cell}", names[cell::cores])
        options = ["-a", address, "-s", "127.0.0.1", "-p", str(port), "-d", str(part), "-n", "1", "-t", "6"]
        command = ["nice", "-n", "10", "dnsperf", *options, "-q", str(OUTSTANDING), "-c", "4"]
        askers.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
    return sum(kit.load_of(asker.communicate()[0]).codes.get("NOERROR", 0) for asker in askers)
