import tracemalloc

import pytest
from kit.desk import answer, question

from privacy.reply import Outer, dress
from resolver.cache.packets import DATAGRAM, ENCRYPTED, STREAM, AnswerKey, PacketCache, shelf_of
from resolver.values import Explanation, Origin, Reply
from wire.dns.codes import ExtendedError
from wire.units import Instant

START = Instant(1_000.0)


def key(number: int, group: int = 0, flags: int = 0) -> AnswerKey:
    return AnswerKey(question(f"n{number}.example"), flags, group)


def packet(name: AnswerKey) -> bytes:
    return b"id\1\0\0\1\0\0\0\0\0\0" + name.question


def store(cache: PacketCache, name: AnswerKey, *, rendered: bool = False, cacheable: float = 300.0) -> None:
    reply = answer(name.question, cacheable=cacheable)
    stored = cache.store(name, reply, START)
    if rendered:
        cache.render(packet(name), stored, reply.message, False, START)


def use(cache: PacketCache, name: AnswerKey) -> bool:
    """As the hot path does."""
    entry = cache.rendered[shelf_of(name.group, DATAGRAM)].get(packet(name)[2:])
    if entry is not None:
        entry.used = True
    return entry is not None


def held(cache: PacketCache) -> int:
    """The size as it ought to be: what the answers that can be found weigh together."""
    return sum(one.size + sum(packet.size for packet in one.packets()) for one in cache)


def test_an_answer_is_found_until_it_ends() -> None:
    cache = PacketCache(1 << 20, 1)
    store(cache, key(1), cacheable=10.0)
    assert cache.find(key(1), Instant(START + 9.9)) is not None
    assert cache.find(key(1), Instant(START + 10.0)) is None
    assert (len(cache), cache.size) == (0, 0)


def test_groups_and_flags_have_answers_of_their_own() -> None:
    cache = PacketCache(1 << 20, 2)
    store(cache, key(1))
    assert [cache.find(other, START) for other in (key(1, group=1), key(1, flags=1))] == [None, None]


def test_rendered_packets_go_with_their_answer() -> None:
    cache = PacketCache(1 << 20, 1)
    store(cache, key(1), rendered=True)
    assert use(cache, key(1))
    cache.flush(b"\0")
    assert (use(cache, key(1)), len(cache), cache.size) == (False, 0, 0)


def test_a_rendered_packet_is_good_until_the_age_changes() -> None:
    cache = PacketCache(1 << 20, 1)
    reply = answer(key(1).question)
    stored = cache.store(key(1), reply, START)
    cache.render(packet(key(1)), stored, reply.message, False, Instant(START + 2.5))
    assert cache.rendered[0][packet(key(1))[2:]].until == START + 3.0


def test_a_rendered_packet_never_outlives_its_answer() -> None:
    cache = PacketCache(1 << 20, 1)
    reply = answer(key(1).question, cacheable=2.5)
    stored = cache.store(key(1), reply, START)
    cache.render(packet(key(1)), stored, reply.message, False, Instant(START + 2.1))
    assert cache.rendered[0][packet(key(1))[2:]].until == START + 2.5


def test_streams_and_groups_have_shelves_of_their_own() -> None:
    assert [shelf_of(group, stream) for group in (0, 1) for stream in (DATAGRAM, STREAM, ENCRYPTED)] == [*range(6)]


def test_the_ceiling_is_held_and_a_hot_set_survives_a_hundred_thousand_cold_names() -> None:
    cache = PacketCache(1 << 20, 1)
    hot = [key(number) for number in range(100)]
    for name in hot:
        store(cache, name, rendered=True)
    for number in range(1_000, 101_000):
        store(cache, key(number))
        assert cache.size <= cache.ceiling
        if number % 200 == 0:
            for name in hot:
                use(cache, name)
    assert all(use(cache, name) for name in hot)
    assert cache.evicted > 90_000
    assert held(cache) == cache.size


def test_what_the_cache_says_it_weighs_is_no_less_than_what_it_weighs() -> None:
    """The constants for Python's own objects, held against the allocator (1 % for the dicts' growth steps)."""
    cache = PacketCache(1 << 30, 1)
    names = [key(number) for number in range(20_000)]
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(20_000):
            # A fresh key and packet each, as from the network: they belong to the cache's weight.
            store(cache, key(number), rendered=True)
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert len(names) == len(cache)
    assert grown <= cache.size * 1.01


def test_nothing_is_rendered_for_an_answer_that_found_no_room() -> None:
    """Everything else is hot, so the newcomer goes at once; a packet of it would stay for ever, counted for ever."""
    cache = PacketCache(6_000, 1)
    for number in range(6):
        store(cache, key(number))
    for number in range(1_000, 1_050):
        for one in list(cache):
            cache.find(AnswerKey(one.question, 0, 0), START)
        store(cache, key(number), rendered=True)
        assert held(cache) == cache.size
    assert {one.raw for kept in cache for one in kept.packets()} == set(cache.rendered[0])


def test_an_answer_larger_than_the_cache_is_not_kept() -> None:
    cache = PacketCache(1_000, 1)
    reply = answer(key(1).question, count=200)
    stored = cache.store(key(1), reply, START)
    cache.render(packet(key(1)), stored, reply.message, False, START)
    assert (len(cache), cache.size, cache.rendered[0]) == (0, 0, {})


def test_one_answer_has_a_bounded_number_of_packets() -> None:
    cache = PacketCache(1 << 20, 1)
    reply = answer(key(1).question)
    stored = cache.store(key(1), reply, START)
    for number in range(100):
        cache.render(packet(key(1)) + bytes((number,)), stored, reply.message, False, START)
    assert len(cache.rendered[0]) == 8


def test_a_new_answer_replaces_the_old_one_and_its_packets() -> None:
    cache = PacketCache(1 << 20, 1)
    store(cache, key(1), rendered=True)
    size = cache.size
    store(cache, key(1), rendered=True)
    assert (1, 1, size) == (len(cache), len(cache.rendered[0]), cache.size)


@pytest.mark.parametrize(
    ("suffix", "left"), [("n1.example", 1), ("example", 0), ("1.example", 2), ("other", 2), (".", 0)]
)
def test_a_flush_takes_a_name_and_everything_below(suffix: str, left: int) -> None:
    cache = PacketCache(1 << 20, 1)
    store(cache, key(1))
    store(cache, key(2))
    cache.flush(question(suffix)[:-4])
    assert (left, held(cache)) == (len(cache), cache.size)


def test_a_popular_answer_near_its_end_wants_to_be_refreshed_once() -> None:
    cache = PacketCache(1 << 20, 1)
    stored = cache.store(key(1), answer(key(1).question, cacheable=100.0), START)
    stored.hits = 2
    assert not stored.wants_refresh(Instant(START + 89.0))
    assert stored.wants_refresh(Instant(START + 90.0))
    stored.refresh_from = START + 98.0
    assert not stored.wants_refresh(Instant(START + 91.0))
    assert stored.wants_refresh(Instant(START + 98.0))


# -- packets of a former second


def dressed(name: AnswerKey, reply: Reply, age: int, limit: int = 1_232) -> bytes:
    return dress(reply.message, reply.ttl_offsets, age, Outer(b"id", name.question, limit, edns=True))


@pytest.mark.parametrize("age", [0, 1, 59, 60, 61, 250, 269])
def test_a_packet_of_a_former_second_becomes_what_it_would_be_if_it_were_dressed_anew(age: int) -> None:
    cache, name = PacketCache(1 << 20, 1), key(1)
    reply = answer(name.question, count=3, ttl=60, cacheable=300.0)
    stored = cache.store(name, reply, START)
    cache.render(packet(name), stored, dressed(name, reply, 0), False, START)
    entry = cache.rendered[0][packet(name)[2:]]
    assert cache.renew(entry, Instant(START + age + 0.5))
    assert dressed(name, reply, age)[2:] == entry.body
    assert START + age + 1 == entry.until


def test_a_packet_near_the_end_of_its_answer_is_looked_up_so_that_it_may_be_refreshed() -> None:
    cache, name = PacketCache(1 << 20, 1), key(1)
    store(cache, name, rendered=True)
    entry = cache.rendered[0][packet(name)[2:]]
    assert [True, False, False] == [cache.renew(entry, Instant(START + age)) for age in (269.5, 270.0, 300.0)]


def test_a_packet_that_was_cut_off_has_no_age() -> None:
    cache, name = PacketCache(1 << 20, 1), key(1)
    reply = answer(name.question, count=3)
    stored = cache.store(name, reply, START)
    cache.render(packet(name), stored, dressed(name, reply, 0, 40), False, START)
    assert not cache.renew(cache.rendered[0][packet(name)[2:]], Instant(START + 1.5))


def test_what_is_renewed_counts_as_looked_up_and_the_burst_before_as_one_more() -> None:
    cache, name = PacketCache(1 << 20, 1), key(1)
    store(cache, name, rendered=True)
    entry = cache.rendered[0][packet(name)[2:]]
    seen = []
    for second, burst in ((1, False), (2, True), (3, False), (4, False)):
        cache.renew(entry, Instant(START + second + 0.5))
        seen.append((entry.answer.hits, entry.answer.visited, entry.used))
        entry.used = burst
    assert [(1, True, False), (2, True, False), (4, True, False), (5, True, False)] == seen


def test_a_reply_comes_out_as_it_went_in() -> None:
    cache = PacketCache(1 << 20, 1)
    explained = Explanation(ExtendedError.FILTERED, "a list")
    for number, reply in enumerate(
        [
            answer(question("a.example"), count=3, cacheable=0.5),
            *(
                Reply(bytes(12), offsets, 2.0**31, 2**63, origin, explained)
                for offsets, origin in [
                    ((), Origin.LOCAL),
                    ((65_535,), Origin.STALE),
                    (tuple(range(255)), Origin.UPSTREAM),
                ]
            ),
        ]
    ):
        assert reply == cache.store(key(number), reply, START).reply


def test_what_was_dropped_takes_no_place_for_long() -> None:
    """Nothing is ever evicted, so only sweeping keeps the queue short."""
    cache = PacketCache(1 << 20, 1)
    for number in range(10_000):
        store(cache, key(number % 40), rendered=True)
        assert len(cache._queue) <= 2 * 64
    assert (40, 0) == (len(cache), cache.evicted)
