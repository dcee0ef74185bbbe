"""RFC 7873, the server's side."""

import dns.edns
import dns.message
import dns.rcode
import pytest
from kit.desk import Counter53

COOKIE = dns.edns.GenericOption(10, b"12345678")


@pytest.mark.parametrize("length", [*range(8), *range(9, 16), *range(41, 46)])
def test_5_2_2_a_malformed_cookie_option_must_be_answered_with_formerr(length: int) -> None:
    query = dns.message.make_query("www.example", "A", options=[dns.edns.GenericOption(10, bytes(length))])
    assert dns.rcode.FORMERR == Counter53().ask(query).message.rcode()


@pytest.mark.parametrize("length", [8, 16, 24, 40])
def test_5_2_a_well_formed_cookie_is_answered_with_the_clients_eight_octets_and_ours(length: int) -> None:
    front = Counter53()
    front.warm()
    sent = bytes(range(length))
    message = front.ask(dns.message.make_query("www.example", "A", options=[dns.edns.GenericOption(10, sent)])).message
    (option,) = message.options
    assert (dns.rcode.NOERROR, sent[:8], 24) == (message.rcode(), option.to_wire()[:8], len(option.to_wire()))


@pytest.mark.parametrize("rrtype", ["ANY", "AXFR", "MAILA"])
def test_5_3_no_response_may_lack_the_cookie_or_the_client_must_discard_it(rrtype: str) -> None:
    message = Counter53().ask(dns.message.make_query("www.example", rrtype, options=[COOKIE])).message
    assert [b"12345678"] == [option.to_wire()[:8] for option in message.options if option.otype == 10]


def test_5_2_1_without_a_cookie_there_is_none_in_the_response() -> None:
    front = Counter53()
    front.warm()
    assert () == front.ask(dns.message.make_query("www.example", "A", use_edns=0)).message.options


def test_9_the_cookie_of_one_address_is_not_that_of_another() -> None:
    front = Counter53()
    front.warm()
    query = dns.message.make_query("www.example", "A", options=[COOKIE])
    ours, theirs = (front.ask(query, address=address).message for address in ("127.0.0.1", "127.0.0.2"))
    assert ours.options[0].to_wire() != theirs.options[0].to_wire()
