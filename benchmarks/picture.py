"""The picture of a run of `make bench`: CPU time for each answer, a bar for each server; SVG, of the same tables as the page."""

from collections.abc import Mapping
from typing import NamedTuple
from xml.sax.saxutils import escape

from figures import FLOOR, OURS, Table

WIDTH, MARGIN, GAP = 960, 24, 36
HEAD, TITLE, BAR, STEP, FOOT = 74, 26, 12, 18, 40
NAMES = 164
"""Room for the names of servers, left of the bars."""
FIGURES = 52
"""Room for figures, right of the longest bar."""
COLUMN = (WIDTH - 2 * MARGIN - GAP) // 2

LEFT = {
    "udp": "cached, UDP",
    "tcp": "cached, TCP",
    "dot": "cached, DoT",
    "doh": "cached, DoH (HTTP/2)",
    "doq": "cached, DoQ",
}
RIGHT = {
    "miss-udp": "miss forwarded over UDP",
    "miss-dot": "miss forwarded over DoT",
    "miss-doh": "miss forwarded over DoH",
    "signed-udp": "the same, validated, over UDP",
    "signed-dot": "the same, validated, over DoT",
    "iteration": "cold iteration",
}
STYLE = """
    .paper { fill: #ffffff } .title { font-size: 17px; font-weight: 600 } .panel { font-weight: 600 }
    text { fill: #1f2328 } .note { fill: #59636e; font-size: 12px } .name { font-size: 12px }
    .peer { fill: #a3adb8 } .ours { fill: #2f6fb0 } .floor { fill: none; stroke: #59636e }
    @media (prefers-color-scheme: dark) {
      .paper { fill: #14181d } text { fill: #e6edf3 } .note { fill: #9aa5b1 } .peer { fill: #5c6773 }
      .ours { fill: #6cb0f0 } .floor { stroke: #9aa5b1 }
    }
"""


class Bar(NamedTuple):
    """`cost` in microseconds."""

    server: str
    cost: float


class Panel(NamedTuple):
    title: str
    bars: list[Bar]

    @property
    def height(self) -> int:
        return TITLE + STEP * len(self.bars) + 12


def panels(titles: Mapping[str, str], tables: Mapping[str, Table]) -> list[Panel]:
    """Those that were measured; who stalls has no bar."""
    found = []
    for part, title in titles.items():
        table = tables.get(part)
        if table is not None:
            costs = {server: table.median(server, "cpu") for server in table.rows if not table.stalls(server)}
            bars = [Bar(server, cost) for server, cost in costs.items() if cost is not None]
            found += [Panel(title, bars)] if bars else []
    return found


def draw(tables: Mapping[str, Table], day: str) -> str:
    """By the first table of each part."""
    left, right = panels(LEFT, tables), panels(RIGHT, tables)
    height = HEAD + max((sum(one.height for one in side) for side in (left, right)), default=0) + FOOT
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" '
        'aria-labelledby="title desc" font-family="system-ui, sans-serif" font-size="14">',
        '  <title id="title">CPU time of Anchorhold and of other DNS servers for each answer</title>',
        f'  <desc id="desc">{escape(said(left + right))}</desc>',
        f"  <style>{STYLE}  </style>",
        f'  <rect class="paper" width="{WIDTH}" height="{height}" rx="8"/>',
        f'  <text class="title" x="{MARGIN}" y="34">CPU µs of all processes for each answer: shorter is better</text>',
        f'  <text class="note" x="{MARGIN}" y="54">Medians of an interleaved run, kernel included; each group has its own '
        "scale.</text>",
    ]
    for side, x in ((left, MARGIN), (right, MARGIN + COLUMN + GAP)):
        y = HEAD
        for one in side:
            lines += drawn(one, x, y)
            y += one.height
    lines += [
        f'  <text class="note" x="{MARGIN}" y="{height - 16}">Printed by make bench, {escape(day)}</text>',
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def drawn(panel: Panel, x: int, y: int) -> list[str]:
    room = COLUMN - NAMES - FIGURES
    longest = max(bar.cost for bar in panel.bars)
    lines = [f'  <text class="panel" x="{x}" y="{y + 14}">{escape(panel.title)}</text>']
    for number, bar in enumerate(panel.bars):
        figure = f"{bar.cost:.{0 if bar.cost >= 100 else 1}f}"
        top = y + TITLE + STEP * number
        wide = max(1.0, room * bar.cost / longest)
        kind = "ours" if bar.server.startswith(OURS) else "floor" if bar.server == FLOOR else "peer"
        lines += [
            f'  <text class="name" x="{x + NAMES - 8}" y="{top + 10}" text-anchor="end">{escape(bar.server)}</text>',
            f'  <rect class="{kind}" x="{x + NAMES}" y="{top}" width="{wide:.1f}" height="{BAR}" rx="2"/>',
            f'  <text class="name" x="{x + NAMES + wide + 6:.1f}" y="{top + 10}">{figure}</text>',
        ]
    return lines


def said(every: list[Panel]) -> str:
    """For who does not see it."""
    return " ".join(f"{one.title}: {', '.join(f'{bar.server} {bar.cost:.1f}' for bar in one.bars)}." for one in every)
