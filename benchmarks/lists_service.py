"""The whole service with a million names to block, for `bench_lists.py --service`: from its start until it answers and until it
blocks, the memory of every process, CPU time for each question; beside the same service with one rule for all names."""

import os
import socket
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import kit
import page
import peers
import readings
from figures import spread

PATIENCE = 120.0
TICKS = os.sysconf("SC_CLK_TCK")
LIST = '[lists]\nmillion = {{ file = "{folder}/names.txt", format = "domains" }}\n'
RULE = '[[rule]]\naction = "block"\ndomains = ["."]\n'
ANSWERED_HERE = "x{number}.localhost"


@dataclass(frozen=True, slots=True)
class Found:
    """Of one start: seconds until the first answer and until a name was blocked, CPU seconds of all processes until then, MB
    (10^6) of each process after the questions, by its name (resident, proportional share), CPU µs for each question."""

    answers: float
    blocks: float
    cpu: float
    memory: dict[str, tuple[float, float]]
    question: float


def answer_of(port: int, name: str) -> bytes:
    """To a question for an A record; empty if none comes soon."""
    query = b"\x00\x07\x01\x00\x00\x01" + bytes(6) + kit.encode(name) + b"\x00\x01\x00\x01"
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(0.05)
        client.connect(("127.0.0.1", port))
        try:
            client.send(query)
            return client.recv(4_096)
        except OSError:
            return b""


def is_blocked(answer: bytes) -> bool:
    """Whether the one record in it is the null address."""
    return answer[6:8] == b"\0\1" and b"\0\4\0\0\0\0" in answer


def until(start: float, names: Iterator[str], port: int, holds: Callable[[bytes], bool]) -> float:
    """Seconds since the start. Each question is for another name, so that no memory answers it."""
    for name in names:
        if holds(answer_of(port, name)):
            return time.monotonic() - start
        if time.monotonic() - start > PATIENCE:
            break
        time.sleep(0.01)  # the processor is for the service
    raise SystemExit(f"the service does not do it within {PATIENCE:.0f} s")


def cpu_of_all(pid: int) -> float:
    """Seconds of the tree, and of those of its processes that have ended."""
    ended = 0
    for member in kit.tree(pid):
        fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
        ended += int(fields[13]) + int(fields[14])
    return kit.cpu_seconds(pid) + ended / TICKS


@contextmanager
def serving(folder: Path, extra: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The service on the server core, with so much more in its configuration; what it asks upstream, nobody answers."""
    port = kit.free_port()
    command = peers.anchorhold(folder, port, peers.Upstream(9, 9, 9, folder), "udp")
    path = Path(command[-1])
    state = f'state = "{folder}/state-{port}"'
    path.write_text(path.read_text().replace(state, f'state = "{folder}/state"') + extra)
    process = kit.start(command, kit.SERVER_CORE, folder / "log")
    try:
        yield process, port
    finally:
        kit.stop(process)


def measure(folder: Path, extra: str, listed: list[str], asked: Path) -> Found:
    start = time.monotonic()
    with serving(folder, extra) as (process, port):
        answers = until(start, (ANSWERED_HERE.format(number=n) for n in range(100_000)), port, bool)
        blocks = until(start, iter(listed), port, is_blocked)
        cpu = cpu_of_all(process.pid)
        before = kit.cpu_seconds(process.pid)
        load = kit.dnsperf(port, asked)
        spent = kit.cpu_seconds(process.pid) - before
        memory = {}
        for name, pid in readings.processes(process.pid).items():
            reading = readings.read(pid)
            assert reading is not None, f"{name} has ended"
            memory[name] = (reading.resident * 1024 / 1e6, readings.share(pid) * 1024 / 1e6)
        if load.codes != {"NOERROR": load.completed} or load.completed < 0.99 * len(listed):
            raise SystemExit(f"of {len(listed)} names these were answered: {load.codes}")
        print(f"{answers:.2f} s, {blocks:.2f} s, {load.rate:,.0f} a second", flush=True)
        return Found(answers, blocks, cpu, memory, 1e6 * spent / load.completed)


def runs(rounds: int, folder: Path, names: list[str], listed: list[str], asked: Path) -> dict[str, list[Found]]:
    """Each round starts with an empty folder of state, and once more with what the first start left in it."""
    found: dict[str, list[Found]] = {}
    folder.chmod(0o755)
    (folder / "names.txt").write_text("".join(f"{name}\n" for name in names))
    with_list = LIST.format(folder=folder)
    for _ in range(rounds):
        for what, extra in (("the list", with_list), ("the list, again", with_list), ("one rule", RULE)):
            if not what.endswith("again"):
                subprocess.run(["rm", "-rf", str(folder / "state")], check=True)
            found.setdefault(what, []).append(measure(folder, extra, listed, asked))
    return found


def report(found: dict[str, list[Found]], count: int, asked: int, head: str) -> str:
    """The page. `head`: how it was run."""

    def row(title: str, of: Callable[[Found], float], form: str) -> str:
        return f"| {title} | {' | '.join(spread([of(one) for one in some], form) for some in found.values())} |\n"

    def sums(place: int) -> Callable[[Found], float]:
        return lambda one: sum(pair[place] for pair in one.memory.values())

    listed, _, rule = found.values()
    hit = statistics.median(one.question for one in listed) - statistics.median(one.question for one in rule)
    text = f"""{page.heading(f"The whole service with {count:,} names to block")}

{head}.
Median (minimum to maximum). MB are 10^6 octets, after the questions. *again* is a second start with the state of the first;
*one rule* is the same service without lists and with a rule that blocks every name.

| | {" | ".join(found)} |
| --- |{" --- |" * len(found)}
"""
    text += row("start to first answer, s", lambda one: one.answers, ".2f")
    text += row("start to first blocked name, s", lambda one: one.blocks, ".2f")
    text += row("CPU of all processes until then, s", lambda one: one.cpu, ".2f")
    text += row("proportional share of all processes, MB", sums(1), ".1f")
    text += row("question for a blocked name, CPU µs", lambda one: one.question, ".1f")
    text += f"\nThe last row is of {asked:,} different names of the list; the difference of its medians is {hit:.1f} µs.\n\n"
    heads = [f"{what}: {kind}" for what in found for kind in ("resident", "share")]
    text += f"| process, MB | {' | '.join(heads)} |\n| --- |{' --- |' * len(heads)}\n"
    for name in dict.fromkeys(name for some in found.values() for name in some[0].memory):
        cells = []
        for some in found.values():
            pairs = [one.memory[name] for one in some if name in one.memory]
            cells += [f"{statistics.median(column):.1f}" for column in zip(*pairs, strict=True)] or ["", ""]
        text += f"| {name} | {' | '.join(cells)} |\n"
    return text
