import struct

import pytest

from wire.dns.edns import Edns, build_opt
from wire.dns.message import HEADER, build_query
from wire.dns.peek import MAX_ADDITIONAL, peek
from wire.errors import Malformed

QUESTION = b"\x03wWw\x07eXample\x00\x00\x41\x00\x01"
KEY = b"\x03www\x07example\x00\x00\x41\x00\x01"
OPT = build_opt(1232, True, [(10, b"12345678")])
TSIG = b"\0" + struct.pack("!HHIH", 250, 255, 0, 3) + b"abc"


def query(*additional: bytes, counts: tuple[int, int, int] = (1, 0, 0)) -> bytes:
    return HEADER.pack(0x1234, 0x0120, *counts, len(additional)) + QUESTION + b"".join(additional)


def test_a_query_shows_its_flags_its_key_and_its_spelling() -> None:
    seen = peek(query())
    assert (0x0120, KEY, QUESTION, None) == seen
    assert seen.cookie is None


def test_the_type_is_not_folded() -> None:
    assert KEY[:-4] + b"\0\x41\0\x5a" == peek(build_query(QUESTION[:-4] + b"\0\x41\0\x5a", 0)).key


def test_an_opt_is_read_and_its_cookie_found() -> None:
    seen = peek(query(OPT))
    assert Edns(1232, 0, 0, True, ((10, b"12345678"),)) == seen.edns
    assert b"12345678" == seen.cookie
    assert peek(query(build_opt(1232, False, []))).cookie is None


@pytest.mark.parametrize("additional", [(TSIG,), (TSIG, OPT), (OPT, TSIG), (TSIG, TSIG, TSIG, OPT)])
def test_other_additional_records_are_passed_over(additional: tuple[bytes, ...]) -> None:
    assert (OPT in additional) == (peek(query(*additional)).edns is not None)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "shorter than a header"),
        (query()[:11], "shorter than a header"),
        (query(counts=(0, 0, 0)), "one question"),
        (query(counts=(2, 0, 0)), "one question"),
        (query(counts=(1, 1, 0)), "one question"),
        (query(counts=(1, 0, 1)), "one question"),
        (query(*[TSIG] * (MAX_ADDITIONAL + 1)), "one question"),
        (query()[:-1], "question cut off"),
        (query()[:15], "question cut off"),
        (query() + b"\0", "octets after the question"),
        (query(OPT) + b"\0", "octets after the last record"),
        (query(OPT)[:-1], "record data cut off"),
        (query(OPT[:8]), "record cut off"),
        (query(b"\xc0"), "record cut off"),
        (query(b""), "name cut off"),
        (query(OPT, OPT), "more than one OPT"),
        (query(b"\xc0\x0c" + OPT[1:]), "not at the root"),
        (query(b"\0" + struct.pack("!HHIH", 41, 1232, 0, 1) + b"a"), "options cut off"),
        (query().replace(b"\x07", b"\xc0"), "label type not in use"),
    ],
)
def test_what_is_no_query_is_malformed(data: bytes, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        peek(data)
