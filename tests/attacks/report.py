"""Run the attack tests and print what they measured: `.venv/bin/python tests/attacks/report.py`, with `--record` also into
docs/threats.md."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
DOCUMENT = HERE.parents[1] / "docs/threats.md"
sys.path.insert(0, str(HERE.parent))

from kit.figures import FIGURES  # noqa: E402


def worst() -> list[tuple[str, str, float, float]]:
    """One row for each attack and measure, in the order of the files."""
    rows: dict[tuple[str, str], tuple[float, float]] = {}
    for attack, what, measured, limit in FIGURES:
        former = rows.get((attack, what), (0.0, limit))
        rows[attack, what] = (max(former[0], measured), limit)
    return [(attack, what, *values) for (attack, what), values in rows.items()]


def table() -> str:
    lines = ["| attack | measure | worst seen | limit |", "| --- | --- | --- | --- |"]
    lines += [f"| {attack} | {what} | {measured:g} | {limit:g} |" for attack, what, measured, limit in sorted(worst())]
    return "\n".join(lines)


def record(text: str) -> None:
    """In the place of the table that is there."""
    document = DOCUMENT.read_text()
    start = document.index(text.splitlines()[0])
    end = document.index("\n\n", start)
    DOCUMENT.write_text(document[:start] + text + document[end:])


def main() -> int:
    code = pytest.main(["-q", "-p", "no:cacheprovider", "-p", "no:xdist", str(HERE)])
    text = table()
    print(f"\n{text}")
    if not code and "--record" in sys.argv:
        record(text)
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
