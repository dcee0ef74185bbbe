"""The acting part: hedging, failing over, sharing flights, stale timers, health; over scripted upstreams, on a real loop."""

import asyncio
import gc
import struct
from collections.abc import Callable

import dns.edns
import dns.message
import dns.rcode
import pytest
from kit import world as scripted
from kit.loops import on_loop
from kit.questions import query_for, response
from kit.world import install, respond, settings, world_of

from net.clock import now as clock
from privacy.memory import Fact
from resolver.cache import answers
from resolver.cache.answers import AnswerMemory, MemoryKey
from resolver.edge import account
from resolver.edge import attempt as attempt_module
from resolver.edge.resolve import Resolver
from resolver.edge.upstream.port import UpstreamFailed, Why
from resolver.servers import LATE_TO_REST, State
from resolver.settings import ResolverSettings, Strategy
from resolver.values import Origin, Query, Reply
from wire.dns.codes import ExtendedError
from wire.dns.names import read_name

Behaviour = Callable[[bytes], object]


@pytest.fixture(autouse=True, params=[False, True], ids=["in a task", "at once"])
def both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Upstreams that have to be waited for, and such as can be asked at once: what comes of it is the same."""
    monkeypatch.setattr(scripted, "PROMPT", request.param)


def honest(query: bytes) -> object:
    return respond(query)


def failing(why: Why) -> Behaviour:
    return lambda query: UpstreamFailed(why)


def lying(query: bytes) -> object:
    from kit.questions import wire_of

    return wire_of("www.bank.example.", "A", "www.bank.example. 300 A 203.0.113.66")


class Waiting:
    """An upstream that answers when `go` is set."""

    def __init__(self) -> None:
        self.go = asyncio.Event()

    def __call__(self, query: bytes) -> object:
        return self.go


class Scene:
    """A resolver over scripted upstreams."""

    def __init__(self, chosen: ResolverSettings, *behaviours: Behaviour) -> None:
        self.world, self.upstreams = world_of(*behaviours)
        self.facts: list[Fact] = []
        self.resolver = Resolver(chosen, self.world, self.facts.append)
        install(self.world, self.upstreams)

    async def ask(self, query: Query | str) -> Reply:
        query = query_for(query) if isinstance(query, str) else query
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self.resolver.ask(query, object(), future.set_result)
        return await future

    def counts(self) -> list[int]:
        return [len(upstream.queries) for upstream in self.upstreams]


def code(reply: Reply) -> ExtendedError | None:
    return None if reply.explanation is None else reply.explanation.code


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


@on_loop
async def test_identical_questions_share_one_exchange() -> None:
    gate = Waiting()
    scene = Scene(settings("a"), gate)
    asked = [asyncio.ensure_future(scene.ask("www.example.")) for _ in range(10)]
    await turns()
    gate.go.set()
    replies = await asyncio.gather(*asked)
    assert ({Origin.UPSTREAM}, [1], 9) == (
        {r.origin for r in replies},
        scene.counts(),
        scene.resolver.counters["shared"],
    )


@on_loop
async def test_a_failing_server_costs_nothing_but_a_turn() -> None:
    scene = Scene(settings("a", "b"), failing(Why.UNREACHABLE), honest)
    assert Origin.UPSTREAM is (await scene.ask("www.example.")).origin
    assert [1, 1] == scene.counts()


@on_loop
async def test_after_two_failures_a_server_rests_and_is_not_asked() -> None:
    scene = Scene(settings("a", "b"), failing(Why.TIMEOUT), honest)
    for number in range(6):
        await scene.ask(f"n{number}.example.")
    assert [2, 6] == scene.counts()
    assert State.RESTING is scene.world.groups[0].servers[0].health.state(clock())


@on_loop
async def test_a_liar_is_not_believed_and_rests_at_once() -> None:
    scene = Scene(settings("a", "b"), lying, honest)
    first, _ = await scene.ask("www.example."), await scene.ask("mail.example.")
    assert ["192.0.2.1"] == [item.to_text() for s in dns.message.from_wire(first.message).answer for item in s]
    assert ([1, 2], 1) == (scene.counts(), scene.world.counters["rejected-mismatch"])


@on_loop
async def test_a_late_server_is_hedged_and_given_up_once_another_answers() -> None:
    gate = Waiting()
    scene = Scene(settings("a", "b"), gate, honest)
    for server in scene.world.groups[0].servers:
        server.health.rtt = 0.001
    assert Origin.UPSTREAM is (await scene.ask("www.example.")).origin
    await turns()
    assert ([1, 1], 1, 1) == (scene.counts(), scene.world.counters["hedged"], scene.upstreams[0].cancelled)
    assert 0 == scene.world.groups[0].servers[0].health.open


@on_loop
async def test_a_silent_server_rests_although_others_answer_every_time_before_its_deadline() -> None:
    scene = Scene(settings("a", "b"), Waiting(), honest)
    for server in scene.world.groups[0].servers:
        server.health.rtt = 0.001
    for number in range(LATE_TO_REST + 3):
        assert Origin.UPSTREAM is (await scene.ask(f"n{number}.example.")).origin
        await turns()
    assert [LATE_TO_REST, LATE_TO_REST + 3] == scene.counts()
    assert ({"late": LATE_TO_REST}, 0) == (lambda health: (health.failures, health.open))(
        scene.world.groups[0].servers[0].health
    )


@on_loop
async def test_race_asks_two_at_once() -> None:
    scene = Scene(settings("a", "b", "c", strategy=Strategy.RACE), honest, honest, honest)
    await scene.ask("www.example.")
    assert 2 == sum(scene.counts())


@pytest.mark.parametrize("why", list(Why))
def test_when_all_fail_the_client_learns_why(why: Why) -> None:
    @on_loop
    async def conversation() -> None:
        scene = Scene(settings("a", "b"), failing(why), failing(why))
        reply = await scene.ask("www.example.")
        assert Origin.FAILURE is reply.origin
        assert "SERVFAIL" == dns.rcode.to_text(dns.message.from_wire(reply.message).rcode())
        assert code(reply) is not None
        assert [1, 1] == scene.counts()

    conversation()


@on_loop
async def test_an_honest_servfail_is_passed_on_and_does_not_count_against_the_server() -> None:
    from kit.questions import wire_of

    scene = Scene(settings("a"), lambda query: wire_of("www.example.", "A", rcode="SERVFAIL"))
    reply = await scene.ask("www.example.")
    assert (Origin.FAILURE, ExtendedError.OTHER) == (reply.origin, code(reply))
    assert State.READY is scene.world.groups[0].servers[0].health.state(clock())


@on_loop
async def test_the_total_deadline_holds_over_all_servers() -> None:
    gates = [Waiting() for _ in range(3)]
    scene = Scene(settings("a", "b", "c", deadline=0.2), *gates)
    start = clock()
    reply = await scene.ask("www.example.")
    assert Origin.FAILURE is reply.origin
    assert clock() - start < 1.0
    assert [1, 1, 1][:1] == scene.counts()[:1]


def let_expire(memory: AnswerMemory, key: MemoryKey) -> None:
    """It was kept so early that it is just over."""
    entry = memory._entries[answers._packed(key)]
    entry.packed = struct.pack("!d", clock() - 1 - entry.open().fresh) + entry.packed[8:]


@on_loop
async def test_a_stale_answer_comes_after_the_client_timer_and_the_question_goes_on() -> None:
    scene = Scene(settings("a", stale_after=0.01), honest)
    key = scene.resolver.memory.key(query_for("www.example."), 0)
    await scene.ask("www.example.")
    let_expire(scene.resolver.memory, key)
    gate = Waiting()
    scene.upstreams[0].behave = gate
    reply = await scene.ask("www.example.")
    assert (Origin.STALE, ExtendedError.STALE_ANSWER, 1) == (reply.origin, code(reply), scene.resolver.open)
    gate.go.set()
    await turns()
    assert (Origin.CACHE, 0) == ((await scene.ask("www.example.")).origin, scene.resolver.open)


def bogus(query: bytes) -> object:
    message = response("www.example.", "A", rcode="SERVFAIL")
    message.use_edns(0, options=[dns.edns.EDEOption(ExtendedError.SIGNATURE_EXPIRED)])
    return message.to_wire()


@pytest.mark.parametrize("behaviours", [(bogus,), (bogus, failing(Why.RESET)), (failing(Why.RESET), bogus)])
def test_no_stale_answer_stands_in_for_one_that_a_validator_refused(behaviours: tuple[Behaviour, ...]) -> None:
    @on_loop
    async def conversation() -> None:
        scene = Scene(settings(*"ab"[: len(behaviours)]), *[honest] * len(behaviours))
        key = scene.resolver.memory.key(query_for("www.example."), 0)
        await scene.ask("www.example.")
        let_expire(scene.resolver.memory, key)
        for upstream, behave in zip(scene.upstreams, behaviours, strict=True):
            upstream.behave = behave
        for reply in (await scene.ask("www.example."), await scene.ask("www.example.")):
            assert (Origin.FAILURE, ExtendedError.DNSSEC_BOGUS) == (reply.origin, code(reply))

    conversation()


@on_loop
async def test_a_refresh_renews_what_is_still_good() -> None:
    scene = Scene(settings("a"), honest)
    await scene.ask("www.example.")
    renewed: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
    scene.resolver.refresh(query_for("www.example."), object(), renewed.set_result)
    assert (Origin.UPSTREAM, [2]) == ((await renewed).origin, scene.counts())


@on_loop
async def test_who_is_gone_gets_nothing_and_the_answer_is_kept_all_the_same() -> None:
    gate = Waiting()
    scene = Scene(settings("a"), gate)
    got: list[Reply] = []
    scene.resolver.ask(query_for("www.example."), "waiter", got.append)
    await turns()
    scene.resolver.cancel("waiter")
    gate.go.set()
    await turns()
    assert ([], Origin.CACHE) == (got, (await scene.ask("www.example.")).origin)


@on_loop
async def test_a_question_of_the_former_generation_is_understood_and_an_older_one_is_not() -> None:
    scene = Scene(settings("a"), honest)
    scene.resolver.use(settings("a", generation=2))
    assert [1, 2] == [(await scene.ask(query_for(f"g{g}.example.", generation=g))).generation for g in (1, 2)]
    assert ExtendedError.NOT_READY is code(await scene.ask(query_for("g9.example.", generation=9)))


@on_loop
async def test_a_reload_keeps_the_servers_that_stay_and_closes_the_others() -> None:
    scene = Scene(settings("a", "b"), honest, honest)
    await scene.ask("www.example.")
    kept, gone = scene.world.groups[0].servers
    scene.resolver.use(settings("a", generation=2))
    await turns()
    assert (kept, True, False) == (scene.world.groups[0].servers[0], gone.upstream.closed, kept.upstream.closed)  # type: ignore[attr-defined]


@on_loop
async def test_answers_survive_a_reload_only_if_the_groups_stay_as_they_are() -> None:
    scene = Scene(settings("a"), honest)
    await scene.ask("www.example.")
    scene.resolver.use(settings("a", generation=2))
    assert 1 == len(scene.resolver.memory)
    scene.resolver.use(settings("a", strategy=Strategy.RANDOM, generation=3))
    assert 0 == len(scene.resolver.memory)


@pytest.mark.parametrize("others", [(), (honest,)], ids=["answered", "late, and answered by another"])
def test_what_was_asked_before_all_was_forgotten_is_given_out_and_not_remembered(others: tuple[Behaviour, ...]) -> None:
    """Its place in the memory may be another group's by now, and what it was believed by may count no more."""

    @on_loop
    async def conversation() -> None:
        gate, hosts = Waiting(), "ab"[: 1 + len(others)]
        scene = Scene(settings(*hosts), gate, *others)
        scene.world.groups[0].servers[0].health.rtt = 0.001
        asked = asyncio.ensure_future(scene.ask("www.example."))
        await turns()
        scene.resolver.use(settings(*hosts, strategy=Strategy.RANDOM, generation=2))
        if not others:
            gate.go.set()
        assert (Origin.UPSTREAM, 0) == ((await asked).origin, len(scene.resolver.memory))

    conversation()


@on_loop
async def test_spread_shows_a_site_to_one_operator_only() -> None:
    scene = Scene(
        settings("north/a", "south/b", "north/c", "south/d", strategy=Strategy.SPREAD), honest, honest, honest, honest
    )
    for site in range(40):
        for host in ("www", "mail", "cdn"):
            await scene.ask(f"{host}.site{site}.example.")
    operators: dict[str, set[str]] = {}
    for server, upstream in zip(scene.world.groups[0].servers, scene.upstreams, strict=True):
        for query in upstream.queries:
            name = dns.message.from_wire(query).question[0].name.to_text()
            operators.setdefault(name.split(".")[1], set()).add(server.spec.operator)
    assert all(len(found) == 1 for found in operators.values())
    assert {"north", "south"} == set.union(*operators.values())


def first_operator(scene: Scene, name: str) -> str:
    order = scene.world.plan(read_name(name), 0).order
    return scene.world.groups[0].servers[order[0]].spec.operator


@pytest.mark.parametrize("trouble", [Waiting, lambda: failing(Why.RESET), lambda: lying])
def test_a_site_moves_when_its_operator_fails_or_is_silent_and_that_is_counted_once(
    trouble: Callable[[], Behaviour], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Long enough that who answers at once does so in time, whatever holds this process up.
    monkeypatch.setattr(attempt_module, "MOVE_AFTER", 0.5)

    @on_loop
    async def conversation() -> None:
        servers = ("north/a", "north/b", "south/c", "south/d")
        broken = trouble()
        scene = Scene(settings(*servers, strategy=Strategy.SPREAD), broken, broken, honest, honest)
        for server in scene.world.groups[0].servers:
            server.health.rtt = 0.001
        site = next(s for s in range(50) if first_operator(scene, f"www.site{s}.example") == "north")
        assert Origin.UPSTREAM is (await scene.ask(f"www.site{site}.example.")).origin
        assert ([1, 1, 1, 0], 1) == (sorted(scene.counts(), reverse=True), scene.world.counters["spread-moved"])

    conversation()


@on_loop
async def test_a_site_whose_operator_answers_in_time_is_shown_to_nobody_else() -> None:
    scene = Scene(settings("north/a", "south/b", strategy=Strategy.SPREAD), Waiting(), Waiting())
    asked = asyncio.ensure_future(scene.ask("www.site1.example."))
    await turns()
    assert 1 == sum(scene.counts())
    for upstream in scene.upstreams:
        upstream.behave.go.set()  # type: ignore[attr-defined]
    assert (Origin.UPSTREAM, 1) == ((await asked).origin, sum(scene.counts()))
    assert 0 == scene.world.counters["spread-moved"]


@on_loop
async def test_status_tells_shares_without_a_name() -> None:
    scene = Scene(settings("north/a", "south/b", strategy=Strategy.SPREAD), honest, honest)
    for site in range(30):
        await scene.ask(f"www.site{site}.example.")
    told = account.status(scene.resolver)
    operators = told["operators"]
    assert isinstance(operators, list)
    assert 30 == sum(row["queries"] for row in operators)
    assert abs(1 - sum(row["site_share"] for row in operators)) < 0.01
    assert "site1" not in str(told)


@on_loop
async def test_an_operator_that_proved_nothing_saw_nothing() -> None:
    scene = Scene(settings("north/a", "south/b"), failing(Why.CERTIFICATE), honest)
    await scene.ask("www.example.")
    operators = account.status(scene.resolver)["operators"]
    assert isinstance(operators, list)
    assert [("south", 1)] == [(row["operator"], row["queries"]) for row in operators]


@on_loop
async def test_explain_sends_nothing_and_names_the_server_that_is_then_asked() -> None:
    scene = Scene(settings("north/a", "south/b", strategy=Strategy.SPREAD), honest, honest)
    told = account.explain(scene.resolver, query_for("www.site1.example."))
    assert [0, 0] == scene.counts()
    order = told["order"]
    assert isinstance(order, list)
    await scene.ask("www.site1.example.")
    asked = next(s for s, u in zip(scene.world.groups[0].servers, scene.upstreams, strict=True) if u.queries)
    assert asked.spec.label == order[0]["upstream"]
    assert "special-names" == account.explain(scene.resolver, query_for("tv.home.arpa."))["rule"]


@on_loop
async def test_dump_and_flush_see_the_same_answers() -> None:
    scene = Scene(settings("a"), honest)
    await scene.ask("www.example.")
    assert ["www.example."] == [line["name"] for line in account.dump(scene.resolver)]
    assert (1, []) == (scene.resolver.memory.flush(read_name("example")), list(account.dump(scene.resolver)))


@on_loop
async def test_our_own_mistake_is_counted_and_the_client_is_told() -> None:
    scene = Scene(settings("a"), honest)
    scene.resolver.memory.store = lambda key, accepted, now: 1 / 0  # type: ignore[method-assign,assignment,return-value]
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
    reply = await scene.ask("www.example.")
    assert (Origin.FAILURE, 1, ["mistake: ZeroDivisionError"]) == (
        reply.origin,
        scene.resolver.counters["mistakes"],
        [fact.text for fact in scene.facts],
    )


@on_loop
async def test_our_own_mistake_before_anybody_was_asked_is_one_question_s_and_not_the_next_one_s() -> None:
    scene = Scene(settings("north/a", "south/b", strategy=Strategy.SPREAD), honest, honest)
    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context.get("exception")))
    site_of, scene.world.site_of = scene.world.site_of, lambda name: bytes(1 // 0)
    assert Origin.FAILURE is (await scene.ask("www.example.")).origin
    scene.world.site_of = site_of
    assert Origin.UPSTREAM is (await scene.ask("www.example.")).origin
    await turns()
    gc.collect()
    assert ([ZeroDivisionError], 0) == ([type(one) for one in told], scene.resolver.open)
