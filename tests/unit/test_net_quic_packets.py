"""Packets before there is a connection, read by aioquic, and its own read by us."""

import random

import pytest
from aioquic.buffer import Buffer
from aioquic.quic.packet import QuicPacketType, get_retry_integrity_tag, pull_quic_header
from kit.quic import QuicClient

from net.quic_packets import (
    MOST_ID,
    TOKEN_LIFETIME,
    LongHeader,
    Tokens,
    build_retry,
    build_version_negotiation,
    read_long,
)

HEADER = LongHeader(1, True, b"original", b"client-id", b"")
OURS = b"our--id!"
PLACE = b"\xc0\x00\x02\x01\x12\x34"
SECRET = bytes(range(32))


def first_initial() -> bytes:
    ((data, _),) = QuicClient(0.0).core.datagrams_to_send(0.0)
    return data


def test_an_initial_reads_as_aioquic_wrote_it_and_each_start_of_it_reads_as_nothing_or_the_same() -> None:
    data = first_initial()
    theirs = pull_quic_header(Buffer(data=data))
    header = read_long(data)
    assert header == LongHeader(1, True, theirs.destination_cid, theirs.source_cid, b"")
    assert {read_long(data[:length]) for length in range(1, 100)} == {None, header}


def test_other_versions_kinds_and_lengths_are_told_apart() -> None:
    data = first_initial()
    header = read_long(data)
    assert header is not None
    handshake = bytes((data[0] | 0x20,)) + data[1:]
    assert read_long(handshake) == header._replace(initial=False)
    assert read_long(data[:1] + b"\x1a\x2a\x3a\x4a" + data[5:]) == header._replace(version=0x1A2A3A4A, initial=False)
    assert read_long(bytes((data[0] & 0xBF,)) + data[1:]) is None
    assert read_long(data[:5] + bytes((MOST_ID + 1,)) + data[6:]) is None


def test_no_octets_make_the_reader_raise() -> None:
    noise = random.Random(9)
    data = first_initial()[:80]
    for _ in range(20_000):
        mutated = bytearray(data[: noise.randint(1, 80)])
        for _ in range(noise.randint(0, 4)):
            mutated[noise.randrange(len(mutated))] = noise.randrange(256)
        mutated[0] |= 0x80
        header = read_long(bytes(mutated))
        assert header is None or len(header.destination) <= MOST_ID


def test_a_retry_is_what_aioquic_would_have_sent() -> None:
    packet = build_retry(HEADER, OURS, b"token")
    header = pull_quic_header(Buffer(data=packet))
    assert (header.packet_type, header.version) == (QuicPacketType.RETRY, 1)
    assert (header.destination_cid, header.source_cid, header.token) == (b"client-id", OURS, b"token")
    assert header.integrity_tag == get_retry_integrity_tag(packet[:-16], b"original", 1)


def test_version_negotiation_names_the_one_version_and_turns_the_ids_round() -> None:
    header = pull_quic_header(Buffer(data=build_version_negotiation(HEADER._replace(version=7), 5)))
    assert header.packet_type is QuicPacketType.VERSION_NEGOTIATION
    assert (header.destination_cid, header.source_cid, header.supported_versions) == (b"client-id", b"original", [1])


def test_a_token_holds_for_its_client_its_id_and_its_time_and_no_octet_of_it_can_change() -> None:
    tokens = Tokens(SECRET)
    token = tokens.make(HEADER, OURS, PLACE, 100.7)
    back = HEADER._replace(destination=OURS, token=token)
    assert tokens.original(back, PLACE, 100.0 + TOKEN_LIFETIME) == b"original"
    assert tokens.original(back, PLACE, 100.1 + TOKEN_LIFETIME) is None
    assert tokens.original(back, PLACE[:-1] + b"\x35", 101.0) is None
    assert tokens.original(back._replace(destination=b"another!"), PLACE, 101.0) is None
    assert Tokens(bytes(32)).original(back, PLACE, 101.0) is None
    for at in range(len(token)):
        changed = token[:at] + bytes((token[at] ^ 1,)) + token[at + 1 :]
        assert tokens.original(back._replace(token=changed), PLACE, 101.0) is None


@pytest.mark.parametrize("token", [b"", b"x", bytes(20), bytes(1_000)])
def test_what_is_no_token_of_ours_is_none(token: bytes) -> None:
    assert Tokens(SECRET).original(HEADER._replace(token=token), PLACE, 1.0) is None
