"""The promise: no single process both knows a client's address and talks to the outside (docs/architecture.md §1). Of the dhcp
cell, which is there with [dhcp] only, see test_dhcp_cell.py, of the lists cell test_lists_live.py.

Read from the running processes: what each holds open while a query is under way, and every octet that crosses.
"""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rrset
from kit.certificates import NAME
from kit.peers import need_root
from kit.processes import InternetSocket, descriptors, internet_sockets, state, unbound_internet_sockets
from kit.secure import secure_config, tls_port, trusting
from kit.service import Running, config_text, started

from anchorhold.ipc import HEADER, Inbox, Message, MessageType
from wire.dns.codes import QueryFlag

CLIENT = "127.0.0.77"
PATIENCE = 60.0
TELLING = ("anchorhold.cells.front", "kit.telling_resolver")


@dataclass
class HeldUpstream:
    """A UDP server that answers nothing before it is told to."""

    port: int
    asked: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)


@contextmanager
def held_upstream() -> Iterator[HeldUpstream]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        held = HeldUpstream(server.getsockname()[1])
        thread = threading.Thread(target=_answer, args=(server, held))
        thread.start()
        try:
            yield held
        finally:
            held.go_on.set()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"", server.getsockname())
            thread.join()


def _answer(server: socket.socket, held: HeldUpstream) -> None:
    while data := (received := server.recvfrom(65_535))[0]:
        query = dns.message.from_wire(data)
        response = dns.message.make_response(query)
        if query.question[0].name == dns.name.root:
            # The service's own question, for the keys of the root.
            server.sendto(response.to_wire(), received[1])
            continue
        held.asked.set()
        held.go_on.wait(PATIENCE)
        response.flags |= dns.flags.RA
        response.answer.append(dns.rrset.from_text(query.question[0].name, 300, "IN", "A", "192.0.2.7"))
        server.sendto(response.to_wire(), received[1])


def service_port(running: Running) -> int:
    line = running.wait_for("serving on 127.0.0.1:")
    found = re.search(r"127\.0\.0\.1:(\d+)", line)
    assert found is not None
    return int(found[1])


def loud_query(name: str) -> bytes:
    """A query that carries all a client could give away: its subnet, a cookie, padding, its own id and case."""
    options = [
        dns.edns.ECSOption("198.51.100.0", 24),
        dns.edns.GenericOption(dns.edns.OptionType.COOKIE, b"\xc0\xc1\xc2\xc3\xc4\xc5\xc6\xc7"),
        dns.edns.GenericOption(dns.edns.OptionType.PADDING, b"\xa5" * 20),
        dns.edns.GenericOption(65_001, b"client-serial-number"),
    ]
    query = dns.message.make_query(name, "A", use_edns=0, payload=4_096, options=options)
    return query.to_wire()


def client_socket(port: int) -> socket.socket:
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.settimeout(PATIENCE)
    client.bind((CLIENT, 0))
    client.connect(("127.0.0.1", port))
    return client


def talks_outside(one: InternetSocket, service: tuple[str, int]) -> bool:
    return one.local != service


def test_while_a_query_is_under_way_each_process_holds_its_own_side_only(tmp_path: Path) -> None:
    config = tmp_path / "anchorhold.toml"
    with held_upstream() as upstream:
        text = config_text(tmp_path, server=f"udp://127.0.0.1:{upstream.port}", profile="opportunistic")
        config.write_text(text)
        with started(config) as running:
            service = ("127.0.0.1", service_port(running))
            stream = socket.create_connection(service, PATIENCE, (CLIENT, 0))
            with stream, client_socket(service[1]) as client:
                client.send(loud_query("www.example.com"))
                assert upstream.asked.wait(PATIENCE)
                front, resolver = running.cell("front"), running.cell("resolver")
                check_front(front, service)
                check_resolver(resolver, service, upstream.port)
                check_supervisor(running.process.pid, service)
                upstream.go_on.set()
                answer = dns.message.from_wire(client.recv(65_535))
                assert [rrset.to_text() for rrset in answer.answer] != []
                check_front(front, service)
                check_resolver(resolver, service, upstream.port)


def check_front(pid: int, service: tuple[str, int]) -> None:
    """Listeners and accepted connections: all stand at the service's address, and UDP is connected to nobody."""
    sockets = internet_sockets(pid)
    assert [one for one in sockets if talks_outside(one, service)] == []
    assert [one for one in sockets if one.transport == "udp" and one.connected] == []
    assert {one.remote[0] for one in sockets if one.connected} <= {CLIENT}
    assert len([one for one in sockets if one.listening]) == 1
    assert unbound_internet_sockets(pid) == []


def check_resolver(pid: int, service: tuple[str, int], upstream_port: int) -> None:
    """Sockets of its own towards the upstream: nothing listens, nothing stands at the service's address."""
    sockets = internet_sockets(pid)
    assert [one for one in sockets if one.listening or one.local == service] == []
    assert {one.remote for one in sockets if one.connected} <= {("127.0.0.1", upstream_port)}
    assert CLIENT not in {place[0] for one in sockets for place in (one.local, one.remote)}


def check_supervisor(pid: int, service: tuple[str, int]) -> None:
    """It opened the listeners, and has accepted and connected nothing."""
    sockets = internet_sockets(pid)
    assert {one.local for one in sockets} == {service}
    assert [one for one in sockets if one.connected] == []


def test_the_secure_cell_holds_its_clients_side_only_and_the_others_nothing_of_it(tmp_path: Path) -> None:
    with held_upstream() as upstream:
        server = f"udp://127.0.0.1:{upstream.port}"
        config = secure_config(tmp_path, server=server, profile="opportunistic")
        with started(config) as running:
            clear, service = ("127.0.0.1", service_port(running)), ("127.0.0.1", tls_port(running))
            plain = socket.create_connection(service, PATIENCE, (CLIENT, 0))
            with plain, trusting().wrap_socket(plain, server_hostname=NAME) as client:
                query = loud_query("www.example.com")
                client.sendall(len(query).to_bytes(2, "big") + query)
                assert upstream.asked.wait(PATIENCE)
                secure, front, resolver = (running.cell(name) for name in ("secure", "front", "resolver"))
                check_front(secure, service)
                assert {one.local for one in internet_sockets(front)} == {clear}
                check_resolver(resolver, service, upstream.port)
                # The supervisor opened both, and has accepted and connected nothing.
                assert [one for one in internet_sockets(running.process.pid) if one.connected] == []
                upstream.go_on.set()
                assert client.recv(65_535)
                check_front(secure, service)
                check_resolver(resolver, service, upstream.port)
            links = descriptors(secure).values()
            assert [link for link in links if "memfd" in link or link.endswith((".pem", ".toml", ".key"))] == []
            status = state(secure)
            assert ("1", 0) == (status["NoNewPrivs"], int(status["CapPrm"], 16))


def test_only_the_bare_question_crosses(config: Path) -> None:
    config.write_text(config.read_text() + f'[clients.loud]\nnetworks = ["{CLIENT}"]\n')
    with started(config, *TELLING) as running:
        with client_socket(service_port(running)) as client:
            client.send(loud_query("WwW.ExAmPlE.cOm"))
            while not (crossed := messages(running)) or crossed[-1].type is not MessageType.QUERY:
                running.wait_for("crossed ", count=len(reads(running)) + 1)
        key = b"\x03www\x07example\x03com\x00\x00\x01\x00\x01"
        queries = [message for message in crossed if message.type is MessageType.QUERY]
        assert [(message.body, message.group) for message in queries] == [(key, 1)]
        assert QueryFlag(queries[0].flags) == QueryFlag.RD
        assert {message.type for message in crossed} <= {MessageType.QUERY, MessageType.PING}


def test_no_octet_that_crosses_tells_who_asked(config: Path) -> None:
    with started(config, *TELLING) as running:
        port = service_port(running)
        with (
            client_socket(port) as client,
            socket.create_connection(("127.0.0.1", port), PATIENCE, (CLIENT, 0)) as stream,
        ):
            for number in range(5):
                client.send(loud_query(f"udp-{number}.example"))
            query = loud_query("tcp.example")
            stream.sendall(len(query).to_bytes(2, "big") + query)
            while len([message for message in messages(running) if message.type is MessageType.QUERY]) < 6:
                running.wait_for("crossed ", count=len(reads(running)) + 1)
        stream_of_octets = b"".join(reads(running))
        handles = {message.handle for message in messages(running) if message.type is MessageType.QUERY}
        # They count on from a number that was drawn, whose octets may be like anything.
        assert (len(handles), max(handles) - min(handles)) == (6, 5)
        for handle in handles:
            stream_of_octets = stream_of_octets.replace(handle.to_bytes(8, "little"), bytes(8))
        marks = (
            socket.inet_aton(CLIENT),
            socket.inet_aton(CLIENT)[::-1],
            CLIENT.encode(),
            b"client-serial",
            b"\xc6\x33\x64",
        )
        assert [mark for mark in (*marks, b"\xc0\xc1\xc2\xc3", b"\xa5\xa5") if mark in stream_of_octets] == []
        assert all(len(message.body) + HEADER.size <= 64 for message in messages(running))


def test_the_header_has_no_room_for_an_address() -> None:
    """Type, flags, group, length, handle, generation, deadline: the handle is the only field of eight octets."""
    assert (HEADER.format, HEADER.size) == ("<BBHIQII", 24)


def test_handles_do_not_repeat_from_client_to_client(config: Path) -> None:
    """A handle names a question: one client's two questions have two, two clients' one question has one."""
    with started(config, *TELLING) as running:
        port = service_port(running)
        with client_socket(port) as one, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.78", 0))
            one.send(loud_query("a.example"))
            other.sendto(loud_query("a.example"), ("127.0.0.1", port))
            one.send(loud_query("b.example"))
            while len([message for message in messages(running) if message.type is MessageType.QUERY]) < 2:
                running.wait_for("crossed ", count=len(reads(running)) + 1)
        queries = [message for message in messages(running) if message.type is MessageType.QUERY]
        assert [message.body[1:2] for message in queries] == [b"a", b"b"]
        assert len({message.handle for message in queries}) == 2


def test_the_secret_of_spreading_and_the_settings_stay_on_their_sides(tmp_path: Path) -> None:
    """The memfds of settings are closed once they are read, and no cell holds the other's."""
    config = tmp_path / "anchorhold.toml"
    config.write_text(config_text(tmp_path))
    with started(config) as running:
        running.all_serve(tmp_path / "control.sock")
        for name in ("front", "resolver", "keeper"):
            links = descriptors(running.cell(name)).values()
            assert [link for link in links if "memfd" in link or "spread.key" in link or link.endswith(".toml")] == []


def test_cells_of_a_root_service_are_nobody_and_the_supervisor_alone_is_root(config: Path) -> None:
    need_root("giving up rights")
    with started(config) as running:
        running.all_serve(config.parent / "control.sock")
        for name in ("front", "resolver", "keeper"):
            status = state(running.cell(name))
            assert "0" not in status["Uid"].split() + status["Gid"].split()
            assert (status["Groups"], status["NoNewPrivs"], int(status["CapPrm"], 16)) == ("", "1", 0)
        assert state(running.process.pid)["Uid"].split() == ["0"] * 4


def reads(running: Running) -> list[bytes]:
    return [bytes.fromhex(line.split(" ")[1]) for line in running.lines if line.startswith("crossed ")]


def messages(running: Running) -> list[Message]:
    return list(Inbox().feed(b"".join(reads(running))))
