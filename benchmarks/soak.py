"""Half an hour at a steady rate, with clients of every kind and leases going on: what grows, what is lost, what is wrong.

`make soak MINUTES=30 RATE=1000` runs it; needs root or unprivileged user namespaces. The service, with all its cells, is on one
core; the Internet that it asks and all clients are on the other. What is asked is in `MIX`, over the ways in `WAYS`.

First comes a warm-up, at twice the rate, until every cache holds as much as it may: what is measured after it is growth and
not filling. Its connections are short, for one of these is filled by connections: sessions of QUIC that may be resumed, 1,024
(`net/quic_strain.py`). Drift of a cell is the median of its resident memory in the last two minutes, less that of the first two
after the warm-up; beside it stands the slope of a line through all readings (least squares). A reading is taken once a second.
"""

import argparse
import json
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import kit
import namespace
import page
import peers
import readings
import world
from page import Measure

MIX = {"hit": 60, "plain": 9, "signed": 6, "far": 7, "alias": 2, "nxdomain": 10, "nodata": 3, "local": 3}
WAYS = {"udp": 65, "tcp": 13, "tls": 14, "https": 5, "quic": 3}
LEASES, DEVICES = 20, 2_000
"""Exchanges a second, and how many devices have them in turn."""

SHORT = 15
"""Questions on one connection of the warm-up, about."""

GENTLE = 10.0
"""Seconds of the very beginning."""

WINDOW = 120.0
DRIFT = 1_024
DESCRIPTORS = 2
"""KiB of drift, and descriptors, that a cell may have more at the end."""


@dataclass
class Run:
    """What was seen. `start` and `end` are of the measured part, seconds as in the series."""

    watch: readings.Watch
    start: float
    end: float
    crowd: dict[str, Any]
    devices: dict[str, Any]
    shares: dict[str, int]


def order(rate: float, ca: Path, **changes: object) -> dict[str, object]:
    """For `crowd.py`."""
    made: dict[str, object] = {"rate": rate, "ways": WAYS, "kinds": MIX, "ports": world.PORTS}
    return made | {"name": peers.UPSTREAM_NAME, "authority": str(ca)} | changes


def play(options: argparse.Namespace) -> Run:
    with world.world(cache=options.cache) as made:
        devices = made.devices()
        devices.say({"rate": 2 * LEASES, "devices": DEVICES})
        watch = readings.Watch(made.pid)
        begun = time.monotonic()
        # The Internet works out its answers when they are asked for first: nobody is to wait for that.
        gentle = made.helper("crowd.py")
        gentle.say(order(options.rate / 10, made.ca, numbers=80_000_000, network=12))
        look_until(watch, gentle, begun, begun + options.gentle, "beginning")
        gentle.ask({"stop": True})
        warming = made.helper("crowd.py")
        warming.say(order(2 * options.rate, made.ca, numbers=50_000_000, network=11, lasts=SHORT))
        look_until(watch, warming, begun, time.monotonic() + 60 * options.warm, "warm-up")
        warming.ask({"stop": True})
        devices.say({"rate": LEASES, "devices": DEVICES})
        crowd = made.helper("crowd.py")
        crowd.say(order(options.rate, made.ca))
        # The first minute's connections are the crowd's own beginning.
        look_until(watch, crowd, begun, time.monotonic() + min(60.0, 6 * options.minutes))
        start = time.monotonic() - begun
        look_until(watch, crowd, begun, time.monotonic() + 60 * options.minutes, least=readings.LEAST)
        end = time.monotonic() - begun
        told = crowd.ask({"stop": True})
        leases = devices.ask({"stop": True})
        return Run(watch, start, end, told, leases, {name: readings.share(pid) for name, pid in watch.pids.items()})


def look_until(
    watch: readings.Watch, crowd: world.Helper, begun: float, end: float, what: str = "soak", least: int = 0
) -> None:
    """A reading a second, a line every ten."""
    for turn, now in enumerate(watch.look_until(begun, end, 1.0, least)):
        if turn % 10 == 0:
            told = crowd.ask({})
            memory = " ".join(f"{name} {one.readings[-1].resident / 1024:.1f}" for name, one in watch.cells.items())
            print(
                f"{what} {now - begun:6.0f} s, {end - now:5.0f} s left: {told['answered']:,} answered, {told['wrong']} wrong, "
                f"{told['lost']} lost, {told['again']} asked again, {told['failures']} failures; MiB {memory}",
                flush=True,
            )


def judge(run: Run, head: str) -> tuple[str, bool]:
    """The page, and whether everything is within its limits. `head`: how it was run."""
    crowd, devices, cells = run.crowd, run.devices, run.watch.cells
    window = min(WINDOW, (run.end - run.start) / 3)
    measures = [
        Measure("answers lost", crowd["lost"], 0),
        Measure("wrong answers", crowd["wrong"], 0),
        Measure("SERVFAIL", crowd["failures"], 0),
        Measure("exchanges of DHCP lost or refused", devices["lost"] + devices["refused"], 0),
        Measure("addresses leased twice", devices["twice"], 0),
        Measure("cells that were started again", run.watch.restarts, 0),
    ]
    rows = [cell_row(name, series, run, window) for name, series in cells.items()]
    good = all(one.seen <= one.limit for one in measures) and all(well for _, well in rows)
    lines = [
        *(page.heading("Soak"), "", head, ""),
        f"{crowd['asked']:,} questions, over {page.shares(crowd['by_way'])}; {page.shares(crowd['by_kind'])}.",
        *("", *page.limits(measures)),
        f"| questions asked again (no answer within a second, or the connection ended) | {crowd['again']:,} | |",
        f"| exchanges of DHCP done, messages sent again | {devices['done']:,}, {devices['again']} | |",
        "",
        f"Drift is the median resident memory of the last {window:.0f} s less that of the first {window:.0f} s of the "
        f"{(run.end - run.start) / 60:.0f} minutes; {len(cells['front'].between(run.start, run.end)):,} readings of "
        f"each. Limits: drift {DRIFT} KiB, {DESCRIPTORS} descriptors.",
        "",
        "| cell | resident MiB, first | last | drift KiB | slope KiB an hour | descriptors, first | last | most | "
        "CPU ms a second | PSS MiB at the end |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        *(row for row, _ in rows),
        *("", readings.second_half(cells, run.start, run.end, window)),
        *("", *page.waits(crowd["waits"])),
    ]
    if crowd["examples"]:
        lines += ["", "First odd answers:", "", *(f"- `{line}`" for line in crowd["examples"])]
    return "\n".join([*lines, "", page.verdict(good), ""]), good


def cell_row(name: str, series: readings.Series, run: Run, window: float) -> tuple[str, bool]:
    try:
        first, last = series.ends(run.start, run.end, window)
    except readings.TooFewReadings as few:
        return f"| {name} | {few} |", False
    every = series.between(run.start, run.end)
    drift = series.drift(run.start, run.end, window)

    def middle(some: list[readings.Reading], what: str) -> float:
        return statistics.median(getattr(reading, what) for reading in some)

    opened, left = middle(first, "descriptors"), middle(last, "descriptors")
    spent = 1000 * (every[-1].cpu - every[0].cpu) / (run.end - run.start)
    row = (
        f"| {name} | {middle(first, 'resident') / 1024:.1f} | {middle(last, 'resident') / 1024:.1f} | {drift:+.0f} | "
        f"{series.slope(run.start, run.end):+.0f} | {opened:.0f} | {left:.0f} | {max(r.descriptors for r in every)} | "
        f"{spent:.1f} | {run.shares.get(name, 0) / 1024:.1f} |"
    )
    return row, drift <= DRIFT and left - opened <= DESCRIPTORS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rate", type=float, default=1_000)
    parser.add_argument("--warm", type=float, default=6, help="minutes")
    parser.add_argument("--gentle", type=float, default=GENTLE, help="seconds of the very beginning")
    parser.add_argument("--cache", default="4 MiB")
    parser.add_argument("--record", action="store_true", help="write benchmarks/results/DATE-soak.md")
    parser.add_argument("--raw", type=Path, help="write all readings there, as JSON")
    options = parser.parse_args()
    namespace.enter()
    conditions = page.Conditions()
    run = play(options)
    if options.raw:
        rows = {
            n: [(at, r.resident, r.descriptors) for at, r in zip(s.at, s.readings, strict=True)]
            for n, s in run.watch.cells.items()
        }
        options.raw.write_text(json.dumps(rows))
    how = f"warm-up of {options.warm:g} minutes at twice the rate", f"caches of {options.cache} each"
    text, good = judge(run, conditions.printed_by("soak", *how, world.CORES) + ".")
    kit.finish(text, "soak", options.record)
    sys.exit(not good)


if __name__ == "__main__":
    main()
