"""How the long runs are started and written down: each has a part of docs/fuzz.md, and writes over no other's."""

import platform
import re
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from pathlib import Path

RECORD = Path(__file__).parents[2] / "docs/fuzz.md"
SHOWN = 20
"""Faults that are shown."""


def options(description: str, cases: int) -> ArgumentParser:
    """What every run can be told."""
    parser = ArgumentParser(description=description)
    parser.add_argument("--cases", type=int, default=cases)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="run this one case")
    parser.add_argument("--record", action="store_true", help=f"write its part of docs/{RECORD.name}")
    return parser


def command(script: str, chosen: Namespace) -> str:
    """What was called, to call it again."""
    return f".venv/bin/python tests/fuzz/{script} --cases {chosen.cases} --seed {chosen.seed} --record"


def last_run(seconds: float, said: str, summary: str) -> str:
    """The section about the run itself."""
    return f"""\
## The last recorded run

{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {seconds:.0f} s

    {said}

```
{summary}
```
"""


def found_lines(found: list[str]) -> str:
    """The faults, as a list."""
    return "".join(f"- {line}\n" for line in found[:SHOWN])


def about(doc: str | None) -> str:
    """A script's docstring without its first and its last paragraph."""
    return (doc or "").partition("\n\n")[2].rpartition("\n\n")[0]


def write_part(part: str) -> None:
    """Put `part`, which begins with a heading of the first level, into the place of the one with that heading, or at the end."""
    parts = re.split(r"(?m)^(?=# )", RECORD.read_text())
    heading = part.partition("\n")[0]
    kept = [one.rstrip("\n") for one in parts if one.strip()]
    places = [place for place, one in enumerate(kept) if one.partition("\n")[0] == heading]
    kept[places[0] if places else len(kept) : places[0] + 1 if places else len(kept)] = [part.rstrip("\n")]
    RECORD.write_text("\n\n".join(kept) + "\n")
