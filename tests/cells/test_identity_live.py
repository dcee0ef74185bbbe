"""All four encrypted ways in of a real service: told by DDR as they are, found well by the doctor; and a label decides what a
device is told, by path or by name."""

import asyncio
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dns.message
import dns.query
import dns.rrset
import pytest
from kit.certificates import authority
from kit.peers import free_ports, open_folder, until
from kit.service import PATIENCE, Running, started

from anchorhold.direct import tools_with
from net.clock import now
from resolver.edge.converse import converse
from resolver.edge.upstream import TRANSPORTS
from resolver.settings import Profile, UpstreamSpec
from wire.dns.names import read_name
from wire.units import Instant

NAME = "dns.example"
SCHEMES = ["tls", "https", "quic", "h3"]
QUESTION = read_name("toy.test") + b"\0\1\0\1"
CONFIG = """\
[service]
state = "{folder}/state"
[listen]
addresses = ["127.0.0.1:{clear}"]
control = "{folder}/control.sock"
[resolve]
mode = "iterate"
[upstreams.toys]
servers = ["udp://127.0.0.1:{toys}"]
profile = "opportunistic"
[clients.kids]
networks = ["127.0.0.64/28"]
[[route]]
domains = ["toy.test"]
clients = "kids"
upstreams = "toys"
validate = "never"
[secure]
name = "dns.example"
listen = ["tls://127.0.0.1:{tls}", "https://127.0.0.1:{https}", "quic://127.0.0.1:{quic}", "h3://127.0.0.1:{h3}"]
certificate = "files"
chain = "chain.pem"
key = "key.pem"
[secure.clients]
tablet = "kids"
"""


@dataclass
class House:
    folder: Path
    running: Running
    ports: dict[str, int]


@contextmanager
def toys() -> Iterator[int]:
    """A server that knows one name."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as endpoint:
        endpoint.bind(("127.0.0.1", 0))

        def serve() -> None:
            while (packet := endpoint.recvfrom(4_096))[0] != b"end":
                response = dns.message.make_response(dns.message.from_wire(packet[0]), recursion_available=True)
                name = response.question[0].name
                if response.question[0].rdtype == dns.rdatatype.A:
                    response.answer = [dns.rrset.from_text(name, 60, "IN", "A", "192.0.2.77")]
                endpoint.sendto(response.to_wire(), packet[1])

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield endpoint.getsockname()[1]
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bell:
                bell.sendto(b"end", endpoint.getsockname())
            thread.join()


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with open_folder() as folder, toys() as upstream:
        ports = dict(zip(("clear", *SCHEMES), free_ports(5), strict=True))
        made = authority().issue(NAME, f"*.{NAME}", "127.0.0.1")
        (folder / "chain.pem").write_bytes(made.certificate)
        (folder / "key.pem").write_bytes(made.key)
        (folder / "key.pem").chmod(0o600)
        (folder / "authority.pem").write_text(authority().pem)
        config = folder / "anchorhold.toml"
        config.write_text(CONFIG.format(folder=folder, toys=upstream, **ports))
        with started(config) as running:
            running.wait_for("serving on")
            running.wait_for("secure", "serves")
            yield House(folder, running, ports)


def ask(house: House, scheme: str, name: str = NAME, path: str = "/dns-query") -> list[str]:
    """The addresses of the toy, as who comes so is told them."""
    path = path if scheme in ("https", "h3") else ""
    spec = UpstreamSpec(scheme, name, ("127.0.0.1",), house.ports[scheme], "", path, authorities=authority().pem)

    async def conversation() -> bytes:
        tools = tools_with(lookup)
        upstream = TRANSPORTS[scheme](spec, Profile.STRICT, tools)
        try:
            return await converse(upstream, QUESTION, 0, tools.entropy, Instant(now() + PATIENCE))
        finally:
            await upstream.close()

    response = dns.message.from_wire(asyncio.run(conversation()))
    return [data.to_text() for rrset in response.answer for data in rrset]


async def lookup(name: str) -> tuple[str, ...]:
    return ()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_name_with_the_devices_label_puts_it_into_its_group(house: House, scheme: str) -> None:
    assert ask(house, scheme, f"tablet.{NAME}") == ["192.0.2.77"]
    assert ask(house, scheme) == []
    assert ask(house, scheme, f"other.{NAME}") == []


@pytest.mark.parametrize("scheme", ["https", "h3"])
def test_a_path_with_the_devices_label_puts_it_into_its_group(house: House, scheme: str) -> None:
    assert ask(house, scheme, path="/dns-query/tablet") == ["192.0.2.77"]


def told(house: House, name: str, rrtype: str) -> list[str]:
    query = dns.message.make_query(name, rrtype)
    response = dns.query.udp(query, "127.0.0.1", PATIENCE, house.ports["clear"])
    return [data.to_text().replace("key7", "dohpath") for rrset in response.answer for data in rrset]


def test_all_of_them_are_told_with_their_ports_and_the_devices_own_with_its_label(house: House) -> None:
    until(lambda: len(told(house, "_dns.resolver.arpa", "SVCB")) == 4, "what is told")
    ports = house.ports

    def expected(name: str, path: str) -> set[str]:
        own = f'{name}. alpn="{{}}" port="{{}}" ipv4hint="127.0.0.1"'
        http = f'{own} dohpath="{path}{{{{?dns}}}}"'
        clear = [f"1 {own.format(alpn, ports[scheme])}" for alpn, scheme in (("dot", "tls"), ("doq", "quic"))]
        return {*clear, *(f"2 {http.format(alpn, ports[scheme])}" for alpn, scheme in (("h2", "https"), ("h3", "h3")))}

    assert set(told(house, "_dns.resolver.arpa", "SVCB")) == expected(NAME, "/dns-query")
    assert set(told(house, f"_dns.tablet.{NAME}", "SVCB")) == expected(f"tablet.{NAME}", "/dns-query/tablet")
    assert told(house, f"tablet.{NAME}", "A") == ["127.0.0.1"]


def test_the_doctor_finds_all_of_them_well(house: House) -> None:
    program = str(Path(sys.executable).parent / "anchorhold")
    config, authorities = str(house.folder / "anchorhold.toml"), str(house.folder / "authority.pem")
    command = [program, "doctor", "--config", config, "--ca-file", authorities]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False, timeout=90)
    rows = {str(one["subject"]): one for one in json.loads(done.stdout)["findings"]}
    for scheme in SCHEMES:
        way = rows[f"{scheme}://127.0.0.1:{house.ports[scheme]}"]
        assert (scheme, way["level"], way["text"][:30]) == (scheme, "good", "answers, and proves who it is ")
    assert rows["discovery at 127.0.0.1"]["level"] == "good"
    devices = {row["devices"].split(",")[0]: row["upgrades"] for row in json.loads(done.stdout)["devices"]}
    assert (devices["iOS"], devices["Windows 11"]) == (True, True)


SECOND = """\
[service]
state = "{folder}/second"
[listen]
addresses = ["127.0.0.1:{port}"]
control = "{folder}/second.sock"
[upstreams.default]
servers = ["udp://127.0.0.1:{clear}"]
profile = "opportunistic"
discover = true
"""


def test_another_service_that_is_given_our_clear_address_comes_encrypted(house: House) -> None:
    """Within its sandbox; unproved, for nobody told it of our authority."""
    config, port = house.folder / "second.toml", free_ports(1, beside=True)[0]
    config.write_text(SECOND.format(folder=house.folder, port=port, clear=house.ports["clear"]))
    with started(config) as running:
        running.wait_for("serving on")
        dns.query.udp(dns.message.make_query("www.example.net", "A"), "127.0.0.1", PATIENCE, port)
        program = str(Path(sys.executable).parent / "anchorhold")
        command = [program, "status", "--json", "--control", str(house.folder / "second.sock")]
        status = json.loads(subprocess.run(command, capture_output=True, text=True, check=False, timeout=60).stdout)
        counters = status["resolver"]["counters"]
        assert counters["discovery-upgraded-unproved"] == 1
        assert "discovery-downgraded" not in counters
