"""The front as a real process: sockets, the pair to the resolver, a reload and its end."""

import dataclasses
import json
import os
import socket
import time
from contextlib import suppress
from pathlib import Path

import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest
from kit.desk import answer, hear, settings
from kit.front import PATIENCE, RunningFront, is_silent, running_front
from kit.processes import descriptors

from anchorhold.ipc import MessageType, build_message
from anchorhold.link import LinkType, send_message
from resolver.settings import Announcement, ClientGroup, Endpoint, FrontSettings, Served
from wire.dns.framing import frame


def query(name: str = "www.example", **changes: object) -> dns.message.Message:
    return dns.message.make_query(name, "A", **changes)  # type: ignore[arg-type]


def datagram(front: RunningFront, host: str = "127.0.0.1") -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    client = socket.socket(family, socket.SOCK_DGRAM)
    client.settimeout(PATIENCE)
    client.connect((host, front.port))
    return client


def exchange(client: socket.socket, asked: dns.message.Message) -> dns.message.Message:
    client.send(asked.to_wire())
    return dns.message.from_wire(client.recv(65_535))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_miss_is_asked_and_then_answered_from_the_cache(host: str) -> None:
    with running_front(host) as front, datagram(front, host) as client:
        asked = query("WwW.eXample")
        client.send(asked.to_wire())
        front.reply(front.next_query())
        message = dns.message.from_wire(client.recv(65_535))
        assert asked.is_response(message)
        assert "WwW.eXample." == message.question[0].name.to_text()
        assert [1, 1] == [len(exchange(client, query()).answer) for _ in range(2)]
        assert is_silent(front.peer)


@pytest.mark.parametrize(("listen", "asked"), [("0.0.0.0", "127.0.0.2"), ("::", "::1")])
def test_on_a_wildcard_socket_the_reply_leaves_from_the_address_that_was_asked(listen: str, asked: str) -> None:
    """A connected client hears nothing from another address. Also when it is told to slow down."""
    value = settings(rate=1.0, burst=2.0)
    with running_front(listen, value=value) as front, datagram(front, asked) as client:
        client.send(query().to_wire())
        front.reply(front.next_query())
        assert 1 == len(dns.message.from_wire(client.recv(65_535)).answer)
        assert 1 == len(exchange(client, query()).answer)
        assert exchange(client, query()).flags & dns.flags.TC


def test_a_pipeline_over_tcp_is_answered_out_of_order() -> None:
    with running_front() as front, socket.create_connection(("127.0.0.1", front.port), PATIENCE) as client:
        asked = [query(f"n{number}.example") for number in range(5)]
        client.sendall(b"".join(frame(one.to_wire()) for one in asked))
        crossed = [front.next_query() for _ in asked]
        for message in reversed(crossed):
            front.reply(message)
            (heard,) = hear(client, 1)
            assert heard.question[0].name.to_wire() == message.body[:-4]


def test_an_answer_too_long_for_udp_comes_whole_over_tcp() -> None:
    with running_front() as front, datagram(front) as client:
        client.send(query().to_wire())
        crossed = front.next_query()
        front.reply(crossed, answer(crossed.body, count=250))
        assert dns.message.from_wire(client.recv(65_535)).flags & dns.flags.TC
        message = dns.query.tcp(query(), "127.0.0.1", PATIENCE, front.port)
        assert 250 == len(message.answer[0])


def test_the_group_crosses_and_the_address_does_not() -> None:
    with running_front() as front:
        with socket.socket(type=socket.SOCK_DGRAM) as client:
            client.bind(("127.0.0.65", 0))
            client.sendto(query().to_wire(), ("127.0.0.1", front.port))
            crossed = front.next_query()
        assert (1, 1) == (crossed.group, crossed.generation)
        assert socket.inet_aton("127.0.0.65") not in crossed.body


def test_past_its_deadline_a_question_over_tcp_is_answered_at_once() -> None:
    """And cancelled. The service is otherwise idle, so nothing else wakes the loop."""
    with (
        running_front(value=settings(deadline=0.3), module="kit.patient_front") as front,
        socket.create_connection(("127.0.0.1", front.port), PATIENCE) as client,
    ):
        client.sendall(frame(query(use_edns=0).to_wire()))
        crossed = front.next_query()
        (message,) = hear(client, 1)
        assert dns.rcode.SERVFAIL == message.rcode()
        assert crossed.handle == front.next_message(MessageType.CANCEL).handle


@pytest.mark.parametrize(
    "nonsense",
    [
        pytest.param(bytes(24), id="unknown type"),
        pytest.param(build_message(MessageType.QUERY, 1, b"\0\0\1\0\1"), id="a message that is not for front"),
        pytest.param(build_message(MessageType.REPLY, 1, b""), id="a reply without a body"),
        pytest.param(b"\2\0\0\0\xff\xff\xff\xff" + bytes(16), id="a body beyond the ceiling"),
    ],
)
def test_a_resolver_that_sends_nonsense_is_hung_up_on_and_the_next_one_is_asked_again(nonsense: bytes) -> None:
    with running_front() as front, datagram(front) as client:
        client.send(query("open.example").to_wire())
        first = front.next_query()
        front.send(nonsense)
        assert b"" == front.peer.recv(1)
        front.new_peer()
        again = front.next_query()
        assert (first.handle, first.body) == (again.handle, again.body)
        front.reply(again)
        assert 1 == len(dns.message.from_wire(client.recv(65_535)).answer)


def test_cached_answers_go_on_while_the_resolver_is_gone() -> None:
    with running_front() as front, datagram(front) as client:
        client.send(query().to_wire())
        front.reply(front.next_query())
        client.recv(65_535)
        front.peer.close()
        assert 1 == len(exchange(client, query()).answer)


def test_hits_without_end_keep_nobody_else_waiting() -> None:
    """A wake-up of hits alone looks at nothing else: what is due comes all the same, and so does what others ask."""
    with running_front(value=settings(deadline=3.0)) as front, datagram(front) as client, datagram(front) as other:
        client.send(query().to_wire())
        front.reply(front.next_query())
        client.recv(65_535)
        exchange(client, query())
        other.setblocking(False)
        other.send(query("silent.example").to_wire())
        asked = front.next_query()
        other.send(query("other.example").to_wire())
        heard: dict[str, str] = {}
        end = time.monotonic() + PATIENCE
        while len(heard) < 2 and time.monotonic() < end:
            assert 1 == len(exchange(client, query()).answer)
            if not is_silent(front.peer) or front.heard:
                message = front.next_message(*MessageType)
                if message.type is MessageType.QUERY and message.handle != asked.handle:
                    front.reply(message)
            with suppress(BlockingIOError):
                said = dns.message.from_wire(other.recv(65_535))
                heard[said.question[0].name.to_text()] = dns.rcode.to_text(said.rcode())
    assert [("other.example.", "NOERROR"), ("silent.example.", "SERVFAIL")] == [*heard.items()]


def test_a_resolver_that_does_not_read_blocks_nothing() -> None:
    with running_front(credits=2**20) as front, datagram(front) as client:
        client.send(query("hot.example").to_wire())
        front.reply(front.next_query())
        client.recv(65_535)
        for number in range(3_000):
            client.send(query(f"n{number}.{'x' * 60}.{'y' * 60}.{'z' * 60}.example").to_wire())
            if number % 50 == 0:
                while exchange(client, query("hot.example")).question[0].name.to_text() != "hot.example.":
                    continue
        assert front.process.poll() is None


def test_a_reload_takes_a_group_away_while_its_client_is_connected_and_waiting() -> None:
    """Cached names, waiting questions and open streams all refer to groups by index."""
    with running_front() as front:
        place = ("127.0.0.1", front.port)
        with (
            socket.create_connection(place, PATIENCE, ("127.0.0.65", 0)) as stream,
            socket.socket(type=socket.SOCK_DGRAM) as client,
        ):
            client.settimeout(PATIENCE)
            client.bind(("127.0.0.65", 0))
            client.connect(place)
            client.send(query("open.example").to_wire())
            waiting = front.next_query()
            front.new_settings(settings(generation=2, client_groups=(ClientGroup("default"),)))
            stream.sendall(frame(query("new.example").to_wire()))
            crossed = front.next_query()
            assert [(1, 1), (0, 2)] == [(one.group, one.generation) for one in (waiting, crossed)]
            front.reply(waiting)
            front.reply(crossed)
            assert 1 == len(dns.message.from_wire(client.recv(65_535)).answer)
            assert 1 == len(hear(stream, 1)[0].answer)
            client.send(query("open.example").to_wire())
            assert b"\x04open\x07example\0\0\1\0\1" == front.next_query().body


def test_end_gives_out_what_is_nearly_there_and_ends_well() -> None:
    with running_front() as front, datagram(front) as client:
        with socket.create_connection(("127.0.0.1", front.port), PATIENCE) as stream:
            client.send(query("udp.example").to_wire())
            stream.sendall(frame(query("tcp.example").to_wire()))
            crossed = [front.next_query() for _ in range(2)]
            send_message(front.link, LinkType.END)
            for one in crossed:
                front.reply(one)
            assert 1 == len(dns.message.from_wire(client.recv(65_535)).answer)
            assert 1 == len(hear(stream, 1)[0].answer)
        assert 0 == front.process.wait(PATIENCE)


def test_end_ends_an_idle_front_at_once() -> None:
    with running_front(module="kit.patient_front") as front:
        send_message(front.link, LinkType.END)
        assert 0 == front.process.wait(PATIENCE)


def test_the_end_of_the_link_is_the_end_of_the_cell() -> None:
    with running_front() as front:
        front.link.close()
        assert 0 == front.process.wait(PATIENCE)


def test_the_control_socket_asks_and_relays(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with running_front(control=path) as front:
        with socket.socket(socket.AF_UNIX) as operator:
            operator.settimeout(PATIENCE)
            operator.connect(str(path))
            operator.sendall(b'{"verb": "status"}\n')
            fact = front.next_message(MessageType.FACT)
            front.send(build_message(MessageType.FACT, fact.handle, b'{"cell": "resolver"}'))
            with operator.makefile("rb") as file:
                ours, theirs = (json.loads(line) for line in file)
        assert (front.process.pid, {"cell": "resolver"}) == (ours["pid"], theirs)


def test_settings_leave_no_descriptor_behind() -> None:
    with running_front() as front:
        before = len(descriptors(front.process.pid))
        for generation in (2, 3, 4):
            front.new_settings(dataclasses.replace(settings(), generation=generation))
        assert before == len(descriptors(front.process.pid))
        assert [] == [link for link in descriptors(front.process.pid).values() if "memfd" in link]
    assert os.path.exists("/proc/self/fd")


def test_clients_are_sent_to_the_encrypted_ways_in_only_by_the_name_that_is_proved() -> None:
    with running_front(value=announcing("dns.example")) as front:
        assert led(front) == []
        send_message(front.link, LinkType.ENCRYPTED, b"dns.example")
        front.new_settings(announcing("dns.example", 2))
        assert led(front) == ["dns.example."]
        front.new_settings(announcing("other.example", 3))
        assert led(front) == []
        send_message(front.link, LinkType.ENCRYPTED, b"other.example")
        front.new_settings(announcing("other.example", 4))
        assert led(front) == ["other.example."]
        send_message(front.link, LinkType.ENCRYPTED, b"\xff")
        front.new_settings(announcing("other.example", 5))
        assert led(front) == []


def announcing(name: str, generation: int = 1) -> FrontSettings:
    return dataclasses.replace(
        settings(), generation=generation, announcement=Announcement(name, (Endpoint(Served.TLS, 853),))
    )


def led(front: RunningFront) -> list[str]:
    query = dns.message.make_query("_dns.resolver.arpa", "SVCB")
    response = dns.query.udp(query, "127.0.0.1", PATIENCE, front.port)
    return [data.target.to_text() for rrset in response.answer for data in rrset]
