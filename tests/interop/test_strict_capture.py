"""What a listener on the wire sees: a raw packet socket on `lo` over whole exchanges. Needs root.

Each test's name has a label that is nowhere else; `kit/capture.py` says what is seen.
"""

import base64
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import dns.edns
import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from demo.internet import NORTH, Internet
from demo.internet import PATH as DOH_PATH
from kit.capture import CLIENT, SERVICE, TCP, UPSTREAM, Capture, captured
from kit.certificates import NAME, Identity, authority, identity, server_context
from kit.peers import House, free_ports, house, need_root, open_folder

PATIENCE = 60.0
ANSWER = "192.0.2.9"
CLEAR_PORTS = (53, 853)


@pytest.fixture(autouse=True)
def _may_capture() -> None:
    need_root("a capture")


@dataclass
class Upstream:
    """A TLS server that keeps all octets that came through finished handshakes, and answers DoT.

    `connections` counts TCP connections: it shows that somebody tried. `received` has one entry for each that spoke.
    """

    port: int
    connections: int = 0
    received: list[bytes] = field(default_factory=list)


@contextmanager
def upstream(shown: Identity, alpn: str) -> Iterator[Upstream]:
    context = server_context(shown, (alpn,))
    with socket.create_server((UPSTREAM, 0)) as listener:
        server = Upstream(listener.getsockname()[1])

        def serve() -> None:
            while True:
                try:
                    link, _ = listener.accept()
                except OSError:
                    return
                server.connections += 1
                spoken = bytearray()
                link.settimeout(PATIENCE)
                with link:
                    try:
                        with context.wrap_socket(link, server_side=True) as tls:
                            while data := tls.recv(65_536):
                                spoken += data
                                tls.sendall(answer_dot(data))
                    except OSError:  # ssl's own errors are of this kind
                        pass
                if spoken:
                    server.received.append(bytes(spoken))

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server
        finally:
            listener.shutdown(socket.SHUT_RDWR)  # wakes accept
            thread.join()


def answer_dot(data: bytes) -> bytes:
    """The answers to framed queries that came in one piece, the address to who asks for one; nothing for anything else."""
    answers = b""
    while len(data) > 2:
        size = int.from_bytes(data[:2], "big")
        try:
            query = dns.message.from_wire(data[2 : 2 + size])
        except dns.exception.DNSException:
            return answers
        response = dns.message.make_response(query, recursion_available=True)
        question = query.question[0]
        # The service asks for the keys of the root too, on its own account.
        if question.rdtype == dns.rdatatype.A:
            response.answer.append(dns.rrset.from_text(question.name, 300, "IN", "A", ANSWER))
        wire = response.to_wire()
        answers += len(wire).to_bytes(2, "big") + wire
        data = data[2 + size :]
    return answers


@dataclass(frozen=True)
class Wrong:
    """A certificate that proves nothing to us, and what we wanted to see."""

    shown: str
    pins: tuple[bytes, ...] = ()


WRONG = {
    "another name": Wrong("other-name"),
    "expired": Wrong("expired"),
    "another authority": Wrong("foreign"),
    "self-signed": Wrong("self-signed"),
    "another key than pinned": Wrong("good", (b"\x5a" * 32,)),
}

ROADS = {"DoT": ("tls", "", "dot"), "DoH": ("https", DOH_PATH, "h2")}


def tables(folder: Path, road: str, port: int, pins: tuple[bytes, ...] = ()) -> str:
    """An upstream group of one server, strict by default."""
    scheme, path, _ = ROADS[road]
    ca_file = folder / "authority.pem"
    ca_file.write_text(authority().pem)
    pinned = "".join(f', pins = ["{base64.b64encode(pin).decode()}"]' for pin in pins)
    url = f"{scheme}://{NAME}@{UPSTREAM}:{port}{path}"
    return f'[upstreams.default]\nservers = [{{ url = "{url}", ca_file = "{ca_file}"{pinned} }}]'


def secret_name() -> tuple[str, bytes]:
    """A name with a label that is nowhere else, and that label as it is on the wire, in lower case."""
    label = "only" + secrets.token_hex(8)
    return f"www.{label}.example.", bytes((len(label),)) + label.encode()


def ask(here: House, name: str, *, stream: bool = False) -> dns.message.Message:
    query = dns.message.make_query(name, "A", use_edns=0)
    send = dns.query.tcp if stream else dns.query.udp
    return send(query, here.address, PATIENCE, here.port, source=CLIENT)


def extended_errors(response: dns.message.Message) -> list[str]:
    return [str(option.text) for option in response.options if isinstance(option, dns.edns.EDEOption)]


def check_nothing_told(capture: Capture, mark: bytes) -> None:
    """The label is on packets between the client and the service only, and nothing goes out in clear text."""
    assert capture.telling(mark) != [], "the capture must see the client's own question"
    label = mark[1:]
    assert [] == [packet for packet in capture.telling(label) if packet.ends != {CLIENT, SERVICE}]
    assert label not in capture.stream_to(UPSTREAM)
    towards = capture.to(UPSTREAM)
    assert {TCP} == {packet.protocol for packet in towards}
    assert [] == [packet for packet in towards if packet.destination[1] in CLEAR_PORTS]


@pytest.mark.parametrize("road", list(ROADS))
@pytest.mark.parametrize("wrong", list(WRONG))
def test_an_upstream_that_proves_nothing_is_told_nothing(wrong: str, road: str) -> None:
    name, mark = secret_name()
    kind = WRONG[wrong]
    with (
        open_folder() as folder,
        upstream(identity(kind.shown), ROADS[road][2]) as server,
        captured() as finish,
        house(folder, tables(folder, road, server.port, kind.pins), SERVICE) as here,
    ):
        answers = [ask(here, name), ask(here, "mail." + name, stream=True), ask(here, name)]
        capture = finish()
    assert [dns.rcode.SERVFAIL] * 3 == [response.rcode() for response in answers]
    said = "no upstream proved its name or key; nothing was sent"
    assert [said] == extended_errors(answers[0])
    assert [1, 1, 1] == [len(extended_errors(response)) for response in answers]
    assert server.connections >= 1
    # With a wrong pin the preface of HTTP/2 may get out, inside TLS; no request ever does.
    assert [] == server.received
    check_nothing_told(capture, mark)
    assert {server.port} == {packet.destination[1] for packet in capture.to(UPSTREAM)}


def test_an_upstream_that_nobody_serves_is_not_asked_in_clear_text_instead() -> None:
    name, mark = secret_name()
    port = free_ports(1, UPSTREAM)[0]
    with open_folder() as folder, captured() as finish, house(folder, tables(folder, "DoT", port), SERVICE) as here:
        response = ask(here, name)
        capture = finish()
    assert dns.rcode.SERVFAIL == response.rcode()
    assert 1 == len(extended_errors(response))
    check_nothing_told(capture, mark)


@pytest.mark.parametrize("pinned", [False, True], ids=["by name", "by pin"])
def test_a_strict_resolution_over_tls_shows_a_listener_no_name(pinned: bool) -> None:
    name, mark = secret_name()
    shown = identity("good")
    pins = (shown.pin,) if pinned else ()
    with (
        open_folder() as folder,
        upstream(shown, "dot") as server,
        captured() as finish,
        house(folder, tables(folder, "DoT", server.port, pins), SERVICE) as here,
    ):
        response = ask(here, name)
        capture = finish()
    assert (dns.rcode.NOERROR, [ANSWER]) == (response.rcode(), data_of(response))
    assert 1 == len(server.received)
    assert mark in server.received[0]
    check_nothing_told(capture, mark)


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_strict_resolution_over_https_shows_a_listener_no_name(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, mark = secret_name()
    monkeypatch.setattr("demo.internet.NORTH", replace(NORTH, address=UPSTREAM))  # where the capture looks
    with open_folder() as folder, Internet(folder) as internet:
        answer = dns.rrset.from_text(name, 600, "IN", "A", ANSWER)
        internet.zones[dns.name.from_text("example.")].rrsets[answer.name, dns.rdatatype.A] = answer
        url = f"https://{NORTH.host}@{UPSTREAM}:{internet.ports['North', 'DoH']}{DOH_PATH}"
        server = f'{{ url = "{url}", ca_file = "{internet.authorities}", method = "{method}" }}'
        with captured() as finish, house(folder, f"[upstreams.default]\nservers = [{server}]", SERVICE) as here:
            response = ask(here, name)
            capture = finish()
    assert [ANSWER] == data_of(response)
    assert [("DoH", name)] == [(seen.transport, seen.name) for seen in internet.log]
    check_nothing_told(capture, mark)


def test_the_capture_would_show_a_name_in_clear_text() -> None:
    """The other tests prove something only if this one sees the name: an opportunistic group with a clear upstream."""
    name, mark = secret_name()
    with open_folder() as folder, socket.socket(type=socket.SOCK_DGRAM) as server:
        server.bind((UPSTREAM, 0))
        clear = (
            f'[upstreams.default]\nprofile = "opportunistic"\nservers = ["udp://{UPSTREAM}:{server.getsockname()[1]}"]'
        )

        def serve() -> None:
            data = b""
            while mark not in data.lower():
                data, client = server.recvfrom(65_535)
                server.sendto(answer_dot(len(data).to_bytes(2, "big") + data)[2:], client)

        thread = threading.Thread(target=serve)
        with captured() as finish, house(folder, clear, SERVICE) as here:
            thread.start()
            response = ask(here, name)
            thread.join(PATIENCE)
            capture = finish()
    assert [ANSWER] == data_of(response)
    assert [] != [packet for packet in capture.telling(mark) if UPSTREAM in packet.ends]


def data_of(response: dns.message.Message) -> list[str]:
    return [item.to_text() for rrset in response.answer for item in rrset if rrset.rdtype == dns.rdatatype.A]
