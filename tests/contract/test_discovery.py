"""DDR at a clear upstream: who proves to be the same is asked encrypted, the others are not; a past upgrade is remembered."""

import asyncio
from dataclasses import replace

import dns.message
import dns.rrset
import pytest
from kit.certificates import authority
from kit.liar import Liar, answer
from kit.meeting import LOOPS, Counts, make_tools, query_for, run, soon

from privacy.channel import Channel, Kind
from resolver.designated import MIN_TTL
from resolver.edge.upstream import open_upstream
from resolver.edge.upstream.discovered import DOWNGRADE, Discovered
from resolver.edge.upstream.opportunistic import REMEMBERED
from resolver.edge.upstream.port import Tools, Upstream, UpstreamFailed, Why
from resolver.settings import Profile, UpstreamSpec
from wire.units import Instant

QUERY = query_for()
ALL = [
    ("tls", "dot", ""),
    ("https", "h2", 'key7="/dns-query{?dns}"'),
    ("quic", "doq", ""),
    ("h3", "h3", 'key7="/dns-query{?dns}"'),
]


def offer(*services: str, ttl: int = 300):  # type: ignore[no-untyped-def]
    """What the clear server answers: these SVCB records to who asks for them, else the usual."""

    def answers(query: bytes, _udp: bool) -> bytes:
        message = dns.message.from_wire(query)
        if message.question[0].rdtype != dns.rdatatype.SVCB:
            return answer(query)
        assert message.question[0].name.to_text().lower() == "_dns.resolver.arpa."
        response = dns.message.make_response(message)
        if services:
            response.answer = [dns.rrset.from_text(message.question[0].name, ttl, "IN", "SVCB", *services)]
        return response.to_wire(want_shuffle=False)

    return answers


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(("scheme", "alpn", "more"), ALL)
@pytest.mark.parametrize(("certificate", "proved"), [("address", True), ("good", False)])
def test_the_same_server_is_asked_encrypted_from_the_first_query_on(
    loop: str, scheme: str, alpn: str, more: str, certificate: str, proved: bool
) -> None:
    async def conversation() -> None:
        async with Liar(scheme, certificate=certificate) as there:
            service = f'1 dns.example. alpn="{alpn}" port={there.port} {more}'
            async with Liar("udp", answers=offer(service)) as clear:
                counts = Counts()
                upstream = open_upstream(upgrading(clear), Profile.OPPORTUNISTIC, make_tools(counts))
                assert await asyncio.gather(*(asked(upstream) for _ in range(3))) == ["192.0.2.7"] * 3
                assert (len(clear.queries), len(there.queries)) == (1, 3)
                assert {len(query) for query in there.queries} == {128}
                channel = upstream.channel()
                assert (channel.encrypted, channel.authenticated) == (True, proved)
                assert counts["discovery-upgraded" if proved else "discovery-upgraded-unproved"] == 1
                await upstream.close()

    run(loop, conversation())


def upgrading(clear: Liar) -> UpstreamSpec:
    return replace(clear.spec(), discover=True, authorities=authority().pem)


async def asked(upstream: Upstream) -> str:
    response = dns.message.from_wire(await upstream.exchange(QUERY, soon()))
    return response.answer[0][0].to_text()


@pytest.mark.parametrize("loop", LOOPS)
def test_without_the_setting_nothing_is_discovered(loop: str) -> None:
    async def conversation() -> None:
        async with Liar("udp", answers=offer()) as clear:
            upstream = open_upstream(clear.spec(), Profile.OPPORTUNISTIC, make_tools(Counts()))
            assert await asked(upstream) == "192.0.2.7"
            assert len(clear.queries) == 1
            await upstream.close()

    run(loop, conversation())


# -- with fakes: what is remembered, and what is said of it


class Fake:
    """An upstream over one scheme. `shut` makes it unreachable."""

    def __init__(self, spec: UpstreamSpec, profile: Profile, world: "World") -> None:
        self.spec, self.proved, self.world, self.closed = spec, profile is Profile.STRICT, world, False

    def channel(self) -> Channel:
        encrypted = self.spec.scheme != "udp"
        return Channel(Kind.TLS if encrypted else Kind.UDP, encrypted, encrypted and self.proved)

    async def prepare(self, deadline: Instant) -> None:
        if (self.spec.scheme, self.proved) in self.world.shut:
            raise UpstreamFailed(self.world.why)

    async def exchange(self, query: bytes, deadline: Instant) -> bytes:
        message = dns.message.from_wire(query)
        if message.question[0].rdtype == dns.rdatatype.SVCB:
            self.world.looks += 1
            await asyncio.sleep(0)
            if self.world.silent:
                raise UpstreamFailed(Why.TIMEOUT)
            return offer(*self.world.services)(query, True)
        self.world.asked.append((self.spec.scheme, self.proved and self.spec.scheme != "udp", self.spec.addresses[0]))
        return answer(query)

    async def close(self) -> None:
        self.closed = True


class World:
    def __init__(self, *services: str, address: str = "192.168.1.1") -> None:
        self.services, self.silent, self.looks, self.asked = services, False, 0, []
        self.shut: set[tuple[str, bool]] = set()
        self.why, self.time = Why.UNREACHABLE, Instant(1_000.0)
        self.counts = Counts()
        spec = UpstreamSpec("udp", "", (address,), 53, "isp", discover=True)
        tools: Tools = replace(make_tools(self.counts), now=lambda: self.time)
        schemes = ("udp", "tls", "https")
        self.upstream = Discovered(
            spec, tools, dict.fromkeys(schemes, lambda spec, profile, _: Fake(spec, profile, self))
        )

    async def ask(self, times: int = 1, later: float = 0.0) -> list[tuple[str, bool, str]]:
        self.time = Instant(self.time + later)
        self.asked.clear()
        for _ in range(times):
            await self.upstream.exchange(QUERY, Instant(self.time + 5))
        for _ in range(4):  # a look in the background ends
            await asyncio.sleep(0)
        return list(self.asked)


DOT = "1 dns.isp.example. alpn=dot"
CLEAR, PROVED, UNPROVED = ("udp", False, "192.168.1.1"), ("tls", True, "192.168.1.1"), ("tls", False, "192.168.1.1")


def test_who_offers_nothing_is_asked_again_when_that_runs_out() -> None:
    async def conversation() -> None:
        world = World()
        assert await world.ask(3) == [CLEAR] * 3
        assert world.looks == 1
        world.services = (DOT,)
        assert await world.ask(later=MIN_TTL) == [PROVED]
        assert world.looks == 2

    asyncio.run(conversation())


def test_a_past_upgrade_outlives_an_answer_that_says_otherwise() -> None:
    async def conversation() -> None:
        world = World(DOT)
        assert await world.ask() == [PROVED]
        for silent in (False, True):
            world.services, world.silent = (), silent
            assert await world.ask(2, later=MIN_TTL) == [PROVED] * 2
        assert (world.looks, world.counts["discovery-withheld"], world.counts["discovery-failed"]) == (3, 1, 1)
        assert world.counts[DOWNGRADE] == 0

    asyncio.run(conversation())


def test_a_way_that_is_closed_leads_back_to_clear_text_and_that_is_told_once() -> None:
    async def conversation() -> None:
        world = World(DOT)
        await world.ask()
        world.shut = {("tls", True), ("tls", False)}
        assert await world.ask(3) == [CLEAR] * 3
        assert world.counts[DOWNGRADE] == 1
        world.shut = set()
        assert await world.ask(later=REMEMBERED) == [PROVED]

    asyncio.run(conversation())


def test_a_way_that_never_came_about_is_no_downgrade() -> None:
    async def conversation() -> None:
        world = World(DOT)
        world.shut = {("tls", True), ("tls", False)}
        assert await world.ask() == [CLEAR]
        assert (world.counts[DOWNGRADE], world.counts["discovery-not-reached"]) == (0, 1)

    asyncio.run(conversation())


def test_without_proof_only_a_private_address_will_do_and_only_the_same() -> None:
    async def conversation() -> None:
        for address, service, expected in (
            ("192.168.1.1", DOT, UNPROVED),
            ("192.168.1.1", DOT + " ipv4hint=192.168.1.1", UNPROVED),
            ("192.168.1.1", DOT + " ipv4hint=192.168.1.2", CLEAR),
            ("203.0.113.1", DOT, ("udp", False, "203.0.113.1")),
        ):
            world = World(service, address=address)
            world.shut = {("tls", True)}
            assert await world.ask() == [expected]

    asyncio.run(conversation())


def test_proved_ways_go_to_the_addresses_that_were_named() -> None:
    async def conversation() -> None:
        world = World(DOT + " ipv4hint=198.51.100.1", address="203.0.113.1")
        assert await world.ask() == [("tls", True, "198.51.100.1")]

    asyncio.run(conversation())


def test_a_busy_way_is_no_reason_to_speak_in_clear_text() -> None:
    async def conversation() -> None:
        world = World(DOT)
        world.shut, world.why = {("tls", True)}, Why.BUSY
        with pytest.raises(UpstreamFailed):
            await world.ask()
        assert world.asked == []

    asyncio.run(conversation())


def test_a_changed_offer_replaces_the_ways_and_closing_closes_all() -> None:
    async def conversation() -> None:
        world = World(DOT)
        await world.ask()
        former = list(world.upstream._ways)
        world.services = ('1 dns.isp.example. alpn=h2 key7="/q{?dns}"',)
        await world.ask(later=MIN_TTL)
        assert await world.ask() == [("https", True, "192.168.1.1")]
        assert all(one.closed for one in former)  # type: ignore[attr-defined]
        await world.upstream.close()
        assert all(one.closed for one in world.upstream._ways)  # type: ignore[attr-defined]

    asyncio.run(conversation())


def test_the_same_offer_in_another_order_keeps_the_connections() -> None:
    async def conversation() -> None:
        over_https = '1 dns.isp.example. alpn=h2 key7="/q{?dns}"'
        world = World(DOT, over_https)
        await world.ask()
        former = list(world.upstream._ways)
        world.services = (over_https, DOT)
        await world.ask(later=MIN_TTL)
        assert await world.ask() == [("https", True, "192.168.1.1")]
        assert set(former) == set(world.upstream._ways)
        assert not any(one.closed for one in former)  # type: ignore[attr-defined]

    asyncio.run(conversation())


def test_a_slow_answer_holds_nobody_up_for_long() -> None:
    async def conversation() -> None:
        world = World(DOT)

        async def never(query: bytes, deadline: Instant) -> bytes:
            await asyncio.get_running_loop().create_future()
            return b""

        world.upstream._first.exchange = never  # type: ignore[method-assign]
        await world.upstream.exchange(QUERY, Instant(world.time + 0.01))
        assert world.asked == [CLEAR]
        await world.upstream.close()

    asyncio.run(conversation())
