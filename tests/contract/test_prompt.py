"""What can be asked at once keeps the same promises as what is waited for; nothing that seals or chooses its road first can."""

import asyncio

import pytest
from kit.liar import Liar, Lie, answer
from kit.meeting import LOOPS, meet, outcome, query_for, run, soon

from resolver.edge.carrier import TargetRoad
from resolver.edge.upstream.discovered import Discovered
from resolver.edge.upstream.odoh import Odoh
from resolver.edge.upstream.opportunistic import Opportunistic
from resolver.edge.upstream.port import Prompt, Upstream, UpstreamFailed
from resolver.edge.upstream.targetkeys import KeySource
from resolver.edge.upstream.upgrading import Upgrading

QUERY = query_for()
RIGHT = answer(QUERY)[2:]
every = pytest.mark.parametrize("scheme", ["udp", "tcp", "tls", "https", "quic", "h3"])
loops = pytest.mark.parametrize("loop", LOOPS)


async def at_once(upstream: Upstream, seconds: float = 5.0) -> bytes | str:
    """As `outcome`, without a task."""
    assert isinstance(upstream, Prompt)
    ended: asyncio.Future[bytes | UpstreamFailed] = asyncio.get_running_loop().create_future()
    assert upstream.begin(QUERY, soon(seconds), ended.set_result) is not None
    found = await ended
    return found.why.value if isinstance(found, UpstreamFailed) else found[2:]


@loops
@every
def test_many_at_once_are_all_answered(loop: str, scheme: str) -> None:
    async def conversation() -> None:
        async with Liar(scheme) as liar, meet(liar) as (upstream, _):
            assert await outcome(upstream, QUERY) == RIGHT
            assert [RIGHT] * 40 == await asyncio.gather(*(at_once(upstream) for _ in range(40)))

    run(loop, conversation())


@loops
@pytest.mark.parametrize("scheme", ["tcp", "tls", "https", "quic", "h3"])
def test_without_a_connection_it_says_that_it_takes_waiting(loop: str, scheme: str) -> None:
    async def conversation() -> None:
        async with Liar(scheme) as liar, meet(liar) as (upstream, _):
            assert isinstance(upstream, Prompt)
            assert upstream.begin(QUERY, soon(), lambda _: pytest.fail("told all the same")) is None

    run(loop, conversation())


@loops
@pytest.mark.parametrize("lie", [Lie.TRUNCATED, Lie.WRONG_ID])
def test_what_udp_cannot_answer_comes_over_tcp(loop: str, lie: Lie) -> None:
    async def conversation() -> None:
        async with Liar("udp", lie) as liar, meet(liar) as (upstream, _):
            assert await at_once(upstream) == RIGHT

    run(loop, conversation())


@loops
@pytest.mark.parametrize("scheme", ["tcp", "tls", "quic", "h3"])
def test_a_connection_that_is_reset_costs_nobody_his_answer(loop: str, scheme: str) -> None:
    async def conversation() -> None:
        async with Liar(scheme, Lie.NONE, Lie.RESET, Lie.NONE) as liar, meet(liar) as (upstream, counts):
            assert await outcome(upstream, QUERY) == RIGHT
            assert (await at_once(upstream), counts["retry"]) == (RIGHT, 1)

    run(loop, conversation())


@loops
@every
def test_silence_ends_in_time(loop: str, scheme: str) -> None:
    async def conversation() -> None:
        async with Liar(scheme, Lie.NONE, Lie.SILENCE) as liar, meet(liar) as (upstream, _):
            assert await outcome(upstream, QUERY) == RIGHT
            assert "timeout" == await at_once(upstream, 0.2)

    run(loop, conversation())


def test_nobody_waits_for_ever_for_a_response_that_we_cannot_read_by_our_own_mistake() -> None:
    async def conversation() -> None:
        told: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context.get("exception")))
        async with Liar("https") as liar, meet(liar) as (upstream, _):
            assert await outcome(upstream, QUERY) == RIGHT
            upstream._read = lambda response: bytes(1 // 0)  # type: ignore[attr-defined]
            assert "unreachable" == await at_once(upstream)
        assert [ZeroDivisionError] == [type(one) for one in told]

    run("asyncio", conversation())


@loops
def test_a_packet_that_comes_twice_is_no_guess(loop: str) -> None:
    """The socket serves again, and what the network doubles is told from what somebody forges."""

    async def conversation() -> None:
        async with Liar("udp", *[Lie.TWICE] * 20) as liar, meet(liar) as (upstream, counts):
            for _ in range(20):
                assert await at_once(upstream) == RIGHT
            assert 0 == counts["udp-near-miss"]

    run(loop, conversation())


@pytest.mark.parametrize("kind", [Odoh, KeySource, TargetRoad, Opportunistic, Discovered, Upgrading])
def test_what_seals_a_query_or_chooses_its_road_is_not_asked_past_that(kind: type) -> None:
    assert not hasattr(kind, "begin")
