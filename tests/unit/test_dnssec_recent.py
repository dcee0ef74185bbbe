"""Signatures found valid a moment ago are not verified again; nothing else is spared."""

import pytest

from resolver.dnssec.algorithms import ALGORITHMS, Algorithm, Wrong
from resolver.dnssec.recent import LONGEST, Recent
from wire.dns.signing import Key

P256 = ALGORITHMS[13]
KEY, OTHER = (Key(257, 3, 13, bytes((number,)) * 64, number, b"") for number in (1, 2))
SOA, A = b"\0\x06\x0d\2", b"\0\x01\x0d\2"


class Counting:
    """Finds valid what is signed with `good`, and counts."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, algorithm: Algorithm, key: Key, signature: bytes, data: bytes) -> None:
        self.calls += 1
        if signature != b"good":
            raise Wrong("as told")


def test_the_same_signature_over_the_same_data_is_verified_once() -> None:
    counting = Counting()
    recent = Recent(counting)
    recent(P256, KEY, b"good", SOA)
    recent(P256, KEY, b"good", SOA)
    assert counting.calls == 1


@pytest.mark.parametrize(
    ("algorithm", "key", "data"), [(P256, OTHER, SOA), (P256, KEY, SOA + b"x"), (ALGORITHMS[15], KEY, SOA)]
)
def test_another_key_other_data_or_another_algorithm_is_verified(algorithm: Algorithm, key: Key, data: bytes) -> None:
    counting = Counting()
    recent = Recent(counting)
    recent(P256, KEY, b"good", SOA)
    recent(algorithm, key, b"good", data)
    assert counting.calls == 2


def test_a_wrong_signature_is_wrong_each_time() -> None:
    counting = Counting()
    recent = Recent(counting)
    recent(P256, KEY, b"good", SOA)
    for _ in range(2):
        with pytest.raises(Wrong):
            recent(P256, KEY, b"bad", SOA)
    assert (counting.calls, len(recent)) == (3, 1)


@pytest.mark.parametrize("data", [A, SOA + bytes(LONGEST)], ids=["asked for once", "long"])
def test_what_is_asked_for_once_or_is_long_is_not_remembered(data: bytes) -> None:
    recent = Recent(Counting())
    recent(P256, KEY, b"good", data)
    assert len(recent) == 0


def test_the_least_recently_used_goes_first() -> None:
    counting = Counting()
    recent = Recent(counting, kept=2)
    for end in (b"1", b"2", b"1", b"3", b"1"):
        recent(P256, KEY, b"good", SOA + end)
    assert (counting.calls, len(recent)) == (3, 2)
    recent(P256, KEY, b"good", SOA + b"2")
    assert counting.calls == 4
