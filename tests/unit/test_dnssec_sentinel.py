"""RFC 8509: which of two names fails tells whether a root key is trusted here."""

import pytest

from resolver.dnssec.security import Security
from resolver.dnssec.sentinel import is_sentinel, must_fail
from wire.dns.names import read_name

TAGS = (20326, 38696)
A, AAAA, TXT = 1, 28, 16


def asked(text: str, rrtype: int = A, security: Security = Security.SECURE, cd: bool = False) -> bool:
    return must_fail(read_name(text), rrtype, security, TAGS, checking_disabled=cd)


@pytest.mark.parametrize("rrtype", [A, AAAA])
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("root-key-sentinel-is-ta-20326.example", False),
        ("root-key-sentinel-is-ta-19036.example", True),
        ("root-key-sentinel-not-ta-20326.example", True),
        ("root-key-sentinel-not-ta-19036.example", False),
        ("ROOT-KEY-SENTINEL-IS-TA-02222.example", True),
    ],
)
def test_the_table_of_3_2(name: str, expected: bool, rrtype: int) -> None:
    assert (expected, True) == (asked(name, rrtype), is_sentinel(read_name(name)))


@pytest.mark.parametrize(
    "name",
    [
        ".",
        "example",
        "root-key-sentinel-is-ta-2222.example",
        "root-key-sentinel-is-ta-022222.example",
        "root-key-sentinel-is-ta-2222a.example",
        "xroot-key-sentinel-is-ta-02222.example",
        "root-key-sentinel-maybe-ta-02222.example",
        "www.root-key-sentinel-is-ta-02222.example",
        "_is-ta-02222.example",
    ],
)
def test_only_the_leftmost_label_and_only_whole(name: str) -> None:
    assert (False, False) == (asked(name), is_sentinel(read_name(name)))


FAILS = "root-key-sentinel-is-ta-02222.example"


@pytest.mark.parametrize("security", [s for s in Security if s is not Security.SECURE])
def test_only_secure_answers_are_withheld(security: Security) -> None:
    assert not asked(FAILS, security=security)


def test_neither_other_types_nor_cd() -> None:
    assert [True, False, False] == [asked(FAILS), asked(FAILS, TXT), asked(FAILS, cd=True)]
