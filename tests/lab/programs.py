"""Configurations of the real servers and resolvers, as text; and their processes."""

import os
import subprocess
import sys
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from kit.nsd import nsd_server
from lab.keys import Key, write_pem
from lab.model import Zone
from lab.plan import HOSTS, PLACES, PORT, Host, Software
from lab.zones import Content, anchor, hints

TESTS = Path(__file__).resolve().parents[1]
PROGRAMS = {"nsd": "nsd", "knotd": "knot", "named": "bind9", "unbound": "unbound", "kresd": "knot-resolver"}
"""Program → Debian package."""


APART = ("unshare", "--net", "--pid", "--fork", "--kill-child=KILL", "--mount-proc")
"""Runs what follows in namespaces of its own; the kernel ends all that it started when it ends."""


def run_apart(*arguments: str, timeout: float) -> str:
    """`python -m lab.run ARGUMENTS` in a network of its own. Gives what it said of its troubles; needs root."""
    command = [*APART, sys.executable, "-m", "lab.run", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=timeout).stderr[-3_000:]


def file_name(origin: str) -> str:
    return "root.zone" if origin == "." else f"{origin}zone"


def write_zones(folder: Path, contents: dict[str, Content]) -> dict[str, list[str]]:
    """Every host's zones as master files in a folder of its own; host → origins."""
    served: dict[str, list[str]] = {name: [] for name in HOSTS}
    for origin, content in contents.items():
        for host in content.zone.serving:
            if host not in served:
                continue
            served[host].append(origin)
            place = folder / host
            place.mkdir(exist_ok=True)
            (place / file_name(origin)).write_text(f"; {origin}\n{content.text}")
    return served


def nsd(host: Host, folder: Path, origins: list[str]) -> str:
    zones = "".join(f'zone:\n  name: "{o}"\n  zonefile: "{file_name(o)}"\n' for o in origins)
    return nsd_server(folder, *(f"ip-address: {address}@{PORT}" for address in host.addresses)) + zones


def knotd(host: Host, folder: Path, origins: list[str], online: Collection[str] = ()) -> str:
    """`online`: zones that are signed answer by answer."""
    module = "    module: mod-onlinesign/each\n"
    zones = "".join(
        f'  - domain: "{o}"\n    file: "{folder}/{file_name(o)}"\n{module if o in online else ""}' for o in origins
    )
    return f"""server:
  rundir: "{folder}"
  listen: [{", ".join(f'"{a}@{PORT}"' for a in host.addresses)}]
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: "{folder}/db"
log:
  - target: stderr
    any: error
policy:
  - id: each
    manual: on
    single-type-signing: on
mod-onlinesign:
  - id: each
    policy: each
template:
  - id: default
    storage: "{folder}"
    semantic-checks: off
    journal-content: none
    zonefile-sync: -1
zone:
{zones}"""


def give_key(config: Path, origin: str, key: Key) -> None:
    """Knot's store of keys gets one that signs everything."""
    pem = write_pem(config.parent, origin, key)
    words = ["-c", str(config), origin, "import-pem", str(pem), f"algorithm={key.algorithm}", "ksk=yes", "zsk=yes"]
    environment = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin"}
    subprocess.run(["keymgr", *words], env=environment, check=True, capture_output=True, timeout=60)


def named(host: Host, folder: Path, origins: list[str]) -> str:
    zones = "".join(f'zone "{o}" {{ type primary; file "{file_name(o)}"; }};\n' for o in origins)
    return f"""options {{
  directory "{folder}";
  listen-on port {PORT} {{ {host.v4}; }};
  listen-on-v6 port {PORT} {{ {host.v6}; }};
  pid-file "{folder}/named.pid";
  session-keyfile "{folder}/session.key";
  recursion no;
  dnssec-validation no;
  allow-query {{ any; }};
  check-names primary ignore;
  max-records-per-type 0;
  notify no;
}};
controls {{ }};
{zones}"""


def unbound(folder: Path, name: str = "unbound", *, validates: bool = False) -> str:
    """Iterations of NSEC3 are followed as far as we do: RFC 9276 leaves the number to who validates."""
    place = PLACES[name]
    validation = f"""  trust-anchor-file: "{folder}/anchor"
  val-nsec3-keysize-iterations: "1024 50 2048 50 4096 50"
"""
    return f"""server:
  interface: {place.v4}
  outgoing-interface: {place.v4}
  outgoing-interface: {place.v6}
  access-control: 10.0.0.0/8 allow
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: "{folder}/unbound.pid"
  use-syslog: no
  do-daemonize: no
  module-config: "{"validator " * validates}iterator"
{validation if validates else ""}  root-hints: "{folder}/root.hints"
  qname-minimisation: yes
  do-not-query-localhost: no
  minimal-responses: yes
  incoming-num-tcp: 200
  unknown-server-time-limit: 200
remote-control:
  control-enable: no
"""


def kresd(folder: Path) -> str:
    place = PLACES["kresd"]
    return f"""net.listen('{place.v4}', {PORT}, {{ kind = 'dns' }})
net.outgoing_v4('{place.v4}')
net.outgoing_v6('{place.v6}')
trust_anchors.remove('.')
modules = {{ 'hints > iterate' }}
hints.root_file('{folder}/root.hints')
cache.open(20 * MB, 'lmdb://{folder}/cache')
cache.min_ttl(0)
"""


ITERATING = """[resolve]
mode = "iterate"
minimise = "{minimise}"
root_hints = "{folder}/root.hints"
private_servers = true
"""

FORWARDING = """[upstreams.default]
servers = ["udp://{address}"]
profile = "opportunistic"
"""

TRUSTING = """[dnssec]
trust_anchors = [{anchors}]
"""

UNCHECKING = """[[dnssec.negative]]
zone = "."
reason = "compared with resolvers that do not validate"
"""


def ours(folder: Path, resolve: str, name: str = "ours") -> str:
    """`resolve` is the table that says how answers are had."""
    place = PLACES[name]
    # The lab's addresses are private ones, and its names the outside.
    return f"""[listen]
addresses = ["{place.v4}:{PORT}"]
control = "{folder}/control.sock"
[service]
state = "{folder}/state"
[limits]
rate = 0
burst = 0
[cache]
stale = false
prefetch = false
[rebinding]
protect = false
{resolve}"""


@dataclass
class Lab:
    """Everything running, in the network namespace of this process. A context manager."""

    folder: Path
    tree: tuple[Zone, ...]
    contents: dict[str, Content]
    minimise: str = "relaxed"
    validating: bool = False
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __enter__(self) -> "Lab":
        served = write_zones(self.folder, self.contents)
        for name, host in HOSTS.items():
            if host.software is not Software.ODD and served[name]:
                self._start_server(host, served[name])
        self.start("odd", [sys.executable, "-m", "lab.odd", str(self.folder)])
        return self

    def _start_server(self, host: Host, origins: list[str]) -> None:
        place = self.folder / host.name
        config = place / "config"
        match host.software:
            case Software.NSD:
                config.write_text(nsd(host, place, origins))
                command = ["nsd", "-d", "-c", str(config)]
            case Software.KNOT:
                online = {zone.origin: zone.online for zone in self.tree if zone.online and zone.origin in origins}
                config.write_text(knotd(host, place, origins, online))
                (place / "db").mkdir()
                for origin, key in online.items():
                    give_key(config, origin, key)
                command = ["knotd", "-c", str(config)]
            case _:
                config.write_text(named(host, place, origins))
                command = ["named", "-g", "-n", "1", "-c", str(config)]
        self.start(host.name, command)

    def start_resolvers(self, *names: str) -> None:
        """Those of `PLACES` that are wanted, with empty caches."""
        for name in names:
            place = self.folder / f"resolver-{name}"
            place.mkdir(exist_ok=True)
            (place / "root.hints").write_text(hints(self.tree))
            (place / "anchor").write_text(anchor(self.tree))
            place.chmod(0o755)
            text, command = self._resolver(name, place)
            (place / "config").write_text(text)
            self.start(name, command)

    def _resolver(self, name: str, place: Path) -> tuple[str, list[str]]:
        """Its configuration, and the command that starts it."""
        config = str(place / "config")
        match name:
            case "unbound" | "unchecking":
                validates = self.validating and name == "unbound"
                return unbound(place, name, validates=validates), ["unbound", "-d", "-c", config]
            case "kresd":
                return kresd(place), ["kresd", "-n", "-c", config, str(place)]
            case "ours":
                resolve = ITERATING.format(minimise=self.minimise, folder=place)
            case _:
                resolve = FORWARDING.format(address=PLACES[name.removeprefix("behind-")].v4)
        anchors = ", ".join(f"'{line}'" for line in anchor(self.tree).splitlines())
        validation = TRUSTING.format(anchors=anchors) if self.validating else UNCHECKING
        binary = str(Path(sys.executable).parent / "anchorhold")
        return ours(place, resolve + validation, name), [binary, "run", "--config", config]

    def stop(self, name: str) -> None:
        """End one of them, to start it anew."""
        self._end({name: self.running.pop(name)})

    def start(self, name: str, command: list[str]) -> None:
        log = (self.folder / f"{name}.log").open("wb")
        path = f"{os.environ.get('PATH', '')}:/usr/sbin"
        environment = {**os.environ, "PATH": path, "PYTHONPATH": str(TESTS)}
        self.running[name] = subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=environment
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(self.running)

    @staticmethod
    def _end(processes: dict[str, subprocess.Popen[bytes]]) -> None:
        for process in processes.values():
            process.terminate()
        for process in processes.values():
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
