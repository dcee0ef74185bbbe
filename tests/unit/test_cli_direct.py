"""`anchorhold ask --via`: a question straight to a server, over a real socket on loopback."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.message
import dns.rrset
import pytest
from click.testing import CliRunner, Result

from anchorhold.cli import main


def run(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def answer_to(data: bytes) -> bytes:
    query = dns.message.from_wire(data)
    answer = dns.message.make_response(query, recursion_available=True)
    answer.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "A", "192.0.2.7"))
    return answer.to_wire()


@contextmanager
def udp_server(seen: list[bytes]) -> Iterator[int]:
    """Answers one question on a port of its own."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)

        def serve() -> None:
            data, client = server.recvfrom(4096)
            seen.append(data)
            server.sendto(answer_to(data), client)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            thread.join()


@contextmanager
def tcp_server(seen: list[bytes]) -> Iterator[int]:
    """Answers one question on one connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)

        def serve() -> None:
            link, _ = server.accept()
            with link, link.makefile("rwb") as stream:
                data = stream.read(int.from_bytes(stream.read(2), "big"))
                seen.append(data)
                answer = answer_to(data)
                stream.write(len(answer).to_bytes(2, "big") + answer)
                stream.flush()
                stream.read(1)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            thread.join()


def test_a_server_named_by_via_is_asked_with_the_outer_form_of_every_query() -> None:
    seen: list[bytes] = []
    with udp_server(seen) as port:
        result = run("ask", "www.Example.NET", "--via", f"udp://127.0.0.1:{port}", "--dnssec")
    assert result.exit_code == 0, result.stderr
    assert "192.0.2.7" in result.stdout
    assert f"via udp://127.0.0.1:{port}" in result.stdout
    query = dns.message.from_wire(seen[0])
    assert query.question[0].name == dns.name.from_text("www.example.net.")
    assert query.ednsflags & dns.flags.DO


def test_tcp_asks_a_udp_url_over_tcp() -> None:
    seen: list[bytes] = []
    with tcp_server(seen) as port:
        result = run("ask", "example.net", "--via", f"udp://127.0.0.1:{port}", "--tcp", "--short")
    assert (result.exit_code, result.stdout) == (0, "192.0.2.7\n"), result.stderr
    assert len(seen) == 1


@pytest.mark.parametrize(
    "via",
    ["nonsense", "gopher://192.0.2.1", "tls://dns.example", "udp://dns.example@192.0.2.1", "sdns://AAAA"],
)
def test_a_url_that_names_no_server_is_wrong_usage(via: str) -> None:
    result = run("ask", "example.net", "--via", via)
    assert result.exit_code == 2
    assert "Error" in result.stderr


def test_tcp_goes_with_clear_schemes_only() -> None:
    assert run("ask", "example.net", "--via", "tls://192.0.2.1", "--tcp").exit_code == 2


def test_a_server_that_is_not_there_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    result = run("ask", "example.net", "--via", f"tcp://127.0.0.1:{port}")
    assert result.exit_code == 4
    assert "gave no answer" in result.stderr
