"""Run the attack tests and print what they measured: `.venv/bin/python tests/attacks/report.py`."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from kit.figures import FIGURES  # noqa: E402


def worst() -> list[tuple[str, str, float, float]]:
    """One row for each attack and measure, in the order of the files."""
    rows: dict[tuple[str, str], tuple[float, float]] = {}
    for attack, what, measured, limit in FIGURES:
        former = rows.get((attack, what), (0.0, limit))
        rows[attack, what] = (max(former[0], measured), limit)
    return [(attack, what, *values) for (attack, what), values in rows.items()]


def main() -> int:
    code = pytest.main(["-q", "-p", "no:cacheprovider", "-p", "no:xdist", str(HERE)])
    print("\n| attack | measure | worst seen | limit |\n| --- | --- | --- | --- |")
    for attack, what, measured, limit in worst():
        print(f"| {attack} | {what} | {measured:g} | {limit:g} |")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
