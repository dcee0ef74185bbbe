"""`anchorhold ask --via`: a question straight to a server, over a real socket on loopback."""

import asyncio
import base64
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.message
import dns.rrset
import pytest
from click.testing import CliRunner, Result
from kit.certificates import NAME, authority, identity
from kit.liar import Liar

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
        server.settimeout(60)

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
        server.settimeout(60)

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


@contextmanager
def liar(scheme: str) -> Iterator[Liar]:
    """A server that encrypts, in a loop of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = Liar(scheme)
    try:
        asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result(10)
        yield server
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def encrypted_url(server: Liar) -> str:
    return f"{server.scheme}://{NAME}@127.0.0.1:{server.port}{'/dns-query' if server.scheme in ('https', 'h3') else ''}"


@pytest.mark.parametrize("scheme", ["tls", "https", "quic", "h3"])
def test_ask_speaks_the_encrypted_transports_and_trusts_the_authorities_it_is_given(
    scheme: str, tmp_path: Path
) -> None:
    (tmp_path / "ca.pem").write_text(authority().pem)
    with liar(scheme) as server:
        result = run("ask", "example.net", "--via", encrypted_url(server), "--ca-file", tmp_path / "ca.pem", "--short")
    assert (0, "192.0.2.7\n") == (result.exit_code, result.stdout)


def test_ask_takes_a_pin_instead_of_a_name() -> None:
    pin = base64.b64encode(identity("good").pin).decode()
    with liar("tls") as server:
        right = run("ask", "example.net", "--via", f"tls://127.0.0.1:{server.port}", "--pin", pin, "--short")
        wrong = run("ask", "example.net", "--via", encrypted_url(server), "--pin", "A" * 43 + "=")
    assert (0, 4, 1) == (right.exit_code, wrong.exit_code, len(server.queries))


def test_without_proof_nothing_is_asked() -> None:
    with liar("tls") as server:
        result = run("ask", "example.net", "--via", encrypted_url(server))
    assert (4, []) == (result.exit_code, server.queries)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--via", "udp://127.0.0.1", "--pin", "A" * 43 + "="),
        ("--via", "tls://127.0.0.1", "--pin", "short"),
        ("--via", "tls://127.0.0.1", "--ca-file", "/nonexistent"),
        ("--pin", "A" * 43 + "="),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(arguments: tuple[str, ...]) -> None:
    assert 2 == run("ask", "example.net", *arguments).exit_code
