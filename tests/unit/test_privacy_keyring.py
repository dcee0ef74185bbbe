"""A target's keys change with the clock, and nobody who was quick enough loses a question by it."""

from random import Random

import pytest

from privacy.keyring import LIFETIME, KeyRing
from privacy.odoh import SEED, UnknownKey, open_query, parse_configs, seal_query
from wire.units import Instant

START = 1_000.0


def ring() -> KeyRing:
    return KeyRing(Random(7).randbytes, Instant(START))


def shown(keys: KeyRing, now: float) -> bytes:
    (key,) = parse_configs(keys.configs(Instant(now)))
    return seal_query(key, bytes(20), bytes(SEED)).body


def test_one_key_is_shown_until_its_time_is_over() -> None:
    keys = ring()
    first = shown(keys, START)
    assert first == shown(keys, START + LIFETIME - 1)
    assert first != shown(keys, START + LIFETIME)
    assert keys.left(Instant(START + LIFETIME)) == LIFETIME


def test_what_was_sealed_for_the_key_before_still_opens_for_as_long() -> None:
    keys = ring()
    body = shown(keys, START)
    for later in (LIFETIME, 2 * LIFETIME - 1):
        assert open_query(keys.known(Instant(START + later)), body).message == bytes(20)
    with pytest.raises(UnknownKey):
        open_query(keys.known(Instant(START + 2 * LIFETIME)), body)


def test_after_a_long_silence_no_old_key_opens_anything() -> None:
    keys = ring()
    body = shown(keys, START)
    with pytest.raises(UnknownKey):
        open_query(keys.known(Instant(START + 2 * LIFETIME)), body)
    assert len(keys.known(Instant(START + 2 * LIFETIME))) == 1
