from hashlib import blake2s

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.cookies import VALID_AHEAD, VALID_FOR, CookieState, check_cookie, server_cookie

KEY = bytes(range(32))
CLIENT = b"\xc0\xc1\xc2\xc3\xc4\xc5\xc6\xc7"
ADDRESS = bytes((192, 0, 2, 1))
DATE = 1_700_000_000


def test_the_layout_is_version_zeros_time_and_hash() -> None:
    cookie = server_cookie(KEY, CLIENT, ADDRESS, DATE)
    assert (len(cookie), cookie[:4], int.from_bytes(cookie[4:8], "big")) == (16, b"\1\0\0\0", DATE)
    assert cookie[8:] == blake2s(CLIENT + cookie[:8] + ADDRESS, key=KEY, digest_size=8).digest()


def test_our_own_cookie_is_valid() -> None:
    assert CookieState.VALID is check_cookie(KEY, CLIENT + server_cookie(KEY, CLIENT, ADDRESS, DATE), ADDRESS, DATE)


@pytest.mark.parametrize(
    ("key", "client", "address"),
    [(bytes(32), CLIENT, ADDRESS), (KEY, bytes(8), ADDRESS), (KEY, CLIENT, bytes((192, 0, 2, 2)))],
)
def test_a_cookie_of_another_key_client_or_address_is_wrong(key: bytes, client: bytes, address: bytes) -> None:
    content = client + server_cookie(key, CLIENT, address, DATE)
    assert CookieState.WRONG is check_cookie(KEY, content, ADDRESS, DATE)


@pytest.mark.parametrize(
    ("age", "state"),
    [
        (VALID_FOR, CookieState.VALID),
        (VALID_FOR + 1, CookieState.WRONG),
        (-VALID_AHEAD, CookieState.VALID),
        (-VALID_AHEAD - 1, CookieState.WRONG),
    ],
)
def test_a_cookie_is_good_for_an_hour_and_five_minutes_ahead(age: int, state: CookieState) -> None:
    content = CLIENT + server_cookie(KEY, CLIENT, ADDRESS, DATE)
    assert state is check_cookie(KEY, content, ADDRESS, DATE + age)


def test_the_time_may_wrap_around() -> None:
    """RFC 9018 §4.3: serial number arithmetic."""
    date = 2**32 - 5
    content = CLIENT + server_cookie(KEY, CLIENT, ADDRESS, date)
    assert CookieState.VALID is check_cookie(KEY, content, ADDRESS, date + 10)


@pytest.mark.parametrize("length", range(50))
def test_lengths_other_than_8_and_16_to_40_are_malformed(length: int) -> None:
    state = check_cookie(KEY, bytes(length), ADDRESS, DATE)
    expected = CookieState.FIRST if length == 8 else CookieState.WRONG if 16 <= length <= 40 else CookieState.MALFORMED
    assert expected is state


@given(st.binary(max_size=60))
def test_no_forged_cookie_is_valid(content: bytes) -> None:
    assert CookieState.VALID is not check_cookie(KEY, content, ADDRESS, DATE)


@given(st.integers(0, 24 * 8 - 1))
def test_a_single_changed_bit_is_noticed(bit: int) -> None:
    content = bytearray(CLIENT + server_cookie(KEY, CLIENT, ADDRESS, DATE))
    content[bit // 8] ^= 1 << bit % 8
    assert CookieState.WRONG is check_cookie(KEY, bytes(content), ADDRESS, DATE)
