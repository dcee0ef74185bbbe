"""The HTTP/2 link against frames made by hand: what we send first, and what we put up with."""

import asyncio
import struct

import hpack
import pytest
from kit.coders import http2_codec

from net.h2 import CONNECTION_WINDOW, MAX_CONTROL, MAX_UNREAD, Http2Link, Limits, Response, StreamFailed, StreamFailure

__all__ = ["http2_codec"]

pytestmark = pytest.mark.usefixtures("http2_codec")

REQUEST = [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"a.example"), (b":path", b"/")]
DATA, HEADERS, RST, SETTINGS, PING, GOAWAY, WINDOW = 0, 1, 3, 4, 6, 7, 8
END_STREAM, END_HEADERS, ACK = 1, 4, 1


class Wire(asyncio.Transport):
    """Keeps what is written; an end is told at once."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = bytearray()
        self.ended = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent += data

    def close(self) -> None:
        self.ended = True

    def abort(self) -> None:
        self.ended = True


def frame(kind: int, flags: int, stream: int, body: bytes = b"") -> bytes:
    return len(body).to_bytes(3, "big") + bytes((kind, flags)) + struct.pack("!I", stream) + body


class Table:
    """A link with a wire, a clock in our hand, and a server's HPACK encoder."""

    def __init__(self, settings: bytes = b"") -> None:
        self.time = 100.0
        self.freed = 0
        self.link = Http2Link(Limits(1_000, 10.0, lambda: self.time), self.free)
        self.wire = Wire()
        self.encoder = hpack.Encoder()
        self.link.connection_made(self.wire)
        self.link.proved()
        self.hear(frame(SETTINGS, 0, 0, settings))

    def free(self) -> None:
        self.freed += 1

    def hear(self, data: bytes) -> None:
        self.link.received(memoryview(data))

    def headers(self, stream: int, *more: tuple[bytes, bytes], flags: int = END_HEADERS) -> bytes:
        return frame(HEADERS, flags, stream, self.encoder.encode([(b":status", b"200"), *more]))

    def end(self) -> None:
        self.link.connection_lost(None)


def ask(table: Table) -> "asyncio.Future[Response]":
    return table.link.request(REQUEST, b"", table.time + 5)


def failure_of(future: "asyncio.Future[Response]") -> StreamFailure:
    error = future.exception()
    assert isinstance(error, StreamFailed)
    return error.failure


def at_a_table(test):
    """Run a plain function in a loop; it gets a table."""

    def inside() -> None:
        async def conversation() -> None:
            table = Table()
            test(table)
            await asyncio.sleep(0)
            table.end()

        asyncio.run(conversation())

    inside.__name__, inside.__doc__ = test.__name__, test.__doc__
    return inside


@at_a_table
def test_the_preface_offers_no_push_and_small_windows(table: Table) -> None:
    table.link._send()
    preface, settings = table.wire.sent[:24], table.wire.sent[24:]
    length = int.from_bytes(settings[:3], "big")
    pairs = dict(struct.iter_unpack("!HI", settings[9 : 9 + length]))
    assert preface == b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    assert {number: pairs.get(number) for number in (1, 2, 4, 6)} == {1: 4096, 2: 0, 4: 1_512, 6: 16_384}
    window = settings[9 + length : 22 + length]
    assert window == frame(WINDOW, 0, 0, struct.pack("!I", CONNECTION_WINDOW - 65_535))


@at_a_table
def test_a_response_in_pieces_is_put_together(table: Table) -> None:
    future = ask(table)
    table.hear(table.headers(1, (b"age", b"3")) + frame(DATA, 0, 1, b"ab") + frame(DATA, END_STREAM, 1, b"c"))
    assert future.result() == Response(200, [(b":status", b"200"), (b"age", b"3")], b"abc")
    assert (table.link.answered, table.link.load) == (True, 0)


@at_a_table
def test_a_frame_cut_in_the_middle_waits_for_its_rest(table: Table) -> None:
    future = ask(table)
    whole = table.headers(1) + frame(DATA, END_STREAM, 1, b"abc")
    for octet in whole:
        table.hear(bytes((octet,)))
    assert future.result().body == b"abc"


@pytest.mark.parametrize(("octets", "accepted"), [(1_000, True), (1_001, False)])
def test_the_longest_body_is_exact(octets: int, accepted: bool) -> None:
    @at_a_table
    def exchange(table: Table) -> None:
        future = ask(table)
        table.hear(table.headers(1) + frame(DATA, END_STREAM, 1, bytes(octets)))
        if accepted:
            assert len(future.result().body) == octets
        else:
            assert failure_of(future) is StreamFailure.TOO_LARGE

    exchange()


@at_a_table
def test_an_announced_length_is_enough_to_stop(table: Table) -> None:
    future = ask(table)
    table.hear(table.headers(1, (b"content-length", b"1001")))
    assert failure_of(future) is StreamFailure.TOO_LARGE
    table.link._send()
    assert table.wire.sent.endswith(frame(RST, 0, 1, struct.pack("!I", 8)))


@at_a_table
def test_control_frames_without_end_end_the_connection(table: Table) -> None:
    future = ask(table)
    table.hear(frame(PING, 0, 0, bytes(8)) * (MAX_CONTROL + 2))
    assert failure_of(future) is StreamFailure.PROTOCOL
    assert table.wire.ended


@at_a_table
def test_a_response_without_end_in_tiny_pieces_is_cut_off(table: Table) -> None:
    future = ask(table)
    table.hear(table.headers(1) + frame(DATA, 0, 1, b"x") * (MAX_CONTROL + 2))
    assert failure_of(future) is StreamFailure.PROTOCOL


@pytest.mark.parametrize(
    "bad",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n" + bytes(MAX_UNREAD),
        frame(DATA, 0, 0, b"x"),
        frame(HEADERS, END_HEADERS, 1, b"\xff\xff\xff\xff\xff\xff\xff"),
        frame(HEADERS, END_HEADERS, 2, b"\x88"),
        frame(SETTINGS, 0, 0, b"\0\4\xff\xff\xff\xff"),
        frame(WINDOW, 0, 0, bytes(4)),
        frame(9, 4, 1, b"\x88"),
        frame(SETTINGS, ACK, 0) + frame(5, END_HEADERS, 1, struct.pack("!I", 2) + b"\x88"),
    ],
)
def test_broken_frames_fail_the_requests_and_nothing_else(bad: bytes) -> None:
    @at_a_table
    def exchange(table: Table) -> None:
        future = ask(table)
        table.hear(bad)
        assert failure_of(future) in (StreamFailure.PROTOCOL, StreamFailure.RESET)
        assert not table.link.room

    exchange()


@at_a_table
def test_goaway_sends_everybody_elsewhere(table: Table) -> None:
    futures = [ask(table) for _ in range(3)]
    table.hear(frame(GOAWAY, 0, 0, struct.pack("!II", 0, 0)))
    assert [failure_of(future) for future in futures] == [StreamFailure.GOAWAY] * 3
    assert not table.link.room


@at_a_table
def test_a_server_that_resets_a_stream_gets_no_new_ones_here(table: Table) -> None:
    first, second = ask(table), ask(table)
    table.hear(frame(RST, 0, 1, struct.pack("!I", 7)))
    assert failure_of(first) is StreamFailure.RESET
    assert (second.done(), table.link.room) == (False, False)


@at_a_table
def test_the_deadline_resets_the_stream_and_silence_retires_the_link(table: Table) -> None:
    future = ask(table)
    table.time += 5
    table.link.timed()
    assert failure_of(future) is StreamFailure.TIMEOUT
    assert (table.link.retired, table.wire.ended) == (True, True)


@at_a_table
def test_an_unused_link_is_closed_and_that_is_no_failure(table: Table) -> None:
    table.time += 9.9
    table.link.timed()
    assert not table.wire.ended
    table.time += 0.1
    table.link.timed()
    assert (table.link.idle, table.wire.ended) == (True, True)


@at_a_table
def test_a_cancelled_request_runs_out_unheard(table: Table) -> None:
    future = ask(table)
    future.cancel()
    table.hear(table.headers(1) + frame(DATA, END_STREAM, 1, b"abc"))
    assert (table.link.load, table.link.room) == (0, True)


def test_the_servers_limit_of_streams_is_kept() -> None:
    async def conversation() -> None:
        table = Table(struct.pack("!HI", 3, 2))
        assert [(table.link.room, ask(table))[0] for _ in range(2)] == [True, True]
        assert not table.link.room
        table.hear(table.headers(1, flags=END_HEADERS | END_STREAM))
        assert (table.link.room, table.freed) == (True, 2)
        table.end()

    asyncio.run(conversation())


def test_there_is_no_room_before_the_servers_settings() -> None:
    async def conversation() -> None:
        link = Http2Link(Limits(1_000, 10.0, lambda: 0.0), lambda: None)
        link.connection_made(Wire())
        link.proved()
        assert not link.room
        link.connection_lost(None)
        await link.settle()

    asyncio.run(conversation())
