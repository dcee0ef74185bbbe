"""Small networks of namespaces and veth pairs: a server's, devices at its bridge, a relay with devices behind it. Needs root.

Each namespace is held by a process of the test's own, which the kernel ends with it; nothing has a name outside, and nothing
touches the machine's own network. A namespace has its own /run and /var/lib besides, so that clients leave nothing behind.
"""

import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from kit.peers import need_root, stop, until
from kit.peers import peer as find

PATIENCE = 60.0
_HOLD = (
    "mount --make-rprivate / && mount -t tmpfs none /run && mount -t tmpfs none /var/lib && echo held && exec sleep 600"
)


class Place:
    """One namespace, with a loopback."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [find("unshare"), "--net", "--mount", "--kill-child=KILL", "sh", "-c", _HOLD],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "held\n", "namespaces cannot be made here"
        self.ip("link set lo up")

    @property
    def pid(self) -> int:
        """Of the process that holds it."""
        return self._process.pid

    def inside(self, *command: str) -> list[str]:
        """The command line that runs `command` in here."""
        return [find("nsenter"), f"--target={self.pid}", "--net", "--mount", find(command[0]), *command[1:]]

    def run(self, *command: str, check: bool = True, timeout: float = PATIENCE) -> str:
        """What it printed on both streams. Fails the test if it fails, unless told otherwise."""
        done = subprocess.run(
            self.inside(*command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout
        )
        assert not check or done.returncode == 0, f"{' '.join(command)}: {done.returncode}\n{done.stdout}"
        return done.stdout

    def ip(self, arguments: str) -> str:
        """One `ip` command."""
        return self.run("ip", *arguments.split())

    def set(self, name: str, value: str) -> None:
        """A sysctl: `net/ipv6/conf/all/forwarding`."""
        self.run("sh", "-c", f"echo {value} >/proc/sys/{name}")

    def ip_until(self, arguments: str, wanted: Callable[[str], bool]) -> str:
        """What an `ip` command prints as soon as it is as `wanted`; fails the test if that does not come."""
        end = time.monotonic() + PATIENCE
        while not wanted(shown := self.ip(arguments)):
            assert time.monotonic() < end, f"ip {arguments}:\n{shown}"
            time.sleep(0.02)
        return shown

    def addresses(self, link: str, family: int = 4) -> list[str]:
        """`192.0.2.1/24` each, without link-local ones."""
        lines = self.ip(f"-{family} -oneline address show dev {link} scope global").splitlines()
        return [line.split()[3] for line in lines]

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


class Lan:
    """A server's namespace with bridges, and whoever is plugged in."""

    def __init__(self) -> None:
        self.server = Place()
        self._places = [self.server]
        self._plugs = 0

    def bridge(self, name: str, *addresses: str) -> None:
        """A bridge in the server's namespace, with these addresses (`192.0.2.1/24`)."""
        self.server.ip(f"link add {name} type bridge forward_delay 0 mcast_snooping 0")
        self.server.set(f"net/ipv6/conf/{name}/accept_dad", "0")
        for address in addresses:
            self.server.ip(f"address add {address} dev {name}")
        self.server.ip(f"link set {name} up")

    def device(self, bridge: str, hardware: str = "", link: str = "port0") -> Place:
        """Somebody at a bridge, by `link`, up and without an address but the link-local one."""
        place = Place()
        self._places.append(place)
        self.plug(place, bridge, hardware, link)
        return place

    def plug(self, place: Place, bridge: str, hardware: str = "", link: str = "port0") -> None:
        """One cable more between `place` and a bridge."""
        self._plugs += 1
        socket = f"plug{self._plugs}"
        self.server.ip(f"link add {socket} type veth peer name {link} netns {place.pid}")
        self.server.ip(f"link set {socket} master {bridge} up")
        self._up(place, link, hardware)

    def behind(self, place: Place, socket: str, hardware: str = "", link: str = "port0") -> Place:
        """A device behind a router or relay `place`, whose end is called `socket`."""
        device = Place()
        self._places.append(device)
        place.ip(f"link add {socket} type veth peer name {link} netns {device.pid}")
        place.set(f"net/ipv6/conf/{socket}/accept_dad", "0")
        place.ip(f"link set {socket} up")
        self._up(device, link, hardware)
        return device

    def _up(self, place: Place, link: str, hardware: str) -> None:
        if hardware:
            place.ip(f"link set {link} address {hardware}")
        # Link-local addresses at once; what is asked of a client's own detection is asked elsewhere.
        place.set(f"net/ipv6/conf/{link}/accept_dad", "0")
        place.ip(f"link set {link} up")

    def close(self) -> None:
        for place in reversed(self._places):
            place.close()


@contextmanager
def lan() -> Iterator[Lan]:
    """An empty one; everything in it ends with it."""
    need_root("a network namespace")
    made = Lan()
    try:
        yield made
    finally:
        made.close()


@contextmanager
def background(place: Place, command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A daemon in there, ended at the end."""
    with log.open("wb") as output:
        process = subprocess.Popen(place.inside(*command), stdout=output, stderr=output, stdin=subprocess.DEVNULL)
    try:
        yield process
    finally:
        stop(process)


BELL = """
import socket, sys
raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
raw.sendto(bytes(12) + b"\\x88\\xb5" + bytes.fromhex(sys.argv[2]), (sys.argv[1], 0))
"""
"""Sends a frame of the EtherType for experiments to nobody."""


@contextmanager
def captured(place: Place, bridge: str, path: Path) -> Iterator[Path]:
    """Everything that passes `bridge` meanwhile, as a capture file."""
    log = path.with_suffix(".log")
    with background(place, ["dumpcap", "-q", "-i", bridge, "-w", str(path)], log) as process:
        until(
            lambda: process.poll() is not None or (path.exists() and path.stat().st_size > 0), "the capture", PATIENCE
        )
        assert process.poll() is None, log.read_text()
        yield path
        # What came last is still on its way from the kernel into the file: it is there when what was sent after it is.
        bell = secrets.token_bytes(16)

        def heard() -> bool:
            place.run(sys.executable, "-c", BELL, bridge, bell.hex())
            return bell in path.read_bytes()

        # Nothing passes a bridge that nobody is plugged into any more.
        place.ip("link add bell0 up type veth peer name bell1")
        place.ip("link set bell1 up")
        place.ip(f"link set bell0 master {bridge}")
        until(heard, "the end of the capture", PATIENCE)
