"""RRsets found signed a moment ago are not verified again by the same keys; nothing else is spared."""

import struct
from dataclasses import replace

import pytest

from resolver.dnssec.algorithms import ALGORITHMS, Algorithm, Wrong
from resolver.dnssec.budget import Spent, Validation
from resolver.dnssec.recent import LONGEST, Recent
from resolver.dnssec.signature import EXPIRED, NOT_YET, OTHER_TYPE, WRONG, Signing, Unsigned, prove
from resolver.dnssec.values import Verified
from resolver.iterate.verdict import RRset
from wire.dns.names import read_name
from wire.dns.signing import Key
from wire.units import Epoch

ZONE = read_name("z.example")
SOA, NSEC, A = 6, 47, 1
DATE, DAY = Epoch(1_000_000.0), 86_400
KEY = Key(257, 3, 13, bytes(64), 7, b"")
RDATA = b"\0\0" + bytes(20)


class Counting:
    """Finds valid what is signed with `good`, and counts."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, algorithm: Algorithm, key: Key, signature: bytes, data: bytes) -> None:
        self.calls += 1
        if signature != b"good":
            raise Wrong("as told")


def keys() -> Signing:
    return Signing(ZONE, (KEY,), ALGORITHMS)


def rrsig(signature: bytes = b"good", rrtype: int = SOA) -> bytes:
    begin, end = int(DATE) - DAY, int(DATE) + DAY
    return struct.pack("!HBBIIIH", rrtype, 13, 2, 3600, end, begin, KEY.tag) + ZONE + signature


def signed(signature: bytes = b"good", rrtype: int = SOA, rdata: bytes = RDATA, ttl: int = 60) -> RRset:
    return RRset(ZONE, rrtype, ttl, (rdata,), (rrsig(signature, rrtype),))


class Proving:
    """A `Recent` with keys and a verifier that counts."""

    def __init__(self, **how: int) -> None:
        self.counting = Counting()
        self.recent = Recent(**how)
        self.signing = keys()

    def __call__(self, rrset: RRset, signing: Signing | None = None, date: Epoch = DATE) -> Verified | Unsigned:
        return self.recent(rrset, signing or self.signing, date, Validation(), self.counting)


def test_the_same_rrset_is_verified_once() -> None:
    proving = Proving()
    first = proving(signed())
    assert proving(signed()) == first == prove(signed(), keys(), DATE, Validation(), Counting())
    assert proving.counting.calls == 1


def test_its_ttl_is_its_own_each_time() -> None:
    proving = Proving()
    proving(signed(ttl=60))
    found = proving(signed(ttl=30))
    assert isinstance(found, Verified)
    assert (found.rrset.ttl, proving.counting.calls) == (30, 1)


def test_what_was_made_of_it_serves_within_one_second_and_for_the_same_ttl() -> None:
    proving = Proving()
    proving(signed(ttl=60))
    within = [proving(signed(ttl=60), date=Epoch(DATE + part)) for part in (0.1, 0.9)]
    assert within[0] is within[1]
    later, shorter = proving(signed(ttl=60), date=Epoch(DATE + 1)), proving(signed(ttl=30), date=Epoch(DATE + 1))
    for found, date, ttl in ((within[1], DATE, 60), (later, DATE + 1, 60), (shorter, DATE + 1, 30)):
        assert isinstance(found, Verified)
        assert found == prove(signed(ttl=ttl), keys(), Epoch(date), Validation(), Counting())
    last = proving(signed(ttl=60), date=Epoch(DATE + DAY - 7))
    assert isinstance(last, Verified)
    assert (last.left, last.rrset.ttl, proving.counting.calls) == (7, 7, 1)


def test_a_range_is_remembered_from_the_second_time_on() -> None:
    proving = Proving()
    span = signed(rrtype=NSEC)
    found = [proving(span) for _ in range(3)]
    assert found[0] == found[1] == found[2] == prove(span, keys(), DATE, Validation(), Counting())
    assert (proving.counting.calls, len(proving.recent)) == (2, 1)


def test_what_was_seen_once_of_many_ranges_is_forgotten() -> None:
    proving = Proving(kept=2)
    for number in (1, 2, 3, 1, 2, 3):
        proving(signed(rrtype=NSEC, rdata=bytes((number,)) + RDATA))
    assert (proving.counting.calls, len(proving.recent)) == (6, 0)


@pytest.mark.parametrize(
    "other",
    [signed(rdata=RDATA + b"x"), RRset(ZONE, SOA, 60, (RDATA,), (rrsig(), rrsig(b"bad")))],
    ids=["other data", "one more signature"],
)
def test_another_rrset_is_verified(other: RRset) -> None:
    proving = Proving()
    proving(signed())
    assert isinstance(proving(other), Verified)
    assert proving.counting.calls == 2


def test_the_same_octets_as_another_type_or_owner_are_another_rrset() -> None:
    proving = Proving()
    proving(signed())
    assert proving(signed()._replace(rrtype=NSEC)) == OTHER_TYPE
    below = proving(signed()._replace(owner=read_name("w.z.example")))
    assert isinstance(below, Verified)
    assert (below.wildcard, proving.counting.calls) == (b"\1*" + ZONE, 2)


def test_by_other_keys_it_is_verified_anew() -> None:
    proving = Proving()
    proving(signed())
    # Equal, but trusted at another time.
    assert isinstance(proving(signed(), keys()), Verified)
    assert proving.counting.calls == 2
    without = Signing(ZONE, (), ALGORITHMS)
    assert isinstance(proving(signed(), without), Unsigned)


@pytest.mark.parametrize(("days", "why"), [(3, EXPIRED), (-3, NOT_YET)])
def test_times_are_looked_at_each_time(days: int, why: Unsigned) -> None:
    proving = Proving()
    proving(signed())
    assert proving(signed(), date=Epoch(DATE + days * DAY)) == why


def test_the_budget_is_charged_as_if_it_had_been_verified() -> None:
    proving, budget = Proving(), Validation(units=2)
    for _ in range(2):
        proving.recent(signed(), proving.signing, DATE, budget, proving.counting)
    with pytest.raises(Spent):
        proving.recent(signed(), proving.signing, DATE, budget, proving.counting)


def test_what_took_two_keys_of_one_tag_costs_that_each_time() -> None:
    second = replace(KEY, public=b"2" * 64)
    recent, signing, budget = Recent(), Signing(ZONE, (KEY, second), ALGORITHMS), Validation()

    def by_the_second(algorithm: Algorithm, key: Key, signature: bytes, data: bytes) -> None:
        if key is not second:
            raise Wrong("as told")

    before = (budget.units, budget.wrong)
    for _ in range(2):
        assert isinstance(recent(signed(), signing, DATE, budget, by_the_second), Verified)
    assert (before[0] - budget.units, before[1] - budget.wrong) == (4, 2)


def test_a_wrong_signature_is_wrong_each_time() -> None:
    proving = Proving()
    proving(signed())
    assert [proving(signed(b"bad")) for _ in range(2)] == [WRONG, WRONG]
    assert (proving.counting.calls, len(proving.recent)) == (3, 1)


@pytest.mark.parametrize("rrset", [signed(rrtype=A), signed(rdata=RDATA[:2] + bytes(LONGEST))], ids=["A", "long"])
def test_what_is_asked_for_once_or_is_long_is_not_remembered(rrset: RRset) -> None:
    proving = Proving()
    proving(rrset)
    assert len(proving.recent) == 0


def test_the_least_recently_used_goes_first() -> None:
    proving = Proving(kept=2)
    for end in (b"1", b"2", b"1", b"3", b"1"):
        proving(signed(rdata=RDATA + end))
    assert (proving.counting.calls, len(proving.recent)) == (3, 2)
    proving(signed(rdata=RDATA + b"2"))
    assert proving.counting.calls == 4
