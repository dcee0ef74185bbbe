"""A /proc of a few files, as the kernel writes them."""

from collections.abc import Sequence
from pathlib import Path

STATUS = """\
Name:\t{name}
Umask:\t0077
State:\tS (sleeping)
Pid:\t{pid}
PPid:\t{parent}
Uid:\t{user}\t{user}\t{user}\t{user}
Gid:\t{user}\t{user}\t{user}\t{user}
VmRSS:\t   {resident} kB
Threads:\t1
CapPrm:\t{capabilities:016x}
CapEff:\t{capabilities:016x}
NoNewPrivs:\t{privileges}
Seccomp:\t{seccomp}
Seccomp_filters:\t{filters}
"""


def write_process(
    proc: Path,
    pid: int,
    parent: int = 1,
    name: str = "front",
    *,
    user: int = 901,
    capabilities: int = 0,
    sealed: bool = True,
    proportional: int | None = 5_000,
    namespaces: Sequence[str] = (),
    descriptors: int = 3,
    filters: int | None = None,
) -> None:
    """One process; sizes in kB. `proportional` None: not to be read. `namespaces`: those of its own."""
    folder = proc / str(pid)
    for part in ("fd", "ns"):
        (folder / part).mkdir(parents=True)
    marks = {"privileges": int(sealed), "seccomp": 2 if sealed else 0}
    marks["filters"] = int(sealed) if filters is None else filters
    who = {"name": name, "pid": pid, "parent": parent, "user": user, "capabilities": capabilities}
    text = STATUS.format(resident=20_000, **who, **marks)
    (folder / "status").write_text(text)
    (folder / "stat").write_text(f"{pid} ({name}) S {parent} {pid} 0 0\n")
    if proportional is not None:
        (folder / "smaps_rollup").write_text(f"0-1 ---p 0 00:00 0 [rollup]\nRss: 20000 kB\nPss: {proportional} kB\n")
    for number in range(descriptors):
        (folder / "fd" / str(number)).touch()
    for kind in ("net", "mnt", "ipc", "uts", "user", "pid", "cgroup"):
        (folder / "ns" / kind).symlink_to(f"{kind}:[{pid if kind in namespaces else 1}]")
