from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wire.dns.names import (
    MAX_NAME,
    MAX_POINTERS,
    ROOT,
    Known,
    canonical_order,
    count_labels,
    is_below,
    parent,
    parse_name,
    parse_shared_name,
    read_name,
    show_name,
    skip_name,
    suffixes,
)
from wire.errors import Malformed

WWW = b"\x03www\x07example\x00"
LABELS = st.lists(st.binary(min_size=1, max_size=20).map(bytes.lower), max_size=8)


def wire(labels: list[bytes]) -> bytes:
    return b"".join(bytes((len(label),)) + label for label in labels) + b"\0"


def test_a_name_is_folded_and_its_end_is_told() -> None:
    assert (WWW, 13) == parse_name(b"\x03wWw\x07EXAMPLE\x00rest", 0)


def test_the_root_is_one_octet() -> None:
    assert (ROOT, 1) == parse_name(b"\0", 0)


def test_only_ascii_letters_are_folded() -> None:
    assert b"\x04\xc4z[@\0" == parse_name(b"\x04\xc4Z[@\0", 0)[0]


def test_a_pointer_is_followed_and_the_name_ends_behind_the_first() -> None:
    data = b"\x07example\0\x03www\xc0\x00\x01a\xc0\x09"
    assert (WWW, 15) == parse_name(data, 9)
    assert (b"\x01a" + WWW, 19) == parse_name(data, 15)


@pytest.mark.parametrize(
    ("data", "at", "why"),
    [
        (b"", 0, "name cut off"),
        (b"\0", 1, "name cut off"),
        (b"\xc0", 0, "name cut off"),
        (b"\x01a", 0, "too long or cut off"),
        (b"\x05ab", 0, "too long or cut off"),
        (b"\x40a\0", 0, "label type not in use"),
        (b"\xbfa\0", 0, "label type not in use"),
        (b"\xc0\x00", 0, "does not go back"),
        (b"\xc0\x02\0", 0, "does not go back"),
        (b"\x01a\xc0\x00", 0, "does not go back"),
        (b"\x01a" * 127 + b"\x01b\0", 0, "too long"),
    ],
)
def test_what_is_no_name_is_malformed(data: bytes, at: int, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        parse_name(data, at)


def test_a_name_may_have_127_labels() -> None:
    name = b"\x01a" * 127 + b"\0"
    assert (name, MAX_NAME) == parse_name(name, 0)
    assert 127 == count_labels(name)


def test_sixteen_pointers_are_followed_and_no_more() -> None:
    data = b"\0" + b"".join((0xC000 | max(0, 2 * n - 1)).to_bytes(2, "big") for n in range(MAX_POINTERS + 1))
    last = len(data) - 2
    assert (ROOT, last) == parse_name(data, last - 2)
    with pytest.raises(Malformed, match="too many"):
        parse_name(data, last)


@pytest.mark.parametrize(
    ("data", "after"),
    [(b"\0", 1), (WWW, 13), (b"\xc0\x00", 2), (b"\x01a\xc0\xff", 4), (b"\xff\xff", 2), (b"\x01a\0z", 3)],
)
def test_skipping_a_name_does_not_follow_pointers(data: bytes, after: int) -> None:
    assert after == skip_name(data, 0)


@pytest.mark.parametrize(("data", "why"), [(b"", "cut off"), (b"\x01a", "cut off"), (b"\x40", "label type")])
def test_skipping_what_is_no_name_is_malformed(data: bytes, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        skip_name(data, 0)


def test_the_parent_of_the_root_is_the_root() -> None:
    assert [b"\x07example\0", ROOT, ROOT] == [parent(WWW), parent(b"\x07example\0"), parent(ROOT)]


@given(LABELS)
def test_a_name_has_one_suffix_for_each_label_and_the_root(labels: list[bytes]) -> None:
    name = wire(labels)
    assert [wire(labels[n:]) for n in range(len(labels) + 1)] == list(suffixes(name))
    assert len(labels) == count_labels(name)


@pytest.mark.parametrize(
    ("name", "suffix", "below"),
    [
        (WWW, WWW, True),
        (WWW, b"\x07example\0", True),
        (WWW, ROOT, True),
        (ROOT, ROOT, True),
        (b"\x07example\0", WWW, False),
        (b"\x0awwwexample\0", b"\x07example\0", False),
        (b"\x0aww\x07example\0", b"\x07example\0", False),
    ],
)
def test_below_means_by_whole_labels(name: bytes, suffix: bytes, below: bool) -> None:
    assert below == is_below(name, suffix)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("", ROOT),
        (".", ROOT),
        ("www.Example", WWW),
        ("www.example.", WWW),
        (r"a\.b.c", b"\x03a.b\x01c\0"),
        (r"\065\000\255", b"\x03a\x00\xff\0"),
        (r"\\\"", b'\x02\\"\0'),
        ("a" * 63, bytes((63,)) + b"a" * 63 + b"\0"),
    ],
)
def test_text_becomes_a_folded_name(text: str, name: bytes) -> None:
    assert name == read_name(text)


@pytest.mark.parametrize(
    "text",
    [
        "..",
        ".a",
        "a..b",
        "a..",
        "a" * 64,
        ".".join(["a" * 63] * 4),
        "\\",
        "a\\",
        r"\256",
        r"\12",
        r"\1",
        r"\1a2",
        "bücher.example",
    ],
)
def test_text_that_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read_name(text)


@pytest.mark.parametrize(
    ("name", "text"),
    [(ROOT, "."), (WWW, "www.example."), (b"\x06a.b\\ \x7f\0", r"a\.b\\\032\127."), (b"\x05();@$\0", r"\(\)\;\@\$.")],
)
def test_a_name_is_shown_with_a_final_dot_and_escapes(name: bytes, text: str) -> None:
    assert text == show_name(name)
    assert name == read_name(text)


def test_malformed_tells_where() -> None:
    assert "wrong (at octet 7)" == str(Malformed("wrong", 7))
    assert "wrong" == str(Malformed("wrong"))
    assert ("wrong", -1) == (Malformed("wrong").what, Malformed("wrong").at)


def test_names_sort_as_in_rfc_4034_6_1() -> None:
    texts = [
        "example.",
        "a.example.",
        "yljkjljk.a.example.",
        "Z.a.example.",
        "zABC.a.EXAMPLE.",
        "z.example.",
        "\\001.z.example.",
        "*.z.example.",
        "\\200.z.example.",
    ]
    names = [read_name(text) for text in texts]
    backwards = names[::-1]
    assert names == sorted(backwards, key=canonical_order)
    assert () == canonical_order(ROOT)


def test_a_pointer_whose_second_octet_is_missing_behind_another_is_malformed() -> None:
    data = bytes((5, 1, 0xC0, 0, 1, 1, 0xC0))
    with pytest.raises(Malformed):
        parse_shared_name(data, 2, {})


@settings(derandomize=True, deadline=None, max_examples=3_000)
@given(st.lists(st.sampled_from([0, 1, 1, 2, 2, 3, 5, 8, 0xC0, 0xC0, 0x61]), min_size=1, max_size=28))
def test_a_name_read_among_others_is_what_it_is_when_read_alone(octets: list[int]) -> None:
    """At every offset and in both orders; few octets, so that labels, pointers and ends fall over each other."""
    data = bytes(octets)
    for order in (range(len(data)), range(len(data) - 1, -1, -1)):
        known: Known = {}
        for at in order:
            assert read(parse_name, data, at) == read(parse_shared_name, data, at, known)


def read(parse: Callable[..., tuple[bytes, int]], *arguments: object) -> tuple[bytes, int] | None:
    try:
        return parse(*arguments)
    except Malformed:
        return None
