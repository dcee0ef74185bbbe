"""The supervisor's list of its cells, for operators: text that it writes and does not read again.

One JSON object: `pid` is the supervisor's; each of `cells` has `cell`, `pid` (0: it does not run), `generation` (0: it is not
ready), `rests` (it ended for want of work; what it did by this generation stays in force), `restarts`, and `sealed`, what the
process itself said when it had given up its rights (LinkType.SEALED), unread: that is what `said` writes. `sealed` beside `pid`
is the supervisor's own; `lost` how many lines of the log were.
"""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol

from anchorhold.restarts import Restarts
from anchorhold.sandbox import Standing, standing
from anchorhold.snapshot import SEALING


class Listed(Protocol):
    """A cell, as far as it is told of."""

    name: str
    due: float | None
    ready: int
    rests: int
    restarts: Restarts
    sealed: str

    @property
    def pid(self) -> int:
        """0 while there is none."""


def roster(pid: int, cells: Iterable[Listed], lost: int = 0) -> str:
    """The list, without cells that the configuration does not want or that wait for something before their first start. `lost`:
    lines of the log that standard error did not take."""
    rows = [
        {
            "cell": cell.name,
            "pid": cell.pid,
            "generation": cell.ready or cell.rests,
            "rests": bool(cell.rests),
            "restarts": cell.restarts.count,
            "sealed": cell.sealed,
        }
        for cell in cells
        if cell.pid or cell.due is not None
    ]
    return json.dumps({"pid": pid, "sealed": _own(), "cells": rows, "lost": lost})


def said(found: Standing) -> str:
    """What a process tells of itself."""
    return json.dumps(
        {
            "in_force": found.in_force,
            "missing": found.missing,
            "calls": found.calls,
            "landlock": found.landlock,
        }
    )


def _own() -> str:
    found = standing() or Standing("supervisor", "")
    return said(found if SEALING else replace(found, missing=(*found.missing, NO_SEALS)))


NO_SEALS = "sealed memory: settings and secrets travel in files without a name"
