"""The servers that are measured side by side, each with the smallest honest configuration for its job."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import trustme

UPSTREAM_NAME = "upstream.bench.example"


@dataclass(frozen=True, slots=True)
class Upstream:
    """The far end for everybody: an unbound that answers any name below `bench.example` at once; over QUIC a server in Go."""

    udp: int
    tls: int
    https: int
    authorities: Path
    quic: int = 0
    h3: int = 0


@dataclass(frozen=True, slots=True)
class Peer:
    """One way to be measured: `command(folder, port, upstream, mode)` writes its files and returns the command line."""

    name: str
    program: str
    modes: tuple[str, ...]
    command: Callable[[Path, int, Upstream, str], list[str]]


def certificates(folder: Path) -> tuple[Path, Path, Path]:
    """CA, certificate chain and key files for the upstream."""
    authority = trustme.CA()
    leaf = authority.issue_cert(UPSTREAM_NAME, "127.0.0.1")
    ca, chain, key = folder / "ca.pem", folder / "chain.pem", folder / "key.pem"
    authority.cert_pem.write_to_path(ca)
    key.write_bytes(leaf.private_key_pem.bytes())
    chain.write_bytes(b"".join(part.bytes() for part in leaf.cert_chain_pems))
    return ca, chain, key


UNBOUND_COMMON = """server:
  directory: "{folder}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  verbosity: 0
  num-threads: 1
  do-daemonize: no
  do-ip6: no
  so-rcvbuf: 1m
  access-control: 127.0.0.0/8 allow
  module-config: "iterator"
  outgoing-range: 4096
  num-queries-per-thread: 2048
  minimal-responses: yes
"""


def upstream_command(folder: Path, upstream: Upstream, chain: Path, key: Path) -> list[str]:
    text = UNBOUND_COMMON.format(folder=folder)
    text += "".join(f"  interface: 127.0.0.1@{port}\n" for port in (upstream.udp, upstream.tls, upstream.https))
    text += f"""  tls-port: {upstream.tls}
  https-port: {upstream.https}
  tls-service-pem: "{chain}"
  tls-service-key: "{key}"
  incoming-num-tcp: 200
  http-max-streams: 500
  local-zone: "bench.example." redirect
  local-data: "bench.example. 3600 IN A 192.0.2.1"
remote-control:
  control-enable: no
"""
    path = folder / "upstream.conf"
    path.write_text(text)
    return ["unbound", "-c", str(path)]


QUIC_SERVER = Path(sys.executable).parent / "quicpeer"
"""Built by `make interop`; without it there are no figures for QUIC and HTTP/3."""


def quic_commands(upstream: Upstream, chain: Path, key: Path) -> list[list[str]]:
    """The far ends over QUIC and HTTP/3."""
    ports = {"quic": upstream.quic, "h3": upstream.h3}
    return [
        [str(QUIC_SERVER), "serve", mode, f"127.0.0.1:{port}", str(chain), str(key)] for mode, port in ports.items()
    ]


def unbound(folder: Path, port: int, upstream: Upstream, mode: str) -> list[str]:
    address = f"127.0.0.1@{upstream.tls}#{UPSTREAM_NAME}" if mode == "tls" else f"127.0.0.1@{upstream.udp}"
    text = (
        UNBOUND_COMMON.format(folder=folder)
        + f"""  interface: 127.0.0.1@{port}
  do-not-query-localhost: no
  msg-cache-size: 64m
  rrset-cache-size: 128m
  tls-cert-bundle: "{upstream.authorities}"
  local-zone: "example." nodefault
remote-control:
  control-enable: no
forward-zone:
  name: "."
  forward-addr: {address}
  forward-tls-upstream: {"yes" if mode == "tls" else "no"}
"""
    )
    path = folder / f"unbound-{mode}.conf"
    path.write_text(text)
    return ["unbound", "-c", str(path)]


def dnsmasq(folder: Path, port: int, upstream: Upstream, mode: str) -> list[str]:
    options = [
        "--no-daemon",
        "--conf-file=/dev/null",
        "--no-resolv",
        "--no-hosts",
        "--user=",
        "--group=",
        "--pid-file=",
    ]
    options += [
        "--listen-address=127.0.0.1",
        "--bind-interfaces",
        f"--port={port}",
        f"--server=127.0.0.1#{upstream.udp}",
    ]
    return ["dnsmasq", *options, "--cache-size=10000", "--dns-forward-max=2000"]


def dnsdist(folder: Path, port: int, upstream: Upstream, mode: str) -> list[str]:
    check = 'checkName="warm.bench.example."'
    secure = f'tls="openssl", subjectName="{UPSTREAM_NAME}", caStore="{upstream.authorities}", {check}'
    server = {
        "udp": f'newServer{{address="127.0.0.1:{upstream.udp}", {check}}}',
        "tls": f'newServer{{address="127.0.0.1:{upstream.tls}", {secure}}}',
        "https": f'newServer{{address="127.0.0.1:{upstream.https}", {secure}, dohPath="/dns-query"}}',
    }[mode]
    path = folder / f"dnsdist-{mode}.conf"
    path.write_text(f"""setLocal("127.0.0.1:{port}")
setACL("127.0.0.0/8")
setSecurityPollSuffix("")
{server}
""")
    return ["dnsdist", "--supervised", "--disable-syslog", "-C", str(path)]


KRESD_COMMON = """net.ipv6 = false
trust_anchors.remove('.')
modules.unload('ta_update')
modules.unload('ta_signal_query')
modules.unload('detect_time_skew')
cache.size = 100 * MB
"""
"""For every knot-resolver. The modules that are unloaded ask for signed data or the clock of the root zone."""


def knot_resolver(folder: Path, port: int, upstream: Upstream, mode: str) -> list[str]:
    far = {
        "udp": f"policy.STUB('127.0.0.1@{upstream.udp}')",
        "tls": f"policy.TLS_FORWARD({{{{'127.0.0.1@{upstream.tls}', hostname='{UPSTREAM_NAME}', "
        f"ca_file='{upstream.authorities}'}}}})",
    }[mode]
    state = folder / f"kresd-{mode}-{port}"
    state.mkdir()
    path = folder / f"kresd-{mode}-{port}.conf"
    path.write_text(
        f"net.listen('127.0.0.1', {port}, {{ kind = 'dns' }})\n{KRESD_COMMON}policy.add(policy.all({far}))\n"
    )
    return ["kresd", "-n", "-q", "-c", str(path), str(state)]


def anchorhold(folder: Path, port: int, upstream: Upstream, mode: str) -> list[str]:
    server = {
        "udp": f"udp://127.0.0.1:{upstream.udp}",
        "tls": f"tls://{UPSTREAM_NAME}@127.0.0.1:{upstream.tls}",
        "https": f"https://{UPSTREAM_NAME}@127.0.0.1:{upstream.https}/dns-query",
        "quic": f"quic://{UPSTREAM_NAME}@127.0.0.1:{upstream.quic}",
        "h3": f"h3://{UPSTREAM_NAME}@127.0.0.1:{upstream.h3}/dns-query",
    }[mode]
    authorities = "" if mode == "udp" else f', ca_file = "{upstream.authorities}"'
    path = folder / f"anchorhold-{mode}-{port}.toml"
    path.write_text(f"""[listen]
addresses = ["127.0.0.1:{port}"]
control = "{folder}/control-{port}.sock"
[service]
state = "{folder}/state-{port}"
[limits]
rate = 0
[[dnssec.negative]]
zone = "."
reason = "nothing is signed here"
[upstreams.default]
profile = "{"opportunistic" if mode == "udp" else "strict"}"
servers = [{{ url = "{server}"{authorities} }}]
""")
    return [str(Path(sys.executable).parent / "anchorhold"), "run", "--config", str(path)]


def anchorhold_plain(folder: Path, port: int, upstream: Upstream, mode: str) -> list[str]:
    """The same where nothing of it is compiled."""
    return ["env", "ANCHORHOLD_COMPILED=pure", *anchorhold(folder, port, upstream, mode)]


PEERS = (
    Peer("anchorhold", "python3", ("cached-udp", "cached-tcp", "udp", "tls", "https", "quic", "h3"), anchorhold),
    Peer("anchorhold, plain Python", "python3", ("cached-udp", "cached-tcp", "udp"), anchorhold_plain),
    Peer("unbound", "unbound", ("cached-udp", "cached-tcp", "udp", "tls"), unbound),
    Peer("dnsmasq", "dnsmasq", ("cached-udp", "cached-tcp", "udp"), dnsmasq),
    Peer("dnsdist", "dnsdist", ("udp", "tls", "https"), dnsdist),
    Peer("knot-resolver", "kresd", ("cached-udp", "cached-tcp", "udp", "tls"), knot_resolver),
)
