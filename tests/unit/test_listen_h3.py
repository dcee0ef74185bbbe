"""DoH over HTTP/3 (RFC 9114, RFC 8484), with aioquic's HTTP/3 on the client's side."""

from base64 import urlsafe_b64encode

import dns.message
import pytest
from aioquic.buffer import encode_uint_var
from aioquic.h3.connection import ErrorCode, FrameType, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from kit.coders import quic_codec
from kit.quic import QuicClient, QuicHouse, connected, query

from net.h3_server import MAX_CONTROL, MAX_HEADERS
from resolver.doh import MEDIA_TYPE
from resolver.edge.listen.house import BARRED
from resolver.edge.listen.requests import serve_doh

__all__ = ["quic_codec"]

pytestmark = pytest.mark.usefixtures("quic_codec")

Fields = list[tuple[bytes, bytes]]


class Browser:
    """HTTP/3 over a client's connection: `responses` are (fields, body) by stream."""

    def __init__(self, house: QuicHouse) -> None:
        serve_doh(house.house)
        self.house = house
        self.client: QuicClient = connected(house, alpn="h3")
        self.http = H3Connection(self.client.core)
        self._seen = 0
        self.responses: dict[int, tuple[dict[bytes, bytes], bytes]] = {}

    def ask(self, path: str, *, method: str = "GET", body: bytes = b"", fields: Fields = ()) -> int:  # type: ignore[assignment]
        stream = self.client.core.get_next_available_stream_id()
        head = [
            (b":method", method.encode()),
            (b":scheme", b"https"),
            (b":authority", b"dns.example"),
            (b":path", path.encode()),
            *fields,
        ]
        self.http.send_headers(stream, head, end_stream=not body)
        if body:
            self.http.send_data(stream, body, end_stream=True)
        return stream

    def run(self, seconds: float = 0.3) -> None:
        self.house.run(seconds)
        for event in self.client.heard[self._seen :]:
            for part in self.http.handle_event(event):
                fields, body = self.responses.get(part.stream_id, ({}, b""))
                if isinstance(part, HeadersReceived):
                    self.responses[part.stream_id] = (dict(part.headers), body)
                elif isinstance(part, DataReceived):
                    self.responses[part.stream_id] = (fields, body + part.data)
        self._seen = len(self.client.heard)

    @property
    def end(self) -> int | None:
        return None if self.client.terminated is None else self.client.terminated.error_code


def in_path(message: bytes) -> str:
    return "/dns-query?dns=" + urlsafe_b64encode(message).rstrip(b"=").decode()


POST: Fields = [(b"content-type", MEDIA_TYPE.encode())]


def test_get_and_post_are_answered_padded_with_the_life_of_the_answer() -> None:
    browser = Browser(QuicHouse())
    got = browser.ask(in_path(query()))
    posted = browser.ask("/dns-query", method="POST", body=query(), fields=POST)
    browser.run()
    for stream in (got, posted):
        fields, body = browser.responses[stream]
        assert fields == {
            b":status": b"200",
            b"content-type": MEDIA_TYPE.encode(),
            b"content-length": b"468",
            b"cache-control": b"private, max-age=300",
        }
        assert str(dns.message.from_wire(body).answer[0][0]) == "192.0.2.0"


@pytest.mark.parametrize(
    ("path", "how", "status"),
    [
        ("/", {}, b"404"),
        ("/dns-query", {}, b"400"),
        ("/dns-query?dns=AAAA", {}, b"400"),
        ("/dns-query", {"method": "PUT", "body": b"x"}, b"405"),
        ("/dns-query", {"method": "POST", "body": b"x", "fields": [(b"content-type", b"text/plain")]}, b"415"),
        ("/dns-query", {"method": "POST", "body": bytes(65_536), "fields": POST}, b"413"),
    ],
)
def test_what_is_no_question_is_refused_and_never_asked(path: str, how: dict[str, object], status: bytes) -> None:
    browser = Browser(QuicHouse())
    stream = browser.ask(path, **how)  # type: ignore[arg-type]
    browser.run(1.0)
    assert browser.responses[stream][0][b":status"] == status
    assert browser.house.counter.port.queries == []
    good = browser.ask(in_path(query()))
    browser.run()
    assert browser.responses[good][0][b":status"] == b"200"


def test_head_is_refused_without_a_body() -> None:
    browser = Browser(QuicHouse())
    stream = browser.ask("/dns-query", method="HEAD")
    browser.run()
    fields, body = browser.responses[stream]
    assert (fields[b":status"], fields[b"allow"], body) == (b"405", b"GET, POST", b"")
    assert b"content-length" not in fields


def test_what_is_no_request_for_a_path_here_is_refused() -> None:
    browser = Browser(QuicHouse())
    stream = browser.ask("dns-query")
    browser.run()
    assert browser.responses[stream][0][b":status"] == b"400"


def test_a_cancelled_request_is_forgotten() -> None:
    browser = Browser(QuicHouse())
    browser.house.answering = False
    stream = browser.ask(in_path(query()))
    browser.run()
    browser.client.core.stop_stream(stream, ErrorCode.H3_REQUEST_CANCELLED)
    browser.run()
    assert len(browser.house.counter.port.cancelled) == 1
    (guest,) = browser.house.listener.guests
    assert not guest.owing


def test_who_asks_and_wants_no_answer_in_one_packet_harms_nobody() -> None:
    browser = Browser(QuicHouse())
    browser.ask(in_path(query()))
    browser.run()
    stream = browser.ask(in_path(query()))
    browser.client.core.stop_stream(stream, ErrorCode.H3_REQUEST_CANCELLED)
    browser.run()
    assert stream not in browser.responses
    again = browser.ask(in_path(query()))
    browser.run()
    assert browser.responses[again][0][b":status"] == b"200"


def reset_rapidly(browser: Browser) -> None:
    for number in range(200):
        stream = browser.ask(in_path(query(f"n{number}.example")))
        browser.house.turn()
        browser.client.core.reset_stream(stream, ErrorCode.H3_REQUEST_CANCELLED)
        browser.client.core.stop_stream(stream, ErrorCode.H3_REQUEST_CANCELLED)
        browser.run(0.02)


def test_rapid_reset_ends_the_connection() -> None:
    browser = Browser(QuicHouse())
    browser.house.answering = False
    reset_rapidly(browser)
    assert browser.end == ErrorCode.H3_EXCESSIVE_LOAD
    assert len(browser.house.counter.port.cancelled) < 100
    assert browser.house.desk.open == 0


def test_after_rapid_reset_nobody_from_there_is_let_in_for_a_while() -> None:
    house = QuicHouse()
    reset_rapidly(Browser(house))
    barred = house.connect(alpn="h3")
    connected(house, alpn="h3", address=("127.0.0.2", 1_000))
    house.run(BARRED / 4)
    assert barred.connected is None
    assert house.counters["secure-refused-barred"] >= 1
    del house.clients[barred.address]
    house.run(BARRED)
    connected(house, alpn="h3")


def test_a_polite_end_says_which_requests_were_not_looked_at() -> None:
    browser = Browser(QuicHouse(idle=5.0))
    for _ in range(3):
        browser.ask(in_path(query()))
    browser.run()
    browser.house.run(6.0)
    assert browser.end == ErrorCode.H3_NO_ERROR
    control = next(data for data in browser.client.answers.values() if data[:1] == b"\x00")
    assert control.endswith(encode_uint_var(FrameType.GOAWAY) + b"\x01" + encode_uint_var(12))


def raw_frame(kind: int, size: int) -> bytes:
    return encode_uint_var(kind) + encode_uint_var(size)


def test_a_block_of_headers_that_is_too_long_is_not_even_waited_for() -> None:
    browser = Browser(QuicHouse())
    stream = browser.client.core.get_next_available_stream_id()
    browser.client.core.send_stream_data(stream, raw_frame(FrameType.HEADERS, MAX_HEADERS + 1), False)
    browser.run()
    assert browser.end == ErrorCode.H3_EXCESSIVE_LOAD


def test_a_short_block_that_grows_when_it_is_read_is_no_request() -> None:
    """Each octet names an entry of the static table, of some 50 octets."""
    browser = Browser(QuicHouse())
    block = b"\x00\x00" + b"\xe9" * 8_000
    stream = browser.client.core.get_next_available_stream_id()
    browser.client.core.send_stream_data(stream, raw_frame(FrameType.HEADERS, len(block)) + block, True)
    browser.run()
    assert browser.end in (ErrorCode.H3_EXCESSIVE_LOAD, ErrorCode.H3_MESSAGE_ERROR)
    assert "http-not-found" not in browser.house.counters


def test_there_is_no_table_of_headers_to_fill() -> None:
    browser = Browser(QuicHouse())
    browser.client.core.send_stream_data(browser.http._local_encoder_stream_id or 0, b"\x3f\xe1\x1f" + b"\x43abc\x01x")
    browser.run()
    assert browser.end == ErrorCode.QPACK_ENCODER_STREAM_ERROR


def test_a_control_stream_keeps_little() -> None:
    browser = Browser(QuicHouse())
    flood = browser.client.core.get_next_available_stream_id(is_unidirectional=True)
    assert flood == 14
    house = QuicHouse()
    client = connected(house, alpn="h3")
    client.core.send_stream_data(2, b"\x00" + raw_frame(FrameType.SETTINGS, 60_000) + bytes(2 * MAX_CONTROL), False)
    house.run(0.5)
    assert client.terminated is not None
    assert client.terminated.error_code == ErrorCode.H3_EXCESSIVE_LOAD


@pytest.mark.parametrize(
    "data",
    [
        raw_frame(FrameType.DATA, 3) + b"abc",
        raw_frame(FrameType.SETTINGS, 0),
        raw_frame(FrameType.PUSH_PROMISE, 0),
        b"\x01",
    ],
)
def test_what_breaks_the_protocol_ends_the_connection(data: bytes) -> None:
    browser = Browser(QuicHouse())
    stream = browser.client.core.get_next_available_stream_id()
    browser.client.core.send_stream_data(stream, data, True)
    browser.run()
    assert browser.end is not None
    assert browser.end >= 0x100
    assert browser.house.listener.guests == set()


def test_a_hundred_requests_at_once() -> None:
    browser = Browser(QuicHouse())
    streams = [browser.ask(in_path(query(f"n{number}.example"))) for number in range(100)]
    browser.run(1.0)
    assert {browser.responses[stream][0][b":status"] for stream in streams} == {b"200"}
    (guest,) = browser.house.listener.guests
    assert guest.talk._http._http._stream.keys() <= {2, 6, 10, 3, 7, 11}  # type: ignore[union-attr]


def test_of_requests_that_are_not_whole_only_what_is_read_is_kept() -> None:
    browser = Browser(QuicHouse())
    one = (b"accept", b"*/*"), (b"cookie", b""), (b"x-forwarded-for", b"192.0.2.1")
    stream = browser.client.core.get_next_available_stream_id()
    head = [(b":method", b"POST"), (b":scheme", b"https"), (b":authority", b"x"), (b":path", b"/dns-query"), *one * 40]
    browser.http.send_headers(stream, head)
    browser.run()
    (guest,) = browser.house.listener.guests
    assert guest.talk._coming[stream].fields == {  # type: ignore[union-attr]
        b":method": b"POST",
        b":scheme": b"https",
        b":path": b"/dns-query",
        b"accept": b", ".join([b"*/*"] * 40),
    }
