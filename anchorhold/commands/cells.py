"""`anchorhold cells`: what each process of the running service may do, and what it holds."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import click

from anchorhold.control_client import ControlFailed, Unreachable
from anchorhold.control_path import default_control_path
from anchorhold.isolation import Cell, Isolation, read_isolation
from anchorhold.processes import Process, account
from anchorhold.terminal import (
    CommandFailed,
    Exit,
    control_option,
    json_option,
    print_json,
    print_table,
    printable,
    show,
)

MEBI = 1024 * 1024
FEW = 2
"""Capabilities that have room in the table."""


@click.command(
    epilog="""\b
Examples:
  sudo anchorhold cells
  anchorhold cells --json

Exit codes: 0 all cells run (or rest, for they have nothing to do) and have no rights, 1 one does not run or has a right it should
not have, 4 no service answers."""
)
@control_option
@json_option
def command(control: Path | None, as_json: bool) -> None:
    """The processes of the service, read from the kernel: user, rights, filters of system calls, descriptors, memory.

    Below the table: what is not in force and why. "-" is what you may not read; root may read all of it. What Landlock
    forbids no kernel shows, so the cell says it.
    """
    isolation = asked(control)
    if as_json:
        print_json(as_data(isolation))
    else:
        print_table(
            "cells", list(_COLUMNS), [[column(cell) for column in _COLUMNS.values()] for cell in isolation.cells]
        )
        for line in notes(isolation):
            click.echo(line)
    if wrong := _wrong(isolation):
        raise CommandFailed(Exit.NEGATIVE, "; ".join(wrong))


def asked(control: Path | None) -> Isolation:
    """Of the running service. Raises CommandFailed."""
    try:
        return read_isolation(control or default_control_path())
    except Unreachable as error:
        raise CommandFailed(Exit.UNREACHABLE, str(error)) from None
    except ControlFailed as error:
        raise CommandFailed(Exit.NEGATIVE, str(error)) from None


def notes(isolation: Isolation) -> list[str]:
    """What the table does not say: memory together, what is missing and why."""
    lines = [f"PSS together: {isolation.proportional / MEBI:.1f} MiB" if isolation.proportional else "PSS together: -"]
    if isolation.unread:
        lines[0] += f" (without {', '.join(isolation.unread)}: only root may read it)"
    lines += [
        f"{name} rests: it has nothing to do, and is started when it has, or when you ask it something"
        for name in isolation.resting
    ]
    lines += [
        f"Capabilities of {cell.name}: {' '.join(cell.process.capabilities)}"
        for cell in isolation.cells
        if cell.process is not None and len(cell.process.capabilities) > FEW
    ]
    lines += _lacking(isolation)
    if isolation.lost:
        lines.append(f"Lines of the log that standard error did not take: {isolation.lost:,}")
    return lines


def _lacking(isolation: Isolation) -> list[str]:
    """What keeps cells apart elsewhere and does not here, and why."""
    why = (
        "the service was not started by root"
        if isolation.ordinary
        else "there is no account for each (docs/guide/isolation.md)"
    )
    shared = [f"One user for {', '.join(names)}: {printable(user)}; {why}" for user, names in isolation.shared]
    return shared + [f"Missing in {names}: {printable(text)}" for names, text in isolation.missing]


def _wrong(isolation: Isolation) -> list[str]:
    """What must not be anywhere."""
    absent = [f"{name} does not run (it may be starting again)" for name in isolation.absent]
    return absent + [f"{name}: {text}" for name, text in isolation.rights]


def summary(isolation: Isolation) -> list[str]:
    """For `anchorhold status`: a line of what is in force, and one of each thing that is missing."""
    cells = [cell for cell in isolation.sealed if cell.pid or not cell.rests]
    filtered = sum(isolation.filtered(cell) for cell in cells)
    apart = sum(bool(cell.process and cell.process.own) for cell in cells)
    versions = Counter(cell.said.landlock for cell in cells if cell.said.landlock)
    told = [f"{filtered} of {len(cells)} cells behind a filter of system calls"]
    told += [f"{count} in Landlock {version}" for version, count in sorted(versions.items())] or ["no Landlock"]
    told.append(f"{apart} in namespaces of their own")
    missing = _wrong(isolation) + _lacking(isolation)
    head = f"Isolation: {', '.join(told)}; {'this is missing:' if missing else 'nothing is missing'}"
    return [head, *(f"  {line}" for line in missing)]


def as_data(isolation: Isolation) -> dict[str, object]:
    """For programs; null is what could not be read."""
    return {
        "cells": [_cell_data(cell) for cell in isolation.cells],
        "pss": isolation.proportional,
        "pss_without": list(isolation.unread),
        "absent": list(isolation.absent),
        "rights": [{"cell": name, "right": text} for name, text in isolation.rights],
        "shared": [{"user": user, "cells": list(names)} for user, names in isolation.shared],
        "log_lines_lost": isolation.lost,
        "missing": [{"cells": names.split(), "what": text} for names, text in isolation.missing],
    }


def _cell_data(cell: Cell) -> dict[str, object]:
    line: dict[str, object] = {
        "cell": cell.name,
        "pid": cell.pid or None,
        "restarts": cell.restarts,
        "rests": cell.rests,
    }
    process = cell.process
    if process is not None:
        line |= {
            "user": account(process.user),
            "uid": process.user,
            "capabilities": list(process.capabilities),
            "no_new_privileges": process.no_new_privileges,
            "seccomp": process.seccomp,
            "filters": process.filters,
            "namespaces": None if process.own is None else list(process.own),
            "threads": process.threads,
            "descriptors": process.descriptors,
            "rss": process.resident,
            "pss": process.proportional,
        }
    said = cell.said
    line |= {"calls": said.calls or None, "landlock": said.landlock or None}
    return line | {"in_force": list(said.in_force), "missing": list(said.missing)}


def _of(field: Callable[[Process], object]) -> Callable[[Cell], str]:
    return lambda cell: show(None if cell.process is None else field(cell.process))


def _megabytes(octets: int | None) -> str | None:
    return None if octets is None else f"{octets / MEBI:.1f} MiB"


def _capabilities(process: Process) -> str:
    """A long list is told below the table."""
    found = process.capabilities
    return " ".join(found) or "none" if len(found) <= FEW else str(len(found))


def _filter(cell: Cell) -> str:
    process = cell.process
    if process is None or process.seccomp is None:
        return show(None)
    if process.seccomp == 0:
        return "none"
    filters = "" if process.filters in (None, 1) else f" ({process.filters} filters)"
    return f"{cell.said.calls or 'on'}{' calls' if cell.said.calls else ''}{filters}"


_COLUMNS: dict[str, Callable[[Cell], str]] = {
    "cell": lambda cell: cell.name,
    "pid": lambda cell: show(cell.pid or None),
    "user": _of(lambda process: account(process.user)),
    "capabilities": _of(_capabilities),
    "no new": _of(lambda process: process.no_new_privileges),
    "seccomp": _filter,
    "Landlock": lambda cell: show(cell.said.landlock or None),
    "own": _of(lambda process: None if process.own is None else " ".join(process.own) or "none"),
    "fds": _of(lambda process: process.descriptors),
    "RSS": _of(lambda process: _megabytes(process.resident)),
    "PSS": _of(lambda process: _megabytes(process.proportional)),
    "restarts": lambda cell: show(cell.restarts),
}
