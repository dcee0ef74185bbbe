"""Offers of HTTP/3 (RFC 7838 §3)."""

import dns.message
import dns.rrset
import pytest

from resolver.edge.upstream.altsvc import LONGEST, NONE, SHORTEST, USUAL, Offer, offer_question, read_offer, read_record

HOST = "dns.example"


@pytest.mark.parametrize(
    ("value", "offer"),
    [
        (b'h3=":443"', Offer(443, USUAL)),
        (b'h3=":443"; ma=60', Offer(443, 60.0)),
        (b'h3=":443";ma="60";persist=1', Offer(443, 60.0)),
        (b'h2=":8443"; ma=5, h3-29=":443", h3=":8443"; ma=2592000; persist=1', Offer(8443, LONGEST)),
        (b'h3="DNS.Example:853"', Offer(853, USUAL)),
        (b'h3="other.example:443", h3=":444"', Offer(444, USUAL)),
        (b'h3="other.example:443"', NONE),
        (b"clear", NONE),
        (b'h2=":443"', NONE),
        (b'h3=":0"', NONE),
        (b'h3=":65536"', NONE),
        (b'h3=":99999999"', NONE),
        (b'h3="443"', NONE),
        (b"h3=:443", NONE),
        (b'h3=":443', NONE),
        (b'h3 = ":443"', NONE),
        (b"", NONE),
        (b",", NONE),
        (b'h3=":443"; ma=abc', Offer(443, USUAL)),
        (b'x="' + b"a" * 2_000 + b'", h3=":443"', NONE),
        (b'h2=":1",' * 300 + b'h3=":443"', NONE),
    ],
)
def test_an_offer_counts_only_at_the_same_host_and_for_a_bounded_time(value: bytes, offer: Offer) -> None:
    assert offer == read_offer([(b":status", b"200"), (b"alt-svc", value)], HOST)


def test_an_address_is_a_host_too() -> None:
    assert Offer(443, USUAL) == read_offer([(b"alt-svc", b'h3="[2001:db8::1]:443"')], "2001:db8::1")


def test_a_response_without_the_header_says_nothing() -> None:
    assert read_offer([(b":status", b"200")], HOST) is None


def test_the_last_of_many_lines_may_hold_the_offer() -> None:
    assert Offer(443, USUAL) == read_offer([(b"alt-svc", b'h2=":1"'), (b"alt-svc", b'h3=":443"')], HOST)


def response(*records: str, ttl: int = 600, code: int = 0) -> bytes:
    query = dns.message.make_query("_dns.dns.example.", "SVCB", id=0)
    made = dns.message.make_response(query)
    made.set_rcode(code)
    if records:
        made.answer.append(dns.rrset.from_text("_dns.dns.example.", ttl, "IN", "SVCB", *records))
    return made.to_wire()


@pytest.mark.parametrize(
    ("data", "offer"),
    [
        (response("1 dns.example. alpn=h3"), Offer(443, 600.0)),
        (response("2 dns.example. alpn=h3 port=8443", "1 dns.example. alpn=h2,h3 port=444"), Offer(444, 600.0)),
        (response("1 dns.example. alpn=h2", "2 dns.example. alpn=h3 port=444"), Offer(444, 600.0)),
        (response("1 dns.example. alpn=h3", ttl=1), Offer(443, SHORTEST)),
        (response("1 dns.example. alpn=h3", ttl=2**31 - 1), Offer(443, LONGEST)),
        (response("1 dns.example. mandatory=alpn alpn=h3"), NONE),
        (response("0 dns.example."), NONE),
        (response("1 other.example. alpn=h3"), NONE),
        (response("1 dns.example. port=443"), NONE),
        (response("1 dns.example. alpn=h3 port=0"), NONE),
        (response("1 dns.example. alpn=h3", code=3), NONE),
        (response(), NONE),
        (response("1 dns.example. alpn=h3")[:-2], NONE),
        (b"", NONE),
    ],
)
def test_a_record_offers_http3_at_the_server_itself_only(data: bytes, offer: Offer) -> None:
    assert offer == read_record(data, HOST)


def test_the_record_is_asked_for_by_the_name_of_the_server() -> None:
    assert offer_question("dns.example") == b"\4_dns\3dns\7example\0\0\x40\0\1"
