"""`anchorhold run` as a real process: its lines, its children, and what they hold open."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import IO, Protocol

from anchorhold.forking import FORBIDDEN_CALL
from anchorhold.trial import Trial

PATIENCE = 60.0
"""Seconds a test waits for something that is bound to come."""

RUN = """
import json, os, sys
from pathlib import Path
from anchorhold import cell_environment, dhcp_side, lists_side, start, supervisor
more = json.loads(sys.argv.pop(1))
cell_environment.KEPT |= set(more)
os.environ.update(more)
if "LD_PRELOAD" in more:
    # To tell the time libfaketime opens a file, with system calls of its own.
    from anchorhold import sandbox
    assert callable(sandbox._make_table)  # else this would leave nothing out
    sandbox._make_table = lambda profile: sandbox._Table(profile.calls)
    sandbox._restrict = lambda _profile, _folder, _missing: 0
    sandbox._separate = lambda _profile, _folder, _missing: ()
vital = [(supervisor, name) for name in ("FRONT_MODULE", "RESOLVER_MODULE", "KEEPER_MODULE")]
for (place, name), module in zip((*vital, (dhcp_side, "MODULE"), (lists_side, "MODULE")), sys.argv[2:]):
    setattr(place, name, module)
sys.exit(start.run(Path(sys.argv[1])))
"""

FAKES = ("kit.fake_cell", "kit.fake_cell")


class Place(Protocol):
    """A namespace; see kit/lan.py, which uses this file too."""

    def inside(self, *command: str) -> list[str]:
        """The command line that runs `command` in there."""


@dataclass
class Running:
    """A started service. `lines` is all it and its cells said so far, both streams together."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)
    fresh: queue.Queue[str | None] = field(default_factory=queue.Queue)

    def wait_for(self, *parts: str, count: int = 1, patience: float = PATIENCE) -> str:
        """The `count`-th line that holds all `parts`; fails the test if it does not come."""
        until = time.monotonic() + patience
        while len(found := [line for line in self.lines if all(part in line for part in parts)]) < count:
            try:
                line = self.fresh.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                line = None
            assert line is not None, f"no line with {parts} in:\n" + "\n".join(self.lines)
            self.lines.append(line)
        return found[count - 1]

    def port(self) -> int:
        """Where on 127.0.0.1 it answers in clear text, as soon as it does."""
        line = self.wait_for("serving on 127.0.0.1:")
        return int(line.split("127.0.0.1:")[1].split()[0].rstrip(",;"))

    def cell(self, name: str) -> int:
        """The process id of the cell whose command line ends in `name`; 0 if there is none. One that was forked just now still
        has the name of who forked it, and soon another."""
        while any(command_line(pid) == command_line(self.process.pid) for pid in children(self.process.pid)):
            pass
        for pid in children(self.process.pid):
            if any(word.split(".")[-1] == name for word in command_line(pid)):
                return pid
        return 0

    def all_serve(self, control: Path, generation: int = 1) -> None:
        """Wait until every cell of the service at `control` has said that it serves, by this configuration or a later one.
        "serving on" is told earlier, as soon as clear text is answered, and what is done to a cell that is still starting has
        other ends; so is "in force", as soon as clear text is answered by it."""
        self.wait_for("serving on")
        until = time.monotonic() + PATIENCE
        while min((rows := ready_cells(control)).values()) < generation:
            assert time.monotonic() < until, f"{rows} in:\n" + "\n".join(self.lines)
            time.sleep(0.02)

    def drain(self) -> None:
        """Take all lines that have come."""
        while not self.fresh.empty():
            if (line := self.fresh.get()) is not None:
                self.lines.append(line)

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def end(self) -> int:
        """Stop it as a user does; gives the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.ended()

    def ended(self) -> int:
        """The exit code of a service that ends by itself."""
        code = self.process.wait(PATIENCE)
        while (line := self.fresh.get(timeout=PATIENCE)) is not None:
            self.lines.append(line)
        return code


@contextmanager
def started(
    config: Path,
    *modules: str,
    environment: Mapping[str, str] = MappingProxyType({}),
    within: Place | None = None,
) -> Iterator[Running]:
    """Run by `config`; with `modules`, these instead of front, resolver, keeper, dhcp and lists. The cells, but not the
    supervisor, have `environment` besides. `within`: in this namespace. Ended and waited for at the end. A library in
    `environment` is the supervisor's too, for cells are forked, and they are not shut in then."""
    tests = Path(__file__).parents[1]
    preloaded = environment if "LD_PRELOAD" in environment else {}
    command = [sys.executable, "-c", RUN, json.dumps(dict(environment)), str(config), *modules]
    process = subprocess.Popen(
        command if within is None else within.inside(*command),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONPATH": str(tests), "PYTHONDONTWRITEBYTECODE": "1", **preloaded},
    )
    with attended(process) as running:
        yield running


@contextmanager
def attended(process: subprocess.Popen[str]) -> Iterator[Running]:
    """A service that was just started; ended and waited for at the end."""
    running = Running(process)
    assert process.stdout is not None
    reader = threading.Thread(target=_read, args=(process.stdout, running))
    reader.start()
    try:
        yield running
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE)
        reader.join()
        process.stdout.close()
        running.drain()
    # Whatever a test is about: no process may have made a system call that is not in its profile.
    assert not [line for line in running.lines if FORBIDDEN_CALL in line]


def ready_cells(control: Path) -> dict[str, int]:
    """Cells of the service at `control` that are wanted, and the configuration by which each serves; 0: none yet."""
    trial = Trial(control)
    try:
        return {row["cell"]: row["generation"] for row in json.loads(trial.cells())["cells"]}
    finally:
        trial.close()


def _read(stream: IO[str], running: Running) -> None:
    for line in stream:
        running.fresh.put(line.rstrip("\n"))
    running.fresh.put(None)


def children(pid: int) -> list[int]:
    """Process ids of the children of `pid`."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def command_line(pid: int) -> list[str]:
    """The arguments of process `pid`; none if it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:
        return []


UNSIGNED = '[[dnssec.negative]]\nzone = "."\nreason = "nothing is signed in this test"\n'


def config_text(
    directory: Path,
    port: int = 0,
    *,
    extra: str = "",
    server: str = "tls://dns.example@127.0.0.1:9",
    dnssec: str = UNSIGNED,
    profile: str = "strict",
) -> str:
    """A small configuration whose every file is in `directory`; port 0 takes a free one."""
    return f"""\
[service]
state = "{directory}/state"
[listen]
addresses = ["127.0.0.1:{port}"]
control = "{directory}/control.sock"
{dnssec}[upstreams.default]
profile = "{profile}"
servers = ["{server}"]
{extra}
"""
