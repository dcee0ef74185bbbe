"""GOAWAY on a control stream, wherever it is cut."""

import pytest
from aioquic.buffer import encode_uint_var
from aioquic.h3.connection import encode_frame

from net.h3 import GoawayReader

CONTROL, ENCODER = 3, 7
SAID = (
    b"\0"
    + encode_frame(4, b"\1\0")
    + encode_frame(0x21, b"grease")
    + encode_frame(7, encode_uint_var(2**40))
    + encode_frame(7, b"\4")
)


@pytest.mark.parametrize("step", [1, 2, 3, 7, len(SAID)])
def test_goaway_is_found_wherever_the_stream_is_cut(step: int) -> None:
    reader, found = GoawayReader(), []
    for at in range(0, len(SAID), step):
        found += reader.feed(CONTROL, SAID[at : at + step])
    assert found == [2**40, 4]


def test_other_streams_hold_none() -> None:
    reader = GoawayReader()
    assert reader.feed(ENCODER, b"\2" + SAID[1:]) + reader.feed(ENCODER, SAID) == []
    assert reader.feed(11, b"") + reader.feed(11, SAID[:-1]) == [2**40]


def test_a_goaway_without_its_number_is_none() -> None:
    assert GoawayReader().feed(CONTROL, b"\0" + encode_frame(7, b"") + encode_frame(7, b"\x40")) == []
