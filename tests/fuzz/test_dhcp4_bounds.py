"""Work for a packet or a value of DHCPv4 is bounded by its length: counted in lines run, not in seconds."""

import pytest
from kit.work import lines_run

from wire.dhcp.codecs import MAX_VALUE, Codec
from wire.dhcp.options4 import OPTIONS4
from wire.dhcp.packet4 import COOKIE, MAX_PACKET, fit_packet4, parse_packet4
from wire.errors import Malformed

MOST = MAX_PACKET - 240
HEAD = b"\1\1\6\0" + bytes(232) + COOKIE


@pytest.mark.parametrize("unit", [b"\0", b"\x0c\0", b"\x0c\1a", b"\x2b\1a\x0c\0"], ids=["pad", "empty", "one", "two"])
def test_the_work_for_a_packet_of_the_smallest_options_is_bounded(unit: bytes) -> None:
    data = HEAD + unit * (MOST // len(unit))
    assert lines_run(lambda: parse_packet4(data)) <= 12 * MOST


def test_the_work_for_a_reply_that_does_not_fit_is_bounded() -> None:
    packet = parse_packet4(HEAD + b"".join(bytes((code, 10)) + bytes(10) for code in range(1, 255) if code != 52))
    assert lines_run(lambda: fit_packet4(packet)) <= 30 * len(packet.options)


def refused(codec: Codec, data: bytes) -> None:
    with pytest.raises(Malformed):
        codec.check(data)


NAME = b"\1a" * 126 + b"\0"
WORST = [
    (6, b"\1\2\3\4"),
    (55, b"\1"),
    (77, b"\1a"),
    (121, bytes(5)),
    (124, bytes(5)),
    (125, b"\0\0\0\1\2\1\0"),
    (143, b"\0\1a"),
]


@pytest.mark.parametrize(("code", "unit"), WORST, ids=lambda value: str(value)[:12])
def test_the_work_for_a_value_of_the_smallest_parts_is_bounded(code: int, unit: bytes) -> None:
    data = unit * (MAX_VALUE // len(unit))
    assert lines_run(lambda: OPTIONS4.numbered(code).codec.check(data)) <= 13 * MAX_VALUE


def test_pointers_to_a_long_name_cost_no_more_than_the_names_that_are_read() -> None:
    codec = OPTIONS4.numbered(119).codec
    data = NAME + b"\xc0\0" * 31
    assert lines_run(lambda: codec.check(data)) <= 32 * 127 * 12
    with pytest.raises(Malformed, match="too many names"):
        codec.check(data + b"\xc0\0")
    assert lines_run(lambda: refused(codec, NAME + b"\xc0\0" * 1_900)) <= 32 * 127 * 12
