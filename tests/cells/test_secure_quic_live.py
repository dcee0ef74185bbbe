"""The whole service with `quic://` and `h3://` in its configuration: asked by real clients, reloaded, ended."""

import gc
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dns.message
import dns.query
import pytest
from kit.certificates import NAME, authority, identity
from kit.peers import free_ports, open_folder
from kit.service import UNSIGNED, Running, started

# dnspython leaves a pair of sockets to the garbage collector.
LEFT_OPEN = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"
)
pytestmark = LEFT_OPEN

PATIENCE = 60.0
QUERY = dns.message.make_query("localhost", "A", id=0, use_edns=0)


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    """Not in the test that comes next."""
    yield
    gc.collect()


@dataclass
class Home:
    folder: Path
    clear: int
    doq: int
    doh: int
    running: Running

    def quic(self) -> dns.message.Message:
        ca = str(self.folder / "ca.pem")
        return dns.query.quic(QUERY, "127.0.0.1", port=self.doq, timeout=PATIENCE, verify=ca, hostname=NAME)

    def h3(self) -> dns.message.Message:
        return dns.query.https(
            QUERY,
            f"https://{NAME}/dns-query",
            port=self.doh,
            timeout=PATIENCE,
            verify=str(self.folder / "ca.pem"),
            bootstrap_address="127.0.0.1",
            http_version=dns.query.HTTPVersion.H3,
        )


@contextmanager
def home() -> Iterator[Home]:
    with open_folder() as name:
        folder = Path(name)
        clear, doq, doh = free_ports(3, beside=True)
        (folder / "chain.pem").write_bytes(identity("good").certificate)
        (folder / "key.pem").touch(mode=0o600)
        (folder / "key.pem").write_bytes(identity("good").key)
        (folder / "ca.pem").write_text(authority().pem)
        config = folder / "anchorhold.toml"
        config.write_text(
            f'[service]\nstate = "{folder}/state"\n[listen]\naddresses = ["127.0.0.1:{clear}"]\n'
            f'control = "{folder}/control.sock"\n{UNSIGNED}[upstreams.default]\nservers = ["udp://127.0.0.1:1"]\n'
            f'profile = "opportunistic"\n'
            f'[secure]\nname = "{NAME}"\nlisten = ["quic://127.0.0.1:{doq}", "h3://127.0.0.1:{doh}"]\n'
            f'certificate = "files"\nchain = "{folder}/chain.pem"\nkey = "{folder}/key.pem"\n'
        )
        with started(config) as running:
            running.wait_for("serving on")
            yield Home(folder, clear, doq, doh, running)


@pytest.fixture(scope="module")
def house() -> Iterator[Home]:
    with home() as found:
        yield found


@pytest.mark.parametrize("way", ["quic", "h3"])
def test_the_service_answers(house: Home, way: str) -> None:
    answer = getattr(house, way)()
    assert [item.to_text() for rrset in answer.answer for item in rrset] == ["127.0.0.1"]


def test_it_goes_on_after_a_reload(house: Home) -> None:
    house.quic()
    house.running.signal(signal.SIGHUP)
    house.running.wait_for("configuration 2 is in force")
    assert house.quic().answer
    assert house.h3().answer
