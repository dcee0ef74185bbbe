import dns.edns
import dns.flags
import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.desk import answer, question

from privacy.reply import Outer, dress

KEY = question("www.example")
SPELLED = b"\x03WwW\x07eXample\0" + KEY[-4:]


def outer(**changes: object) -> Outer:
    values: dict[str, object] = {"identifier": b"\x12\x34", "question": SPELLED, "limit": 1232, "edns": True}
    return Outer(**(values | changes))  # type: ignore[arg-type]


def dressed(count: int = 1, ttl: int = 300, age: int = 0, **changes: object) -> bytes:
    reply = answer(KEY, count=count, ttl=ttl)
    return dress(reply.message, reply.ttl_offsets, age, outer(**changes))


def test_id_and_spelling_are_the_clients() -> None:
    response = dressed()
    assert (response[:2], response[12 : 12 + len(SPELLED)]) == (b"\x12\x34", SPELLED)
    assert dns.message.from_wire(response).id == 0x1234


def test_an_opt_goes_back_only_to_who_sent_one() -> None:
    assert dns.message.from_wire(dressed(edns=False, explanations=(b"\0\0x",), cookie=bytes(24))).edns == -1
    message = dns.message.from_wire(dressed(do=True))
    assert (message.edns, message.payload, message.ednsflags & dns.flags.DO) == (0, 1232, dns.flags.DO)
    assert dns.message.from_wire(dressed(do=False)).ednsflags == 0


@given(st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1))
def test_ttls_are_lowered_by_the_age_and_never_below_zero(ttl: int, age: int) -> None:
    (rrset,) = dns.message.from_wire(dressed(count=3, ttl=ttl, age=age)).answer
    assert max(0, ttl - age) == rrset.ttl


def test_the_undressed_answer_is_not_changed() -> None:
    reply = answer(KEY)
    before = bytes(reply.message)
    dress(reply.message, reply.ttl_offsets, 100, outer())
    assert before == reply.message


@pytest.mark.parametrize(("asks", "told"), [({}, False), ({"ad": True}, True), ({"do": True}, True)])
def test_ad_is_told_only_to_who_asks_with_ad_or_do(asks: dict[str, bool], told: bool) -> None:
    reply = answer(KEY)
    flags = int.from_bytes(reply.message[2:4], "big") | dns.flags.AD
    secure = reply.message[:2] + flags.to_bytes(2, "big") + reply.message[4:]
    message = dns.message.from_wire(dress(secure, reply.ttl_offsets, 0, outer(**asks)))
    assert told == bool(message.flags & dns.flags.AD)


def test_cookie_and_explanation_are_options() -> None:
    message = dns.message.from_wire(dressed(cookie=bytes(range(24)), explanations=(b"\0\x16no answer",)))
    assert [(10, bytes(range(24))), (15, b"\0\x16no answer")] == [(o.otype, o.to_wire()) for o in message.options]


@pytest.mark.parametrize("edns", [False, True])
def test_what_does_not_fit_is_cut_to_header_question_and_opt_with_tc(edns: bool) -> None:
    response = dressed(count=100, limit=512, edns=edns)
    message = dns.message.from_wire(response)
    assert message.flags & dns.flags.TC
    assert (message.answer, message.authority, message.additional) == ([], [], [])
    assert (0 if edns else -1) == message.edns
    assert 12 + len(SPELLED) + (11 if edns else 0) == len(response)


@given(st.integers(0, 80), st.integers(512, 1_232), st.booleans(), st.booleans())
def test_no_response_is_longer_than_its_limit_and_all_can_be_read(
    count: int, limit: int, edns: bool, padded: bool
) -> None:
    response = dressed(
        count=count, limit=limit, edns=edns, padded=padded, cookie=bytes(24), explanations=(b"\0\0" * 40,)
    )
    assert len(response) <= limit
    message = dns.message.from_wire(response)
    assert bool(message.flags & dns.flags.TC) == (not message.answer and count > 0)


@pytest.mark.parametrize("count", [1, 20, 50])
def test_on_encrypted_channels_the_length_is_a_multiple_of_468(count: int) -> None:
    assert len(dressed(count=count, padded=True, limit=65_535)) % 468 == 0


def test_without_an_opt_nothing_is_padded() -> None:
    """RFC 7830 §4: padding is an option, and options need the client's OPT."""
    assert len(dressed(edns=False, padded=False)) == len(dressed(edns=False, padded=True))


def test_the_upper_bits_of_the_code_are_in_the_opt() -> None:
    reply = answer(KEY, count=0)
    assert dns.message.from_wire(dress(reply.message, (), 0, outer(extended_rcode=1))).rcode() == 16
