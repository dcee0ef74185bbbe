"""The whole service with a root of the test's own: a configuration that trusts its keys, and one question."""

import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import dns.flags
import dns.message
from kit.keyset import ENTRY, record, signer
from kit.service import Running, config_text, started
from kit.signing import plain, rrset_of

from anchorhold.keeper.files import show_record
from resolver.iterate.verdict import RRset

PATIENCE = 60.0


def www(seed: int) -> RRset:
    rrset = rrset_of("www. 300 A 192.0.2.1")
    return plain(rrset)._replace(signatures=(signer(seed, ENTRY, time.time()).sign(rrset).to_wire(),))


@contextmanager
def service(
    folder: Path,
    port: int,
    *,
    seeds: tuple[int, ...] = (1, 2),
    more: str = "",
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Running]:
    """Run with the keys of these seeds as the root's anchors; `more`: further lines of [dnssec]."""
    records = ", ".join(f'". DS {show_record(record(seed))}"' for seed in seeds)
    config = folder / "anchorhold.toml"
    dnssec = f"[dnssec]\ntrust_anchors = [{records}]\n{more}"
    config.write_text(config_text(folder, server=f"udp://127.0.0.1:{port}", dnssec=dnssec, profile="opportunistic"))
    with started(config, environment=environment) as running:
        # What is believed depends on what the keeper has said, and the resolver waits for that some seconds only.
        running.all_serve(folder / "control.sock")
        yield running
        assert running.end() == 0


def asked(running: Running) -> tuple[int, bool]:
    """rcode and AD of the answer to `www.`"""
    port = running.port()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(PATIENCE)
        client.sendto(dns.message.make_query("www.", "A", want_dnssec=True).to_wire(), ("127.0.0.1", port))
        answer = dns.message.from_wire(client.recv(65_535))
    return int(answer.rcode()), bool(answer.flags & dns.flags.AD)
