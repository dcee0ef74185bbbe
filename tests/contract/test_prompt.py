"""What can be asked at once keeps the same promises as what is waited for; nothing that seals or chooses its road first can."""

import asyncio
import os
import socket

import pytest
from kit.coders import QUIC_CODECS, use_quic_codec
from kit.liar import Liar, Lie, answer
from kit.meeting import LOOPS, meet, outcome, query_for, run, soon

from net.quic_codecs import Codec
from privacy.outbound import conceal
from resolver.edge.carrier import TargetRoad
from resolver.edge.upstream import do53
from resolver.edge.upstream.discovered import Discovered
from resolver.edge.upstream.odoh import Odoh
from resolver.edge.upstream.opportunistic import Opportunistic
from resolver.edge.upstream.port import Prompt, Upstream, UpstreamFailed
from resolver.edge.upstream.targetkeys import KeySource
from resolver.edge.upstream.upgrading import Upgrading

QUERY = query_for()
RIGHT = answer(QUERY)[2:]
STREAMS = ["tcp", "tls", "https"]
OVER_QUIC = [f"{scheme} by {codec.value}" for scheme in ("quic", "h3") for codec in QUIC_CODECS]
CANCELLED = {"quic": 0x3, "h3": 0x10C}
loops = pytest.mark.parametrize("loop", LOOPS)


@pytest.fixture
def scheme(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """One of a URL, with the codec of QUIC in force that the parameter says."""
    name: str = request.param
    scheme, _, by = name.partition(" by ")
    if by:
        use_quic_codec(Codec(by), monkeypatch)
    return scheme


def roads(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("scheme", names, indirect=True)


every = roads("udp", *STREAMS, *OVER_QUIC)


async def at_once(upstream: Upstream, query: bytes = QUERY, seconds: float = 5.0) -> bytes | str:
    """As `outcome`, without a task."""
    assert isinstance(upstream, Prompt)
    ended: asyncio.Future[bytes | UpstreamFailed] = asyncio.get_running_loop().create_future()
    assert upstream.begin(query, soon(seconds), ended.set_result) is not None
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
@roads(*STREAMS, *OVER_QUIC)
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


@pytest.mark.parametrize(
    "lies",
    [
        [Lie.NONE],
        [Lie.WRONG_ID],
        [Lie.WRONG_QUESTION],
        [Lie.OTHER_CASE],
        [Lie.TRUNCATED],
        [Lie.MALFORMED_FIRST],
        [Lie.COOKIE, Lie.COOKIE, Lie.NONE],
        [Lie.COOKIE, Lie.BAD_COOKIE],
        [Lie.BAD_COOKIE],
        [Lie.TWICE, Lie.TWICE, Lie.NONE],
    ],
    ids=lambda lies: "-".join(lie.name.lower() for lie in lies),
)
@pytest.mark.parametrize("with_cookie", [True, False], ids=["with a cookie", "without"])
@loops
def test_over_udp_the_same_comes_of_it_whether_it_waits_in_a_task(
    loop: str, lies: list[Lie], with_cookie: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the usual packet hands over is decided as if it had been sent the long way."""
    monkeypatch.setattr(do53, "RESEND_AFTER", (60.0, 60.0))  # however slow this machine is, nothing is sent again

    async def conversation() -> None:
        found = []
        for ask in (at_once, outcome):
            async with Liar("udp", *lies) as liar, meet(liar) as (upstream, counts):
                said = []
                for _ in range(3):
                    query = conceal(QUERY[12:], 0, upstream.channel(), os.urandom) if with_cookie else QUERY
                    said.append(spelled_alike(await ask(upstream, query, seconds=100.0)))
                found.append((said, counts, len(liar.queries), upstream.channel().cookie[8:]))
        assert found[0] == found[1]
        assert all(isinstance(one, bytes) for one in found[0][0])

    run(loop, conversation())


@loops
def test_what_is_late_over_udp_is_asked_again_and_the_first_answer_would_still_do(
    loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(do53, "RESEND_AFTER", (0.02,))

    async def conversation() -> None:
        async with Liar("udp", Lie.LATER, Lie.SILENCE) as liar, meet(liar) as (upstream, _):
            asked = asyncio.ensure_future(at_once(upstream))
            await liar.wait_for(2)
            liar.release()
            assert await asked == RIGHT

    run(loop, conversation())


@loops
def test_an_address_where_nobody_hears_udp_is_unreachable_at_once(loop: str) -> None:
    async def conversation() -> None:
        # Nobody else can have this port meanwhile, and its holder hears somebody else only.
        with socket.socket(type=socket.SOCK_DGRAM) as deaf:
            deaf.bind(("127.0.0.1", 0))
            deaf.connect(("127.0.0.1", 9))
            async with Liar("udp") as liar, meet(liar, port=deaf.getsockname()[1]) as (upstream, _):
                assert await at_once(upstream) == await outcome(upstream, QUERY) == "unreachable"

    run(loop, conversation())


@loops
def test_what_is_under_way_over_udp_fails_when_it_is_closed(loop: str) -> None:
    async def conversation() -> None:
        async with Liar("udp", Lie.SILENCE) as liar, meet(liar) as (upstream, _):
            asked = asyncio.ensure_future(at_once(upstream))
            await liar.wait_for(1)
            await upstream.close()
            assert await asked == "unreachable"

    run(loop, conversation())


def spelled_alike(found: bytes | str) -> bytes | str:
    """Without the letter case that was random, and without what it says of cookies."""
    return found[: len(RIGHT)].lower() if isinstance(found, bytes) else found


@loops
@roads("tcp", "tls", *OVER_QUIC)
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
            assert "timeout" == await at_once(upstream, seconds=0.2)

    run(loop, conversation())


@loops
@every
def test_who_is_told_may_ask_again_before_he_returns(loop: str, scheme: str) -> None:
    async def conversation() -> None:
        async with Liar(scheme) as liar, meet(liar) as (upstream, _):
            assert await outcome(upstream, QUERY) == RIGHT
            assert isinstance(upstream, Prompt)
            told: list[bytes] = []
            done = asyncio.Event()

            def heard(found: bytes | UpstreamFailed) -> None:
                assert isinstance(found, bytes)
                told.append(found[2:])
                if len(told) == 20:
                    done.set()
                elif upstream.begin(QUERY, soon(), heard) is None:
                    pytest.fail("no room where something was answered just now")

            upstream.begin(QUERY, soon(), heard)
            await done.wait()
            assert [RIGHT] * 20 == told

    run(loop, conversation())


@loops
@roads(*OVER_QUIC)
def test_who_gives_up_takes_the_request_back(loop: str, scheme: str) -> None:
    async def conversation() -> None:
        async with Liar(scheme, Lie.NONE, Lie.SILENCE, Lie.NONE) as liar, meet(liar) as (upstream, _):
            assert await outcome(upstream, QUERY) == RIGHT
            assert isinstance(upstream, Prompt)
            give_up = upstream.begin(QUERY, soon(), lambda _: None)
            await liar.wait_for(2)
            assert give_up is not None
            give_up()
            assert await at_once(upstream) == RIGHT
            assert (liar.connects, set(liar.stopped), len(liar.queries)) == (1, {CANCELLED[scheme]}, 3)

    run(loop, conversation())


@roads(*OVER_QUIC)
def test_our_own_mistake_with_one_answer_costs_no_other(scheme: str) -> None:
    async def conversation() -> None:
        mistakes: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: mistakes.append(context["exception"]))
        async with Liar(scheme) as liar, meet(liar) as (upstream, _):
            assert await outcome(upstream, QUERY) == RIGHT
            assert isinstance(upstream, Prompt)
            upstream.begin(QUERY, soon(), lambda _: 1 // 0)
            assert [RIGHT] * 8 == await asyncio.gather(*(at_once(upstream) for _ in range(8)))
        assert [ZeroDivisionError] == [type(one) for one in mistakes]

    run("asyncio", conversation())


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
