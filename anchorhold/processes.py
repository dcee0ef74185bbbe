"""What a process is allowed and what it holds, read from /proc (proc(5)) by whoever asks; what cannot be read is None."""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from anchorhold.sandbox.rights import CAPABILITIES

PROC = Path("/proc")

NAMESPACES = ("net", "mnt", "ipc", "uts", "user", "pid", "cgroup")


@dataclass(frozen=True, slots=True)
class Process:
    """One process. Sizes are in octets; `own` are the namespaces that are not those of the process it is compared with."""

    pid: int
    user: int
    capabilities: tuple[str, ...]
    """Those in effect, in the order of their numbers."""
    no_new_privileges: bool
    seccomp: int | None
    """0: no filter, 1: strict, 2: a filter."""
    filters: int | None
    """How many, with those of whoever started it; kernels before 5.9 do not say."""
    threads: int
    resident: int
    proportional: int | None
    """Its part of all that it shares, and all that it does not (PSS). Only its user and root may read it, and of a sealed process
    root alone."""
    descriptors: int | None
    own: tuple[str, ...] | None


def read_process(pid: int, beside: int | None = None, proc: Path = PROC) -> Process | None:
    """What there is to be known of `pid`, its namespaces beside those of `beside`; None if it is gone, or hidden from us."""
    folder = proc / str(pid)
    try:
        lines = (folder / "status").read_text().splitlines()
    except OSError:
        return None
    status = {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}
    return Process(
        pid,
        user=int(status["Uid"].split()[1]),
        capabilities=capabilities(int(status["CapEff"], 16)),
        no_new_privileges=status.get("NoNewPrivs") == "1",
        seccomp=_number(status.get("Seccomp")),
        filters=_number(status.get("Seccomp_filters")),
        threads=int(status["Threads"]),
        resident=_octets(status.get("VmRSS", "0 kB")),
        proportional=_proportional(folder),
        descriptors=_descriptors(folder),
        own=_own_namespaces(folder, proc / str(beside)) if beside is not None else None,
    )


def capabilities(mask: int) -> tuple[str, ...]:
    """The names of the bits in `mask`; of a newer kernel's, their numbers."""
    return tuple(CAPABILITIES[bit] if bit < len(CAPABILITIES) else str(bit) for bit in range(64) if mask & 1 << bit)


def account(number: int) -> str:
    """The name of a user, or its number if it has none here."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None


def _octets(text: str) -> int:
    """`1234 kB`."""
    return int(text.split()[0]) * 1_024


def _proportional(folder: Path) -> int | None:
    try:
        lines = (folder / "smaps_rollup").read_text().splitlines()
    except OSError:
        return None
    return next((_octets(line.partition(":")[2]) for line in lines if line.startswith("Pss:")), None)


def _descriptors(folder: Path) -> int | None:
    try:
        return len(os.listdir(folder / "fd"))
    except PermissionError:
        # Since Linux 6.2 the directory's size is their number, for everybody.
        return (folder / "fd").stat().st_size or None
    except OSError:
        return None


def _own_namespaces(folder: Path, beside: Path) -> tuple[str, ...] | None:
    try:
        return tuple(
            name for name in NAMESPACES if os.readlink(folder / "ns" / name) != os.readlink(beside / "ns" / name)
        )
    except OSError:
        return None
