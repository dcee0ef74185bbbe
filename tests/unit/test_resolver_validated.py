"""Validation among several servers, clients and settings: who is shown a name, and what one question leaves to the next."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from kit import world as scripted
from kit.lies import recursive
from kit.lying import anchored, asked, world
from kit.questions import query_for
from kit.toytree import Tree
from kit.virtual import run_virtually, virtual_now
from kit.world import ScriptedUpstream, install, spec

from privacy.memory import Fact
from resolver.edge import attempt, begun, resolve, sharing
from resolver.edge import world as forwarding
from resolver.edge.resolve import Resolver
from resolver.edge.upstream.port import UpstreamFailed, Why
from resolver.settings import CacheSettings, NegativeTrustAnchor, ResolverSettings, Route, Strategy, UpstreamGroup
from resolver.values import Reply
from wire.dns.names import read_name
from wire.units import Instant

EVERYTHING = (Route(b"\0", -1, 0),)
KEYS = (dns.rdatatype.DS, dns.rdatatype.DNSKEY)
Pause = Callable[[dns.message.Message], float]


@pytest.fixture(autouse=True, params=[False, True], ids=["in a task", "at once"])
def both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Upstreams that have to be waited for, and such as can be asked at once: what comes of it is the same."""
    monkeypatch.setattr(scripted, "PROMPT", request.param)


@pytest.fixture(autouse=True)
def a_clock_that_jumps(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (resolve, forwarding, attempt, begun, sharing):
        monkeypatch.setattr(module, "clock", lambda: Instant(virtual_now()))


class Upstream(ScriptedUpstream):
    """A resolver over the signed toy tree; `private` addresses it has for itself. `asked` tells what for."""

    def __init__(self, tree: Tree, pause: Pause = lambda query: 0.0, private: str = "") -> None:
        super().__init__(lambda query: None)
        self.tree = tree
        self.pause = pause
        self.private = private
        self.asked: list[str] = []

    async def exchange(self, query: bytes, deadline: Instant) -> bytes:
        message = dns.message.from_wire(query)
        (question,) = message.question
        self.asked.append(f"{question.name} {dns.rdatatype.to_text(question.rdtype)}")
        pause = self.pause(message)
        await asyncio.sleep(min(pause, max(deadline - virtual_now(), 0.0)))
        if virtual_now() >= deadline:
            raise UpstreamFailed(Why.TIMEOUT)
        response = recursive(self.tree, message)
        if self.private and question.name.to_text().endswith(self.private):
            response.set_rcode(dns.rcode.NOERROR)
            response.authority = []
            response.answer = [dns.rrset.from_text(question.name, 60, "IN", "A", "10.9.9.9")]
        return response.to_wire(max_size=65_535)


@dataclass
class House:
    resolver: Resolver
    facts: list[Fact] = field(default_factory=list)

    async def ask(self, name: str, group: int = 0) -> tuple[str, list[str], bool]:
        """Code, addresses, AD."""
        return shown(await asked(self.resolver, query_for(name, "A")._replace(group=group)))


def shown(reply: Reply) -> tuple[str, list[str], bool]:
    message = dns.message.from_wire(reply.message)
    addresses = [item.to_text() for rrset in message.answer if rrset.rdtype == dns.rdatatype.A for item in rrset]
    return dns.rcode.to_text(message.rcode()), sorted(addresses), bool(message.flags & dns.flags.AD)


def settings_for(tree: Tree, *groups: tuple[str, ...], routes: tuple[Route, ...] = EVERYTHING) -> ResolverSettings:
    ways = tuple(
        UpstreamGroup("+".join(hosts), tuple(spec(host) for host in hosts), Strategy.FAILOVER) for hosts in groups
    )
    return ResolverSettings(1, ("default", "kids"), ways, routes, CacheSettings(stale=False), dnssec=anchored(tree))


@asynccontextmanager
async def house(settings: ResolverSettings, *upstreams: Upstream) -> AsyncIterator[House]:
    facts: list[Fact] = []
    ways = world()
    resolver = Resolver(settings, ways, facts.append)
    install(ways, list(upstreams))
    try:
        yield House(resolver, facts)
    finally:
        await resolver.close()


SHOP = ("NOERROR", ["192.0.2.80", "192.0.2.81"], True)


def slow(seconds: float, *kinds: int) -> Pause:
    return lambda query: seconds if not kinds or query.question[0].rdtype in kinds else 0.0


def test_who_has_answered_is_not_silent_while_keys_are_looked_for() -> None:
    """Nobody else is shown the name only because its chain of trust takes some questions more."""

    async def conversation() -> None:
        tree = Tree().build()
        first, second = Upstream(tree, slow(0.02)), Upstream(tree)
        async with house(settings_for(tree, ("a", "b")), first, second) as here:
            assert (await here.ask("direct.example."))[2]
            assert SHOP == await here.ask("www.shop.example.")
            assert (await here.ask("www.bank.org."))[2]
        assert [] == second.asked

    run_virtually(conversation())


def test_new_settings_do_not_change_whom_a_question_on_its_way_is_put_to() -> None:
    async def conversation() -> None:
        tree = Tree().build()
        mine, other = Upstream(tree, slow(0.02)), Upstream(tree)
        before = settings_for(tree, ("x",), ("a",), routes=(Route(b"\0", -1, 1),))
        for after in (settings_for(tree, ("a",)), settings_for(tree, ("a",), ("x",))):
            async with house(before, other, mine) as here:
                running = asyncio.ensure_future(here.ask("www.shop.example."))
                await asyncio.sleep(0.01)
                here.resolver.use(replace(after, generation=2))
                assert SHOP == await running
                assert [] == here.facts
        assert [] == other.asked

    run_virtually(conversation())


def test_what_one_question_had_no_time_for_the_next_one_still_gets() -> None:
    async def conversation() -> None:
        tree = Tree().build()
        upstream = Upstream(tree, slow(0.2, *KEYS))
        async with house(settings_for(tree, ("a",)), upstream) as here:
            hasty: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
            here.resolver.ask(query_for("www.shop.example.", "A"), 1, hasty.set_result, patience=0.1)
            # Waits for the same DS, and has the time that the other one has not.
            patient = asyncio.ensure_future(here.ask("alias.shop.example."))
            assert "SERVFAIL" == shown(await hasty)[0]
            assert SHOP == await patient

    run_virtually(conversation())


def test_what_an_alias_of_one_client_group_leads_to_no_other_gets() -> None:
    """The children have the bank at a server of this network, which nobody validates; the others ask in public."""
    bank = ("NOERROR", ["192.0.2.100"], True)
    private = ("NOERROR", ["10.9.9.9"], False)

    async def conversation(first: int) -> None:
        tree = Tree().build()
        routes = (*EVERYTHING, Route(read_name("bank.org"), 1, 1, private=True))
        upstreams = Upstream(tree), Upstream(tree, private="bank.org.")
        async with house(settings_for(tree, ("a",), ("b",), routes=routes), *upstreams) as here:
            for group in (first, 1 - first):
                assert (bank, private)[group] == await here.ask("away.shop.example.", group)

    for first in (0, 1):
        run_virtually(conversation(first))


@pytest.mark.parametrize("way", ["route", "negative anchor"])
def test_a_zone_that_is_not_validated_is_not_denied_by_the_one_above(way: str) -> None:
    """The same server has names of this network, which the zone above, as everybody sees it, does not know."""
    office = read_name("office.example")

    async def conversation() -> None:
        tree = Tree().build(tld=None)
        settings = settings_for(tree, ("a",))
        if way == "route":
            settings = replace(settings, routes=(*EVERYTHING, Route(office, -1, 0, private=True)))
        else:
            negative = (NegativeTrustAnchor(office, "ours"),)
            settings = replace(settings, dnssec=replace(settings.dnssec, negative=negative))
        upstream = Upstream(tree, private="office.example.")
        async with house(settings, upstream) as here:
            for name in ("of.example.", "off.example."):
                assert ("NXDOMAIN", [], True) == await here.ask(name)
            assert ("NOERROR", ["10.9.9.9"], False) == await here.ask("printer.office.example.")
        # From the range of names that are not there, which the first one showed, follows the second.
        assert "off.example. A" not in upstream.asked

    run_virtually(conversation())
