"""Proxies of others over encrypted ways, where `make interop` has built them: AdGuard's dnsproxy asks us and is asked by us over
DoQ and HTTP/3, and so does routedns over DoQ; routedns asks our oblivious target through our relay.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import dns.message
import dns.query
import pytest
from kit.certificates import NAME, authority, identity
from kit.households import settle
from kit.liar_thread import liar_at
from kit.peers import PATIENCE, House, free_ports, house, open_folder, until
from kit.wayin import serving

from resolver.settings import Served
from wire.dns.stamps import Stamp, StampProtocol, build_stamp

DNSPROXY = Path(sys.executable).parent / "dnsproxy"
ROUTEDNS = Path(sys.executable).parent / "routedns"
ADDRESS = "192.0.2.7"
PLAYED = "192.0.2.0"
"""What the resolver behind `kit.wayin` says."""
COUNT = 30


def ask(port: int, name: str) -> list[str]:
    query = dns.message.make_query(name, "A", use_edns=0)
    response = dns.query.udp(query, "127.0.0.1", PATIENCE, port)
    return [item.to_text() for rrset in response.answer for item in rrset]


def answers(port: int) -> list[list[str]]:
    return [ask(port, f"n{number}.harbour.example.") for number in range(COUNT)]


@contextmanager
def running(command: list[str], port: int, folder: Path) -> Iterator[None]:
    """A proxy that trusts the authority of the tests, until it answers at `port` in clear text."""
    ca_file = folder / "authority.pem"
    ca_file.write_text(authority().pem)
    environment = {**os.environ, "SSL_CERT_FILE": str(ca_file), "HOME": str(folder)}
    log = folder / "proxy.log"
    with log.open("wb") as said, subprocess.Popen(command, stdout=said, stderr=said, env=environment) as process:

        def answers_now() -> bool:
            assert process.poll() is None, log.read_text()
            try:
                query = dns.message.make_query("first.harbour.example.", "A")
                return bool(dns.query.udp(query, "127.0.0.1", 2, port).answer)
            except (dns.exception.Timeout, OSError):
                return False

        try:
            until(answers_now, f"{command[0]}: {log}")
            yield
        finally:
            # dnsproxy takes its time to hang up politely.
            process.kill()
            process.wait(PATIENCE)


def upstream(folder: Path, url: str) -> str:
    (folder / "authority.pem").write_text(authority().pem)
    return f'[upstreams.default]\nservers = [{{ url = "{url}", ca_file = "{folder}/authority.pem" }}]'


def credentials(folder: Path) -> tuple[Path, Path]:
    chain, key = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(identity("good").certificate)
    key.write_bytes(identity("good").key)
    return chain, key


def asked(here: House) -> list[list[str]]:
    return [ask(here.port, f"n{number}.harbour.example.") for number in range(COUNT)]


def stamp(protocol: StampProtocol, port: int) -> str:
    """It takes the port from the name."""
    path = "/dns-query" if protocol is StampProtocol.DOH else ""
    return build_stamp(Stamp(protocol, 0, "127.0.0.1", (), f"{NAME}:{port}", path))


if DNSPROXY.exists():

    @pytest.mark.parametrize(("served", "protocol"), [(Served.QUIC, StampProtocol.DOQ), (Served.H3, StampProtocol.DOH)])
    def test_dnsproxy_asks_us(served: Served, protocol: StampProtocol) -> None:
        with open_folder() as folder, serving(identity("good")) as way_in:
            (port,) = free_ports(1)
            command = [str(DNSPROXY), "-l", "127.0.0.1", "-p", str(port), "--http3", "--verbose"]
            command += ["-u", stamp(protocol, way_in.ports[served])]
            before = way_in.state().counters
            with running(command, port, Path(folder)):
                assert [[PLAYED]] * COUNT == answers(port)
            counters = way_in.state().counters
        assert counters["misses"] - before.get("misses", 0) > COUNT
        assert 1 <= counters["quic-handshakes"] - before.get("quic-handshakes", 0) <= 3

    @pytest.mark.parametrize("road", ["quic", "h3"])
    def test_dnsproxy_is_asked_by_us(road: str) -> None:
        with open_folder() as name, liar_at("udp") as liar:
            folder = Path(name)
            chain, key = credentials(folder)
            clear, doq, doh = free_ports(3)
            command = [str(DNSPROXY), "-l", "127.0.0.1", "-p", str(clear), "-q", str(doq), "-s", str(doh), "--http3"]
            command += ["-c", str(chain), "-k", str(key), "-u", f"127.0.0.1:{liar.port}"]
            url = f"quic://{NAME}@127.0.0.1:{doq}" if road == "quic" else f"h3://{NAME}@127.0.0.1:{doh}/dns-query"
            with running(command, clear, folder), house(folder, upstream(folder, url)) as here:
                assert [[ADDRESS]] * COUNT == asked(here)


def listener(port: int, resolver: str) -> str:
    return f'[listeners.near]\naddress = "127.0.0.1:{port}"\nprotocol = "udp"\nresolver = "{resolver}"\n'


@contextmanager
def routedns(folder: Path, port: int, tables: str) -> Iterator[None]:
    config = folder / "routedns.toml"
    config.write_text(tables)
    with running([str(ROUTEDNS), str(config)], port, folder):
        yield


if ROUTEDNS.exists():

    def test_routedns_asks_us_over_doq() -> None:
        with open_folder() as name, serving(identity("good")) as way_in:
            folder, (port,) = Path(name), free_ports(1)
            tables = (
                f'[resolvers.far]\naddress = "{NAME}:{way_in.ports[Served.QUIC]}"\nprotocol = "doq"\n'
                f'ca = "{folder}/authority.pem"\nbootstrap-address = "127.0.0.1"\n' + listener(port, "far")
            )
            with routedns(folder, port, tables):
                assert [[PLAYED]] * COUNT == answers(port)
            assert way_in.state().counters["misses"] > COUNT

    def test_routedns_is_asked_by_us_over_doq() -> None:
        with open_folder() as name, liar_at("udp") as liar:
            folder = Path(name)
            chain, key = credentials(folder)
            clear, doq = free_ports(2)
            tables = (
                f'[resolvers.liar]\naddress = "127.0.0.1:{liar.port}"\nprotocol = "udp"\n'
                f'[listeners.doq]\naddress = "127.0.0.1:{doq}"\nprotocol = "doq"\nresolver = "liar"\n'
                f'server-crt = "{chain}"\nserver-key = "{key}"\n' + listener(clear, "liar")
            )
            url = f"quic://{NAME}@127.0.0.1:{doq}"
            with routedns(folder, clear, tables), house(folder, upstream(folder, url)) as here:
                assert [[ADDRESS]] * COUNT == asked(here)

    if os.geteuid() == 0:  # it tells a relay no port, so the target is at 443

        def test_routedns_asks_our_target_through_our_relay() -> None:
            with open_folder() as name, liar_at("tls") as liar, ExitStack() as stack:
                folder, (port,) = Path(name), free_ports(1)
                carrier, opener = settle(folder, "carrier.test", "opener.test")
                opener.address, opener.port = "127.0.0.77", 443
                upstream = f'{{ url = "tls://{NAME}@127.0.0.1:{liar.port}", ca_file = "{opener.authority}" }}'
                place = f'{{ url = "{opener.place}", ca_file = "{opener.authority}" }}'
                stack.enter_context(opener.started(upstream, "target = true"))
                stack.enter_context(carrier.started(upstream, f"relay = true\ntargets = [{place}]"))
                configs = subprocess.run(
                    [
                        *("curl", "--silent", "--http2", "--cacert", opener.authority),
                        *("--resolve", "opener.test:443:127.0.0.77", "https://opener.test/.well-known/odohconfigs"),
                    ],
                    capture_output=True,
                    check=True,
                ).stdout
                tables = (
                    f'[resolvers.far]\naddress = "https://carrier.test:{carrier.port}/relay"\nprotocol = "odoh"\n'
                    f'target = "https://opener.test/odoh"\ntarget-config = "{configs.hex()}"\n'
                    f'ca = "{carrier.authority}"\nbootstrap-address = "127.0.0.1"\n' + listener(port, "far")
                )
                stack.enter_context(routedns(folder, port, tables))
                assert [[ADDRESS]] * COUNT == answers(port)
