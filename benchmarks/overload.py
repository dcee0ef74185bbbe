"""Too much at once, and what others have of the service meanwhile. `make overload` runs it; needs root or unprivileged user
namespaces. The service, with all its cells and its usual limits, is on one core, everything else on the other.

1. **Five times of what it can.** What it can is measured first: the CPU time that a question of a mix takes. Then five times as
   many a second are offered: by a few clients far above their rate, and by a thousand of which each keeps to it.
2. **Attacks of all kinds at once** (docs/threats.md has them): zones made to keep validators busy, zones
   that make us ask others, random names, amplification, slow and greedy connections, floods of HTTP/2 and QUIC, noise.

Meanwhile honest clients ask slowly, over every way, mostly for names that are known. They ask as stub resolvers do
(`crowd.py`); an answer that came only after it was asked for again within the five seconds that people wait is an answer,
but is told apart. Honest clients have precedence on the clients' core, for theirs are machines of their own.
"""

import argparse
import math
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import kit
import namespace
import page
import readings
import soak
import world

from anchorhold.control_client import ask_service

FACTOR = 5
HONEST_RATE, HONEST = 40.0, 20
"""Questions a second of all, and how many clients they are of. A quarter are misses: a client must not want more than its share
of what the service can, or it is none of the slow ones."""

WAYS = {"udp": 40, "tcp": 15, "tls": 15, "https": 15, "quic": 15}
CONNECTIONS = 4
"""Of each way but UDP and QUIC: on each a question about every second and a half."""

KNOWN = 12
"""Names that honest clients ask for again and again."""

FILLING = 20.0
STORM_FILLING = 90.0
"""Seconds, before what grows is measured: caches, and the memory that as many connections and questions at once as are let in
take. Under the attacks it takes longer, for few of their questions are let through; answers count from the beginning."""
SHARE_KEPT, SLOWEST, GROWTH = 99.0, 20.0, 1_024
"""Answers of a hundred; ms of 99 of 100 hits; KiB between the first and the second half."""

KINDS = {"hit": 75, "plain": 10, "far": 5, "nxdomain": 8, "local": 2}
MIX = [
    ("n{k}.w{w}.plain.example", "A", 60),
    ("x{n}.no.signed.example", "A", 25),
    *((f"x{{n}}.{zone}.example", "A", 3) for zone in ("torture", "victim", "camp8", "camp9", "camp10")),
]
"""Known names, names that a signed zone does not have, and new ones of some zones: other ones than honest clients ask for, for
what is done to a zone is done to all who ask for it (`resolver/edge/gate.py`)."""

HITS = [("n{k}.w{w}.plain.example", "A", 1)]
ATTACKS: dict[str, tuple[float, list[tuple[str, str, float]]]] = {
    "KeyTrap, 60 keys of one tag": (50, [("x{n}.keytrap.example", "A", 1)]),
    "KeyTrap, P-384": (20, [("x{n}.dear.example", "A", 1)]),
    "3,000 keys": (20, [("x{n}.manykeys.example", "A", 1)]),
    "NSEC3, far from the encloser": (50, [("x{n}." + "a." * 100 + "nsec3.example", "A", 1)]),
    "60 NSEC behind wrong signatures": (20, [("x{n}.padded.example", "A", 1)]),
    "NXNS, 20 servers of a victim": (20, [(f"x{{n}}.d{cut:03}.nxns.example", "A", 1) for cut in range(200)]),
    "aliases through 11 zones (CAMP)": (50, [("x{n}.camp0.example", "A", 1)]),
    "delegations in a ring": (20, [("x{n}.ring-a.example", "A", 1)]),
    "50 dead servers": (50, [(f"x{{n}}.dead{number:02}.example", "A", 1) for number in range(50)]),
    "random names, unsigned": (1_000, [("x{n}.torture.example", "A", 1)]),
    "random names, signed": (1_000, [("x{n}.no.signed.example", "A", 1)]),
    "amplification, large records": (300, [("x{n}.large.example", "TXT", 1), ("manykeys.example", "DNSKEY", 1)]),
}
"""Questions a second of each, and what they are."""


@dataclass
class Seen:
    """Of one part. `least`: answers of a hundred that honest clients must have."""

    title: str
    offered: str
    crowd: dict[str, Any]
    growth: dict[str, float]
    cpu: dict[str, float]
    more: list[str]
    least: float

    @property
    def kept(self) -> float:
        """Of a hundred."""
        return 100 * self.crowd["answered"] / max(self.crowd["asked"], 1)

    def wait(self, what: str) -> float:
        """Milliseconds that 99 of 100 waited at most."""
        return float(self.crowd["waits"].get(what, {}).get("99", "nan"))


def over(way: str) -> str:
    """What `crowd.py` calls known names that were asked for over it."""
    return f"hit over {way}"


class Observer:
    """Readings of all cells, from a start to an end."""

    def __init__(self, made: world.World) -> None:
        self._watch = readings.Watch(made.pid)
        self._begun = time.monotonic()

    def until(self, seconds: float) -> None:
        for _ in self._watch.look_until(self._begun, self._begun + seconds, 0.5, readings.LEAST):
            pass

    def growth(self) -> dict[str, float]:
        """KiB between the medians of two halves, without the first fifth; infinitely many of a cell that was hardly there."""
        last = max(series.at[-1] for series in self._watch.cells.values())
        return {name: self._grown(series, last / 5, last) for name, series in self._watch.cells.items()}

    @staticmethod
    def _grown(series: readings.Series, start: float, last: float) -> float:
        try:
            return series.drift(start, last + 0.1, (last - start) / 2)
        except readings.TooFewReadings:
            return math.inf

    def cpu(self) -> dict[str, float]:
        """Of a second."""
        return {
            name: (series.readings[-1].cpu - series.readings[0].cpu) / (series.at[-1] - series.at[0])
            for name, series in self._watch.cells.items()
            if len(series.at) > 1
        }

    def seen(self, title: str, offered: str, slow: world.Helper, *more: str, least: float = SHARE_KEPT) -> Seen:
        """Ends the honest clients."""
        growth, cpu = self.growth(), self.cpu()
        told = [*more, f"cells that were started again: {self._watch.restarts}"]
        return Seen(title, offered, slow.ask({"stop": True}), growth, cpu, told, least)


def honest(made: world.World, numbers: int) -> world.Helper:
    """Slow clients that have precedence on their core. What they know has been asked for before, in every form."""
    how: dict[str, Any] = {"ways": WAYS, "network": 9, "connections": CONNECTIONS, "known": KNOWN}
    before = made.helper("crowd.py")
    before.say(soak.order(100, made.ca, kinds={"hit": 1}, addresses=HONEST, **how))
    time.sleep(5)
    before.ask({"stop": True})
    helper = made.helper("crowd.py")
    os.setpriority(os.PRIO_PROCESS, helper.process.pid, -20)
    helper.say(soak.order(HONEST_RATE, made.ca, kinds=KINDS, addresses=HONEST, numbers=numbers, **how))
    return helper


def put_behind(helper: world.Helper) -> None:
    """Attackers get what others leave of the clients' core, whatever precedence this program was started with."""
    os.sched_setscheduler(helper.process.pid, os.SCHED_OTHER, os.sched_param(0))
    os.setpriority(os.PRIO_PROCESS, helper.process.pid, 10)


def flood(made: world.World, **order: object) -> world.Helper:
    helper = made.helper("flood.py")
    put_behind(helper)
    helper.say({"port": world.PORTS["udp"], **order})
    return helper


def capacity(made: world.World, questions: list[tuple[str, str, float]], rate: float) -> float:
    """What one core can answer in a second: the time that all cells spend on a question at a rate that is no trouble."""
    order = {"questions": questions, "rate": rate, "seconds": 6.0, "addresses": 200, "network": 60, "first": 7_000_000}
    loud = flood(made, **order)
    time.sleep(1.0)
    before = kit.cpu_seconds(made.pid)
    answered, start = counted(made), time.monotonic()
    time.sleep(4.0)
    spent, answered = kit.cpu_seconds(made.pid) - before, counted(made) - answered
    asked = rate * (time.monotonic() - start)
    loud.line()
    print(f"{answered:,} of {asked:,.0f} questions took {spent:.2f} s of CPU", flush=True)
    return answered / spent


def counted(made: world.World) -> int:
    """Questions over UDP that found an answer, as the service counts them."""
    lines = ask_service(made.control, {"verb": "status"})
    counters: Any = next(line["counters"] for line in lines if line.get("cell") == "front")
    return sum(many for name, many in counters.items() if name == "hits" or name.startswith("replies-"))


def offered(made: world.World, title: str, clients: int, loud: dict[str, Any], numbers: int) -> Seen:
    """`loud`: what is asked, at which rate and for how long. `numbers`: the first of names that nobody asked for before."""
    slow = honest(made, numbers)
    time.sleep(2)
    observer = Observer(made)
    attackers = flood(made, addresses=clients, network=70, first=numbers + 5_000_000, **loud)
    observer.until(loud["seconds"])
    told = attackers.line()
    text = f"{told['sent'] / told['seconds']:,.0f} questions a second from {clients} addresses"
    return observer.seen(title, text, slow)


def attacked(made: world.World, filling_seconds: float, seconds: float) -> Seen:
    slow = honest(made, 30_000_000)
    time.sleep(2)
    filling = Observer(made)
    storm = made.helper("onslaught.py")
    put_behind(storm)
    whole = filling_seconds + seconds
    storm.say({"ports": world.PORTS, "seconds": whole})
    floods = {
        what: flood(
            made,
            questions=questions,
            seconds=whole,
            rate=rate,
            addresses=40,
            network=80 + place,
            first=place * 1_000_000,
        )
        for place, (what, (rate, questions)) in enumerate(ATTACKS.items())
    }
    filling.until(filling_seconds)
    observer = Observer(made)
    observer.until(seconds)
    counts = storm.line()
    sent = {what: helper.line()["sent"] for what, helper in floods.items()}
    more = [f"{what}: {many:,}" for what, many in {**sent, **counts}.items()]
    filled = ", ".join(f"{name} {grown:+.0f}" for name, grown in filling.growth().items())
    more.append(f"KiB by which cells grew while they filled, second half of {filling_seconds:g} s over first: {filled}")
    text = f"{whole:g} s, growth and CPU of the last {seconds:g} s; what was sent is below"
    return observer.seen("Attacks of all kinds at once", text, slow, *more, least=100.0)


def play(options: argparse.Namespace) -> Iterator[Seen]:
    with world.world(cache="8 MiB", evil=True) as made:
        warm = made.helper("crowd.py")
        warm.say(soak.order(200, made.ca, numbers=60_000_000, network=11, known=KNOWN))
        time.sleep(8)
        warm.ask({"stop": True})
        # What grows after this is not a cache that fills.
        flood(made, questions=MIX[1:], rate=3_000.0, seconds=FILLING, addresses=200, network=61, first=3_000_000).line()
        if "capacity" in options.parts:
            yield from too_much(made, options.seconds)
        if "attacks" in options.parts:
            yield attacked(made, options.filling, options.attack_seconds)


def too_much(made: world.World, seconds: float) -> Iterator[Seen]:
    """FACTOR times of what it can, of a mix and of known names only."""
    can = capacity(made, MIX, 1_500)
    print(f"it can {can:,.0f} questions of the mix a second", flush=True)
    loud = {"questions": MIX, "rate": FACTOR * can, "seconds": seconds}
    times = f"{FACTOR} × {can:,.0f} a second"
    yield offered(made, f"A few clients above their rate: {times}", 20, loud, 20_000_000)
    yield offered(made, f"A thousand clients that keep to it: {times}", 1_000, loud, 21_000_000)
    hits = capacity(made, HITS, 15_000)
    loud = {"questions": HITS, "rate": FACTOR * hits, "seconds": seconds}
    title = f"Known names only, as fast as the other core can ask (it can {hits:,.0f} a second)"
    yield offered(made, title, 1_000, loud, 25_000_000)


def summary(seen: Seen) -> str:
    crowd = seen.crowd
    return (
        f"{seen.title}: {seen.offered}; honest: {crowd['asked']} asked, {seen.kept:.2f} % answered, "
        f"{crowd['again']} asked again, {crowd['failures']} failures, {crowd['lost']} lost, 99 of 100 hits {seen.wait('hit')} ms "
        f"({', '.join(f'{seen.wait(over(way))} {way}' for way in WAYS)}); growth {seen.growth}; "
        f"CPU { ({name: round(share, 2) for name, share in seen.cpu.items()}) }; {crowd['examples']}"
    )


def judge(found: list[Seen], head: str) -> tuple[str, bool]:
    """The page, and whether everything is within its limits. `head`: how it was run."""
    honest = f"{HONEST} honest clients ask {HONEST_RATE:g} questions a second in all."
    lines = [page.heading("Overload"), "", f"{head}. {honest}"]
    good = True
    for seen in found:
        part, well = section(seen)
        lines += part
        good = good and well
    return "\n".join([*lines, "", page.verdict(good), ""]), good


def section(seen: Seen) -> tuple[list[str], bool]:
    """What one part says, and whether it is within its limits."""
    crowd, growth = seen.crowd, max(seen.growth.values())
    rows = [
        ("answers that honest clients had, of 100", f"{seen.kept:.2f}", f"≥ {seen.least:g}", seen.kept >= seen.least),
        ("wrong ones", crowd["wrong"], "0", crowd["wrong"] == 0),
        ("99 of 100 waits for known names, ms", seen.wait("hit"), f"≤ {SLOWEST:g}", seen.wait("hit") <= SLOWEST),
        *(
            (f"the same over {way}", seen.wait(over(way)), f"≤ {SLOWEST:g}", seen.wait(over(way)) <= SLOWEST)
            for way in WAYS
        ),
        ("questions asked again", f"{crowd['again']} of {crowd['asked']}", "", True),
        ("SERVFAIL, asked again", crowd["failures"], "", True),
        ("longest wait, s", f"{crowd['slowest']:.2f}", "", True),
        ("growth of a cell, second half over first, KiB", f"{growth:.0f}", f"≤ {GROWTH}", growth <= GROWTH),
    ]
    busy = ", ".join(f"{name} {100 * share:.0f} %" for name, share in seen.cpu.items() if share >= 0.005)
    lines = [
        *("", f"## {seen.title}", "", f"Offered: {seen.offered}.", ""),
        *("| measure | seen | limit | |", "| --- | --- | --- | --- |"),
        *(f"| {what} | {value} | {most} | {'' if well else 'missed'} |" for what, value, most, well in rows),
        *("", f"CPU of the core: {busy}.", ""),
        *(f"- {line}" for line in seen.more),
    ]
    return lines, all(well for *_, well in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--attack-seconds", type=float, default=60)
    parser.add_argument(
        "--filling", type=float, default=STORM_FILLING, help="seconds of attacks before growth is measured"
    )
    parser.add_argument("--parts", nargs="+", default=["capacity", "attacks"], choices=["capacity", "attacks"])
    parser.add_argument("--record", action="store_true", help="write benchmarks/results/DATE-overload.md")
    options = parser.parse_args()
    namespace.enter()
    conditions = page.Conditions()
    found = []
    for seen in play(options):
        print(summary(seen), flush=True)
        found.append(seen)
    how = f"{options.seconds:g} s each, attacks {options.attack_seconds:g} s; usual limits"
    text, good = judge(found, conditions.printed_by("overload", how, world.CORES))
    kit.finish(text, "overload", options.record)
    sys.exit(not good)


if __name__ == "__main__":
    main()
