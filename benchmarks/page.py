"""What the pages of the measured runs share: their heads, the conditions of a run, tables of limits and of waits."""

import datetime
import os
import platform
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

POLICIES = {os.SCHED_OTHER: "SCHED_OTHER", os.SCHED_FIFO: "SCHED_FIFO", os.SCHED_RR: "SCHED_RR"}


def heading(title: str) -> str:
    """With the day."""
    return f"# {title}, {datetime.datetime.now(datetime.UTC):%Y-%m-%d}"


def versions() -> str:
    return f"CPython {platform.python_version()}, Linux {platform.release().split('-')[0]}"


class Conditions:
    """Made before a run, told when it is over."""

    def __init__(self) -> None:
        self._before = os.getloadavg()[0]

    def printed_by(self, verb: str, *how: str) -> str:
        """The first words of a page: the verb of the Makefile, the command with its options, and how it was run."""
        command = " ".join([f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]])
        policy = os.sched_getscheduler(0)
        precedence = f"nice {os.getpriority(os.PRIO_PROCESS, 0)}, priority {os.sched_getparam(0).sched_priority}"
        return f"Printed by `make {verb}` as `{command}` (" + "; ".join(
            [
                *how,
                versions(),
                f"load of the machine {self._before:.1f} before the run, {os.getloadavg()[0]:.1f} at its end",
                f"scheduled by {POLICIES.get(policy, policy)}, {precedence})",
            ]
        )


class Measure(NamedTuple):
    """`limit`: the most that is allowed."""

    what: str
    seen: float
    limit: float


def limits(measures: Iterable[Measure]) -> list[str]:
    """A table."""
    rows = [f"| {one.what} | {one.seen:,} | {one.limit:g} |" for one in measures]
    return ["| measure | seen | limit |", "| --- | --- | --- |", *rows]


def shares(counts: Mapping[str, int]) -> str:
    """Of a hundred."""
    total = max(sum(counts.values()), 1)
    return ", ".join(f"{what} {100 * many / total:.0f} %" for what, many in counts.items())


def waits(found: Mapping[str, Mapping[str, float]]) -> list[str]:
    """A table, of what a crowd reports."""
    rows = [
        f"| {what} | {w.get('50', 0)} | {w.get('99', 0)} | {w.get('99.9', 0)} |" for what, w in sorted(found.items())
    ]
    return ["| waits of clients, ms | median | 99 of 100 | 999 of 1,000 |", "| --- | --- | --- | --- |", *rows]


def verdict(good: bool) -> str:
    return "Everything is within its limits." if good else "**Not everything is within its limits.**"
