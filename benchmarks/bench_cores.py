"""One core and several: cached answers over UDP, and misses, validated or not: answers a second, CPU time for each, and how many
cores were busy.

`python benchmarks/bench_cores.py [--cores 1,2] [--rounds N] [--seconds N] [--only hits|misses] [--record]`. For misses see
`core_misses.py`.
The load of hits is made so that it takes little of the same machine: eight questions in one call, which the kernel takes apart
(UDP_SEGMENT, udp(7)); it yields to the cells (nice 10) and reads the first of each eight answers, the kernel drops the rest. What
was answered is counted by the fronts. Clients are 32 addresses, spread over the cells as any others are; each asks on when it is
answered.
"""

import argparse
import contextlib
import itertools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import core_misses
import kit
import page
from figures import spread

from anchorhold.control_client import ask_service

CLIENTS = 32
NAMES = 64
WAVE = 8
"""Questions in one call: so few that what all ask at once waits for less than what begins fair shares (docs/decisions/0039)."""
SEGMENT = 103
"""UDP_SEGMENT (linux/udp.h)."""
CONFIG = """
[service]
state = "{folder}/state"
cores = {cores}
[listen]
addresses = ["127.0.0.1:{port}"]
control = "{folder}/control.sock"
[limits]
rate = 0
[resolve]
mode = "iterate"
[[local]]
zone = "bench.example"
records = ["* A 192.0.2.1"]
"""


def questions() -> list[bytes]:
    """All of one length, each for another name."""
    header = b"\x01\0\0\1\0\0\0\0\0\0"
    names = (kit.encode(f"n{number:04}.bench.example") for number in range(NAMES))
    return [number.to_bytes(2, "big") + header + name + b"\0\1\0\1" for number, name in enumerate(names)]


def clients(port: int) -> list[socket.socket]:
    made = []
    for number in range(CLIENTS):
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client.bind((kit.client(7, number), 0))
        client.connect(("127.0.0.1", port))
        made.append(client)
    return made


def load(port: int) -> None:
    """Ask, until ended."""
    os.nice(10)
    asked = questions()
    size = len(asked[0])
    waves = [b"".join(asked[first : first + WAVE]) for first in range(0, NAMES, WAVE)]
    crowd = clients(port)
    for client in crowd:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        client.setsockopt(socket.IPPROTO_UDP, SEGMENT, size)
        client.setblocking(False)
        client.send(waves[0])
    for wave in itertools.cycle(waves):
        ready, _, _ = select.select(crowd, (), (), 0.01)
        for client in ready or crowd:
            with contextlib.suppress(BlockingIOError):
                while client.recv(4_096):
                    pass
            client.send(wave)


def warm(port: int) -> None:
    """Every name is cached by whatever cell a client comes to."""
    for client in clients(port):
        with client:
            client.settimeout(5.0)
            for question in questions():
                client.send(question)
                client.recv(4_096)


def hits(control: Path) -> dict[str, int]:
    """Answers that each front gave out of its cache."""
    lines = {str(line["cell"]): line for line in ask_service(control, {"verb": "status"})}
    return {name: line["counters"]["hits"] for name, line in lines.items() if name.startswith("front")}  # type: ignore[index]


def measured(cores: int, seconds: float) -> tuple[float, float, float, list[int]]:
    """Answers a second, CPU microseconds for each, cores that fronts kept busy, and the answers of each front."""
    port = kit.free_port()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        config, control = folder / "anchorhold.toml", folder / "control.sock"
        config.write_text(CONFIG.format(folder=folder, cores=cores, port=port))
        with (folder / "log").open("wb") as log:
            service = subprocess.Popen([sys.executable, "-m", "anchorhold", "run", "--config", str(config)], stderr=log)
        try:
            kit.wait_for_answer(port, "n0000.bench.example")
            warm(port)
            cells = {line["cell"]: line["pid"] for line in ask_service(control, {"verb": "status"})}
            pids = [pid for cell, pid in cells.items() if str(cell).startswith("front")]
            asker = subprocess.Popen([sys.executable, __file__, "--load", str(port)])
            try:
                silent = hits(control)
                while hits(control) == silent:
                    time.sleep(0.1)
                return difference(control, pids, seconds)
            finally:
                asker.send_signal(signal.SIGKILL)
                asker.wait()
        finally:
            kit.stop(service)


def difference(control: Path, pids: Sequence[object], seconds: float) -> tuple[float, float, float, list[int]]:
    before, spent, began = hits(control), sum(kit.cpu_seconds(int(str(pid))) for pid in pids), time.monotonic()
    time.sleep(seconds)
    after, done, ended = hits(control), sum(kit.cpu_seconds(int(str(pid))) for pid in pids), time.monotonic()
    each = [after[name] - before[name] for name in after]
    took, answered = done - spent, sum(each)
    return answered / (ended - began), 1e6 * took / answered, took / (ended - began), each


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cores", default="1,2")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--only", choices=("hits", "misses"))
    parser.add_argument("--record", action="store_true", help="write benchmarks/results/DATE-cores.md")
    parser.add_argument("--load", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.load:
        load(options.load)
    wanted = [int(word) for word in options.cores.split(",")]
    conditions = page.Conditions()
    lines: list[str] = []
    if options.only != "misses":
        lines += hit_table(wanted, options.rounds, options.seconds)
    for title, scene in core_misses.SCENES.items() if options.only != "hits" else ():
        lines += miss_table(title, scene, wanted, options.rounds)
    processors = f"{os.cpu_count()} processors, which the load and the upstream share with the service"
    head = [
        page.heading("One core and several"),
        "",
        f"{conditions.printed_by('bench-cores', processors)}. Median (minimum to maximum).",
    ]
    kit.finish("\n".join([*head, *lines, ""]), "cores", options.record)


def hit_table(wanted: list[int], rounds: int, seconds: float) -> list[str]:
    found: dict[int, list[tuple[float, float, float, list[int]]]] = {cores: [] for cores in wanted}
    for number in range(1, rounds + 1):
        for cores in wanted:
            found[cores].append(measured(cores, seconds))
            print(f"round {number}, {cores}: cached answers, {found[cores][-1][0]:,.0f} a second", flush=True)
    first = [one[0] for one in found[wanted[0]]]
    lines = ["", f"## Cached answers over UDP, {CLIENTS} clients", ""]
    lines += ["| cores | answers/s | times the first | CPU µs for each | fronts kept busy | answers of each front |"]
    lines += ["| --- | --- | --- | --- | --- | --- |"]
    for cores, runs in found.items():
        rates = [one[0] for one in runs]
        figures = [spread(rates, ".0f"), kit.ratio(rates, first)]
        figures += [spread([one[1] for one in runs], ".2f"), spread([one[2] for one in runs], ".2f")]
        lines.append(f"| {cores} | {' | '.join(figures)} | {json.dumps(runs[-1][3])} |")
    return lines


def miss_table(
    title: str, scene: Callable[[], AbstractContextManager[core_misses.Scene]], wanted: list[int], rounds: int
) -> list[str]:
    found: dict[int, list[core_misses.Sample]] = {cores: [] for cores in wanted}
    with scene() as place:
        for number in range(1, rounds + 1):
            for cores in wanted:
                found[cores].append(core_misses.measured(place, cores))
                print(f"round {number}, {cores}: misses, {title}, {found[cores][-1].rate:,.0f} a second", flush=True)
    first = [one.rate for one in found[wanted[0]]]
    lines = ["", f"## Misses forwarded over UDP, {title}", ""]
    lines += [
        "| cores | answers/s | times the first | CPU µs for each | of it resolvers | resolvers busy | asked by each | failed |"
    ]
    lines += ["| --- | --- | --- | --- | --- | --- | --- | --- |"]
    for cores, runs in found.items():
        figures = [spread([one.rate for one in runs], ".0f"), kit.ratio([one.rate for one in runs], first)]
        figures += [spread([one.cpu for one in runs], ".0f"), spread([one.resolving for one in runs], ".0f")]
        figures += [spread([one.busy for one in runs], ".2f"), json.dumps(runs[-1].each)]
        lines.append(f"| {cores} | {' | '.join(figures)} | {sum(one.failed for one in runs)} |")
    return lines


if __name__ == "__main__":
    main()
