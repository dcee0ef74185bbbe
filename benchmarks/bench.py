"""Ours beside the peers, everything that is measured, part by part: `make bench`, or `make bench ONLY='udp dot'`.

The figures of a part are kept in `.bench/` until it is measured again, so that a run can be broken off and gone on with
(`MISSING=1`: parts that have none of this commit). The page and the picture are made of all that are kept.
"""

import argparse
import datetime
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent))

import figures
import footprint
import hits
import misses
import page
import peers
import picture
import targets
from figures import Done, Table

HERE = Path(__file__).parent
ROOT = HERE.parent
KEPT = ROOT / ".bench"
PICTURE = ROOT / "docs" / "speed.svg"
ROUNDS, SECONDS = 3, 1.6


class Part(NamedTuple):
    """`measure` gives the tables of a run, the first of which is the one that targets and the picture look at."""

    title: str
    measure: Callable[[hits.Run], list[Table]]


def program(line: str) -> Callable[[hits.Run], list[Table]]:
    """A part that is a program of its own, as it needs a network namespace or a process of its own; `{rounds}` is put in."""

    def measure(run: hits.Run) -> list[Table]:
        with hits.workshop() as folder:
            path = folder / "figures.json"
            name, *words = line.format(rounds=run.rounds).split()
            command = [sys.executable, str(HERE / name), *words, "--figures", str(path)]
            if subprocess.run(command, check=False).returncode or not path.exists():
                raise SystemExit(f"{name} failed")
            return figures.read_tables(path)

    return measure


def hit(way: str) -> Callable[[hits.Run], list[Table]]:
    return lambda run: hits.cached(way, run)


def miss(way: str) -> Callable[[hits.Run], list[Table]]:
    return lambda run: misses.forwarded(way, run)


def signed(way: str) -> Callable[[hits.Run], list[Table]]:
    return lambda run: misses.validated(way, run)


PARTS = {
    **{way: Part(f"cached answers over {way}", hit(way)) for way in hits.WAYS},
    "busy": Part("cached answers over UDP while validated misses run", hits.busy),
    "waits": Part("what cached answers wait for", program("bench_waits.py --rounds {rounds}")),
    **{f"miss-{way}": Part(f"misses over {way}", miss(way)) for way in misses.MODES},
    **{f"signed-{way}": Part(f"validated misses over {way}", signed(way)) for way in misses.MODES if way != "doh3"},
    "iteration": Part("cold iteration", program("bench_iteration.py --rounds {rounds} --modes saturate --zones 3000")),
    "dhcp": Part(
        "DHCPv4",
        program("bench_dhcp.py --rounds {rounds} --again 2 --count 2000 --held 0 20000 --outstanding 16 --seconds 3"),
    ),
    "lists": Part("block lists of 10⁵ and 10⁶ names", program("bench_lists.py --rounds {rounds}")),
    "cells": Part("start of all cells", program("bench_start.py --runs 5")),
    "memory": Part("start, memory and hits among 10⁵ answers", footprint.memory),
    "growth": Part("our caches from 10³ to 10⁶ answers", program("bench_cache.py")),
    "profile": Part("where our CPU time goes", program("bench_profile.py")),
    "clients": Part("cached answers to 1 to 1,000 clients", footprint.clients),
}
"""In the order in which they are measured."""


def commit() -> str:
    """What is measured; `+` if anything else than results was changed since."""
    git = ["git", "-C", str(ROOT)]
    changed = [*git, "status", "--porcelain", "--", ".", ":!benchmarks/results", f":!{PICTURE.relative_to(ROOT)}"]
    try:
        at = subprocess.run(
            [*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=True
        ).stdout
        return at.strip() + "+" * bool(subprocess.run(changed, capture_output=True, text=True, check=True).stdout)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def measure(name: str, run: hits.Run) -> Done:
    """What fails is told on the page, and the other parts go on."""
    begun, at = time.monotonic(), f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M}"
    done = Done(name, commit(), at, load=os.getloadavg()[0])
    try:
        done.tables = PARTS[name].measure(run)
    except (SystemExit, Exception) as reason:
        done.failure = f"{type(reason).__name__}: {reason}".splitlines()[0]
        print(f"  {name} failed: {reason}", file=sys.stderr, flush=True)
    done.took = time.monotonic() - begun
    return done


def measure_all(names: list[str], run: hits.Run, kept: Path) -> list[str]:
    """The names of those that failed."""
    begun, failed = time.monotonic(), []
    for number, name in enumerate(names, 1):
        spent = (time.monotonic() - begun) / 60
        print(f"[{number}/{len(names)}, {spent:.1f} min] {name}: {PARTS[name].title}", flush=True)
        done = measure(name, run)
        figures.save(kept, done)
        failed += [name] if done.failure else []
        print(f"  {name} took {done.took:.0f} s", flush=True)
    return failed


def load_all(kept: Path) -> dict[str, Done]:
    found = {name: figures.load(kept, name) for name in PARTS}
    return {name: done for name, done in found.items() if done is not None}


def first_tables(parts: dict[str, Done]) -> dict[str, Table]:
    return {name: done.tables[0] for name, done in parts.items() if done.tables}


def pages(parts: dict[str, Done]) -> str:
    """The page."""
    commits = sorted({done.commit for done in parts.values()})
    lines = [
        page.heading("Ours beside the peers"),
        "",
        f"Printed by `make bench` ({page.versions()}; ours runs as {peers.form_of_ours()}; commit {', '.join(commits)}). "
        "Everybody in turn in each round, peers from Debian's packages; the server and all its processes on one core, load and "
        "upstream on the other. CPU is user and kernel time of every process of the server, read from schedstat, for each "
        "completed question. A figure is the median of the rounds (minimum to maximum); a ratio is to the peer with the least. "
        "Waits are those of the load, at a constant rate.",
        "",
        "## Targets",
        "",
        *targets.lines_of(targets.judge(first_tables(parts))),
    ]
    for name, done in parts.items():
        lines += ["", f"## {name}: {PARTS[name].title}"]
        rounds = f"{done.rounds} round{'s' * (done.rounds != 1)}"
        told = f"{rounds}, {done.at} UTC, {done.took:.0f} s, load of the machine before {done.load:.1f}."
        lines += ["", told]
        if done.failure:
            lines += ["", f"**Not measured**: {done.failure}"]
        for table in done.tables:
            lines += ["", f"### {table.title}", "", *figures.lines_of(table)]
    absent = [name for name in PARTS if name not in parts]
    if absent:
        lines += ["", f"Not measured yet: {', '.join(absent)}."]
    return "\n".join(lines) + "\n"


def record(text: str, parts: dict[str, Done], results: Path, drawing: Path) -> None:
    day = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}"
    (results / f"{day}.md").write_text(text)
    drawing.write_text(picture.draw(first_tables(parts), day))
    print(f"written to {results / day}.md and {drawing}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only", nargs="+", default=list(PARTS), choices=list(PARTS), metavar="PART", help=" ".join(PARTS)
    )
    parser.add_argument("--missing", action="store_true", help="leave out parts that have figures of this commit")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of one measurement")
    parser.add_argument(
        "--servers", nargs="+", default=(), help="only these; for trying, parts that are programs do not know it"
    )
    parser.add_argument("--kept", type=Path, default=KEPT, help="folder of the figures of each part")
    parser.add_argument("--record", action="store_true", help="write benchmarks/results/DATE.md and docs/speed.svg")
    options = parser.parse_args()
    names = options.only
    if options.missing:
        now = commit()
        known = {name for name, done in load_all(options.kept).items() if done.commit == now and not done.failure}
        names = [name for name in names if name not in known]
    failed = measure_all(names, hits.Run(options.rounds, options.seconds, tuple(options.servers)), options.kept)
    parts = load_all(options.kept)
    text = pages(parts)
    print(text)
    if options.record:
        record(text, parts, HERE / "results", PICTURE)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
