"""RFC 8467's tables, and `dress`, which puts the padding (and the rest of the outer form) on an answer."""

import pytest

from privacy.padding import QUERY_BLOCK, REPLY_BLOCK, query_padding, reply_padding
from privacy.reply import MINIMUM_PAYLOAD, PAYLOAD, Outer, dress
from wire.dns.codes import EdnsOption
from wire.dns.message import ResourceRecord, build_response, parse_message

WWW = b"\x03www\x07example\x00"
QUESTION = WWW + b"\0\1\0\1"
SPELLED = b"\x03wWw\x07EXAMPLE\x00\0\1\0\1"
MOST = 65_535


def answer(*ttls: int, size: int = 4) -> tuple[bytes, tuple[int, ...]]:
    built = build_response(QUESTION, 0x8180, 0, [ResourceRecord(WWW, 1, 1, ttl, bytes(size)) for ttl in ttls])
    return built.message, built.ttl_offsets


def outer(limit: int = MOST, **other: object) -> Outer:
    given: dict[str, object] = {"edns": True, **other}
    return Outer(b"\x12\x34", SPELLED, limit, **given)  # type: ignore[arg-type]


def test_the_blocks_are_those_of_the_rfc() -> None:
    """> Clients SHOULD pad queries to the closest multiple of 128 octets; servers responses to 468 (RFC 8467 §4.1)"""
    assert (128, 468) == (QUERY_BLOCK, REPLY_BLOCK)


@pytest.mark.parametrize(
    ("length", "padding"), [(0, 124), (40, 84), (123, 1), (124, 0), (125, 127), (128, 124), (252, 0), (253, 127)]
)
def test_a_query_is_padded_to_the_next_multiple_of_128(length: int, padding: int) -> None:
    assert padding == query_padding(length)


def test_a_query_gets_the_least_padding_that_fits() -> None:
    for length in range(1, 1_300):
        padding = query_padding(length)
        assert 0 == (length + 4 + padding) % QUERY_BLOCK
        assert 0 <= padding < QUERY_BLOCK


@pytest.mark.parametrize(
    ("length", "limit", "padding"),
    [
        (100, MOST, 364),
        (464, MOST, 0),
        (465, MOST, 467),
        (468, MOST, 464),
        (1_000, 1_232, 228),
        (1_228, 1_232, 0),
        (1_229, 1_232, 0),
        (1_232, 1_232, 0),
        (65_520, MOST, 11),
    ],
)
def test_a_reply_is_padded_to_the_next_multiple_of_468_or_to_its_limit(length: int, limit: int, padding: int) -> None:
    assert padding == reply_padding(length, limit)


def test_an_answer_without_edns_gets_id_and_spelling_only() -> None:
    message, offsets = answer(300)
    dressed = dress(message, offsets, 0, outer(edns=False))
    assert b"\x12\x34" + message[2:12] + SPELLED + message[12 + len(SPELLED) :] == dressed


@pytest.mark.parametrize(("age", "left"), [(0, [300, 10, 0]), (1, [299, 9, 0]), (10, [290, 0, 0]), (1_000, [0, 0, 0])])
def test_ttls_age_and_do_not_go_below_zero(age: int, left: list[int]) -> None:
    message, offsets = answer(300, 10, 0)
    assert left == [record.ttl for record in parse_message(dress(message, offsets, age, outer())).answer]


def test_a_client_with_edns_gets_ours() -> None:
    message, offsets = answer(300)
    found = parse_message(dress(message, offsets, 0, outer(do=True, extended_rcode=1)))
    assert found.edns is not None
    assert (PAYLOAD, 1, 0, True, ()) == found.edns
    assert 16 == found.rcode


def test_cookie_and_explanation_are_given_in_this_order() -> None:
    message, offsets = answer(300)
    found = parse_message(dress(message, offsets, 0, outer(cookie=b"c" * 24, explanations=(b"\0\x0fno",))))
    assert found.edns is not None
    assert ((EdnsOption.COOKIE, b"c" * 24), (EdnsOption.EXTENDED_ERROR, b"\0\x0fno")) == found.edns.options


@pytest.mark.parametrize("count", range(1, 60, 7))
@pytest.mark.parametrize("cookie", [b"", b"c" * 24])
def test_an_answer_on_an_encrypted_channel_is_a_multiple_of_468_octets(count: int, cookie: bytes) -> None:
    message, offsets = answer(*[60] * count)
    assert 0 == len(dress(message, offsets, 0, outer(padded=True, cookie=cookie))) % REPLY_BLOCK


def test_an_answer_without_edns_is_not_padded() -> None:
    message, offsets = answer(60)
    assert len(message) == len(dress(message, offsets, 0, outer(padded=True, edns=False)))


def test_padding_stops_at_the_limit() -> None:
    message, offsets = answer(60, size=900)
    assert 1_000 == len(dress(message, offsets, 0, outer(1_000, padded=True)))


@pytest.mark.parametrize("spare", range(4))
def test_no_room_for_the_option_means_no_padding(spare: int) -> None:
    message, offsets = answer(60, size=900)
    limit = len(message) + 11 + spare
    dressed = dress(message, offsets, 0, outer(limit, padded=True))
    assert len(message) + 11 == len(dressed)
    assert not parse_message(dressed).flags & 0x0200


@pytest.mark.parametrize("edns", [True, False])
def test_an_answer_beyond_the_limit_is_cut_to_its_question_with_tc(edns: bool) -> None:
    message, offsets = answer(60, size=600)
    found = parse_message(dress(message, offsets, 0, outer(MINIMUM_PAYLOAD, edns=edns, cookie=b"c" * 24)))
    assert found.flags & 0x0200
    assert ([], [], [], SPELLED) == (found.answer, found.authority, found.additional, found.question)
    assert edns == (found.edns is not None)
    assert found.edns is None or ((EdnsOption.COOKIE, b"c" * 24),) == found.edns.options


def test_a_truncated_answer_is_padded_too() -> None:
    message, offsets = answer(60, size=1_400)
    dressed = dress(message, offsets, 0, outer(PAYLOAD, padded=True))
    assert REPLY_BLOCK == len(dressed)
    assert parse_message(dressed).flags & 0x0200


def test_the_undressed_answer_is_left_as_it_was() -> None:
    message, offsets = answer(60)
    before = bytes(message)
    dress(message, offsets, 30, outer(cookie=b"c" * 24))
    assert before == message
