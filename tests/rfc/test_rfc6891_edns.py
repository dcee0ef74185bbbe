"""RFC 6891, the responder's side."""

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import pytest
from kit.desk import Counter53, answer

QUERY = dns.message.make_query("www.example", "A")


def test_6_1_1_a_query_with_more_than_one_opt_must_be_answered_with_formerr() -> None:
    opt = b"\0\0\x29\x04\xd0\0\0\0\0\0\0"
    wire = QUERY.to_wire()
    message = Counter53().ask(wire[:10] + b"\0\2" + wire[12:] + opt + opt).message
    assert (QUERY.id, dns.rcode.FORMERR) == (message.id, message.rcode())


def test_6_1_1_a_request_with_opt_must_get_a_response_with_opt() -> None:
    front = Counter53()
    for rrtype in ("A", "ANY", "AXFR", "MAILA"):
        front.ask(dns.message.make_query("www.example", rrtype, use_edns=0))
    refused = front.ask(dns.message.make_query("www.example", "AXFR", use_edns=0)).message
    assert 0 == refused.edns


def test_7_no_opt_must_be_in_the_response_to_a_request_without() -> None:
    front = Counter53()
    front.warm()
    assert -1 == front.ask(QUERY).message.edns
    assert -1 == front.ask(dns.message.make_query("www.example", "AXFR")).message.edns


@pytest.mark.parametrize("version", [1, 100, 255])
def test_6_1_3_an_unknown_version_must_be_answered_with_badvers_and_our_own_version(version: int) -> None:
    query = dns.message.make_query("www.example", "A", use_edns=version)
    message = Counter53().ask(query).message
    assert (dns.rcode.BADVERS, 0, []) == (message.rcode(), message.edns, message.answer)
    assert ["EDE 21 (Not Supported): only version 0 of EDNS is known here"] == [o.to_text() for o in message.options]


def test_6_1_2_an_unknown_option_must_be_ignored() -> None:
    front = Counter53()
    front.warm()
    message = front.ask(
        dns.message.make_query("www.example", "A", options=[dns.edns.GenericOption(65_001, b"x")])
    ).message
    assert (dns.rcode.NOERROR, ()) == (message.rcode(), message.options)


def test_6_1_4_the_z_bits_must_be_zero_in_the_response_and_do_is_copied() -> None:
    front = Counter53()
    query = dns.message.make_query("www.example", "A", use_edns=0, ednsflags=0xFFFF)
    road = front.ask(query)
    (flight,) = front.port.queries
    front.reply(flight, answer(flight.key.question))
    assert 0x8000 == road.message.ednsflags & 0xFFFF


@pytest.mark.parametrize("payload", [0, 1, 511, 512])
def test_6_2_3_values_lower_than_512_must_be_treated_as_512(payload: int) -> None:
    front = Counter53()
    road = front.ask(dns.message.make_query("www.example", "A", use_edns=0, payload=payload))
    (flight,) = front.port.queries
    front.reply(flight, answer(flight.key.question, count=25))
    assert (25, False) == (len(road.message.answer[0]), bool(road.message.flags & dns.flags.TC))
