"""The world of the long runs: a namespace of its own, the far end, a network for DHCP, and a service with all its cells in it.

The service and nothing else is on one core; the far end and all clients are on the other. An operator looks at the lists now and
then: their cell would rest otherwise, and nothing be seen of it.
"""

import contextlib
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import kit
import namespace
import peers
import readings
from kit import Helper

from anchorhold.control_client import ControlFailed, ask_service

PORTS = {"udp": 5300, "tls": 5301, "https": 5302, "quic": 5303}
FAR = 5399
HOUSE, RELAY = "172.29.0.1", "172.29.0.2"
LOOK_EVERY = 20.0
"""Seconds between two looks of an operator at the lists."""
HERE = Path(__file__).parent
CORES = "service on one core, clients and the Internet that it asks on the other"

CONFIG = """[service]
state = "{folder}/state"
[listen]
addresses = ["127.0.0.1:{udp}"]
control = "{folder}/control.sock"
[resolve]
mode = "iterate"
root_hints = "{folder}/hints"
private_servers = true
family = "only-ipv4"
[dnssec]
trust_anchors = ["{anchor}"]
[upstreams.far]
servers = [{{ url = "tls://{name}@127.0.0.1:{far}", ca_file = "{ca}" }}]
[[route]]
domains = ["far.example"]
upstreams = "far"
validate = "always"
[secure]
listen = ["tls://127.0.0.1:{tls}", "https://127.0.0.1:{https}", "quic://127.0.0.1:{quic}"]
name = "{name}"
certificate = "files"
chain = "{chain}"
key = "{key}"
[cache]
memory = "{cache}"
[lists.house]
file = "{folder}/house.txt"
[access]
allow = ["127.0.0.0/8", "172.29.0.0/16"]
"""

DHCP = """[dhcp]
relays = ["172.29.0.2"]
conflict_check = false
rate = 1000
interface_rate = 10000
lease_time = 3600
[[dhcp.subnet]]
prefix = "172.29.0.0/16"
interface = "s0"
pools = ["172.29.1.0-172.29.100.255"]
"""


@dataclass
class Surroundings:
    """Everything but the service. `config` is what it is started with; `ca` proves both it and the far end."""

    folder: Path
    ca: Path
    config: Path
    helpers: list[Helper] = field(default_factory=list)

    def helper(self, program: str, *arguments: str, within: str = "") -> Helper:
        """A program of this folder on the load's core; `within`: this command line first."""
        helper = Helper([*within.split(), sys.executable, str(HERE / program), *arguments], self.folder / program)
        self.helpers.append(helper)
        return helper

    def devices(self) -> Helper:
        """`lease_crowd.py`, in a namespace at the other end of a cable."""
        helper = self.helper("lease_crowd.py", within="unshare -n")
        namespace.hand_over(helper, f"{RELAY}/16")
        return helper

    @contextlib.contextmanager
    def serving(self, *command: str) -> Iterator["World"]:
        """The service, up until the end of the block. `command` stands in for `anchorhold`."""
        log = self.folder / f"service.{time.monotonic_ns()}.log"
        program = command or (str(Path(sys.executable).parent / "anchorhold"),)
        service = kit.start([*program, "run", "--config", str(self.config)], kit.SERVER_CORE, log)
        made = World(self, service, log)
        try:
            wait_until_whole(made)
            with looked_at(made.control):
                yield made
        finally:
            kit.stop(service)


@dataclass
class World:
    """What is there with a service in it; its process is the supervisor's."""

    around: Surroundings
    service: subprocess.Popen[bytes]
    log: Path

    @property
    def control(self) -> Path:
        return self.around.folder / "control.sock"

    @property
    def pid(self) -> int:
        return self.service.pid

    @property
    def ca(self) -> Path:
        return self.around.ca

    def helper(self, program: str) -> Helper:
        return self.around.helper(program)

    def devices(self) -> Helper:
        return self.around.devices()


@contextlib.contextmanager
def looked_at(control: Path) -> Iterator[None]:
    """Somebody asks for the state of the lists every LOOK_EVERY, until the end of the block."""
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(LOOK_EVERY):
            with contextlib.suppress(ControlFailed):
                ask_service(control, {"verb": "lists", "request": {"do": "status"}})

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield
    finally:
        ended.set()
        looking.join()


def write_files(folder: Path, anchor: str, chain: Path, key: Path, ca: Path, cache: str, more: str) -> Path:
    folder.chmod(0o755)
    (folder / "hints").write_text(". 3600000 NS a.root.\na.root. 3600000 A 10.0.0.1\n")
    (folder / "house.txt").write_text("".join(f"0.0.0.0 blocked{number}.house.example\n" for number in range(2_000)))
    key.chmod(0o600)
    words = {"folder": folder, "anchor": anchor.replace(" 3600 IN ", " "), "name": peers.UPSTREAM_NAME, "ca": ca}
    words |= {"chain": chain, "key": key, "cache": cache, "far": FAR, **PORTS}
    path = folder / "anchorhold.toml"
    path.write_text(CONFIG.format(**words) + DHCP + more)
    return path


@contextlib.contextmanager
def surroundings(*, cache: str = "4 MiB", more: str = "", evil: bool = False) -> Iterator[Surroundings]:
    """Until the end of the block. `more` is appended to the configuration."""
    with tempfile.TemporaryDirectory(prefix="anchorhold-bench-") as name:
        folder = Path(name)
        ca, chain, key = peers.certificates(folder)
        namespace.lay_cable(f"{HOUSE}/16")
        arguments = [str(HERE / "far_end.py"), str(chain), str(key), str(FAR), *(["--evil"] if evil else [])]
        far_end = Helper([sys.executable, *arguments], folder / "far_end")
        anchor = far_end.line()["anchor"]
        config = write_files(folder, anchor, chain, key, ca, cache, more)
        made = Surroundings(folder, ca, config, [far_end])
        try:
            yield made
        finally:
            for helper in made.helpers:
                kit.stop(helper.process)


@contextlib.contextmanager
def world(*, cache: str = "4 MiB", more: str = "", evil: bool = False) -> Iterator[World]:
    """With one service, up until the end of the block."""
    with surroundings(cache=cache, more=more, evil=evil) as around, around.serving() as made:
        yield made


def wait_until_whole(made: World) -> None:
    """Until every cell is there, and a name of the far end is answered."""
    end = time.monotonic() + 30
    while set(readings.CELLS) - set(readings.processes(made.pid)):
        if time.monotonic() > end or made.service.poll() is not None:
            sys.exit(f"the service does not come up:\n{made.log.read_text()[-3_000:]}")
        time.sleep(0.1)
    kit.wait_for_answer(PORTS["udp"], "n00000000.w00.plain.example")
    kit.wait_for_listener(PORTS["tls"])
