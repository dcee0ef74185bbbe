"""DoH that goes on to HTTP/3 by `Alt-Svc` (RFC 7838): the same proof on both roads, and back where it fails."""

import asyncio
from collections.abc import Callable

import dns.message
import dns.rdatatype
import dns.rrset
import pytest
from kit.liar import Liar, Lie, answer
from kit.meeting import LOOPS, Counts, make_tools, outcome, query_for, run

from privacy.channel import Kind
from resolver.edge.upstream import open_upstream
from resolver.edge.upstream.port import Upstream
from resolver.edge.upstream.upgrading import SHUNNED
from resolver.settings import Profile
from wire.units import Instant

pytestmark = pytest.mark.parametrize("loop", LOOPS)
QUERY = query_for()
RIGHT = answer(QUERY)[2:]


def upgrading(liar: Liar, counts: Counts, clock: list[Instant] | None = None, **changes: object) -> Upstream:
    tools = make_tools(counts) if clock is None else make_tools(counts, clock=lambda: clock[0])
    return open_upstream(liar.spec(**({"http3": True} | changes)), Profile.STRICT, tools)


async def reached(upstream: Upstream) -> None:
    """Until the connection over HTTP/3 has come about, beside a query."""
    async with asyncio.timeout(60):
        while upstream.channel().kind is not Kind.H3:
            await asyncio.sleep(0)


def test_an_offer_is_taken_and_the_next_query_goes_over_http3(loop: str) -> None:
    async def conversation() -> None:
        async with Liar("h3") as there, Liar("https") as liar:
            liar.offer = b'h3=":%d"; ma=60' % there.port
            counts = Counts()
            upstream = upgrading(liar, counts)
            assert await outcome(upstream, QUERY) == RIGHT
            await reached(upstream)
            assert [await outcome(upstream, QUERY) for _ in range(3)] == [RIGHT] * 3
            assert (len(liar.queries), len(there.queries), there.connects) == (1, 3, 1)
            assert (counts["http3-offered"], counts["http3-upgraded"], counts["http3-forgotten"]) == (1, 1, 0)
            assert [dict(request)[b":authority"] for request in there.requests] == [b"dns.example:%d" % liar.port] * 3
            assert upstream.channel().authenticated
            await upstream.close()

    run(loop, conversation())


def record(port: int, target: str = "dns.example.", alpn: str = "h2,h3") -> Callable[[bytes, bool], bytes]:
    """Answers with a server's SVCB record, and everything else as usual."""

    def answers(query: bytes, over_udp: bool) -> bytes:
        wanted = dns.message.from_wire(query)
        if wanted.question[0].rdtype != dns.rdatatype.SVCB:
            return answer(query)
        response = dns.message.make_response(wanted)
        text = f'1 {target} alpn="{alpn}" port={port} dohpath=/dns-query{{?dns}}'
        response.answer.append(dns.rrset.from_text(wanted.question[0].name, 600, "IN", "SVCB", text))
        return response.to_wire()

    return answers


def test_a_server_without_alt_svc_is_asked_for_its_record_once(loop: str) -> None:
    async def conversation() -> None:
        async with Liar("h3") as there, Liar("https") as liar:
            liar.answers = record(there.port)
            counts = Counts()
            upstream = upgrading(liar, counts)
            assert await outcome(upstream, QUERY) == RIGHT
            await reached(upstream)
            assert await outcome(upstream, QUERY) == RIGHT
            asked = [dns.message.from_wire(query).question[0].to_text() for query in liar.queries]
            assert asked == ["www.example. IN A", "_dns.dns.example. IN SVCB"]
            assert len(liar.queries[1]) % 128 == 0  # it is a query like any other
            assert (len(there.queries), counts["http3-upgraded"]) == (1, 1)
            await upstream.close()

    run(loop, conversation())


@pytest.mark.parametrize(("target", "alpn"), [("other.example.", "h3"), ("dns.example.", "h2"), (".", "h3")])
def test_a_record_of_another_host_or_without_http3_is_no_offer(loop: str, target: str, alpn: str) -> None:
    async def conversation() -> None:
        async with Liar("h3") as there, Liar("https") as liar:
            liar.answers = record(there.port, target, alpn)
            upstream = upgrading(liar, Counts())
            for _ in range(2):
                assert await outcome(upstream, QUERY) == RIGHT
                await liar.wait_for(2)
            assert await outcome(upstream, QUERY) == RIGHT
            assert (len(liar.queries), there.connects, upstream.channel().kind) == (4, 0, Kind.HTTPS)
            await upstream.close()

    run(loop, conversation())


def test_without_the_setting_no_offer_is_taken(loop: str) -> None:
    async def conversation() -> None:
        async with Liar("h3") as there, Liar("https") as liar:
            liar.offer = b'h3=":%d"' % there.port
            upstream = upgrading(liar, Counts(), http3=False)
            assert [await outcome(upstream, QUERY) for _ in range(3)] == [RIGHT] * 3
            assert (len(liar.queries), there.connects) == (3, 0)
            await upstream.close()

    run(loop, conversation())


@pytest.mark.parametrize("certificate", ["other-name", "expired", "foreign"])
def test_an_alternative_that_does_not_prove_the_same_name_is_told_nothing(loop: str, certificate: str) -> None:
    async def conversation() -> None:
        async with Liar("h3", certificate=certificate) as there, Liar("https") as liar:
            liar.offer = b'h3=":%d"' % there.port
            counts = Counts()
            upstream = upgrading(liar, counts)
            async with asyncio.timeout(60):
                while not counts["http3-forgotten"]:
                    assert await outcome(upstream, QUERY) == RIGHT
            assert [await outcome(upstream, QUERY) for _ in range(3)] == [RIGHT] * 3
            assert (there.queries, there.connects, counts["http3-forgotten"]) == ([], 1, 1)
            await upstream.close()

    run(loop, conversation())


@pytest.mark.parametrize("lie", [Lie.RESET, Lie.STATUS, Lie.SHORT])
def test_what_fails_over_http3_is_answered_over_http2_and_forgotten_for_a_while(loop: str, lie: Lie) -> None:
    moment = [Instant(1000.0)]

    async def conversation() -> None:
        async with Liar("h3", lie) as there, Liar("https") as liar:
            liar.offer = b'h3=":%d"' % there.port
            counts = Counts()
            upstream = upgrading(liar, counts, moment)
            assert (await upstream.exchange(QUERY, Instant(1005.0)))[2:] == RIGHT
            await reached(upstream)
            heard = [(await upstream.exchange(QUERY, Instant(1005.0)))[2:] for _ in range(3)]
            assert (heard, counts["http3-forgotten"], upstream.channel().kind) == ([RIGHT] * 3, 1, Kind.HTTPS)
            moment[0] = Instant(1001.0 + SHUNNED)
            assert (await upstream.exchange(QUERY, Instant(moment[0] + 5)))[2:] == RIGHT
            await reached(upstream)
            await upstream.close()

    run(loop, conversation())


def test_an_offer_ends_with_its_lifetime_and_when_it_is_taken_back(loop: str) -> None:
    moment = [Instant(1000.0)]

    async def conversation() -> None:
        async with Liar("h3") as there, Liar("https") as liar:
            liar.offer = b'h3=":%d"; ma=60' % there.port
            counts = Counts()
            upstream = upgrading(liar, counts, moment)
            await upstream.exchange(QUERY, Instant(1005.0))
            await reached(upstream)
            moment[0] = Instant(1060.0)
            liar.offer = b"clear"
            for _ in range(3):
                assert (await upstream.exchange(QUERY, Instant(1065.0)))[2:] == RIGHT
            assert (len(liar.queries), upstream.channel().kind, counts["http3-forgotten"]) == (4, Kind.HTTPS, 0)
            await upstream.close()

    run(loop, conversation())
