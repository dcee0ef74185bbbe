"""The servers that validate what they forward, side by side, and their upstream.

`command(folder, port, upstream, anchor, mode)` writes its files and returns the command line; `anchor` is the root's DS record.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from peers import UNBOUND_COMMON, UPSTREAM_NAME, Upstream
from signed_tree import SignedTree


@dataclass(frozen=True, slots=True)
class Validator:
    name: str
    command: Callable[[Path, int, Upstream, str, str], list[str]]


def upstream_command(folder: Path, upstream: Upstream, chain: Path, key: Path, tree: SignedTree) -> list[str]:
    """An unbound that has every zone in memory and answers for it at once."""
    text = UNBOUND_COMMON.format(folder=folder)
    text += f"""  interface: 127.0.0.1@{upstream.udp}
  interface: 127.0.0.1@{upstream.tls}
  tls-port: {upstream.tls}
  tls-service-pem: "{chain}"
  tls-service-key: "{key}"
  incoming-num-tcp: 200
remote-control:
  control-enable: no
"""
    for zone, path in tree.files.items():
        text += f"""auth-zone:
  name: "{zone}."
  zonefile: "{path}"
  for-downstream: yes
  for-upstream: no
"""
    path = folder / "upstream.conf"
    path.write_text(text)
    return ["unbound", "-c", str(path)]


def unbound(folder: Path, port: int, upstream: Upstream, anchor: str, mode: str) -> list[str]:
    secure = mode == "tls"
    address = f"127.0.0.1@{upstream.tls}#{UPSTREAM_NAME}" if secure else f"127.0.0.1@{upstream.udp}"
    path = folder / "unbound.conf"
    # Of two settings of one kind the later one counts.
    path.write_text(
        UNBOUND_COMMON.format(folder=folder)
        + f"""  interface: 127.0.0.1@{port}
  do-not-query-localhost: no
  module-config: "validator iterator"
  trust-anchor: "{anchor}"
  msg-cache-size: 64m
  rrset-cache-size: 128m
  neg-cache-size: 32m
  tls-cert-bundle: "{upstream.authorities}"
remote-control:
  control-enable: no
forward-zone:
  name: "."
  forward-addr: {address}
  forward-tls-upstream: {"yes" if secure else "no"}
"""
    )
    return ["unbound", "-c", str(path)]


def anchorhold(folder: Path, port: int, upstream: Upstream, anchor: str, mode: str) -> list[str]:
    secure = mode == "tls"
    url = f"tls://{UPSTREAM_NAME}@127.0.0.1:{upstream.tls}" if secure else f"udp://127.0.0.1:{upstream.udp}"
    authorities = f', ca_file = "{upstream.authorities}"' if secure else ""
    path = folder / "anchorhold.toml"
    path.write_text(f"""[listen]
addresses = ["127.0.0.1:{port}"]
control = "{folder}/control.sock"
[service]
state = "{folder}/state"
[limits]
rate = 0
[dnssec]
trust_anchors = ["{anchor}"]
[upstreams.default]
profile = "{"strict" if secure else "opportunistic"}"
servers = [{{ url = "{url}"{authorities} }}]
""")
    return [str(Path(sys.executable).parent / "anchorhold"), "run", "--config", str(path)]


VALIDATORS = (Validator("anchorhold", anchorhold), Validator("unbound", unbound))
