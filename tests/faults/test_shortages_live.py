"""The real processes with real limits: no descriptor is left for clients, or for questions; packets have no way out."""

import itertools
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import dns.message
import dns.query
import dns.rcode
import pytest
from kit.desk import answer
from kit.front import RunningFront, running_front
from kit.lan import Place
from kit.liar_thread import liar_at
from kit.peers import need_root
from kit.processes import allow, descriptors
from kit.service import config_text, started

PATIENCE = 60.0


@contextmanager
def few_descriptors(pid: int, more: int) -> Iterator[None]:
    """This process may have so many more than it has."""
    (limits,) = [line for line in Path(f"/proc/{pid}/limits").read_text().splitlines() if "open files" in line]
    taken = descriptors(pid)
    free = (number for number in itertools.count() if number not in taken)
    allow(pid, "nofile", list(itertools.islice(free, more + 1))[-1])
    try:
        yield
    finally:
        allow(pid, "nofile", int(limits.split()[3]))


def ask_on(stack: ExitStack, front: RunningFront, name: str) -> socket.socket:
    client = stack.enter_context(socket.create_connection(("127.0.0.1", front.port), PATIENCE))
    query = dns.message.make_query(name, "A").to_wire()
    client.sendall(len(query).to_bytes(2, "big") + query)
    return client


def test_clients_wait_for_a_descriptor_and_get_it_when_one_is_there() -> None:
    with running_front() as front, ExitStack() as stack, few_descriptors(front.process.pid, 4):
        clients = [ask_on(stack, front, f"n{number}.example") for number in range(12)]
        inside = [front.next_query() for _ in range(4)]
        # All four wait for an answer, so nobody can be given up. UDP needs no descriptor.
        query = dns.message.make_query("udp.example", "A")
        with socket.socket(type=socket.SOCK_DGRAM) as client:
            client.settimeout(PATIENCE)
            client.connect(("127.0.0.1", front.port))
            client.send(query.to_wire())
            asked = front.next_query()
            front.reply(asked, answer(asked.body, generation=asked.generation))
            assert query.id == dns.message.from_wire(client.recv(4_096)).id
        answered = 0
        for asked in inside:
            front.reply(asked)
        # They are silent now, and make room one after another, without a word from anybody.
        while answered < 8:
            asked = front.next_query()
            front.reply(asked)
            answered += 1
        assert all(client.recv(2) for client in clients)
        assert front.process.poll() is None


@pytest.mark.parametrize("scheme", ["udp", "tls"])
def test_questions_fail_while_there_is_no_descriptor_and_not_a_moment_longer(scheme: str, tmp_path: Path) -> None:
    with liar_at(scheme) as liar:
        config = tmp_path / "anchorhold.toml"
        (tmp_path / "ca.pem").write_text(liar.spec().authorities)
        name = f"{liar.spec().name}@" if scheme == "tls" else ""
        trust = f', ca_file = "{tmp_path}/ca.pem"' if scheme == "tls" else ""
        server = f'{{ url = "{scheme}://{name}127.0.0.1:{liar.port}"{trust} }}'
        profile = "strict" if scheme == "tls" else "opportunistic"
        text = config_text(tmp_path, server="SERVER", profile=profile).replace('"SERVER"', server)
        config.write_text(text)
        with started(config) as running:
            port = running.port()

            def rcode(name: str) -> str:
                query = dns.message.make_query(name, "A")
                return dns.rcode.to_text(dns.query.udp(query, "127.0.0.1", PATIENCE, port).rcode())

            with few_descriptors(running.cell("resolver"), 0):
                assert ["SERVFAIL"] * 3 == [rcode("www.example.") for _ in range(3)]
                running.wait_for("no descriptor is left")
            assert rcode("www.example.") == "NOERROR"
            assert [] == [line for line in running.lines if "mistake" in line or "Traceback" in line]


@pytest.mark.parametrize(("route", "said"), [("prohibit", "forbids packets"), ("unreachable", "have no way out")])
def test_a_way_that_is_forbidden_costs_a_question_and_nothing_else(route: str, said: str, tmp_path: Path) -> None:
    need_root("a network namespace")
    here = Place()
    try:
        here.ip(f"route add {route} 192.0.2.9")
        config = tmp_path / "anchorhold.toml"
        config.write_text(config_text(tmp_path, 5300, server="udp://192.0.2.9", profile="opportunistic"))
        with started(config, within=here) as running:
            running.wait_for("serving on")
            shown = here.run("dig", "+time=30", "+tries=1", "-p", "5300", "@127.0.0.1", "www.example.")
            assert "SERVFAIL" in shown
            assert "no upstream could be reached" in shown
            running.wait_for(said)
            assert [] == [line for line in running.lines if "mistake" in line or "Traceback" in line]
    finally:
        here.close()
