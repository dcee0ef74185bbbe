"""DoH as pure values: what is taken for a query, what is refused and how, what an answer says of its age."""

from base64 import urlsafe_b64encode

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.doh import MEDIA_TYPE, build_answer, check_query, label_below, read_ordinary, take_query
from resolver.http import HttpRequest, HttpResponse, accepts, media_type, read_fields, read_request

QUERY = dns.message.make_query("www.example", "A", id=0).to_wire()
POST = HttpRequest("POST", "/dns-query", "", MEDIA_TYPE, MEDIA_TYPE, QUERY, "")


def encoded(message: bytes) -> str:
    return urlsafe_b64encode(message).rstrip(b"=").decode()


GET = HttpRequest("GET", "/dns-query", f"dns={encoded(QUERY)}", "", "", b"", "")


def status(request: HttpRequest) -> int:
    taken = take_query(request)
    return taken.status if isinstance(taken, HttpResponse) else 200


def answer(*records: str, authority: str = "", rcode: dns.rcode.Rcode = dns.rcode.NOERROR) -> bytes:
    message = dns.message.make_response(dns.message.from_wire(QUERY))
    message.set_rcode(rcode)
    message.answer = [dns.rrset.from_text(*record.split(" ", 4)) for record in records]
    message.authority = [dns.rrset.from_text(*authority.split(" ", 4))] if authority else []
    message.use_edns(0)
    return message.to_wire()


# -- requests


@pytest.mark.parametrize(
    "request_",
    [
        POST,
        GET,
        POST._replace(content_type="Application/DNS-Message; charset=x"),
        POST._replace(accept=""),
        POST._replace(accept="text/html, */*;q=0.1"),
        GET._replace(accept="application/*"),
        GET._replace(query=f"ct&dns={encoded(QUERY)}&x=1"),
    ],
)
def test_a_request_of_the_standard_gives_its_message(request_: HttpRequest) -> None:
    assert QUERY == take_query(request_)


@given(st.binary(min_size=12, max_size=600).map(lambda data: data[:2] + bytes((data[2] & 0x7F,)) + data[3:]))
def test_get_and_post_carry_the_same_octets(message: bytes) -> None:
    assert (
        message == take_query(GET._replace(query=f"dns={encoded(message)}")) == take_query(POST._replace(body=message))
    )


ORDINARY = {
    b":method": b"GET",
    b":scheme": b"https",
    b":authority": b"dns.example",
    b":path": b"/dns-query?dns=" + encoded(QUERY).encode(),
    b"accept": b"application/dns-message",
}


@pytest.mark.parametrize("accept", [b"application/dns-message", b"*/*", None])
def test_an_ordinary_get_is_read_at_a_glance(accept: bytes | None) -> None:
    headers = [(name, value) for name, value in (ORDINARY | {b"accept": accept}).items() if value is not None]
    assert QUERY == read_ordinary(headers, b"/dns-query?dns=")


@given(
    st.one_of(
        st.binary(max_size=40).map(encoded),
        st.text("Aa09-_+/=&!*.\n \xe9", max_size=24),
        st.tuples(st.binary(max_size=8).map(encoded), st.sampled_from("=&+/A*")).map("".join),
    ),
    st.sampled_from(["/dns-query?dns=", "/dns-query?", "/dns-query", "/", "/dns-query/x?dns=", "/dns-query?x&dns="]),
    st.sampled_from(["GET", "POST", "HEAD", "get"]),
    st.lists(
        st.sampled_from(
            [
                (b"accept", b"application/dns-message"),
                (b"accept", b"*/*"),
                (b"accept", b"application/dns-message;q=0"),
                (b"accept", b"text/html"),
                (b"cookie", b"a"),
                (b"content-type", b"x"),
            ]
        ),
        max_size=3,
    ),
    st.sampled_from([b"https", b"http"]),
)
def test_what_is_read_at_a_glance_is_what_is_read_closely(
    text: str, start: str, method: str, more: list[tuple[bytes, bytes]], scheme: bytes
) -> None:
    path = (start + text).encode("latin-1")
    headers = [(b":method", method.encode()), (b":scheme", scheme), (b":authority", b"x"), (b":path", path), *more]
    message = read_ordinary(headers, b"/dns-query?dns=")
    if message is None:
        return
    request = read_request(read_fields(headers), b"", "")
    assert isinstance(request, HttpRequest)
    assert "/dns-query" == request.path
    taken = take_query(request)
    if isinstance(taken, HttpResponse):
        assert 400 == taken.status
        assert len(message) < 12 or message[2] & 0x80
    else:
        assert message == taken


@pytest.mark.parametrize(
    ("expected", "request_"),
    [
        (405, POST._replace(method="PUT")),
        (405, POST._replace(method="HEAD")),
        (405, POST._replace(method="get")),
        (405, POST._replace(method="")),
        (415, POST._replace(content_type="")),
        (415, POST._replace(content_type="application/json")),
        (415, POST._replace(content_type="application/dns-messages")),
        (415, POST._replace(content_type="application/oblivious-dns-message")),
        (406, POST._replace(accept="application/dns-json")),
        (406, GET._replace(accept="application/dns-message;q=0, */*")),
        (406, GET._replace(accept="text/html;level=1;q=0.5")),
        (400, POST._replace(body=b"")),
        (400, POST._replace(body=QUERY[:11])),
        (400, POST._replace(body=QUERY[:2] + b"\x81" + QUERY[3:])),
        (413, POST._replace(body=QUERY + bytes(65_536))),
        (400, GET._replace(query="")),
        (400, GET._replace(query="dns=")),
        (400, GET._replace(query=f"name={encoded(QUERY)}")),
        (400, GET._replace(query=f"dns={encoded(QUERY)}&dns={encoded(QUERY)}")),
        (400, GET._replace(query=f"dns={encoded(QUERY[:-1])}==")),
        (400, GET._replace(query=f"dns={encoded(QUERY)}A" if len(QUERY) % 3 == 0 else f"dns={encoded(QUERY)[:-1]}*")),
        (400, GET._replace(query="dns=AAAAA")),
        (400, GET._replace(query="dns=" + encoded(QUERY) + "é")),
        (400, GET._replace(query="dns=+/" + encoded(QUERY))),
    ],
)
def test_anything_else_is_refused_with_its_reason(expected: int, request_: HttpRequest) -> None:
    taken = take_query(request_)
    assert isinstance(taken, HttpResponse)
    assert (expected, "no-store") == (taken.status, taken.cache_control)
    assert taken.content_type.startswith("text/plain")
    assert 8 < len(taken.body) < 100


def test_a_method_that_is_not_served_is_told_those_that_are() -> None:
    taken = take_query(POST._replace(method="DELETE"))
    assert isinstance(taken, HttpResponse)
    assert (("allow", "GET, POST"),) == taken.headers


@given(st.binary(max_size=300), st.text(max_size=40), st.text(max_size=40), st.text(max_size=80))
def test_no_request_makes_it_raise(body: bytes, content_type: str, accept: str, query: str) -> None:
    for method in ("GET", "POST"):
        request = HttpRequest(method, "/dns-query", query, content_type, accept, body, "")
        assert status(request) in {200, 400, 406, 413, 415}


@pytest.mark.parametrize(
    "message", [bytes(12), QUERY[:-1], QUERY + b"\0", QUERY[:4] + b"\0\2" + QUERY[6:], QUERY[:12] + b"\xc0\x0c\0\1\0\1"]
)
def test_a_query_that_cannot_be_read_is_a_bad_request(message: bytes) -> None:
    refusal = check_query(message)
    assert refusal is not None
    assert 400 == refusal.status


def test_a_query_that_can_be_read_is_not_refused() -> None:
    assert check_query(QUERY) is None


# -- answers


SOA = "example. {} IN SOA ns.example. mail.example. 1 2 3 4 {}"


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ("private, max-age=300", answer("www.example. 300 IN A 192.0.2.1")),
        ("private, max-age=20", answer("www.example. 300 IN CNAME a.example.", "a.example. 20 IN A 192.0.2.1")),
        ("private, max-age=0", answer("www.example. 0 IN A 192.0.2.1")),
        ("private, max-age=0", answer("www.example. 300 IN A 192.0.2.1").replace(b"\0\0\1\x2c", b"\x80\0\1\x2c")),
        ("private, max-age=60", answer(authority=SOA.format(900, 60))),
        ("private, max-age=50", answer(authority=SOA.format(50, 60))),
        ("private, max-age=60", answer(authority=SOA.format(900, 60), rcode=dns.rcode.NXDOMAIN)),
        ("private, max-age=60", answer("www.example. 300 IN CNAME a.example.", authority=SOA.format(900, 60))),
        ("private, max-age=30", answer("www.example. 30 IN CNAME a.example.", authority=SOA.format(900, 60))),
        ("private, max-age=300", answer("www.example. 300 IN A 192.0.2.1", authority="example. 5 IN NS ns.example.")),
        ("no-store", answer()),
        ("no-store", answer(authority="example. 5 IN NS ns.example.")),
        ("no-store", answer(rcode=dns.rcode.SERVFAIL)),
        ("no-store", answer("www.example. 300 IN A 192.0.2.1", rcode=dns.rcode.SERVFAIL)),
        ("no-store", answer(authority=SOA.format(900, 60), rcode=dns.rcode.REFUSED)),
    ],
)
def test_an_answer_may_be_kept_as_long_as_its_least_lifetime(expected: str, message: bytes) -> None:
    """RFC 8484 §5.1."""
    assert HttpResponse(200, MEDIA_TYPE, message, expected) == build_answer(message)


# -- paths and headers


@pytest.mark.parametrize(
    ("expected", "path"),
    [
        ("", "/dns-query"),
        ("tablet", "/dns-query/tablet"),
        (None, "/dns-query/"),
        (None, "/dns-query/a/b"),
        (None, "/dns-queryx"),
        (None, "/"),
        (None, ""),
        (None, "/other/tablet"),
    ],
)
def test_a_label_is_one_segment_below_the_path(expected: str | None, path: str) -> None:
    assert expected == label_below(path, "/dns-query")


@pytest.mark.parametrize(
    ("expected", "header"),
    [
        (True, ""),
        (True, "a/b"),
        (True, "text/html;q=1, a/b;q=0.001"),
        (True, "a/*; q=0, A/B"),
        (False, "a/b;q=0.000"),
        (False, "*/*, a/b;q=0"),
        (False, "c/d"),
        (False, ",;,"),
        (False, "a/b;q="),
    ],
)
def test_accept_is_read_most_specific_first(expected: bool, header: str) -> None:
    """RFC 9110 §12.5.1."""
    assert expected is accepts(header, "a/b")


def test_a_media_type_is_compared_without_case_and_parameters() -> None:
    assert "a/b" == media_type(" A/b ;q=1")
