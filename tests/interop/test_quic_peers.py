"""Servers over QUIC that share no code with ours: quic-go's, where `make interop` has built it, and aioquic's own.

The service runs in front of each, sealed as always, over DoQ and over HTTP/3 with POST and GET.
"""

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dns.message
import dns.query
import dns.rcode
import pytest
from kit.certificates import NAME, authority, identity
from kit.peers import PATIENCE, House, free_ports, house, open_folder, until

QUICPEER = Path(sys.executable).parent / "quicpeer"
ADDRESS = "192.0.2.7"
PEERS = ["aioquic", *(["quic-go"] if QUICPEER.exists() else [])]
ROADS = {"DoQ": ("quic", ""), "HTTP/3 POST": ("h3", "POST"), "HTTP/3 GET": ("h3", "GET")}


@dataclass
class Far:
    """A running server and what it says it saw."""

    port: int
    lines: list[str]

    def seen(self, name: str) -> list[str]:
        return [line for line in self.lines if line.startswith(name)]


@contextmanager
def quic_go(folder: Path, scheme: str, shown: str, port: int) -> Iterator[Far]:
    chain, key = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(identity(shown).certificate)
    key.write_bytes(identity(shown).key)
    far = Far(port, [])
    command = [str(QUICPEER), "serve", scheme, f"127.0.0.1:{port}", str(chain), str(key)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None

        def listen() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                far.lines.append(line.strip())

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        try:
            until(lambda: "ready" in far.lines, "quicpeer")
            yield far
        finally:
            process.terminate()
            process.wait(PATIENCE)
            thread.join(PATIENCE)


@contextmanager
def aioquic(folder: Path, scheme: str, shown: str, port: int) -> Iterator[Far]:
    from kit.liar_thread import liar_at

    with liar_at(scheme, shown) as liar:
        yield Far(liar.port, [])


SERVERS = {"quic-go": quic_go, "aioquic": aioquic}


def tables(folder: Path, road: str, port: int) -> str:
    scheme, method = ROADS[road]
    ca_file = folder / "authority.pem"
    ca_file.write_text(authority().pem)
    path = "/dns-query" if scheme == "h3" else ""
    more = f', method = "{method}"' if method else ""
    url = f"{scheme}://{NAME}@127.0.0.1:{port}{path}"
    return f'[upstreams.default]\nservers = [{{ url = "{url}", ca_file = "{ca_file}"{more} }}]'


def ask(here: House, name: str) -> dns.message.Message:
    return dns.query.udp(dns.message.make_query(name, "A", use_edns=0), here.address, PATIENCE, here.port)


def data_of(response: dns.message.Message) -> list[str]:
    return [item.to_text() for rrset in response.answer for item in rrset]


@pytest.mark.parametrize("road", ROADS)
@pytest.mark.parametrize("server", PEERS)
def test_a_peer_over_quic_answers_many_questions_at_once(server: str, road: str) -> None:
    with open_folder() as folder, SERVERS[server](folder, ROADS[road][0], "good", free_ports(1)[0]) as far:
        with house(folder, tables(folder, road, far.port)) as here:
            names = [f"n{number}.harbour.example." for number in range(120)]
            answers = [ask(here, name) for name in names[:20]]
            threads = [
                threading.Thread(target=lambda name=name: answers.append(ask(here, name))) for name in names[20:]
            ]  # type: ignore[misc]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(PATIENCE)
            assert [[ADDRESS]] * 120 == [data_of(response) for response in answers]
        for name in names if server == "quic-go" else ():
            (line,) = far.seen(name)
            found = re.search(r"id=0 octets=(\d+) padding=(\d+)", line)
            assert found is not None
            assert (int(found[1]) % 128, int(found[2]) > 0) == (0, True)  # RFC 8467 as another parser sees it
        connections = [line for line in far.lines if line.startswith("connection")]
        assert len(connections) <= 4


@pytest.mark.parametrize("road", ["DoQ", "HTTP/3 POST"])
@pytest.mark.parametrize("server", PEERS)
def test_a_peer_that_does_not_prove_its_name_is_told_nothing(server: str, road: str) -> None:
    with open_folder() as folder, SERVERS[server](folder, ROADS[road][0], "other-name", free_ports(1)[0]) as far:
        with house(folder, tables(folder, road, far.port)) as here:
            response = ask(here, "www.harbour.example.")
        assert dns.rcode.SERVFAIL == response.rcode()
        assert far.seen("www.harbour") == []
