"""A real `anchorhold run` on loopback: its configuration, its process, its control socket."""

import json
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import dns.message
import dns.query

from demo.doors import SCHEMES, Doors
from demo.internet import IMPOSTOR, NORTH, PATH, PIRATE, SOUTH, Internet, Operator
from demo.signing import trust_anchor

PATIENCE = 60.0
PORT_TAKEN = 3
"""Exit code of `anchorhold run` that cannot listen."""


def free_port(wanted: int) -> int:
    """`wanted` if it is free for UDP and TCP on 127.0.0.1, else any."""
    for port in (wanted, *([0] * 20)):
        with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagram:
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                stream.bind(("127.0.0.1", port))
                found: int = stream.getsockname()[1]
                datagram.bind(("127.0.0.1", found))
            except OSError:
                continue
            return found
    raise SystemExit("no free port on 127.0.0.1")


def free_ports(count: int) -> list[int]:
    """So many, each another."""
    found: set[int] = set()
    for _ in range(50 * count):
        if len(found) == count:
            break
        # Where many connections have just ended the system may give the same one again and again.
        found.add(free_port(0))
    return sorted(found)


def dead_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as stream:
        stream.bind(("127.0.0.5", 0))
        port: int = stream.getsockname()[1]
        return port


ROUTES = """[[route]]
domains = ["island"]
iterate = true

[[route]]
domains = ["office.example"]
upstreams = "office"

[[route]]
domains = ["ferry.example"]
upstreams = "ferry"
validate = "always"

[[route]]
domains = ["treasure.example"]
upstreams = "treasure"
validate = "always"

[[route]]
domains = ["sealed.example"]
upstreams = "sealed"
"""
"""Routes to servers on loopback would not be validated by default: what is public below them says so."""


@dataclass
class Service:
    """One Anchorhold, run as a user would. A context manager."""

    internet: Internet
    folder: Path
    port: int
    further: tuple[str, ...] = ()
    """Where to listen besides."""
    tables: str = ""
    """What else is in the configuration."""
    encrypted: bool = False
    """Whether there are encrypted ways in, too."""

    def __post_init__(self) -> None:
        self.doors = Doors(
            self.folder, dict(zip(SCHEMES, free_ports(len(SCHEMES)), strict=True)) if self.encrypted else {}
        )

    @property
    def _control(self) -> Path:
        return self.folder / "control.sock"

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.folder / "anchorhold.toml"

    def __enter__(self) -> "Service":
        try:
            self._start()
            if not self._answers() and self._process.poll() == PORT_TAKEN:
                # Somebody took the port since we looked.
                self.port = free_port(0)
                self._log.close()
                self._start()
            if not self._answers():
                raise SystemExit(f"anchorhold did not start:\n{self.log_text()}")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _start(self) -> None:
        self.config.write_text(self._configuration())
        if self.doors.ports and not self.doors.authority.exists():
            self.doors.certify(self.config)
        command = [str(Path(sys.executable).parent / "anchorhold"), "run", "--config", str(self.config)]
        self._log = (self.folder / "service.log").open("wb")
        self._process = subprocess.Popen(command, stdout=self._log, stderr=self._log, stdin=subprocess.DEVNULL)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(6)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._log.close()

    def log_text(self) -> str:
        """What the service said."""
        return (self.folder / "service.log").read_text()

    def _answers(self) -> bool:
        """Wait until it answers a name that never leaves; False if it ended or takes too long. On a port that was taken meanwhile
        somebody else may answer: who listens has a control socket."""
        query = dns.message.make_query("localhost.", "A")
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self._process.poll() is None:
            try:
                dns.query.udp(query, "127.0.0.1", timeout=0.5, port=self.port)
            except (dns.exception.Timeout, OSError):
                time.sleep(0.05)
            else:
                if self._control.exists():
                    return self._process.poll() is None
                time.sleep(0.05)
        return False

    def ask_control(self, request: dict[str, object]) -> list[dict[str, object]]:
        """One request to the control socket."""
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(PATIENCE)
            link.connect(str(self._control))
            link.sendall(json.dumps(request).encode() + b"\n")
            data = b""
            while piece := link.recv(65_536):
                data += piece
        return [json.loads(line) for line in data.splitlines()]

    def _server(self, operator: Operator, transport: str, port: int = 0) -> str:
        scheme, path = {"DoT": ("tls", ""), "DoH": ("https", PATH)}[transport]
        place = f"{operator.address}:{port or self.internet.ports[operator.title, transport]}"
        url = f"{scheme}://{operator.host}@{place}{path}"
        return f'{{ url = "{url}", operator = "{operator.title}", ca_file = "{self.internet.authorities}" }}'

    def _configuration(self) -> str:
        everyone = ", ".join(self._server(o, t) for t in ("DoT", "DoH") for o in (NORTH, SOUTH))
        dead = self._server(Operator("Sunken", NORTH.host, "127.0.0.5"), "DoT", dead_port())
        places = ", ".join(f'"{place}"' for place in (f"127.0.0.1:{self.port}", *self.further))
        return f"""[listen]
addresses = [{places}]
control = "{self._control}"

[service]
state = "{self.folder}/state"

[dnssec]
trust_anchors = ["{trust_anchor(self.internet.zones)}"]

[resolve]
root_hints = "{self.internet.hints}"
port = {self.internet.authorities_port}
private_servers = true

[clients.desk]
networks = ["127.0.0.9/32"]

[upstreams.default]
strategy = "spread"
servers = [{everyone}]

[upstreams.office]
servers = [{self._server(SOUTH, "DoH")}]

[upstreams.ferry]
strategy = "failover"
servers = [{dead}, {self._server(NORTH, "DoT")}]

[upstreams.treasure]
strategy = "failover"
servers = [{self._server(PIRATE, "DoT")}, {self._server(NORTH, "DoT")}]

[upstreams.sealed]
servers = [{self._server(IMPOSTOR, "DoT")}]

{ROUTES}{self.tables}{self.doors.tables() if self.doors.ports else ""}"""
