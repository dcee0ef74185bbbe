"""The servers whose encrypted ways in are measured side by side, each with the smallest honest configuration for its job.

All have one process or thread that serves, a cache, and the same upstream, certificate and key.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import peers


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server listens: `udp` for warming up, and a port for each way in. `chain` and `key` are PEM files."""

    folder: Path
    udp: int
    ports: dict[str, int]
    upstream: peers.Upstream
    chain: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Server:
    """`command(place)` writes its files and gives the command line; `ways` are those it serves."""

    name: str
    program: str
    ways: tuple[str, ...]
    command: Callable[[Place], list[str]]


def anchorhold(place: Place) -> list[str]:
    command = peers.anchorhold(place.folder, place.udp, place.upstream, "udp")
    place.key.chmod(0o600)
    schemes = {"dot": "tls", "doh": "https", "doq": "quic", "doh3": "h3"}
    listen = ", ".join(f'"{schemes[way]}://127.0.0.1:{port}"' for way, port in place.ports.items())
    with Path(command[-1]).open("a") as file:
        file.write(f"""[secure]
listen = [{listen}]
name = "{peers.UPSTREAM_NAME}"
certificate = "files"
chain = "{place.chain}"
key = "{place.key}"
""")
    return command


def anchorhold_h2(place: Place) -> list[str]:
    return ["env", "ANCHORHOLD_HTTP2=h2", *anchorhold(place)]


def unbound(place: Place) -> list[str]:
    listen = "".join(f"  interface: 127.0.0.1@{port}\n" for port in (place.udp, *place.ports.values()))
    path = place.folder / "unbound.conf"
    path.write_text(
        peers.UNBOUND_COMMON.format(folder=place.folder)
        + f"""{listen}  tls-port: {place.ports["dot"]}
  https-port: {place.ports["doh"]}
  tls-service-pem: "{place.chain}"
  tls-service-key: "{place.key}"
  incoming-num-tcp: 200
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
    path = place.folder / "dnsdist.conf"
    files = f'"{place.chain}", "{place.key}"'
    path.write_text(f"""setLocal("127.0.0.1:{place.udp}")
addTLSLocal("127.0.0.1:{place.ports["dot"]}", {files})
addDOHLocal("127.0.0.1:{place.ports["doh"]}", {files}, "/dns-query")
setACL("127.0.0.0/8")
setSecurityPollSuffix("")
newServer{{address="127.0.0.1:{place.upstream.udp}", checkName="warm.bench.example."}}
getPool(""):setCache(newPacketCache(100000))
""")
    return ["dnsdist", "--supervised", "--disable-syslog", "-C", str(path)]


def knot_resolver(place: Place) -> list[str]:
    state = place.folder / "kresd"
    state.mkdir(exist_ok=True)
    path = place.folder / "kresd.conf"
    path.write_text(f"""net.listen('127.0.0.1', {place.udp}, {{ kind = 'dns' }})
net.listen('127.0.0.1', {place.ports["dot"]}, {{ kind = 'tls' }})
net.listen('127.0.0.1', {place.ports["doh"]}, {{ kind = 'doh2' }})
net.tls('{place.chain}', '{place.key}')
{peers.KRESD_COMMON}policy.add(policy.all(policy.STUB('127.0.0.1@{place.upstream.udp}')))
""")
    return ["kresd", "-n", "-q", "-c", str(path), str(state)]


SERVERS = (
    Server("anchorhold", "python3", ("dot", "doh", "doq"), anchorhold),
    Server("anchorhold, h2", "python3", ("doh",), anchorhold_h2),
    Server("unbound", "unbound", ("dot", "doh"), unbound),
    Server("dnsdist", "dnsdist", ("dot", "doh"), dnsdist),
    Server("knot-resolver", "kresd", ("dot", "doh"), knot_resolver),
)
