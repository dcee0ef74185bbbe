"""Ours behind ours over QUIC: one household serves DoQ and HTTP/3, another asks it, and quic-go's client where it is built."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.message
import dns.query
import dns.rcode
import pytest
from kit.certificates import NAME, authority, identity
from kit.liar_thread import liar_at
from kit.peers import PATIENCE, House, free_ports, house, open_folder

ADDRESS = "192.0.2.7"
QUICPEER = Path(sys.executable).parent / "quicpeer"
PATHS = {"quic": "", "h3": "/dns-query"}


@contextmanager
def serving(folder: Path, scheme: str) -> Iterator[int]:
    """A household that serves `scheme` at the port given, and gets its own answers over DoQ from a server of the tests."""
    (folder / "authority.pem").write_text(authority().pem)
    (folder / "chain.pem").write_bytes(identity("good").certificate)
    (folder / "key.pem").write_bytes(identity("good").key)
    (folder / "key.pem").chmod(0o600)
    port = free_ports(1)[0]
    with liar_at("quic") as liar:
        tables = (
            f'[secure]\nname = "{NAME}"\nlisten = ["{scheme}://127.0.0.1:{port}"]\ncertificate = "files"\n'
            f'chain = "{folder}/chain.pem"\nkey = "{folder}/key.pem"\n'
            f'[upstreams.default]\nservers = [{{ url = "quic://{NAME}@127.0.0.1:{liar.port}", ca_file = "authority.pem" }}]'
        )
        with house(folder, tables) as here:
            here.running.wait_for(f"serves {scheme}://")
            yield port


def ask(here: House, name: str) -> dns.message.Message:
    return dns.query.udp(dns.message.make_query(name, "A", use_edns=0), here.address, PATIENCE, here.port)


@pytest.mark.parametrize("scheme", PATHS)
def test_a_household_asks_another_over_quic(scheme: str) -> None:
    with open_folder() as far, open_folder() as near, serving(far, scheme) as port:
        url = f"{scheme}://{NAME}@127.0.0.1:{port}{PATHS[scheme]}"
        tables = f'[upstreams.default]\nservers = [{{ url = "{url}", ca_file = "{far}/authority.pem" }}]'
        with house(near, tables) as here:
            answers = [ask(here, f"n{number}.example.") for number in range(30)]
    assert [dns.rcode.NOERROR] * 30 == [response.rcode() for response in answers]
    assert [ADDRESS] * 30 == [response.answer[0][0].to_text() for response in answers]


if QUICPEER.exists():  # built by `make interop`

    @pytest.mark.parametrize("scheme", PATHS)
    def test_quic_gos_client_is_served(scheme: str) -> None:
        with open_folder() as far, serving(far, scheme) as port:
            url = f"quic://127.0.0.1:{port}" if scheme == "quic" else f"https://{NAME}:{port}/dns-query"
            command = [str(QUICPEER), "ask", url, NAME, f"127.0.0.1:{port}", f"{far}/authority.pem", "www.example."]
            said = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert (0, "") == (said.returncode, said.stderr)
        first, record = said.stdout.splitlines()
        assert (first.startswith("NOERROR id=0 octets="), int(first.rpartition("=")[2]) % 468) == (
            True,
            0,
        )  # RFC 8467 §4.1
        assert record.endswith(ADDRESS)
