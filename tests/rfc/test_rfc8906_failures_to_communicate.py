"""RFC 8906 §8: the questions that tell a well-behaved server, and the older rules behind them."""

import dns.edns
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import pytest
from kit.desk import Counter53

QUERY = dns.message.make_query("www.example", "A")


@pytest.mark.parametrize("opcode", [1, 2, 4, 5, 6, 15])
def test_3_1_4_an_unknown_opcode_is_notimp_even_with_a_header_only(opcode: int) -> None:
    for data in (bytes((1, 2, opcode << 3, 0)) + bytes(8), QUERY.to_wire()[:2] + bytes((opcode << 3, 0)) + b"\0\1"):
        message = dns.message.from_wire(Counter53().ask(data.ljust(12, b"\0")).sent[0], question_only=True)
        assert (dns.rcode.NOTIMP, opcode) == (message.rcode(), int(message.opcode()))


def test_3_1_4_an_update_with_its_sections_is_notimp() -> None:
    update = dns.message.from_text(
        "id 1\nopcode UPDATE\n;ZONE\nexample. IN SOA\n;UPDATE\na.example. 1 IN A 192.0.2.1\n"
    )
    assert dns.rcode.NOTIMP == dns.message.from_wire(Counter53().ask(update.to_wire()).sent[0]).rcode()


@pytest.mark.parametrize("flag", [dns.flags.AA, dns.flags.RA, 0x0040, dns.flags.AD, dns.flags.TC])
def test_3_1_3_flags_that_mean_nothing_in_a_query_are_ignored_and_not_copied(flag: int) -> None:
    query = dns.message.make_query("www.example", "A", flags=dns.flags.RD | flag)
    front = Counter53()
    front.warm()
    message = front.ask(query).message
    assert (dns.rcode.NOERROR, dns.flags.QR | dns.flags.RD | dns.flags.RA) == (message.rcode(), message.flags)


def test_a_response_is_never_answered() -> None:
    """RFC 1035 §7.3; two servers would else talk to each other for ever."""
    front = Counter53()
    wire = bytearray(QUERY.to_wire())
    wire[2] |= 0x80
    assert [] == front.ask(bytes(wire)).sent
    assert 1 == front.desk.counters["dropped-not-a-query"]


@pytest.mark.parametrize("length", range(12))
def test_what_is_shorter_than_a_header_is_never_answered(length: int) -> None:
    assert [] == Counter53().ask(QUERY.to_wire()[:length]).sent


def test_a_question_that_cannot_be_read_is_formerr_with_its_id() -> None:
    message = dns.message.from_wire(Counter53().ask(QUERY.to_wire()[:-3]).sent[0])
    assert (QUERY.id, dns.rcode.FORMERR, []) == (message.id, message.rcode(), message.question)
    assert "QR RD" == dns.flags.to_text(message.flags)


@pytest.mark.parametrize(
    ("rrtype", "rrclass", "rcode"),
    [
        ("AXFR", "IN", dns.rcode.REFUSED),
        ("IXFR", "IN", dns.rcode.REFUSED),
        ("TKEY", "IN", dns.rcode.REFUSED),
        ("TSIG", "IN", dns.rcode.FORMERR),
        ("OPT", "IN", dns.rcode.FORMERR),
        ("MAILA", "IN", dns.rcode.NOTIMP),
        ("MAILB", "IN", dns.rcode.NOTIMP),
        ("TXT", "CH", dns.rcode.REFUSED),
        ("A", "HS", dns.rcode.REFUSED),
        ("A", "ANY", dns.rcode.REFUSED),
    ],
)
def test_what_is_not_for_a_resolver_is_told_so_and_why(rrtype: str, rrclass: str, rcode: int) -> None:
    front = Counter53()
    query = dns.message.make_query("www.example", rrtype, rrclass, use_edns=0)
    wire = query.to_wire()
    message = dns.message.from_wire(front.ask(wire).sent[0], ignore_trailing=True)
    assert (rcode, []) == (message.rcode(), front.port.queries)
    assert [True] == [isinstance(option, dns.edns.EDEOption) for option in message.options]


def test_rfc_8914_4_21_without_rd_the_answer_is_refused_with_ede_20() -> None:
    query = dns.message.make_query("www.example", "A", use_edns=0, flags=0)
    front = Counter53()
    front.warm()
    message = front.ask(query).message
    assert (dns.rcode.REFUSED, [20]) == (message.rcode(), [int(option.code) for option in message.options])
