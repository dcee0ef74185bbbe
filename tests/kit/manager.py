"""A service manager as small as it can be: passes sockets, listens for what the service says of itself (sd_notify(3))."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from select import select
from types import MappingProxyType

from kit.service import PATIENCE, Running, attended

BECOME = """
import os, sys
count = int(sys.argv.pop(1))
handed = [int(sys.argv.pop(1)) for _ in range(count)]
for at, descriptor in enumerate(handed):
    # Out of the way first: one of them may stand where another belongs.
    handed[at] = os.dup(descriptor)
    while handed[at] < 3 + count:
        handed[at] = os.dup(handed[at])
for at, descriptor in enumerate(handed):
    os.dup2(descriptor, 3 + at, inheritable=True)
os.environ["LISTEN_PID"] = os.environ["WATCHDOG_PID"] = str(os.getpid())
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
"""Runs in the process that becomes the service: only it knows its number."""

SERVE = "import sys; from pathlib import Path; from anchorhold.start import run; sys.exit(run(Path(sys.argv[1])))"


@dataclass
class Word:
    """What the service says of itself, on a datagram socket in `folder`."""

    socket: socket.socket
    path: Path
    said: list[str] = field(default_factory=list)

    def wait_for(self, part: str) -> str:
        """The next datagram with a line that begins with `part`."""
        while True:
            self.said.append(self.socket.recv(4_096).decode())
            if any(line.startswith(part) for line in self.said[-1].splitlines()):
                return self.said[-1]

    def drain(self) -> list[str]:
        """All datagrams that are there now."""
        found = []
        while select([self.socket], [], [], 0)[0]:
            found.append(self.socket.recv(4_096).decode())
        self.said += found
        return found


@contextmanager
def listening(folder: Path) -> Iterator[Word]:
    path = folder / "notify.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as endpoint:
        endpoint.bind(str(path))
        endpoint.settimeout(PATIENCE)
        yield Word(endpoint, path)


@contextmanager
def managed(
    config: Path,
    sockets: Sequence[socket.socket] = (),
    environment: Mapping[str, str] = MappingProxyType({}),
    before: str = "",
) -> Iterator[Running]:
    """The service as a service manager starts it, with `sockets` from descriptor 3 on and `environment` besides; `before` runs
    in it before anything of ours is imported."""
    handed = [one.fileno() for one in sockets]
    ours = {"LISTEN_FDS": str(len(handed)), "LISTEN_FDNAMES": ":".join("test" for _ in handed)} if handed else {}
    process = subprocess.Popen(
        [sys.executable, "-c", BECOME, str(len(handed)), *map(str, handed), "-c", f"{before}{SERVE}", str(config)],
        pass_fds=handed,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **ours, **environment},
    )
    with attended(process) as running:
        yield running
