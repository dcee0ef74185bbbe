import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorhold.ipc import HEADER, MAX_BODY, Inbox, Message, MessageType, build_message, build_reply, parse_reply
from resolver.values import Explanation, Origin, Reply
from wire.dns.codes import ExtendedError
from wire.errors import Malformed

MESSAGE = bytes(12) + b"\x03www\x07example\x00\x00\x01\x00\x01"


def reply_message(body: bytes, flags: int = 0) -> Message:
    return Message(MessageType.REPLY, flags, 0, 1, 3, 0, body)


def test_a_message_comes_out_as_it_went_in() -> None:
    data = build_message(MessageType.QUERY, 2**64 - 1, b"key", flags=5, group=9, generation=7, deadline=4_000)
    assert list(Inbox().feed(data)) == [Message(MessageType.QUERY, 5, 9, 2**64 - 1, 7, 4_000, b"key")]


@given(st.lists(st.binary(max_size=60), max_size=8), st.lists(st.integers(1, 40), min_size=1, max_size=30))
def test_messages_survive_any_cutting_of_the_stream(bodies: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(build_message(MessageType.FACT, number, body) for number, body in enumerate(bodies))
    inbox, heard = Inbox(), []
    at = turn = 0
    while at < len(stream):
        step = cuts[turn % len(cuts)]
        heard += [message.body for message in inbox.feed(stream[at : at + step])]
        at, turn = at + step, turn + 1
    assert heard == bodies


def test_who_takes_only_one_message_gets_the_others_with_the_next_data() -> None:
    one, two, three = (build_message(MessageType.FACT, 0, body) for body in (b"one", b"two", b"three"))
    inbox = Inbox()
    assert next(inbox.feed(one + two + three[:-2])).body == b"one"
    assert [b"two", b"three"] == [message.body for message in inbox.feed(three[-2:])]


def test_an_unknown_type_is_malformed() -> None:
    with pytest.raises(Malformed, match="unknown message type"):
        list(Inbox().feed(HEADER.pack(99, 0, 0, 0, 0, 0, 0)))


def test_a_body_beyond_the_ceiling_is_refused_before_it_has_come() -> None:
    with pytest.raises(Malformed, match="too long"):
        list(Inbox().feed(HEADER.pack(MessageType.QUERY, 0, 0, MAX_BODY + 1, 0, 0, 0)))


@pytest.mark.parametrize(
    "explanation",
    [
        None,
        Explanation(ExtendedError.BLOCKED, "by a list"),
        Explanation(ExtendedError.OTHER, ""),
        Explanation(ExtendedError.FORGED_ANSWER, "rule safe", ExtendedError.FILTERED),
    ],
)
@pytest.mark.parametrize("offsets", [(), (12, 14)])
def test_a_reply_comes_out_as_it_went_in(explanation: Explanation | None, offsets: tuple[int, ...]) -> None:
    reply = Reply(MESSAGE, offsets, 1.5, 3, Origin.CACHE, explanation)
    assert parse_reply(reply_message(build_reply(reply), Origin.CACHE.value)) == reply


@given(st.binary(max_size=80), st.integers(0, 255))
def test_any_reply_body_is_a_reply_or_malformed(body: bytes, flags: int) -> None:
    try:
        reply = parse_reply(reply_message(body, flags))
    except Malformed:
        return
    assert len(reply.message) >= 12
    assert all(offset + 4 <= len(reply.message) for offset in reply.ttl_offsets)


@given(st.binary(max_size=200))
def test_any_stream_is_messages_or_malformed(data: bytes) -> None:
    try:
        list(Inbox().feed(data))
    except Malformed:
        return
