"""The oblivious envelope (RFC 9230) against published vectors, from both ends, and its sizes."""

import json
from pathlib import Path

import pytest

from privacy.hpke import set_up_receiver
from privacy.odoh import (
    MAX_CONFIGS,
    REPLY_NONCE,
    SEED,
    Opened,
    Sealed,
    UnknownKey,
    build_configs,
    make_key,
    open_answer,
    open_query,
    parse_configs,
    parse_envelope,
    parse_plaintext,
    seal_answer,
    seal_query,
)
from privacy.padding import filling
from wire.errors import Malformed

VECTORS = json.loads((Path(__file__).parents[1] / "vectors/odoh.json").read_text())
TRANSACTIONS = VECTORS["transactions"]
CONFIGS = bytes.fromhex(VECTORS["odohconfigs"])
PAIR = make_key(bytes.fromhex(VECTORS["public_key_seed"]))
KEYS = {PAIR.key.key_id: PAIR}
MESSAGE = bytes(range(40))
NONCE = bytes(REPLY_NONCE)

each = pytest.mark.parametrize("transaction", TRANSACTIONS, ids=range(len(TRANSACTIONS)))


def test_the_published_configs_are_parsed_and_built() -> None:
    assert (PAIR.key,) == parse_configs(CONFIGS)
    assert build_configs((PAIR.key,)) == CONFIGS
    assert bytes.fromhex(VECTORS["key_id"]) == PAIR.key.key_id


@each
def test_a_published_query_opens(transaction: dict[str, str]) -> None:
    assert bytes.fromhex(transaction["query"]) == open_query(KEYS, bytes.fromhex(transaction["obliviousQuery"])).message


@each
def test_a_published_answer_opens_and_is_sealed_the_same(transaction: dict[str, str]) -> None:
    opened = open_query(KEYS, bytes.fromhex(transaction["obliviousQuery"]))
    body = bytes.fromhex(transaction["obliviousResponse"])
    answer = bytes.fromhex(transaction["response"])
    assert answer == open_answer(Sealed(b"", opened.plaintext, opened.secret), body)
    padding = int(transaction["responsePaddingLength"])
    assert body == seal_answer(opened, answer, parse_envelope(body)[1], padding)


def test_a_query_goes_there_and_its_answer_back() -> None:
    sealed = seal_query(PAIR.key, MESSAGE, bytes(SEED))
    opened = open_query(KEYS, sealed.body)
    assert opened.message == MESSAGE
    assert open_answer(sealed, seal_answer(opened, MESSAGE * 3, NONCE)) == MESSAGE * 3


def test_every_query_has_a_key_of_its_own() -> None:
    one, other = (seal_query(PAIR.key, MESSAGE, bytes((number,)) * SEED).body for number in (1, 2))
    assert one[37:69] != other[37:69]


def test_sizes_fall_into_the_classes_and_say_nothing_else() -> None:
    """32 octets of key, 16 of tag, 4 of lengths beside a multiple of 128 or 468 (RFC 8467)."""
    queries = {len(seal_query(PAIR.key, bytes(length), bytes(SEED)).body) for length in range(12, 300)}
    assert queries == {1 + 2 + 32 + 2 + 32 + 16 + 4 + 128 * blocks for blocks in (1, 2, 3)}
    opened = Opened(MESSAGE, MESSAGE, bytes(16))
    answers = {len(seal_answer(opened, bytes(length), NONCE)) for length in range(12, 1_000)}
    assert answers == {1 + 2 + 16 + 2 + 16 + 4 + 468 * blocks for blocks in (1, 2, 3)}


@pytest.mark.parametrize(("length", "padding"), [(0, 0), (1, 467), (468, 0), (469, 467), (65_535, 0), (65_500, 20)])
def test_the_filling_goes_to_the_next_multiple_and_never_beyond_a_message(length: int, padding: int) -> None:
    assert padding == filling(length, 468)


def test_a_query_for_another_key_is_told_apart_from_nonsense() -> None:
    other = make_key(b"\1" * SEED)
    with pytest.raises(UnknownKey):
        open_query({other.key.key_id: other}, seal_query(PAIR.key, MESSAGE, bytes(SEED)).body)


def test_the_answer_to_another_query_does_not_open() -> None:
    one, other = (seal_query(PAIR.key, MESSAGE, bytes((number,)) * SEED) for number in (1, 2))
    with pytest.raises(Malformed, match="not the answer"):
        open_answer(other, seal_answer(open_query(KEYS, one.body), MESSAGE, NONCE))


def test_an_answer_must_be_one_with_a_nonce_as_long_as_it_has_to_be() -> None:
    sealed = seal_query(PAIR.key, MESSAGE, bytes(SEED))
    opened = open_query(KEYS, sealed.body)
    for body in (
        sealed.body,
        seal_answer(opened, MESSAGE, bytes(15)),
        seal_answer(opened, MESSAGE, NONCE)[:19] + b"\0\1x",
    ):
        with pytest.raises(Malformed):
            open_answer(sealed, body)
    with pytest.raises(Malformed, match="query"):
        open_query(KEYS, seal_answer(opened, MESSAGE, NONCE))


def test_every_octet_of_an_envelope_counts() -> None:
    sealed = seal_query(PAIR.key, MESSAGE, bytes(SEED))
    answer = seal_answer(open_query(KEYS, sealed.body), MESSAGE, NONCE)
    for at in range(len(sealed.body)):
        with pytest.raises(Malformed):
            open_query(KEYS, sealed.body[:at] + bytes((sealed.body[at] ^ 1,)) + sealed.body[at + 1 :])
    for at in range(len(answer)):
        with pytest.raises(Malformed):
            open_answer(sealed, answer[:at] + bytes((answer[at] ^ 1,)) + answer[at + 1 :])


@pytest.mark.parametrize(
    "plaintext",
    [b"", b"\0\x0c" + bytes(12), b"\0\x0c" + bytes(12) + b"\0\1", b"\0\x0c" + bytes(12) + b"\0\1\1", b"\0\1x\0\0"],
)
def test_a_plaintext_with_padding_that_is_none_or_no_message_is_malformed(plaintext: bytes) -> None:
    with pytest.raises(Malformed):
        parse_plaintext(plaintext)


def config(version: int, contents: bytes) -> bytes:
    return version.to_bytes(2, "big") + len(contents).to_bytes(2, "big") + contents


def configs(*parts: bytes) -> bytes:
    return len(b"".join(parts)).to_bytes(2, "big") + b"".join(parts)


OURS = CONFIGS[2:]
OTHER_SUITE = config(1, b"\0\x10\0\1\0\1\0\x41" + bytes(65))


def test_configs_of_other_versions_and_suites_are_passed_over_and_the_order_stays() -> None:
    second = make_key(b"\2" * SEED).key
    data = configs(config(0xFF06, b"x"), OTHER_SUITE, build_configs((second,))[2:], OURS)
    assert parse_configs(data) == (second, PAIR.key)
    assert parse_configs(configs(OTHER_SUITE)) == ()


def test_of_very_many_configs_the_first_are_taken() -> None:
    assert len(parse_configs(configs(*[OURS] * 40))) == MAX_CONFIGS


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\0",
        CONFIGS[:-1],
        CONFIGS + b"\0",
        configs(b"\0"),
        configs(OURS, b"\0\1\0"),
        configs(config(1, b"\0\x20\0\1\0\1\0")),
        configs(config(1, b"\0\x20\0\1\0\1\0\x1f" + bytes(31))),
        configs(config(1, b"\0\x20\0\1\0\1\0\x20" + bytes(31))),
        configs(config(1, b"\0\x10\0\1\0\1\0\0")),
    ],
)
def test_configs_that_do_not_decode_are_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_configs(data)


def test_no_secret_is_shown_by_mistake() -> None:
    sealed = seal_query(PAIR.key, MESSAGE, bytes(SEED))
    for value in (PAIR, sealed, open_query(KEYS, sealed.body)):
        assert "private" not in repr(value)
        assert "secret" not in repr(value)


def test_the_query_opens_with_plain_hpke_too() -> None:
    """What the envelope is made of (RFC 9230 §6.2): key id and type are the associated data."""
    sealed = seal_query(PAIR.key, MESSAGE, bytes(SEED), padding=0)
    _, key_id, inner = parse_envelope(sealed.body)
    context = set_up_receiver(inner[:32], PAIR.private, b"odoh query")
    assert context.open(b"\1\0\x20" + key_id, inner[32:]) == b"\0\x28" + MESSAGE + b"\0\0"
