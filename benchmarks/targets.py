"""The targets of `make bench`: what ours may cost, as a ratio to somebody in the same run or in figures, and by how much it is
missed."""

from collections.abc import Mapping
from importlib.util import find_spec
from typing import NamedTuple

from figures import FLOOR, OURS, PLAIN, Table

BEST = "best peer"


class Target(NamedTuple):
    """`limit` times the figure of `of` (a row of the same table, BEST, or PART/ROW); of itself where `of` is empty. `needs` is a
    package that must be there."""

    part: str
    what: str
    column: str
    limit: float
    of: str = ""
    row: str = OURS
    needs: str = ""


TARGETS = (
    Target("udp", "cached UDP, CPU", "cpu", 0.85, BEST),
    Target("udp", "cached UDP, CPU", "cpu", 1.20, FLOOR),
    Target("udp", "cached UDP, CPU, plain Python", "cpu", 1.05, "unbound", PLAIN),
    Target("udp", "cached UDP, p99 at 5,000/s", "p99", 1.0, BEST),
    Target("udp", "cached UDP, p99.9 at 5,000/s", "p99.9", 1.0, BEST),
    Target("busy", "the same while 500 validated misses/s run, p99", "p99", 1.0, BEST),
    Target("busy", "the same while 500 validated misses/s run, p99.9", "p99.9", 1.0, BEST),
    Target("tcp", "cached TCP, CPU", "cpu", 1.0, "unbound"),
    Target("dot", "cached DoT, CPU", "cpu", 1.0, "unbound"),
    Target("doh", "cached DoH, CPU, with ngh2", "cpu", 1.0, "unbound", needs="ngh2"),
    Target("doh", "cached DoH, CPU, with h2", "cpu", 4.0, "unbound", PLAIN),
    Target("miss-udp", "miss over UDP, CPU", "cpu", 1.0, "unbound"),
    Target("miss-dot", "miss over warm DoT, CPU", "cpu", 1.0, "unbound"),
    Target("signed-dot", "validated miss over warm DoT, CPU", "cpu", 1.0, "unbound"),
    Target("miss-doh", "miss over warm DoH, CPU", "cpu", 1.3, f"miss-dot/{OURS}"),
    Target("miss-doq", "miss over warm DoQ, CPU, with qh3", "cpu", 1.3, f"miss-dot/{OURS}", needs="qh3"),
    Target(
        "growth",
        "front: find one of 10⁶ answers",
        "find",
        1.2,
        "front, by question: 1,000",
        "front, by question: 1,000,000",
    ),
    Target(
        "growth",
        "the same by packet, as a hit is found",
        "find",
        1.2,
        "front, by question and by packet: 1,000",
        "front, by question and by packet: 1,000,000",
    ),
    Target("growth", "front: octets a small answer, of 10⁶", "octets", 400, row="front, by question: 1,000,000"),
    Target("cells", "start to first answer, all cells, s", "first", 0.6),
)


class Verdict(NamedTuple):
    """`seen` and `against` are figures, the latter 1 for a target without a reference; None: not measured."""

    target: Target
    seen: float | None
    against: float | None
    reference: str

    @property
    def ratio(self) -> float | None:
        return self.seen / self.against if self.seen is not None and self.against else None

    @property
    def said(self) -> str:
        if self.ratio is None:
            return "not measured"
        over = self.ratio / self.target.limit
        return "met" if over <= 1 else f"**missed by {100 * (over - 1):.0f} %**"


def judge(tables: Mapping[str, Table]) -> list[Verdict]:
    """By the first table of each part."""
    return [verdict(target, tables) for target in TARGETS if applies(target)]


def applies(target: Target) -> bool:
    return not target.needs or find_spec(target.needs) is not None


def verdict(target: Target, tables: Mapping[str, Table]) -> Verdict:
    table = tables.get(target.part)
    if table is None:
        return Verdict(target, None, None, target.of)
    seen = table.median(target.row, target.column)
    if seen is None and target.row == PLAIN:  # nothing is compiled, so ours is plain Python
        seen = table.median(OURS, target.column)
    if not target.of:
        return Verdict(target, seen, 1.0, "")
    if target.of == BEST:
        best = table.best_peer(target.column)
        return Verdict(target, seen, best and best[1], best[0] if best else BEST)
    part, _, row = target.of.rpartition("/")
    other = tables.get(part) if part else table
    return Verdict(target, seen, other and other.median(row, target.column), f"our own {part}" if part else row)


def lines_of(verdicts: list[Verdict]) -> list[str]:
    """As Markdown."""
    lines = ["| measure | limit | ours | reference | ratio | |", "| --- | --- | ---: | ---: | ---: | --- |"]
    for one in verdicts:
        limit = f"≤ {one.target.limit:g}" + (f" × {one.target.of.partition('/')[0]}" if one.target.of else "")
        ours = "–" if one.seen is None else f"{one.seen:,.2f}"
        other = "–" if one.against is None or not one.target.of else f"{one.against:,.2f} ({one.reference})"
        ratio = "–" if one.ratio is None or not one.target.of else f"{one.ratio:.2f}"
        lines.append(f"| {one.target.what} | {limit} | {ours} | {other} | {ratio} | {one.said} |")
    return lines
