"""Clients of DoQ and of DoH over HTTP/3 at the real listeners: dnspython, ngtcp2's, and quic-go's if `make interop` built it."""

import gc
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dns.message
import dns.query
import dns.quic
import dns.rdatatype
import pytest
from kit.certificates import NAME, authority, identity
from kit.https import encoded
from kit.peers import open_folder, peer
from kit.wayin import WayIn, serving

from resolver.settings import Served

# dnspython leaves a pair of sockets to the garbage collector.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"
)

PATIENCE = 60.0
QUERY = dns.message.make_query("www.example", "A", id=0, use_edns=0)
RIGHT = "www.example. IN A 192.0.2.0"
QUICPEER = Path(sys.executable).parent / "quicpeer"


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    """Not in the test that comes next."""
    yield
    gc.collect()


@dataclass(frozen=True)
class Site:
    way_in: WayIn
    folder: Path

    @property
    def authority(self) -> str:
        return str(self.folder / "authority.pem")

    def port(self, served: Served) -> int:
        return self.way_in.ports[served]


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with open_folder() as folder, serving(identity("good")) as way_in:
        (Path(folder) / "authority.pem").write_text(authority().pem)
        yield Site(way_in, Path(folder))


def told(message: dns.message.Message) -> list[str]:
    """Without TTLs: an answer may come from the cache, some seconds old."""
    return [
        f"{rrset.name} IN A {data}" for rrset in message.answer if rrset.rdtype == dns.rdatatype.A for data in rrset
    ]


def test_dnspython_asks_over_quic(site: Site) -> None:
    answer = dns.query.quic(
        QUERY, "127.0.0.1", port=site.port(Served.QUIC), timeout=PATIENCE, verify=site.authority, hostname=NAME
    )
    assert told(answer) == [RIGHT]


def test_dnspython_asks_over_quic_again_and_again_on_one_connection(site: Site) -> None:
    before = site.way_in.state().counters.get("quic-handshakes", 0)
    manager = dns.quic.SyncQuicManager(verify_mode=site.authority, server_name=NAME)
    with manager:
        connection = manager.connect("127.0.0.1", site.port(Served.QUIC))
        for number in range(50):
            query = dns.message.make_query(f"n{number}.example", "A", use_edns=0)
            answer = dns.query.quic(query, "127.0.0.1", timeout=PATIENCE, connection=connection)
            assert told(answer) == [RIGHT.replace("www", f"n{number}")]
    assert site.way_in.state().counters["quic-handshakes"] == before + 1


@pytest.mark.parametrize("post", [True, False], ids=["POST", "GET"])
def test_dnspython_asks_over_http3(site: Site, post: bool) -> None:
    answer = dns.query.https(
        QUERY,
        f"https://{NAME}/dns-query",
        port=site.port(Served.H3),
        timeout=PATIENCE,
        verify=site.authority,
        post=post,
        bootstrap_address="127.0.0.1",
        http_version=dns.query.HTTPVersion.H3,
    )
    assert told(answer) == [RIGHT]


@pytest.mark.peer("ngtcp2-client")
def test_ngtcp2_asks_over_http3(site: Site) -> None:
    port = str(site.port(Served.H3))
    target = f"https://{NAME}:{port}/dns-query?dns={encoded(QUERY.to_wire())}"
    command = [peer("gtlsclient"), "--exit-on-all-streams-close", "127.0.0.1", port, target]
    said = subprocess.run(command, timeout=PATIENCE, check=False, capture_output=True).stderr.decode()
    assert "[:status: 200]" in said
    assert "body 468 bytes" in said
    assert "HTTP stream 0 closed with error code 256" in said


if QUICPEER.exists():  # built by `make interop`

    @pytest.mark.parametrize(("scheme", "served"), [("quic", Served.QUIC), ("h3", Served.H3)])
    def test_quic_go_asks(site: Site, scheme: str, served: Served) -> None:
        place = f"127.0.0.1:{site.port(served)}"
        url = f"quic://{place}" if scheme == "quic" else f"https://{NAME}:{site.port(served)}/dns-query"
        command = [str(QUICPEER), "ask", url, NAME, place, site.authority, "www.example."]
        done = subprocess.run(command, timeout=PATIENCE, check=True, capture_output=True, text=True)
        assert "192.0.2.0" in done.stdout
