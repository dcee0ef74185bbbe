"""The far ends of what is forwarded: an unbound with everything in memory, and services of ours in front of it for the ways that
unbound does not serve."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import hit_servers
import kit
import peers
from peers import UNBOUND_COMMON, UPSTREAM_NAME, Upstream
from signed_tree import SignedTree

WAYS = {scheme: way for way, scheme in peers.SCHEMES.items()} | {"odoh": "doh"}
"""How a service of ours is asked in each mode."""
RELAY_NAME = "relay.carrier.example"
"""Nobody's relation: a relay and a target of one operator are refused."""


def upstream_command(folder: Path, upstream: Upstream, chain: Path, key: Path, tree: SignedTree | None) -> list[str]:
    """An unbound that has every zone of the tree in memory, or one address for every name, and answers at once."""
    text = UNBOUND_COMMON.format(folder=folder)
    text += "".join(f"  interface: 127.0.0.1@{port}\n" for port in (upstream.udp, upstream.tls, upstream.https))
    text += f"""  tls-port: {upstream.tls}
  https-port: {upstream.https}
  tls-service-pem: "{chain}"
  tls-service-key: "{key}"
  incoming-num-tcp: 200
  http-max-streams: 500
"""
    if tree is None:
        text += "  local-zone: bench.example. redirect\n"
        text += '  local-data: "bench.example. 3600 IN A 192.0.2.1"\n'
        # And a zone with many sites below it.
        text += '  local-zone: bench. redirect\n  local-data: "bench. 3600 IN A 192.0.2.1"\n'
    text += "remote-control:\n  control-enable: no\n"
    for zone, file in tree.files.items() if tree else ():
        text += f'auth-zone:\n  name: "{zone}."\n  zonefile: "{file}"\n  for-downstream: yes\n  for-upstream: no\n'
    path = folder / "upstream.conf"
    path.write_text(text)
    return ["unbound", "-c", str(path)]


def own(folder: Path, upstream: Upstream, mode: str, name: str, extra: str = "") -> tuple[list[str], hit_servers.Place]:
    """A service of ours that forwards over DoT, has a certificate for `name` and serves `mode`; it keeps what it was asked."""
    folder.mkdir()
    _, chain, key = peers.certificates(folder, name)
    way = WAYS[mode]
    place = hit_servers.Place(folder, kit.free_port(), {way: kit.free_port()}, upstream, chain, key)
    command = hit_servers.anchorhold(place, "tls", name)
    with Path(command[-1]).open("a") as file:
        file.write(extra)
    return command, place


@contextmanager
def running(folder: Path, modes: tuple[str, ...], names: Path, tree: SignedTree | None = None) -> Iterator[Upstream]:
    """What serves these ways, with the names of the tree or with any name below `bench.example`. Services of ours have been asked
    for `names` before, so that they answer from memory."""
    ca, chain, key = peers.certificates(folder)
    upstream = Upstream(kit.free_port(), kit.free_port(), kit.free_port(), ca)
    known = f"host0000.{next(iter(tree.zones.values()))[0]}" if tree else "warm.bench.example"
    with ExitStack() as stack:
        command = upstream_command(folder, upstream, chain, key, tree)
        stack.enter_context(kit.serving(command, kit.LOAD_CORE, folder / "upstream.log", upstream.udp, known))
        for mode in modes:
            if mode in peers.OVER_OURS:
                upstream = stack.enter_context(ours(folder / f"far-{mode}", upstream, mode, known, names))
        yield upstream


@contextmanager
def ours(folder: Path, upstream: Upstream, mode: str, known: str, names: Path) -> Iterator[Upstream]:
    """The upstream, with a way that a service of ours serves; for ODoH two: a target, and the relay to it."""
    target = "[secure.odoh]\ntarget = true\n" if mode == "odoh" else ""
    command, place = own(folder, upstream, mode, UPSTREAM_NAME, target)
    port = next(iter(place.ports.values()))
    with ExitStack() as stack:
        stack.enter_context(kit.serving(command, kit.LOAD_CORE, folder / "log", place.udp, known))
        kit.dnsperf(place.udp, names)
        if mode != "odoh":
            yield replace(upstream, **{mode: port}, authorities=folder / "ca.pem")
            return
        at = f'"https://{UPSTREAM_NAME}@127.0.0.1:{port}/odoh"'
        carries = f'[secure.odoh]\nrelay = true\ntargets = [{{ url = {at}, ca_file = "{folder}/ca.pem" }}]\n'
        command, relay = own(folder / "relay", upstream, mode, RELAY_NAME, carries)
        stack.enter_context(kit.serving(command, kit.LOAD_CORE, folder / "relay" / "log", relay.udp, known))
        url = f"https://{RELAY_NAME}@127.0.0.1:{relay.ports['doh']}/relay"
        yield replace(
            upstream,
            odoh=f'{{ url = "odoh://{UPSTREAM_NAME}:{port}/odoh", relay = "{url}", ca_file = "{folder}/relay/ca.pem" }}',
        )
