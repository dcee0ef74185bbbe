"""Header fields by the static table: what pylsqpack reads of ours is what was meant, and it never depends on what came before."""

import pylsqpack
import pytest

from net.headers import Unindexed
from net.qpack import FIELDS, NAMES, StaticEncoder

DNS = b"application/dns-message"
POST = [
    (b":method", b"POST"),
    (b":scheme", b"https"),
    (b":authority", b"dns.example"),
    (b":path", b"/dns-query"),
    (b"accept", DNS),
    (b"content-type", DNS),
    (b"content-length", b"128"),
]


def read(section: bytes) -> list[tuple[bytes, bytes]]:
    _, headers = pylsqpack.Decoder(0, 0).feed_header(0, section)
    return list(headers)


@pytest.mark.parametrize("length", [0, 1, 6, 7, 8, 126, 127, 128, 254, 255, 400, 20_000])
def test_every_length_is_read_as_it_was_written(length: int) -> None:
    headers = [(b":path", b"/" * length), (b"x" * (length or 1), b"v" * length), Unindexed(b":path", b"q" * length)]
    assert read(StaticEncoder().encode(0, headers)[1]) == [tuple(header) for header in headers]


def test_the_table_is_the_one_of_rfc_9204() -> None:
    for (name, value), index in FIELDS.items():
        assert read(b"\0\0" + bytes((0xC0 | index,))) == [(name, value)]
    for name, index in NAMES.items():
        assert read(StaticEncoder().encode(0, [(name, b"v")])[1]) == [(name, b"v")]
        assert index < 63


def test_a_request_has_these_octets_whatever_was_sent_before() -> None:
    encoder = StaticEncoder()
    golden = bytes.fromhex("0000d4d7500b") + b"dns.example" + b"\x51\x0a/dns-query" + b"\xde\xec\x54\x03128"
    assert [(b"", golden)] * 3 == [encoder.encode(4 * number, POST) for number in range(3)]
    assert encoder.apply_settings(4096, 16) == b""


def test_a_path_with_a_question_goes_into_no_table_on_the_way() -> None:
    """Bit N of RFC 9204 §4.5.4."""
    assert StaticEncoder().encode(0, [Unindexed(b":path", b"/?dns=AAAB")])[1] == b"\0\0\x71\x0a/?dns=AAAB"
