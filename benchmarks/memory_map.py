"""Where the memory of a running service is: its processes by kinds of mappings, from proc_pid_smaps(5).

    .venv/bin/python benchmarks/memory_map.py PID [--libraries]

`PID`: the supervisor's. Each figure is PSS in KiB (a page counts in parts, so that sums are what the machine spends), and behind
the stroke what of it this process alone has written to. `--libraries`: files one by one, those of all processes together.
"""

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

_HEAD = re.compile(r"^[0-9a-f]+-[0-9a-f]+ (?P<rights>\S{4}) \S+ (?P<device>\S+) \d+ *(?P<path>.*)$")
KINDS = ("code", "constants", "relocations", "variables", "heap", "anonymous", "sealed files", "stack", "page tables")
"""What a mapping is: of a file its code, what is read only, what ld.so wrote addresses into (RELRO), what is written to; the heap
(brk), other memory without a name (Python's arenas, stacks of threads), memfds. Page tables are not in PSS, and are spent."""


class Mapping(NamedTuple):
    """Some octets of one process: `path` as /proc has it; KiB."""

    rights: str
    path: str
    share: int
    private: int
    written: int
    """Anonymous: pages that are no more what the file says."""


class Cost(NamedTuple):
    """KiB."""

    share: int = 0
    private: int = 0

    def __add__(self, other: "Cost") -> "Cost":  # type: ignore[override]
        return Cost(self.share + other.share, self.private + other.private)


def parse(text: str) -> Iterator[Mapping]:
    """The mappings of a /proc/PID/smaps."""
    head: re.Match[str] | None = None
    fields: dict[str, int] = {}
    for line in [*text.splitlines(), "0-0 ---- 0 0:0 0 "]:
        if found := _HEAD.match(line):
            if head is not None:
                private = fields["Private_Clean"] + fields["Private_Dirty"]
                yield Mapping(head["rights"], head["path"], fields["Pss"], private, fields["Anonymous"])
            head, fields = found, {}
            continue
        name, _, value = line.partition(":")
        if value.endswith(" kB"):
            fields[name] = int(value.split()[0])


def kind_of(mapping: Mapping) -> str:
    """One of KINDS."""
    match mapping.path:
        case "[heap]":
            return "heap"
        case "[stack]" | "[vdso]" | "[vvar]" | "[vsyscall]" | "[vvar_vclock]":
            return "stack"
        case path if path.startswith("/memfd:"):
            return "sealed files"
        case path if not path.startswith("/"):
            return "anonymous"
    if "w" in mapping.rights:
        return "variables"
    if "x" in mapping.rights:
        return "code"
    return "relocations" if mapping.written else "constants"


def name_of(pid: int) -> str:
    """As lists of processes show it."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        name = next((word for word in reversed(words) if word), b"?").decode()
        return "supervisor" if name.endswith(".toml") else name
    except OSError:
        return "?"


def read(pid: int) -> list[Mapping]:
    """Empty if the process is gone."""
    try:
        return list(parse(Path(f"/proc/{pid}/smaps").read_text()))
    except OSError:
        return []


def page_tables(pid: int) -> int:
    """KiB."""
    found = re.search(r"^VmPTE:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(found[1]) if found else 0


def costs(pid: int) -> dict[str, Cost]:
    """By kind."""
    found = dict.fromkeys(KINDS, Cost())
    for mapping in read(pid):
        kind = kind_of(mapping)
        found[kind] += Cost(mapping.share, mapping.private)
    tables = page_tables(pid)
    found["page tables"] = Cost(tables, tables)
    return found


def by_kind(rows: Iterable[tuple[str, dict[str, Cost]]]) -> list[str]:
    """A table in Markdown: a row for each process, a column for each kind."""
    total = dict.fromkeys(KINDS, Cost())
    lines = [f"| process | {' | '.join(KINDS)} | PSS |", f"| --- |{' --- |' * (len(KINDS) + 1)}"]
    for name, found in rows:
        lines.append(_row(name, found))
        total = {kind: total[kind] + found[kind] for kind in KINDS}
    return [*lines, _row("**together**", total)]


def _row(name: str, found: dict[str, Cost]) -> str:
    cells = [f"{cost.share:,} / {cost.private:,}" if cost.share else "" for cost in found.values()]
    share = sum(cost.share for kind, cost in found.items() if kind != "page tables")
    return f"| {name} | {' | '.join(cells)} | {share:,} |"


def by_library(pids: Iterable[int]) -> list[str]:
    """A table in Markdown: a row for each file, with what all processes have of it; most first."""
    share: Counter[str] = Counter()
    kinds: dict[tuple[str, str], int] = Counter()
    for pid in pids:
        for mapping in read(pid):
            if mapping.path.startswith("/"):
                name = Path(mapping.path).name.partition(".cpython")[0]
                share[name] += mapping.share
                kinds[name, kind_of(mapping)] += mapping.share
    shown = KINDS[:4]
    lines = [f"| file | {' | '.join(shown)} | PSS |", f"| --- |{' --- |' * (len(shown) + 1)}"]
    for name, kib in share.most_common():
        cells = " | ".join(f"{kinds[name, kind]:,}" for kind in shown)
        lines.append(f"| {name} | {cells} | {kib:,} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pid", type=int)
    parser.add_argument("--libraries", action="store_true")
    options = parser.parse_args()
    from kit import tree  # tests have another `kit`

    pids = tree(options.pid)
    lines = by_kind((name_of(pid), costs(pid)) for pid in pids)
    if options.libraries:
        lines += ["", *by_library(pids)]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
