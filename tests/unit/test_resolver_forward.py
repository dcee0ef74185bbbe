"""In which order servers are asked, by strategy and by their health."""

from collections import Counter

import pytest

from privacy.spread import SiteSketch, assign
from resolver.forward import MAX_SERVERS, Candidate, Circumstances, Plan, rank
from resolver.routes import Routes
from resolver.servers import (
    BUDGET,
    FIRST_REST,
    HEDGE_LEAST,
    HEDGE_MOST,
    HEDGE_UNKNOWN,
    LATE_TO_REST,
    LONGEST_REST,
    Health,
    State,
)
from resolver.settings import Route, Strategy
from wire.dns.names import read_name
from wire.units import Instant, Seconds

KEY = bytes(range(32))
NOW = Instant(100.0)


def seen(chance: int = 0, site: str = "example.net", key: bytes = KEY) -> Circumstances:
    return Circumstances(read_name(site), key, chance, NOW)


def candidates(*operators: str, down: tuple[int, ...] = ()) -> list[Candidate]:
    made = [Candidate(n, operator, Health()) for n, operator in enumerate(operators)]
    for index in down:
        for _ in range(2):
            made[index].health.began()
            made[index].health.failed("timeout", False, NOW)
    return made


def answered(health: Health, seconds: float) -> None:
    health.began()
    health.answered_after(Seconds(seconds))


def test_failover_keeps_the_declared_order() -> None:
    assert Plan((0, 1, 2)) == rank(Strategy.FAILOVER, candidates("a", "b", "c"), seen())


@pytest.mark.parametrize("strategy", list(Strategy))
def test_a_resting_server_comes_last_whatever_the_strategy(strategy: Strategy) -> None:
    plan = rank(strategy, candidates("a", "b", "c", down=(1,)), seen(chance=12345))
    assert (1, {0, 1, 2}) == (plan.order[-1], set(plan.order))


@pytest.mark.parametrize("strategy", list(Strategy))
def test_a_single_server_needs_no_thought(strategy: Strategy) -> None:
    assert Plan((0,)) == rank(strategy, candidates("a"), seen())


@pytest.mark.parametrize("strategy", list(Strategy))
def test_no_question_goes_to_more_than_six_servers(strategy: Strategy) -> None:
    assert MAX_SERVERS >= len(rank(strategy, candidates(*"abcdefghij"), seen(chance=99)).order)


def test_random_gives_each_server_its_turn() -> None:
    first = Counter(rank(Strategy.RANDOM, candidates("a", "b", "c"), seen(chance)).order[0] for chance in range(600))
    assert {0: 200, 1: 200, 2: 200} == first


def test_race_starts_two_at_once() -> None:
    assert 2 == rank(Strategy.RACE, candidates("a", "b", "c"), seen()).at_once


def test_fastest_asks_the_fastest_and_tries_another_now_and_then() -> None:
    servers = candidates("a", "b", "c")
    for candidate, seconds in zip(servers, (0.05, 0.01, 0.2), strict=True):
        answered(candidate.health, seconds)
    first = Counter(rank(Strategy.FASTEST, servers, seen(chance)).order[0] for chance in range(400))
    assert (380, 10, 10) == (first[1], first[0], first[2])


def test_fastest_measures_the_unmeasured_first() -> None:
    servers = candidates("a", "b")
    answered(servers[0].health, 0.001)
    assert 1 == rank(Strategy.FASTEST, servers, seen(chance=1)).order[0]


def test_spread_keeps_a_site_with_one_operator_and_hedges_only_there() -> None:
    servers = candidates("north", "south", "north", "south")
    plan = rank(Strategy.SPREAD, servers, seen())
    own = assign(read_name("example.net"), KEY, ["north", "south"])[0]
    assert {own} == {servers[index].operator for index in plan.order[: plan.hedged]}
    assert (2, False) == (plan.hedged, plan.moved)


def test_spread_moves_a_site_only_when_all_its_operators_servers_are_down_and_says_so() -> None:
    own = assign(read_name("example.net"), KEY, ["north", "south"])[0]
    operators = (own, "south" if own == "north" else "north", own)
    assert not rank(Strategy.SPREAD, candidates(*operators, down=(0,)), seen()).moved
    moved = rank(Strategy.SPREAD, candidates(*operators, down=(0, 2)), seen())
    assert (True, 1, 1) == (moved.moved, moved.order[0], moved.hedged)


def test_each_operator_sees_its_share_of_ten_thousand_sites_and_no_more() -> None:
    operators = ["a", "b", "c", "d"]
    shares = Counter(assign(read_name(f"site{n}.example"), KEY, operators)[0] for n in range(10_000))
    assert all(0.23 < shares[operator] / 10_000 < 0.27 for operator in operators)


def test_an_assignment_never_changes_under_the_same_key_and_does_under_another() -> None:
    sites = [read_name(f"site{n}.example") for n in range(200)]
    first = [assign(site, KEY, ["a", "b", "c"]) for site in sites]
    assert first == [assign(site, KEY, ["c", "a", "b"]) for site in sites]
    assert first != [assign(site, bytes(32), ["a", "b", "c"]) for site in sites]


def test_an_operator_that_joins_moves_only_its_own_share() -> None:
    sites = [read_name(f"site{n}.example") for n in range(2_000)]
    before = [assign(site, KEY, ["a", "b", "c"])[0] for site in sites]
    after = [assign(site, KEY, ["a", "b", "c", "d"])[0] for site in sites]
    assert {"d"} == {new for old, new in zip(before, after, strict=True) if old != new}


def test_random_choice_per_query_shows_every_site_to_everybody_and_spread_does_not() -> None:
    """Why `spread` exists: after some weeks of questions, random has shown each operator everything."""
    sites, operators = [read_name(f"site{n}.example") for n in range(300)], ["a", "b", "c"]
    by_random = Counter(
        operator
        for number, _ in enumerate(sites)
        for operator in {
            operators[rank(Strategy.RANDOM, candidates(*operators), seen(7 * number + k)).order[0]] for k in range(30)
        }
    )
    by_spread = Counter(assign(site, KEY, operators)[0] for site in sites)
    assert min(by_random.values()) == 300
    assert max(by_spread.values()) < 130


def test_the_sketch_counts_sites_without_their_names() -> None:
    sketch = SiteSketch(bytes(32))
    for number in range(3_000):
        sketch.add(b"site%d" % (number % 1_000))
    assert 950 < sketch.estimate() < 1_050


def test_a_server_rests_after_two_failures_and_is_probed_by_one_question() -> None:
    health = Health()
    health.began()
    health.failed("timeout", False, NOW)
    assert State.READY is health.state(NOW)
    health.began()
    health.failed("timeout", False, NOW)
    assert State.RESTING is health.state(NOW)
    later = Instant(NOW + FIRST_REST)
    assert State.PROBING is health.state(later)
    health.began()
    assert State.RESTING is health.state(later)
    health.answered_after(Seconds(0.01))
    assert State.READY is health.state(later)


def test_a_lie_makes_it_rest_at_once_and_each_rest_is_longer_up_to_a_minute() -> None:
    health, now, rests = Health(), float(NOW), []
    for _ in range(9):
        health.began()
        health.failed("mismatch", True, Instant(now))
        rest = next(s / 4 for s in range(1, 1000) if health.state(Instant(now + s / 4)) is not State.RESTING)
        rests.append(rest)
        now += rest
    assert [1, 2, 4, 8, 16, 32, 60, 60, 60] == rests
    assert LONGEST_REST == 60


def test_a_server_at_its_budget_counts_as_resting() -> None:
    health = Health()
    for _ in range(BUDGET):
        health.began()
    assert State.RESTING is health.state(NOW)
    health.given_up(Seconds(0), NOW)
    assert State.READY is health.state(NOW)


def test_a_silent_server_whose_questions_others_answer_rests_and_a_merely_slower_one_does_not() -> None:
    silent, slower = Health(), Health()
    for _ in range(LATE_TO_REST):
        assert State.READY is silent.state(NOW)
        for health, waited in ((silent, HEDGE_UNKNOWN), (slower, HEDGE_UNKNOWN - 0.01)):
            health.began()
            health.given_up(Seconds(waited), NOW)
    assert (State.RESTING, State.READY) == (silent.state(NOW), slower.state(NOW))
    assert ({"late": LATE_TO_REST}, {}, 0, 0) == (silent.failures, slower.failures, silent.open, slower.open)


def test_what_was_under_way_when_a_server_began_to_rest_does_not_make_the_rest_longer() -> None:
    health = Health()
    for _ in range(50):
        health.began()
    for _ in range(50):
        health.failed("reset", False, NOW)
    assert State.PROBING is health.state(Instant(NOW + FIRST_REST))


def test_an_answer_during_a_rest_ends_it_and_the_next_rest_is_a_first_one() -> None:
    health = Health()
    for _ in range(2):
        health.began()
        health.failed("mismatch", True, NOW)
        health.began()
        health.answered_after(Seconds(0.01))
        assert State.READY is health.state(NOW)
    health.began()
    health.failed("mismatch", True, NOW)
    assert [State.RESTING, State.PROBING] == [health.state(Instant(NOW + s)) for s in (FIRST_REST / 2, FIRST_REST)]


def test_the_hedge_delay_is_learned_and_bounded() -> None:
    health = Health()
    assert HEDGE_UNKNOWN == health.hedge_delay()
    answered(health, 0.001)
    assert HEDGE_LEAST == health.hedge_delay()
    for _ in range(50):
        answered(health, 3.0)
    assert HEDGE_MOST == health.hedge_delay()


def test_the_longest_suffix_wins_and_a_clients_own_route_before_everybodys() -> None:
    routes = Routes(
        [
            Route(b"\0", -1, 0),
            Route(read_name("corp.example"), -1, 1),
            Route(read_name("corp.example"), 2, 2),
            Route(read_name("lab.corp.example"), 3, 3),
        ]
    )

    def group(name: str, client: int) -> int:
        route = routes.find(read_name(name), client)
        assert route is not None
        return route.upstream_group

    assert [0, 1, 2, 1, 3, 0] == [
        group("example.net", 2),
        group("a.corp.example", 0),
        group("corp.example", 2),
        group("x.lab.corp.example", 1),
        group("x.lab.corp.example", 3),
        group("notcorp.example", 2),
    ]


def test_without_a_route_for_everything_a_name_may_have_none() -> None:
    assert None is Routes([Route(read_name("corp.example"), -1, 0)]).find(read_name("example.net"), 0)
