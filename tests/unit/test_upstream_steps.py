"""The pure parts of the transports: back-off, cookies, questions, freshness, reading an HTTP response."""

import pytest
from kit.liar import answer

from net.h2 import Response
from net.headers import Unindexed
from privacy.channel import Channel, Kind
from privacy.outbound import conceal
from resolver.edge.upstream.backoff import LONGEST, Backoff
from resolver.edge.upstream.cookies import CookieJar, cookie_of, replace_cookie
from resolver.edge.upstream.doh import Requests, read_response
from resolver.edge.upstream.freshness import FOREVER, Freshness, lower_ttls, read_freshness
from resolver.edge.upstream.port import UpstreamFailed, Why
from resolver.edge.upstream.questions import echoes_question, same_question, spelled_question
from resolver.settings import HttpMethod, UpstreamSpec
from resolver.values import QueryFlag
from wire.dns.message import parse_message
from wire.units import Instant

QUESTION = b"\3wWw\7exAmple\0\0\1\0\1"
QUERY = b"\0\0\1\0\0\1\0\0\0\0\0\0" + QUESTION


def test_the_first_reconnection_is_immediate_and_the_others_wait_longer_and_longer() -> None:
    backoff, now = Backoff(lambda count: b"\xff" * count), Instant(100.0)
    waits = []
    for _ in range(9):
        backoff.failed(now)
        waits.append(round(backoff.wait(now), 1))
    assert waits == [0.0, 0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
    assert backoff.wait(Instant(now + LONGEST)) == 0
    backoff.succeeded()
    backoff.failed(now)
    assert backoff.wait(now) == 0


def test_half_of_a_wait_is_random() -> None:
    low, high = Backoff(lambda count: bytes(count)), Backoff(lambda count: b"\xff" * count)
    for backoff in (low, high):
        for _ in range(20):
            backoff.failed(Instant(0.0))
    assert (low.wait(Instant(0.0)), round(high.wait(Instant(0.0)), 1)) == (5.0, 10.0)


def test_question_and_case_are_compared_to_the_letter() -> None:
    honest = answer(QUERY)
    folded = honest.replace(b"wWw", b"www")
    other_type = honest[: len(QUERY) - 4] + b"\0\x1c\0\1" + honest[len(QUERY) :]
    assert spelled_question(QUERY) == QUESTION
    assert [echoes_question(message, QUESTION) for message in (honest, folded, other_type)] == [True, False, False]
    assert [same_question(message, QUESTION) for message in (honest, folded, other_type)] == [True, True, False]


def test_an_answer_without_a_question_repeats_none() -> None:
    bare = b"\0\0\x81\x81" + bytes(8)
    assert not echoes_question(bare, QUESTION)
    assert not same_question(bare, QUESTION)


def concealed(cookie: bytes) -> bytes:
    channel = Channel(Kind.UDP, encrypted=False, authenticated=False, cookie=cookie)
    return conceal(QUESTION.lower(), QueryFlag.DO, channel, lambda count: bytes(count))


def test_each_address_has_its_own_cookie() -> None:
    count = iter(range(1, 9))
    jar = CookieJar(lambda length: bytes([next(count)]) * length)
    assert (jar.content("192.0.2.1"), jar.content("192.0.2.2")) == (b"\1" * 8, b"\2" * 8)
    jar.learn("192.0.2.1", b"\1" * 8 + b"server's")
    assert jar.content("192.0.2.1") == b"\1" * 8 + b"server's"
    assert (jar.expects("192.0.2.1"), jar.expects("192.0.2.2")) == (True, False)


@pytest.mark.parametrize("length", [0, 7, 33])
def test_a_server_part_of_a_wrong_length_is_not_kept(length: int) -> None:
    jar = CookieJar(lambda count: bytes(count))
    jar.learn("192.0.2.1", bytes(8 + length))
    assert not jar.expects("192.0.2.1")


def test_a_cookie_is_replaced_and_all_else_stays() -> None:
    query = concealed(b"a" * 8)
    changed = replace_cookie(query, b"b" * 24)
    assert cookie_of(parse_message(changed)) == b"b" * 24
    assert replace_cookie(changed, b"a" * 8) == query


def test_a_query_without_a_cookie_stays_as_it_is() -> None:
    assert replace_cookie(QUERY, b"b" * 24) == QUERY


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], Freshness(0, FOREVER)),
        ([(b"age", b"17")], Freshness(17, FOREVER)),
        ([(b"age", b"-1"), (b"cache-control", b"max-age=x")], Freshness(0, FOREVER)),
        ([(b"cache-control", b'Private, Max-Age="60", no-transform')], Freshness(0, 60)),
        ([(b"cache-control", b"s-maxage=5, max-age=" + b"9" * 40)], Freshness(0, FOREVER)),
        ([(b"age", b"9" * 18)], Freshness(FOREVER, FOREVER)),
    ],
)
def test_age_and_max_age_are_read(headers: list[tuple[bytes, bytes]], expected: Freshness) -> None:
    known = Freshness()
    for name, value in headers:
        known = read_freshness(known, name, value)
    assert known == expected


@pytest.mark.parametrize(
    ("freshness", "ttl"),
    [(Freshness(20), 280), (Freshness(400), 0), (Freshness(10, 100), 90), (Freshness(0, 900), 300)],
)
def test_ttls_are_lowered_and_never_raised(freshness: Freshness, ttl: int) -> None:
    with_opt = answer(QUERY, options=b"\0\x0c\0\0")
    lowered = parse_message(lower_ttls(with_opt, freshness))
    assert [record.ttl for record in lowered.answer] == [ttl]
    assert lowered.edns == parse_message(with_opt).edns


OK = [(b":status", b"200"), (b"content-type", b"application/dns-message; charset=x")]


def test_the_message_in_a_response_is_returned_unchanged() -> None:
    assert read_response(Response(200, OK, answer(QUERY))) == answer(QUERY)


@pytest.mark.parametrize(
    ("response", "why"),
    [
        (Response(404, OK, answer(QUERY)), Why.HTTP),
        (Response(0, OK, answer(QUERY)), Why.HTTP),
        (Response(200, [], answer(QUERY)), Why.HTTP),
        (Response(200, [(b"content-type", b"application/dns-json")], b"{}"), Why.HTTP),
        (Response(200, OK, b""), Why.MALFORMED),
        (Response(200, OK, QUERY), Why.MALFORMED),
        (Response(200, [*OK, (b"age", b"1")], answer(QUERY)[:-1]), Why.MALFORMED),
    ],
)
def test_what_is_no_dns_response_is_a_failure(response: Response, why: Why) -> None:
    with pytest.raises(UpstreamFailed) as failed:
        read_response(response)
    assert failed.value.why is why


def spec(**changes: object) -> UpstreamSpec:
    fields: dict[str, object] = {
        "scheme": "https",
        "name": "dns.example",
        "addresses": ("192.0.2.1",),
        "port": 443,
        "operator": "x",
    }
    return UpstreamSpec(**(fields | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "authority", "path"),
    [
        ({}, b"dns.example", b"/dns-query"),
        ({"port": 8443, "path": "/q"}, b"dns.example:8443", b"/q"),
        ({"name": "2001:db8::1", "path": "/dns-query{?dns}"}, b"[2001:db8::1]", b"/dns-query"),
        ({"name": ""}, b"192.0.2.1", b"/dns-query"),
    ],
)
def test_authority_and_path_follow_the_url(changes: dict[str, object], authority: bytes, path: bytes) -> None:
    headers, body = Requests(spec(**changes)).build(QUERY)
    assert (dict(headers)[b":authority"], dict(headers)[b":path"], body) == (authority, path, QUERY)


def test_a_get_path_carries_the_query_without_padding_characters_and_stays_out_of_tables() -> None:
    headers, body = Requests(spec(method=HttpMethod.GET, path="/q?a=b")).build(QUERY)
    path = next(header for header in headers if header[0] == b":path")
    assert path[1].startswith(b"/q?a=b&dns=AAAB")
    assert b"=" not in path[1].split(b"dns=")[1]
    assert type(path) is Unindexed
    assert body == b""
