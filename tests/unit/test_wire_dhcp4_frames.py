import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wire.dhcp.frames import (
    ALL_STATIONS,
    Arp,
    Datagram,
    Operation,
    build_answer,
    build_arp,
    build_datagram,
    build_probe,
    build_request,
    checksum,
    parse_arp,
    parse_datagram,
)
from wire.errors import Malformed

quietly = settings(derandomize=True, deadline=None, max_examples=300)
US, CLIENT = b"\x02\0\x5e\0\x53\1", b"\x02\0\x5e\0\x53\2"
SERVER, ADDRESS = bytes((192, 0, 2, 1)), bytes((192, 0, 2, 100))
DATAGRAM = Datagram(US, CLIENT, SERVER, ADDRESS, 67, 68, b"hello")
FRAME = build_datagram(DATAGRAM)


def plain_checksum(data: bytes) -> int:
    """Word by word, as RFC 1071 §1 says."""
    total = sum(word for (word,) in struct.iter_unpack("!H", data + bytes(len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def test_the_checksum_of_the_rfc() -> None:
    """RFC 1071 §3: the sum of these is ddf2."""
    assert 0xDDF2 ^ 0xFFFF == checksum(bytes.fromhex("0001f203f4f5f6f7"))


@quietly
@given(st.binary(max_size=80) | st.lists(st.sampled_from([b"\0\0", b"\xff\xff"])).map(b"".join))
def test_the_checksum_is_the_sum_word_by_word(data: bytes) -> None:
    assert plain_checksum(data) == checksum(data)


def test_a_frame_octet_by_octet() -> None:
    assert CLIENT + US + b"\x08\0" == FRAME[:14]
    assert bytes.fromhex("45000021 00004000 4011") == FRAME[14:24]
    assert SERVER + ADDRESS == FRAME[26:34]
    assert bytes.fromhex("00430044000d") == FRAME[34:40]
    assert b"hello" == FRAME[42:]


@quietly
@given(st.binary(max_size=600), st.binary(min_size=4, max_size=4), st.integers(0, 65_535))
def test_a_frame_is_read_as_built_and_its_checksums_are_right(data: bytes, address: bytes, port: int) -> None:
    datagram = DATAGRAM._replace(data=data, destination=address, port=port)
    frame = build_datagram(datagram)
    assert datagram == parse_datagram(frame)
    assert 0 == plain_checksum(frame[14:34])
    assert 0 == plain_checksum(frame[26:34] + b"\0\x11" + frame[38:40] + frame[34:])
    assert b"\0\0" != frame[40:42]


def test_a_sum_of_zero_is_sent_as_all_ones() -> None:
    found = {build_datagram(DATAGRAM._replace(data=word.to_bytes(2, "big")))[40:42] for word in range(65_536)}
    assert b"\xff\xff" in found
    assert b"\0\0" not in found


def test_padding_of_ethernet_is_not_data_and_options_of_ip_are_passed() -> None:
    assert DATAGRAM == parse_datagram(FRAME + bytes(13))
    head = bytearray(FRAME[14:34])
    head[0], head[2:4], head[10:12] = 0x46, (0x25).to_bytes(2, "big"), b"\0\0"
    head += b"\1\1\1\1"
    head[10:12] = checksum(bytes(head)).to_bytes(2, "big")
    assert DATAGRAM == parse_datagram(FRAME[:14] + head + FRAME[34:])


def test_the_udp_checksum_is_not_looked_at() -> None:
    """On a veth pair the kernel leaves it to hardware that is not there."""
    assert DATAGRAM == parse_datagram(FRAME[:40] + b"\x12\x34" + FRAME[42:])


def changed(at: int, octets: bytes, right: bool = True) -> bytes:
    frame = bytearray(FRAME)
    frame[at : at + len(octets)] = octets
    if right:
        frame[24:26] = b"\0\0"
        frame[24:26] = checksum(bytes(frame[14:34])).to_bytes(2, "big")
    return bytes(frame)


@pytest.mark.parametrize(
    ("frame", "what"),
    [
        (FRAME[:41], "too short"),
        (changed(12, b"\x86\xdd"), "no whole UDP"),
        (changed(14, b"\x65"), "no whole UDP"),
        (changed(23, b"\6"), "no whole UDP"),
        (changed(20, b"\x20\0"), "no whole UDP"),
        (changed(20, b"\0\1"), "no whole UDP"),
        (changed(14, b"\x44"), "cut off"),
        (changed(14, b"\x4f"), "cut off"),
        (changed(16, b"\0\x22"), "cut off"),
        (changed(16, b"\0\x1b"), "cut off"),
        (changed(22, b"\1", right=False), "checksum"),
        (changed(38, b"\0\7"), "UDP length"),
        (changed(38, b"\0\x0e"), "UDP length"),
    ],
)
def test_a_frame_that_is_no_whole_datagram_is_malformed(frame: bytes, what: str) -> None:
    with pytest.raises(Malformed, match=what):
        parse_datagram(frame)


def test_a_datagram_longer_than_ip_can_say_is_our_mistake() -> None:
    with pytest.raises(ValueError):
        build_datagram(DATAGRAM._replace(data=bytes(65_508)))


def test_a_probe_says_nothing_of_the_sender_s_address() -> None:
    """RFC 5227 §2.1.1."""
    frame = build_probe(US, ADDRESS)
    assert ALL_STATIONS + US + bytes.fromhex("0806 0001 0800 06 04 0001") == frame[:22]
    assert Arp(Operation.REQUEST, US, bytes(4), bytes(6), ADDRESS) == parse_arp(frame + bytes(18))


def test_a_request_is_answered_to_who_asked() -> None:
    asked = parse_arp(build_request(CLIENT, ADDRESS, SERVER))
    frame = build_answer(US, asked)
    assert CLIENT + US == frame[:12]
    assert Arp(Operation.REPLY, US, SERVER, CLIENT, ADDRESS) == parse_arp(frame)


ARP = build_arp(Arp(Operation.REPLY, US, SERVER, CLIENT, ADDRESS), CLIENT)


@pytest.mark.parametrize(
    ("frame", "what"),
    [
        (ARP[:41], "too short"),
        (ARP[:12] + b"\x08\0" + ARP[14:], "no ARP"),
        (ARP[:14] + b"\0\6" + ARP[16:], "other networks"),
        (ARP[:18] + b"\x08" + ARP[19:], "other networks"),
        (ARP[:20] + b"\0\3" + ARP[22:], "other networks"),
    ],
)
def test_what_is_no_arp_of_ethernet_is_malformed(frame: bytes, what: str) -> None:
    with pytest.raises(Malformed, match=what):
        parse_arp(frame)
