"""The long durability run: ten thousand kills, power cuts at every call of long runs, with and without calls that fail.

    make durability          writes docs/durability.md

The short form of the same is tests/faults/test_lease_durability.py.
"""

import json
import platform
import subprocess
import sys
import time
from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]

from faults import cuts  # noqa: E402

HERE = Path(__file__).parent
RECORD = HERE.parents[1] / "docs/durability.md"
FAILING = (
    "fdatasync:error=EIO:when=20+3",
    "fdatasync:error=EIO:when=20+7",
    "pwrite64:error=EIO:when=60+41",
    "pwrite64:error=ENOSPC:when=60+9",
    "ftruncate:error=EIO:when=1+2",
)
"""Calls that fail, as strace is told of them: from which on, and every how many."""

HEADING = "## The last recorded run"
"""What is above it in the page is written by hand."""


def kills(count: int, seed: int) -> dict[str, object]:
    """In a process of its own, which is small and forks quickly."""
    command = [sys.executable, HERE / "kills.py", "--kills", str(count), "--seed", str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    result: dict[str, object] = json.loads(done.stdout)
    return result


def row(name: str, result: dict[str, object]) -> str:
    """A line of the table."""
    lost, twice, problems = (len(result[key]) for key in ("lost", "twice", "problems"))  # type: ignore[arg-type]
    what = result.get("kills", result.get("states"))
    cells = (
        name,
        what,
        result.get("points", "-"),
        result.get("failures", 0),
        result["acknowledged"],
        lost,
        twice,
        problems,
    )
    return f"| {' | '.join(map(str, cells))} |"


def main() -> None:
    """Run all, print all, write the page if asked."""
    parser = ArgumentParser(description="The long durability run.")
    parser.add_argument("--kills", type=int, default=11_500)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--record", action="store_true", help="write docs/durability.md")
    chosen = parser.parse_args()
    begun = time.monotonic()
    killed = kills(chosen.kills, chosen.seed)
    rows = [row("kills", killed)]
    bad = [str(line) for key in ("lost", "twice", "problems") for line in killed[key]]  # type: ignore[attr-defined]
    print(rows[-1], killed["at"], flush=True)
    for inject in ((), *((one,) for one in FAILING)):
        result = cuts.run(chosen.steps if not inject else chosen.steps // 3, 1, chosen.seed, inject)
        rows.append(row(f"power cuts{', ' + inject[0] if inject else ''}", result))
        bad += [str(line) for key in ("lost", "twice", "problems") for line in result[key]]  # type: ignore[attr-defined]
        bad += [str(result["errors"])] if result["errors"] else []
        print(rows[-1], flush=True)
    if chosen.record:
        RECORD.write_text(page(chosen.kills, chosen.steps, chosen.seed, rows, killed, time.monotonic() - begun, bad))
    print("\n".join(bad[:20]))
    sys.exit(bool(bad))


def page(
    kills: int, steps: int, seed: int, rows: list[str], killed: dict[str, object], seconds: float, bad: list[str]
) -> str:
    """docs/durability.md."""
    at = ", ".join(f"{count} {what}" for what, count in killed["at"].items())  # type: ignore[attr-defined]
    written = RECORD.read_text().partition(HEADING)[0]
    return f"""{written}{HEADING}

{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {seconds:.0f} s

    .venv/bin/python tests/faults/durability.py --kills {kills} --steps {steps} --seed {seed} --record

| run | kills or different disks | points | commits that failed | leases told | lost | given twice | file damaged |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
{chr(10).join(rows)}

What the killed servers were at: {at}. ("idle": not yet begun.)

{"".join(f"- {line}{chr(10)}" for line in bad[:20]) or "Nothing was lost, nothing was given twice, and every file could be used."}
"""


if __name__ == "__main__":
    main()
