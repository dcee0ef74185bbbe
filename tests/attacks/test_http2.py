"""Hostile clients of HTTP/2: each way to make us work for nothing ends its connection within 20 kB."""

import struct
from collections.abc import Callable, Iterator
from itertools import chain, count, repeat

import dns.message
import hpack
import pytest
from kit.coders import http2_codec
from kit.desk import Counter53, answer
from kit.https import (
    ACK,
    CONTINUATION,
    DATA,
    DNS_MESSAGE,
    END_HEADERS,
    END_STREAM,
    ENTIRE,
    GREETING,
    HEADERS,
    PADDED,
    PING,
    PREFACE,
    PRIORITY,
    RST,
    SETTINGS,
    WINDOW,
    Visit,
    block,
    encoded,
    frame,
    frames,
    later,
)

from net.h2_guard import PURSE
from resolver.edge.listen.house import BARRED
from resolver.edge.listen.https import MAX_UPLOADS

__all__ = ["http2_codec"]

pytestmark = pytest.mark.usefixtures("http2_codec")

MOST = 20_000
"""Octets after which an abusive connection has ended."""

QUERY = dns.message.make_query("www.example", "A", id=0).to_wire()
GET = block(path=f"/dns-query?dns={encoded(QUERY)}")
POST = block(("content-type", DNS_MESSAGE), method="POST")
CANCEL = struct.pack("!I", 8)


def odd() -> Iterator[int]:
    return count(1, 2)


def per_stream(*parts: Callable[[int], bytes]) -> Iterator[bytes]:
    return (b"".join(part(stream) for part in parts) for stream in odd())


def asked(stream: int) -> bytes:
    return frame(HEADERS, ENTIRE, stream, GET)


def opened(stream: int) -> bytes:
    return frame(HEADERS, END_HEADERS, stream, POST)


def reset(stream: int) -> bytes:
    return frame(RST, 0, stream, CANCEL)


def tiny_table() -> bytes:
    """A block that puts one entry of 4 kB into the table and names it as often as the list may be long, over and over."""
    entry = b"\x40\x01x\x7f" + bytes((0x80 | ((3_900 - 127) & 127), (3_900 - 127) >> 7)) + b"y" * 3_900
    return entry + b"\xbe" * 12_000


def many_fields() -> bytes:
    """As many fields as fit into the list: each is one octet here, and work there."""
    return GET + b"\x90" * 300


def floods() -> dict[str, Iterator[bytes]]:
    """By name; each is without end."""
    return {
        # CVE-2023-44487
        "rapid reset": per_stream(asked, reset),
        "rapid reset of unfinished requests": per_stream(opened, reset),
        # CVE-2025-8671: the client makes us reset
        "window that grows by nothing": per_stream(asked, lambda stream: frame(WINDOW, 0, stream, bytes(4))),
        "window that grows too far": per_stream(asked, lambda stream: frame(WINDOW, 0, stream, b"\x7f\xff\xff\xff")),
        "body after the end": per_stream(asked, lambda stream: frame(DATA, 0, stream, b"x")),
        "stream that depends on itself": per_stream(
            opened, lambda stream: frame(PRIORITY, 0, stream, struct.pack("!IB", stream, 1))
        ),
        "priority of a wrong length": per_stream(asked, lambda stream: frame(PRIORITY, 0, stream, b"\0\0")),
        "streams over the limit": per_stream(opened),
        # CVE-2019-9511 to -9518 and their like
        "settings": repeat(frame(SETTINGS, 0, 0)),
        "settings that change something": (
            frame(SETTINGS, 0, 0, struct.pack("!HI", 4, 65_535 + number % 2)) for number in count()
        ),
        "long settings": repeat(frame(SETTINGS, 0, 0, struct.pack("!HI", 3, 100) * 200)),
        "settings of the header table": repeat(frame(SETTINGS, 0, 0, struct.pack("!HI", 1, 2**32 - 1))),
        "acknowledgements": repeat(frame(SETTINGS, ACK, 0)),
        "pings": repeat(frame(PING, 0, 0, bytes(8))),
        "answers to pings": repeat(frame(PING, ACK, 0, bytes(8))),
        "priorities": (frame(PRIORITY, 0, stream, struct.pack("!IB", 0, 1)) for stream in odd()),
        "windows of the connection": repeat(frame(WINDOW, 0, 0, struct.pack("!I", 1))),
        "windows of a stream": chain([asked(1)], repeat(frame(WINDOW, 0, 1, struct.pack("!I", 1)))),
        "resets of streams that are gone": chain([asked(1)], repeat(reset(1))),
        "unknown frames": repeat(frame(0xF0, 0, 0, b"")),
        "long unknown frames": repeat(frame(0xF0, 0, 0, bytes(1_000))),
        "updates of priority": repeat(frame(0x10, 0, 0, struct.pack("!I", 1) + b"u=1")),
        "empty data": chain([opened(1)], repeat(frame(DATA, 0, 1))),
        "data of one octet": chain([opened(1)], repeat(frame(DATA, 0, 1, b"x"))),
        "padding without data": chain([opened(1)], repeat(frame(DATA, PADDED, 1, b"\x1f" + bytes(31)))),
        "data of streams that are gone": chain([opened(1), reset(1)], repeat(frame(DATA, 0, 1, b"x"))),
        # CVE-2024-27316 and its like
        "continuations": chain([frame(HEADERS, 0, 1, GET)], repeat(frame(CONTINUATION, 0, 1, b"\x00\x01x\x01y" * 20))),
        "empty continuations": chain([frame(HEADERS, 0, 1, GET)], repeat(frame(CONTINUATION, 0, 1))),
        "long continuations": chain([frame(HEADERS, 0, 1, GET)], repeat(frame(CONTINUATION, 0, 1, bytes(8_000)))),
        "continuations of nothing": repeat(frame(CONTINUATION, 0, 1, b"")),
        # HPACK
        "header bomb": (frame(HEADERS, ENTIRE, stream, tiny_table()) for stream in odd()),
        "many fields": (frame(HEADERS, ENTIRE, stream, many_fields()) for stream in odd()),
        "index of nothing": (frame(HEADERS, ENTIRE, stream, b"\xff\xff\xff\xff\x7f") for stream in odd()),
        # Octets that are no frames
        "a frame of 16 MB": chain([b"\xff\xff\xff" + frame(DATA, 0, 1)[3:]], repeat(bytes(1_000))),
        "nothing of HTTP": repeat(b"GET / HTTP/1.1\r\nHost: d\r\n\r\n"),
        "another preface": repeat(PREFACE),
        "promises": (frame(5, END_HEADERS, 1, struct.pack("!I", 2) + GET) for _ in count()),
        "even streams": (frame(HEADERS, ENTIRE, stream, GET) for stream in count(2, 2)),
        "streams backwards": (frame(HEADERS, ENTIRE, stream, GET) for stream in count(20_001, -2)),
        # Requests that are never worth anything
        "requests for nothing": per_stream(lambda stream: frame(HEADERS, ENTIRE, stream, block(path="/x"))),
        "requests that break the rules": per_stream(lambda stream: frame(HEADERS, ENTIRE, stream, block(("X-Y", "z")))),
    }


@pytest.mark.parametrize("piece", [16_384, 100])
@pytest.mark.parametrize("name", floods())
def test_a_flood_ends_its_connection_within_20_kb(name: str, piece: int) -> None:
    flood = floods()[name]
    visit = Visit()
    visit.front.warm()
    start = b"" if name == "nothing of HTTP" else GREETING
    data = start + b"".join(next_pieces(flood, 2 * MOST))
    taken = visit.give(data, piece=piece)
    assert visit.connection.closed
    assert taken <= MOST
    assert (0, 0) == (visit.front.desk.open, visit.house.uploads)
    ended = {what for what in visit.front.desk.counters if what.startswith("https-ended-")}
    assert 1 == len(ended)


def next_pieces(flood: Iterator[bytes], octets: int) -> Iterator[bytes]:
    total = 0
    while total < octets:
        piece = next(flood)
        total += len(piece)
        yield piece


def test_a_flood_gets_hardly_anything_back() -> None:
    """No flood is made larger: a frame on a stream that is gone costs ten octets and is answered with thirteen, that is all."""
    for name in ("pings", "settings", "streams over the limit", "data of streams that are gone", "rapid reset"):
        visit = Visit()
        taken = visit.give(GREETING + b"".join(next_pieces(floods()[name], MOST)), piece=100)
        assert len(visit.connection.written) < 1.3 * taken + 300, name


def test_a_rapid_reset_is_thrown_out_before_one_of_its_requests_is_read() -> None:
    visit = Visit()
    visit.give(GREETING + b"".join(next_pieces(floods()["rapid reset"], 16_000)), piece=16_384)
    assert (True, 0, 0) == (visit.connection.closed, visit.front.desk.counters["misses"], len(visit.front.port.queries))


def test_who_was_thrown_out_stays_out_for_a_while_and_nobody_else_does() -> None:
    visit = Visit()
    visit.give(GREETING + frame(PING, 0, 0, bytes(8)) * 1_000)
    client, neighbour = visit.connection.client, visit.front.client("127.0.0.2")
    assert (False, True) == (visit.house.may_enter(client, visit.now), visit.house.may_enter(neighbour, visit.now))
    assert visit.house.may_enter(client, later(visit, BARRED + 1))
    assert 1 == visit.front.desk.counters["secure-refused-barred"]


def test_who_breaks_the_protocol_once_may_try_again() -> None:
    visit = Visit()
    visit.give(b"GET / HTTP/1.1\r\n\r\n")
    assert visit.connection.closed
    assert visit.house.may_enter(visit.connection.client, visit.now)


# -- honest clients that look a little like it


def test_a_client_that_is_served_may_go_on_for_ever() -> None:
    """A preface, then for each of ten thousand requests: a ping, a window for the connection and one for the stream."""
    visit = Visit().greet()
    visit.front.warm()
    for number in range(10_000):
        stream = 2 * number + 1
        extra = frame(PING, 0, 0, bytes(8)) + frame(WINDOW, 0, 0, struct.pack("!I", 468))
        visit.give(asked(stream) + extra + frame(WINDOW, 0, stream, struct.pack("!I", 468)))
        visit.connection.take()
    assert not visit.connection.closed


def test_a_stream_over_the_limit_that_is_called_off_at_once_is_no_mistake() -> None:
    visit = Visit(streams=2).greet()
    visit.give(opened(1) + opened(3))
    visit.give(opened(5) + reset(5) + opened(7) + reset(7))
    assert not visit.connection.closed


def test_one_request_in_eight_may_be_called_off_for_ever() -> None:
    visit = Visit().greet()
    visit.front.warm()
    for number in range(2_000):
        stream = 4 * number + 1
        visit.give(asked(stream) + frame(WINDOW, 0, 0, struct.pack("!I", 200)))
        visit.give(
            opened(stream + 2) + (reset(stream + 2) if number % 4 == 0 else frame(DATA, END_STREAM, stream + 2, QUERY))
        )
        visit.connection.take()
    assert not visit.connection.closed


def test_padded_posts_of_a_browser_with_many_headers_are_fine() -> None:
    visit = Visit().greet()
    visit.front.warm()
    more = [("accept-language", "*"), ("user-agent", "x" * 120), ("accept-encoding", "gzip, deflate, br")]
    more += [(f"sec-fetch-{number}", "cross-site") for number in range(8)] + [("priority", "u=3")]
    for _ in range(2_000):
        stream = visit.post(QUERY, *more)
        assert 200 == visit.heard[stream].status


# -- bodies and readers


def test_bodies_that_never_end_hold_128_kb_of_a_connection() -> None:
    visit = Visit().greet()
    pieces = [opened(stream) + frame(DATA, 0, stream, bytes(8_000)) for stream in range(1, 120, 2)]
    held = 0
    for piece in pieces:
        visit.give(piece)
        held = max(held, visit.house.uploads)
        visit.give(frame(WINDOW, 0, 0, struct.pack("!I", 1)))
    assert 100_000 < held <= 128 * 1024 + 16_384


def test_bodies_of_all_connections_together_are_bounded() -> None:
    front = Counter53()
    visits = [Visit(front)]
    house = visits[0].house
    most = 0
    for number in range(200):
        visit = Visit(front, address=f"127.0.1.{number}")
        visit.session._house = house
        visits.append(visit.greet())
        for stream in range(1, 13, 2):
            if not visit.connection.closed:
                visit.give(opened(stream) + frame(DATA, 0, stream, bytes(16_000)))
        most = max(most, house.uploads)
    assert MAX_UPLOADS // 2 < most <= MAX_UPLOADS + 128 * 1024
    assert any(visit.connection.closed for visit in visits)


def test_responses_that_nobody_takes_are_not_kept_for_ever() -> None:
    """A client that asks and opens no window: what waits for it is bounded in octets and in time."""
    visit = Visit()
    visit.front.warm()
    windowless = frame(SETTINGS, 0, 0, struct.pack("!HI", 4, 0))
    visit.give(PREFACE + windowless + frame(SETTINGS, ACK, 0))
    visit.give(b"".join(asked(stream) for stream in range(1, 150, 2)))
    assert 0 < visit.house.uploads <= 100 * 512
    assert not visit.session.expired(later(visit, 10))
    assert visit.session.expired(later(visit, 6))
    visit.session.ended()
    assert 0 == visit.house.uploads


def test_large_responses_that_nobody_takes_end_the_connection_at_once() -> None:
    visit = Visit()
    visit.give(PREFACE + frame(SETTINGS, 0, 0, struct.pack("!HI", 4, 0)) + frame(SETTINGS, ACK, 0))
    visit.give(asked(1) + asked(3) + asked(5))
    (flight,) = visit.front.port.queries
    visit.front.reply(flight, answer(flight.key.question, count=4_000))
    assert visit.house.uploads > 128 * 1024
    assert visit.session.expired(visit.now)


def test_a_small_window_that_grows_an_octet_at_a_time_is_a_flood() -> None:
    visit = Visit()
    visit.front.warm()
    visit.give(PREFACE + frame(SETTINGS, 0, 0, struct.pack("!HI", 4, 1)) + frame(SETTINGS, ACK, 0))
    taken = visit.give(asked(1) + frame(WINDOW, 0, 1, struct.pack("!I", 1)) * 2_000, piece=13)
    data = [body for kind, _, _, body in frames(bytes(visit.connection.written)) if kind == DATA]
    assert visit.connection.closed or sum(map(len, data)) > 40
    assert taken < MOST


def test_our_encoder_keeps_no_table_however_large_the_client_allows_it() -> None:
    visit = Visit()
    visit.front.warm()
    visit.give(PREFACE + frame(SETTINGS, 0, 0, struct.pack("!HI", 1, 2**32 - 1)) + frame(SETTINGS, ACK, 0))
    for stream in range(1, 400, 2):
        visit.give(asked(stream))
    decoder = hpack.Decoder()
    blocks = [body for kind, _, _, body in frames(visit.connection.take()) if kind == HEADERS]
    assert 200 == len(blocks)
    for one in blocks:
        assert (":status", "200") == tuple(decoder.decode(one)[0])
    assert 0 == decoder.header_table.maxsize


def test_the_purse_is_what_the_documents_say() -> None:
    """docs/threats.md names the number of frames."""
    assert 400 == PURSE
