"""A million names to block: compiled, mapped and looked up by ours, beside dnsmasq (addn-hosts) and unbound (local-zone).

`make bench-lists` runs it. Ours is measured in processes of its own, one for each step, with no service around it; the others
as whole servers, whose look-up is what a question costs them more with the list than with one rule for all names. With
`--service` it is our whole service that is measured, in the same way as the others (`lists_service.py`).
"""

import argparse
import ctypes
import fcntl
import json
import mmap
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import figures
import kit
import lists_report
import lists_service
import peers
from lists_report import Figures
from page import Conditions

from privacy.lists.compile import Source, compile_image
from privacy.lists.entry import Entry, Saying, Trigger
from privacy.lists.formats import read_list
from privacy.lists.matcher import ListImage
from wire.dns.names import count_labels, read_name

ASKED = 100_000
ASKED_OF_SERVICE = 30_000
A = 1
FIRST = "first.list.example"
WORDS = (
    *("ad", "ads", "api", "app", "beacon", "cdn", "click", "data", "edge", "event", "img", "log"),
    *("metric", "pixel", "sdk", "stat", "static", "sync", "tag", "track", "web"),
)
FORMATS: dict[str, Callable[[str], str]] = {
    "domains": lambda name: f"{name}\n",
    "hosts": lambda name: f"0.0.0.0 {name}\n",
    "wildcards": lambda name: f"*.{name}\n",
    "adblock": lambda name: f"||{name}^\n",
}


def make_names(count: int) -> list[str]:
    """Different names of two to four labels, always the same, in no order."""
    rng = random.Random(7)
    names = {FIRST: None}
    while len(names) < count:
        site = f"{rng.choice(WORDS)}{rng.randrange(36**4):x}-{rng.choice(WORDS)}"
        labels = [rng.choice(WORDS) for _ in range(rng.randrange(3))]
        names[".".join([*labels, site, rng.choice(("example", "test", "invalid"))])] = None
    return list(names)


# The steps of ours, each in a process of its own.


def step_compile(text: Path, syntax: str, image: Path) -> Figures:
    """From text to the image."""
    before = resident_of(os.getpid())
    data = text.read_bytes()
    began = time.process_time()
    compiled = compile_image([Source("bench", sha256(data).digest(), read_list(data, syntax))])
    spent = time.process_time() - began
    image.write_bytes(compiled.image)
    peak = resident_of(os.getpid(), "VmHWM")
    facts = compiled.lists[0]
    return {"cpu": spent, "peak": peak - before, "entries": facts.entries, "skipped": facts.skipped}


def step_look(image: Path, names: Path) -> Figures:
    """A sealed memfd is mapped as the resolver does; names in it, and others that are not, are looked up."""
    descriptor = os.memfd_create("lists", os.MFD_ALLOW_SEALING)
    os.write(descriptor, image.read_bytes())
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK)
    listed = [read_name(name) for name in names.read_text().split()]
    others = [b"\1x" + name[:-5] + b"q" + name[-4:] for name in listed]
    resident = memory("RssAnon") + memory("RssShmem")
    began = time.perf_counter()
    mapped = mmap.mmap(descriptor, 0, prot=mmap.PROT_READ)
    found = ListImage(mapped)  # type: ignore[arg-type]  # what has the octets of a memory view
    opened = time.perf_counter() - began
    assert all(found.name_hits(name, A) for name in listed)
    assert not any(found.name_hits(name, A) for name in others)
    hit = cpu(lambda: [found.name_hits(name, A) for name in listed]) / len(listed)
    miss = cpu(lambda: [found.name_hits(name, A) for name in others]) / len(others)
    probes = sum(count_labels(name) + 1 for name in others) / len(others)
    sum(mapped[at] for at in range(0, len(mapped), mmap.PAGESIZE))
    asked = len(listed)
    listed.clear()
    others.clear()
    resident = memory("RssShmem") + max(0, memory("RssAnon") - resident)
    figures = {"map": 1e3 * opened, "hit": 1e6 * hit, "miss": 1e6 * miss, "probe": 1e6 * miss / probes}
    return figures | {"resident": resident, "octets": len(mapped) / 1e6, "asked": asked, "shared": memory("RssShmem")}


def cpu(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def memory(kind: str) -> float:
    """MB of this process, as the kernel counts them; what was given back to the allocator is given back to the kernel first."""
    ctypes.CDLL(None).malloc_trim(0)
    return resident_of(os.getpid(), kind)


def resident_of(pid: int, kind: str = "VmRSS") -> float:
    """MB (10^6) of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith(f"{kind}:"))


def step_patterns() -> Figures:
    """Five hundred regular expressions as lists have them, and kinds whose states are many, as many as the bounds let through."""
    usual = [rf"^(.+[-_.])?ads{number}\.example{number}\.(com|net)$" for number in range(500)]
    letters = "abcdefghijklmnopqrst"
    pairs = [(one, other) for one in letters for other in letters]
    kinds = {
        "usual": usual,
        "gaps": [f"{one}.*{other}.*{number}" for number in range(10) for one, other in pairs],
        "stars": [f"({one}|{one}{one})*{other}.{{1,100}}{one}$" for one, other in pairs],
    }
    return {f"{kind}-{what}": value for kind, texts in kinds.items() for what, value in pattern_figures(texts).items()}


def pattern_figures(patterns: list[str]) -> Figures:
    items = [Entry(Trigger.PATTERN, Saying.BLOCK, line + 1, pattern=text) for line, text in enumerate(patterns)]
    began = time.process_time()
    compiled = compile_image([Source("bench", bytes(32), items)])
    spent = time.process_time() - began
    before = resident_of(os.getpid())
    opened = cpu(lambda: ListImage(compiled.image))
    found = ListImage(compiled.image)
    rng = random.Random(3)
    labels = ["".join(rng.choices("abcdefghijklmnopqrst", k=60)) for _ in range(400)]
    longest = [read_name(".".join(labels[at : at + 4])) for at in range(0, 400, 4)]
    usual = [read_name(f"www.site{number}.example.com") for number in range(2_000)]
    short = cpu(lambda: [found.name_hits(name, A) for name in usual]) / len(usual)
    long = max(cpu(lambda name=name: found.name_hits(name, A)) for name in longest)  # type: ignore[misc]
    facts = compiled.lists[0]
    figures: Figures = {"count": facts.patterns, "refused": facts.skipped, "cost": compiled.instructions}
    figures |= {"compile": 1e3 * spent, "map": 1e3 * opened, "name": 1e6 * short, "long": 1e3 * long}
    return figures | {"memory": resident_of(os.getpid()) - before}


STEPS: dict[str, Callable[..., Figures]] = {"compile": step_compile, "look": step_look, "patterns": step_patterns}


def run_step(name: str, *arguments: str) -> Figures:
    command = [*kit.pinned(kit.SERVER_CORE), sys.executable, __file__, "--step", name, *arguments]
    result: Figures = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return result


# The others, as servers.


@dataclass(frozen=True, slots=True)
class Server:
    """`command(folder, port, names)`: with so many names, or with one rule for all."""

    name: str
    mechanism: str
    command: Callable[[Path, int, list[str]], list[str]]


def dnsmasq(folder: Path, port: int, names: list[str]) -> list[str]:
    base = peers.dnsmasq(folder, port, peers.Upstream(9, 9, 9, folder), "udp")
    if not names:
        return [*base, "--address=/#/0.0.0.0"]
    path = folder / "hosts"
    path.write_text("".join(f"0.0.0.0 {name}\n" for name in names))
    return [*base, f"--addn-hosts={path}"]


def unbound(folder: Path, port: int, names: list[str]) -> list[str]:
    zones = "".join(f'  local-zone: "{name}" always_nxdomain\n' for name in names[1:] or ["."])
    ready = f'  local-zone: "{FIRST}." redirect\n  local-data: "{FIRST}. 3600 IN A 192.0.2.1"\n'
    text = peers.UNBOUND_COMMON.format(folder=folder) + f"  interface: 127.0.0.1@{port}\n{ready}"
    path = folder / "unbound-lists.conf"
    path.write_text(f"{text}{zones}remote-control:\n  control-enable: no\n")
    return ["unbound", "-c", str(path)]


SERVERS = (
    Server("dnsmasq", "addn-hosts", dnsmasq),
    Server("unbound", "local-zone", unbound),
)


def measure_server(server: Server, names: list[str], folder: Path, asked: Path) -> Figures:
    """CPU seconds until it answers, MB resident then, CPU µs for each question for a name of the list."""
    port = kit.free_port()
    command = server.command(folder, port, names)
    command[0] = kit.find(command[0]) or command[0]
    process = kit.start(command, kit.SERVER_CORE, folder / f"{server.name}.log")
    try:
        kit.wait_for_answer(port, FIRST, 180)
        loaded, resident = kit.cpu_seconds(process.pid), resident_of(process.pid)
        load = kit.dnsperf(port, asked)
        spent = kit.cpu_seconds(process.pid) - loaded
        if load.completed < 0.99 * (load.completed + load.lost):
            raise SystemExit(f"{server.name} answered {load.completed}, and lost {load.lost}")
        return {"load": loaded, "resident": resident, "question": 1e6 * spent / load.completed}
    finally:
        kit.stop(process)


# The whole run.


def questions(names: list[str], count: int, folder: Path) -> tuple[list[str], Path]:
    """So many of the names, and the file of dnsperf's with a question for each."""
    chosen = random.Random(1).sample(names, count)
    asked = folder / "asked.txt"
    asked.write_text("".join(f"{name} A\n" for name in chosen))
    return chosen, asked


def rounds_of(
    count: int, names: list[str], folder: Path, formats: Iterable[str], questions_each: int
) -> Iterator[dict[str, Figures]]:
    """One after another, everybody in each."""
    texts = {syntax: folder / f"{syntax}.txt" for syntax in formats}
    for syntax, text in texts.items():
        text.write_text("".join(map(FORMATS[syntax], names)))
    listed = folder / "listed.txt"
    chosen, asked = questions(names, questions_each, folder)
    listed.write_text("\n".join(chosen))
    for _ in range(count):
        found = {
            syntax: run_step("compile", str(text), syntax, f"{folder}/{syntax}.image") for syntax, text in texts.items()
        }
        found["look"] = run_step("look", f"{folder}/domains.image", str(listed))
        for server in SERVERS:
            found[server.name] = measure_server(server, names, folder, asked)
            found[f"{server.name} without"] = measure_server(server, [], folder, asked)
        yield found


def bare_table(count: int, rounds: int) -> figures.Table:
    """Ours compiles the list once, and all cells that look have the image of it in common; the others load it at each start."""
    here = figures.Table(
        f"{count:,} names to block",
        note="Ours: a text of domains compiled, the image mapped, without the service around it; the others as whole servers, "
        "whose look-up is what a listed name costs more than one rule for all names.",
    )
    here.missing = {one.name: "not installed" for one in SERVERS if not kit.find(one.name)}
    here.missing |= {
        "knot-resolver": "not set up here",
        "pdns-recursor": "not set up here",
        "dnsdist": "not set up here",
    }
    with tempfile.TemporaryDirectory() as folder:
        for found in rounds_of(rounds, make_names(count), Path(folder), ("domains",), min(ASKED, count)):
            look = found["look"]
            ours = {"load": found["domains"]["cpu"], "resident": look["resident"], "question": look["hit"]}
            here.add(figures.OURS, ours)
            for server in SERVERS:
                if server.name not in here.missing:
                    base, listed = found[f"{server.name} without"], found[server.name]
                    here.add(server.name, listed | {"question": listed["question"] - base["question"]})
    return here


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--names", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--service", action="store_true", help="the whole service instead")
    parser.add_argument("--figures", type=Path, help="for `make bench`: write the figures there instead")
    parser.add_argument("--step", nargs="+", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.step:
        name, *arguments = chosen.step
        paths = [one if one in FORMATS else Path(one) for one in arguments]
        print(json.dumps(STEPS[name](*paths)))
        return 0
    if chosen.figures:
        figures.write_tables(chosen.figures, [bare_table(count, chosen.rounds) for count in (100_000, 1_000_000)])
        return 0
    names = make_names(chosen.names)
    if chosen.service:
        conditions = Conditions()
        with tempfile.TemporaryDirectory() as folder:
            # The other domains of the list are special names, which are answered before any list is looked at.
            able = [name for name in names if name.endswith(".example")]
            listed, asked = questions(able, ASKED_OF_SERVICE, Path(folder))
            found = lists_service.runs(chosen.rounds, Path(folder), names, listed, asked)
        head = conditions.printed_by("bench-lists", f"rounds: {chosen.rounds}, interleaved", "the service on one core")
        kit.finish(lists_service.report(found, len(names), len(listed), head), "lists-service", chosen.record)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        runs = list(rounds_of(chosen.rounds, names, Path(folder), FORMATS, ASKED))
    mechanisms = {server.name: server.mechanism for server in SERVERS}
    page = lists_report.report(lists_report.Runs(runs), list(FORMATS), mechanisms, run_step("patterns"))
    kit.finish(page, "lists", chosen.record)
    return 0


if __name__ == "__main__":
    sys.exit(main())
