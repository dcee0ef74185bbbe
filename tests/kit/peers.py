"""Programs of other projects that tests talk to, and Anchorhold as it runs in front of or behind them."""

import os
import random
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest
from kit.service import Running, started

PATIENCE = 60.0
PACKAGES = {
    "/lib/systemd/systemd-networkd": "systemd",
    "delv": "bind9-dnsutils",
    "dhclient": "isc-dhcp-client",
    "dhcpcd": "dhcpcd-base",
    "dhcrelay": "isc-dhcp-relay",
    "dig": "bind9-dnsutils",
    "dnsmasq": "dnsmasq-base",
    "dnssec-signzone": "bind9-utils",
    "dnssec-verify": "bind9-utils",
    "dumpcap": "wireshark-common",
    "ip": "iproute2",
    "gtlsclient": "ngtcp2-client",
    "kdig": "knot-dnsutils",
    "curl": "curl",
    "dnsperf": "dnsperf",
    "kea-lfc": "kea-dhcp4-server",
    "keymgr": "knot",
    "kzonesign": "knot-dnssecutils",
    "ldns-signzone": "ldnsutils",
    "knotd": "knot",
    "kresd": "knot-resolver",
    "named": "bind9",
    "nsenter": "util-linux",
    "rdisc6": "ndisc6",
    "ss": "iproute2",
    "systemd-analyze": "systemd",
    "systemd-socket-activate": "systemd",
    "systemd-sysusers": "systemd",
    "unshare": "util-linux",
}
"""Debian packages that are called otherwise than their program."""


def lacking(text: str) -> NoReturn:
    """What a test needs is not here: it fails under CI=true and is skipped elsewhere."""
    if os.environ.get("CI") == "true":
        pytest.fail(text)
    pytest.skip(text)


def need_root(what: str) -> None:
    """For tests of `what`, which only root can do. Without root: see `lacking`."""
    if os.geteuid() != 0:
        lacking(f"{what} needs root")


def unshared(*namespaces: str) -> list[str]:
    """The beginning of a command line that runs the rest in namespaces of its own (`--net`), as their root."""
    return [peer("unshare"), *(() if os.geteuid() == 0 else ("--map-root-user",)), *namespaces]


def peer(program: str) -> str:
    """Where `program` is, a name or a path. If it is nowhere: see `lacking`."""
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
    found = shutil.which(program, path=path)
    if found is not None:
        return found
    lacking(f"{program} is not installed; on Debian: apt-get install {PACKAGES.get(program, program)}")


def packaged(path: str, package: str) -> str:
    """The text of a file of a Debian package. If it is not there: see `lacking`."""
    file = Path(path)
    if file.exists():
        return file.read_text()
    lacking(f"{path} is not there; on Debian: apt-get install {package}")


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder whose files the service can read after it has become `nobody`, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="anchorhold-interop-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


def free_ports(count: int, address: str = "127.0.0.1", *, beside: bool = False) -> list[int]:
    """Different ports that are free for UDP and TCP at `address` just now. None that the kernel gives to whoever asks for any:
    nobody takes one by chance before the test does. `beside`: a resolver runs already, which asks from any port that needs no
    right; root gets ports that need one."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    some = range(600, 1_024) if beside and os.geteuid() == 0 else range(10_240, lowest)
    held: list[socket.socket] = []
    ports: list[int] = []
    try:
        while len(ports) < count:
            stream, datagram = socket.socket(), socket.socket(type=socket.SOCK_DGRAM)
            held += (stream, datagram)
            try:
                stream.bind((address, random.choice(some) if len(some) > 400 else 0))
                datagram.bind(stream.getsockname())
            except OSError:
                continue
            ports.append(stream.getsockname()[1])
    finally:
        for one in held:
            one.close()
    return ports


def until(true: Callable[[], bool], what: str, patience: float = PATIENCE) -> None:
    """Poll until `true()`; fail the test if that does not come."""
    end = time.monotonic() + patience
    while not true():
        assert time.monotonic() < end, f"not in time: {what}"
        time.sleep(0.02)


def listens(port: int, address: str = "127.0.0.1") -> bool:
    """Whether somebody accepts connections there."""
    with socket.socket() as probe:
        return probe.connect_ex((address, port)) == 0


def stop(process: subprocess.Popen[bytes]) -> None:
    """Asked first, then killed; waited for."""
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def program(command: list[str], log: Path, *ports: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run `command` until the block ends; the block begins when all `ports` accept connections."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            for port in ports:
                until(lambda port=port: process.poll() is not None or listens(port), f"{command[0]} on {port}")  # type: ignore[misc]
            assert process.poll() is None, log.read_text()
            yield process
        finally:
            stop(process)


@dataclass(frozen=True)
class House:
    """A running Anchorhold and where it answers."""

    running: Running
    address: str
    port: int
    folder: Path


@contextmanager
def house(folder: Path, upstreams: str, address: str = "127.0.0.1") -> Iterator[House]:
    """The real service, listening at `address`, with the tables `upstreams` in its configuration."""
    config = folder / "anchorhold.toml"
    config.write_text(f"""\
[service]
state = "{folder}/state"
[listen]
addresses = ["{address}:0"]
control = "{folder}/control.sock"
[[dnssec.negative]]
zone = "."
reason = "nothing is signed in this test"
{upstreams}
""")
    with started(config) as running:
        found = re.search(rf"{re.escape(address)}:(\d+)", running.wait_for(f"serving on {address}:"))
        assert found is not None
        yield House(running, address, int(found[1]), folder)
