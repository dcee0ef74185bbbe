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

TEXT = """\
# Leases survive

What is promised: an address that a client was told of is on the disk before, and after any end of the process, the power or the
disk's good will the next server knows it; so no lease is lost and no address is given to two.

Each of these runs has a server in miniature over the real store (`tests/kit/miniature.py`): clients come, renew and leave; each
commit is followed by the word to the client, and often by a call that empties the log, gives pages back or writes the file anew. A
witness keeps what clients were told and compares it with what the store finds on the disk.

| run | what is done | model |
| --- | --- | --- |
| kills | `tests/faults/kills.py`: kill -9 after a random while, then the next server on the same folder, which is never made anew; every 50th is a new start of the machine | the real thing |
| power cuts | `tests/faults/cuts.py`: all writes, syncs, truncations and name changes of a run are recorded with strace; at every call the disk is left as a kill would leave it, and as a cut would, five times | `tests/kit/powercut.py`: what was not synced is there or not, by sectors of 512 octets in any combination, one in eight torn |
| calls that fail | the same, with EIO or ENOSPC out of every so many calls | besides, what was written before a failed sync may be lost for ever, although it could be read until the cut |
| a full disk | `tests/faults/full_disk.py`, in `make test` | a small tmpfs and a ballast file |

`make durability` runs this again and writes this page. That the cuts can find something is a test of its own: with
`synchronous = NORMAL` they find lost leases at once.
"""


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
    parser.add_argument("--kills", type=int, default=10_000)
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
    return f"""{TEXT}
## The last recorded run

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
