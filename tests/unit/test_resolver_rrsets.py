"""What iteration remembers: contents, delegations, failures, within a ceiling."""

import tracemalloc

import pytest

from resolver.cache.rrsets import MAX_DELEGATION_TTL, Failed, RRsetMemory
from resolver.iterate.port import Endpoint
from resolver.iterate.verdict import Alias, Chain, NameServer, Negative, Positive, Referral, RRset
from resolver.settings import CacheSettings
from resolver.values import Explanation
from wire.dns.codes import ExtendedError
from wire.dns.names import read_name
from wire.units import Instant

WWW, ZONE, SUB = read_name("www.shop.example"), read_name("shop.example"), read_name("sub.shop.example")
A, AAAA, CNAME, MX, SOA, DS = 1, 28, 5, 15, 6, 43
FOR_EVER = 1e9


def at(seconds: float) -> Instant:
    return Instant(1000.0 + seconds)


def addresses(ttl: int = 300, name: bytes = WWW) -> Positive:
    return Positive(RRset(name, A, ttl, (b"\1\2\3\4",)))


def nothing(absent: bool, ttl: int = 900, minimum: int = 60) -> Negative:
    return Negative(absent, RRset(ZONE, SOA, ttl, (b"\0\0" + bytes(16) + minimum.to_bytes(4, "big"),)))


def delegation(zone: bytes = ZONE, ttl: int = 300) -> Referral:
    return Referral(zone, (NameServer(read_name("ns.example"), (Endpoint("192.0.2.1"),)),), ttl)


def test_ttls_count_down_and_end() -> None:
    memory = RRsetMemory(CacheSettings())
    memory.store(WWW, A, addresses(), at(0))
    found = memory.recall(WWW, A, at(100))
    assert isinstance(found, Positive)
    assert (200, None) == (found.rrset.ttl, memory.recall(WWW, A, at(300)))


def test_ttl_0_is_not_kept() -> None:
    memory = RRsetMemory(CacheSettings(minimum_ttl=60))
    memory.store(WWW, A, addresses(0), at(0))
    assert 0 == len(memory)


def test_limits_of_ttls_hold() -> None:
    memory = RRsetMemory(CacheSettings(minimum_ttl=60, maximum_ttl=600))
    memory.store(WWW, A, addresses(1), at(0))
    memory.store(ZONE, A, addresses(86_400, ZONE), at(0))
    ttls = [found.rrset.ttl for n in (WWW, ZONE) if isinstance(found := memory.recall(n, A, at(0)), Positive)]
    assert [60, 600] == ttls


def test_what_is_stored_comes_back_with_ttls_within_the_limits() -> None:
    memory = RRsetMemory(CacheSettings(minimum_ttl=60, maximum_ttl=600, negative_ttl=300))
    negatives = [memory.store(WWW, A, nothing(False, 900, minimum), at(0)).soa for minimum in (1, 100, 1000, 0)]
    assert (60, [60, 100, 300, 0]) == (
        memory.store(WWW, A, addresses(1), at(0)).rrset.ttl,
        [soa.ttl for soa in negatives if soa is not None],
    )


def test_an_alias_says_nothing_of_the_delegation_signer() -> None:
    memory = RRsetMemory(CacheSettings())
    memory.store(WWW, A, Alias(RRset(WWW, CNAME, 300, (ZONE,)), ZONE), at(0))
    assert (None, True) == (memory.recall(WWW, DS, at(0)), isinstance(memory.recall(WWW, MX, at(0)), Chain))


@pytest.mark.parametrize(("child", "holds"), [(600, 600), (10, 300), (86_400, 3600)])
def test_a_zone_may_end_its_delegation_sooner_but_not_at_once_and_not_later(child: int, holds: int) -> None:
    memory = RRsetMemory(CacheSettings())
    memory.store_cut(delegation(ttl=3600), FOR_EVER, at(0))
    memory.add_servers(ZONE, (read_name("ns.example"),), child, at(0))
    memory.add_servers(ZONE, (read_name("ns.example"),), child, at(5))
    assert [True, False] == [memory.cut(ZONE, at(holds + more)) is not None for more in (-0.5, 0.5)]


def test_a_delegation_is_ending_when_a_tenth_of_its_time_is_left() -> None:
    memory = RRsetMemory(CacheSettings())
    memory.store_cut(delegation(ttl=1000), FOR_EVER, at(0))
    cuts = [(memory.cut(ZONE, at(now)), at(now)) for now in (899, 900)]
    assert [False, True] == [cut.is_ending(now) for cut, now in cuts if cut is not None]


@pytest.mark.parametrize(("absent", "known"), [(True, [A, MX]), (False, [A])])
def test_no_name_holds_for_all_types_and_no_data_for_one(absent: bool, known: list[int]) -> None:
    memory = RRsetMemory(CacheSettings())
    memory.store(WWW, A, nothing(absent), at(0))
    assert known == [t for t in (A, MX) if memory.recall(WWW, t, at(59)) is not None]
    assert memory.recall(WWW, A, at(60)) is None


def test_there_is_none_without_an_soa_is_not_kept() -> None:
    memory = RRsetMemory(CacheSettings())
    memory.store(WWW, A, Negative(True, None), at(0))
    assert 0 == len(memory)


def test_a_name_that_exists_after_all_is_not_absent_any_more() -> None:
    memory = RRsetMemory(CacheSettings())
    memory.store(WWW, A, nothing(True), at(0))
    memory.store(WWW, AAAA, Positive(RRset(WWW, AAAA, 300, (bytes(16),))), at(1))
    assert memory.recall(WWW, MX, at(2)) is None


def test_an_alias_holds_for_every_type_but_its_own() -> None:
    memory = RRsetMemory(CacheSettings())
    memory.store(WWW, A, Alias(RRset(WWW, CNAME, 300, (ZONE,)), ZONE), at(0))
    assert isinstance(memory.recall(WWW, MX, at(1)), Chain)
    assert Positive(RRset(WWW, CNAME, 299, (ZONE,))) == memory.recall(WWW, CNAME, at(1))
    assert memory.recall(SUB, MX, at(1)) is None


def test_a_dname_is_not_applied_to_other_names() -> None:
    """RFC 6672 §5.3.4.1 allows it for signed data only."""
    memory = RRsetMemory(CacheSettings())
    dname = RRset(ZONE, 39, 300, (read_name("net"),))
    memory.store(WWW, A, Alias(RRset(WWW, CNAME, 300, (read_name("www.net"),)), read_name("www.net"), dname), at(0))
    assert memory.recall(SUB, A, at(1)) is None
    alias = Positive(RRset(WWW, CNAME, 299, (read_name("www.net"),)), dname=dname._replace(ttl=299))
    assert alias == memory.recall(WWW, CNAME, at(1))


def test_the_deepest_delegation_is_found() -> None:
    memory = RRsetMemory(CacheSettings())
    for zone in (b"\0", ZONE):
        memory.store_cut(delegation(zone), FOR_EVER, at(0))
    found = memory.cut(WWW, at(1))
    assert found is not None
    assert (ZONE, 1300.0) == (found.referral.zone, found.expires)


def test_a_delegation_lives_a_day_at_most_and_no_longer_than_what_it_hangs_from() -> None:
    memory = RRsetMemory(CacheSettings())
    assert at(MAX_DELEGATION_TTL) == memory.store_cut(delegation(ttl=604_800), FOR_EVER, at(0)).expires
    assert at(40) == memory.store_cut(delegation(), at(40), at(0)).expires
    assert memory.cut(WWW, at(41)) is None


def test_servers_that_the_zone_names_are_added_behind_its_parents_and_live_no_longer() -> None:
    memory = RRsetMemory(CacheSettings())
    memory.store_cut(delegation(), FOR_EVER, at(0))
    memory.add_servers(ZONE, (read_name("ns.example"), SUB), 86_400, at(200))
    found = memory.cut(WWW, at(299))
    assert found is not None
    assert [read_name("ns.example"), SUB] == [server.name for server in found.referral.servers]
    assert memory.cut(WWW, at(300)) is None


def test_a_failure_is_remembered_for_its_pause_and_its_type() -> None:
    memory = RRsetMemory(CacheSettings())
    failed = Failed(Explanation(ExtendedError.NETWORK_ERROR, "down"))
    memory.store_failure(WWW, A, failed, 60.0, at(0))
    assert (failed, None) == (memory.failed(WWW, A, at(59)), memory.failed(WWW, AAAA, at(0)))
    assert memory.failed(WWW, A, at(60)) is None


def test_the_ceiling_holds_and_what_is_used_stays() -> None:
    memory = RRsetMemory(CacheSettings(memory=100_000))
    memory.store(WWW, A, addresses(), at(0))
    for number in range(1_000):
        name = read_name(f"n{number}.example")
        memory.store(name, A, addresses(name=name), at(1))
        memory.recall(WWW, A, at(1))
    assert memory.size <= 100_000
    assert memory.evicted > 500
    assert memory.recall(WWW, A, at(2)) is not None


def test_flush_forgets_a_suffix() -> None:
    memory = RRsetMemory(CacheSettings())
    memory.store(WWW, A, addresses(), at(0))
    memory.store_cut(delegation(read_name("net")), FOR_EVER, at(0))
    assert (1, 1) == (memory.flush(ZONE), len(memory))


def test_the_counted_size_is_what_python_takes_within_a_third() -> None:
    memory = RRsetMemory(CacheSettings(memory=1 << 30))
    names = [read_name(f"n{number}.example") for number in range(2_000)]
    tracemalloc.start()
    try:
        for name in names:
            memory.store(bytes(bytearray(name)), A, Positive(RRset(bytes(bytearray(name)), A, 300, (bytes(4),))), at(0))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 0.7 < memory.size / taken < 1.9


PROOF = RRset(read_name("a.shop.example"), 47, 60, (b"\4next\0\0\1\0",), (b"signed",))
GONE = read_name("gone.shop.example")
BELOW = tuple(map(read_name, ("www.gone.shop.example", "a.b.c.gone.shop.example")))


def proved(minimum: int = 60) -> Negative:
    return Negative(True, nothing(True, minimum=minimum).soa, (PROOF,))


def test_below_a_name_that_was_proved_not_to_exist_nothing_does() -> None:
    memory = RRsetMemory(CacheSettings())
    memory.store_cut_off(GONE, proved(), at(0))
    for name in (GONE, *BELOW):
        for rrtype in (A, MX, DS):
            found = memory.recall(name, rrtype, at(10))
            assert isinstance(found, Negative)
            assert found.soa is not None
            assert (True, 50, [PROOF.owner]) == (found.absent, found.soa.ttl, [rrset.owner for rrset in found.proof])


def test_above_and_beside_it_nothing_is_said() -> None:
    memory = RRsetMemory(CacheSettings())
    memory.store_cut_off(GONE, proved(), at(0))
    assert {None} == {memory.recall(name, A, at(0)) for name in (ZONE, WWW, read_name("xgone.shop.example"))}


def test_what_was_not_proved_says_nothing_of_names_below() -> None:
    memory = RRsetMemory(CacheSettings())
    memory.store(GONE, A, nothing(True), at(0))
    assert (True, None) == (memory.recall(GONE, MX, at(0)) is not None, memory.recall(BELOW[0], A, at(0)))


def test_a_cut_off_ends_in_time_and_needs_an_soa() -> None:
    memory = RRsetMemory(CacheSettings())
    memory.store_cut_off(GONE, proved(30), at(0))
    assert memory.recall(BELOW[0], A, at(29)) is not None
    assert memory.recall(BELOW[0], A, at(30)) is None
    memory.store_cut_off(GONE, Negative(True, None), at(40))
    assert memory.recall(BELOW[0], A, at(40)) is None


def test_what_is_known_of_a_name_itself_comes_first_and_a_name_that_turns_up_ends_the_cut_off() -> None:
    memory = RRsetMemory(CacheSettings())
    memory.store(BELOW[0], A, addresses(name=BELOW[0]), at(0))
    memory.store_cut_off(GONE, proved(), at(0))
    assert isinstance(memory.recall(BELOW[0], A, at(1)), Positive)
    assert isinstance(memory.recall(BELOW[0], MX, at(1)), Negative)
    memory.store(BELOW[1], A, addresses(name=BELOW[1]), at(1))
    assert memory.recall(BELOW[0], MX, at(1)) is None


@pytest.mark.parametrize("suffix", ["example", "gone.shop.example", "www.gone.shop.example"])
def test_a_flush_forgets_cut_offs_above_too(suffix: str) -> None:
    memory = RRsetMemory(CacheSettings())
    memory.store_cut_off(GONE, proved(), at(0))
    memory.flush(read_name(suffix))
    assert memory.recall(BELOW[0], A, at(0)) is None


def test_a_type_that_is_not_there_cuts_nothing_off() -> None:
    with pytest.raises(ValueError, match="cuts nothing off"):
        RRsetMemory(CacheSettings()).store_cut_off(GONE, nothing(False), at(0))
