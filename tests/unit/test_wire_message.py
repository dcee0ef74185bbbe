import struct

import pytest

from wire.dns.codes import RecordType
from wire.dns.edns import Edns, build_opt
from wire.dns.message import (
    HEADER,
    Record,
    ResourceRecord,
    build_query,
    build_response,
    parse_message,
    rdata_name,
    soa_minimum,
)
from wire.errors import Malformed
from wire.units import Instant, Seconds, later

WWW = b"\x03www\x07example\x00"
EXAMPLE = WWW[4:]
QUESTION = WWW + b"\0\1\0\1"
TO_QUESTION = b"\xc0\x0c"


def record(owner: bytes, kind: int, rdata: bytes, ttl: int = 60, rrclass: int = 1) -> bytes:
    return owner + struct.pack("!HHIH", kind, rrclass, ttl, len(rdata)) + rdata


def message(*sections: list[bytes], question: bytes = QUESTION, flags: int = 0x8180) -> bytes:
    counts = [len(section) for section in sections] + [0] * (3 - len(sections))
    return HEADER.pack(0x1234, flags, 1, *counts) + question + b"".join(b"".join(section) for section in sections)


A = record(TO_QUESTION, 1, b"\xc0\0\2\1")


def test_a_message_is_walked_into_its_sections() -> None:
    data = message(
        [A],
        [record(b"\xc0\x10", 2, b"\2ns\xc0\x10")],
        [record(b"\2ns\xc0\x10", 1, bytes(4)), build_opt(1232, True, [])],
    )
    found = parse_message(data)
    assert (0x1234, 0x8180, 0, QUESTION, data) == (
        found.identifier,
        found.flags,
        found.rcode,
        found.question,
        found.data,
    )
    assert [Record(WWW, 1, 1, 60, 35, 41, 45)] == found.answer
    assert [(EXAMPLE, 2)] == [(r.owner, r.rrtype) for r in found.authority]
    assert [(b"\2ns" + EXAMPLE, 1)] == [(r.owner, r.rrtype) for r in found.additional]
    assert found.authority[0].rdata_end == found.additional_start
    assert Edns(1232, 0, 0, True, ()) == found.edns


def test_the_question_keeps_its_spelling_and_owners_are_folded() -> None:
    question = b"\x03wWw\x07eXample\0\0\1\0\1"
    found = parse_message(message([A], question=question))
    assert question == found.question
    assert WWW == found.answer[0].owner


def test_an_owner_that_was_read_before_is_the_same_value() -> None:
    """Pointers to owners of earlier records, and twice to the same place inside of one."""
    long = record(b"\1b" + WWW, 16, b"")
    at = (0xC000 | 12 + len(QUESTION)).to_bytes(2, "big")
    inner = (0xC000 | 12 + len(QUESTION) + 2).to_bytes(2, "big")
    found = parse_message(message([long, record(at, 16, b""), record(inner, 16, b""), record(inner, 16, b"")]))
    assert [b"\1b" + WWW, b"\1b" + WWW, WWW, WWW] == [r.owner for r in found.answer]


def test_an_owner_beyond_the_reach_of_pointers_is_read_too() -> None:
    found = parse_message(message([record(b"\0", 16, bytes(0x4000)), record(WWW, 16, b""), A]))
    assert [b"\0", WWW, WWW] == [r.owner for r in found.answer]


def test_the_opt_adds_the_upper_bits_of_the_rcode() -> None:
    found = parse_message(
        message([], [], [build_opt(1232, False, [(10, b"12345678")], extended_rcode=1)], flags=0x8187)
    )
    assert 0x17 == found.rcode
    assert [] == found.additional
    assert found.edns is not None
    assert b"12345678" == found.edns.option(10)


def test_a_ttl_with_the_top_bit_set_counts_as_zero() -> None:
    assert 0 == parse_message(message([record(TO_QUESTION, 1, bytes(4), ttl=0x80000001)])).answer[0].ttl
    assert 2**31 - 1 == parse_message(message([record(TO_QUESTION, 1, bytes(4), ttl=2**31 - 1)])).answer[0].ttl


def test_the_top_bit_of_an_opt_is_part_of_its_code() -> None:
    assert 0xFF0 == parse_message(message([], [], [build_opt(1232, False, [], extended_rcode=255)])).rcode


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "shorter than a header"),
        (bytes(11), "shorter than a header"),
        (bytes(12), "not exactly one question"),
        (HEADER.pack(0, 0, 2, 0, 0, 0) + QUESTION * 2, "not exactly one question"),
        (HEADER.pack(0, 0, 1, 0, 0, 0), "question cut off"),
        (HEADER.pack(0, 0, 1, 0, 0, 0) + QUESTION[:-1], "question cut off"),
        (HEADER.pack(0, 0, 1, 0, 0, 0) + b"\3ww", "question cut off"),
        (HEADER.pack(0, 0, 1, 0, 0, 0) + b"\xc0\x0c\0\1\0\1", "label type not in use in a question"),
        (HEADER.pack(0, 0, 1, 9, 9, 9) + QUESTION, "more records than octets"),
        (message([A])[:-4] + b"", "record data cut off"),
        (message([A + b"\0"]), "octets after the last record"),
        (HEADER.pack(0, 0, 1, 2, 0, 0) + QUESTION + A, "record cut off"),
        (message([b"\x0f" + b"a" * 10 + b"bcdef" + b"\0" + bytes(4)]), "record cut off"),
        (message([b"\xc0\x0c" + bytes(9)]), "record cut off"),
        (message([record(TO_QUESTION, 1, b"abcd")[:-1]]), "record data cut off"),
        (message([build_opt(1232, False, [])]), "OPT outside"),
        (message([], [build_opt(1232, False, [])]), "OPT outside"),
        (message([], [], [build_opt(1232, False, [])] * 2), "more than one OPT"),
        (message([], [], [record(TO_QUESTION, 41, b"")]), "not at the root"),
        (message([], [], [record(b"\0", 41, b"\0\1")]), "options cut off"),
        (message([record(b"\xff\xff", 1, bytes(4))]), "does not go back"),
    ],
)
def test_what_is_no_message_is_malformed(data: bytes, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        parse_message(data)


def test_the_name_in_record_data_is_expanded_and_folded() -> None:
    found = parse_message(message([record(TO_QUESTION, 5, b"\1B\xc0\x10")]))
    assert b"\1b" + EXAMPLE == rdata_name(found, found.answer[0])


def test_record_data_with_more_than_a_name_is_malformed() -> None:
    found = parse_message(message([record(TO_QUESTION, 5, b"\1b\0z")]))
    with pytest.raises(Malformed, match="not one name"):
        rdata_name(found, found.answer[0])


def test_the_minimum_of_an_soa_is_its_last_field() -> None:
    soa = b"\2ns\xc0\x10\xc0\x0c" + struct.pack("!5I", 1, 2, 3, 4, 300)
    found = parse_message(message([], [record(b"\xc0\x10", 6, soa)]))
    assert 300 == soa_minimum(found, found.authority[0])


def test_an_soa_of_the_wrong_length_is_malformed() -> None:
    found = parse_message(message([], [record(b"\xc0\x10", 6, b"\0\0" + bytes(19)), record(b"\0", 16, bytes(30))]))
    with pytest.raises(Malformed, match="wrong length"):
        soa_minimum(found, found.authority[0])


def test_a_query_is_header_question_and_opt() -> None:
    assert bytes.fromhex("0000 0100 0001 0000 0000 0000") + QUESTION == build_query(QUESTION, 0x0100)
    opt = build_opt(1232, False, [])
    assert bytes.fromhex("0000 0110 0001 0000 0000 0001") + QUESTION + opt == build_query(QUESTION, 0x0110, opt)


def test_a_response_has_its_counts_and_the_place_of_every_ttl() -> None:
    answer = [
        ResourceRecord(WWW, RecordType.A, 1, 300, b"\xc0\0\2\1"),
        ResourceRecord(b"\1b" + WWW, 16, 1, 301, b"\1x"),
    ]
    authority = [ResourceRecord(EXAMPLE, 2, 1, 302, WWW), ResourceRecord(b"\0", 2, 1, 303, b"\0")]
    built = build_response(QUESTION, 0x0100, 3, answer, authority)
    assert bytes.fromhex("0000 8103 0001 0002 0002 0000") == built.message[:12]
    found = parse_message(built.message)
    assert [WWW, b"\1b" + WWW, EXAMPLE, b"\0"] == [r.owner for r in found.answer + found.authority]
    assert built.ttl_offsets == tuple(r.ttl_offset for r in found.answer + found.authority)
    assert [300, 301, 302, 303] == [r.ttl for r in found.answer + found.authority]


def test_owners_are_compressed_against_all_that_was_written() -> None:
    other = b"\1a\1b\4test\0"
    records = [ResourceRecord(name, 16, 1, 0, b"") for name in (WWW, other, b"\1c" + other[2:], other)]
    built = build_response(QUESTION, 0, 0, records)
    assert 12 + len(QUESTION) + 2 + 10 + len(other) + 10 + 4 + 10 + 2 + 10 == len(built.message)
    assert [r.owner for r in records] == [r.owner for r in parse_message(built.message).answer]


def test_no_pointer_goes_further_than_pointers_reach() -> None:
    far = b"\3far\0"
    records = [ResourceRecord(b"\0", 16, 1, 0, bytes(0x4000)), *[ResourceRecord(far, 16, 1, 0, b"")] * 2]
    built = build_response(QUESTION, 0, 0, records)
    assert [b"\0", far, far] == [r.owner for r in parse_message(built.message).answer]
    assert built.message.endswith(2 * (far + b"\0\x10\0\1" + bytes(6)))


@pytest.mark.parametrize("lengths", [(65_535,), (65_508,), (40_000, 40_000)])
def test_a_response_longer_than_a_message_can_be_is_not_built(lengths: tuple[int, ...]) -> None:
    with pytest.raises(Malformed, match="longer than a message"):
        build_response(b"\0\0\1\0\1", 0, 0, [ResourceRecord(b"\0", 16, 1, 0, bytes(length)) for length in lengths])


def test_the_longest_response_is_built() -> None:
    built = build_response(b"\0\0\1\0\1", 0, 0, [ResourceRecord(b"\0", 16, 1, 0, bytes(65_507))])
    assert 65_535 == len(built.message)


def test_an_instant_moves_by_seconds() -> None:
    assert Instant(3.5) == later(Instant(1.0), Seconds(2.5))
