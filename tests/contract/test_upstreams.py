"""What every transport promises, whatever its scheme: the port's words, held against a server of ours."""

import asyncio
import socket
import time

import pytest
from kit.coders import QUIC_CODECS, use_codec, use_quic_codec
from kit.liar import Liar, Lie, answer
from kit.meeting import LOOPS, Counts, make_tools, meet, outcome, profile_for, query_for, run, soon

from net import quic, transport
from net.h2_codecs import Codec
from net.opening import open_socket
from resolver.edge.upstream import ENCRYPTED, TRANSPORTS, open_upstream
from resolver.edge.upstream.port import UpstreamFailed, Why
from resolver.settings import Profile

pytestmark = pytest.mark.parametrize("loop", LOOPS)
over_h2 = pytest.param("https", marks=pytest.mark.codec(Codec.H2), id="https-h2")
over_aioquic = [
    pytest.param(scheme, marks=pytest.mark.quic_codec(QUIC_CODECS[0]), id=f"{scheme}-aioquic")
    for scheme in ("quic", "h3")
    if len(QUIC_CODECS) > 1
]
others = [over_h2, *over_aioquic]
"""Beside the same over the codecs that are used by themselves."""
every = pytest.mark.parametrize("scheme", [*TRANSPORTS, *others])
streams = pytest.mark.parametrize("scheme", [*sorted(TRANSPORTS.keys() - {"udp"}), *others])
encrypted = pytest.mark.parametrize("scheme", [*sorted(ENCRYPTED), *others])

QUERY = query_for()
RIGHT = answer(QUERY)[2:]


@pytest.fixture(autouse=True)
def codec(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """That of the mark, if there is one."""
    mark = request.node.get_closest_marker("codec")
    if mark is not None:
        use_codec(mark.args[0], monkeypatch)
    over_quic = request.node.get_closest_marker("quic_codec")
    if over_quic is not None:
        use_quic_codec(over_quic.args[0], monkeypatch)


@every
def test_the_answer_of_an_honest_server_comes_back(loop: str, scheme: str) -> None:
    async def conversation() -> None:
        async with Liar(scheme) as liar, meet(liar) as (upstream, _):
            assert await outcome(upstream, QUERY) == RIGHT

    run(loop, conversation())


@every
def test_the_channel_says_what_the_road_is_worth(loop: str, scheme: str) -> None:
    async def conversation() -> None:
        async with Liar(scheme) as liar, meet(liar) as (upstream, _):
            channel = upstream.channel()
            assert (scheme, scheme in ENCRYPTED) == (channel.kind.value, channel.encrypted)
            assert channel.encrypted == channel.authenticated

    run(loop, conversation())


@streams
def test_a_connection_serves_many_exchanges(loop: str, scheme: str) -> None:
    async def conversation() -> None:
        async with Liar(scheme) as liar, meet(liar) as (upstream, _):
            for _ in range(20):
                assert await outcome(upstream, QUERY) == RIGHT
            assert liar.connects == 1

    run(loop, conversation())


@every
def test_two_hundred_questions_at_once_get_their_own_answers(loop: str, scheme: str) -> None:
    async def conversation() -> None:
        async with Liar(scheme) as liar, meet(liar) as (upstream, _):
            queries = [query_for(f"n{number}.example") for number in range(200)]
            answers = await asyncio.gather(*(outcome(upstream, query) for query in queries))
            assert [answer(query)[2:] for query in queries] == answers
            assert liar.connects <= 4

    run(loop, conversation())


@every
def test_answers_may_come_in_any_order(loop: str, scheme: str) -> None:
    async def conversation() -> None:
        async with Liar(scheme, Lie.LATER) as liar, meet(liar) as (upstream, _):
            queries = [query_for(f"n{number}.example") for number in range(5)]
            pending = [asyncio.ensure_future(outcome(upstream, query)) for query in queries]
            await liar.wait_for(5)
            liar.release()
            assert [answer(query)[2:] for query in queries] == await asyncio.gather(*pending)

    run(loop, conversation())


@every
def test_a_silent_server_costs_no_more_than_the_deadline(loop: str, scheme: str) -> None:
    async def conversation() -> None:
        async with Liar(scheme, Lie.SILENCE) as liar, meet(liar) as (upstream, _):
            begin = time.monotonic()
            assert await outcome(upstream, QUERY, 0.15) == "timeout"
            assert time.monotonic() - begin < 2

    run(loop, conversation())


@every
def test_a_deadline_that_has_passed_is_a_failure_like_any_other(loop: str, scheme: str) -> None:
    async def conversation() -> None:
        async with Liar(scheme) as liar, meet(liar) as (upstream, _):
            assert await outcome(upstream, QUERY, -1.0) == "timeout"
            assert await outcome(upstream, QUERY) == RIGHT

    run(loop, conversation())


@every
def test_a_cancelled_exchange_leaves_the_connection_usable(loop: str, scheme: str) -> None:
    async def conversation() -> None:
        async with Liar(scheme, Lie.LATER, Lie.NONE) as liar, meet(liar) as (upstream, _):
            given_up = asyncio.ensure_future(upstream.exchange(query_for("first.example"), soon()))
            await liar.wait_for(1)
            given_up.cancel()
            with pytest.raises(asyncio.CancelledError):
                await given_up
            liar.release()
            assert await outcome(upstream, QUERY) == RIGHT
            assert liar.connects <= 1

    run(loop, conversation())


@streams
def test_who_is_cancelled_while_connecting_does_not_take_the_others_along(loop: str, scheme: str) -> None:
    async def conversation() -> None:
        async with Liar(scheme) as liar, meet(liar) as (upstream, _):
            first = asyncio.ensure_future(upstream.exchange(QUERY, soon()))
            second = asyncio.ensure_future(outcome(upstream, QUERY))
            await asyncio.sleep(0)
            first.cancel()
            assert await second == RIGHT
            assert (first.cancelled(), liar.connects) == (True, 1)

    run(loop, conversation())


@streams
def test_a_connection_on_which_nothing_is_heard_is_not_used_again(loop: str, scheme: str) -> None:
    async def conversation() -> None:
        async with Liar(scheme, Lie.NONE, Lie.SILENCE, Lie.NONE) as liar, meet(liar) as (upstream, _):
            assert await outcome(upstream, QUERY) == RIGHT
            assert await outcome(upstream, QUERY, 0.1) == "timeout"
            assert await outcome(upstream, QUERY) == RIGHT
            assert liar.connects == 2

    run(loop, conversation())


@streams
@pytest.mark.parametrize("lie", [Lie.RESET, Lie.HALF_CLOSE])
def test_a_connection_that_ends_is_tried_once_more(loop: str, scheme: str, lie: Lie) -> None:
    async def conversation() -> None:
        async with Liar(scheme, lie, Lie.NONE) as liar, meet(liar) as (upstream, counts):
            assert await outcome(upstream, QUERY) == RIGHT
            assert (liar.connects, counts["retry"]) == (2, 1)

    run(loop, conversation())


@streams
@pytest.mark.parametrize("lie", [Lie.RESET, Lie.HALF_CLOSE])
def test_a_server_that_always_ends_the_connection_is_not_stormed(loop: str, scheme: str, lie: Lie) -> None:
    async def conversation() -> None:
        async with Liar(scheme, lie) as liar, meet(liar) as (upstream, counts):
            outcomes = [await outcome(upstream, QUERY) for _ in range(50)]
            assert {"reset", "unreachable"} >= set(outcomes)
            assert liar.connects <= 3
            assert counts["connect"] <= 3

    run(loop, conversation())


@every
def test_a_server_that_is_not_there_fails_at_once_and_is_not_stormed(loop: str, scheme: str) -> None:
    async def conversation() -> None:
        async with Liar(scheme) as liar, meet(liar) as (upstream, counts):
            await liar.stop()
            outcomes = [await outcome(upstream, QUERY) for _ in range(50)]
            assert {"unreachable"} == set(outcomes)
            assert counts["connect"] <= 3

    run(loop, conversation())


@streams
def test_a_connection_never_goes_to_itself(loop: str, scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server of this machine that is gone frees its port, and the kernel may choose it for who asks there."""

    async def conversation() -> None:
        async with Liar(scheme) as liar, meet(liar) as (upstream, _):
            await liar.stop()

            def from_there(family: socket.AddressFamily, kind: socket.SocketKind) -> socket.socket:
                opened = open_socket(family, kind)
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                opened.bind((liar.address, liar.port))
                return opened

            for module in (quic, transport):
                monkeypatch.setattr(module, "open_socket", from_there)
            assert await outcome(upstream, QUERY) == "unreachable"

    run(loop, conversation())


@every
def test_the_next_address_is_tried_when_the_first_is_dead(loop: str, scheme: str) -> None:
    async def conversation() -> None:
        async with Liar(scheme) as liar, meet(liar, addresses=("127.0.0.9", "127.0.0.1")) as (upstream, _):
            assert await outcome(upstream, QUERY) == RIGHT

    run(loop, conversation())


@every
def test_addresses_come_from_the_bootstrap_and_nowhere_else(loop: str, scheme: str) -> None:
    asked = []

    async def lookup(name: str) -> tuple[str, ...]:
        asked.append(name)
        return ("127.0.0.1",) if len(asked) > 1 else ()

    async def conversation() -> None:
        async with Liar(scheme) as liar:
            spec = liar.spec(addresses=(), name="dns.example", bootstrap="other")
            upstream = open_upstream(spec, profile_for(scheme), make_tools(Counts(), lookup))
            assert await outcome(upstream, QUERY) == "no-address"
            assert await outcome(upstream, QUERY) == RIGHT
            assert asked == ["dns.example"] * 2
            await upstream.close()

    run(loop, conversation())


@every
def test_a_name_is_never_looked_up_by_the_system(loop: str, scheme: str) -> None:
    async def conversation() -> None:
        async with Liar(scheme) as liar, meet(liar, addresses=("localhost",)) as (upstream, _):
            assert await outcome(upstream, QUERY) == "unreachable"
            assert liar.queries == []

    run(loop, conversation())


@every
def test_close_ends_everything(loop: str, scheme: str) -> None:
    async def conversation() -> None:
        async with Liar(scheme, Lie.NONE, Lie.SILENCE) as liar, meet(liar) as (upstream, _):
            assert await outcome(upstream, QUERY) == RIGHT
            waiting = asyncio.ensure_future(outcome(upstream, QUERY))
            await liar.wait_for(2)
            await upstream.close()
            assert (await waiting) in {"reset", "unreachable"}
            assert await outcome(upstream, QUERY) == "unreachable"

    run(loop, conversation())


@encrypted
@pytest.mark.parametrize("certificate", ["other-name", "expired", "self-signed", "foreign", "address"])
def test_strict_tells_nothing_to_a_server_that_does_not_prove_its_name(
    loop: str, scheme: str, certificate: str
) -> None:
    async def conversation() -> None:
        async with Liar(scheme, certificate=certificate) as liar, meet(liar) as (upstream, _):
            assert await outcome(upstream, QUERY) == "certificate"
            assert (liar.queries, liar.datagrams) == ([], [])

    run(loop, conversation())


@encrypted
def test_a_literal_address_is_proved_by_the_certificate_too(loop: str, scheme: str) -> None:
    async def conversation() -> None:
        async with Liar(scheme, certificate="address") as liar, meet(liar, name="127.0.0.1") as (upstream, _):
            assert await outcome(upstream, QUERY) == RIGHT

    run(loop, conversation())


@encrypted
@pytest.mark.parametrize("certificate", ["self-signed", "expired"])
def test_a_pin_alone_proves_the_server_whatever_the_date(loop: str, scheme: str, certificate: str) -> None:
    from kit.certificates import identity

    async def conversation() -> None:
        async with Liar(scheme, certificate=certificate) as liar:
            right = identity(certificate).pin
            async with meet(liar, pins=(bytes(32), right), authorities="") as (upstream, _):
                assert await outcome(upstream, QUERY) == RIGHT
            async with meet(liar, pins=(bytes(32),), authorities="") as (upstream, _):
                assert await outcome(upstream, QUERY) == "certificate"
            assert len(liar.queries) == 1

    run(loop, conversation())


@encrypted
def test_a_second_connection_resumes_the_session_of_the_first(loop: str, scheme: str) -> None:
    async def conversation() -> None:
        async with Liar(scheme, Lie.NONE, Lie.HALF_CLOSE, Lie.NONE) as liar, meet(liar) as (upstream, _):
            assert [await outcome(upstream, QUERY) for _ in range(2)] == [RIGHT, RIGHT]
            assert liar.resumed == [False, True]

    run(loop, conversation())


@every
def test_strict_and_clear_exclude_each_other(loop: str, scheme: str) -> None:
    async def conversation() -> None:
        async with Liar(scheme) as liar:
            if scheme in ENCRYPTED:
                await open_upstream(liar.spec(), Profile.STRICT, make_tools(Counts())).close()
            else:
                with pytest.raises(ValueError, match="clear"):
                    open_upstream(liar.spec(), Profile.STRICT, make_tools(Counts()))

    run(loop, conversation())


@every
def test_a_failure_names_nobody(loop: str, scheme: str) -> None:
    async def conversation() -> None:
        async with Liar(scheme) as liar, meet(liar, addresses=("127.0.0.9",)) as (upstream, _):
            with pytest.raises(UpstreamFailed) as failed:
                await upstream.exchange(QUERY, soon())
            assert Why.UNREACHABLE is failed.value.why
            assert "127.0.0" not in str(failed.value)

    run(loop, conversation())
