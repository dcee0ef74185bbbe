"""The servers that are measured side by side, each with the smallest honest configuration for its job."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import figures
import kit
import trustme

UPSTREAM_NAME = "upstream.bench.example"
SCHEMES = {"dot": "tls", "doh": "https", "doq": "quic", "doh3": "h3"}
"""Of the encrypted ways, as ours has them in its URLs."""
ALL_PLAIN = ("ANCHORHOLD_COMPILED=pure", "ANCHORHOLD_HTTP2=h2", "ANCHORHOLD_QUIC=aioquic")
"""Ours without what is optional."""
IS_PLAIN = "nothing optional is at work in ours: it is the row above"


@dataclass(frozen=True, slots=True)
class Upstream:
    """The far end for everybody: an unbound that answers any name below `bench.example` at once, or the names of a signed tree;
    over QUIC services of ours in front of it, over ODoH a relay and a target of ours (`odoh` is the TOML value of the server)."""

    udp: int
    tls: int
    https: int
    authorities: Path
    quic: int = 0
    h3: int = 0
    odoh: str = ""


@dataclass(frozen=True, slots=True)
class Peer:
    """One way to be measured: `command(folder, port, upstream, mode, anchor)` writes its files and returns the command line.
    `anchor` is the root's DS record, with which everything is validated; nothing is where it is empty. `modes` are the ways to
    the upstream it has without validation, `signed` those with."""

    name: str
    program: str
    modes: tuple[str, ...]
    signed: tuple[str, ...]
    command: Callable[[Path, int, Upstream, str, str], list[str]]

    def absence(self, mode: str, *, validating: bool) -> str:
        """Why it is not measured; empty if it is."""
        if mode not in (self.signed if validating else self.modes):
            if self.name == figures.PLAIN:
                return "not apart here"
            return "does not validate what it forwards over it" if validating else "does not forward over it"
        if self.name == figures.PLAIN:
            return IS_PLAIN if is_plain() else ""
        return "" if self.program == "python3" or kit.find(self.program) else "not installed"


def missing(mode: str, *, validating: bool) -> dict[str, str]:
    """Who is not measured, and why."""
    found = {name: peer.absence(mode, validating=validating) for name, peer in PEERS.items()}
    return {name: why for name, why in found.items() if why}


def certificates(folder: Path, name: str = UPSTREAM_NAME) -> tuple[Path, Path, Path]:
    """CA, certificate chain and key files for the upstream."""
    authority = trustme.CA()
    leaf = authority.issue_cert(name, "127.0.0.1")
    ca, chain, key = folder / "ca.pem", folder / "chain.pem", folder / "key.pem"
    authority.cert_pem.write_to_path(ca)
    key.touch(0o600)
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


VALIDATES = """  module-config: "validator iterator"
  trust-anchor: "{anchor}"
  neg-cache-size: 32m
"""
"""Of two settings of one kind the later one counts."""


def unbound(folder: Path, port: int, upstream: Upstream, mode: str, anchor: str = "") -> list[str]:
    address = f"127.0.0.1@{upstream.tls}#{UPSTREAM_NAME}" if mode == "tls" else f"127.0.0.1@{upstream.udp}"
    text = (
        UNBOUND_COMMON.format(folder=folder)
        + f"""  interface: 127.0.0.1@{port}
  do-not-query-localhost: no
  msg-cache-size: 64m
  rrset-cache-size: 128m
  tls-cert-bundle: "{upstream.authorities}"
  local-zone: "example." nodefault
{VALIDATES.format(anchor=anchor) if anchor else ""}remote-control:
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


def dnsmasq(folder: Path, port: int, upstream: Upstream, mode: str, anchor: str = "") -> list[str]:
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
    return ["dnsmasq", *options, "--cache-size=150000", "--dns-forward-max=2000"]


def dnsdist(folder: Path, port: int, upstream: Upstream, mode: str, anchor: str = "") -> list[str]:
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


def knot_resolver(folder: Path, port: int, upstream: Upstream, mode: str, anchor: str = "") -> list[str]:
    """Its FORWARD validates, its STUB does not; over TLS there is one for both, and without an anchor it does not."""
    far = {
        "udp": f"policy.{'FORWARD' if anchor else 'STUB'}('127.0.0.1@{upstream.udp}')",
        "tls": f"policy.TLS_FORWARD({{{{'127.0.0.1@{upstream.tls}', hostname='{UPSTREAM_NAME}', "
        f"ca_file='{upstream.authorities}'}}}})",
    }[mode]
    state = folder / f"kresd-{mode}-{port}"
    state.mkdir()
    path = folder / f"kresd-{mode}-{port}.conf"
    trusted = f"trust_anchors.add('{anchor}')\n" if anchor else ""
    path.write_text(
        f"net.listen('127.0.0.1', {port}, {{ kind = 'dns' }})\n{KRESD_COMMON}{trusted}policy.add(policy.all({far}))\n"
    )
    return ["kresd", "-n", "-q", "-c", str(path), str(state)]


def recursor(folder: Path, port: int, lines: str, anchor: str = "") -> list[str]:
    """One thread that serves; without an anchor it has no work of DNSSEC at all."""
    place = folder / f"recursor-{port}"
    place.mkdir()
    trusted = f'addTA(".", "{anchor.partition(" DS ")[2] or anchor.partition("DS")[2].strip()}")\n' if anchor else ""
    (place / "anchors.lua").write_text(f'clearTA(".")\n{trusted}')
    (place / "recursor.conf").write_text(f"""local-address=127.0.0.1
local-port={port}
socket-dir={place}
lua-config-file={place}/anchors.lua
dnssec={"validate" if anchor else "off"}
threads=1
pdns-distributes-queries=no
daemon=no
disable-syslog=yes
quiet=yes
loglevel=3
write-pid=no
allow-from=127.0.0.0/8
dont-query=
export-etc-hosts=no
serve-rfc1918=no
security-poll-suffix=
max-cache-entries=1000000
max-packetcache-entries=500000
{lines}""")
    return ["pdns_recursor", f"--config-dir={place}"]


def pdns_recursor(folder: Path, port: int, upstream: Upstream, mode: str, anchor: str = "") -> list[str]:
    return recursor(folder, port, f"forward-zones-recurse=.=127.0.0.1:{upstream.udp}\n", anchor)


UNSIGNED = """[[dnssec.negative]]
zone = "."
reason = "nothing is signed here"
"""


def anchorhold(folder: Path, port: int, upstream: Upstream, mode: str, anchor: str = "") -> list[str]:
    authorities = "" if mode == "udp" else f', ca_file = "{upstream.authorities}"'
    url = {
        "udp": f"udp://127.0.0.1:{upstream.udp}",
        "tls": f"tls://{UPSTREAM_NAME}@127.0.0.1:{upstream.tls}",
        "https": f"https://{UPSTREAM_NAME}@127.0.0.1:{upstream.https}/dns-query",
        "quic": f"quic://{UPSTREAM_NAME}@127.0.0.1:{upstream.quic}",
        "h3": f"h3://{UPSTREAM_NAME}@127.0.0.1:{upstream.h3}/dns-query",
    }
    server = upstream.odoh if mode == "odoh" else f'{{ url = "{url[mode]}"{authorities} }}'
    validation = f'[dnssec]\ntrust_anchors = ["{anchor}"]\n' if anchor else UNSIGNED
    path = folder / f"anchorhold-{mode}-{port}.toml"
    path.write_text(f"""[listen]
addresses = ["127.0.0.1:{port}"]
control = "{folder}/control-{port}.sock"
[service]
state = "{folder}/state-{port}"
[limits]
rate = 0
tcp_clients = 2000
tcp_clients_per_address = 2000
[cache]
memory = "128 MiB"
{validation}[upstreams.default]
profile = "{"opportunistic" if mode == "udp" else "strict"}"
servers = [{server}]
""")
    return [str(Path(sys.executable).parent / "anchorhold"), "run", "--config", str(path)]


def plain(folder: Path, port: int, upstream: Upstream, mode: str, anchor: str = "") -> list[str]:
    """Ours without what is compiled, with h2 and aioquic."""
    return ["env", *ALL_PLAIN, *anchorhold(folder, port, upstream, mode, anchor)]


def is_plain() -> bool:
    """Whether nothing optional is at work in ours, so that it needs no second row."""
    return form_of_ours().startswith("plain Python") and form_of_ours().endswith("by h2, QUIC by aioquic")


@cache
def form_of_ours() -> str:
    """What ours says of the form it runs in."""
    program = "from anchorhold.forms import describe; print(describe())"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()


OVER_OURS = ("quic", "h3", "odoh")
"""Ways to an upstream that only a service of ours offers here."""

EVERY_WAY = ("udp", "tls", "https", *OVER_OURS)

PEERS = {
    peer.name: peer
    for peer in (
        Peer(figures.OURS, "python3", EVERY_WAY, EVERY_WAY, anchorhold),
        Peer(figures.PLAIN, "python3", ("udp", "tls", "https", "quic", "h3"), (), plain),
        Peer("unbound", "unbound", ("udp", "tls"), ("udp", "tls"), unbound),
        Peer("dnsmasq", "dnsmasq", ("udp",), (), dnsmasq),
        Peer("dnsdist", "dnsdist", ("udp", "tls", "https"), (), dnsdist),
        Peer("knot-resolver", "kresd", ("udp", "tls"), ("udp", "tls"), knot_resolver),
        Peer("pdns-recursor", "pdns_recursor", ("udp",), ("udp",), pdns_recursor),
    )
}
"""A further peer is one more row. dnsdist passes on what it is asked and keeps no answers here; dnsmasq validates only with the
root's own keys built in, so it does not here. The recursor of Debian 12 forwards over TLS to port 853 only, to nobody's name."""
