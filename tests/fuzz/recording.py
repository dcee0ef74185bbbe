"""How the long runs are started and written down: each has a part of docs/fuzz.md, and writes over no other's."""

import platform
import re
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

RECORD = Path(__file__).parents[2] / "docs/fuzz.md"
SHOWN = 20
"""Faults that are shown."""


class Run(Protocol):
    """What every run ends with: how long it took, and its faults."""

    seconds: float
    found: list[str]


def options(doc: str | None, cases: int) -> ArgumentParser:
    """What every run can be told; `doc` is its script's docstring."""
    parser = ArgumentParser(description=(doc or "").partition("\n\n")[0])
    parser.add_argument("--cases", type=int, default=cases)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="run this one case")
    parser.add_argument("--record", action="store_true", help=f"write its part of docs/{RECORD.name}")
    return parser


def asked_cases(chosen: Namespace) -> range:
    """The cases that are asked for."""
    return range(chosen.cases) if chosen.only is None else range(chosen.only, chosen.only + 1)


def finish(script: tuple[str, str | None, str], chosen: Namespace, run: Run, summary: str, table: str = "") -> int:
    """Show what came of a run, and write it down if that is asked for; the process's exit code.

    `script` has the file, its docstring, and the heading of its part of docs/fuzz.md: that is the docstring without its first and
    its last paragraph, and `summary`, `table` and faults of the run.
    """
    print(summary, *run.found[:SHOWN], sep="\n")
    if chosen.record:
        file, doc, heading = script
        name = Path(file).name
        about = (doc or "").partition("\n\n")[2].rpartition("\n\n")[0]
        found = "".join(f"- {line}\n" for line in run.found[:SHOWN])
        write_part(f"""\
# {heading}

Written by `tests/fuzz/{name}`.

{about}

## The last recorded run

{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {run.seconds:.0f} s

    .venv/bin/python tests/fuzz/{name} --cases {chosen.cases} --seed {chosen.seed} --record

```
{summary}
```

{table}
{found and f"### Found{chr(10) * 2}`--seed` and `--only NUMBER` show a case again.{chr(10) * 2}{found}"}""")
    return 1 if run.found else 0


def write_part(part: str) -> None:
    """Put `part`, which begins with a heading of the first level, into the place of the one with that heading, or at the end."""
    parts = re.split(r"(?m)^(?=# )", RECORD.read_text())
    heading = part.partition("\n")[0]
    kept = [one.rstrip("\n") for one in parts if one.strip()]
    places = [place for place, one in enumerate(kept) if one.partition("\n")[0] == heading]
    kept[places[0] if places else len(kept) : places[0] + 1 if places else len(kept)] = [part.rstrip("\n")]
    RECORD.write_text("\n\n".join(kept) + "\n")
