"""DoH over HTTP/2: requests to the desk and answers back, with h2 as the client and no socket."""

import random

import dns.message
import dns.rcode
import pytest
from kit.coders import http2_codec
from kit.desk import START, Counter53, answer
from kit.https import (
    DNS_MESSAGE,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PREFACE,
    RST,
    SETTINGS,
    Visit,
    block,
    encoded,
    frame,
    frames,
    later,
)

from resolver.cache.packets import ENCRYPTED, shelf_of
from resolver.edge.listen.https import LINGER, PATIENCE
from resolver.http import HttpResponse
from wire.units import Instant

__all__ = ["http2_codec"]

pytestmark = pytest.mark.usefixtures("http2_codec")


def query(name: str = "www.example", **changes: object) -> bytes:
    return dns.message.make_query(name, "A", id=0, **changes).to_wire()  # type: ignore[arg-type]


def reply_all(visit: Visit, ttl: int = 300) -> None:
    for flight in visit.front.port.queries:
        visit.front.reply(flight, answer(flight.key.question, ttl=ttl))
    visit.front.port.queries.clear()
    visit.listen()


def test_a_post_is_answered_with_the_message_its_type_and_its_lifetime() -> None:
    visit = Visit().greet()
    stream = visit.post(query())
    assert {} == visit.heard
    reply_all(visit, ttl=120)
    heard = visit.heard[stream]
    assert (200, True, None) == (heard.status, heard.whole, heard.reset)
    expected = {
        "content-type": DNS_MESSAGE,
        "content-length": str(len(heard.body)),
        "cache-control": "private, max-age=120",
    }
    assert expected == heard.headers
    assert dns.message.from_wire(query()).is_response(dns.message.from_wire(heard.body))


def test_a_get_is_answered_as_a_post_is() -> None:
    visit = Visit().greet()
    visit.front.warm()
    streams = visit.get(f"/dns-query?dns={encoded(query())}"), visit.post(query())
    one, other = (visit.heard[stream] for stream in streams)
    assert (200, 200) == (one.status, other.status)
    assert one.body == other.body


def test_a_get_that_was_answered_before_is_answered_at_once_and_no_otherwise() -> None:
    visit = Visit().greet()
    visit.front.warm()
    target, counters = f"/dns-query?dns={encoded(query())}", visit.front.desk.counters
    first = visit.heard[visit.get(target)]
    assert len(visit.house.desk.cache.rendered[ENCRYPTED]) == 1
    before = counters["hits"]
    again, posted = visit.heard[visit.get(target)], visit.heard[visit.post(query())]
    assert before + 2 == counters["hits"]
    assert first == again == posted
    later(visit, 5.5)
    # Its age is another, and so is what is said of it.
    aged, posted = visit.heard[visit.get(target)], visit.heard[visit.post(query())]
    assert aged == posted
    assert ("private, max-age=295", 295) == (
        aged.headers["cache-control"],
        dns.message.from_wire(aged.body).answer[0].ttl,
    )
    assert (0, 1) == (visit.house.uploads, len(visit.front.port.queries))


def test_what_is_answered_at_once_is_that_of_the_clients_own_group() -> None:
    front = Counter53()
    visit = Visit(front, peer_name="tablet.dns.example", identities=(("tablet", 1),)).greet()
    target = f"/dns-query?dns={encoded(query())}"
    other = Visit(front).greet()
    for one, ttl in ((visit, 120), (other, 300)):
        one.get(target)
        reply_all(one, ttl)
        one.get(target)
    assert [1, 1] == [len(front.desk.cache.rendered[shelf_of(group, ENCRYPTED)]) for group in (0, 1)]
    said = [one.heard[one.get(target)].headers["cache-control"] for one in (visit, other)]
    assert ["private, max-age=120", "private, max-age=300"] == said


def test_an_answer_is_padded_and_a_cookie_is_not_given_back() -> None:
    visit = Visit().greet()
    visit.front.warm()
    stream = visit.post(query(use_edns=0, options=[dns.edns.GenericOption(10, b"12345678")]))
    message = dns.message.from_wire(visit.heard[stream].body)
    assert (468, [12]) == (len(visit.heard[stream].body), [int(option.otype) for option in message.options])


def test_requests_are_answered_as_their_answers_come() -> None:
    visit = Visit().greet()
    first, second = visit.post(query("a.example")), visit.post(query("b.example"))
    flights = visit.front.port.queries
    visit.front.reply(flights[1], answer(flights[1].key.question))
    visit.listen()
    assert [second] == list(visit.heard)
    visit.front.reply(flights[0], answer(flights[0].key.question))
    visit.listen()
    assert [second, first] == list(visit.heard)


def test_a_failure_is_an_answer_that_nobody_may_keep() -> None:
    visit = Visit().greet()
    stream = visit.post(query())
    visit.front.desk.expire(Instant(START + 6))
    visit.listen()
    heard = visit.heard[stream]
    assert (200, "no-store", dns.rcode.SERVFAIL) == (
        heard.status,
        heard.headers["cache-control"],
        dns.message.from_wire(heard.body).rcode(),
    )


def test_a_request_that_is_called_off_is_forgotten_at_the_desk() -> None:
    visit = Visit().greet()
    stream = visit.post(query())
    (flight,) = visit.front.port.queries
    visit.client.reset_stream(stream)
    visit.exchange()
    assert ([flight.handle], 0) == (visit.front.port.cancelled, visit.front.desk.open)


def test_the_end_of_a_connection_forgets_all_its_requests() -> None:
    visit = Visit().greet()
    for name in ("a.example", "b.example"):
        visit.post(query(name))
    visit.session.ended()
    assert (2, 0) == (len(visit.front.port.cancelled), visit.front.desk.open)
    assert 0 == visit.house.uploads


def test_a_request_called_off_in_the_same_breath_never_reaches_the_desk() -> None:
    visit = Visit()
    path = f"/dns-query?dns={encoded(query())}"
    headers = frame(HEADERS, END_HEADERS | END_STREAM, 1, block(path=path))
    visit.give(PREFACE + frame(SETTINGS, 0, 0) + headers + frame(RST, 0, 1, bytes(4)))
    assert ([], 0) == (visit.front.port.queries, visit.front.desk.counters["misses"])


def test_a_label_behind_the_path_is_the_clients_group() -> None:
    visit = Visit(identities=(("tablet", 1),)).greet()
    for path in ("/dns-query/tablet", "/dns-query/TABLET", "/dns-query"):
        visit.post(query(), path=path)
    assert [1, 0] == [flight.key.group for flight in visit.front.port.queries]


def test_the_leading_label_of_the_name_asked_for_is_the_clients_group_too() -> None:
    visit = Visit(peer_name="tablet.dns.example", identities=(("tablet", 1),)).greet()
    visit.post(query())
    assert [1] == [flight.key.group for flight in visit.front.port.queries]


@pytest.mark.parametrize("path", ["/dns-query/phone", "/dns-query/", "/", "/dns-query/tablet/x", "/DNS-QUERY", "/odoh"])
def test_a_path_or_a_label_that_nobody_has_is_not_found(path: str) -> None:
    visit = Visit(identities=(("tablet", 1),)).greet()
    stream = visit.post(query(), path=path)
    assert (404, 0) == (visit.heard[stream].status, len(visit.front.port.queries))


def test_another_handler_answers_its_own_path() -> None:
    visit = Visit().greet()
    called_off: list[bool] = []
    waiting = []

    def handler(request: object, respond: object, client: object, now: object) -> object:
        waiting.append(respond)
        return lambda: called_off.append(True)

    visit.house.handlers["/odoh"] = handler  # type: ignore[assignment]
    first, second = visit.post(b"sealed", path="/odoh"), visit.post(b"sealed", path="/odoh")
    visit.client.reset_stream(second)
    visit.exchange()
    for respond in waiting:
        respond(HttpResponse(200, "application/oblivious-dns-message", b"opened"))  # type: ignore[operator]
    visit.listen()
    assert ([True], b"opened", [first]) == (called_off, visit.heard[first].body, list(visit.heard))


def test_a_client_over_its_rate_is_told_so() -> None:
    visit = Visit(Counter53(rate=1.0, burst=2.0)).greet()
    streams = [visit.post(query()) for _ in range(3)]
    assert [429] == [visit.heard[stream].status for stream in streams if stream in visit.heard]


def test_who_asks_too_fast_for_what_is_cached_is_told_so_too() -> None:
    visit = Visit(Counter53(rate=1.0, burst=3.0)).greet()
    visit.front.warm()
    target = f"/dns-query?dns={encoded(query())}"
    heard = [visit.heard[visit.get(target)] for _ in range(5)]
    assert [200, 200, 200, 429, 429] == [one.status for one in heard]
    assert ("1", 2) == (heard[-1].headers["retry-after"], visit.front.desk.counters["dropped-rate"])


def test_head_is_refused_without_a_body() -> None:
    visit = Visit().greet()
    heard = visit.heard[visit.get("/dns-query", method="HEAD")]
    assert (405, b"", "GET, POST") == (heard.status, heard.body, heard.headers["allow"])
    # Of the body that GET would have, or none at all (RFC 9110 §8.6).
    assert "content-length" not in heard.headers


def malformed(number: int) -> tuple[list[tuple[str, str]], bytes]:
    """A request that is wrong in one way out of twenty, and otherwise different each time."""
    chance = random.Random(number)
    good = query(f"name{number}.example")
    noise = chance.randbytes(chance.randrange(12, 200))
    post, kind = ("POST", "/dns-query"), DNS_MESSAGE
    ways: list[tuple[tuple[str, str], str, str, bytes]] = [
        (post, kind, "", b""),
        (post, kind, "", good[: chance.randrange(1, 12)]),
        (post, kind, "", good[: chance.randrange(12, len(good))]),
        (post, kind, "", good + noise),
        (post, kind, "", noise[:2] + b"\x80" + noise[3:]),
        (post, kind, "", good[:4] + chance.choice((b"\0\0", b"\0\2", b"\xff\xff")) + good[6:]),
        (post, kind, "", good[:6] + b"\0\1" + good[8:]),
        (post, kind, "", good[:12] + b"\xff" + good[13:]),
        (post, kind, "", good[:12] + b"\xc0\x0c" + good[14:]),
        (post, "", "", good),
        (post, chance.choice(("text/plain", "application/json", "application/dns-udpwireformat", ";")), "", good),
        (post, kind, "text/html", good),
        (post, kind, "application/dns-message;q=0.0", good),
        (("POST", f"/dns-query/{number}"), kind, "", good),
        ((chance.choice(("PUT", "DELETE", "OPTIONS", "PATCH", "TRACE")), "/dns-query"), kind, "", good),
        (("GET", "/dns-query"), "", "", b""),
        (("GET", f"/dns-query?dns={encoded(good)}="), "", "", b""),
        (("GET", f"/dns-query?dns={encoded(good[:-3])}"), "", "", b""),
        (("GET", f"/dns-query?dns={chance.choice('!*~$%')}{encoded(good)}"), "", "", b""),
        (("GET", f"/dns-query?dns={encoded(good)}&dns={encoded(good)}"), "", "", b""),
    ]
    (method, target), content_type, accept, body = ways[number % len(ways)]
    headers = [(":method", method), (":scheme", "https"), (":authority", "dns.example"), (":path", target)]
    headers += [("content-type", content_type)] if content_type else []
    headers += [("accept", accept)] if accept else []
    return headers, body


def test_two_hundred_malformed_requests_are_refused_and_none_becomes_a_query() -> None:
    front = Counter53()
    statuses = []
    for batch in range(5):
        visit = Visit(front).greet()
        for number in range(batch * 40, batch * 40 + 40):
            headers, body = malformed(number)
            stream = visit.client.get_next_available_stream_id()
            visit.client.send_headers(stream, headers, end_stream=not body)
            if body:
                visit.client.send_data(stream, body, end_stream=True)
            visit.exchange()
            statuses.append(visit.heard[stream].status)
    assert 200 == len(statuses)
    assert {400, 404, 405, 406, 415} == set(statuses)
    assert ([], 0, 0) == (front.port.queries, front.desk.open, front.desk.counters["misses"])


def test_a_body_that_is_announced_too_long_is_refused_before_it_comes() -> None:
    visit = Visit().greet()
    stream = visit.client.get_next_available_stream_id()
    headers = [(":method", "POST"), (":scheme", "https"), (":authority", "d"), (":path", "/dns-query")]
    visit.client.send_headers(stream, [*headers, ("content-type", DNS_MESSAGE), ("content-length", "65536")])
    visit.exchange()
    assert (413, True, None) == (visit.heard[stream].status, visit.heard[stream].whole, visit.heard[stream].reset)
    assert not visit.session.owing
    assert not visit.session.expired(later(visit, LINGER + 1))
    visit.listen()
    assert 0 == visit.heard[stream].reset


@pytest.mark.parametrize(("length", "status"), [(65_535, 400), (65_536, 413)])
def test_a_body_of_65535_octets_is_looked_at_and_a_longer_one_is_not(length: int, status: int) -> None:
    visit = Visit().greet()
    stream = visit.client.get_next_available_stream_id()
    headers = [(":method", "POST"), (":scheme", "https"), (":authority", "d"), (":path", "/dns-query")]
    visit.client.send_headers(stream, [*headers, ("content-type", DNS_MESSAGE)])
    rest = bytes(length)
    while rest:
        room = min(visit.client.local_flow_control_window(stream), 16_384)
        visit.client.send_data(stream, rest[:room], end_stream=len(rest) <= room)
        rest = rest[room:]
        if not rest:
            visit.exchange()
    assert (status, True, 0) == (visit.heard[stream].status, visit.heard[stream].whole, visit.house.uploads)


def test_streams_past_the_limit_are_refused_and_the_others_go_on() -> None:
    visit = Visit(streams=2).greet()
    visit.client.remote_settings[3] = 100  # a client that does not look
    visit.client.remote_settings.acknowledge()
    streams = [visit.post(query(f"n{number}.example")) for number in range(4)]
    reply_all(visit)
    assert [200, 200, 0, 0] == [visit.heard[stream].status for stream in streams]
    assert [7, 7] == [visit.heard[stream].reset for stream in streams[2:]]
    assert 200 == visit.heard[visit.post(query("n0.example"))].status


def test_a_client_without_a_window_gets_its_answer_when_it_opens_one() -> None:
    visit = Visit().greet()
    visit.front.warm()
    visit.client.update_settings({h2_initial_window(): 10})
    visit.exchange()
    stream = visit.client.get_next_available_stream_id()
    path = f"/dns-query?dns={encoded(query())}"
    visit.client.send_headers(
        stream, [(":method", "GET"), (":scheme", "https"), (":authority", "d"), (":path", path)], True
    )
    visit.give(visit.client.data_to_send())
    data = [body for kind, _, _, body in frames(bytes(visit.connection.written)) if kind == 0]
    assert [10] == [len(body) for body in data]
    assert visit.session.owing
    visit.listen()
    for _ in range(10):
        visit.exchange()
    assert visit.heard[stream].whole
    assert not visit.session.owing


def h2_initial_window() -> int:
    return 4


def test_an_idle_connection_is_told_goodbye_and_ended() -> None:
    visit = Visit().greet()
    visit.front.warm()
    visit.post(query())
    assert not visit.session.expired(later(visit, 27))
    assert visit.session.expired(later(visit, 2))
    visit.listen()
    assert 0 == visit.goodbye


def test_a_connection_that_says_nothing_at_all_is_idle_too() -> None:
    visit = Visit()
    assert not visit.session.expired(later(visit, 27))
    assert visit.session.expired(later(visit, 2))


def test_pings_do_not_keep_a_connection() -> None:
    visit = Visit().greet()
    for _ in range(4):
        later(visit, 8)
        visit.client.ping(b"12345678")
        visit.exchange()
    assert visit.session.expired(visit.now)


def test_a_body_that_comes_an_octet_a_second_is_not_waited_for() -> None:
    visit = Visit().greet()
    stream = visit.client.get_next_available_stream_id()
    headers = [(":method", "POST"), (":scheme", "https"), (":authority", "d"), (":path", "/dns-query")]
    visit.client.send_headers(stream, [*headers, ("content-type", DNS_MESSAGE)])
    visit.exchange()
    seconds = 0
    while not visit.session.expired(visit.now):
        later(visit, 1)
        seconds += 1
        visit.client.send_data(stream, b"x")
        visit.exchange()
    assert PATIENCE + visit.house.settings.front.deadline + 1 == seconds
    assert 1 == visit.front.desk.counters["https-stuck"]


def test_the_end_of_the_cell_is_told() -> None:
    visit = Visit().greet()
    visit.session.leave()
    visit.listen()
    assert 0 == visit.goodbye


def test_answers_to_a_client_that_left_go_nowhere() -> None:
    visit = Visit().greet()
    visit.post(query())
    (flight,) = visit.front.port.queries
    visit.client.close_connection()
    visit.exchange()
    assert visit.connection.closed
    visit.front.reply(flight, answer(flight.key.question))
    assert [flight.handle] == visit.front.port.cancelled
