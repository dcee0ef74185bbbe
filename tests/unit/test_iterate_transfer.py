"""A zone coming in, message by message (RFC 5936)."""

import dns.flags
import dns.message
import dns.name
import dns.rrset
import pytest

from resolver.iterate import transfer
from resolver.iterate.transfer import Transfer, build_ask, serial_in, wait_after
from resolver.iterate.zonecopy import Timers, parse_zone
from wire.dns.codes import RecordType
from wire.dns.names import ROOT
from wire.errors import Malformed

SOA = "A.root-servers.net. nstld.example. 5 1800 900 604800 86400"
ID = 0x1234


def rrset(owner: str, kind: str, *rdatas: str) -> dns.rrset.RRset:
    return dns.rrset.from_text(owner, 300, "IN", kind, *rdatas)


FIRST, LAST = rrset(".", "SOA", SOA), rrset(".", "SOA", SOA)
SERVERS = rrset(".", "NS", "a.root-servers.net.", "B.root-servers.net.")
GLUE = rrset("a.root-servers.net.", "A", "192.0.2.1")


def part(
    *answer: dns.rrset.RRset, question: str = "AXFR", identifier: int = ID, rcode: int = 0, flags: int = 0
) -> bytes:
    message = dns.message.make_response(dns.message.make_query(".", question or "AXFR"))
    message.id = identifier
    message.set_rcode(rcode)
    message.flags |= flags
    message.answer = list(answer)
    if not question:
        message.question = []
    return message.to_wire()


@pytest.mark.parametrize("later", ["", "AXFR"])
def test_a_zone_may_come_in_one_message_or_in_many_with_or_without_question(later: str) -> None:
    many, one = Transfer(ID, ROOT), Transfer(ID, ROOT)
    assert [None, None] == [many.take(part(FIRST)), many.take(part(SERVERS, question=later))]
    whole = many.take(part(GLUE, LAST, question=later))
    assert whole is not None
    at_once = one.take(part(FIRST, SERVERS, GLUE, LAST)) or b""
    assert parse_zone(whole, ROOT).nodes == parse_zone(at_once, ROOT).nodes
    assert [1, 2, 1] == [len(records) for node in parse_zone(whole, ROOT).nodes.values() for records in node.values()]
    assert b"\xc0" not in whole[:60]


OTHER = rrset(".", "SOA", SOA.replace(" 5 ", " 6 "))


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ([part(FIRST, identifier=1)], "no response to what was asked"),
        ([part(FIRST, flags=dns.flags.TC)], "cut off"),
        ([part(rcode=5)], "the server says REFUSED"),
        ([part(rcode=9)], "the server says code 9"),
        ([part(FIRST, question="IXFR")], "an answer to another question"),
        ([part(FIRST, question="")], "an answer to another question"),
        ([part(FIRST), part(SERVERS, question="NS")], "an answer to another question"),
        ([part(SERVERS, FIRST)], "does not begin with its SOA"),
        ([part(FIRST, SERVERS, OTHER)], "ends with another SOA"),
        ([part(FIRST, SERVERS, LAST, GLUE)], "records after the end"),
        ([part(FIRST), part(question="")], "without records"),
        ([part(FIRST), part(SERVERS, identifier=2)], "no response to what was asked"),
        ([part(FIRST), part(dns.rrset.from_text("x.", 1, "CH", "TXT", "x"))], "not of class IN"),
        ([b"\0" * 11], "shorter than a header"),
    ],
)
def test_a_stream_that_is_no_zone_is_refused(parts: list[bytes], why: str) -> None:
    stream = Transfer(ID, ROOT)
    for data in parts[:-1]:
        stream.take(data)
    with pytest.raises(Malformed, match=why):
        stream.take(parts[-1])


def test_a_query_is_no_response() -> None:
    with pytest.raises(Malformed, match="no response"):
        Transfer(ID, ROOT).take(build_ask(ROOT, RecordType.AXFR, ID))


@pytest.mark.parametrize(("bound", "at"), [("MAX_MESSAGES", 9), ("MAX_OCTETS", 400), ("MAX_RECORDS", 9)])
def test_a_zone_without_end_is_refused(monkeypatch: pytest.MonkeyPatch, bound: str, at: int) -> None:
    monkeypatch.setattr(transfer, bound, at)
    stream = Transfer(ID, ROOT)
    stream.take(part(FIRST))

    def feed() -> None:
        for number in range(20):
            stream.take(part(rrset(f"a{number}.", "A", "192.0.2.1")))

    with pytest.raises(Malformed, match=r"too many messages|too large"):
        feed()


def test_the_serial_of_an_answer_for_the_soa() -> None:
    assert 5 == serial_in(part(FIRST, question="SOA"), ID, ROOT)
    with pytest.raises(Malformed, match="without the SOA"):
        serial_in(part(SERVERS, question="SOA"), ID, ROOT)


def test_what_leaves_is_the_question_and_nothing_else() -> None:
    query = build_ask(ROOT, RecordType.AXFR, ID)
    assert b"\x12\x34" + bytes(2) + b"\0\1" + bytes(6) + b"\0\0\xfc\0\1" == query


TIMERS = Timers(5, 1800, 900, 604_800, 86_400)


@pytest.mark.parametrize(
    ("timers", "failures", "expected"),
    [
        (TIMERS, 0, 1800),
        (TIMERS, 1, 900),
        (TIMERS, 9, 900),
        (None, 1, 30),
        (None, 2, 60),
        (None, 3, 120),
        (None, 99, 3600),
        (Timers(5, 0, 0, 0, 0), 0, 300),
        (Timers(5, 0, 0, 0, 0), 1, 60),
        (Timers(5, 2**31, 2**31, 0, 0), 0, 86_400),
        (Timers(5, 2**31, 2**31, 0, 0), 1, 3_600),
    ],
)
def test_when_to_look_again(timers: Timers | None, failures: int, expected: float) -> None:
    assert expected == wait_after(timers, failures, 0)
    assert expected * 7 / 8 < wait_after(timers, failures, 2**32 - 1) < expected
