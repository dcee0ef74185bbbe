"""Half an hour at a steady rate, with clients of every kind and leases going on: what grows, what is lost, what is wrong.

`make soak MINUTES=30 RATE=1000` runs it; needs root or unprivileged user namespaces. The service, with all its cells, is on one
core; the Internet that it asks and all clients are on the other. What is asked is in `MIX`, over the ways in `WAYS`.

First comes a warm-up, at twice the rate, until every cache holds as much as it may: what is measured after it is growth and
not filling. Drift of a cell is the median of its resident memory in the last two minutes, less that of the first two after the
warm-up; beside it stands the slope of a line through all readings (least squares). A reading is taken once a second.
"""

import argparse
import json
import platform
import sys
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import kit
import namespace
import peers
import readings
import world

MIX = {"hit": 60, "plain": 9, "signed": 6, "far": 7, "alias": 2, "nxdomain": 10, "nodata": 3, "local": 3}
WAYS = {"udp": 65, "tcp": 13, "tls": 14, "https": 5, "quic": 3}
LEASES, DEVICES = 20, 2_000
"""Exchanges a second, and how many devices have them in turn."""

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
    crowd: dict[str, object]
    devices: dict[str, object]
    warm: dict[str, object]
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
        warming.say(order(2 * options.rate, made.ca, numbers=50_000_000, network=11))
        look_until(watch, warming, begun, time.monotonic() + 60 * options.warm, "warm-up")
        warm = warming.ask({"stop": True})
        devices.say({"rate": LEASES, "devices": DEVICES})
        crowd = made.helper("crowd.py")
        crowd.say(order(options.rate, made.ca))
        # The first minute's connections are the crowd's own beginning.
        look_until(watch, crowd, begun, time.monotonic() + min(60.0, 6 * options.minutes))
        start = time.monotonic() - begun
        look_until(watch, crowd, begun, time.monotonic() + 60 * options.minutes)
        end = time.monotonic() - begun
        told = crowd.ask({"stop": True})
        leases = devices.ask({"stop": True})
        shares = {}
        for name, pid in watch.pids.items():
            reading = readings.read(pid, share=True)
            shares[name] = reading.share if reading else 0
        return Run(watch, start, end, told, leases, warm, shares)


def look_until(watch: readings.Watch, crowd: world.Helper, begun: float, end: float, what: str = "soak") -> None:
    """A reading a second, a line every ten."""
    turn = 0
    while (now := time.monotonic()) < end:
        watch.look(now - begun)
        if turn % 10 == 0:
            told = crowd.ask({})
            memory = " ".join(f"{name} {one.readings[-1].resident / 1024:.1f}" for name, one in watch.cells.items())
            print(
                f"{what} {now - begun:6.0f} s, {end - now:5.0f} s left: {told['answered']:,} answered, {told['wrong']} wrong, "
                f"{told['lost']} lost, {told['again']} asked again, {told['failures']} failures; MiB {memory}",
                flush=True,
            )
        turn += 1
        time.sleep(max(0.0, now + 1 - time.monotonic()))


def judge(run: Run, options: argparse.Namespace) -> tuple[str, bool]:
    """The text, and whether everything is within its limits."""
    window = min(WINDOW, (run.end - run.start) / 3)
    system = platform.release().split("-")[0]
    total = int(str(run.crowd["asked"]))
    lines = [
        f"# Soak, {time.strftime('%Y-%m-%d', time.gmtime())}",
        "",
        f"Printed by `make soak MINUTES={options.minutes:g} RATE={options.rate:g}` (warm-up of {options.warm:g} minutes at "
        f"twice the rate; caches of {options.cache} each; CPython {platform.python_version()}, Linux {system}; service on one "
        f"core, clients and the Internet it asks on the other; {run.crowd['machine']}).",
        "",
        f"{total:,} questions: " + shares("over", run.crowd["by_way"]) + "; " + shares("", run.crowd["by_kind"]) + ".",
        "",
        "| measure | seen | limit |",
        "| --- | --- | --- |",
    ]
    restarts = sum(len(one.pids) - 1 for one in run.watch.cells.values())
    rows = [
        ("answers lost", int(str(run.crowd["lost"])), 0),
        ("wrong answers", int(str(run.crowd["wrong"])), 0),
        ("SERVFAIL", int(str(run.crowd["failures"])), 0),
        ("exchanges of DHCP lost or refused", sum(int(str(run.devices[k])) for k in ("lost", "refused")), 0),
        ("addresses leased twice", int(str(run.devices["twice"])), 0),
        ("cells that were started again", restarts, 0),
    ]
    lines += [f"| {what} | {seen:,} | {most} |" for what, seen, most in rows]
    lines += [
        f"| questions asked again (no answer within a second, or the connection ended) | {run.crowd['again']:,} | |",
        f"| exchanges of DHCP done, messages sent again | {run.devices['done']:,}, {run.devices['again']} | |",
    ]
    good = all(seen <= most for _, seen, most in rows)
    lines += [
        "",
        f"Drift is the median resident memory of the last {window:.0f} s less that of the first {window:.0f} s of the "
        f"{(run.end - run.start) / 60:.0f} minutes; {len(run.watch.cells['front'].between(run.start, run.end)):,} readings of "
        f"each. Limits: drift {DRIFT} KiB, {DESCRIPTORS} descriptors.",
        "",
        "| cell | resident MiB, first | last | drift KiB | slope KiB an hour | descriptors, first | last | most | "
        "CPU ms a second | PSS MiB at the end |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, series in run.watch.cells.items():
        row, well = cell_row(name, series, run, window)
        lines.append(row)
        good = good and well
    lines += ["", "| waits, ms | median | 99 of 100 | 999 of 1,000 |", "| --- | --- | --- | --- |"]
    lines += ["", second_half(run.watch.cells, run.start, run.end, window)]
    waits: dict[str, dict[str, float]] = run.crowd["waits"]  # type: ignore[assignment]
    lines += [
        f"| {what} | {w.get('50', 0)} | {w.get('99', 0)} | {w.get('99.9', 0)} |" for what, w in sorted(waits.items())
    ]
    if run.crowd["examples"]:
        lines += ["", "First odd answers:", "", *[f"- `{line}`" for line in run.crowd["examples"]]]  # type: ignore[attr-defined]
    lines += ["", "Everything is within its limits." if good else "**Not everything is within its limits.**", ""]
    return "\n".join(lines), good


def second_half(cells: dict[str, readings.Series], start: float, end: float, window: float) -> str:
    """What grew when everything had been as large as it gets for a while: a leak goes on, a high-water mark does not."""
    middle, window = (start + end) / 2, min(window, (end - start) / 6)
    grown = ", ".join(f"{name} {series.drift(middle, end, window):+.0f}" for name, series in cells.items())
    return f"Drift in the second half alone, KiB: {grown}."


def cell_row(name: str, series: readings.Series, run: Run, window: float) -> tuple[str, bool]:
    first, last = series.between(run.start, run.start + window), series.between(run.end - window, run.end)
    every = series.between(run.start, run.end)
    drift = series.drift(run.start, run.end, window)

    def middle(some: list[readings.Reading], what: str) -> float:
        values = sorted(getattr(reading, what) for reading in some)
        return float(values[len(values) // 2])

    opened, left = middle(first, "descriptors"), middle(last, "descriptors")
    spent = 1000 * (every[-1].cpu - every[0].cpu) / (run.end - run.start)
    row = (
        f"| {name} | {middle(first, 'resident') / 1024:.1f} | {middle(last, 'resident') / 1024:.1f} | {drift:+.0f} | "
        f"{series.slope(run.start, run.end):+.0f} | {opened:.0f} | {left:.0f} | {max(r.descriptors for r in every)} | "
        f"{spent:.1f} | {run.shares.get(name, 0) / 1024:.1f} |"
    )
    return row, drift <= DRIFT and left - opened <= DESCRIPTORS


def shares(word: str, counts: object) -> str:
    assert isinstance(counts, dict)
    total = max(sum(counts.values()), 1)
    return ", ".join(f"{100 * many / total:.0f} % {word} {what}".replace("  ", " ") for what, many in counts.items())


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
    busy = world.machine()
    run = play(options)
    run.crowd["machine"] = busy
    if options.raw:
        rows = {
            n: [(at, r.resident, r.descriptors) for at, r in zip(s.at, s.readings, strict=True)]
            for n, s in run.watch.cells.items()
        }
        options.raw.write_text(json.dumps(rows))
    text, good = judge(run, options)
    kit.finish(text, "soak", options.record)
    sys.exit(not good)


if __name__ == "__main__":
    main()
