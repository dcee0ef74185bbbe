"""Work is bounded by the length of a message: counted in lines run, not in seconds."""

import struct
from collections.abc import Callable
from typing import Any

import pytest
from kit.judged import judge
from kit.work import lines_run

from resolver.accept import Fault, Rejected
from resolver.settings import CacheSettings
from resolver.values import Query, QueryFlag
from wire.dns.edns import MAX_OPTIONS, build_opt, parse_options
from wire.dns.message import HEADER, parse_message
from wire.dns.names import MAX_POINTERS, parse_name, skip_name
from wire.dns.peek import peek
from wire.errors import Malformed

MOST = 65_535
QUESTION = b"\0\0\1\0\1"


def response(records: int, body: bytes, question: bytes = QUESTION) -> bytes:
    return HEADER.pack(1, 0x8180, 1, records, 0, 0) + question + body


def record(owner: bytes, rdata: bytes = b"", kind: int = 16) -> bytes:
    return owner + struct.pack("!HHIH", kind, 1, 60, len(rdata)) + rdata


def minimal() -> bytes:
    """As many records as fit: 5,956 of eleven octets."""
    count = (MOST - 12 - len(QUESTION)) // 11
    return response(count, record(b"\0") * count)


def pointing(link: bytes, depth: int, head: bytes = b"\1x") -> bytes:
    """A first record whose data is a chain of so many times `link` and a pointer to the former; then as many records as
    fit, each with an owner of its own that goes down the whole chain: what costs most for its length."""
    question = b"\1a\0\0\1\0\1"
    chain, start, former = b"", 12 + len(question) + 11, 12
    for _ in range(depth - 1):
        here = start + len(chain)
        chain += link + (0xC000 | former).to_bytes(2, "big")
        former = here
    body = record(b"\0", chain)
    one = record(head + (0xC000 | former).to_bytes(2, "big"))
    count = (MOST - 12 - len(question) - len(body)) // len(one)
    return response(1 + count, body + one * count, question)


def test_a_message_of_minimal_records_is_read_whole() -> None:
    message = parse_message(minimal())
    assert 5_956 == len(message.answer)
    assert {b"\0"} == {found.owner for found in message.answer}


def test_the_work_for_minimal_records_is_bounded_by_their_number() -> None:
    data = minimal()
    half = response(2_978, record(b"\0") * 2_978)
    whole_work, half_work = lines_run(lambda: parse_message(data)), lines_run(lambda: parse_message(half))
    assert whole_work <= 40 * 5_956
    assert whole_work <= 2.1 * half_work


@pytest.mark.parametrize("link", [b"", b"\1b", b"\1b" * 7], ids=["pointers", "pointers and labels", "mostly labels"])
def test_no_chain_of_pointers_makes_a_message_dear(link: bytes) -> None:
    """A name costs at most its 127 labels and 16 pointers, and a record has one owner of at least three octets."""
    data = pointing(link, MAX_POINTERS)
    records = len(parse_message(data).answer)
    assert 4_600 <= records <= MOST // 11
    assert lines_run(lambda: parse_message(data)) <= 1_000 * records


def test_a_chain_of_eight_thousand_pointers_is_refused_at_once() -> None:
    """Before pointers were counted, such a message of 64 KiB held a cell for three seconds."""
    data = pointing(b"", 8_000)
    assert lines_run(lambda: parse_message(data)) <= 1_000
    with pytest.raises(Malformed, match="too many compression pointers"):
        parse_message(data)


def test_a_header_that_promises_more_records_than_octets_is_refused_at_once() -> None:
    data = HEADER.pack(1, 0x8180, 1, 65_535, 65_535, 65_535) + QUESTION + bytes(2_000)
    assert lines_run(lambda: parse_message(data)) <= 20
    with pytest.raises(Malformed, match="more records than octets"):
        parse_message(data)


@pytest.mark.parametrize(
    ("data", "at"),
    [
        (b"\xc0\x00", 0),
        (b"\1a\xc0\x00", 0),
        (b"\xc0\x02\xc0\x00", 0),
        (b"\xc0\x02\xc0\x00", 2),
        (b"\xc0\x05\0\0\0\1a\0", 0),
        (b"\1a\xc0\x02\0", 0),
        (b"\1a\xc0\x04\1b\0", 0),
        (b"\0\1a\xc0\x01", 1),
    ],
    ids=[
        "itself",
        "its own start",
        "two in a ring",
        "a ring from behind",
        "forward",
        "itself in a name",
        "on",
        "its label",
    ],
)
def test_a_pointer_that_does_not_go_back_is_refused(data: bytes, at: int) -> None:
    with pytest.raises(Malformed, match="does not go back"):
        parse_name(data, at)


@pytest.mark.parametrize("first", range(0x40, 0xC0))
def test_a_label_type_that_nobody_uses_is_refused_everywhere(first: int) -> None:
    name = bytes((first,)) + bytes(80)
    question = HEADER.pack(1, 0x0100, 1, 0, 0, 0) + name
    for parse in (parse_message, peek):
        with pytest.raises(Malformed, match="label type"):
            parse(question)
    with pytest.raises(Malformed, match="label type"):
        parse_name(name, 0)
    with pytest.raises(Malformed, match="label type"):
        skip_name(name, 0)


LONGEST = b"".join(bytes((63,)) + b"a" * 63 for _ in range(3)) + bytes((61,)) + b"a" * 61 + b"\0"
TOO_LONG = LONGEST[:-63] + bytes((62,)) + b"a" * 62 + b"\0"


def test_a_name_has_255_octets_and_no_more() -> None:
    assert (255, 256) == (len(LONGEST), len(TOO_LONG))
    assert (LONGEST, 255) == parse_name(LONGEST, 0)
    with pytest.raises(Malformed, match="too long"):
        parse_name(TOO_LONG, 0)


def test_the_limit_holds_across_pointers() -> None:
    tail = LONGEST[64:]
    assert (LONGEST, len(tail) + 66) == parse_name(tail + LONGEST[:64] + b"\xc0\0", len(tail))
    with pytest.raises(Malformed, match="too long"):
        parse_name(TOO_LONG[64:] + LONGEST[:64] + b"\xc0\0", len(tail) + 1)


@pytest.mark.parametrize("parse", [parse_message, peek])
def test_the_limit_holds_for_a_question(parse: Callable[[bytes], Any]) -> None:
    header = HEADER.pack(1, 0x0100, 1, 0, 0, 0)
    assert LONGEST + b"\0\1\0\1" == parse(header + LONGEST + b"\0\1\0\1").question
    with pytest.raises(Malformed, match="too long"):
        parse(header + TOO_LONG + b"\0\1\0\1")


def test_a_hundred_options_are_read_and_one_more_is_refused() -> None:
    def query(count: int) -> bytes:
        return HEADER.pack(1, 0x0100, 1, 0, 0, 1) + QUESTION + build_opt(1232, False, [(65_001, b"")] * count)

    for parse in (parse_message, peek):
        edns = parse(query(MAX_OPTIONS)).edns
        assert edns is not None
        assert MAX_OPTIONS == len(edns.options)
        with pytest.raises(Malformed, match="too many"):
            parse(query(MAX_OPTIONS + 1))
    assert 100 == MAX_OPTIONS


def test_sixteen_thousand_options_cost_no_more_than_a_hundred() -> None:
    assert lines_run(lambda: parse_options(bytes(65_532))) <= 20 * MAX_OPTIONS


def test_an_answer_that_grows_past_a_message_when_written_out_is_a_lie() -> None:
    """Each MX names its host with a pointer; written anew, because one record does not belong, all would be 1 MB."""
    question = LONGEST + b"\0\x0f\0\1"

    def one(number: int) -> bytes:
        return record(b"\xc0\x0c", number.to_bytes(2, "big") + b"\xc0\x0c", kind=15)

    count = (MOST - 12 - len(question)) // len(one(0)) - 1
    data = response(count + 1, b"".join(map(one, range(count))) + record(b"\0"), question)
    found = judge(Query(question, QueryFlag.RD, 0, 1), data, CacheSettings())
    assert Rejected(Fault.MALFORMED) == found


def test_record_data_that_grows_past_its_length_field_is_a_lie() -> None:
    question = LONGEST + b"\0\x06\0\1"
    soa = record(b"\xc0\x0c", b"\xc0\x0c\xc0\x0c" + bytes(65_200), kind=6)
    data = response(2, soa + record(b"\0"), question)
    assert len(data) <= MOST
    assert Rejected(Fault.MALFORMED) == judge(Query(question, QueryFlag.RD, 0, 1), data, CacheSettings())
