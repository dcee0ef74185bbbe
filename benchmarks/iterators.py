"""The servers that iterate side by side: minimisation on, validation off, IPv4 only, and otherwise as they come.

`command(folder, port, hints)` writes its files and returns the command line; `hints` is a zone file with the root's servers.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from peers import KRESD_COMMON, UNBOUND_COMMON, UNSIGNED, recursor


@dataclass(frozen=True, slots=True)
class Iterator:
    name: str
    program: str
    command: Callable[[Path, int, Path], list[str]]


def unbound(folder: Path, port: int, hints: Path) -> list[str]:
    path = folder / "unbound.conf"
    path.write_text(
        UNBOUND_COMMON.format(folder=folder)
        + f"""  interface: 127.0.0.1@{port}
  root-hints: "{hints}"
  qname-minimisation: yes
  msg-cache-size: 64m
  rrset-cache-size: 128m
remote-control:
  control-enable: no
"""
    )
    return ["unbound", "-c", str(path)]


def knot_resolver(folder: Path, port: int, hints: Path) -> list[str]:
    state = folder / f"kresd-{port}"
    state.mkdir()
    path = folder / "kresd.conf"
    path.write_text(f"""net.listen('127.0.0.1', {port}, {{ kind = 'dns' }})
modules = {{ 'hints > iterate' }}
hints.root_file('{hints}')
{KRESD_COMMON}""")
    return ["kresd", "-n", "-q", "-c", str(path), str(state)]


def pdns_recursor(folder: Path, port: int, hints: Path) -> list[str]:
    """It minimises names as it comes."""
    return recursor(folder, port, f"hint-file={hints}\nquery-local-address=0.0.0.0\n")


def anchorhold(folder: Path, port: int, hints: Path) -> list[str]:
    path = folder / "anchorhold.toml"
    path.write_text(f"""[listen]
addresses = ["127.0.0.1:{port}"]
control = "{folder}/control-{port}.sock"
[service]
state = "{folder}/state-{port}"
[limits]
rate = 0
{UNSIGNED}[resolve]
mode = "iterate"
root_hints = "{hints}"
private_servers = true
family = "only-ipv4"
""")
    return [str(Path(sys.executable).parent / "anchorhold"), "run", "--config", str(path)]


ITERATORS = (
    Iterator("anchorhold", "python3", anchorhold),
    Iterator("unbound", "unbound", unbound),
    Iterator("knot-resolver", "kresd", knot_resolver),
    Iterator("pdns-recursor", "pdns_recursor", pdns_recursor),
)
