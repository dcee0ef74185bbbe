"""What `bench_lists.py` found, as a page."""

import datetime
import os
import platform
import statistics
from dataclasses import dataclass

from figures import spread

Figures = dict[str, float]

TARGETS = {"cpu": 10.0, "map": 50.0, "resident": 24.0, "probe": 3.0}
"""For a million names: seconds of CPU, ms, MB (10^6), µs."""


@dataclass(frozen=True, slots=True)
class Runs:
    """The figures of all rounds: of each text, of `look`, of each server with the list and `without`."""

    rounds: list[dict[str, Figures]]

    def all_of(self, who: str, what: str) -> list[float]:
        return [run[who][what] for run in self.rounds]

    def median(self, who: str, what: str) -> float:
        return statistics.median(self.all_of(who, what))

    def spread(self, who: str, what: str, form: str = ".1f") -> str:
        return spread(self.all_of(who, what), form)


def table(heads: list[str], rows: list[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def ours(runs: Runs) -> str:
    def row(title: str, who: str, what: str, form: str) -> list[str]:
        target = TARGETS.get(what)
        met = "" if target is None else "met" if runs.median(who, what) <= target else "**missed**"
        return [title, runs.spread(who, what, form), "" if target is None else f"{target:.0f}", met]

    return table(
        ["ours, from a text of domains", "figure", "target for a million", ""],
        [
            row("compile, CPU s", "domains", "cpu", ".2f"),
            row("map and check, ms", "look", "map", ".1f"),
            row("resident when every page was touched, MB", "look", "resident", ".1f"),
            row("of this in pages that all processes share, MB", "look", "shared", ".1f"),
            row("one probe, µs", "look", "probe", ".2f"),
            row("a name that is not listed, all its labels, µs", "look", "miss", ".2f"),
            row("a name that is listed, µs", "look", "hit", ".2f"),
        ],
    )


def texts(runs: Runs, formats: list[str]) -> str:
    return table(
        ["text", "compile, CPU s", "memory meanwhile, MB", "entries", "skipped"],
        [
            [
                one,
                runs.spread(one, "cpu", ".2f"),
                runs.spread(one, "peak", ".0f"),
                f"{runs.median(one, 'entries'):,.0f}",
                f"{runs.median(one, 'skipped'):,.0f}",
            ]
            for one in formats
        ],
    )


def beside(runs: Runs, servers: dict[str, str]) -> str:
    mine = [runs.spread("domains", "cpu", ".2f"), runs.spread("look", "resident", ".0f"), "", ""]
    rows = [["ours, in process, no server", *mine, runs.spread("look", "hit", ".2f")]]
    for name, mechanism in servers.items():
        without = f"{name} without"
        rows.append(
            [
                f"{name} ({mechanism})",
                runs.spread(name, "load", ".2f"),
                runs.spread(name, "resident", ".0f"),
                runs.spread(name, "question"),
                runs.spread(without, "question"),
                f"{runs.median(name, 'question') - runs.median(without, 'question'):.1f}",
            ]
        )
    heads = [
        "",
        "load, CPU s",
        "resident, MB",
        "question, CPU µs",
        "with one rule for all names, CPU µs",
        "look-up, µs",
    ]
    return table(heads, rows)


def patterns(figures: Figures) -> str:
    forms = {"count": ".0f", "refused": ".0f", "cost": ",.0f", "compile": ".0f", "map": ".0f", "memory": ".1f"}
    forms |= {"name": ".1f", "long": ".1f"}
    heads = ["regular expressions", "used", "refused", "instructions", "compile, CPU ms", "map, CPU ms", "memory, MB"]
    heads += ["a usual name, µs", "the dearest of 100 names of 240 octets, ms"]
    kinds = {
        "usual": "five hundred usual ones",
        "gaps": "all gaps, as many as may be",
        "stars": "all stars, as many as may be",
    }
    return table(
        heads,
        [
            [title, *(f"{figures[f'{kind}-{what}']:{form}}" for what, form in forms.items())]
            for kind, title in kinds.items()
        ],
    )


def report(runs: Runs, formats: list[str], servers: dict[str, str], costs: Figures) -> str:
    entries = runs.median("domains", "entries")
    day = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}"
    machine = f"Python {platform.python_version()}, {os.cpu_count()} cores"
    return f"""# {entries:,.0f} names to block, {day}

Printed by `make bench-lists`: {len(runs.rounds)} interleaved rounds, {machine}. Median (minimum to maximum). MB are 10^6 octets.

{ours(runs)}
The image has {runs.median("look", "octets"):.1f} MB. That {runs.median("look", "asked"):,.0f} listed names are found and as many
other names are not was checked with it.

{texts(runs, formats)}
Beside whole servers. Their look-up is the difference of the two columns before it, and no more exact than these.

{beside(runs, servers)}
{patterns(costs)}"""
