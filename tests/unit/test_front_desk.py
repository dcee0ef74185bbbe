"""The desk: packets in, bytes out or pending, with a resolver that is played."""

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.desk import START, Counter53, FakePort, FakeRoad, answer, settings

from resolver.edge import serve
from resolver.edge.flights import Flights
from resolver.settings import CacheSettings, ClientGroup
from resolver.values import Explanation, Origin
from wire.dns.codes import ExtendedError
from wire.units import Instant

COOKIE = dns.edns.GenericOption(10, b"12345678")
SUBNET = dns.edns.ECSOption("198.51.100.0", 24)


def query(name: str = "www.example", rrtype: str = "A", **changes: object) -> dns.message.Message:
    return dns.message.make_query(name, rrtype, **changes)  # type: ignore[arg-type]


def errors(message: dns.message.Message) -> list[int]:
    return [int(option.code) for option in message.options if isinstance(option, dns.edns.EDEOption)]


# -- misses and hits


def test_a_miss_crosses_with_its_folded_question_only() -> None:
    front = Counter53()
    front.ask(query("WwW.eXample", want_dnssec=True, options=[COOKIE, SUBNET]), address="127.0.0.65")
    (flight,) = front.port.queries
    assert (b"\x03www\x07example\0\0\1\0\1", 1, 1) == (flight.key.question, flight.key.flags, flight.key.group)
    assert [5.0] == front.port.deadlines


def test_the_reply_goes_to_the_one_who_asked_as_he_asked() -> None:
    front = Counter53()
    asked = query("WwW.eXample")
    road = front.ask(asked)
    assert [] == road.sent
    front.reply(front.port.queries[0], answer(front.port.queries[0].key.question))
    assert asked.is_response(road.message)
    assert ("WwW.eXample.", 300) == (road.message.question[0].name.to_text(), road.message.answer[0].ttl)


def test_the_same_question_in_flight_is_asked_once_and_answered_to_each() -> None:
    front = Counter53()
    asked = [query("www.example"), query("WWW.example"), query("www.EXAMPLE", use_edns=0)]
    roads = [front.ask(one) for one in asked]
    (flight,) = front.port.queries
    front.reply(flight, answer(flight.key.question))
    assert all(one.is_response(road.message) for one, road in zip(asked, roads, strict=True))
    assert [-1, -1, 0] == [road.message.edns for road in roads]


@pytest.mark.parametrize("changes", [{"want_dnssec": True}, {"flags": dns.flags.RD | dns.flags.CD}])
def test_do_and_cd_are_questions_of_their_own(changes: dict[str, object]) -> None:
    front = Counter53()
    front.warm()
    front.ask(query(**changes))
    assert 2 == len(front.port.queries)


def test_groups_never_share_an_answer() -> None:
    front = Counter53()
    front.warm()
    front.ask(query(), address="127.0.0.65")
    assert [0, 1] == [flight.key.group for flight in front.port.queries]


def test_a_hit_is_answered_at_once_with_its_age_taken_off() -> None:
    front = Counter53()
    front.warm()
    road = front.ask(query(), now=START + 7.9)
    assert 293 == road.message.answer[0].ttl
    assert 1 == len(front.port.queries)


def test_what_may_not_be_cached_is_asked_for_again() -> None:
    front = Counter53()
    front.warm(cacheable=0.0)
    front.ask(query())
    assert 2 == len(front.port.queries)


def test_after_its_time_an_answer_is_asked_for_again() -> None:
    front = Counter53()
    front.warm(cacheable=10.0)
    front.ask(query(), now=START + 10.0)
    assert 2 == len(front.port.queries)


def test_a_packet_with_an_option_is_never_remembered_by_its_octets() -> None:
    """A cookie, a subnet or a padding is one client's; its response must not go to another."""
    front = Counter53()
    front.warm()
    for options in ([COOKIE], [SUBNET], [dns.edns.GenericOption(12, bytes(20))]):
        front.ask(query(options=options))
    assert {} == front.desk.cache.rendered[0]
    front.ask(query(use_edns=0))
    assert 1 == len(front.desk.cache.rendered[0])


# -- settings


def test_a_new_generation_forgets_answers_and_keeps_no_reply_of_the_old_one() -> None:
    front = Counter53()
    front.warm("old.example")
    road = front.ask(query("open.example"))
    front.desk.use(settings(generation=2))
    front.reply(front.port.queries[-1], answer(front.port.queries[-1].key.question, generation=1))
    assert (1, 0) == (len(road.sent), len(front.desk.cache))


def test_a_question_of_the_old_generation_is_not_joined_by_a_client_of_the_new_one() -> None:
    front = Counter53()
    front.ask(query())
    front.desk.use(settings(generation=2))
    front.ask(query())
    assert [1, 2] == [flight.generation for flight in front.port.queries]
    old, new = front.port.queries
    front.reply(old, answer(old.key.question))
    front.ask(query())
    assert 2 == len(front.port.queries)
    front.reply(new, answer(new.key.question, generation=2))
    assert 1 == len(front.desk.cache)


def test_a_group_that_a_reload_takes_away_hurts_nobody() -> None:
    """Its index is beyond the new cache's shelves; the question goes on under the generation it was asked in."""
    front = Counter53(credits=0)
    road = front.ask(query(), address="127.0.0.65")
    front.desk.use(settings(generation=2, client_groups=(ClientGroup("default"),)))
    front.desk.grant(1, START)
    (flight,) = front.port.queries
    assert (1, 1) == (flight.generation, flight.key.group)
    front.reply(flight, answer(flight.key.question, generation=2))
    assert (1, 0) == (len(road.sent), len(front.desk.cache))


# -- credits, deadlines, a resolver that dies


def test_without_credits_questions_wait_in_order() -> None:
    front = Counter53(credits=1)
    for name in ("a.example", "b.example", "c.example"):
        front.ask(query(name))
    assert 1 == len(front.port.queries)
    front.desk.grant(2, START)
    assert [b"a", b"b", b"c"] == [flight.key.question[1:2] for flight in front.port.queries]
    assert 0 == front.desk._lanes[0].credits


def test_past_the_deadline_who_waits_is_told_and_the_question_cancelled() -> None:
    front = Counter53()
    road = front.ask(query(use_edns=0))
    assert 1.0 == front.desk.expire(Instant(START + 4.0))
    assert front.desk.expire(Instant(START + 5.0)) is None
    assert (dns.rcode.SERVFAIL, [22]) == (road.message.rcode(), errors(road.message))
    assert [front.port.queries[0].handle] == front.port.cancelled
    assert 0 == front.desk.open


def test_a_question_no_credit_came_for_says_so_and_is_let_go_of() -> None:
    front = Counter53(credits=0)
    road = front.ask(query(use_edns=0))
    front.desk.expire(Instant(START + 5.0))
    assert ([14], [], 0) == (errors(road.message), front.port.cancelled, len(front.desk._lanes[0].queue))


def test_a_long_outage_does_not_pile_up_questions() -> None:
    front = Counter53()
    front.desk.connect(None)
    for turn in range(20):
        for number in range(50):
            front.ask(query(f"n{turn}-{number}.example"), now=START + 6.0 * turn)
        assert len(front.desk._lanes[0].queue) <= 50
        front.desk.expire(Instant(START + 6.0 * turn + 5.5))
    assert (0, 0) == (front.desk.open, len(front.desk._lanes[0].queue))


def test_a_new_resolver_is_asked_everything_that_is_open_again() -> None:
    front = Counter53()
    roads = [front.ask(query(name)) for name in ("a.example", "b.example")]
    fresh = FakePort()
    front.desk.connect(fresh)
    assert [] == fresh.queries
    front.desk.grant(10, Instant(START + 2.0))
    assert [flight.handle for flight in front.port.queries] == [flight.handle for flight in fresh.queries]
    assert [3.0, 3.0] == fresh.deadlines
    for flight in fresh.queries:
        front.reply(flight, answer(flight.key.question))
    assert [1, 1] == [len(road.sent) for road in roads]


def test_cached_answers_go_on_without_a_resolver() -> None:
    front = Counter53()
    front.warm()
    front.desk.connect(None)
    assert 1 == len(front.ask(query()).sent)


def test_a_reply_to_nobody_is_counted_and_dropped() -> None:
    front = Counter53()
    flight = front.warm()
    front.reply(flight, answer(flight.key.question))
    assert 1 == front.desk.counters["replies-late"]


def test_an_answer_that_finds_no_room_in_the_cache_is_given_all_the_same() -> None:
    front = Counter53(cache=CacheSettings(memory=1))
    road = front.ask(query())
    front.reply(front.port.queries[0], answer(front.port.queries[0].key.question))
    assert "192.0.2.0" in road.message.to_text()
    assert 0 == len(front.desk.cache)


def test_a_full_waiting_room_is_an_answer_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "MAX_WAITING", 2)
    front = Counter53()
    front.ask(query("a.example"))
    front.ask(query("b.example"))
    road = front.ask(query("c.example", use_edns=0))
    assert (dns.rcode.SERVFAIL, [14]) == (road.message.rcode(), errors(road.message))


def test_in_a_full_waiting_room_who_asks_most_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "MAX_WAITING", 4)
    front = Counter53(credits=1)
    loud = [front.ask(query(f"n{number}.example", use_edns=0)) for number in range(4)]
    quiet = front.ask(query("quiet.example"), address="127.0.0.2")
    assert ([0, 0, 0, 1], 0) == ([len(road.sent) for road in loud], len(quiet.sent))
    assert (dns.rcode.SERVFAIL, [14]) == (loud[3].message.rcode(), errors(loud[3].message))
    assert (4, 1) == (front.desk.open, front.desk.counters["gave-way"])
    front.desk.grant(3, START)
    assert b"quiet" in [flight.key.question[1:6] for flight in front.port.queries]


def test_one_household_does_not_fill_the_waiting_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over UDP as well: a forged address fills its own share only."""
    monkeypatch.setattr(serve, "MAX_OF_ONE", 2)
    front = Counter53(allow=("127.0.0.0/8", "2001:db8::/32"))
    for number in range(4):
        front.ask(query(f"n{number}.example"), address=f"2001:db8:0:{number:x}::1")
    assert 2 == len(front.port.queries)
    refused = front.ask(query("more.example", use_edns=0), address="2001:db8:0:ff::2")
    assert (dns.rcode.SERVFAIL, [14]) == (refused.message.rcode(), errors(refused.message))
    joined = front.ask(query("n0.example"), address="2001:db8:0:ff::2")
    other = front.ask(query("other.example"), address="127.0.0.1")
    assert ([], [], 3) == (joined.sent, other.sent, front.desk.open)
    front.reply(front.port.queries[0], answer(front.port.queries[0].key.question))
    front.ask(query("more.example"), address="2001:db8:0:ff::2")
    assert 4 == len(front.port.queries)


def test_a_quarter_of_the_waiting_room_is_one_households() -> None:
    front = Counter53(credits=10_000)
    for number in range(serve.MAX_OF_ONE + 1):
        front.ask(query(f"n{number}.example"))
    assert serve.MAX_WAITING // 4 == front.desk.open == len(front.port.queries)


def test_too_many_who_wait_for_one_name_are_dropped_on_udp_and_told_on_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "MAX_WAITERS", 2)
    front = Counter53()
    for _ in range(2):
        front.ask(query())
    datagram, stream = front.ask(query()), front.ask(query(), road=FakeRoad(stream=True))
    assert ([], [dns.rcode.SERVFAIL]) == (datagram.sent, [message.rcode() for message in stream.messages])


def test_a_stream_that_ends_cancels_what_only_it_waited_for() -> None:
    front = Counter53()
    gone, stays = FakeRoad(stream=True), FakeRoad(stream=True)
    front.ask(query("a.example"), road=gone)
    front.ask(query("b.example"), road=gone)
    front.ask(query("b.example"), road=stays)
    front.desk.forget(gone)
    first, second = front.port.queries
    assert [first.handle] == front.port.cancelled
    front.reply(second, answer(second.key.question))
    assert (0, 1) == (len(gone.sent), len(stays.sent))


def test_forgetting_a_stream_looks_at_what_it_waits_for_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    front = Counter53(credits=1_000)
    for number in range(500):
        front.ask(query(f"n{number}.example"))
    gone = FakeRoad(stream=True)
    front.ask(query("gone.example"), road=gone)
    front.ask(query("gone.example"), road=gone)
    with monkeypatch.context() as patched:
        patched.delattr(Flights, "__iter__")
        front.desk.forget(gone)
        front.desk.forget(gone)
    assert [front.port.queries[-1].handle] == front.port.cancelled
    assert (500, {}) == (front.desk.open, front.desk._flights._by_road)


def test_a_stream_whose_questions_ended_is_remembered_by_none() -> None:
    front = Counter53()
    road = FakeRoad(stream=True)
    for name in ("a.example", "b.example", "b.example"):
        front.ask(query(name), road=road)
    for flight in front.port.queries:
        front.reply(flight, answer(flight.key.question))
    late = FakeRoad(stream=True)
    front.ask(query("c.example"), road=late)
    front.desk.expire(Instant(START + 5.0))
    assert (3, 1, {}, 0) == (
        len(road.sent),
        len(late.sent),
        front.desk._flights._by_road,
        front.desk._flights.places.taken,
    )


# -- refresh


def test_a_name_asked_for_now_and_then_is_refreshed_near_its_end_once() -> None:
    """Once each 20 seconds: no two queries in one second, and popular all the same."""
    front = Counter53()
    front.warm(cacheable=100.0)
    for offset in (20, 40, 60, 80, 92, 94, 96):
        front.ask(query(), now=START + offset)
    assert (1, 1) == (len(front.port.queries), len(front.port.refreshes))


def test_clients_with_cookies_make_a_name_popular_too() -> None:
    front = Counter53()
    front.warm(cacheable=100.0)
    for offset in (20, 40, 92):
        front.ask(query(options=[COOKIE]), now=START + offset)
    assert 1 == len(front.port.refreshes)


def test_a_name_asked_for_once_near_its_end_is_not_refreshed() -> None:
    front = Counter53()
    front.warm(cacheable=100.0)
    front.ask(query(), now=START + 95)
    assert [] == front.port.refreshes


def test_a_refresh_that_brought_nothing_is_tried_again_after_half_a_minute() -> None:
    front = Counter53()
    front.warm(cacheable=1000.0)
    for offset in (10, 910):
        front.ask(query(), now=START + offset)
    (flight,) = front.port.refreshes
    front.reply(flight, answer(flight.key.question, cacheable=0.0), now=START + 911)
    for offset in (912, 938, 941):
        front.ask(query(), now=START + offset)
    assert 2 == len(front.port.refreshes)


def test_the_refreshed_answer_takes_the_old_ones_place() -> None:
    front = Counter53()
    front.warm(cacheable=100.0)
    for offset in (10, 92):
        front.ask(query(), now=START + offset)
    (flight,) = front.port.refreshes
    front.reply(flight, answer(flight.key.question, cacheable=100.0), now=START + 93)
    assert 300 == front.ask(query(), now=START + 93.5).message.answer[0].ttl
    assert 1 == len(front.ask(query(), now=START + 150).sent)


# -- cookies, sizes, explanations


def test_a_client_cookie_comes_back_with_one_of_ours_which_is_then_valid() -> None:
    front = Counter53()
    front.warm()
    (given_cookie,) = front.ask(query(options=[COOKIE])).message.options
    content = given_cookie.to_wire()
    assert (b"12345678", 24) == (content[:8], len(content))
    front.ask(query(options=[dns.edns.GenericOption(10, content)]))
    assert (1, 1) == (front.desk.counters["cookie-first"], front.desk.counters["cookie-valid"])


@pytest.mark.parametrize("length", [0, 7, 9, 15, 41])
def test_a_cookie_of_a_wrong_length_is_formerr(length: int) -> None:
    road = Counter53().ask(query(options=[dns.edns.GenericOption(10, bytes(length))]))
    assert dns.rcode.FORMERR == road.message.rcode()


def test_cookies_can_be_switched_off() -> None:
    front = Counter53(cookies=False)
    front.warm()
    assert () == front.ask(query(options=[COOKIE])).message.options


@pytest.mark.parametrize(("payload", "fits"), [(512, False), (1_232, True), (4_096, True)])
def test_an_answer_over_udp_is_cut_at_what_the_client_takes(payload: int, fits: bool) -> None:
    front = Counter53()
    road = front.ask(query(use_edns=0, payload=payload))
    (flight,) = front.port.queries
    front.reply(flight, answer(flight.key.question, count=40))
    assert fits == bool(road.message.answer)
    assert fits != bool(road.message.flags & dns.flags.TC)


def test_our_own_ceiling_holds_whatever_the_client_takes_and_streams_have_none() -> None:
    front = Counter53()
    roads = [front.ask(query(use_edns=0, payload=65_535)), front.ask(query(), road=FakeRoad(stream=True))]
    (flight,) = front.port.queries
    front.reply(flight, answer(flight.key.question, count=200))
    assert [0, 200] == [len(road.message.answer[0]) if road.message.answer else 0 for road in roads]
    assert len(roads[0].sent[0]) <= 1_232


def test_a_truncated_answer_from_the_cache_is_not_given_to_streams() -> None:
    front = Counter53()
    front.ask(query())
    (flight,) = front.port.queries
    front.reply(flight, answer(flight.key.question, count=200))
    for _ in range(2):
        assert front.ask(query()).message.flags & dns.flags.TC
        assert 200 == len(front.ask(query(), road=FakeRoad(stream=True)).message.answer[0])


@pytest.mark.parametrize(("origin", "over_udp"), [(Origin.DROPPED, None), (Origin.STREAM_ONLY, True)])
def test_what_a_list_does_not_want_over_udp_is_silence_or_come_again(origin: Origin, over_udp: bool | None) -> None:
    front = Counter53()
    roads = [front.ask(query()), front.ask(query(), road=FakeRoad(stream=True))]
    (flight,) = front.port.queries
    front.reply(flight, answer(flight.key.question, count=1)._replace(origin=origin, cacheable=0.0))
    assert len(roads[0].sent) == (0 if over_udp is None else 1)
    if over_udp:
        assert roads[0].message.flags & dns.flags.TC
        assert roads[0].message.answer == []
    assert len(roads[1].message.answer) == 1
    front.ask(query())
    assert len(front.port.queries) == 2, "nobody keeps it"


def test_an_answer_of_a_rule_has_two_explanations() -> None:
    front = Counter53()
    road = front.ask(query(use_edns=0))
    (flight,) = front.port.queries
    forged = Explanation(ExtendedError.FORGED_ANSWER, "rule safe", ExtendedError.FILTERED)
    front.reply(flight, answer(flight.key.question, explanation=forged))
    assert [4, 17] == errors(road.message)
    assert {"rule safe"} == {option.text for option in road.message.options if isinstance(option, dns.edns.EDEOption)}


def test_an_explanation_goes_only_to_who_sent_an_opt() -> None:
    front = Counter53()
    roads = [front.ask(query(use_edns=0)), front.ask(query())]
    (flight,) = front.port.queries
    blocked = Explanation(ExtendedError.BLOCKED, "by a list")
    front.reply(flight, answer(flight.key.question, count=0, rcode=3, explanation=blocked))
    assert [[15], []] == [errors(road.message) for road in roads]


# -- slip


def test_who_is_over_his_rate_is_told_to_come_by_tcp_in_no_more_octets_than_he_sent() -> None:
    front = Counter53()
    for asked in (query(), query(use_edns=0), query(options=[COOKIE])):
        road = FakeRoad()
        front.desk.slip(asked.to_wire(), road)
        assert asked.is_response(road.message)
        assert (True, []) == (bool(road.message.flags & dns.flags.TC), road.message.answer)
        assert (asked.edns, True) == (road.message.edns, len(road.sent[0]) <= len(asked.to_wire()))


@given(st.binary(max_size=100))
def test_no_octets_hurt_the_desk(data: bytes) -> None:
    front = Counter53()
    road = front.ask(data)
    front.desk.slip(data, road)
    assert all(response[2] & 0x80 and response[:2] == data[:2] for response in road.sent)


@given(st.integers(0, 60), st.integers(0, 255))
def test_no_changed_octet_of_a_query_hurts_the_desk(at: int, octet: int) -> None:
    front = Counter53(cache=CacheSettings(memory=1 << 16))
    data = bytearray(query(options=[COOKIE]).to_wire())
    data[min(at, len(data) - 1)] = octet
    road = front.ask(bytes(data))
    for flight in front.port.queries:
        front.reply(flight, answer(flight.key.question))
    assert all(response[2] & 0x80 and response[:2] == bytes(data[:2]) for response in road.sent)
