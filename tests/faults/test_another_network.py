"""This machine comes into another network: nothing links it to the former one, and questions under way are asked again, once."""

import asyncio
import os
from collections import Counter

import pytest
from kit.liar import Liar, Lie
from kit.meeting import LOOPS, Counts, make_tools, profile_for, query_for, run
from kit.world import UNVALIDATED, no_lookup, two_labels

from net.clock import now as clock
from net.tls import TlsFactory
from resolver.edge.iterating import Sockets
from resolver.edge.place import ASKED_AGAIN, PATIENCE, Place
from resolver.edge.resolve import Resolver
from resolver.edge.upstream import ENCRYPTED, TRANSPORTS
from resolver.edge.upstream.port import Tools
from resolver.edge.world import ForwardingWorld
from resolver.iterate.port import Ask, Endpoint, Heard
from resolver.settings import CacheSettings, ResolverSettings, Route, UpstreamGroup
from resolver.values import Query, Reply
from wire.dns.names import read_name
from wire.units import Instant, Seconds

pytestmark = pytest.mark.parametrize("loop", LOOPS)
every = pytest.mark.parametrize("scheme", TRANSPORTS)
RESUMING = ("tls", "https", "quic", "h3")


def resolver_for(liar: Liar) -> Resolver:
    tools = Tools(clock, os.urandom, no_lookup, lambda what: None, TlsFactory())
    group = UpstreamGroup("default", (liar.spec(),), profile=profile_for(liar.scheme))
    settings = ResolverSettings(
        1, ("default",), (group,), (Route(b"\0", -1, 0),), CacheSettings(stale=False), dnssec=UNVALIDATED
    )
    return Resolver(settings, ForwardingWorld(tools, bytes(32), two_labels), lambda fact: None)


def begin(resolver: Resolver, name: str) -> "asyncio.Future[Reply]":
    done: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
    query = Query(read_name(name) + b"\0\1\0\1", 0, 0, 1)
    resolver.ask(query, object(), done.set_result)
    return done


def records(reply: Reply) -> int:
    """How many its answer section has."""
    return int.from_bytes(reply.message[6:8], "big")


async def ask(resolver: Resolver, name: str) -> int:
    """How many records the answer has."""
    return records(await begin(resolver, name))


async def let_go(resolver: Resolver, liar: Liar) -> None:
    """Until the far end has seen the end of every connection."""
    while liar.transports or any(not link.closed for link in links(resolver)):
        await asyncio.sleep(0.01)


def links(resolver: Resolver) -> list[object]:
    (server,) = resolver.world.groups[0].servers
    pool = getattr(server.upstream, "_pool", None)
    return [] if pool is None else pool._members


@pytest.mark.parametrize("scheme", RESUMING)
def test_a_new_connection_resumes_here_and_does_not_elsewhere(loop: str, scheme: str) -> None:
    async def conversation() -> None:
        async with Liar(scheme) as liar:
            resolver = resolver_for(liar)
            assert await ask(resolver, "one.example.") == 1
            for member in list(links(resolver)):
                member.close()  # type: ignore[attr-defined]
            await let_go(resolver, liar)
            assert await ask(resolver, "two.example.") == 1
            assert [False, True] == liar.resumed, "the control: in the same place it is resumed"
            resolver.move()
            resolver.settle()
            assert await ask(resolver, "three.example.") == 1
            assert [False, True, False] == liar.resumed
            await resolver.close()

    run(loop, conversation())


@every
def test_no_connection_goes_along(loop: str, scheme: str) -> None:
    async def conversation() -> None:
        async with Liar(scheme) as liar:
            resolver = resolver_for(liar)
            await ask(resolver, "one.example.")
            before = liar.connects
            resolver.move()
            resolver.settle()
            await ask(resolver, "two.example.")
            assert liar.connects == (0 if scheme == "udp" else before + 1)
            await resolver.close()

    run(loop, conversation())


@every
def test_a_question_under_way_is_asked_again_once(loop: str, scheme: str) -> None:
    async def conversation() -> None:
        async with Liar(scheme, Lie.LATER, Lie.NONE) as liar:
            resolver = resolver_for(liar)
            done = begin(resolver, "one.example.")
            await liar.wait_for(1)
            resolver.move()
            resolver.settle()
            assert records(await done) == 1
            assert (2, 1) == (len(liar.queries), resolver.world.counters[ASKED_AGAIN])
            await resolver.close()

    run(loop, conversation())


def test_it_is_asked_again_when_the_new_network_is_there_and_not_before(loop: str) -> None:
    async def conversation() -> None:
        async with Liar("tls", Lie.LATER, Lie.NONE) as liar:
            resolver = resolver_for(liar)
            done = begin(resolver, "one.example.")
            await liar.wait_for(1)
            resolver.move()
            await asyncio.sleep(0.1)
            assert len(liar.queries) == 1
            resolver.settle()
            assert records(await done) == 1
            await resolver.close()

    run(loop, conversation())


def test_what_failed_in_the_other_network_is_no_fault_here(loop: str) -> None:
    async def conversation() -> None:
        async with Liar("tls", Lie.RESET) as liar:
            resolver = resolver_for(liar)
            for number in range(3):
                assert await ask(resolver, f"n{number}.example.") == 0
            liar.script = [Lie.NONE]
            resolver.move()
            resolver.settle()
            assert await ask(resolver, "n0.example.") == 1
            health = resolver.world.groups[0].servers[0].health
            assert health.state(clock()).value == "ready"
            await resolver.close()

    run(loop, conversation())


@pytest.mark.parametrize("scheme", sorted(ENCRYPTED))
def test_a_session_that_comes_late_over_an_old_connection_is_not_kept(loop: str, scheme: str) -> None:
    """What is known of before is forgotten at once, and what the old connections still bring is not remembered."""

    async def conversation() -> None:
        async with Liar(scheme) as liar:
            resolver = resolver_for(liar)
            await ask(resolver, "one.example.")
            (member,) = links(resolver) or [None]
            resolver.world.tools.tls.forget_sessions()
            if member is not None and scheme not in ("quic", "h3"):
                member.close()  # type: ignore[attr-defined]
                await let_go(resolver, liar)
                await ask(resolver, "two.example.")
                assert [False, False] == liar.resumed[:2]
            await resolver.close()

    run(loop, conversation())


def test_an_iteration_asks_again_too_and_forgets_cookies(loop: str) -> None:
    async def conversation() -> None:
        async with Liar("udp", Lie.LATER, Lie.COOKIE) as liar:
            place, counters = Place(), Counter[str]()
            sockets = Sockets(make_tools(Counts()), counters, place=place)
            endpoint = Endpoint("127.0.0.1", liar.port)
            question = read_name("www.example.") + b"\0\1\0\1"
            until = clock() + 5
            pending = asyncio.ensure_future(
                sockets.ask(Ask(endpoint, read_name("example."), question, Seconds(5.0), until=Instant(until)))
            )
            await liar.wait_for(1)
            place.left()
            former = sockets.move()
            for one in former:
                await one.close()
            place.arrived()
            assert isinstance(await pending, Heard)
            assert (2, 1) == (len(liar.queries), counters[ASKED_AGAIN])
            assert cookie_of(liar.queries[0]) != cookie_of(liar.queries[1])
            await sockets.close()

    run(loop, conversation())


def cookie_of(query: bytes) -> bytes:
    at = len(query_for("www.example")) + 11
    return query[at + 4 : at + 12]


def test_who_waits_for_a_network_does_not_wait_for_ever(loop: str) -> None:
    async def conversation() -> None:
        place = Place()
        assert not await place.is_another(0, Instant(clock() + 5))
        place.left()
        assert not await place.is_another(0, Instant(clock() - 1))
        begun = clock()
        assert not await place.is_another(0, Instant(begun + 0.05))
        assert clock() - begun < PATIENCE / 2

    run(loop, conversation())
