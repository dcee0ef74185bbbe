"""The resolver's memory: ages, stale answers, failures, its ceiling, and the wall between upstream groups."""

import dns.message
from hypothesis import given, settings
from hypothesis import strategies as st
from kit.judged import judge
from kit.questions import query_for, wire_of

from resolver.cache.answers import AnswerMemory, MemoryKey
from resolver.compose import Accepted
from resolver.settings import CacheSettings
from resolver.values import Explanation, Origin
from wire.dns.codes import ExtendedError, QueryFlag, Rcode
from wire.dns.names import read_name
from wire.units import Instant

BROKEN = Explanation(ExtendedError.NETWORK_ERROR, "broken")


def at(seconds: float) -> Instant:
    return Instant(1000.0 + seconds)


def accepted_for(name: str, ttl: int = 300, size: int = 1) -> Accepted:
    lines = [f"{name} {ttl} A 192.0.2.{n + 1}" for n in range(size)]
    verdict = judge(query_for(name), wire_of(name, "A", *lines), CacheSettings())
    assert isinstance(verdict, Accepted)
    return verdict


def key_for(name: str, group: int = 0) -> MemoryKey:
    return AnswerMemory(CacheSettings()).key(query_for(name), group)


def filled(name: str = "a.example.", **options: object) -> AnswerMemory:
    memory = AnswerMemory(CacheSettings(**options))  # type: ignore[arg-type]
    memory.store(key_for(name), accepted_for(name), at(0))
    return memory


def test_an_answer_comes_back_with_what_is_left_of_its_time() -> None:
    reply = filled().fresh(key_for("a.example."), 7, at(100.5))
    assert reply is not None
    assert ([200], 199.5, 7, Origin.CACHE) == (
        [s.ttl for s in dns.message.from_wire(reply.message).answer],
        reply.cacheable,
        reply.generation,
        reply.origin,
    )


def test_an_expired_answer_is_not_fresh() -> None:
    assert None is filled().fresh(key_for("a.example."), 1, at(300))


def test_an_answer_that_may_not_be_kept_ends_the_one_before() -> None:
    memory = filled()
    memory.store(key_for("a.example."), accepted_for("a.example.", 0), at(400))
    assert None is memory.stale(key_for("a.example."), 1, at(401))


def test_who_asks_with_do_gets_a_stale_answer_without_signatures_rather_than_none() -> None:
    signed = key_for("a.example.")._replace(flags=int(QueryFlag.DO))
    memory = filled()
    assert (None, True) == (memory.fresh(signed, 1, at(10)), memory.stale(signed, 1, at(400)) is not None)


def test_a_newer_answer_of_the_other_kind_ends_a_stale_one() -> None:
    plain, signed = key_for("a.example."), key_for("a.example.")._replace(flags=int(QueryFlag.DO))
    memory = filled()
    memory.store(signed, accepted_for("a.example.", 0), at(10))
    assert None is not memory.fresh(plain, 1, at(20))
    memory.store(signed, accepted_for("a.example.", 0), at(400))
    assert None is memory.stale(plain, 1, at(401))


def test_an_answer_that_may_not_be_kept_is_not() -> None:
    memory = AnswerMemory(CacheSettings())
    memory.store(key_for("a.example."), accepted_for("a.example.", 0), at(0))
    assert 0 == len(memory)


def test_a_stale_answer_has_the_stale_ttl_and_says_so() -> None:
    """RFC 8767 §4: 30 seconds; RFC 8914 §4.4: Stale Answer."""
    reply = filled().stale(key_for("a.example."), 1, at(400))
    assert reply is not None
    assert reply.explanation is not None
    assert ([30], ExtendedError.STALE_ANSWER, Origin.STALE) == (
        [s.ttl for s in dns.message.from_wire(reply.message).answer],
        reply.explanation.code,
        reply.origin,
    )


def test_an_answer_is_not_stale_for_ever_nor_against_the_users_will() -> None:
    assert None is filled(stale_for=10).stale(key_for("a.example."), 1, at(311))
    assert None is filled(stale=False).stale(key_for("a.example."), 1, at(301))


def test_what_an_upstream_found_not_genuine_has_no_older_answer_to_stand_in() -> None:
    memory, key = filled(), key_for("a.example.")
    memory.store_failure(key, Explanation(ExtendedError.DNSSEC_BOGUS, "not genuine"), Rcode.SERVFAIL, at(290))
    assert (None, False) == (memory.stale(key, 1, at(310)), memory.fresh(key, 1, at(295)) is None)
    memory.store(key, accepted_for("a.example."), at(320))
    memory.store_failure(key, BROKEN, Rcode.SERVFAIL, at(700))
    assert memory.stale(key, 1, at(700)) is not None


def test_a_stale_nxdomain_has_its_own_code() -> None:
    memory = AnswerMemory(CacheSettings())
    data = wire_of("a.example.", "A", authority=("example. 60 SOA . . 1 1 1 1 60",), rcode="NXDOMAIN")
    verdict = judge(query_for("a.example."), data, CacheSettings())
    assert isinstance(verdict, Accepted)
    memory.store(key_for("a.example."), verdict, at(0))
    reply = memory.stale(key_for("a.example."), 1, at(100))
    assert reply is not None
    assert reply.explanation is not None
    assert ExtendedError.STALE_NXDOMAIN_ANSWER is reply.explanation.code


def test_a_failure_is_remembered_and_twice_as_long_each_time_up_to_five_minutes() -> None:
    """RFC 9520 §3.2."""
    memory, key, now = AnswerMemory(CacheSettings(failure_ttl=5)), key_for("a.example."), 0.0
    pauses = []
    for _ in range(8):
        pauses.append(memory.store_failure(key, BROKEN, Rcode.SERVFAIL, at(now)))
        now += pauses[-1]
    assert [5, 10, 20, 40, 80, 160, 300, 300] == pauses


def test_a_failure_is_forgotten_when_its_time_is_over_or_an_answer_comes() -> None:
    memory, key = AnswerMemory(CacheSettings()), key_for("a.example.")
    memory.store_failure(key, BROKEN, Rcode.SERVFAIL, at(0))
    failure = memory.failed(key, at(4.9))
    assert failure is not None
    assert (BROKEN, Rcode.SERVFAIL, None) == (failure.explanation, failure.rcode, memory.failed(key, at(5)))
    memory.store_failure(key, BROKEN, Rcode.SERVFAIL, at(20))
    memory.store(key, accepted_for("a.example."), at(21))
    assert None is memory.failed(key, at(21))


def test_a_failure_long_after_the_last_one_starts_small_again() -> None:
    memory, key = AnswerMemory(CacheSettings()), key_for("a.example.")
    memory.store_failure(key, BROKEN, Rcode.SERVFAIL, at(0))
    assert 5 == memory.store_failure(key, BROKEN, Rcode.SERVFAIL, at(1000))


def test_flushing_a_name_takes_what_is_below_it_and_nothing_beside() -> None:
    memory = AnswerMemory(CacheSettings())
    for name in ("example.", "www.example.", "a.www.example.", "notexample.", "example.org."):
        memory.store(key_for(name), accepted_for(name), at(0))
    memory.store_failure(key_for("bad.example."), BROKEN, Rcode.SERVFAIL, at(0))
    assert 3 == memory.flush(read_name("example"))
    assert {"notexample.", "example.org."} == {
        n for n in ("notexample.", "example.org.") if memory.fresh(key_for(n), 1, at(1))
    }
    assert None is memory.failed(key_for("bad.example."), at(1))


def test_the_ceiling_holds_and_what_is_hot_stays() -> None:
    memory = AnswerMemory(CacheSettings(memory=200_000))
    hot = [f"hot{n}.example." for n in range(20)]
    for name in hot:
        memory.store(key_for(name), accepted_for(name), at(0))
    for number in range(3_000):
        memory.store(key_for(f"cold{number}.example."), accepted_for("cold.example."), at(1))
        if number % 50 == 0:
            for name in hot:
                memory.fresh(key_for(name), 1, at(1))
        assert memory.size <= 200_000
    assert hot == [name for name in hot if memory.fresh(key_for(name), 1, at(2))]
    assert memory.evicted > 2_000


def test_the_counted_size_is_what_python_takes_within_a_quarter() -> None:
    import tracemalloc

    answers = [(key_for(f"n{n}.example."), accepted_for(f"n{n}.example.")) for n in range(2_000)]
    memory = AnswerMemory(CacheSettings(memory=1 << 30))
    tracemalloc.start()
    try:
        for key, accepted in answers:
            copy = MemoryKey(bytes(bytearray(key.question)), key.flags, key.upstream_group)
            again = Accepted(bytes(bytearray(accepted.message)), (accepted.ttl_offsets[0] + 1000,), 0, 300)
            memory.store(copy, again, at(0))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 0.75 < memory.size / taken < 1.6


def test_an_answer_too_large_for_the_cache_is_not_kept() -> None:
    memory = AnswerMemory(CacheSettings(memory=4_000))
    memory.store(key_for("a.example."), accepted_for("a.example.", size=200), at(0))
    assert 0 == len(memory)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(["a.example.", "b.example."]), st.integers(0, 3)), max_size=20))
def test_no_answer_crosses_from_one_upstream_group_to_another(stored: list[tuple[str, int]]) -> None:
    memory = AnswerMemory(CacheSettings())
    for name, group in stored:
        memory.store(key_for(name, group), accepted_for(name), at(0))
    for name in ("a.example.", "b.example."):
        for group in range(4):
            found = memory.fresh(key_for(name, group), 1, at(1)) or memory.stale(key_for(name, group), 1, at(1))
            assert ((name, group) in stored) == (found is not None)
