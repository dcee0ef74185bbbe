"""What the parts of `make bench` find: tables of figures by server and column, one figure a round; kept as JSON between runs."""

import json
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import NamedTuple

OURS = "anchorhold"
PLAIN = "anchorhold, plain Python"
FLOOR = "C responder (recvmmsg)"
"""No peer: what the kernel and the least possible work cost."""

STALLED = 500
"""Answers a second below which a CPU figure would say nothing."""

MOST_LOST = 0.01
"""Of all questions: who loses more is not the best peer, whatever the others cost it."""

Rows = dict[str, dict[str, list[float]]]


class Column(NamedTuple):
    """`compared`: its ratio to the best peer is printed; less is better in those."""

    title: str
    form: str
    compared: bool = False


COLUMNS = {
    "cpu": Column("CPU µs each", ".1f", True),
    "rate": Column("answers/s", ",.0f"),
    "p50": Column("p50, µs", ",.0f"),
    "p99": Column("p99, µs", ",.0f", True),
    "p99.9": Column("p99.9, µs", ",.0f", True),
    "behind": Column("misses answered/s meanwhile", ",.0f"),
    "lost": Column("lost of 1,000", ".2f"),
    "packets": Column("packets upstream each", ".2f", True),
    "first": Column("start to first answer, s", ".2f"),
    "every": Column("start to every cell, s", ".2f"),
    "hit-few": Column("hit, CPU µs, 10³ cached", ".1f"),
    "hit-many": Column("hit, CPU µs, 10⁵ cached", ".1f"),
    "rss-idle": Column("RSS idle, MiB", ".1f"),
    "pss-idle": Column("PSS idle, MiB", ".1f"),
    "rss-full": Column("RSS, 10⁵ cached, MiB", ".1f"),
    "pss-full": Column("PSS, 10⁵ cached, MiB", ".1f"),
    "octets": Column("octets an answer", ",.0f"),
    "find": Column("find one, µs", ".2f"),
    "load": Column("load, CPU s", ".2f"),
    "resident": Column("resident, MB", ".1f"),
    "question": Column("look-up of a listed name, CPU µs", ".2f"),
    "exchanges": Column("exchanges/s", ",.0f"),
    "in-front": Column("front, µs each", ".1f"),
    "in-secure": Column("secure, µs each", ".1f"),
    "in-resolver": Column("resolver, µs each", ".1f"),
    "share": Column("of 100", ".1f"),
    "median": Column("median, ms", ".2f"),
    "slow": Column("99 of 100, ms", ".2f"),
    "failed": Column("failed", ".0f"),
    "own-99.9": Column("p99.9, its own, µs", ",.0f", True),
    "slowest": Column("the slowest, µs", ",.0f"),
    "slow-held": Column("of them no core", ",.0f"),
    "slow-other": Column("another thread of it ran", ",.0f"),
    "slow-ran": Column("at work", ",.0f"),
    "slow-load": Column("the load no core", ",.0f"),
    "slow-left": Column("the rest", ",.0f"),
    "young": Column("looked for cycles among the young", ",.0f"),
    "old": Column("among all", ",.0f"),
    "looked": Column("in all, ms", ".1f"),
    "longest": Column("longest, ms", ".2f"),
    "wake-up": Column("longest wake-up, ms", ".2f"),
    **{
        f"{way}-{count}": Column(f"{way.upper()}, {count:,} client{'s' * (count > 1)}, CPU µs", ".1f")
        for way in ("udp", "tcp")
        for count in (1, 30, 1_000)
    },
}


@dataclass(slots=True)
class Table:
    """One measure. `missing`: who is not in it, and why."""

    title: str
    rows: Rows = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    note: str = ""

    def add(self, server: str, found: Mapping[str, float]) -> None:
        """The figures of one round."""
        columns = self.rows.setdefault(server, {})
        for name, value in found.items():
            columns.setdefault(name, []).append(value)

    def median(self, server: str, column: str) -> float | None:
        taken = self.rows.get(server, {}).get(column)
        return statistics.median(taken) if taken else None

    def stalls(self, server: str) -> bool:
        rate, lost = self.median(server, "rate"), self.median(server, "lost")
        return rate is not None and rate < STALLED and (lost or 0) > 1_000 * MOST_LOST

    def best_peer(self, column: str) -> tuple[str, float] | None:
        """Who has the least in it."""
        found = [
            (value, server)
            for server in self.rows
            if is_peer(server) and not self.stalls(server) and (self.median(server, "lost") or 0) <= 1_000 * MOST_LOST
            if (value := self.median(server, column)) is not None
        ]
        return min(found)[::-1] if found else None


def is_peer(server: str) -> bool:
    return not server.startswith(OURS) and server != FLOOR


@dataclass(slots=True)
class Done:
    """A part that was measured: at this commit and moment (ISO 8601, UTC), within so many seconds; `failure` says why it has no
    figures."""

    part: str
    commit: str = ""
    at: str = ""
    took: float = 0.0
    load: float = 0.0
    failure: str = ""
    tables: list[Table] = field(default_factory=list)

    @property
    def rounds(self) -> int:
        """As many as there are figures; parts that are programs of their own have their own number."""
        rows = [row for table in self.tables for row in table.rows.values()]
        return max((len(taken) for row in rows for taken in row.values()), default=0)


def write_tables(path: Path, tables: Iterable[Table]) -> None:
    """By a part that is a program of its own; `read_tables` reads them."""
    path.write_text(json.dumps([asdict(table) for table in tables]))


def read_tables(path: Path) -> list[Table]:
    return [Table(**table) for table in json.loads(path.read_text())]


def save(folder: Path, done: Done) -> None:
    folder.mkdir(exist_ok=True)
    path = folder / f"{done.part}.json"
    partial = path.with_suffix(".new")
    partial.write_text(json.dumps(asdict(done), indent=1))
    partial.replace(path)


def load(folder: Path, part: str) -> Done | None:
    """None if it was not measured yet."""
    path = folder / f"{part}.json"
    if not path.exists():
        return None
    found = json.loads(path.read_text())
    return Done(**found | {"tables": [Table(**table) for table in found["tables"]]})


def lines_of(table: Table) -> list[str]:
    """As Markdown."""
    present = [name for name in COLUMNS if any(name in row for row in table.rows.values())]
    best = {name: table.best_peer(name) for name in present if COLUMNS[name].compared}
    heads = ["server"]
    for name in present:
        heads += [COLUMNS[name].title, *(["÷ best peer"] if best.get(name) else [])]
    lines = [f"| {' | '.join(heads)} |", "| --- |" + " ---: |" * (len(heads) - 1)]
    for server, row in table.rows.items():
        cells = [server]
        for name in present:
            cells += cells_of(row.get(name, []), name, best.get(name), hollow=name == "cpu" and table.stalls(server))
        lines.append(f"| {' | '.join(cells)} |")
    if table.missing:
        lines += ["", "Not here: " + "; ".join(f"{server} ({why})" for server, why in table.missing.items()) + "."]
    if table.note:
        lines += ["", table.note]
    return lines


def cells_of(taken: list[float], name: str, best: tuple[str, float] | None, *, hollow: bool) -> list[str]:
    """The figure and, where there is a best peer, the ratio to it; `hollow`: it stalled, the figure says nothing."""
    if not taken or hollow or math.isnan(statistics.median(taken)):
        return ["stalls" if taken else "–", *(["–"] if best else [])]
    ratio = [f"{statistics.median(taken) / best[1]:.2f}"] if best and best[1] else ["–"] if best else []
    return [spread(taken, COLUMNS[name].form), *ratio]


def spread(taken: Sequence[float], form: str = ".1f") -> str:
    """`median (minimum to maximum)`."""
    return f"{statistics.median(taken):{form}} ({min(taken):{form}} to {max(taken):{form}})"
