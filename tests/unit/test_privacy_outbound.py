"""`conceal`: what leaves is a function of question, DO, CD and channel; nothing of the client has a way in."""

import inspect
from collections.abc import Callable

import dns.edns
import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.channel import Channel, Kind
from privacy.cookies import (
    CLIENT_LENGTH,
    KEY_LENGTH,
    SERVER_LENGTH,
    VALID_AHEAD,
    VALID_FOR,
    CookieState,
    check_cookie,
    server_cookie,
)
from privacy.outbound import PAYLOAD, conceal
from wire.dns.codes import EdnsOption, QueryFlag
from wire.dns.message import Message, parse_message
from wire.dns.peek import peek

WWW = b"\x03www\x07example\x00"
QUESTION = WWW + b"\0\1\0\1"
NO_FLAG = QueryFlag(0)
TLS = Channel(Kind.TLS, encrypted=True, authenticated=True)
HTTPS = Channel(Kind.HTTPS, encrypted=True, authenticated=True)
UDP = Channel(Kind.UDP, encrypted=False, authenticated=False)
TCP = Channel(Kind.TCP, encrypted=False, authenticated=False)
COOKIE = b"12345678" + b"s" * 16
ALL_FLAGS = [QueryFlag(bits) for bits in range(16)]


def no_entropy(count: int) -> bytes:
    raise AssertionError(f"{count} octets of entropy on a channel that needs none")


def zeros(count: int) -> bytes:
    return bytes(count)


def ones(count: int) -> bytes:
    return b"\xff" * count


def name_of(length: int) -> bytes:
    """A name of so many octets, 1 to 255 but 2, for which there is none."""
    labels, left = b"", length - 1
    while left:
        size = min(left, 64)
        if left - size == 1:
            size -= 1
        labels += bytes((size - 1,)) + b"a" * (size - 1)
        left -= size
    return labels + b"\0"


def look(wire: bytes) -> Message:
    return parse_message(wire)


def test_the_octets_on_tls_are_these_for_whoever_asks() -> None:
    expected = bytes.fromhex(
        "0000 0100 0001 0000 0000 0001"  # id 0, RD, one question, one OPT
        "03777777 076578616d706c65 00 0001 0001"  # www.example A IN
        "00 0029 04d0 00 00 0000 0058"  # OPT, 1232, no DO, 88 octets
        "000c 0054"  # padding
    ) + bytes(84)
    assert 128 == len(expected)
    assert expected == conceal(QUESTION, NO_FLAG, TLS, no_entropy)
    assert expected == conceal(QUESTION, NO_FLAG, HTTPS, no_entropy)


def test_do_and_cd_change_one_bit_each_and_nothing_else_does() -> None:
    plain = conceal(QUESTION, NO_FLAG, TLS, no_entropy)
    for flags in ALL_FLAGS:
        expected = bytearray(plain)
        expected[3] |= 0x10 if flags & QueryFlag.CD else 0
        expected[12 + len(QUESTION) + 7] |= 0x80 if flags & QueryFlag.DO else 0
        assert bytes(expected) == conceal(QUESTION, flags, TLS, no_entropy)


def test_there_is_no_parameter_for_anything_of_the_client() -> None:
    assert ["question", "flags", "channel", "entropy"] == list(inspect.signature(conceal).parameters)
    assert {"kind", "encrypted", "authenticated", "cookie", "edns", "recursion"} == set(Channel.__slots__)


def test_two_clients_with_different_options_give_the_same_octets() -> None:
    """From what they sent to what leaves, with only what `Query` carries in between: the key, and DO and CD."""

    def leaving(*, options: list[dns.edns.Option] | None, identifier: int, name: str) -> bytes:
        query = dns.message.make_query(name, "A", use_edns=0, options=options, want_dnssec=True, payload=identifier)
        query.id = identifier
        seen = peek(query.to_wire())
        assert seen.edns is not None
        flags = QueryFlag.DO if seen.edns.do else NO_FLAG
        return conceal(seen.key, flags, TLS, no_entropy)

    subnet = dns.edns.ECSOption("192.0.2.0", 24)
    cookie = dns.edns.GenericOption(EdnsOption.COOKIE, b"identify")
    one = leaving(options=[subnet, cookie], identifier=4_096, name="www.example.")
    two = leaving(options=None, identifier=512, name="WWW.eXample.")
    assert one == two


@pytest.mark.parametrize("channel", [TLS, HTTPS], ids=["tls", "https"])
def test_an_encrypted_query_is_a_multiple_of_128_octets(channel: Channel) -> None:
    for length in (1, *range(3, 256)):
        question = name_of(length) + b"\0\1\0\1"
        wire = conceal(question, NO_FLAG, channel, no_entropy)
        assert length + 4 == len(question)
        assert 128 * (1 + (length + 12 + 4 + 11 + 4 - 1) // 128) == len(wire)
        assert question == look(wire).question


def test_the_size_of_an_encrypted_query_takes_three_values() -> None:
    sizes = {len(conceal(name_of(n) + b"\0\1\0\1", NO_FLAG, TLS, no_entropy)) for n in (1, *range(3, 256))}
    assert {128, 256, 384} == sizes


@pytest.mark.parametrize("flags", ALL_FLAGS)
@pytest.mark.parametrize("channel", [UDP, TCP, TLS, HTTPS], ids=["udp", "tcp", "tls", "https"])
def test_every_query_has_id_0_rd_and_our_own_edns(channel: Channel, flags: QueryFlag) -> None:
    found = look(conceal(QUESTION, flags, channel, zeros))
    assert (0, 0x0100 | (0x10 if flags & QueryFlag.CD else 0)) == (found.identifier, found.flags)
    assert ([], [], []) == (found.answer, found.authority, found.additional)
    assert found.edns is not None
    assert (PAYLOAD, 0, 0, bool(flags & QueryFlag.DO)) == found.edns[:4]
    codes = [code for code, _ in found.edns.options]
    assert ([EdnsOption.PADDING] if channel.encrypted else []) == codes


def test_padding_is_zeros() -> None:
    found = look(conceal(QUESTION, NO_FLAG, TLS, no_entropy))
    assert found.edns is not None
    assert bytes(84) == found.edns.option(EdnsOption.PADDING)


@pytest.mark.parametrize("kind", [Kind.UDP, Kind.TCP])
def test_a_clear_channel_carries_its_cookie_and_no_padding(kind: Kind) -> None:
    wire = conceal(QUESTION, NO_FLAG, Channel(kind, encrypted=False, authenticated=False, cookie=COOKIE), zeros)
    found = look(wire)
    assert found.edns is not None
    assert ((EdnsOption.COOKIE, COOKIE),) == found.edns.options


@pytest.mark.parametrize("kind", [Kind.TLS, Kind.HTTPS])
@pytest.mark.parametrize("authenticated", [True, False])
def test_a_cookie_never_leaves_on_an_encrypted_channel(kind: Kind, authenticated: bool) -> None:
    with_cookie = conceal(QUESTION, NO_FLAG, Channel(kind, True, authenticated, COOKIE), no_entropy)
    assert conceal(QUESTION, NO_FLAG, Channel(kind, True, authenticated), no_entropy) == with_cookie


@pytest.mark.parametrize("channel", [TCP, TLS, HTTPS], ids=["tcp", "tls", "https"])
def test_only_udp_gets_random_case(channel: Channel) -> None:
    assert QUESTION == look(conceal(QUESTION, NO_FLAG, channel, no_entropy)).question


@pytest.mark.parametrize(("entropy", "name"), [(zeros, b"\x03www\x07example\0"), (ones, b"\x03WWW\x07EXAMPLE\0")])
def test_random_case_is_one_bit_a_letter(entropy: Callable[[int], bytes], name: bytes) -> None:
    assert name + b"\0\1\0\1" == look(conceal(QUESTION, NO_FLAG, UDP, entropy)).question


def test_only_letters_change_and_never_type_or_class() -> None:
    question = b"\x06a1-_@[\x04{`z~\0\x00\x61\x00\x62"
    assert b"\x06A1-_@[\x04{`Z~\0\x00\x61\x00\x62" == look(conceal(question, NO_FLAG, UDP, ones)).question


def test_a_label_as_long_as_a_letter_stays_as_long() -> None:
    """Length octets up to 63 are no letters, but a careless loop over the whole name would not know."""
    question = name_of(255) + b"\0\1\0\1"
    assert name_of(255).upper() + b"\0\1\0\1" == look(conceal(question, NO_FLAG, UDP, ones)).question


def test_the_root_has_no_case() -> None:
    assert b"\0\0\2\0\1" == look(conceal(b"\0\0\2\0\1", NO_FLAG, UDP, ones)).question


@given(st.binary(min_size=40, max_size=40), st.integers(1, 30))
def test_the_spelling_is_that_of_the_bits_and_folds_back(bits: bytes, length: int) -> None:
    name = bytes((length,)) + b"q" * length + b"\0"
    spelled = look(conceal(name + b"\0\1\0\1", NO_FLAG, UDP, lambda count: bits[:count])).question[:-4]
    assert [bool(octet & 0x20) for octet in bits[1 : 1 + length]] == [octet == 0x51 for octet in spelled[1:-1]]
    assert name == spelled.lower()


# --- cookies: on clear roads, ours to clients -------------------------------------------------------------------------

KEY = bytes(range(KEY_LENGTH))
CLIENT = b"12345678"
ADDRESS = bytes((192, 0, 2, 1))
NOW = 1_800_000_000
GOOD = CLIENT + server_cookie(KEY, CLIENT, ADDRESS, NOW)


def test_a_server_cookie_has_a_version_a_date_and_a_hash() -> None:
    made = server_cookie(KEY, CLIENT, ADDRESS, NOW)
    assert (SERVER_LENGTH, b"\1\0\0\0" + NOW.to_bytes(4, "big")) == (len(made), made[:8])


@pytest.mark.parametrize("age", [-VALID_AHEAD, -1, 0, 1, VALID_FOR])
def test_our_own_cookie_is_valid_for_an_hour(age: int) -> None:
    assert CookieState.VALID == check_cookie(KEY, GOOD, ADDRESS, NOW + age)


@pytest.mark.parametrize("age", [-VALID_AHEAD - 1, VALID_FOR + 1, 2**31])
def test_a_cookie_of_another_time_is_wrong(age: int) -> None:
    assert CookieState.WRONG == check_cookie(KEY, GOOD, ADDRESS, NOW + age)


def test_a_cookie_survives_the_turn_of_the_32_bit_clock() -> None:
    late = 2**32 - 10
    content = CLIENT + server_cookie(KEY, CLIENT, ADDRESS, late)
    assert CookieState.VALID == check_cookie(KEY, content, ADDRESS, late + 20)


def test_a_client_cookie_alone_is_the_first_one() -> None:
    assert CookieState.FIRST == check_cookie(KEY, CLIENT, ADDRESS, NOW)


@pytest.mark.parametrize("length", [0, 1, 7, *range(9, 16), 41, 100])
def test_a_cookie_of_a_length_that_cannot_be_is_malformed(length: int) -> None:
    assert CookieState.MALFORMED == check_cookie(KEY, bytes(length), ADDRESS, NOW)


@pytest.mark.parametrize("length", [*range(16, 24), *range(25, 41)])
def test_a_cookie_of_another_server_is_wrong(length: int) -> None:
    assert CLIENT_LENGTH + SERVER_LENGTH != length
    assert CookieState.WRONG == check_cookie(KEY, bytes(length), ADDRESS, NOW)


@pytest.mark.parametrize("at", range(24))
def test_a_changed_octet_makes_a_cookie_wrong(at: int) -> None:
    content = GOOD[:at] + bytes((GOOD[at] ^ 1,)) + GOOD[at + 1 :]
    assert CookieState.WRONG == check_cookie(KEY, content, ADDRESS, NOW)


def test_a_cookie_is_good_at_one_address_and_for_one_key() -> None:
    assert CookieState.WRONG == check_cookie(KEY, GOOD, bytes((192, 0, 2, 2)), NOW)
    assert CookieState.WRONG == check_cookie(KEY, GOOD, bytes(16), NOW)
    assert CookieState.WRONG == check_cookie(KEY[::-1], GOOD, ADDRESS, NOW)
