"""The programs of `make soak` and `make kills` in a form so short that nothing of it says how fast anything is: a whole service
in a namespace, clients of every kind, leases; no answer is wrong and none is lost."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from kit.peers import need_root

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SHORT = {
    "soak.py": ("--minutes", "0.06", "--warm", "0.03", "--rate", "60", "--gentle", "2"),
    "kills.py": ("--kills", "8", "--rate", "40", "--gentle", "2"),
}
NONE_OF = ("wrong answers", "addresses leased twice")


@pytest.mark.parametrize("program", SHORT)
def test_a_short_run_sees_nothing_wrong(program: str) -> None:
    need_root("a network namespace")
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / program), *SHORT[program]],
        capture_output=True,
        text=True,
        timeout=110,
    )
    said = f"{done.stdout[-3_000:]}\n{done.stderr[-3_000:]}"
    rows = dict(re.findall(r"^\| ([^|]+?) \| ([\d,.]+) \|", done.stdout, re.MULTILINE))
    assert rows, said
    seen = {name: value for name, value in rows.items() if name.startswith(NONE_OF)}
    assert len(NONE_OF) == len(seen), said
    assert set(seen.values()) == {"0"}, said
    assert re.search(r"[1-9][\d,]* questions", done.stdout), said
