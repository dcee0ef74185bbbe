"""A server of HTTP/2 that knows the response to a request: it is given before the request is told of, and is the same."""

import hpack
import pytest
from kit.coders import http2_codec
from kit.https import DATA, END_STREAM, ENTIRE, GREETING, HEADERS, RST, SETTINGS, WINDOW, frame, frames

from net.h2_codecs import Header, ServerLimits
from net.h2_guard import PURSE, Abusive
from net.h2_server import Asked, Http2Server

__all__ = ["http2_codec"]

pytestmark = pytest.mark.usefixtures("http2_codec")

BODY = bytes(range(200))
FIELDS: list[Header] = [(b":status", b"200"), (b"content-length", b"200")]


def request(stream: int, path: bytes, flags: int = ENTIRE, *more: Header) -> bytes:
    fields = [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"a.example"), (b":path", path), *more]
    return frame(HEADERS, flags, stream, hpack.Encoder().encode(fields))


class Memory:
    """Knows one path; which were asked for."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []

    def __call__(self, headers: object, now: float) -> tuple[list[Header], bytes, bool] | None:
        assert now == 7.0
        self.asked.append(dict(headers)[b":path"])  # type: ignore[call-overload]
        return (FIELDS, BODY, True) if self.asked[-1] == b"/known" else None


def opened(greeting: bytes = GREETING) -> tuple[Http2Server, Memory]:
    memory = Memory()
    server = Http2Server(ServerLimits(65_535, 3), memory)
    server.receive(greeting, 7.0)
    server.outgoing()
    return server, memory


def bodies(sent: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    for kind, _, stream, body in frames(sent):
        if kind == DATA:
            found[stream] = found.get(stream, b"") + body
    return found


@pytest.mark.parametrize("length", [b"1", b"65536"])
def test_a_request_that_promised_a_body_is_no_whole_one(length: bytes) -> None:
    """Malformed (RFC 9113 §8.1.1): it is not answered, from memory neither."""
    server, memory = opened()
    told = server.receive(request(1, b"/known", ENTIRE, (b"content-length", length)), 7.0)
    assert (told, memory.asked, server.open) == ([], [], 0)
    assert frames(server.outgoing()) == [(RST, 0, 1, b"\0\0\0\1")]


def test_what_is_known_is_answered_and_not_told_of() -> None:
    server, memory = opened()
    told = server.receive(request(1, b"/known") + request(3, b"/other"), 7.0)
    assert [(type(one), one.stream) for one in told] == [(Asked, 3)]
    assert memory.asked == [b"/known", b"/other"]
    assert bodies(server.outgoing()) == {1: BODY}
    assert server.open == 1
    server.respond(3, FIELDS, BODY, good=True)
    assert bodies(server.outgoing()) == {3: BODY}
    assert server.open == 0
    assert server.held == 0


def test_a_request_with_a_body_is_told_of_when_it_is_whole() -> None:
    server, memory = opened()
    assert server.receive(request(1, b"/known", ENTIRE & ~END_STREAM), 7.0) == []
    (asked,) = server.receive(frame(DATA, END_STREAM, 1, b"body"), 7.0)
    assert isinstance(asked, Asked)
    assert asked.body == b"body"
    assert memory.asked == []


def test_a_response_waits_for_the_clients_window() -> None:
    small = b"\0\4" + (50).to_bytes(4, "big")
    server, _ = opened(GREETING[:24] + frame(SETTINGS, 0, 0, small))
    assert server.receive(request(1, b"/known"), 7.0) == []
    assert bodies(server.outgoing()) == {1: BODY[:50]}
    assert (server.open, server.held) == (1, 150)
    assert server.receive(frame(WINDOW, 0, 1, (1_000).to_bytes(4, "big")), 7.0) == []
    assert bodies(server.outgoing()) == {1: BODY[50:]}
    assert (server.open, server.held) == (0, 0)


def test_what_was_called_off_in_one_go_is_neither_answered_nor_told_of() -> None:
    server, _ = opened()
    assert server.receive(request(1, b"/known") + frame(RST, 0, 1, bytes(4)), 7.0) == []
    assert bodies(server.outgoing()) == {}
    assert server.open == 0


def test_answers_pay_back_what_requests_cost() -> None:
    server, _ = opened()
    for stream in range(1, 2 * PURSE, 2):
        server.receive(request(stream, b"/known"), 7.0)
        assert bodies(server.outgoing()) == {stream: BODY}
        if stream % 100 == 1:
            server.receive(frame(WINDOW, 0, 0, (20_000).to_bytes(4, "big")), 7.0)
    called_off = (
        request(stream, b"/known") + frame(RST, 0, stream, bytes(4)) for stream in range(2 * PURSE + 1, 6 * PURSE, 2)
    )
    with pytest.raises(Abusive):
        server.receive(b"".join(called_off), 7.0)
