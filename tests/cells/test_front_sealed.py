"""What seldom happens to a front, under its own filter of system calls: any call that is not in its table would end it (SIGSYS),
and it would answer no more."""

import os
import signal
import socket
import struct
from contextlib import ExitStack, suppress
from pathlib import Path

import dns.message
import dns.rdatatype
import dns.reversename
import pytest
from kit.desk import answer, settings
from kit.front import PATIENCE, RunningFront, is_silent, running_front
from kit.processes import descriptors
from kit.stumbling_front import SECRET
from kit.two_forms import there

from anchorhold.cells.start import EXIT_PROTOCOL
from anchorhold.compiled import VARIABLE, Choice
from anchorhold.ipc import MessageType, build_message
from anchorhold.link import LinkType, send_message
from anchorhold.mistakes import EXIT_MISTAKE
from anchorhold.snapshot import seal
from net.sockets import SPARE
from wire.dns.framing import Framer, frame

FORMS = pytest.mark.parametrize("form", [Choice.REQUIRE, Choice.PURE], ids=lambda form: form.value)
"""Both tables of calls."""

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: closing is a reset."""


def query(name: str = "www.example", kind: str = "A", **changes: object) -> bytes:
    return dns.message.make_query(name, kind, **changes).to_wire()  # type: ignore[arg-type]


def datagram(port: int, host: str = "127.0.0.1") -> socket.socket:
    endpoint = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    endpoint.settimeout(PATIENCE)
    endpoint.connect((host, port))
    return endpoint


def answered(front: RunningFront, name: str, port: int = 0, host: str = "127.0.0.1") -> None:
    """A miss over UDP and over TCP, through the resolver and back: it is all there. What was asked before is answered too."""
    with datagram(port or front.port, host) as client:
        client.send(query(f"udp.{name}"))
        reply_up_to(front, b"\x03udp" + bytes((len(name.split(".")[0]),)) + name.split(".")[0].encode())
        assert 1 == len(dns.message.from_wire(client.recv(65_535)).answer)
    with socket.create_connection((host, port or front.port), PATIENCE) as stream:
        stream.sendall(frame(query(f"tcp.{name}")))
        reply_up_to(front, b"\x03tcp" + bytes((len(name.split(".")[0]),)) + name.split(".")[0].encode())
        assert 1 == len(dns.message.from_wire(hear(stream)).answer)


def reply_up_to(front: RunningFront, name: bytes) -> None:
    while not (asked := front.next_query()).body.startswith(name):
        front.reply(asked)
    front.reply(asked)


def drain_queries(front: RunningFront) -> None:
    """Answer all that is asked just now."""
    front.ping()
    while not is_silent(front.peer) or front.heard:
        message = front.next_message(*MessageType)
        if message.type is MessageType.QUERY:
            front.reply(message)


def hear(stream: socket.socket) -> bytes:
    framer = Framer()
    while True:
        data = stream.recv(65_536)
        assert data
        for message in framer.feed(data):
            return message


def test_a_mistake_is_told_over_the_link_with_its_place_and_without_its_words() -> None:
    with running_front(module="kit.stumbling_front") as front, datagram(front.port) as client:
        client.send(query("fall.example"))
        assert EXIT_MISTAKE == front.process.wait(PATIENCE)
        front.drain()
    (line,) = front.log
    assert line.startswith("front: ends by a mistake of ours: ValueError at stumbling_front.py:")
    assert "; after KeyError at stumbling_front.py:" in line
    assert SECRET not in line
    assert "192.0.2.7" not in line


def test_what_cannot_be_raised_and_a_warning_are_told_and_it_goes_on() -> None:
    with running_front(module="kit.stumbling_front") as front, datagram(front.port) as client:
        for name in ("drop.example", "warn.example"):
            client.send(query(name))
            front.reply(front.next_query())
            assert 1 == len(dns.message.from_wire(client.recv(65_535)).answer)
        assert 0 == front.end()
        front.drain()
    assert ["KeyError at stumbling_front.py", "RuntimeWarning at stumbling_front.py"] == [
        line.removeprefix("front: a mistake of ours: ").split(":")[0] for line in front.log
    ]
    assert SECRET not in "".join(front.log)


def test_settings_that_do_not_decode_end_it_and_say_so() -> None:
    with running_front() as front:
        descriptor = seal({"generation": 2})
        send_message(front.link, LinkType.SETTINGS, bytes(4), (descriptor,))
        os.close(descriptor)
        assert EXIT_PROTOCOL == front.process.wait(PATIENCE)
        front.drain()
    assert front.log[0].startswith("front: the supervisor sent what does not decode: settings do not decode:")


def in_form(form: Choice) -> dict[str, str]:
    """The environment of a front in this form."""
    if form is Choice.REQUIRE:
        there("resolver.edge.listen.batch")
    return {VARIABLE: form.value}


@FORMS
def test_questions_of_every_kind_and_what_is_none(form: Choice) -> None:
    kinds = [dns.rdatatype.to_text(dns.rdatatype.RdataType.make(number)) for number in (*range(1, 70), 99, 249, 65_534)]
    names = ("xn--mnchen-3ya.example", "_dns.resolver.arpa", "a" * 63 + ".example", ".", "1.0.0.127.in-addr.arpa")
    odd = [query(kind=kind) for kind in [*kinds, "ANY", "AXFR", "IXFR", "OPT"]]
    odd += [query(name) for name in names]
    odd += [query("version.bind", "TXT", rdclass="CH"), query(use_edns=1), query(ednsflags=0x8000, payload=65_535)]
    odd += [bytes(12), b"\0" * 600, b"\xff" * 12, query()[:-3], query() + b"x", b"", query("m\\195\\188nchen.example")]
    with running_front(environment=in_form(form)) as front, datagram(front.port) as client:
        for message in odd:
            client.send(message)
            with socket.create_connection(("127.0.0.1", front.port), PATIENCE) as stream:
                stream.sendall(frame(message or b"\0"))
                drain_queries(front)
        answered(front, "later.example")


@FORMS
def test_other_listeners_of_each_family_are_taken_while_it_serves(form: Choice) -> None:
    hosts = ("127.0.0.1", "::1", "0.0.0.0", "::", "127.0.0.2")
    with running_front("127.0.0.1", "::1", environment=in_form(form)) as front, datagram(front.port) as late:
        late.send(query("pending.example"))
        pending = front.next_query()
        ports = front.new_listeners(*hosts)
        front.ping()
        # Its socket is gone, and its number is somebody else's by now.
        front.reply(pending)
        for port, host in zip(ports, ("127.0.0.1", "::1", "127.0.0.3", "::1", "127.0.0.2"), strict=True):
            answered(front, f"x{port}.example", port, host)
        assert 0 == front.end()


def test_clients_that_reset_at_any_moment_are_not_missed() -> None:
    with running_front() as front:
        for number in range(60):
            with socket.create_connection(("127.0.0.1", front.port), PATIENCE) as stream:
                stream.sendall((b"", b"\0", frame(query(f"n{number}.example")))[number % 3])
                stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                drain_queries(front)
        answered(front, "later.example")


def test_a_resolver_and_a_dhcp_cell_come_and_go() -> None:
    with running_front() as front:
        for number in range(5):
            house = front.new_dhcp()
            front.new_peer()
            front.send(build_message(MessageType.PING, 7))
            answered(front, f"n{number}.example")
            house.close()
        front.send(b"\xff" * 64)
        assert front.wait_accused() is LinkType.PEER


def test_settings_come_again_and_again_with_more_and_with_less() -> None:
    with running_front() as front:
        before = len(descriptors(front.process.pid))
        for generation in range(2, 6):
            networks = tuple(f"10.{number >> 8}.{number & 255}.0/24" for number in range(5_000 * (generation % 2)))
            front.new_settings(settings(generation=generation, allow=("127.0.0.0/8", *networks)))
            answered(front, f"n{generation}.example")
        front.ping()
        assert before == len(descriptors(front.process.pid))


def test_without_descriptors_it_hangs_up_on_further_clients_and_still_hears_the_supervisor() -> None:
    most = 96
    value = settings(tcp_clients=1_000, tcp_clients_per_address=1_000)
    with running_front(value=value, descriptors=most) as front, ExitStack() as stack:
        clients = [
            stack.enter_context(socket.create_connection(("127.0.0.1", front.port), PATIENCE)) for _ in range(2 * most)
        ]
        front.new_peer()
        front.ping()
        assert len(descriptors(front.process.pid)) <= most - SPARE + 1
        (port,) = front.new_listeners("127.0.0.1")
        with datagram(port) as client:
            client.send(query())
            front.reply(front.next_query())
            assert 1 == len(dns.message.from_wire(client.recv(65_535)).answer)
        stack.close()
        answered(front, "later.example", port)
        assert clients


def test_answers_that_nobody_reads_and_a_large_cache_take_memory_and_no_further_call() -> None:
    value = settings(tcp_pipeline=64)
    with running_front(value=value) as front, socket.create_connection(("127.0.0.1", front.port), PATIENCE) as stream:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        for number in range(40):
            stream.sendall(frame(query(f"n{number}.example", "TXT")))
            asked = front.next_query()
            front.reply(asked, answer(asked.body, count=2_500, generation=asked.generation))
        front.ping()
        answered(front, "later.example")


def test_it_sleeps_and_wakes_with_the_machine() -> None:
    with running_front() as front:
        front.process.send_signal(signal.SIGSTOP)
        front.process.send_signal(signal.SIGCONT)
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            front.process.send_signal(number)
        answered(front, "later.example")


def test_operators_of_every_manner(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    said = (b'{"verb": "status"}\n', b'{"verb": "version"}\n', b"nonsense\n", b'{"verb": "x"}\n', b"x" * 70_000, b"")
    with running_front(control=path) as front, ExitStack() as stack:
        for data in said * 3:
            client = stack.enter_context(socket.socket(socket.AF_UNIX))
            client.settimeout(PATIENCE)
            # Only so many get in at a time, and the others wait.
            with suppress(OSError):
                client.connect(str(path))
                client.sendall(data)
            front.ping()
        answered(front, "later.example")


@pytest.mark.parametrize("open_questions", [0, 3])
def test_it_ends_well_with_things_open(open_questions: int) -> None:
    with running_front("127.0.0.1", "::1") as front, datagram(front.port) as client:
        with socket.create_connection(("127.0.0.1", front.port), PATIENCE):
            for number in range(open_questions):
                client.send(query(f"n{number}.example"))
                front.next_query()
            assert 0 == front.end()
        assert is_silent(client) or client.recv(512)
