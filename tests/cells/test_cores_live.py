"""`[service] cores = 2`: two fronts, two cells `secure` and two resolvers, as real processes."""

import gc
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import ip_address
from pathlib import Path

import dns.flags
import dns.message
import dns.query
import dns.rrset
import pytest
from kit.certificates import NAME, authority
from kit.datagrams import answering
from kit.dhcp_clients import Udhcpc
from kit.dhcp_house import serving as serving_at_home
from kit.lan import lan
from kit.peers import open_folder, until
from kit.processes import internet_sockets
from kit.secure import ask_over_tls, secure_config, tls_port, trusting
from kit.service import Running, started

from anchorhold.control_client import Answer, ask_service
from anchorhold.isolation import read_isolation
from anchorhold.spreading import cell_of
from resolver.partition import resolver_for
from wire.dns.names import read_name

PATIENCE = 60.0
CELLS = ("front", "front-2", "secure", "secure-2")
RESOLVERS = ("resolver", "resolver-2")


def source_of(cell: int) -> str:
    """An address whose questions come to this one of two cells."""
    return next(text for text in (f"127.0.0.{n}" for n in range(2, 99)) if cell_of(ip_address(text).packed, 2) == cell)


SOURCES = tuple(map(source_of, range(2)))


def of(name: str) -> int:
    """Which of two resolvers it goes to."""
    return resolver_for(read_name(name), 2)


class Upstream:
    """What it was asked, in order; every name has one address."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._heard: set[bytes] = set()

    def answer(self, data: bytes) -> bytes:
        query = dns.message.from_wire(data)
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        question = query.question[0]
        # Our resolver mixes the case of letters. The same octets once more: we were so slow that it sent them again.
        if data not in self._heard:
            self.asked.append(question.name.to_text().lower())
        self._heard.add(data)
        response.answer.append(dns.rrset.from_text(question.name, 300, "IN", "A", "192.0.2.7"))
        return response.to_wire()


class Service:
    """The running service, and who asks it."""

    def __init__(self, running: Running, folder: Path, upstream: Upstream) -> None:
        self.running, self.folder, self.upstream = running, folder, upstream
        self.port = running.port()

    def ask(self, name: str, source: str, over: socket.SocketKind = socket.SOCK_DGRAM) -> dns.message.Message:
        """One question from an address, and a port that was never used before."""
        wire = dns.message.make_query(name, "A").to_wire()
        with socket.socket(socket.AF_INET, over) as client:
            client.bind((source, 0))
            client.settimeout(PATIENCE)
            client.connect(("127.0.0.1", self.port))
            if over is socket.SOCK_DGRAM:
                client.send(wire)
                return dns.message.from_wire(client.recv(4_096))
            client.sendall(len(wire).to_bytes(2, "big") + wire)
            with client.makefile("rb") as file:
                return dns.message.from_wire(file.read(int.from_bytes(file.read(2), "big")))

    def told(self, **request: object) -> dict[str, Answer]:
        """What each cell says, by its name."""
        return {str(line.get("cell")): line for line in ask_service(self.folder / "control.sock", dict(request))}

    def counted(self, what: str) -> list[int]:
        """By each front."""
        cells = self.told(verb="status")
        return [cells[name]["counters"].get(what, 0) for name in CELLS[:2]]  # type: ignore[attr-defined]


@contextmanager
def serving(folder: Path, more: str = "") -> Iterator[Service]:
    upstream, ways = Upstream(), '"tls://127.0.0.1:0", "quic://127.0.0.1:0"'
    with answering(upstream.answer) as port:
        forwarding = {"server": f"udp://127.0.0.1:{port}", "profile": "opportunistic"}
        config = secure_config(folder, listen=ways, more=more, **forwarding)
        config.write_text(config.read_text().replace("[service]\n", "[service]\ncores = 2\n"))
        with started(config) as running:
            service = Service(running, folder, upstream)
            running.all_serve(folder / "control.sock")
            yield service


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("cores")) as service:
        yield service


@pytest.mark.parametrize("over", [socket.SOCK_DGRAM, socket.SOCK_STREAM], ids=["udp", "tcp"])
def test_each_client_has_its_front_and_a_name_that_both_are_asked_for_goes_out_once(
    whole: Service, over: socket.SocketKind
) -> None:
    name, before = f"both-{over.name.lower()}.example.", whole.counted("misses")
    for source in SOURCES * 3:
        assert [record.to_text() for rrset in whole.ask(name, source, over).answer for record in rrset] == ["192.0.2.7"]
    assert [now - then for now, then in zip(whole.counted("misses"), before, strict=True)] == [1, 1]
    assert whole.upstream.asked.count(name) == 1


def test_names_are_shared_out_among_the_resolvers_and_each_goes_out_once(whole: Service) -> None:
    sites = {
        number: [site for site in map("site{}.example".format, range(50)) if of(site) == number] for number in range(2)
    }
    before = whole.told(verb="status")
    for site in (*sites[0][:5], *sites[1][:5]):
        for source in SOURCES:
            for name in (site, f"www.{site}"):
                assert whole.ask(name, source).answer
    after = whole.told(verb="status")
    grown = [after[name]["counters"]["asked"] - before[name]["counters"].get("asked", 0) for name in RESOLVERS]  # type: ignore[index,attr-defined]
    assert (grown, {whole.upstream.asked.count(f"www.{site}.") for site in (*sites[0][:5], *sites[1][:5])}) == (
        [10, 10],
        {1},
    )


def test_over_tls_it_is_likewise(whole: Service) -> None:
    port = tls_port(whole.running)
    for source in SOURCES:
        assert ask_over_tls(port, "tls.example", source=source).answer
    cells = whole.told(verb="status")
    assert [cells[name]["counters"]["tls-handshakes"] for name in CELLS[2:]] == [1, 1]  # type: ignore[index]
    assert whole.upstream.asked.count("tls.example.") == 1


def test_a_client_that_comes_again_from_another_port_resumes_its_session(whole: Service) -> None:
    context, port = trusting(), tls_port(whole.running)
    for source in SOURCES:
        session, reused = None, []
        for _ in range(4):
            with (
                socket.create_connection(("127.0.0.1", port), PATIENCE, (source, 0)) as plain,
                context.wrap_socket(plain, server_hostname=NAME, session=session) as client,
            ):
                wire = dns.message.make_query("localhost", "A").to_wire()
                client.sendall(len(wire).to_bytes(2, "big") + wire)
                # The tickets come before it.
                assert client.recv(4_096)
                reused.append(client.session_reused)
                session = client.session
        assert reused == [False, True, True, True]


@pytest.mark.filterwarnings("ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning")
def test_over_quic_each_client_has_its_cell_too(whole: Service) -> None:
    ca, port = whole.folder / "ca.pem", int(whole.running.wait_for("secure (pid", "quic://").rpartition(":")[2])
    ca.write_text(authority().pem)
    query = dns.message.make_query("localhost", "A", id=0)
    before = whole.told(verb="status")
    for source in SOURCES:
        for _ in range(2):
            assert dns.query.quic(query, "127.0.0.1", PATIENCE, port, source, verify=str(ca), hostname=NAME).answer
    gc.collect()  # its sockets, and not in the test that comes next
    after = whole.told(verb="status")
    grown = [
        {
            key
            for key, value in after[name]["counters"].items()
            if "quic" in key and value != before[name]["counters"].get(key, 0)
        }  # type: ignore[attr-defined]
        for name in CELLS[2:]
    ]
    assert grown[0] == grown[1] != set()


def test_operators_see_every_cell_and_a_flush_reaches_all(whole: Service) -> None:
    for number in range(16):  # some for each resolver
        whole.ask(f"flush{number}.example", SOURCES[0])
    for source in SOURCES:
        whole.ask("flush.example", source)
    assert set(whole.told(verb="status")) == {*CELLS, *RESOLVERS}
    everything = whole.told(verb="cache-flush", name="00")
    assert [everything[name]["flushed"] > 0 for name in (*CELLS[:2], *RESOLVERS)] == [True] * 4  # type: ignore[operator]
    caches = whole.told(verb="cache-stats")
    assert [caches[name]["cache"]["answers"] for name in (*CELLS, *RESOLVERS)] == [0] * 6  # type: ignore[index]
    for source in SOURCES:
        whole.ask("flush.example", source)
    assert whole.upstream.asked.count("flush.example.") == 2


def test_explain_looks_into_the_cache_of_who_serves_the_client(whole: Service) -> None:
    whole.ask("explained.example", SOURCES[1])
    key = b"\x09explained\x07example\0\0\1\0\1"
    found = [whole.told(verb="explain", key=key.hex(), flags=0, client=source)["front"]["cached"] for source in SOURCES]
    assert (found[0], found[1] is not None) == (None, True)


def test_a_client_that_uses_many_ports_has_one_rate(tmp_path: Path) -> None:
    with serving(tmp_path, more="[limits]\nrate = 0.1\nburst = 5\n") as service, ExitStack() as stack:
        for _ in range(20):
            client = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            client.bind((SOURCES[1], 0))
            client.sendto(dns.message.make_query("localhost", "A").to_wire(), ("127.0.0.1", service.port))
        until(lambda: service.counted("dropped-rate") == [0, 15], "what is over the rate")


def test_no_front_is_connected_and_the_resolver_hears_no_client(whole: Service) -> None:
    for name in CELLS[:2]:
        found = internet_sockets(whole.running.cell(name))
        assert {(one.transport, one.local[1], one.connected) for one in found} == {
            ("udp", whole.port, False),
            ("tcp", whole.port, False),
        }
    for name in CELLS[2:]:
        assert not [
            one for one in internet_sockets(whole.running.cell(name)) if one.transport == "udp" and one.connected
        ]
    for name in RESOLVERS:
        assert not [one for one in internet_sockets(whole.running.cell(name)) if one.listening]
    cells = {cell.name: cell for cell in read_isolation(whole.folder / "control.sock").cells}
    for name in CELLS:
        assert (cells[name].said.missing, cells[name].process.seccomp) == (cells["front"].said.missing, 2)  # type: ignore[union-attr]
        assert cells[name].process.user != 0  # type: ignore[union-attr]
    first, other = (cells[name] for name in RESOLVERS)
    assert (other.said.missing, other.said.calls) == (first.said.missing, first.said.calls)  # type: ignore[union-attr]
    assert (other.process.seccomp, other.process.user) == (2, first.process.user)  # type: ignore[union-attr]


class Crowd:
    """Clients of both fronts, who ask once for each name and wait for all answers."""

    def __init__(self, service: Service) -> None:
        self._port = service.port
        self._waiting: list[socket.socket] = []
        self._asked = 0

    def ask(self, count: int = 20) -> None:
        for source in SOURCES * (count // 2):
            client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            client.bind((source, 0))
            client.settimeout(PATIENCE)
            client.connect(("127.0.0.1", self._port))
            self._asked += 1
            name = f"n{self._asked}.localhost" if self._asked % 4 < 2 else f"www.n{self._asked}.example"
            client.send(dns.message.make_query(name, "A").to_wire())
            self._waiting.append(client)

    def wait(self) -> None:
        for client in self._waiting:
            with client:
                assert dns.message.from_wire(client.recv(4_096)).answer
        self._waiting.clear()


def test_each_may_be_killed_and_comes_back_and_nothing_is_lost(whole: Service) -> None:
    crowd = Crowd(whole)
    for name in (*CELLS, *RESOLVERS, "keeper"):
        crowd.ask()
        crowd.wait()
        pid = whole.running.cell(name)
        os.kill(pid, signal.SIGKILL)
        crowd.ask()
        crowd.wait()
        whole.running.wait_for(f"{name} (pid", "serves again")
        assert whole.running.cell(name) != pid
    for source in SOURCES:
        assert ask_over_tls(tls_port(whole.running), "localhost", source=source).answer
    status = whole.told(verb="status")
    assert set(status) == {*CELLS, *RESOLVERS}
    assert [status[name]["restarts"] for name in (*CELLS, *RESOLVERS)] == [1] * 6
    # Whoever came and went, no name was asked for twice but what was open when its resolver was killed.
    asked = [name for name in whole.upstream.asked if name.startswith("www.n")]
    assert len(asked) - len(set(asked)) <= 2 * 20


def test_reloads_lose_nothing_and_both_have_the_new_configuration(whole: Service) -> None:
    crowd = Crowd(whole)
    config = whole.folder / "anchorhold.toml"
    config.write_text(config.read_text() + '[[local]]\nzone = "new.test"\nrecords = ["@ A 192.0.2.99"]\n')
    whole.running.signal(signal.SIGHUP)
    crowd.ask()
    whole.running.wait_for("configuration 2 is in force")
    crowd.ask()
    crowd.wait()
    for source in SOURCES:
        assert whole.ask("new.test", source).answer[0][0].to_text() == "192.0.2.99"
    every = (*CELLS, *RESOLVERS)
    until(lambda: {whole.told(verb="status")[name]["generation"] for name in every} == {2}, "configuration 2 in all")


DHCP = """\
[service]
state = "{folder}/state"
cores = 2
[listen]
addresses = ["192.0.2.1:53"]
control = "{folder}/control.sock"
[access]
allow = ["192.0.2.0/24"]
[resolve]
mode = "iterate"
[dhcp]
domain = "home.arpa"
[[dhcp.subnet]]
prefix = "192.0.2.0/24"
interface = "home"
pools = ["192.0.2.100-192.0.2.199"]
"""


def test_names_of_leases_are_known_to_every_front() -> None:
    places = [
        next(f"192.0.2.{n}" for n in range(1, 99) if cell_of(bytes((192, 0, 2, n)), 2) == cell) for cell in (0, 1)
    ]
    with open_folder() as folder, lan() as net:
        net.bridge("home", "192.0.2.1/24", *{f"{place}/24" for place in places} - {"192.0.2.1/24"})
        device = net.device("home", "52:54:00:00:00:01")
        with serving_at_home(net, folder, DHCP.format(folder=folder)):
            client = Udhcpc(device, folder / "client", options=("-x", "hostname:printer"))
            try:
                address = client.get()["ip"]
            finally:
                client.end()
            for place in places:
                ask = ("dig", "+short", "+tries=1", "+time=20", "-b", place, "@192.0.2.1", "printer.home.arpa", "A")
                # The device has its address a moment before front has its name.
                until(lambda ask=ask: net.server.run(*ask).strip() == address, "the name")  # type: ignore[misc]
