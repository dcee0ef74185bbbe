import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wire.dhcp.codes4 import MessageType4, Option4
from wire.dhcp.packet4 import (
    COOKIE,
    MAX_PACKET,
    MIN_LIMIT,
    MIN_PACKET,
    Packet4,
    build_packet4,
    fit_packet4,
    parse_packet4,
    share_options,
)
from wire.errors import Malformed

quietly = settings(derandomize=True, deadline=None, max_examples=300)
HEADER = 240
MAC = b"\x02\0\x5e\0\x53\x2a"


def packet(options: dict[int, bytes] | None = None, **fields: object) -> Packet4:
    plain = Packet4(
        1,
        1,
        0,
        0x12345678,
        3,
        0x8000,
        *(bytes((192, 0, 2, last)) for last in (1, 2, 3, 4)),
        MAC,
        b"",
        b"",
        options or {},
    )
    return plain._replace(**fields)  # type: ignore[arg-type]


def octets(options: bytes, sname: bytes = b"", file: bytes = b"", hlen: int = 6, cookie: bytes = COOKIE) -> bytes:
    head = struct.pack("!4BIHH16s16s64s128s", 1, 1, hlen, 0, 7, 0, 0, b"", MAC, sname, file)
    return head + cookie + options


def test_every_field_of_the_header_has_its_place() -> None:
    data = build_packet4(packet({53: b"\1"}, sname=b"boot", file=b"image", hops=2))
    assert bytes.fromhex("01010602123456780003 8000".replace(" ", "")) == data[:12]
    assert bytes((192, 0, 2, 1, 192, 0, 2, 2, 192, 0, 2, 3, 192, 0, 2, 4)) == data[12:28]
    assert MAC + bytes(10) == data[28:44]
    assert b"boot".ljust(64, b"\0") == data[44:108]
    assert b"image".ljust(128, b"\0") == data[108:236]
    assert COOKIE + b"\x35\1\1\xff" == data[236:244]
    assert bytes(MIN_PACKET - 244) == data[244:]


def test_a_message_may_lack_its_end_and_be_shorter_than_bootp() -> None:
    assert {53: b"\1"} == parse_packet4(octets(b"\0\0\x35\1\1")).options
    assert {} == parse_packet4(octets(b"")).options


def test_nothing_behind_the_end_is_read() -> None:
    assert {53: b"\1"} == parse_packet4(octets(b"\x35\1\1\xff\x0c\xff")).options


def test_an_option_that_comes_again_is_continued() -> None:
    found = parse_packet4(octets(b"\x0c\2lo\x35\1\1\x0c\2ng\xff")).options
    assert {12: b"long", 53: b"\1"} == found


def test_overloaded_fields_are_read_file_first() -> None:
    """The order of RFC 3396 §5: options, file, sname."""
    data = octets(b"\x34\1\3\x0c\1a\xff", sname=b"\x0c\1c\xff", file=b"\x0c\1b\x0f\1x\xff")
    found = parse_packet4(data)
    assert {12: b"abc", 15: b"x"} == found.options
    assert (b"", b"") == (found.sname, found.file)


@pytest.mark.parametrize(("overload", "expected"), [(1, (b"\x0c\1c", b"", b"b")), (2, (b"", b"\x0c\1b", b"c"))])
def test_only_the_field_that_is_overloaded_is_read(overload: int, expected: tuple[bytes, bytes, bytes]) -> None:
    found = parse_packet4(octets(bytes((52, 1, overload)), sname=b"\x0c\1c", file=b"\x0c\1b"))
    assert expected == (found.sname, found.file, found.options[12])


def test_an_overload_inside_an_overloaded_field_means_nothing() -> None:
    assert {} == parse_packet4(octets(b"\x34\1\1", file=b"\x34\1\3", sname=b"\x0c\1c")).options


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "shorter"),
        (octets(b"")[:-1], "shorter"),
        (octets(bytes(MAX_PACKET)), "longer"),
        (octets(b"\x35\1\1", cookie=bytes(4)), "BOOTP"),
        (octets(b"", hlen=17), "hardware address"),
        (octets(b"\x35"), "without a length"),
        (octets(b"\x35\2\1"), "cut off"),
        (octets(b"\x34\1\0"), "overload"),
        (octets(b"\x34\1\4"), "overload"),
        (octets(b"\x34\2\1\1"), "overload"),
        (octets(b"\x34\1\1", file=bytes(126) + b"\x0c\1"), "cut off"),
    ],
)
def test_what_is_no_message_is_malformed(data: bytes, what: str) -> None:
    with pytest.raises(Malformed, match=what):
        parse_packet4(data)


def order(data: bytes, at: int = HEADER) -> list[int]:
    """Numbers of the options of the main field as they stand."""
    found = []
    while data[at] != 255:
        found.append(data[at])
        at += 2 + data[at + 1]
    return found


def test_the_message_type_is_first_the_mask_before_the_routers_the_relay_last() -> None:
    options = {82: b"\1\1a", 3: bytes(4), 6: bytes(4), 1: bytes(4), 51: bytes(4), 53: b"\5", 54: bytes(4)}
    assert [53, 54, 51, 1, 3, 6, 82] == order(build_packet4(packet(options)))


def test_a_long_option_is_split_and_joined() -> None:
    options = {53: b"\5", 119: bytes(range(256)) * 2}
    data = build_packet4(packet(options), 1_500)
    assert [53, 119, 119, 119] == order(data)
    assert options == parse_packet4(data).options


def test_what_does_not_fit_goes_into_file_then_sname() -> None:
    options = {53: b"\5", 43: bytes(250), 66: b"a" * 100, 67: b"b" * 50, 82: b"\1\5relay"}
    data, dropped = fit_packet4(packet(options))
    assert () == dropped
    assert len(data) <= MIN_LIMIT - 28
    assert [53, 52, 43, 82] == order(data)
    assert b"\x42\x64" + b"a" * 100 + b"\xff" == data[108:211]
    assert b"\x43\x32" + b"b" * 50 + b"\xff" == data[44:97]
    assert options == parse_packet4(data).options


def test_a_long_option_is_spread_over_all_three_fields() -> None:
    options = {53: b"\5", 54: bytes(4), 121: bytes(range(1, 231)) * 2}
    data, dropped = fit_packet4(packet(options))
    assert () == dropped
    assert len(data) <= MIN_LIMIT - 28
    assert options == parse_packet4(data).options


def test_fields_in_use_are_not_overloaded() -> None:
    full = packet({53: b"\5", 43: bytes(250), 66: b"a" * 100}, sname=b"next", file=b"image")
    data, dropped = fit_packet4(full)
    assert (66,) == dropped
    assert (b"next", b"image") == parse_packet4(data)[11:13]


def test_what_has_no_place_is_dropped_the_last_first_and_told() -> None:
    options = {43: bytes(200), 66: b"a" * 125, 67: b"b" * 61, 209: b"c" * 90, 210: b"d" * 90, 53: b"\5", 82: bytes(30)}
    data, dropped = fit_packet4(packet(options))
    assert (209, 210) == dropped
    assert options == parse_packet4(data).options | {209: b"c" * 90, 210: b"d" * 90}


def test_a_relay_s_option_is_whole_and_in_the_main_field_or_not_there() -> None:
    """RFC 3046 §2.1."""
    fits = {53: b"\5", 54: bytes(4), 43: bytes(150), 82: bytes(240)}
    data, dropped = fit_packet4(packet(fits))
    assert (43,) == dropped
    assert [53, 54, 82] == [number for number in order(data) if number != 52]
    dropped = fit_packet4(packet({53: b"\5", 61: bytes(200), 82: bytes(250)})).dropped
    assert (82,) == dropped


def test_the_client_s_limit_is_of_the_datagram_and_never_below_576() -> None:
    options = {53: b"\5", 43: bytes(255), 224: bytes(200)}
    assert 28 + 240 + 3 + 257 + 202 + 1 == len(build_packet4(packet(options), 1_500)) + 28
    assert 28 + len(build_packet4(packet(options), 100)) <= MIN_LIMIT


@pytest.mark.parametrize(
    "wrong",
    [packet({0: b""}), packet({52: b"\1"}), packet({255: b""}), packet(chaddr=bytes(17)), packet(file=bytes(129))],
)
def test_what_has_no_form_as_octets_is_our_mistake(wrong: Packet4) -> None:
    with pytest.raises(ValueError):
        build_packet4(wrong)


OPTIONS = st.dictionaries(
    st.integers(1, 254).filter(lambda number: number != 52),
    st.binary(max_size=60) | st.binary(max_size=600),
    max_size=12,
)
TEXT = st.binary(max_size=64).map(lambda text: text.rstrip(b"\0"))


@quietly
@given(OPTIONS, TEXT, TEXT, st.integers(0, 2_000))
def test_what_was_built_is_read_again(options: dict[int, bytes], sname: bytes, file: bytes, limit: int) -> None:
    made = packet(options, sname=sname, file=file)
    data, dropped = fit_packet4(made, limit)
    assert MIN_PACKET <= len(data) <= max(limit, MIN_LIMIT) - 28
    kept = {number: value for number, value in options.items() if number not in dropped}
    assert made._replace(options=kept) == parse_packet4(data)


EACH_CLIENT_S_OWN = (61, 12, 81, 118, 82)


@quietly
@given(OPTIONS, st.dictionaries(st.sampled_from(EACH_CLIENT_S_OWN), st.binary(max_size=40)), st.integers(0, 2_000))
def test_what_many_clients_are_told_is_written_once_and_each_client_s_own_into_it(
    options: dict[int, bytes], own: dict[int, bytes], limit: int
) -> None:
    one = packet(options | own)
    # Made for another client of the kind, whose own are others or none.
    assert fit_packet4(one, limit) == fit_packet4(one, limit, share_options(options))
    assert share_options(options) == share_options(one.options)


@pytest.mark.parametrize("number", [0, 52, 255])
def test_what_is_made_here_is_shared_by_nobody(number: int) -> None:
    with pytest.raises(ValueError, match="made here"):
        share_options({number: b"\1"})


def test_numbers_have_the_names_of_the_rfc() -> None:
    assert [1, 2, 3, 4, 5, 6, 7, 8] == list(MessageType4)
    assert (53, 82, 162) == (Option4.MESSAGE_TYPE, Option4.RELAY_INFORMATION, Option4.DNR)
