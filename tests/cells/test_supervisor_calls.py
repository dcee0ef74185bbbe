"""How many system calls the supervisor makes in service, with every cell there is."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kit.dhcp_house import ACCESS, ANCHORHOLD, HOUSE4, SUBNETS, serving
from kit.lan import Lan, lan
from kit.peers import need_root, open_folder, peer, until
from kit.secure import secure_text, write_identity
from kit.service import Running, children

CELLS = {"front", "secure", "resolver", "dhcp", "keeper", "lists"}
LISTS = '[lists.ads]\nurl = "https://lists.example/ads.txt"\n'
MOST = 12
MEMORY = {"brk", "mmap", "munmap", "madvise"}
"""When memory is had and given back is Python's to say."""


@contextmanager
def traced(pid: int, trace: Path) -> Iterator[None]:
    command = [peer("strace"), "-o", str(trace), "-p", str(pid)]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as tracing:
        assert tracing.stderr is not None
        assert b"attached" in tracing.stderr.readline()
        try:
            yield
        finally:
            tracing.send_signal(signal.SIGINT)


def cells(net: Lan, folder: Path) -> dict[str, int]:
    """Process ids."""
    told = net.server.run(ANCHORHOLD, "cells", "--json", "--control", str(folder / "control.sock"), check=False)
    lines = json.loads(told[: told.rindex("}") + 1])["cells"]
    return {line["cell"]: line["pid"] for line in lines}


def replaced(running: Running, net: Lan, folder: Path, name: str) -> None:
    former = running.cell(name)
    os.kill(former, signal.SIGKILL)
    running.wait_for(f"supervisor: {name} (pid", "serves again")
    assert cells(net, folder)[name] not in (0, former)


def hung(running: Running, net: Lan, folder: Path, name: str) -> None:
    """A cell that does nothing any more is ended, and another one takes its place."""
    running.all_serve(folder / "control.sock")
    former = cells(net, folder)[name]
    os.kill(former, signal.SIGSTOP)
    running.wait_for(f"supervisor: {name} (pid {former}) is ended: no answer to")
    running.wait_for(f"supervisor: {name} (pid {former}) ended: signal SIGKILL")
    until(lambda: cells(net, folder)[name] not in (0, former), f"another {name}")


def test_the_supervisor_serves_with_few_system_calls(tmp_path: Path) -> None:
    """Pings, lists of cells for operators, a cell of each kind in the place of one that ended, one that hangs; files of a
    certificate that may change at any time."""
    need_root("tracing the supervisor, and DHCP")
    with open_folder() as folder, lan() as net:
        net.bridge("lan0", f"{HOUSE4}/24")
        write_identity(folder)
        text = secure_text(folder, listen=f'"tls://{HOUSE4}:853"', more=f"{ACCESS}[dhcp]\n{SUBNETS}{LISTS}")
        with serving(net, folder, text) as running:
            running.wait_for("secure (pid", "serves")
            # The run for certificates, which comes back once an hour, is over, and what follows from it done.
            until(lambda: len(children(running.process.pid)) == len(CELLS), "cells and nothing else")
            assert cells(net, folder).keys() >= CELLS
            # Not beside the certificate, where it would be watched.
            trace = tmp_path / "calls"
            with traced(running.process.pid, trace):
                for name in sorted(CELLS):
                    replaced(running, net, folder, name)
                hung(running, net, folder, "keeper")
            called = set(re.findall(r"^([a-z]\w+)\(", trace.read_text(), re.MULTILINE))
    found = sorted(called - MEMORY)
    print(
        f"supervisor: {len(found)} of at most {MOST}: {', '.join(found)}; for memory: {', '.join(sorted(called & MEMORY))}"
    )
    assert {"accept4", "epoll_wait", "clone", "recvmsg", "sendmsg"} <= set(found)
    assert len(found) <= MOST
    assert "kill" not in found
