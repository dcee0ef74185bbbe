from hypothesis import given
from hypothesis import strategies as st

from wire.dns.framing import Framer, frame


def test_a_frame_is_two_octets_of_length_and_the_message() -> None:
    assert b"\0\3abc" == frame(b"abc")
    assert 65_537 == len(frame(bytes(65_535)))


@given(st.lists(st.binary(max_size=300), max_size=8), st.lists(st.integers(1, 200), min_size=1, max_size=20))
def test_messages_survive_any_cutting_of_the_stream(messages: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(frame(message) for message in messages)
    framer, heard, at, turn = Framer(), [], 0, 0
    while at < len(stream):
        step = cuts[turn % len(cuts)]
        heard += framer.feed(stream[at : at + step])
        at, turn = at + step, turn + 1
    assert messages == heard
    assert 0 == framer.pending


def test_what_is_not_complete_yet_is_pending() -> None:
    framer = Framer()
    assert [] == list(framer.feed(b"\0"))
    assert 1 == framer.pending
    assert [] == list(framer.feed(b"\3ab"))
    assert 4 == framer.pending
    assert [b"abc"] == list(framer.feed(b"c\0\1"))
    assert 2 == framer.pending


def test_a_message_may_be_empty() -> None:
    assert [b"", b"", b"a"] == list(Framer().feed(b"\0\0\0\0\0\1a"))


def test_a_reader_that_stops_early_finds_the_rest_later() -> None:
    framer = Framer()
    assert b"one" == next(framer.feed(frame(b"one") + frame(b"two")))
    assert [b"two"] == list(framer.feed(b""))
