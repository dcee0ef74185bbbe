"""What a running process holds open, read from /proc (proc(5)): no program's output is parsed."""

import ipaddress
import os
import re
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

LISTENING = 0x0A
"""TCP_LISTEN (net/tcp_states.h)."""


@dataclass(frozen=True, slots=True)
class InternetSocket:
    """One AF_INET or AF_INET6 socket. `remote_port` 0: connected to nobody."""

    transport: str
    local: tuple[str, int]
    remote: tuple[str, int]
    state: int

    @property
    def listening(self) -> bool:
        return self.transport == "tcp" and self.state == LISTENING

    @property
    def connected(self) -> bool:
        return self.remote[1] != 0


def descriptors(pid: int) -> dict[int, str]:
    """Descriptor → what it leads to, as the kernel words it."""
    found = {}
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found[int(entry.name)] = os.readlink(entry)
        except FileNotFoundError:
            continue
    return found


def internet_sockets(pid: int) -> list[InternetSocket]:
    """All of a process's; a raw or packet socket fails the test, for nobody has any."""
    inodes = {match[1] for link in descriptors(pid).values() if (match := re.fullmatch(r"socket:\[(\d+)\]", link))}
    found = []
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for row in _rows(pid, table):
            if row[9] in inodes:
                found.append(InternetSocket(table.rstrip("6"), _place(row[1]), _place(row[2]), int(row[3], 16)))
    for table in ("raw", "raw6"):
        assert not any(row[9] in inodes for row in _rows(pid, table))
    assert not any(row[-1] in inodes for row in _rows(pid, "packet"))
    return found


def unbound_internet_sockets(pid: int) -> list[int]:
    """Descriptors of sockets in no table: created, but neither bound nor connected, so not seen above. One that comes or goes
    while the tables are read is none of them."""
    before = set(descriptors(pid).values())
    known = {row[9] for table in ("tcp", "tcp6", "udp", "udp6") for row in _rows(pid, table)}
    known |= {row[6] for row in _rows(pid, "unix")}
    links = {
        number: re.fullmatch(r"socket:\[(\d+)\]", link) for number, link in descriptors(pid).items() if link in before
    }
    return [number for number, match in links.items() if match and match[1] not in known]


def _rows(pid: int, table: str) -> list[list[str]]:
    return [row for one in networks(pid) for row in table_of(one, table)]


def networks(pid: int) -> list[int]:
    """Processes in whose networks the sockets of `pid` may be: it may have one of its own, and was handed those of its parent."""
    parent = int(state(pid)["PPid"])
    own, theirs = (os.readlink(f"/proc/{one}/ns/net") for one in (pid, parent))
    return [pid] if own == theirs else [pid, parent]


def table_of(pid: int, table: str) -> list[list[str]]:
    """The rows of /proc/PID/net/`table`, in words."""
    path = Path(f"/proc/{pid}/net/{table}")
    return [line.split() for line in path.read_text().splitlines()[1:]] if path.exists() else []


def is_folder(pid: int, entry: str, folder: Path) -> bool:
    """Whether `entry` of /proc/PID (`root`, `fd/5`) leads to `folder`, by whatever name."""
    return os.path.samefile(f"/proc/{pid}/{entry}", folder)


def _place(text: str) -> tuple[str, int]:
    """`0100007F:1F90`: 32-bit words in the machine's own order, then the port."""
    address, port = text.split(":")
    words = [int(address[at : at + 8], 16) for at in range(0, len(address), 8)]
    return str(ipaddress.ip_address(struct.pack(f"={len(words)}I", *words))), int(port, 16)


def state(pid: int) -> dict[str, str]:
    """/proc/PID/status as key and value."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def data_of(pid: int) -> int:
    """Octets that count against RLIMIT_DATA."""
    return int(state(pid)["VmData"].split()[0]) * 1024


def allow(pid: int, limit: str, most: int) -> None:
    """What the process may have from now on, by its option of prlimit(1); only who has its user may say so."""
    user, group = (state(pid)[name].split()[0] for name in ("Uid", "Gid"))
    as_it = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups"] if os.geteuid() == 0 else []
    subprocess.run([*as_it, "prlimit", f"--pid={pid}", f"--{limit}={most}:"], check=True)
