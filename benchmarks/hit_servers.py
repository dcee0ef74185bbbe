"""The servers whose cached answers are measured side by side, over every way in, each with the smallest honest configuration.

All have one process or thread that serves, a cache, and the same upstream, certificate and key.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import figures
import kit
import peers

CLEAR = ("udp", "tcp")
"""Ways in on the one port that every server has for plain DNS."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server listens: `udp` for plain DNS, and a port for each encrypted way in. `chain` and `key` are PEM files."""

    folder: Path
    udp: int
    ports: dict[str, int]
    upstream: peers.Upstream
    chain: Path
    key: Path

    def port(self, way: str) -> int:
        return self.ports.get(way, self.udp)

    def lines(self, forms: dict[str, str]) -> str:
        """What a server is told of each encrypted way in that it has here; `{port}` is its port."""
        return "".join(forms[way].format(port=port, chain=self.chain, key=self.key) for way, port in self.ports.items())


def place_in(folder: Path, upstream: peers.Upstream, *encrypted: str) -> Place:
    """With free ports, and the certificate and key that lie in the folder."""
    ports = {way: kit.free_port() for way in encrypted}
    return Place(folder, kit.free_port(), ports, upstream, folder / "chain.pem", folder / "key.pem")


@dataclass(frozen=True, slots=True)
class Server:
    """`command(place)` writes its files and gives the command line; `ways` are those it serves."""

    name: str
    program: str
    ways: tuple[str, ...]
    command: Callable[[Place], list[str]]

    def absence(self, way: str) -> str:
        """Why it is not measured; empty if it is."""
        if way not in self.ways:
            return "does not serve it"
        if self.name == figures.PLAIN:
            return peers.IS_PLAIN if peers.is_plain() else ""
        if self.program == "cc":
            return "" if kit.find("cc") else "no C compiler"
        return "" if self.program == "python3" or kit.find(self.program) else "not installed"


def anchorhold(place: Place, mode: str = "udp", name: str = peers.UPSTREAM_NAME) -> list[str]:
    """`mode`: how it asks the upstream."""
    command = peers.anchorhold(place.folder, place.udp, place.upstream, mode)
    if place.ports:
        listen = ", ".join(f'"{peers.SCHEMES[way]}://127.0.0.1:{port}"' for way, port in place.ports.items())
        with Path(command[-1]).open("a") as file:
            file.write(f"""[secure]
listen = [{listen}]
name = "{name}"
certificate = "files"
chain = "{place.chain}"
key = "{place.key}"
""")
    return command


def plain(place: Place) -> list[str]:
    """Ours without what is compiled, with h2 and aioquic."""
    return ["env", *peers.ALL_PLAIN, *anchorhold(place)]


def unbound(place: Place) -> list[str]:
    forms = {
        "dot": "  interface: 127.0.0.1@{port}\n  tls-port: {port}\n",
        "doh": "  interface: 127.0.0.1@{port}\n  https-port: {port}\n",
    }
    path = place.folder / "unbound.conf"
    path.write_text(
        peers.UNBOUND_COMMON.format(folder=place.folder)
        + f"""  interface: 127.0.0.1@{place.udp}
{place.lines(forms)}  tls-service-pem: "{place.chain}"
  tls-service-key: "{place.key}"
  incoming-num-tcp: 2000
  http-max-streams: 500
  do-not-query-localhost: no
  msg-cache-size: 64m
  rrset-cache-size: 128m
  local-zone: "example." nodefault
remote-control:
  control-enable: no
forward-zone:
  name: "."
  forward-addr: 127.0.0.1@{place.upstream.udp}
"""
    )
    return ["unbound", "-c", str(path)]


def dnsdist(place: Place) -> list[str]:
    forms = {
        "dot": 'addTLSLocal("127.0.0.1:{port}", "{chain}", "{key}")\n',
        "doh": 'addDOHLocal("127.0.0.1:{port}", "{chain}", "{key}", "/dns-query")\n',
    }
    path = place.folder / "dnsdist.conf"
    path.write_text(f"""setLocal("127.0.0.1:{place.udp}")
{place.lines(forms)}setACL("127.0.0.0/8")
setSecurityPollSuffix("")
newServer{{address="127.0.0.1:{place.upstream.udp}", checkName="warm.bench.example."}}
getPool(""):setCache(newPacketCache(200000))
""")
    return ["dnsdist", "--supervised", "--disable-syslog", "-C", str(path)]


def knot_resolver(place: Place) -> list[str]:
    forms = {
        "dot": "net.listen('127.0.0.1', {port}, {{ kind = 'tls' }})\n",
        "doh": "net.listen('127.0.0.1', {port}, {{ kind = 'doh2' }})\n",
    }
    state = place.folder / f"kresd-{place.udp}"
    state.mkdir()
    path = place.folder / "kresd.conf"
    path.write_text(f"""net.listen('127.0.0.1', {place.udp}, {{ kind = 'dns' }})
{place.lines(forms)}net.tls('{place.chain}', '{place.key}')
{peers.KRESD_COMMON}policy.add(policy.all(policy.STUB('127.0.0.1@{place.upstream.udp}')))
""")
    return ["kresd", "-n", "-q", "-c", str(path), str(state)]


def dnsmasq(place: Place) -> list[str]:
    return peers.dnsmasq(place.folder, place.udp, place.upstream, "udp")


def pdns_recursor(place: Place) -> list[str]:
    return peers.pdns_recursor(place.folder, place.udp, place.upstream, "udp")


def floor(place: Place) -> list[str]:
    """Built for this run."""
    source, program = Path(__file__).parent / "floor.c", place.folder / "floor"
    if not program.exists():
        compiler = kit.find("cc") or sys.exit("no C compiler")
        subprocess.run([compiler, "-O2", "-o", str(program), str(source)], check=True, env=os.environ | {"LC_ALL": "C"})
    return [str(program), str(place.udp)]


def missing(way: str, names: Iterable[str]) -> dict[str, str]:
    """Who of these is not measured, and why."""
    return {name: why for name in names if (why := SERVERS[name].absence(way))}


SERVERS = {
    server.name: server
    for server in (
        Server(figures.OURS, "python3", ("udp", "tcp", "dot", "doh", "doq"), anchorhold),
        Server(figures.PLAIN, "python3", ("udp", "tcp", "dot", "doh", "doq"), plain),
        Server("unbound", "unbound", ("udp", "tcp", "dot", "doh"), unbound),
        Server("dnsmasq", "dnsmasq", ("udp", "tcp"), dnsmasq),
        Server("dnsdist", "dnsdist", ("udp", "tcp", "dot", "doh"), dnsdist),
        Server("knot-resolver", "kresd", ("udp", "tcp", "dot", "doh"), knot_resolver),
        Server("pdns-recursor", "pdns_recursor", ("udp", "tcp"), pdns_recursor),
        Server(figures.FLOOR, "cc", ("udp",), floor),
    )
}
"""A further peer is one more row."""
